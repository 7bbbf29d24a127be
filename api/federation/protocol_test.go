package federation_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/api/federation"
)

const pairBody = `{"app_key":"` + appKey + `","app_secret":"` + appSecret + `"}`

func tokenRequest(body string, life ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(body))
	if life != nil {
		r.Header["X-Token-Expire"] = life
	}
	return r
}

var accessToken = regexp.MustCompile(`"AccessToken":"([A-Za-z0-9_-]{32})"`)

func TestToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, life := range map[string][]string{"default": nil, "1 second": {"1"}, "an hour": {"3600"}} {
		answer := dump(t, b.do(tokenRequest(pairBody, life...)))
		found := accessToken.FindStringSubmatch(answer)
		if found == nil {
			t.Fatalf("%s: %s", name, answer)
		}
		golden(t, "token for "+name, strings.Replace(answer, found[1], "<32 characters>", 1))
		b.token = found[1]
		if status, body := b.send(t, createPath, documented); status != http.StatusOK && name != "1 second" {
			t.Errorf("%s: the token is not good: %s", name, body)
		}
	}
}

func TestTokensThatAreNotGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second, _ := b.addTenant(t, "second", "disabled")
	_, err := b.access.ChangeCredential(t.Context(), second.ID, "disabled", access.CredentialChange{Disabled: new(true)})
	must(t, err)
	pair := func(key, secret string) string { return `{"app_key":` + key + `,"app_secret":` + secret + `}` }
	for _, tc := range []struct {
		name   string
		golden string // "" is name
		r      *http.Request
	}{
		{"no life", "a bad life", tokenRequest(pairBody, "")},
		{"a life of 0", "a bad life", tokenRequest(pairBody, "0")},
		{"a negative life", "a bad life", tokenRequest(pairBody, "-1")},
		{"a long life", "a bad life", tokenRequest(pairBody, "3601")},
		{"a life beyond numbers", "a bad life", tokenRequest(pairBody, "99999999999999999999")},
		{"a life with a fraction", "a bad life", tokenRequest(pairBody, "1.5")},
		{"a life in words", "a bad life", tokenRequest(pairBody, "ten")},
		{"two lives", "a bad life", tokenRequest(pairBody, "60", "60")},
		{"no key", "", tokenRequest(`{"app_secret":"x"}`)},
		{"no secret", "", tokenRequest(`{"app_key":"x"}`)},
		{"null secret", "no secret", tokenRequest(pair(`"x"`, "null"))},
		{"empty secret", "no secret", tokenRequest(pair(`"x"`, `""`))},
		{"key that is a number", "", tokenRequest(pair("1", `"x"`))},
		{"body that is malformed", "", tokenRequest(`{"app_key":"` + appKey + `","app_secret":a secret}`)},
		{"key twice", "", tokenRequest(`{"app_key":"x","app_key":"y","app_secret":"z"}`)},
		{"wrong secret", "a refused pair", tokenRequest(pair(`"`+appKey+`"`, `"not the secret"`))},
		{"unknown key", "a refused pair", tokenRequest(pair(`"nobody"`, `"`+appSecret+`"`))},
		{"key of a hundred kilobytes", "a refused pair", tokenRequest(pair(`"`+strings.Repeat("k", 100_000)+`"`, `"x"`))},
		{"disabled key", "a refused pair", tokenRequest(pair(`"disabled"`, `"`+appSecret+`"`))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name := tc.golden
			if name == "" {
				name = tc.name
			}
			golden(t, "token with "+name, dump(t, b.do(tc.r)))
		})
	}
	t.Cleanup(func() {
		if b.logs.String() != "" {
			t.Errorf("logged %q", b.logs.String())
		}
	})
}

// TestGuessesAreThrottled: by address, as a trusted proxy names it; the owner is elsewhere and goes on.
func TestGuessesAreThrottled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	from := func(address, secret string) *http.Response {
		r := tokenRequest(`{"app_key":"` + appKey + `","app_secret":"` + secret + `"}`)
		r.RemoteAddr = "10.0.0.1:4711"
		r.Header.Set("X-Forwarded-For", "203.0.113.1, "+address)
		return b.do(r)
	}
	for i := range 10 {
		if status, body := read(t, from("198.51.100.1", "guess")); status != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d %s", i, status, body)
		}
	}
	golden(t, "token with too many guesses", dump(t, from("198.51.100.1", appSecret)))
	if status, body := read(t, from("198.51.100.2", appSecret)); status != http.StatusOK {
		t.Errorf("the owner is locked out: %d %s", status, body)
	}
}

