package koodrive_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

const (
	loginPath   = prefix + "/auth/login"
	refreshPath = prefix + "/auth/refreshToken"
	infoPath    = prefix + "/user/info"
)

// ada is a user with all that one signs in with.
var ada = muster.User{
	ID: 1505084218764547300, FirstName: "Ada", Surname: "L", Phone: "+27 10-000 0001", Account: "ada.l", Email: "Ada@Example.org", Level: muster.LevelCommon,
}

func credentials(account, password string) string {
	body, _ := json.Marshal(map[string]string{"account": account, "authType": "1", "password": password}) //nolint:errchkjson // strings alone
	return string(body)
}

func (b *bundle) login(t *testing.T, body string, change ...func(*http.Request)) *http.Response {
	t.Helper()
	return b.ask(t, "", http.MethodPost, loginPath, body, change...)
}

// session is what a sign-in answers, as a client reads it.
type session struct {
	AccessToken  string `json:"accessToken"`
	ExpiresIn    int64  `json:"expiresIn"`
	IssuedAt     string `json:"issuedAt"`
	RefreshToken string `json:"refreshToken"`
}

func sessionOf(t *testing.T, r *http.Response) session {
	t.Helper()
	var answer struct {
		Data struct {
			SessionInfo session `json:"sessionInfo"`
		} `json:"data"`
	}
	body := text(t, r)
	must(t, json.Unmarshal([]byte(body), &answer))
	if r.StatusCode != http.StatusOK || answer.Data.SessionInfo.AccessToken == "" {
		t.Fatalf("status %d, body %s", r.StatusCode, body)
	}
	return answer.Data.SessionInfo
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser(t, b.tenant, ada)
	golden(t, "login", b.login(t, credentials("0027100000001", rightPassword)))
	golden(t, "login in Chinese", b.login(t, credentials("ada.l", rightPassword), setHeader("language", "zh-CN")))
	for _, account := range []string{"+27100000001", "00 27 10 000 0001", "ADA.L", "ada@example.org", " ada.l "} {
		s := sessionOf(t, b.login(t, `{"authType":1,"unknown":{},"captchaToken":null,"password":"`+rightPassword+`","account":"`+account+`"}`))
		if !regexp.MustCompile(`^AT [0-9a-f]{48}$`).MatchString(s.AccessToken) || !regexp.MustCompile(`^[0-9a-f]{48}$`).MatchString(s.RefreshToken) ||
			s.ExpiresIn != 1800 || s.IssuedAt != "1767323045000" {
			t.Errorf("%s: session %+v", account, s)
		}
		if got := text(t, b.ask(t, "", http.MethodGet, infoPath, "", setHeader("Authorization", s.AccessToken))); !strings.Contains(got, ada.ID.String()) {
			t.Errorf("%s: %s", account, got)
		}
	}
	if len(b.waited) != 0 || b.logs.String() != "" {
		t.Errorf("waited %v, logged %s", b.waited, b.logs)
	}
}

// TestARefusedSignInTellsNothing: one answer, bytes and all, whatever is wrong, half a second after the request began.
func TestARefusedSignInTellsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser(t, b.tenant, ada)
	gone := muster.User{Account: "disabled", FirstName: "Di", Level: muster.LevelCommon}
	gone.ID = b.addUser(t, b.tenant, gone)
	b.disable(t, b.tenant, gone.ID)
	must(t, b.access.AddAdministrator(t.Context(), b.tenant.ID, 1505084218764547301, "No Password"))
	stranger, _ := b.addTenant(t, "second", "other-client")
	b.addUser(t, stranger, muster.User{Account: "stranger", FirstName: "St"})
	named := setHeader("X-Tenant-Id", b.tenant.ID.String())
	for _, body := range []string{
		credentials("nobody", rightPassword), credentials("0027100000001", "wrong"), credentials("disabled", rightPassword),
		credentials("stranger", rightPassword), credentials(" ", rightPassword), credentials("\x00", rightPassword),
		credentials(strings.Repeat("a", 10_000), rightPassword), credentials("ada.l", strings.Repeat("p", 10_000)), credentials("ada.l", "\x00"),
	} {
		b.waited = nil
		golden(t, "login refused", b.login(t, body, named))
		if diff := cmp.Diff([]time.Duration{500 * time.Millisecond}, b.waited); diff != "" {
			t.Errorf("%.80s: waited %s", body, diff)
		}
	}
	golden(t, "login refused in Chinese", b.login(t, credentials("nobody", rightPassword), named, setHeader("language", "zh-CN")))
	if logs := b.logs.String(); logs != "" {
		t.Errorf("logged %s", logs)
	}
}

