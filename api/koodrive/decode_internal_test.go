package koodrive

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster"
)

// wireUser is a user as another JSON library writes him.
type wireUser struct {
	FirstName *string `json:"firstname,omitempty"`
	Surname   *string `json:"surname,omitempty"`
	Phone     *string `json:"phone,omitempty"`
	Email     *string `json:"email,omitempty"`
	Password  *string `json:"password,omitempty"`
}

// TestDecodeRowsProperty: what encoding/json writes is read as it was meant.
func TestDecodeRowsProperty(t *testing.T) {
	t.Parallel()
	text := rapid.Ptr(rapid.String().Filter(utf8.ValidString), true)
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wireUser {
			return wireUser{text.Draw(t, "f"), text.Draw(t, "s"), text.Draw(t, "p"), text.Draw(t, "e"), text.Draw(t, "w")}
		}), 1, 20).Draw(t, "users")
		body, err := json.Marshal(map[string]any{"a": users, "userList": users, "z": map[string]any{"userList": 1}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeRows(body)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]muster.Row, len(users))
		for i, u := range users {
			want[i].Action = muster.ActionCreate
			set := func(field muster.FieldSet, to *string, value *string, empty bool) {
				if value != nil && (empty || *value != "") {
					*to = *value
					want[i].Set |= field
				}
			}
			set(muster.FieldFirstName, &want[i].FirstName, u.FirstName, true)
			set(muster.FieldSurname, &want[i].Surname, u.Surname, true)
			set(muster.FieldPhone, &want[i].Phone, u.Phone, true)
			set(muster.FieldEmail, &want[i].Email, u.Email, false)
			set(muster.FieldPassword, &want[i].Password, u.Password, false)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestRefusalsQuoteNothing: a body may hold passwords wherever it is broken.
func TestRefusalsQuoteNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"userList":[{"password":"hunter2"hunter2}]}`,
		`{"userList":[{"hunter2":1,"hunter2":2}]}`,
		`{"userList":["hunter2"]}`,
		`{"userList":"hunter2"}`,
		`{"userList":[{"password":"hunter2`,
		`{"userList":[{"password":hunter2}]}`,
		`"hunter2"`,
		`{"userList":[{}]} hunter2`,
		`{"hunter2":[[[` + strings.Repeat("[", 100),
		"{\"hunter2\xff\":1}",
	} {
		_, err := decodeRows([]byte(body))
		var refused *refusal
		if !errors.As(err, &refused) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestDecodeRowsAllocates holds what the benchmark measured: memory per list, not per row.
func TestDecodeRowsAllocates(t *testing.T) { //nolint:paralleltest // AllocsPerRun refuses to run beside other tests
	body := usersBody(maxUsers)
	if n := testing.AllocsPerRun(10, func() { _, _ = decodeRows(body) }); n > 100 {
		t.Errorf("%.0f allocations for %d users", n, maxUsers)
	}
}

func FuzzCreateBody(f *testing.F) {
	for _, seed := range []string{
		string(usersBody(2)), `{"userList":[{"phone":1.5,"firstname":null,"x":[[{}]]}]}`, `{"userList":[{"phon\u0065":"\ud83d\ude00"}]}`,
		`{"userList":null}`, `[`, "{\"\xff\":1}", `{"userList":[{}],"userList":[]}`, ` {"a":"\"]","userList":[{"email":""}]} `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := decodeRows(body)
		if err != nil {
			var refused *refusal
			if !errors.As(err, &refused) || refused.reply != replyBadParameter || rows != nil {
				t.Fatalf("%d rows and %v", len(rows), err)
			}
			if !utf8.ValidString(err.Error()) || len(err.Error()) > 300 {
				t.Fatalf("message %q", err)
			}
			return
		}
		checkAgainstEncodingJSON(t, body, rows)
	})
}

// checkAgainstEncodingJSON reads an accepted body with a library that is more lenient.
func checkAgainstEncodingJSON(t *testing.T, body []byte, rows []muster.Row) {
	t.Helper()
	var top map[string]json.RawMessage
	var users []map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		t.Fatalf("accepted, and encoding/json says %v", err)
	}
	if err := json.Unmarshal(top["userList"], &users); err != nil || len(users) != len(rows) || len(rows) < 1 || len(rows) > maxUsers {
		t.Fatalf("%d rows of %d users: %v", len(rows), len(users), err)
	}
	for i := range rows {
		r := &rows[i]
		for _, field := range []struct {
			name string
			bit  muster.FieldSet
			got  string
		}{
			{"firstname", muster.FieldFirstName, r.FirstName},
			{"surname", muster.FieldSurname, r.Surname},
			{"phone", muster.FieldPhone, r.Phone},
			{"email", muster.FieldEmail, r.Email},
			{"password", muster.FieldPassword, r.Password},
		} {
			checkField(t, r, field.name, r.Set.Has(field.bit), field.got, users[i][field.name])
		}
	}
}

func checkField(t *testing.T, r *muster.Row, name string, set bool, got string, raw json.RawMessage) {
	t.Helper()
	var want any
	if raw != nil {
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
	}
	text, isText := want.(string)
	number, isNumber := want.(json.Number)
	switch {
	case isText && (set || (text == "" && (name == "email" || name == "password"))):
		if got != text {
			t.Fatalf("%s = %q, want %q", name, got, text)
		}
	case isNumber && set:
		if name != "phone" || got != number.String() {
			t.Fatalf("%s = %q of a number %s", name, got, number)
		}
	case want == nil:
		if set {
			t.Fatalf("%s is null or absent, and set", name)
		}
	case set || r.Fault == nil:
		t.Fatalf("%s is %T: set %v, fault %v", name, want, set, r.Fault)
	}
}
