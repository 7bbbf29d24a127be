package koodrive_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
)

// TestBearerTokens: what Authorization may be, and what it may not.
func TestBearerTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.administrator(t, b.tenant, muster.LevelSystemAdmin, 0)
	application := b.applicationToken(t)
	for _, value := range []string{
		"Bearer+" + token, "Bearer " + token, "AT " + token, "AT+" + token, "bearer " + token, "BEARER   " + token,
		"Bearer+AT " + token, "Bearer AT " + token, "Bearer+AT+" + token, "Bearer " + application, "Bearer+" + application,
	} {
		if answer := b.ask(t, "", http.MethodGet, prefix+"/departmentList", "", setHeader("Authorization", value)); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", strings.ReplaceAll(value, token, "<token>"), dump(t, answer))
		}
	}
	for _, value := range []string{
		token, "Bearer" + token, "Bearer-" + token, "Bearer: " + token, "Basic " + token, "AT", "AT ", "Bearer", "Bearer ", "Bearer+", "Bearer++" + token,
		"Bearer\t" + token, "Bearer " + token + " x", "Bearer AT Bearer " + token, "AT AT " + token, `Bearer "` + token + `"`,
		"Bearer " + strings.ToUpper(token), "Bearer " + token[1:], "Bearer " + strings.Repeat("a", 300), "Bearer é", "HMAC-SHA256 AppId=x",
	} {
		answer := b.ask(t, "", http.MethodGet, prefix+"/departmentList", "", setHeader("Authorization", value))
		if body := text(t, answer); answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(body, `{"code":401,`) || strings.Contains(body, token[1:]) ||
			answer.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d %s", strings.ReplaceAll(value, token, "<token>"), answer.StatusCode, body)
		}
	}
	golden(t, "bearer missing", b.ask(t, "", http.MethodGet, infoPath, ""))
	golden(t, "bearer missing in Chinese", b.ask(t, "", http.MethodGet, infoPath, "", setHeader("language", "zh-CN")))
	golden(t, "bearer twice", b.ask(t, token, http.MethodGet, infoPath, "", func(r *http.Request) { r.Header.Add("Authorization", "AT "+token) }))
	golden(t, "bearer of another kind", b.ask(t, "", http.MethodGet, infoPath, "", setHeader("Authorization", "Basic YTpi")))
	golden(t, "bearer unknown", b.ask(t, strings.Repeat("0", 48), http.MethodGet, infoPath, ""))
	golden(t, "bearer unknown in Chinese", b.ask(t, strings.Repeat("0", 48), http.MethodGet, infoPath, "", setHeader("language", "zh-CN")))
}

// TestTokensThatEnded: expired, of another tenant than is named, of a user who is disabled or was changed, of an application
// that is disabled, and a refresh token, are as unknown as any other.
func TestTokensThatEnded(t *testing.T) {
	t.Parallel()
	c := &clock{now: now}
	b := setupAt(t, c.Now)
	stranger, _ := b.addTenant(t, "second", "other-client")
	u := ada
	u.Level = muster.LevelSystemAdmin
	b.addUser(t, b.tenant, u)
	token := func() string { return b.signIn(t, b.tenant, "ada.l") }
	change := func(e muster.Entry) {
		t.Helper()
		e.Match, e.Actor, e.User.ID = muster.KeyID, muster.LevelSystemAdmin, u.ID
		outcome, err := b.direct().Change(t.Context(), b.tenant.ID, e)
		must(t, err)
		if outcome.Result != muster.Succeeded {
			t.Fatalf("outcome = %+v", outcome)
		}
	}
	for name, end := range map[string]func() (token string, change []func(*http.Request)){
		"expired": func() (string, []func(*http.Request)) {
			token := token()
			c.Advance(30 * time.Minute)
			return token, nil
		},
		"of another tenant": func() (string, []func(*http.Request)) {
			return token(), []func(*http.Request){setHeader("X-Tenant-Id", stranger.ID.String())}
		},
		"of a user whose level changed": func() (string, []func(*http.Request)) {
			token := token()
			change(muster.Entry{Action: muster.ActionUpdate, Set: muster.FieldLevel, User: muster.User{Level: muster.LevelCommon}})
			return token, nil
		},
		"of a user who was disabled and enabled": func() (string, []func(*http.Request)) {
			token := token()
			change(muster.Entry{Action: muster.ActionDisable})
			change(muster.Entry{Action: muster.ActionEnable})
			return token, nil
		},
		"to refresh": func() (string, []func(*http.Request)) {
			s := sessionOf(t, b.login(t, credentials("ada.l", rightPassword), setHeader("X-Tenant-Id", b.tenant.ID.String())))
			return s.RefreshToken, nil
		},
		"of a disabled application": func() (string, []func(*http.Request)) {
			token := b.applicationToken(t)
			_, err := b.access.ChangeCredential(t.Context(), b.tenant.ID, appID, access.CredentialChange{Disabled: new(true)})
			must(t, err)
			return token, nil
		},
	} {
		token, change := end()
		answer := b.ask(t, token, http.MethodGet, infoPath, "", change...)
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, dump(t, answer))
			continue
		}
		golden(t, "bearer unknown", answer)
	}
	live := token()
	if answer := b.ask(t, live, http.MethodGet, infoPath, "", setHeader("X-Tenant-Id", b.tenant.ID.String())); answer.StatusCode != http.StatusOK {
		t.Errorf("its own tenant: %s", dump(t, answer))
	}
	b.disable(t, b.tenant, u.ID)
	golden(t, "bearer unknown", b.ask(t, live, http.MethodGet, infoPath, ""))
}

