package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"muster"
	"muster/access"
)

// Provider is an identity provider that speaks OpenID Connect, where operators of the installation sign in. It is asked for
// its addresses and keys when it is needed first. All fields without a word on their zero value are mandatory; it is not
// copied after its first use.
type Provider struct {
	Issuer       string // its address, as it calls itself
	ClientID     string
	ClientSecret string
	// RoleClaim is the claim of the identity token that says what somebody may do, a text or a list of texts; dots lead into
	// objects, as in realm_access.roles.
	RoleClaim string
	// Roles are what values of the claim make of somebody. The one that may most counts; who has none is let in nowhere.
	Roles map[string]muster.OperatorRole
	// Scopes are asked for beside openid, profile and email; nil: none.
	Scopes []string
	// Client asks the provider; nil is one that waits 10 s.
	Client *http.Client

	mu    sync.Mutex
	found *oidc.Provider
}

// flowLife is how long a sign-in with the provider may take.
const flowLife = 10 * time.Minute

// providerTime is how long an answer of the provider is waited for.
const providerTime = 10 * time.Second

// discover reads what the provider says of itself, once.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	// The keys are fetched again, when they change, in this context.
	found, err := oidc.NewProvider(p.context(context.WithoutCancel(ctx)), p.Issuer)
	if err != nil {
		return nil, &muster.Error{Kind: muster.KindUnavailable, Err: err, Detail: "The identity provider does not answer as it should: try again."}
	}
	p.found = found
	return found, nil
}

func (p *Provider) context(ctx context.Context) context.Context {
	client := p.Client
	if client == nil {
		client = &http.Client{Timeout: providerTime}
	}
	return oidc.ClientContext(ctx, client)
}

func (p *Provider) config(found *oidc.Provider, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: callback,
		Scopes: append([]string{oidc.ScopeOpenID, "profile", "email"}, p.Scopes...),
	}
}

// flow is a sign-in that is under way. What the provider is told is made of a secret that only the browser has, so that what
// comes back is of the same browser: the state (RFC 6749, section 10.12), the nonce (OpenID Connect Core 1.0, section
// 15.5.2), and the verifier of the code (RFC 7636, section 4.1).
type flow struct{ secret string }

func newFlow() flow { return flow{rand.Text()} }

func (f flow) part(of string) string {
	mac := hmac.New(sha256.New, []byte(f.secret))
	mac.Write([]byte(of))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (f flow) state() string    { return f.part("state") }
func (f flow) nonce() string    { return f.part("nonce") }
func (f flow) verifier() string { return f.part("verifier") }

// callback is where the provider sends the browser back to.
func (v *visit) callback() string { return v.publicURL() + Prefix + "/sign-in/callback" }

func (v *visit) leaveForProvider() error {
	switch {
	case v.Provider == nil:
		return v.nowhere()
	case v.Transport == Plain:
		return errPlain
	}
	found, err := v.Provider.discover(v.ctx())
	if err != nil {
		return err
	}
	f := newFlow()
	v.setCookie(flowCookie, f.secret, flowLife)
	to := v.Provider.config(found, v.callback()).AuthCodeURL(f.state(), oidc.Nonce(f.nonce()), oauth2.S256ChallengeOption(f.verifier()))
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// errFlow is one refusal of whatever comes back that was not asked for.
var errFlow = &muster.Error{
	Kind: muster.KindUnauthenticated, Detail: "The sign-in with the identity provider was not begun here, took too long, or was given up: begin anew.",
}

func (v *visit) comeFromProvider() error {
	if v.Provider == nil {
		return v.nowhere()
	}
	secret, err := v.returned()
	if err != nil {
		wrong, status, err := v.faultsOf(err)
		if err != nil {
			return err
		}
		return v.showSignIn(status, signInForm{Said: wrong[""]})
	}
	return v.enter(secret, "/")
}

// returned gives the secret of a session to whom the provider has sent back.
func (v *visit) returned() (string, error) {
	cookie, err := v.r.Cookie(v.cookieName(flowCookie))
	if err != nil {
		return "", errFlow
	}
	v.dropCookie(flowCookie)
	f := flow{cookie.Value}
	query := v.r.URL.Query()
	if !hmac.Equal([]byte(query.Get("state")), []byte(f.state())) || query.Get("code") == "" {
		return "", errFlow
	}
	who, err := v.Provider.identify(v.ctx(), f, query.Get("code"), v.callback())
	if err != nil {
		return "", err
	}
	session, _, err := v.Operators.SignInElsewhere(v.ctx(), *who)
	return session, err
}

// identify changes a code into what the provider says of who signed in.
func (p *Provider) identify(ctx context.Context, f flow, code, callback string) (*access.OperatorIdentity, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx = p.context(ctx)
	tokens, err := p.config(found, callback).Exchange(ctx, code, oauth2.VerifierOption(f.verifier()))
	if err != nil {
		return nil, p.trouble(err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return nil, p.trouble(errors.New("it gave no identity token"))
	}
	token, err := found.Verifier(&oidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, p.trouble(err)
	}
	if !hmac.Equal([]byte(token.Nonce), []byte(f.nonce())) {
		return nil, errFlow
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return nil, p.trouble(err)
	}
	text := func(name string) string {
		s, _ := claims[name].(string)
		return s
	}
	return &access.OperatorIdentity{
		Issuer: token.Issuer, Subject: token.Subject, Name: text("name"), Email: text("email"), Role: p.role(claims),
	}, nil
}

// trouble says that the provider's answer was of no use. A code that is refused is one that was used or is too old.
func (p *Provider) trouble(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
		return errFlow
	}
	if refused != nil { // its text quotes the whole answer
		err = fmt.Errorf("it answered %s: %s", refused.Response.Status, refused.ErrorCode)
	}
	return &muster.Error{Kind: muster.KindUnavailable, Err: err, Detail: "The identity provider does not answer as it should: try again."}
}

// role is what the claims make of somebody; 0: nothing.
func (p *Provider) role(claims map[string]any) muster.OperatorRole {
	var at any = claims
	if whole, ok := claims[p.RoleClaim]; ok { // a name may hold dots, as addresses do
		at = whole
	} else {
		for part := range strings.SplitSeq(p.RoleClaim, ".") {
			object, _ := at.(map[string]any)
			at = object[part]
		}
	}
	var most muster.OperatorRole
	values, ok := at.([]any)
	if !ok {
		values = []any{at}
	}
	for _, value := range values {
		if text, ok := value.(string); ok {
			most = max(most, p.Roles[text])
		}
	}
	return most
}
