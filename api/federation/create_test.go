package federation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
)

// TestCreateTheDocumentsTask: the document's own request gives its own answer, byte for byte but for layout.
func TestCreateTheDocumentsTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.do(b.request(createPath, documented))
	golden(t, "createTask of the document", dump(t, answer))
	fields := muster.FieldAccount | muster.FieldDisplayName | muster.FieldEmail
	want := []provision.Submission{{
		Tenant: b.tenant.ID, AppID: appKey, ActorLevel: muster.LevelSystemAdmin, Contract: muster.ContractFederation, TraceID: "trace-1",
		Rows: []muster.Row{
			{
				Action: muster.ActionCreate, Set: fields | muster.FieldRoles, Account: "test0616", DisplayName: "test0616name",
				Email: "test0616@huawei.com", Roles: []string{"1672380646005741634"},
			},
			{Action: muster.ActionUpdate, Set: fields, Account: "test0616", DisplayName: "test0616new", Email: "test0616new@huawei.com"},
			{Action: muster.ActionDisable, Set: muster.FieldAccount, Account: "test0616"},
		},
	}}
	if diff := cmp.Diff(want, b.engine.submitted); diff != "" {
		t.Error(diff)
	}
}

// A user in JSON; other makes one of a field.
const (
	goodUser   = `{"action":"CREATE","userAccount":"ada","userName":"Ada","email":"ada@example.org","roleIds":["1"]}`
	modifyUser = `{"action":"MODIFY","userAccount":"ada"}`
)

func users(list ...string) string { return `{"federationUserList":[` + strings.Join(list, ",") + `]}` }

func repeat(user string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = user
	}
	return users(list...)
}

// with gives a user with a field set to a value in JSON; "" takes it out.
func with(user, field, value string) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(user), &fields); err != nil {
		panic(err) // the tests' own users are in order
	}
	fields[field] = json.RawMessage(value)
	if value == "" {
		delete(fields, field)
	}
	out, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func text(n int) string { return `"` + strings.Repeat("x", n) + `"` }

func address(local, total int) string {
	return `"` + strings.Repeat("a", local) + "@" + strings.Repeat("b", total-local-1) + `"`
}

func ids(n int) string {
	return `["` + strings.Join(strings.Split(strings.Repeat("7", n), ""), `","`) + `"]`
}

type createCase struct{ name, code, body string }