// TestNothingIsReadOfWhoHasNoToken: a body is for whoever is known.
func TestNothingIsReadOfWhoHasNoToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.preverify(t, strings.Repeat("0", 48), "", func(r *http.Request) {
		r.Body = io.NopCloser(failingReader{errors.New("the body was read")})
	})
	golden(t, "bearer unknown", answer)
}

// TestPathsWithIDs: what methods they have, and that nothing else is taken for an id.
func TestPathsWithIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.administrator(t, b.tenant, muster.LevelSystemAdmin, 0)
	golden(t, "options of a department", b.ask(t, token, http.MethodOptions, prefix+"/departments/1", ""))
	golden(t, "method wrong for a department", b.ask(t, token, http.MethodPost, prefix+"/departments/1", ""))
	golden(t, "method wrong for a department in Chinese", b.ask(t, token, http.MethodPost, prefix+"/departments/1", "", setHeader("language", "zh-CN")))
	golden(t, "head of a user list", b.ask(t, token, http.MethodHead, prefix+"/userList", ""))
	for _, path := range []string{"/departments/", "/departments/1/2", "/users", "/users/1/x", "/user/info/1", "/users/batchimport", "/auth", "/oauth2"} {
		answer := b.ask(t, token, http.MethodGet, prefix+path, "")
		want := http.StatusNotFound
		switch path {
		case "/departments/":
			want = http.StatusMethodNotAllowed // there is POST, and a slash at the end is none
		case "/users/batchimport":
			want = http.StatusBadRequest // no id
		}
		if answer.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, answer.StatusCode, want)
		}
	}
	for _, id := range []string{"0", "01", "-1", "1.5", "9223372036854775808", "abc", "%20", "1%202"} {
		for _, path := range []string{"/departments/", "/users/"} {
			answer := b.ask(t, token, http.MethodGet, prefix+path+id, "")
			if body := text(t, answer); answer.StatusCode != http.StatusBadRequest || !strings.HasPrefix(body, `{"code":13000102,`) {
				t.Errorf("%s%s: %d %s", path, id, answer.StatusCode, body)
			}
		}
	}
	r := b.ask(t, token, http.MethodGet, prefix+"/departments/..%2fx", "")
	if r.StatusCode == http.StatusOK {
		t.Error("an escaped slash is part of an id")
	}
}

// TestPatternsHoldNoIDs: what is logged and counted by is the endpoint.
func TestPatternsHoldNoIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var pattern string
	inner := b.handler
	b.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		pattern = r.Pattern
	})
	b.ask(t, "", http.MethodDelete, prefix+"/users/1505084218764547300", "")
	if want := "DELETE " + prefix + "/users/{id}"; pattern != want {
		t.Errorf("pattern %q, want %q", pattern, want)
	}
}
