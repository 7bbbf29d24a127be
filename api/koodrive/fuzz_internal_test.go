package koodrive

import (
	"encoding/json"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"muster"
)

var inChinese = tongue{newLanguages().chinese}

// refusedWell fails the test unless err is a refusal of the request for its body, in a short sentence.
func refusedWell(t *testing.T, err error) {
	t.Helper()
	var here *refusal
	if !errors.As(err, &here) || here.reply != replyBadParameter {
		t.Fatalf("error %v", err)
	}
	if !utf8.ValidString(err.Error()) || len(err.Error()) > 400 {
		t.Fatalf("message %q", err)
	}
	if said := inChinese.say(here.detail); !isChinese(said) {
		t.Fatalf("%q became %q", here.detail, said)
	}
}

// members reads an object with a library that is more lenient, numbers as they are written.
func members(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var top map[string]any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&top); err != nil {
		t.Fatalf("accepted, and encoding/json says %v", err)
	}
	return top
}

func FuzzPreverifyBody(f *testing.F) {
	for _, seed := range []string{
		`{ "curDeptId": 1575416580416769793, "users": [ { "targetDeptName": "Dept", "personalCapacity": 10, "isAllocateCapacity": true } ] }`,
		`{ "curDeptId": 1575416580416769793 "users": [ { "targetDeptName": "Dept" } ] }`,
		`{"curDeptId":"1","users":[{"personalCapacity":1.5,"isAllocateCapacity":null,"x":[[{}]]},{}]}`,
		`{"users":[{"personalCapacity":-0,"isAllocateCapacity":false,"targetDeptN\u0061me":"\ud83d\ude00/"}],"curDeptId":9223372036854775807}`,
		`{"curDeptId":1e3,"users":[]}`, `{"curDeptId":null,"users":null}`, `{"curDeptId":9223372036854775808,"users":[{}]}`, `[`, "{\"\xff\":1}",
		`{"curDeptId":-1,"users":[{"personalCapacity":99999999999999999999,"isAllocateCapacity":"true","targetDeptName":7}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		base, rows, err := decodeImport(body)
		if err != nil {
			if base != 0 || rows != nil {
				t.Fatalf("department %s and %d rows with an error", base, len(rows))
			}
			refusedWell(t, err)
			return
		}
		top := members(t, body)
		id, isText := top["curDeptId"].(string)
		if !isText {
			number, _ := top["curDeptId"].(json.Number)
			id = number.String()
		}
		if exact, ok := new(big.Int).SetString(id, 10); !ok || exact.String() != base.String() || base < 1 {
			t.Fatalf("department %s of %q", base, id)
		}
		users, _ := top["users"].([]any)
		if len(users) != len(rows) || len(rows) < 1 || len(rows) > maxUsers {
			t.Fatalf("%d rows of %d users", len(rows), len(users))
		}
		for i := range rows {
			user, _ := users[i].(map[string]any)
			checkImported(t, base, &rows[i], user)
		}
	})
}

// checkImported holds a row against its user: either it says exactly what he does, or it has a fault.
func checkImported(t *testing.T, base muster.ID, row *muster.Row, user map[string]any) {
	t.Helper()
	number, _ := user["personalCapacity"].(json.Number)
	capacity, err := strconv.ParseInt(number.String(), 10, 64)
	allocate, isBool := user["isAllocateCapacity"].(bool)
	target, isText := user["targetDeptName"].(string)
	sound := err == nil && isBool && (isText || user["targetDeptName"] == nil)
	if sound != (row.Fault == nil) {
		t.Fatalf("fault %+v of %v", row.Fault, user)
	}
	if row.Department != base || !row.Set.Has(muster.FieldDepartment) {
		t.Fatalf("department %s, want %s", row.Department, base)
	}
	if sound && (row.CapacityGB != capacity || row.Allocate != allocate || row.DepartmentPath != target || !row.Set.Has(muster.FieldCapacity)) {
		t.Fatalf("%+v of %v", row, user)
	}
	if row.Fault != nil {
		if said := inChinese.say(row.Fault.Detail); !isChinese(said) || row.Fault.Field == "" {
			t.Fatalf("%+v became %q", row.Fault, said)
		}
	}
}

func FuzzLoginBody(f *testing.F) {
	for _, seed := range []string{
		`{"account":"0027188460911","authType":"1","password":"123qweASD143"}`, `{"account":"a","authType":1,"password":"p","captchaToken":null}`,
		`{"account":"a","authType":"2","password":"p"}`, `{"account":7,"authType":"1","password":"p"}`, `{"account":"","authType":"1","password":""}`,
		`{"p\u0061ssword":"\ud83d\ude00","account":"\u0000","authType":"1"}`, `{"account":"a","account":"b"}`, `{}`, ``, "{\"\xff\":1}", `{"account":"a" "b"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		account, password, err := decodeLogin(body)
		if err != nil {
			if account != "" || password != "" {
				t.Fatal("what was sent comes back with an error")
			}
			refusedWell(t, err)
			return
		}
		top := members(t, body)
		if top["account"] != account || top["password"] != password || account == "" || password == "" {
			t.Fatalf("%q and %q of %v", account, password, top)
		}
		if way := top["authType"]; way != "1" && way != json.Number("1") {
			t.Fatalf("authType %v", way)
		}
	})
}

// TestRefusalsOfASignInQuoteNothing: the password may stand wherever the body is broken.
func TestRefusalsOfASignInQuoteNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"password":"hunter2"hunter2}`, `{"hunter2":1,"hunter2":2}`, `{"account":"hunter2","password":["hunter2"]}`, `"hunter2"`,
		`{"account":"a","authType":"hunter2","password":"hunter2"}`, `{"account":{"hunter2":1}}`, `{"password":"hunter2`, `{"authType":"1"} hunter2`,
	} {
		_, _, err := decodeLogin([]byte(body))
		if refusedWell(t, err); strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
