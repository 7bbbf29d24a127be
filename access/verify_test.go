package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/secret"
)

func newSigned(s signature.Signer, now time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, nil)
	if err := s.Sign(r, nil, now); err != nil {
		panic(err) // the tests' own signers are in order
	}
	return r
}

func TestVerifyNamesTheCaller(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, scheme := range []signature.Scheme{signature.SchemeApp, signature.SchemeSDK} {
		s := b.signer
		s.Scheme = scheme
		caller, err := verify(b.verifier, b.signed(t, s, "body"), "body")
		must(t, err)
		want := access.Caller{
			Tenant: b.tenant, AppID: broughtAppID, User: b.admin.ID, Level: muster.LevelSystemAdmin, Scopes: muster.AllScopes,
			Query: signature.Query{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}, Fingerprint: caller.Fingerprint,
		}
		if diff := cmp.Diff(&want, caller); diff != "" {
			t.Errorf("%s: %s", scheme, diff)
		}
	}
}

func TestFingerprintTellsRequestsApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fingerprint := func(s signature.Signer, body string, changes ...func(*http.Request)) string {
		caller, err := verify(b.verifier, b.signed(t, s, body, changes...), body)
		must(t, err)
		return string(caller.Fingerprint)
	}
	first := fingerprint(b.signer, "body")
	if !strings.HasPrefix(first, broughtAppID+"\n") {
		t.Errorf("fingerprint %q does not begin with the AppId", first)
	}
	if fingerprint(b.signer, "body") != first {
		t.Error("a repeat has another fingerprint")
	}
	if fingerprint(b.signer, "body", queryOf("a=1&b=2")) != first {
		t.Error("the order of the query changes the fingerprint, though it changes no signature")
	}
	if fingerprint(b.signer, "other") == first {
		t.Error("another body has the same fingerprint")
	}
	b.clock.Advance(time.Second)
	if fingerprint(b.signer, "body") == first {
		t.Error("a request signed later has the same fingerprint")
	}
}