// createCases has every code of the table, and everything that comes near one. code "0" is accepted.
func createCases() []createCase {
	disable := `{"action":"DISABLE","userAccount":"ada"}`
	return []createCase{
		{"no list", "100-102", `{}`},
		{"null list", "100-102", `{"federationUserList":null}`},
		{"empty list", "100-102", users()},
		{"100 rows", "0", repeat(goodUser, 100)},
		{"101 rows", "100-103", repeat(goodUser, 101)},
		{"200 rows, the last of them not objects", "100-103", users(append(strings.Split(strings.Repeat(disable+"\n", 100), "\n")[:100], strings.Split(strings.Repeat("7", 100), "")...)...)},

		{"no action", "100-104", users(with(goodUser, "action", ""))},
		{"null action", "100-104", users(with(goodUser, "action", "null"))},
		{"empty action", "100-104", users(with(goodUser, "action", `""`))},
		{"unknown action", "100-104", users(with(goodUser, "action", `"DELETE"`))},
		{"action in lower case", "100-104", users(with(goodUser, "action", `"create"`))},
		{"action with a space", "100-104", users(with(goodUser, "action", `"CREATE "`))},
		{"action's name in capitals", "100-104", users(with(with(goodUser, "action", ""), "Action", `"CREATE"`))},

		{"disable", "0", users(disable)},
		{"disable with null", "0", users(`{"action":"DISABLE","userAccount":"ada","userName":null,"email":null,"roleIds":null}`)},
		{"disable with empty fields", "0", users(`{"action":"DISABLE","userAccount":"ada","userName":"","email":"","roleIds":[]}`)},
		{"disable with userName", "100-203", users(with(disable, "userName", `"Ada"`))},
		{"disable with email", "100-203", users(with(disable, "email", `"ada@example.org"`))},
		{"disable with roleIds", "100-203", users(with(disable, "roleIds", `["1"]`))},
		{"disable with userName, without account", "100-203", users(with(with(disable, "userName", `"Ada"`), "userAccount", ""))},

		{"no account", "100-204", users(with(goodUser, "userAccount", ""))},
		{"null account", "100-204", users(with(modifyUser, "userAccount", "null"))},
		{"empty account", "100-204", users(with(disable, "userAccount", `""`))},
		{"account of one character", "0", users(with(goodUser, "userAccount", text(1)))},
		{"account of 50 characters", "0", users(with(goodUser, "userAccount", text(50)))},
		{"account of 51 characters", "100-205", users(with(goodUser, "userAccount", text(51)))},
		{"account of 10,000 characters", "100-205", users(with(modifyUser, "userAccount", text(10_000)))},
		{"account of all characters", "0", users(with(goodUser, "userAccount", `"azAZ09@.-_"`))},
		{"account with a space", "100-207", users(with(disable, "userAccount", `"a da"`))},
		{"account with space around", "100-207", users(with(disable, "userAccount", `" ada "`))},
		{"account with a plus", "100-207", users(with(goodUser, "userAccount", `"a+da"`))},
		{"account not in ASCII", "100-207", users(with(goodUser, "userAccount", `"ädä"`))},
		{"account with a control character", "100-207", users(with(goodUser, "userAccount", `"a\u0000da"`))},
		{"account that would break out of the message", "100-207", users(with(goodUser, "userAccount", `"\",\"resultCode\":\"0"`))},

		{"no userName", "100-209", users(with(goodUser, "userName", ""))},
		{"null userName", "100-209", users(with(goodUser, "userName", "null"))},
		{"empty userName", "100-209", users(with(goodUser, "userName", `""`))},
		{"blank userName", "100-209", users(with(goodUser, "userName", `" \t"`))},
		{"userName of 20 characters", "0", users(with(goodUser, "userName", `"`+strings.Repeat("字", 20)+`"`))},
		{"userName of 21 characters", "100-213", users(with(goodUser, "userName", text(21)))},
		{"modify with userName of 21 characters", "100-213", users(with(modifyUser, "userName", text(21)))},
		{"userName with a bracket", "100-210", users(with(goodUser, "userName", `"Ada [x]"`))},
		{"modify with userName with a quote", "100-210", users(with(modifyUser, "userName", `"A\"da"`))},
		{"userName with a line break", "100-210", users(with(goodUser, "userName", `"A\nda"`))},
		{"userName with a right-to-left mark", "100-210", users(with(goodUser, "userName", `"A\u202eda"`))},
		{"modify without userName", "0", users(with(modifyUser, "email", `"ada@example.org"`))},
		{"modify with null userName", "0", users(with(modifyUser, "userName", "null"))},
		{"modify with empty userName", "0", users(with(modifyUser, "userName", `""`))},

		{"no email", "100-211", users(with(goodUser, "email", ""))},
		{"null email", "100-211", users(with(goodUser, "email", "null"))},
		{"empty email", "100-211", users(with(goodUser, "email", `""`))},
		{"modify with null email", "0", users(with(modifyUser, "email", "null"))},
		{"modify with empty email", "100-211", users(with(modifyUser, "email", `""`))},
		{"email of 254 characters", "0", users(with(goodUser, "email", address(64, 254)))},
		{"email of 255 characters", "100-214", users(with(goodUser, "email", address(64, 255)))},
		{"email with 65 characters before the at", "100-214", users(with(modifyUser, "email", address(65, 100)))},
		{"email without at", "100-212", users(with(goodUser, "email", `"ada"`))},
		{"email with a display name", "100-212", users(with(goodUser, "email", `"Ada <ada@example.org>"`))},
		{"modify with two addresses", "100-212", users(with(modifyUser, "email", `"a@example.org,b@example.org"`))},
		{"email with a line break", "100-212", users(with(goodUser, "email", `"ada@example.org\r\nBcc: x@y.z"`))},

		{"no roleIds", "0", users(with(goodUser, "roleIds", ""))},
		{"null roleIds", "0", users(with(goodUser, "roleIds", "null"))},
		{"empty roleIds", "0", users(with(goodUser, "roleIds", "[]"))},
		{"modify to no roles", "0", users(with(modifyUser, "roleIds", "[]"))},
		{"20 roleIds", "0", users(with(goodUser, "roleIds", ids(20)))},
		{"21 roleIds", "100-202", users(with(goodUser, "roleIds", ids(21)))},
		{"21 roleIds, none a number", "100-202", users(with(modifyUser, "roleIds", strings.ReplaceAll(ids(21), "7", "x")))},
		{"role id of 40 digits", "0", users(with(goodUser, "roleIds", `["`+strings.Repeat("1", 40)+`"]`))},
		{"role id of 64 digits", "0", users(with(goodUser, "roleIds", `["`+strings.Repeat("1", 64)+`"]`))},
		{"role id of 65 digits", "100-208", users(with(goodUser, "roleIds", `["`+strings.Repeat("1", 65)+`"]`))},
		{"negative role id", "100-208", users(with(goodUser, "roleIds", `["1","-1"]`))},
		{"role id with a fraction", "100-208", users(with(goodUser, "roleIds", `["1.0"]`))},
		{"empty role id", "100-208", users(with(modifyUser, "roleIds", `[""]`))},
		{"role id with a letter", "100-208", users(with(goodUser, "roleIds", `["12x"]`))},
		{"role id in full-width digits", "100-208", users(with(goodUser, "roleIds", `["１２"]`))},

		{"the first row that is wrong wins", "100-211", users(goodUser, with(goodUser, "email", ""), with(goodUser, "action", ""))},
		{"within a row the action wins", "100-104", users(`{"action":"x","userAccount":"","userName":"","email":"","roleIds":["x"]}`)},
		{"then the account", "100-204", users(`{"action":"CREATE","userAccount":"","userName":"","email":"","roleIds":["x"]}`)},
		{"then the userName", "100-209", users(`{"action":"CREATE","userAccount":"ada","userName":"","email":"","roleIds":["x"]}`)},
		{"then the email", "100-211", users(`{"action":"CREATE","userAccount":"ada","userName":"Ada","email":"","roleIds":["x"]}`)},
		{"too long wins over special", "100-213", users(with(goodUser, "userName", `"`+strings.Repeat("(", 21)+`"`))},
		{"the length of the list wins over its rows", "100-103", repeat(with(goodUser, "action", ""), 101)},

		{"list that is an object", "400", `{"federationUserList":{}}`},
		{"list that is a string", "400", `{"federationUserList":"[]"}`},
		{"user that is null", "400", users(goodUser, "null")},
		{"user that is an array", "400", users("[]")},
		{"action that is a number", "400", users(with(goodUser, "action", "1"))},
		{"account that is a number", "400", users(goodUser, with(goodUser, "userAccount", "1"))},
		{"userName that is an object", "400", users(with(goodUser, "userName", "{}"))},
		{"email that is an array", "400", users(with(goodUser, "email", "[]"))},
		{"disable with a userName that is a number", "400", users(with(disable, "userName", "0"))},
		{"roleIds that are a string", "400", users(with(goodUser, "roleIds", `"1"`))},
		{"role id that is a number", "400", users(with(goodUser, "roleIds", `["1",1672380646005741634]`))},
		{"role id that is null", "400", users(with(goodUser, "roleIds", `[null]`))},
		{"unknown fields", "0", `{"x":{"federationUserList":[]},"federationUserList":[` + with(goodUser, "useraccount", "7") + `]}`},

		{"no body", "400", ""},
		{"body that is an array", "400", "[]"},
		{"body that is cut off", "400", users(goodUser)[:40]},
		{"body that is malformed", "400", `{"federationUserList":[{"action":CREATE}]}`},
		{"body with a name twice", "400", users(`{"action":"CREATE","action":"DISABLE"}`)},
		{"body with something after it", "400", users(goodUser) + "{}"},
		{"body that is not UTF-8", "400", users(with(goodUser, "userName", `"x"`))[:40] + "\xff"},
		{"body nested deeply", "400", `{"x":` + strings.Repeat("[", 10_000)},
		{"malformed wins over every code", "400", repeat(with(goodUser, "action", ""), 101) + "}"},
	}
}

