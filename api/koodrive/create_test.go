package koodrive_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
)

// TestCreateSubmitsWhatWasSent holds the submission of the document's own example.
func TestCreateSubmitsWhatWasSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{
"userList" : [ {
"firstname" : "1204",
"surname" : "1204",
"phone" : "1884609076404",
"email" : "1024@12.com",
"password" : "Q!@1assword"
}, {
"firstname" : "1205",
"phone" : 1884609076405,
"email" : "",
"password" : null
} ]
}`
	golden(t, "create", b.do(b.request(t, http.MethodPost, createPath, body)))
	if len(b.engine.submitted) != 1 {
		t.Fatalf("%d submissions, want 1", len(b.engine.submitted))
	}
	got := b.engine.submitted[0]
	if !strings.HasPrefix(string(got.Replay), appID+"\nHMAC-SHA256\n") {
		t.Errorf("Replay = %q", got.Replay)
	}
	got.Replay = nil
	want := provision.Submission{
		Tenant: b.tenant.ID, AppID: appID, Actor: user, ActorLevel: muster.LevelSystemAdmin, Contract: muster.ContractKooDrive, TraceID: trace,
		Rows: []muster.Row{
			{
				Action:    muster.ActionCreate,
				Set:       muster.FieldFirstName | muster.FieldSurname | muster.FieldPhone | muster.FieldEmail | muster.FieldPassword,
				FirstName: "1204", Surname: "1204", Phone: "1884609076404", Email: "1024@12.com", Password: "Q!@1assword",
			},
			{Action: muster.ActionCreate, Set: muster.FieldFirstName | muster.FieldPhone, FirstName: "1205", Phone: "1884609076405"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCreateAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		err    error
		header [2]string
		logged string
	}{
		{name: "create in Chinese", header: [2]string{"language", "zh-CN"}},
		{name: "create overloaded", err: &muster.Error{Kind: muster.KindOverloaded, Detail: "the tenant has too many rows queued", RetryAfter: 1500 * time.Millisecond}},
		{name: "create unavailable", err: &muster.Error{Kind: muster.KindUnavailable, Detail: "The disk is nearly full.", Err: errors.New("statfs")}, logged: "statfs"},
		{name: "create unavailable in Chinese", err: &muster.Error{Kind: muster.KindUnavailable, RetryAfter: time.Minute}, header: [2]string{"language", "zh-CN"}},
		{name: "create refused repeat", err: &muster.Error{Kind: muster.KindUnauthenticated, Detail: "this very request was accepted before; sign it anew"}},
		{name: "create refused field", err: &muster.Error{Kind: muster.KindInvalid, Field: "userList", Detail: "there is something wrong"}},
		{name: "create conflict", err: &muster.Error{Kind: muster.KindConflict, Detail: "it is there"}},
		{name: "create broken", err: errors.New("the database's own words"), logged: "the database's own words"},
		{name: "create broken inside", err: &muster.Error{Detail: "of the master key's own"}, logged: "of the master key's own"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.engine.err = tc.err
			r := b.request(t, http.MethodPost, createPath, oneUser)
			if tc.header[0] != "" {
				r.Header.Set(tc.header[0], tc.header[1])
			}
			golden(t, tc.name, b.do(r))
			logs := b.logs.String()
			if tc.logged == "" && logs != "" {
				t.Errorf("logged: %s", logs)
			}
			if n := strings.Count(logs, "\n"); tc.logged != "" && (n != 1 || !strings.Contains(logs, tc.logged) || !strings.Contains(logs, trace)) {
				t.Errorf("want one line with the cause and the trace id: %s", logs)
			}
			if strings.Contains(logs, "0027100000001") {
				t.Errorf("the log has a phone: %s", logs)
			}
		})
	}
}

// TestCreateRefusesTheWholeRequest is the list of what makes a body no well-formed request (section 1, "decided").
func TestCreateRefusesTheWholeRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	deep := strings.Repeat("[", 100_000)
	user := `{"firstname":"A","phone":"0027100000001"}`
	for _, tc := range []struct{ name, body string }{
		{"body empty", ""},
		{"body of spaces", " \n"},
		{"body malformed", `{"userList":[{"firstname":"A" "phone":"1"}]}`},
		{"body in single quotes", `{'userList':[]}`},
		{"body with a trailing comma", `{"userList":[` + user + `,]}`},
		{"body with a comment", `{"userList":[` + user + `] /* all */}`},
		{"body truncated", `{"userList":[` + user + `,{"firstname":"B","pho`},
		{"body with a byte order mark", "\ufeff" + oneUser},
		{"body deeply nested", deep},
		{"body deeply nested in a user", `{"userList":[` + user + `,{"x":` + deep},
		{"body deeply nested in a field", `{"userList":[{"phone":` + deep},
		{"body with a name twice", `{"userList":[` + user + `],"userList":[` + user + `]}`},
		{"user with a name twice", `{"userList":[` + user + `,{"firstname":"A","phone":"1","phone":"2"}]}`},
		{"user with a name twice by escape", `{"userList":[{"phone":"1","phon\u0065":"2"}]}`},
		{"unknown field with a name twice", `{"x":{"y":1,"y":2},"userList":[` + user + `]}`},
		{"body not in UTF-8", "{\"userList\":[{\"firstname\":\"A\xff\",\"phone\":\"1\"}]}"},
		{"body in UTF-16", "{\x00\"\x00u\x00s\x00e\x00r\x00"},
		{"body with half a surrogate pair", `{"userList":[{"firstname":"\ud800","phone":"1"}]}`},
		{"body with a raw control character", "{\"userList\":[{\"firstname\":\"A\x01\",\"phone\":\"1\"}]}"},
		{"body with something after it", oneUser + ` {}`},
		{"body with junk after it", oneUser + `x`},
		{"body null", `null`},
		{"body a list", `[` + user + `]`},
		{"userList missing", `{"userlist":[` + user + `]}`},
		{"userList null", `{"userList":null}`},
		{"userList empty", `{"userList":[]}`},
		{"userList an object", `{"userList":{"0":` + user + `}}`},
		{"userList a string", `{"userList":"[]"}`},
		{"userList with a string", `{"userList":[` + user + `,"0027100000002"]}`},
		{"userList with a list", `{"userList":[[` + user + `]]}`},
		{"userList with null", `{"userList":[null]}`},
		{"userList of 1001", `{"userList":[` + strings.Repeat(user+",", 1000) + user + `]}`},
		{"userList of 1001 and broken after", `{"userList":[` + strings.Repeat(user+",", 1000) + user + `,{{{{`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			answer := b.do(b.request(t, http.MethodPost, createPath, tc.body))
			golden(t, tc.name, answer)
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status = %d, want 400", answer.StatusCode)
			}
		})
	}
	t.Cleanup(func() {
		if len(b.engine.submitted) != 0 || b.logs.String() != "" {
			t.Errorf("refused requests: %d submitted, logged %q", len(b.engine.submitted), b.logs.String())
		}
	})
}

