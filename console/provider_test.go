package console_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"muster"
	"muster/access"
	"muster/console"
)

// provider is a small identity provider: discovery, keys, and the code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC
// 7636). Who comes is let in at once.
type provider struct {
	t      testing.TB
	server *httptest.Server
	signer jose.Signer
	keys   jose.JSONWebKeySet

	mu     sync.Mutex
	codes  map[string]url.Values // what the browser came with, by the code that it left with
	claims map[string]any        // of the next identity token, beside or in the place of the right ones
	down   bool
}

const clientSecret = "a secret of the client"

func newProvider(t testing.TB) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p := &provider{t: t, codes: map[string]url.Values{}}
	private := jose.JSONWebKey{Key: key, KeyID: "one", Algorithm: string(jose.ES256), Use: "sig"}
	p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, nil)
	must(t, err)
	p.keys.Keys = []jose.JSONWebKey{private.Public()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discover)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { p.answer(w, http.StatusOK, p.keys) })
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		p.t.Error(err)
	}
}

func (p *provider) discover(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	at := p.server.URL
	p.answer(w, http.StatusOK, map[string]any{
		"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "jwks_uri": at + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != "muster" || q.Get("code_challenge_method") != "S256" ||
		!strings.HasPrefix(q.Get("scope"), "openid ") || q.Get("nonce") == "" {
		p.t.Errorf("the browser came with %v", q)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	asked, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case id != "muster" || secret != url.QueryEscape(clientSecret):
		p.t.Errorf("the client is %q with %q", id, secret)
		p.answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case !known || asked.Get("redirect_uri") != r.FormValue("redirect_uri") ||
		asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]):
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{
		"iss": p.server.URL, "aud": "muster", "sub": "subject-1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"nonce": asked.Get("nonce"), "name": "Ann Smith", "email": "ann@example.com", "groups": []string{"others", "staff"},
	}
	maps.Copy(claims, p.claims)
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	signed, err := p.signer.Sign(payload)
	if err != nil {
		p.t.Error(err)
		return
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	p.answer(w, http.StatusOK, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": compact})
}

// says sets claims of the next identity tokens.
func (p *provider) says(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

func (p *provider) config() *console.Provider {
	return &console.Provider{
		Issuer: p.server.URL, ClientID: "muster", ClientSecret: clientSecret, RoleClaim: "groups",
		Roles: map[string]muster.OperatorRole{"staff": muster.OperatorViewer, "chiefs": muster.OperatorAdministrator},
	}
}

// signInElsewhere goes to the provider and comes back with what it says.
func (v *visitor) signInElsewhere(p *provider) *answer {
	v.t.Helper()
	out := v.get("/console/sign-in/provider").is(http.StatusSeeOther).header.Get("Location")
	elsewhere := &visitor{t: v.t, at: p.server.URL, client: v.client}
	back := elsewhere.get(strings.TrimPrefix(out, p.server.URL)).is(http.StatusSeeOther).header.Get("Location")
	if !strings.HasPrefix(back, v.at+"/console/sign-in/callback?") {
		v.t.Fatalf("the provider sends back to %s", back)
	}
	return v.get(strings.TrimPrefix(back, v.at))
}

func setupProvider(t testing.TB) (*bundle, *provider) {
	t.Helper()
	p := newProvider(t)
	return setup(t, func(c *console.Config) { c.Provider = p.config() }), p
}

// TestSignInElsewhere: the first sign-in makes an operator, and each one brings him up to date.
func TestSignInElsewhere(t *testing.T) {
	t.Parallel()
	b, p := setupProvider(t)
	v := b.visitor(t)
	v.get("/console/sign-in").has(`href="/console/sign-in/provider"`)
	v.signInElsewhere(p).leadsTo("/console/")
	v.get("/console/").is(http.StatusOK).has("Ann Smith").hasNo(`href="/console/operators"`)
	first, err := b.store.OperatorBySubject(t.Context(), p.server.URL+" subject-1")
	must(t, err)
	if first.Tenant != 0 || first.Role != muster.OperatorViewer || first.Email != "ann@example.com" || first.EmailKey != "" || first.PasswordHash != "" {
		t.Errorf("the operator is %+v", first)
	}

	p.says(map[string]any{"name": "Ann Jones", "groups": []string{"chiefs", "staff"}})
	v.signInElsewhere(p).leadsTo("/console/")
	v.get("/console/operators").is(http.StatusOK).has("Ann Jones", "identity provider")
	if all, err := b.operators.List(t.Context(), nil); err != nil || len(all) != 1 {
		t.Errorf("operators are %+v, %v", all, err)
	}

	// The address opens nothing here, and nobody who has a password here is taken for him.
	v2 := b.visitor(t)
	v2.post("/console/sign-in", url.Values{"email": {"ann@example.com"}, "password": {""}}).is(http.StatusUnauthorized)
	_, _, err = b.operators.Invite(t.Context(), nil, access.NewOperator{Name: "Other Ann", Email: "ann@example.com", Role: muster.OperatorViewer})
	must(t, err)
	_, _, err = b.operators.InviteAgain(t.Context(), nil, first.ID)
	if muster.KindOf(err) != muster.KindConflict {
		t.Errorf("an invitation for who signs in elsewhere: %v", err)
	}

	// A role that the provider takes away opens nothing any more; nor does one who is disabled here.
	p.says(map[string]any{"groups": "others"})
	v2.signInElsewhere(p).is(http.StatusForbidden).has("gives you no role")
	p.says(map[string]any{"groups": "staff"})
	yes := true
	_, err = b.operators.Change(t.Context(), nil, first.ID, access.OperatorChange{Disabled: &yes})
	must(t, err)
	v2.signInElsewhere(p).is(http.StatusForbidden).has("You are disabled in this console")
	v.get("/console/").leadsTo("/console/sign-in")
}

// TestWhatWasNotBegunHereIsRefused: answers that are another browser's, of another sign-in, forged, or for somebody else.
func TestWhatWasNotBegunHereIsRefused(t *testing.T) {
	t.Parallel()
	b, p := setupProvider(t)
	other := newProvider(t) // whose keys are not this one's
	for name, claims := range map[string]map[string]any{
		"another nonce": {"nonce": "x"}, "another audience": {"aud": "somebody"}, "another issuer": {"iss": other.server.URL},
		"expired": {"exp": time.Now().Add(-time.Hour).Unix()},
	} {
		p.says(claims)
		v := b.visitor(t)
		if a := v.signInElsewhere(p); a.status != http.StatusUnauthorized && a.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", name, a.status)
		}
		v.get("/console/").leadsTo("/console/sign-in")
	}
	p.says(nil)
	p.mu.Lock()
	right := p.signer
	p.signer = other.signer
	p.mu.Unlock()
	b.visitor(t).signInElsewhere(p).is(http.StatusServiceUnavailable)
	p.mu.Lock()
	p.signer = right
	p.mu.Unlock()

	// What the browser of one brings back is of no use in another's, nor twice.
	one, two := b.visitor(t), b.visitor(t)
	out := one.get("/console/sign-in/provider").header.Get("Location")
	two.get("/console/sign-in/provider")
	back := (&visitor{t: t, at: p.server.URL, client: one.client}).get(strings.TrimPrefix(out, p.server.URL)).header.Get("Location")
	back = strings.TrimPrefix(back, b.server.URL)
	two.get(back).is(http.StatusUnauthorized).has("was not begun here")
	b.visitor(t).get(back).is(http.StatusUnauthorized)
	one.get(back).leadsTo("/console/")
	one.get(back).is(http.StatusUnauthorized)
	one.get("/console/sign-in/provider")
	one.get("/console/sign-in/callback?error=access_denied").is(http.StatusUnauthorized)
	if all, err := b.operators.List(t.Context(), nil); err != nil || len(all) != 1 {
		t.Errorf("operators are %+v, %v", all, err)
	}
}

func TestAProviderThatIsDown(t *testing.T) {
	t.Parallel()
	b, p := setupProvider(t)
	p.down = true
	v := b.visitor(t)
	v.get("/console/sign-in/provider").is(http.StatusServiceUnavailable).has("does not answer as it should")
	v.signIn(b.operator(t, 0, muster.OperatorViewer)) // with a password all goes on
	p.mu.Lock()
	p.down = false
	p.mu.Unlock()
	b.visitor(t).signInElsewhere(p).leadsTo("/console/")
	setup(t).visitor(t).get("/console/sign-in/provider").is(http.StatusNotFound)
}