// TestCreateCodes sends every case, holds its code, and all answers byte for byte in one file.
func TestCreateCodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all strings.Builder
	seen := map[string]bool{}
	for _, tc := range createCases() {
		before := len(b.engine.submitted)
		status, body := b.send(t, createPath, tc.body)
		fmt.Fprintf(&all, "%s\n\t%d %s\n", tc.name, status, body)
		var answer struct{ ResultCode, ResultMessage, TaskID string }
		must(t, json.Unmarshal([]byte(body), &answer))
		seen[answer.ResultCode] = true
		accepted := tc.code == "0"
		wantStatus := http.StatusOK
		if tc.code == "400" {
			wantStatus = http.StatusBadRequest
		}
		if answer.ResultCode != tc.code || status != wantStatus || (answer.TaskID != "") != accepted || (len(b.engine.submitted) > before) != accepted {
			t.Errorf("%s: %d %s, and %d submitted; want code %s", tc.name, status, body, len(b.engine.submitted)-before, tc.code)
		}
	}
	for _, code := range strings.Fields("102 103 104 202 203 204 205 207 208 209 210 211 212 213 214") {
		if !seen["100-"+code] {
			t.Errorf("no case gives 100-%s", code)
		}
	}
	golden(t, "createTask codes", all.String())
	if b.logs.String() != "" {
		t.Errorf("logged %q", b.logs.String())
	}
}

