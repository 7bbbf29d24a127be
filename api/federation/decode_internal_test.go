package federation

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"muster"
	"muster/api/strictjson"
)

// TestRefusalsQuoteNothing: what is malformed may hold a secret wherever it is broken.
func TestRefusalsQuoteNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"app_key":"k","app_secret":"hunter2"hunter2}`,
		`{"app_key":"k","app_secret":hunter2}`,
		`{"app_key":"k","app_secret":["hunter2"]}`,
		`{"hunter2":1,"hunter2":2}`,
		`"hunter2"`,
		`{"app_secret":"hunter2"}`,
		`{"app_key":"hunter2"}`,
		"{\"hunter2\xff\":1}",
	} {
		_, _, err := decodePair([]byte(body))
		var malformed *strictjson.Error
		if !errors.As(err, &malformed) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestRejectionsAreNotLoggedWithAnAccount: the message is for the caller; the error's text, which may be logged, has the
// code alone.
func TestRejectionsAreNotLoggedWithAnAccount(t *testing.T) {
	t.Parallel()
	l := limitsOf(&muster.FederationProfile{})
	u := sentUser{action: "CREATE", Row: muster.Row{Account: "ada lovelace"}}
	_, err := checkUsers([]sentUser{u}, 1, &l)
	var rejected *rejection
	if !errors.As(err, &rejected) || !strings.Contains(rejected.message, "ada lovelace") || strings.Contains(err.Error(), "ada") {
		t.Errorf("%v: %+v", err, rejected)
	}
}

func malformed(t *testing.T, err error) {
	t.Helper()
	var e *strictjson.Error
	if !errors.As(err, &e) || !utf8.ValidString(e.Detail) || len(e.Detail) > 300 {
		t.Fatalf("%T %q", err, err)
	}
}

func FuzzCreateTask(f *testing.F) {
	for _, seed := range []string{
		`{"federationUserList":[{"action":"CREATE","userAccount":"ada","userName":"Ada","email":"a@b.c","roleIds":["1"]},{"action":"DISABLE","userAccount":"ada"}]}`,
		`{"federationUserList":[{"action":"MODIFY","userAccount":"a","userName":null,"email":"","roleIds":[]}]}`,
		`{"federationUserList":[{"action":"DISABLE","userAccount":"a","roleIds":["-1",2]}]}`,
		`{"federationUserList":null,"x":[[{}]]}`, `{"federationUserList":[` + strings.Repeat("{},", 100) + `{}]}`, `[`, "{\"\xff\":1}",
		`{"federationUserList":[{"user\u004eame":"\ud83d\ude00","action":"CREATE","userAccount":"\u0000"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		users, listed, err := decodeUsers(body)
		if err != nil {
			malformed(t, err)
			return
		}
		var sent map[string]json.RawMessage
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Fatalf("accepted, and encoding/json says %v", err)
		}
		var list []json.RawMessage
		if sent["federationUserList"] != nil {
			if err := json.Unmarshal(sent["federationUserList"], &list); err != nil {
				t.Fatal(err)
			}
		}
		if len(list) != listed || len(users) != min(listed, maxUsers) {
			t.Fatalf("%d users, %d listed, want %d", len(users), listed, len(list))
		}
		l := limitsOf(&muster.FederationProfile{})
		rows, err := checkUsers(users, listed, &l)
		if err != nil {
			var rejected *rejection
			if !errors.As(err, &rejected) || sentences[rejected.code] == "" || !strings.HasPrefix(rejected.message, sentences[rejected.code]) ||
				!utf8.ValidString(rejected.message) || len(rejected.message) > 1000 || rows != nil {
				t.Fatalf("%v, %d rows", err, len(rows))
			}
			return
		}
		for i := range rows {
			checkRow(t, &rows[i])
		}
	})
}

// checkRow holds what every row that gets to the engine keeps to.
func checkRow(t *testing.T, r *muster.Row) {
	t.Helper()
	const all = muster.FieldAccount | muster.FieldDisplayName | muster.FieldEmail | muster.FieldRoles
	allowed, needed := all, muster.FieldAccount
	switch r.Action {
	case muster.ActionCreate:
		needed = muster.FieldAccount | muster.FieldDisplayName | muster.FieldEmail
	case muster.ActionUpdate:
	case muster.ActionDisable:
		allowed = muster.FieldAccount
	default:
		t.Fatalf("action %s", r.Action)
	}
	switch {
	case r.Set&^allowed != 0 || !r.Set.Has(needed):
		t.Fatalf("%s sets %b", r.Action, r.Set)
	case r.Account == "" || len(r.Account) > 50 || strings.ContainsAny(r.Account, " \x00\n\"'<+"):
		t.Fatalf("account %q", r.Account)
	case r.Set.Has(muster.FieldDisplayName) && (r.DisplayName == "" || utf8.RuneCountInString(r.DisplayName) > 20 || strings.ContainsAny(r.DisplayName, nameSpecials+"\x00\n\u202e")):
		t.Fatalf("name %q", r.DisplayName)
	case r.Set.Has(muster.FieldEmail) && (len(r.Email) > 254 || strings.Count(r.Email, "@") < 1 || strings.ContainsAny(r.Email, " \n<,")):
		t.Fatalf("email %q", r.Email)
	case len(r.Roles) > 20 || strings.Trim(strings.Join(r.Roles, ""), "0123456789") != "":
		t.Fatalf("roles %q", r.Roles)
	}
}

func FuzzQueryTask(f *testing.F) {
	for _, seed := range []string{`{"taskId":"1659446191820726274"}`, `{"taskId":""}`, `{"taskId":null,"x":{"taskId":1}}`, `{"taskId":7}`, `{"taskId":"\u0031"} `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		task, err := decodeTask(body)
		if err != nil {
			malformed(t, err)
			return
		}
		var want map[string]any
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted, and encoding/json says %v", err)
		}
		if text, _ := want["taskId"].(string); text != task {
			t.Fatalf("%q of %v", task, want["taskId"])
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, seed := range []string{`{"app_key":"k","app_secret":"s"}`, `{"app_secret":"s"}`, `{"app_key":null,"app_secret":1}`, `{"app_key":"\ud800","app_secret":""}`} {
		f.Add([]byte(seed), "600", `"key"`)
	}
	f.Add([]byte(`{}`), "-1", `"a\"`)
	f.Add([]byte(`{}`), "", `a b`)
	f.Fuzz(func(t *testing.T, body []byte, life, idempotency string) {
		if key, secret, err := decodePair(body); err != nil {
			malformed(t, err)
		} else {
			var want map[string]any
			if err := json.Unmarshal(body, &want); err != nil || want["app_key"] != key || want["app_secret"] != secret || key == "" || secret == "" {
				t.Fatalf("%q and a secret of %d bytes: %v", key, len(secret), err)
			}
		}
		if d, err := tokenLife(http.Header{lifeHeader: {life}}); err == nil && (d < 1e9 || d > 3600e9 || d%1e9 != 0) {
			t.Fatalf("life %s of %q", d, life)
		}
		if key, err := idempotencyKey(http.Header{idempotencyHeader: {idempotency}}); err == nil && (key == "" || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })) {
			t.Fatalf("key %q of %q", key, idempotency)
		}
	})
}