func TestCreateTakesOneToAThousandUsers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 1000} {
		b := setup(t)
		body := `{"userList":[` + strings.Repeat(`{"phone":"1"},`, n-1) + `{"phone":"2"}]}`
		if answer := b.do(b.request(t, http.MethodPost, createPath, body)); answer.StatusCode != http.StatusOK {
			t.Fatalf("%d users: status %d", n, answer.StatusCode)
		}
		rows := b.engine.submitted[0].Rows
		if len(rows) != n || rows[n-1].Phone != "2" {
			t.Errorf("%d users became %d rows", n, len(rows))
		}
	}
}

// TestCreateFailsRowsAlone is the list of what fails on its own row: wrong types here, the rest in the engine.
func TestCreateFailsRowsAlone(t *testing.T) {
	t.Parallel()
	const notText = " must be a string."
	const notPhone = "phone must be a string or an integer without sign, fraction and exponent."
	invalid := func(field, detail string) *muster.Fault {
		return &muster.Fault{Reason: muster.ReasonInvalid, Field: field, Detail: detail}
	}
	long := strings.Repeat("n", 10_000)
	name, phone := muster.FieldFirstName, muster.FieldPhone
	for _, tc := range []struct {
		name, user string
		want       muster.Row
	}{
		{"nothing", `{}`, muster.Row{}},
		{"all null", `{"firstname":null,"surname":null,"phone":null,"email":null,"password":null}`, muster.Row{}},
		{"empty strings", `{"firstname":"","surname":"","phone":"","email":"","password":""}`, muster.Row{Set: name | muster.FieldSurname | phone}},
		{"names in another case", `{"Firstname":"A","PHONE":"1"}`, muster.Row{}},
		{"unknown fields", `{"phone":"1","role":{"a":[1,{"b":null}]},"x":1e999}`, muster.Row{Set: phone, Phone: "1"}},
		{"escapes", `{"f\u0069rstname":"\u0041\n\ud83d\ude00\\","phone":"\u0031"}`, muster.Row{Set: name | phone, FirstName: "A\n😀\\", Phone: "1"}},
		{"a number as name", `{"firstname":1204,"phone":"1"}`, muster.Row{Set: phone, Phone: "1", Fault: invalid("firstname", "firstname"+notText)}},
		{"true as surname", `{"surname":true}`, muster.Row{Fault: invalid("surname", "surname"+notText)}},
		{"an object as email", `{"email":{"x":"y"},"phone":"1"}`, muster.Row{Set: phone, Phone: "1", Fault: invalid("email", "email"+notText)}},
		{"a list as password", `{"password":["a","b"]}`, muster.Row{Fault: invalid("password", "password"+notText)}},
		{"two wrong types", `{"password":false,"email":0}`, muster.Row{Fault: invalid("password", "password"+notText)}},
		{"an integer as phone", `{"phone":27100000001}`, muster.Row{Set: phone, Phone: "27100000001"}},
		{"a long integer as phone", `{"phone":12345678901234567890123}`, muster.Row{Set: phone, Phone: "12345678901234567890123"}},
		{"a negative phone", `{"phone":-27100000001}`, muster.Row{Fault: invalid("phone", notPhone)}},
		{"a phone with exponent", `{"phone":1.88E+12}`, muster.Row{Fault: invalid("phone", notPhone)}},
		{"a phone with fraction", `{"phone":12.0}`, muster.Row{Fault: invalid("phone", notPhone)}},
		{"false as phone", `{"phone":false,"firstname":"A"}`, muster.Row{Set: name, FirstName: "A", Fault: invalid("phone", notPhone)}},
		{"control characters", `{"firstname":"a\u0000\u001b[31m","phone":"1\r\n"}`, muster.Row{Set: name | phone, FirstName: "a\x00\x1b[31m", Phone: "1\r\n"}},
		{"text-direction marks", "{\"firstname\":\"\u202etset\",\"phone\":\"\u200f1\"}", muster.Row{Set: name | phone, FirstName: "\u202etset", Phone: "\u200f1"}},
		{"a name of 10,000 characters", `{"firstname":"` + long + `"}`, muster.Row{Set: name, FirstName: long}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			body := `{"userList":[{"phone":"before"},` + tc.user + `,{"phone":"after"}],"x":[{}]}`
			if answer := b.do(b.request(t, http.MethodPost, createPath, body)); answer.StatusCode != http.StatusOK {
				t.Fatal(dump(t, answer))
			}
			tc.want.Action = muster.ActionCreate
			want := []muster.Row{
				{Action: muster.ActionCreate, Set: phone, Phone: "before"}, tc.want, {Action: muster.ActionCreate, Set: phone, Phone: "after"},
			}
			if diff := cmp.Diff(want, b.engine.submitted[0].Rows); diff != "" {
				t.Error(diff)
			}
		})
	}
}