// TestWhatIsAbsent: null is, and what the contract has so; [] of MODIFY is not, since it takes all roles away.
func TestWhatIsAbsent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const account = muster.FieldAccount
	for user, want := range map[string]muster.FieldSet{
		`{"action":"MODIFY","userAccount":"ada","userName":null,"email":null,"roleIds":null}`: account,
		`{"action":"MODIFY","userAccount":"ada","userName":"","roleIds":[]}`:                  account | muster.FieldRoles,
		`{"action":"MODIFY","userAccount":"ada","email":"a@b.c","roleIds":["1"]}`:             account | muster.FieldEmail | muster.FieldRoles,
		`{"action":"DISABLE","userAccount":"ada","userName":"","email":"","roleIds":[]}`:      account,
		with(goodUser, "roleIds", "null"):                                                     account | muster.FieldDisplayName | muster.FieldEmail,
		with(goodUser, "roleIds", "[]"):                                                       account | muster.FieldDisplayName | muster.FieldEmail | muster.FieldRoles,
	} {
		b.engine.submitted = nil
		if _, body := b.send(t, createPath, users(user)); len(b.engine.submitted) != 1 {
			t.Errorf("%s: %s", user, body)
		} else if got := b.engine.submitted[0].Rows[0].Set; got != want {
			t.Errorf("%s: set %b, want %b", user, got, want)
		}
	}
}

