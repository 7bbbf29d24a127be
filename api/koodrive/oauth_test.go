package koodrive_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const tokenPath = prefix + "/oauth2/token"

// grant asks for a token with a form in the body.
func (b *bundle) grant(t *testing.T, path, form string, change ...func(*http.Request)) *http.Response {
	t.Helper()
	return b.ask(t, "", http.MethodPost, path, form, append([]func(*http.Request){setHeader("Content-Type", "application/x-www-form-urlencoded")}, change...)...)
}

// basic proves a client by RFC 6749, section 2.3.1.
func basic(id, secret string) func(*http.Request) {
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return setHeader("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
}

const grantType = "grant_type=client_credentials"

// inBody proves a client by client_secret_post.
func inBody(id, secret string) string {
	return grantType + "&client_id=" + url.QueryEscape(id) + "&client_secret=" + url.QueryEscape(secret)
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	golden(t, "token", b.grant(t, tokenPath, grantType, basic(appID, appSecret)))
	golden(t, "token", b.grant(t, "/oauth2/token", inBody(appID, appSecret)))
	golden(t, "token", b.grant(t, "/oauth2/token", grantType+"&client_id="+appID+"&scope=&unknown=1", basic(appID, appSecret)))
	golden(t, "token", b.grant(t, tokenPath, inBody(appID, appSecret), setHeader("Content-Type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")))
	golden(t, "token", b.grant(t, tokenPath, inBody(appID, appSecret), setHeader("Authorization", "")))
	token := b.granted(t)
	for _, path := range []string{"/departmentList", "/userList", "/service/quotaUsed"} {
		if answer := b.ask(t, "", http.MethodGet, prefix+path, "", setHeader("Authorization", "Bearer "+token)); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, dump(t, answer))
		}
	}
	golden(t, "info of an application", b.ask(t, "", http.MethodGet, infoPath, "", setHeader("Authorization", "Bearer "+token)))
}

// granted gives the first tenant's key pair a token.
func (b *bundle) granted(t *testing.T) string {
	t.Helper()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	must(t, json.Unmarshal([]byte(text(t, b.grant(t, tokenPath, inBody(appID, appSecret)))), &got))
	return got.AccessToken
}

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := func(pair string) func(*http.Request) {
		return setHeader("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	for _, tc := range []struct {
		name, form string
		change     []func(*http.Request)
	}{
		{"token of an unknown client", inBody("nobody", appSecret), nil},
		{"token of an unknown client", inBody(appID, "guessed"), nil},
		{"token of an unknown client", grantType, []func(*http.Request){basic(appID, "guessed")}},
		{"token without client", grantType, nil},
		{"token without client", grantType + "&client_id=" + appID, nil},
		{"token without client", grantType + "&client_secret=" + appSecret + "&client_id=", nil},
		{"token without client", grantType, []func(*http.Request){setHeader("Authorization", "Bearer x")}},
		{"token without client", grantType, []func(*http.Request){setHeader("Authorization", "Basic !")}},
		{"token without client", grantType, []func(*http.Request){raw("no colon")}},
		{"token without client", grantType, []func(*http.Request){raw(":" + appSecret)}},
		{"token without client", grantType, []func(*http.Request){raw(appID + ":%zz")}},
		{"token with two proofs", inBody(appID, appSecret), []func(*http.Request){basic(appID, appSecret)}},
		{"token with two names", grantType + "&client_id=other", []func(*http.Request){basic(appID, appSecret)}},
		{"token without grant_type", "client_id=" + appID + "&client_secret=" + url.QueryEscape(appSecret), nil},
		{"token by password", "grant_type=password&username=a&password=b", []func(*http.Request){basic(appID, appSecret)}},
		{"token with scope", inBody(appID, appSecret) + "&scope=all", nil},
		{"token with a parameter twice", inBody(appID, appSecret) + "&client_id=" + appID, nil},
		{"token with a bad form", "grant_type=%zz", nil},
		{"token with a bad form", "grant_type=a;b", nil},
		{"token with a bad form", "grant_type=\xff", nil},
		{"token without form", `{"grant_type":"client_credentials"}`, []func(*http.Request){setHeader("Content-Type", "application/json")}},
		{"token without form", inBody(appID, appSecret), []func(*http.Request){deleteHeader("Content-Type")}},
		{"token in the query", "", []func(*http.Request){func(r *http.Request) { r.URL.RawQuery = inBody(appID, appSecret) }}},
		{"token too large", inBody(appID, strings.Repeat("s", 64<<10)), nil},
	} {
		answer := b.grant(t, tokenPath, tc.form, tc.change...)
		golden(t, tc.name, answer)
		if strings.Contains(text(t, b.grant(t, tokenPath, tc.form, tc.change...)), "a secret") {
			t.Errorf("%s: the answer has the secret", tc.name)
		}
	}
	golden(t, "token by GET", b.ask(t, "", http.MethodGet, tokenPath, ""))
}

func TestTooManyTokensAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		b.grant(t, tokenPath, inBody(appID, "guessed"))
	}
	golden(t, "token too often", b.grant(t, tokenPath, inBody(appID, appSecret)))
}

// TestAnApplicationsTokenEnds when its time is over.
func TestAnApplicationsTokenEnds(t *testing.T) {
	t.Parallel()
	c := &clock{now: now}
	b := setupAt(t, c.Now)
	token := b.granted(t)
	list := func() int { return b.ask(t, token, http.MethodGet, prefix+"/departmentList", "").StatusCode }
	c.Advance(30*time.Minute - time.Second)
	if status := list(); status != http.StatusOK {
		t.Errorf("before its end: status %d", status)
	}
	c.Advance(time.Second)
	if status := list(); status != http.StatusUnauthorized {
		t.Errorf("at its end: status %d", status)
	}
}
