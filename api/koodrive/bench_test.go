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