// TestLimitsAreTheTenants: each is a setting.
func TestLimitsAreTheTenants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.profiles.change = func(p *muster.FederationProfile) {
		p.Limits = muster.FederationLimits{Account: 60, UserName: 30, Email: 40, EmailLocal: 10, Roles: 1}
		p.Account.Characters = "+."
	}
	for _, tc := range []createCase{
		{"account", "0", users(with(goodUser, "userAccount", text(60)))},
		{"account", "100-205", users(with(goodUser, "userAccount", text(61)))},
		{"account", "0", users(with(goodUser, "userAccount", `"a+d.a@b-c_d"`))},
		{"account", "100-207", users(with(goodUser, "userAccount", `"a*da"`))},
		{"userName", "0", users(with(goodUser, "userName", text(30)))},
		{"userName", "100-213", users(with(goodUser, "userName", text(31)))},
		{"email", "0", users(with(goodUser, "email", address(10, 40)))},
		{"email", "100-214", users(with(goodUser, "email", address(10, 41)))},
		{"email", "100-214", users(with(goodUser, "email", address(11, 30)))},
		{"roleIds", "0", users(with(goodUser, "roleIds", ids(1)))},
		{"roleIds", "100-202", users(with(goodUser, "roleIds", ids(2)))},
	} {
		if _, body := b.send(t, createPath, tc.body); !strings.HasPrefix(body, `{"resultCode":"`+tc.code+`"`) {
			t.Errorf("%s: %s, want code %s", tc.name, body, tc.code)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const scope = appKey + "\n" + createPath + "\n"
	for _, tc := range []struct {
		values []string
		key    string // "" is a refusal, unless there are no values
	}{
		{nil, ""},
		{[]string{"k"}, "k"},
		{[]string{`"k"`}, "k"},
		{[]string{`"a\"b\\c"`}, `a"b\c`},
		{[]string{"8e03978e-40d5-43dd-bc93-6fa7eeb6a5ea"}, "8e03978e-40d5-43dd-bc93-6fa7eeb6a5ea"},
		{[]string{strings.Repeat("~", 255)}, strings.Repeat("~", 255)},
		{[]string{`"` + strings.Repeat("!", 255) + `"`}, strings.Repeat("!", 255)},
		{[]string{strings.Repeat("k", 256)}, ""},
		{[]string{""}, ""},
		{[]string{`""`}, ""},
		{[]string{`"k`}, ""},
		{[]string{`"k"x`}, ""},
		{[]string{`"k\"`}, ""},
		{[]string{`"k\x"`}, ""},
		{[]string{"a b"}, ""},
		{[]string{"a\tb"}, ""},
		{[]string{"ké"}, ""},
		{[]string{"k", "k"}, ""},
	} {
		b.engine.submitted = nil
		r := b.request(createPath, documented)
		r.Header["Idempotency-Key"] = tc.values
		status, body := read(t, b.do(r))
		refused := tc.key == "" && tc.values != nil
		if refused {
			if status != http.StatusBadRequest || !strings.Contains(body, "Idempotency-Key") || len(b.engine.submitted) != 0 {
				t.Errorf("%q: %d %s", tc.values, status, body)
			}
			continue
		}
		var want *provision.Idempotency
		if tc.key != "" {
			want = &provision.Idempotency{Key: []byte(scope + tc.key), Body: []byte(documented)}
		}
		if status != http.StatusOK || len(b.engine.submitted) != 1 {
			t.Errorf("%q: %d %s", tc.values, status, body)
		} else if diff := cmp.Diff(want, b.engine.submitted[0].Idempotency); diff != "" {
			t.Errorf("%q: %s", tc.values, diff)
		}
	}
}

// TestWhatTheEngineRefuses: every kind of error has its status, and the answer says nothing of our insides.
func TestWhatTheEngineRefuses(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"another body under the key": &muster.Error{Kind: muster.KindConflict, Field: "Idempotency-Key", Detail: "The key came with another body before: send another key."},
		"queue full":                 &muster.Error{Kind: muster.KindOverloaded, Detail: "More than 2000000 rows would be waiting.", RetryAfter: 29500 * time.Millisecond},
		"database locked":            &muster.Error{Kind: muster.KindUnavailable, Detail: "The database cannot be used now: send the request again.", RetryAfter: 5 * time.Second, Err: errors.New("database is locked")},
		"disk full":                  &muster.Error{Kind: muster.KindUnavailable, Detail: "The disk is nearly full."},
		"no tenant":                  &muster.Error{Kind: muster.KindNotFound, Detail: "There is no tenant 42."},
		"trouble":                    fmt.Errorf("write: %w", errors.New("the disk is on fire")),
		"a kind to come":             &muster.Error{Kind: 99, Detail: "Something new."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.engine.err = err
			golden(t, "createTask with "+name, dump(t, b.do(b.request(createPath, documented))))
			ours := name == "no tenant" || name == "trouble" || name == "database locked" || name == "a kind to come"
			if logged := b.logs.String(); (logged != "") != ours || ours && !strings.Contains(logged, "trace=trace-1") {
				t.Errorf("logged %q", logged)
			}
		})
	}
	b := setup(t)
	b.profiles.err = errors.New("the disk is on fire")
	if status, body := b.send(t, createPath, documented); status != http.StatusInternalServerError || strings.Contains(body, "fire") {
		t.Errorf("%d %s", status, body)
	}
}