// disable disables a user.
func (b *bundle) disable(t *testing.T, tenant *muster.Tenant, id muster.ID) {
	t.Helper()
	outcome, err := b.direct().Change(t.Context(), tenant.ID, muster.Entry{
		Action: muster.ActionDisable, Match: muster.KeyID, Actor: muster.LevelSystemAdmin, User: muster.User{ID: id},
	})
	must(t, err)
	if outcome.Result != muster.Succeeded {
		t.Fatalf("outcome = %+v", outcome)
	}
}

func TestSignInRefusesBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ name, body string }{
		{"login empty", ""},
		{"login malformed", `{"account":"a" "password":"b"}`},
		{"login without account", `{"authType":"1","password":"p"}`},
		{"login with empty account", `{"account":"","authType":"1","password":"p"}`},
		{"login without password", `{"account":"a","authType":"1","password":null}`},
		{"login without authType", `{"account":"a","password":"p"}`},
		{"login by captcha", `{"account":"a","authType":"2","captchaToken":"t"}`},
		{"login with a number as account", `{"account":27100000001,"authType":"1","password":"p"}`},
		{"login with a list as authType", `{"account":"a","authType":["1"],"password":"p"}`},
		{"login with a name twice", `{"account":"a","account":"b","authType":"1","password":"p"}`},
		{"refresh without token", `{"refreshToken":""}`},
		{"refresh with a number", `{"refreshToken":7}`},
	} {
		path := loginPath
		if strings.HasPrefix(tc.name, "refresh") {
			path = refreshPath
		}
		answer := b.ask(t, "", http.MethodPost, path, tc.body)
		golden(t, tc.name, answer)
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", tc.name, answer.StatusCode)
		}
	}
	golden(t, "login too large", b.login(t, credentials("a", strings.Repeat("p", 64<<10))))
	golden(t, "login with a bad target", b.ask(t, "", http.MethodPost, loginPath+"?a=%zz", "", func(r *http.Request) { r.RequestURI = loginPath + "?a=%zz" }))
}

// TestTheTenantOfASignIn: by host, else by header, else the only one, and never by a search.
func TestTheTenantOfASignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser(t, b.tenant, ada)
	if answer := b.login(t, credentials("ada.l", rightPassword)); answer.StatusCode != http.StatusOK {
		t.Errorf("the only one: %s", dump(t, answer))
	}
	second, _ := b.addTenant(t, "second", "other-client")
	host := "second.example.org"
	_, err := b.access.UpdateTenant(t.Context(), second.ID, access.TenantChange{Host: &host})
	must(t, err)
	b.addUser(t, second, muster.User{Account: "theirs", FirstName: "Th"})
	to := func(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }
	golden(t, "login without tenant", b.login(t, credentials("ada.l", rightPassword)))
	golden(t, "login without tenant in Chinese", b.login(t, credentials("ada.l", rightPassword), setHeader("language", "zh")))
	golden(t, "login to an unknown tenant", b.login(t, credentials("ada.l", rightPassword), setHeader("X-Tenant-Id", "42")))
	golden(t, "login to an unknown tenant", b.login(t, credentials("ada.l", rightPassword), setHeader("X-Tenant-Id", "first")))
	for _, tc := range []struct {
		name, account string
		change        []func(*http.Request)
		want          int
	}{
		{"by header", "ada.l", []func(*http.Request){setHeader("X-Tenant-Id", b.tenant.ID.String())}, http.StatusOK},
		{"by host", "theirs", []func(*http.Request){to("Second.example.org:8443")}, http.StatusOK},
		{"host before header", "theirs", []func(*http.Request){to(host), setHeader("X-Tenant-Id", b.tenant.ID.String())}, http.StatusOK},
		{"another's user", "ada.l", []func(*http.Request){to(host)}, http.StatusUnauthorized},
		{"a header that nobody trusts", "theirs", []func(*http.Request){setHeader("X-Forwarded-Host", host)}, http.StatusBadRequest},
	} {
		if answer := b.login(t, credentials(tc.account, rightPassword), tc.change...); answer.StatusCode != tc.want {
			t.Errorf("%s: %s", tc.name, dump(t, answer))
		}
	}
}

