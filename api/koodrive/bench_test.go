package koodrive

import (
	"fmt"
	"strings"
	"testing"

	"muster"
)

// usersBody is a body of n users with every field.
func usersBody(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"userList":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"firstname":"Adelaide%d","surname":"Hoodless","phone":"00271%08d","email":"a%d@example.test","password":"Q!@1assword%d"}`, i, i, i, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkDecodeRows(b *testing.B) {
	body := usersBody(1000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if rows, err := decodeRows(body); err != nil || len(rows) != 1000 {
			b.Fatal(len(rows), err)
		}
	}
}

func BenchmarkAppendPage(b *testing.B) {
	page := &muster.BatchPage{Batch: muster.Batch{ID: 1 << 60, Total: 2000, Succeeded: 1000, Skipped: 1000}}
	for i := range 1000 {
		o := muster.Outcome{Row: i, ID: muster.ID(1<<60 + i), User: muster.ID(1<<61 + i), Subject: "0027100000001", Result: muster.Succeeded}
		if i%2 == 0 {
			o.Result, o.Reason = muster.Skipped, muster.ReasonExists
		}
		page.Outcomes = append(page.Outcomes, o)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(appendPage(page, tongue{}))))
	}
}

func BenchmarkDecodeImport(b *testing.B) {
	user := `{"targetDeptName":"Sales/North","personalCapacity":10,"isAllocateCapacity":true},`
	body := []byte(`{"curDeptId":1575416580416769793,"users":[` + strings.TrimSuffix(strings.Repeat(user, 1000), ",") + `]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, rows, err := decodeImport(body); err != nil || len(rows) != 1000 {
			b.Fatal(len(rows), err)
		}
	}
}

// BenchmarkVerdicts writes a thousand failures in the language that has to be translated into, half of them by the sentence
// that is stored.
func BenchmarkVerdicts(b *testing.B) {
	outcomes := make([]muster.Outcome, 1000)
	for i := range outcomes {
		outcomes[i] = muster.Outcome{Result: muster.Failed, Reason: muster.ReasonNoDepartment, Detail: "Sales/North"}
		if i%2 == 0 {
			outcomes[i] = muster.Outcome{
				Result: muster.Failed, Reason: muster.ReasonInvalid, Field: "personalCapacity",
				Detail: "It must be from 1 to 1048576 GB where capacity is allocated.",
			}
		}
	}
	chinese := tongue{newLanguages().chinese}
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(appendVerdicts(outcomes, chinese))))
	}
}