func queryOf(query string) func(*http.Request) {
	return func(r *http.Request) {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		r.RequestURI = path + "?" + query
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sign := func(s signature.Signer, changes ...func(*http.Request)) func(*testing.T) *http.Request {
		return func(t *testing.T) *http.Request { t.Helper(); return b.signed(t, s, "body", changes...) }
	}
	at := func(d time.Duration) func(*testing.T) *http.Request {
		return func(*testing.T) *http.Request {
			r := httptest.NewRequest(http.MethodPost, target, nil)
			must(t, b.signer.Sign(r, []byte("body"), b.clock.Now().Add(d)))
			return r
		}
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, tc := range []struct {
		name    string
		kind    muster.Kind
		early   bool   // before the body is read
		says    string // what the detail must hold
		request func(*testing.T) *http.Request
	}{
		{"a dot segment", muster.KindInvalid, true, "dot segment", sign(b.signer, func(r *http.Request) { r.RequestURI = "/koodrive/../x" })},
		{"no Authorization", muster.KindUnauthenticated, true, "Authorization is missing", sign(b.signer, func(r *http.Request) { r.Header.Del("Authorization") })},
		{"no date", muster.KindUnauthenticated, true, "x-date", sign(b.signer, func(r *http.Request) { r.Header.Del("X-Date") })},
		{"a bad date", muster.KindUnauthenticated, true, "yyyyMMdd", sign(b.signer, header("X-Date", "2026-01-02"))},
		{"an old date", muster.KindUnauthenticated, true, "old", at(-signature.MaxAge - time.Second)},
		{"a date to come", muster.KindUnauthenticated, true, "future", at(signature.Leeway + time.Second)},
		{"no user", muster.KindUnauthenticated, true, "x-user-id", sign(b.signer, func(r *http.Request) { r.Header.Del("X-User-Id") })},
		{"another path", muster.KindUnauthenticated, false, "signature", sign(b.signer, func(r *http.Request) { r.RequestURI = "/koodrive/ose/v1/user/batchRegister/get?b=2&a=1" })},
		{"another query", muster.KindUnauthenticated, false, "signature", sign(b.signer, queryOf("b=2&a=2"))},
		{"another host", muster.KindUnauthenticated, false, "signature", sign(b.signer, func(r *http.Request) { r.Host = "other.example" })},
		{"another method", muster.KindUnauthenticated, false, "signature", sign(b.signer, func(r *http.Request) { r.Method = http.MethodGet })},
		{"another date", muster.KindUnauthenticated, false, "signature", sign(b.signer, header("X-Date", "20260102T030404Z"))},
		{"another user", muster.KindUnauthenticated, false, "signature", sign(b.signer, header("X-User-Id", "1"))},
		{"another body", muster.KindUnauthenticated, false, "signature", func(t *testing.T) *http.Request { t.Helper(); return b.signed(t, b.signer, "body ") }},
		{"another secret", muster.KindUnauthenticated, false, "signature", sign(withSecret(b.signer, "another secret"))},
		{"an unknown AppId", muster.KindUnauthenticated, false, "signature", sign(withAppID(b.signer, "unknown"))},
		{"a user that does not exist", muster.KindForbidden, false, "X-User-Id", sign(withUser(b.signer, 42))},
		{"a user id that is none", muster.KindForbidden, false, "X-User-Id", sign(withUser(b.signer, "me"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			pending, err := b.verifier.Begin(tc.request(t))
			if tc.early != (err != nil) {
				t.Fatalf("before the body: %v", err)
			}
			if err == nil {
				_, err = pending.Verify(t.Context(), []byte("body"))
			}
			if e := refused(t, err, tc.kind); !strings.Contains(e.Detail, tc.says) {
				t.Errorf("detail %q does not say %q", e.Detail, tc.says)
			}
		})
	}
}

func TestUsersWhoMayNotProvisionAreForbidden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, stranger, err := b.service.CreateTenant(t.Context(), access.NewTenant{Name: "second"})
	must(t, err)
	if _, err := verify(b.verifier, b.signed(t, withUser(b.signer, stranger.ID), ""), ""); err == nil {
		t.Error("an administrator of another tenant is accepted")
	} else {
		refused(t, err, muster.KindForbidden)
	}
	for _, tc := range []struct {
		level    muster.AdminLevel
		disabled bool
		allowed  bool
	}{
		{muster.LevelSystemAdmin, false, true},
		{muster.LevelManager, false, true},
		{muster.LevelSystemAdmin, true, false},
		{muster.LevelManager, true, false},
		{muster.LevelCommon, false, false},
		{muster.LevelDepartmentAdmin, false, false},
	} {
		v := *b.verifier
		v.Directory = &directory{Directory: b.store, user: func(u *muster.User) { u.Level, u.Disabled = tc.level, tc.disabled }}
		caller, err := verify(&v, b.signed(t, b.signer, ""), "")
		if tc.allowed {
			must(t, err)
			if caller.Level != tc.level {
				t.Errorf("level = %d, want %d", caller.Level, tc.level)
			}
		} else {
			refused(t, err, muster.KindForbidden)
		}
	}
}

// directory watches, alters and breaks what a real one answers.
type directory struct {
	access.Directory
	calls  []string
	failAt string
	err    error
	user   func(*muster.User)
}

func (d *directory) call(name string) error {
	d.calls = append(d.calls, name)
	if name == d.failAt {
		return d.err
	}
	return nil
}

func (d *directory) Credential(ctx context.Context, appID string) (*muster.Credential, error) {
	if err := d.call("credential"); err != nil {
		return nil, err
	}
	return d.Directory.Credential(ctx, appID)
}

func (d *directory) Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error) {
	if err := d.call("tenant"); err != nil {
		return nil, err
	}
	return d.Directory.Tenant(ctx, id)
}

func (d *directory) User(ctx context.Context, tenant, id muster.ID) (*muster.User, error) {
	if err := d.call("user"); err != nil {
		return nil, err
	}
	u, err := d.Directory.User(ctx, tenant, id)
	if err == nil && d.user != nil {
		d.user(u)
	}
	return u, err
}

// countingKeyring counts what is sealed and opened.
type countingKeyring struct {
	access.Keyring
	ciphers atomic.Int32
}

func (k *countingKeyring) SealSecret(plaintext, aad []byte) []byte {
	k.ciphers.Add(1)
	return k.Keyring.SealSecret(plaintext, aad)
}

func (k *countingKeyring) OpenSecret(sealed, aad []byte) ([]byte, error) {
	k.ciphers.Add(1)
	return k.Keyring.OpenSecret(sealed, aad)
}

// TestUnknownDisabledAndWrongLookAlike shows that neither the answer nor the work tells an unknown AppId, a disabled one,
// one in rotation and a wrong signature apart. (That the number of HMACs is the same is package signature's.)
func TestUnknownDisabledAndWrongLookAlike(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, appID := range []string{"disabled", "rotating"} {
		_, err := b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{AppID: appID, Secret: broughtSecret})
		must(t, err)
	}
	_, err := b.service.ChangeCredential(t.Context(), b.tenant.ID, "disabled", access.CredentialChange{Disabled: new(true)})
	must(t, err)
	_, err = b.service.RotateCredential(t.Context(), b.tenant.ID, "rotating", access.DefaultOverlap, "the secret that comes next")
	must(t, err)

	type seen struct {
		Error   string
		Lookups []string
		Ciphers int32
	}
	want := seen{Error: signature.ErrMismatch.Reason, Lookups: []string{"credential"}, Ciphers: signature.MaxSecrets}
	for name, signer := range map[string]signature.Signer{
		"wrong secret":    withSecret(b.signer, "not the secret"),
		"unknown AppId":   withAppID(b.signer, "unknown"),
		"disabled":        withAppID(b.signer, "disabled"),
		"wrong, rotating": withSecret(withAppID(b.signer, "rotating"), "not the secret"),
	} {
		d, k := &directory{Directory: b.store}, &countingKeyring{Keyring: b.keyring}
		v := *b.verifier
		v.Directory, v.Keyring = d, k
		_, err := verify(&v, b.signed(t, signer, ""), "")
		refused(t, err, muster.KindUnauthenticated)
		if diff := cmp.Diff(want, seen{err.Error(), d.calls, k.ciphers.Load()}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTroubleOfTheStoreIsNoRefusal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := errors.New("the disk is on fire")
	for _, at := range []string{"credential", "tenant", "user"} {
		v := *b.verifier
		v.Directory = &directory{Directory: b.store, failAt: at, err: broken}
		_, err := verify(&v, b.signed(t, b.signer, ""), "")
		if !errors.Is(err, broken) || muster.KindOf(err) != muster.KindInternal {
			t.Errorf("%s: error = %v, want the store's own", at, err)
		}
		v.Directory = &directory{Directory: b.store, failAt: at, err: &muster.Error{Kind: muster.KindUnavailable, Detail: "the queue is full"}}
		if _, err = verify(&v, b.signed(t, b.signer, ""), ""); muster.KindOf(err) != muster.KindUnavailable {
			t.Errorf("%s: error = %v, want the store's refusal", at, err)
		}
	}
	v := *b.verifier
	v.Directory = &directory{Directory: b.store, failAt: "tenant", err: &muster.Error{Kind: muster.KindNotFound, Detail: "no tenant"}}
	if _, err := verify(&v, b.signed(t, b.signer, ""), ""); err == nil || muster.KindOf(err) != muster.KindInternal {
		t.Errorf("a credential without its tenant gives %v, want a fault of ours", err)
	}
}

// TestKeysRotatedByAnotherProcess shows that the keys another process made are learnt of when they are needed, for opening
// secrets and for sealing them.
func TestKeysRotatedByAnotherProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.openKeyring(t)
	if _, err := other.Rotate(t.Context(), b.store); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(b.verifier, b.signed(t, b.signer, ""), ""); err != nil {
		t.Errorf("a secret sealed anew is not opened: %v", err)
	}
	if _, err := other.Rotate(t.Context(), b.store); err != nil {
		t.Fatal(err)
	}
	_, err := b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{AppID: "later"})
	must(t, err)
	if _, err := other.Rotate(t.Context(), b.store); err != nil {
		t.Fatal(err)
	}
	_, err = b.service.RotateCredential(t.Context(), b.tenant.ID, "later", 0, broughtSecret)
	must(t, err)
	if _, err := verify(b.verifier, b.signed(t, withAppID(b.signer, "later"), ""), ""); err != nil {
		t.Error(err)
	}
	v := *b.verifier
	v.Keyring = unreloadable{b.keyring}
	if _, err := verify(&v, b.signed(t, b.signer, ""), ""); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("error = %v, want the keyring's", err)
	}
}

// unreloadable knows no key and learns of none.
type unreloadable struct{ access.Keyring }

func (unreloadable) OpenSecret([]byte, []byte) ([]byte, error) { return nil, secret.ErrUnknownKey }
func (unreloadable) Reload(context.Context) error              { return nil }