// TestWhoMustChangeHisPassword gets a link and no tokens, and only with the right password.
func TestWhoMustChangeHisPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := ada
	u.MustChangePassword = true
	b.addUser(t, b.tenant, u)
	answer := b.login(t, credentials("ada.l", rightPassword))
	golden(t, "login that must change the password", answer)
	golden(t, "login that must change the password in Chinese", b.login(t, credentials("ada.l", rightPassword), setHeader("language", "zh-CN")))
	golden(t, "login refused", b.login(t, credentials("ada.l", "wrong")))
	var got struct {
		Data struct {
			PasswordURL string `json:"passwordUrl"`
		} `json:"data"`
	}
	answer = b.login(t, credentials("ada.l", rightPassword))
	must(t, json.Unmarshal([]byte(text(t, answer)), &got))
	secret, ok := strings.CutPrefix(got.Data.PasswordURL, "https://users.example.org/activate/"+b.tenant.ID.String()+"/")
	activations := &access.Activations{Store: b.store, Keyring: b.keyring, Hasher: b.sessions.Hasher}
	if err := activations.SetPassword(t.Context(), b.tenant.ID, secret, "Another horse 2", netip.Addr{}); !ok || err != nil {
		t.Fatalf("link %q: %v", got.Data.PasswordURL, err)
	}
	sessionOf(t, b.login(t, credentials("ada.l", "Another horse 2")))
}

// TestTooManySignIns: from one address, also with the right password then, and with a time to wait.
func TestTooManySignIns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser(t, b.tenant, ada)
	for range 10 {
		b.login(t, credentials("ada.l", "wrong"))
	}
	golden(t, "login too often", b.login(t, credentials("ada.l", rightPassword)))
	golden(t, "login too often in Chinese", b.login(t, credentials("ada.l", rightPassword), setHeader("language", "zh-CN")))
	elsewhere := func(r *http.Request) { r.RemoteAddr = "198.51.100.7:1234" }
	sessionOf(t, b.login(t, credentials("ada.l", rightPassword), elsewhere))
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	c := &clock{now: now}
	b := setupAt(t, c.Now)
	b.addUser(t, b.tenant, ada)
	first := sessionOf(t, b.login(t, credentials("ada.l", rightPassword)))
	use := func(token string) *http.Response {
		t.Helper()
		return b.ask(t, "", http.MethodPost, refreshPath, `{"refreshToken":"`+token+`"}`)
	}
	again := use(first.RefreshToken)
	golden(t, "refresh", again)
	second := sessionOf(t, use(first.RefreshToken)) // within the grace
	info := func(token string) int {
		t.Helper()
		return b.ask(t, "", http.MethodGet, infoPath, "", setHeader("Authorization", token)).StatusCode
	}
	if info(first.AccessToken) != http.StatusOK || info(second.AccessToken) != http.StatusOK {
		t.Error("a refresh ends access tokens")
	}
	golden(t, "refresh refused", use("0e0e72d3c7e9e4444df6bc3fb111eaee18eb7b2393a939cb"))
	golden(t, "refresh refused", use(strings.TrimPrefix(second.AccessToken, "AT ")))
	c.Advance(31 * time.Second)
	golden(t, "refresh refused", use(first.RefreshToken)) // used up: somebody else has it
	if info(second.AccessToken) != http.StatusUnauthorized {
		t.Error("a refresh token used twice leaves its family's tokens")
	}
	golden(t, "refresh refused", use(second.RefreshToken))
	third := sessionOf(t, b.login(t, credentials("ada.l", rightPassword)))
	c.Advance(30 * time.Minute)
	if info(third.AccessToken) != http.StatusUnauthorized {
		t.Error("a token outlives its 1800 s")
	}
	c.Advance(23*time.Hour + 30*time.Minute)
	golden(t, "refresh refused", use(third.RefreshToken))
}