// TestRequestsThatAreNotAuthentic: what is missing is named; what is wrong about a token is not.
func TestRequestsThatAreNotAuthentic(t *testing.T) {
	t.Parallel()
	set := func(name string, values ...string) func(*bundle, *http.Request) {
		return func(_ *bundle, r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	for _, tc := range []struct {
		name   string
		golden string
		change func(*bundle, *http.Request)
	}{
		{"no key", "no key", set("X-APP-Key")},
		{"an empty key", "no key", set("X-APP-Key", "")},
		{"two keys", "two keys", set("X-APP-Key", appKey, appKey)},
		{"no authorization", "no authorization", set("Authorization")},
		{"a scheme alone", "a bad scheme", set("Authorization", "Bearer")},
		{"no token", "a bad scheme", set("Authorization", "Bearer ")},
		{"another scheme", "a bad scheme", set("Authorization", "Basic dXNlcjpwYXNz")},
		{"no space", "a bad scheme", func(b *bundle, r *http.Request) { r.Header.Set("Authorization", "Bearer"+b.token) }},
		{"a plus for the space", "a bad scheme", func(b *bundle, r *http.Request) { r.Header.Set("Authorization", "Bearer+"+b.token) }},
		{"a guessed token", "a wrong token", set("Authorization", "Bearer "+strings.Repeat("e", 32))},
		{"half a token", "a wrong token", func(b *bundle, r *http.Request) { r.Header.Set("Authorization", "Bearer "+b.token[:16]) }},
		{"two tokens in one", "a wrong token", func(b *bundle, r *http.Request) { r.Header.Set("Authorization", "Bearer "+b.token+" "+b.token) }},
		{"an unknown key", "a wrong token", set("X-APP-Key", "nobody")},
		{"another tenant's key", "a wrong token", set("X-APP-Key", "stranger")},
		{"another key of the tenant", "a wrong token", set("X-APP-Key", "sibling")},
		{"an expired token", "a wrong token", func(b *bundle, _ *http.Request) { b.clock.Advance(access.MaxTokenLife) }},
		{"a disabled key", "a wrong token", func(b *bundle, _ *http.Request) {
			if _, err := b.access.ChangeCredential(context.Background(), b.tenant.ID, appKey, access.CredentialChange{Disabled: new(true)}); err != nil {
				panic(err)
			}
		}},
		{"a key without the scope", "a key without the scope", func(b *bundle, _ *http.Request) {
			scopes := muster.ScopeRead | muster.ScopeAdminister
			if _, err := b.access.ChangeCredential(context.Background(), b.tenant.ID, appKey, access.CredentialChange{Scopes: &scopes}); err != nil {
				panic(err)
			}
		}},
		{"a rotated key", "a wrong token", func(b *bundle, _ *http.Request) {
			b.clock.Advance(time.Second)
			if _, err := b.access.RotateCredential(context.Background(), b.tenant.ID, appKey, 0, ""); err != nil {
				panic(err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.addTenant(t, "second", "stranger")
			_, err := b.access.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{AppID: "sibling", Secret: appSecret})
			must(t, err)
			for _, path := range []string{createPath, queryPath} {
				r := b.request(path, documented)
				r.Body = unread{t}
				tc.change(b, r)
				golden(t, "request with "+tc.golden, dump(t, b.do(r)))
				if len(b.engine.submitted)+len(b.engine.asked) != 0 || b.logs.String() != "" {
					t.Errorf("the engine was asked, or something logged: %q", b.logs.String())
				}
			}
		})
	}
}

// unread is a body that must not be.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a request that is not authentic is read")
	return 0, io.EOF
}

func (unread) Close() error { return nil }

// TestHowHeadersMayBeWritten: names and scheme in any letter case (RFC 9110, sections 5.1 and 11.1).
func TestHowHeadersMayBeWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := httptest.NewServer(b.handler)
	defer server.Close()
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER   "} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+createPath, strings.NewReader(documented))
		must(t, err)
		r.Header["x-app-KEY"] = []string{appKey}
		r.Header["authorization"] = []string{scheme + b.token}
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		if status, body := read(t, answer); status != http.StatusOK {
			t.Errorf("%q: %d %s", scheme, status, body)
		}
		answer.Body.Close()
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ name, golden, method, path string }{
		{"GET", "another method", http.MethodGet, createPath},
		{"PUT", "another method", http.MethodPut, queryPath},
		{"OPTIONS", "another method", http.MethodOptions, tokenPath},
		{"no such path", "another path", http.MethodPost, "/apiaccess/rest/cc-management/v1/federationUserMgmt/deleteTask"},
		{"a slash at the end", "another path", http.MethodPost, createPath + "/"},
		{"another letter case", "another path", http.MethodPost, strings.ToLower(createPath)},
	} {
		r := b.request(tc.path, documented)
		r.Method = tc.method
		golden(t, tc.golden, dump(t, b.do(r)))
		if known := tc.golden == "another method"; (r.Pattern == http.MethodPost+" "+tc.path) != known {
			t.Errorf("%s: pattern %q", tc.name, r.Pattern)
		}
	}
}

func TestBodiesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	over := documented + strings.Repeat(" ", federation.DefaultMaxBody-len(documented)+1)
	for _, path := range []string{createPath, queryPath, tokenPath} {
		for _, length := range []int64{int64(len(over)), -1} { // announced, and sent in pieces
			r := b.request(path, over)
			r.ContentLength = length
			golden(t, "a body too large", dump(t, b.do(r)))
		}
	}
	if status, body := b.send(t, createPath, over[1:len(over)-1]+"}"); status == http.StatusRequestEntityTooLarge {
		t.Errorf("a body of the limit: %d %s", status, body)
	}
}

func TestABodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.request(createPath, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(documented[:20]), brokenReader{}))
	if status, body := read(t, b.do(r)); status != http.StatusBadRequest || !strings.Contains(body, "broke off") {
		t.Errorf("%d %s", status, body)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestACallerWhoGoesAway is no trouble of ours.
func TestACallerWhoGoesAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.engine.err = fmt.Errorf("submit: %w", context.Canceled)
	b.profiles.err = b.engine.err
	if status, _ := read(t, b.do(b.request(createPath, documented).WithContext(ctx))); status != http.StatusServiceUnavailable || b.logs.String() != "" {
		t.Errorf("%d, logged %q", status, b.logs.String())
	}
}

// TestATraceIsMade where nobody before made one.
func TestATraceIsMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, b.request(createPath, documented))
	if trace := w.Header().Get("X-Traceid"); trace == "" || b.engine.submitted[0].TraceID != trace {
		t.Errorf("answered %q, submitted %q", trace, b.engine.submitted[0].TraceID)
	}
}
