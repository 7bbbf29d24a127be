package access_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/access/signature"
)

var here = netip.MustParseAddr("192.0.2.1")

func (b *bundle) tokens() *access.Tokens {
	return &access.Tokens{Store: b.store, Keyring: b.keyring, Now: b.clock.Now}
}

func (b *bundle) ask() access.TokenRequest {
	return access.TokenRequest{AppID: broughtAppID, Secret: broughtSecret, Address: here}
}

func (b *bundle) issue(t *testing.T) access.IssuedToken {
	t.Helper()
	issued, err := b.tokens().Issue(t.Context(), b.ask())
	must(t, err)
	return issued
}

// alive reports whether the token speaks for the pair that was brought along.
func (b *bundle) alive(t *testing.T, token string) bool {
	t.Helper()
	app, err := b.tokens().Application(t.Context(), broughtAppID, token)
	if err != nil {
		refused(t, err, muster.KindUnauthenticated)
		return false
	}
	want := access.Application{Tenant: b.tenant.ID, AppID: broughtAppID, Level: muster.LevelSystemAdmin, Scopes: muster.AllScopes}
	if diff := cmp.Diff(&want, app); diff != "" {
		t.Error(diff)
	}
	return true
}

func TestATokenSpeaksForItsPair(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.Advance(123 * time.Millisecond)
	first := b.issue(t)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{32}$`).MatchString(first.Token) {
		t.Errorf("the token is not 32 URL-safe characters, 192 bits of base64")
	}
	if !first.IssuedAt.Equal(b.clock.Now().Truncate(time.Second)) || first.ExpiresAt.Sub(first.IssuedAt) != access.DefaultTokenLife {
		t.Errorf("issued at %s, ends at %s", first.IssuedAt, first.ExpiresAt)
	}
	second := b.issue(t)
	if second.Token == first.Token {
		t.Error("two tokens are the same")
	}
	for _, token := range []string{first.Token, second.Token} {
		if !b.alive(t, token) {
			t.Error("a new token ends one issued before")
		}
	}
}

// TestOnlyTheHashIsStored: what the store gives of a token is its SHA-256 and nothing that it could be made from.
func TestOnlyTheHashIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	issued := b.issue(t)
	stored, err := b.store.Token(t.Context(), sha256.Sum256([]byte(issued.Token)))
	must(t, err)
	want := access.Token{
		Tenant: b.tenant.ID, Hash: sha256.Sum256([]byte(issued.Token)), Kind: access.TokenApplication, AppID: broughtAppID,
		SecretAt: b.clock.Now(), Life: access.DefaultTokenLife, IssuedAt: issued.IssuedAt, ExpiresAt: issued.ExpiresAt,
	}
	if diff := cmp.Diff(&want, stored); diff != "" {
		t.Error(diff)
	}
}

func TestATokenEndsToTheSecond(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, life := range []time.Duration{time.Second, access.DefaultTokenLife, access.MaxTokenLife} {
		r := b.ask()
		r.Life = life
		issued, err := b.tokens().Issue(t.Context(), r)
		must(t, err)
		b.clock.Advance(life - time.Millisecond)
		if !b.alive(t, issued.Token) {
			t.Errorf("%s: ended before its time", life)
		}
		b.clock.Advance(time.Millisecond)
		if b.alive(t, issued.Token) {
			t.Errorf("%s: lives on at the second of its end", life)
		}
	}
}

func TestALifeThatIsNotAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, life := range []time.Duration{-time.Second, time.Millisecond, 1500 * time.Millisecond, access.MaxTokenLife + time.Second} {
		r := b.ask()
		r.Life = life
		_, err := b.tokens().Issue(t.Context(), r)
		refused(t, err, muster.KindInvalid)
	}
}

// TestATokenEndsWithItsPair: the credential is looked up at each use.
func TestATokenEndsWithItsPair(t *testing.T) {
	t.Parallel()
	rotate := func(overlap time.Duration) func(*testing.T, *bundle) {
		return func(t *testing.T, b *bundle) {
			t.Helper()
			_, err := b.service.RotateCredential(t.Context(), b.tenant.ID, broughtAppID, overlap, "")
			must(t, err)
		}
	}
	disable := func(disabled bool) func(*testing.T, *bundle) {
		return func(t *testing.T, b *bundle) {
			t.Helper()
			_, err := b.service.ChangeCredential(t.Context(), b.tenant.ID, broughtAppID, access.CredentialChange{Disabled: new(disabled)})
			must(t, err)
		}
	}
	advance := func(d time.Duration) func(*testing.T, *bundle) {
		return func(_ *testing.T, b *bundle) { b.clock.Advance(d) }
	}
	for _, tc := range []struct {
		name  string
		steps []func(*testing.T, *bundle)
		alive bool
	}{
		{"nothing happens", nil, true},
		{"disabled", []func(*testing.T, *bundle){disable(true)}, false},
		{"disabled and enabled again", []func(*testing.T, *bundle){disable(true), disable(false)}, true},
		{"rotated without overlap", []func(*testing.T, *bundle){rotate(0)}, false},
		{"rotated with overlap", []func(*testing.T, *bundle){rotate(time.Minute), advance(time.Minute - time.Millisecond)}, true},
		{"rotated, overlap over", []func(*testing.T, *bundle){rotate(time.Minute), advance(time.Minute)}, false},
		{"rotated twice", []func(*testing.T, *bundle){rotate(time.Hour), advance(time.Second), rotate(time.Hour)}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			issued := b.issue(t)
			b.clock.Advance(time.Second)
			for _, step := range tc.steps {
				step(t, b)
			}
			if got := b.alive(t, issued.Token); got != tc.alive {
				t.Errorf("alive = %v, want %v", got, tc.alive)
			}
		})
	}
}

// TestATokenIsBoundToItsKey: with another key, of the same tenant or of another one, it is worth nothing.
func TestATokenIsBoundToItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other, _, err := b.service.CreateTenant(t.Context(), access.NewTenant{Name: "second"})
	must(t, err)
	_, err = b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{AppID: "sibling", Secret: broughtSecret})
	must(t, err)
	_, err = b.service.CreateCredential(t.Context(), other.ID, access.NewCredential{AppID: "stranger", Secret: broughtSecret})
	must(t, err)
	issued := b.issue(t)
	var answers []string
	for _, tc := range []struct{ appID, token string }{
		{"sibling", issued.Token}, {"stranger", issued.Token}, {"nobody", issued.Token}, {"", issued.Token},
		{broughtAppID, issued.Token + "x"}, {broughtAppID, issued.Token[1:]}, {broughtAppID, ""}, {broughtAppID, strings.ToLower(issued.Token) + " "},
	} {
		_, err := b.tokens().Application(t.Context(), tc.appID, tc.token)
		answers = append(answers, refused(t, err, muster.KindUnauthenticated).Error())
	}
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("two answers: %q and %q", a, answers[0])
		}
	}
}

// tokenStore watches what is asked of a real one, and breaks it.
type tokenStore struct {
	access.TokenStore
	calls  []string
	failAt string
	err    error
}

func (s *tokenStore) call(name string) error {
	s.calls = append(s.calls, name)
	if name == s.failAt {
		return s.err
	}
	return nil
}

func (s *tokenStore) Credential(ctx context.Context, appID string) (*muster.Credential, error) {
	if err := s.call("credential"); err != nil {
		return nil, err
	}
	return s.TokenStore.Credential(ctx, appID)
}

func (s *tokenStore) CreateTokens(ctx context.Context, tenant muster.ID, tokens ...*access.Token) error {
	if err := s.call("create"); err != nil {
		return err
	}
	return s.TokenStore.CreateTokens(ctx, tenant, tokens...)
}

func (s *tokenStore) Token(ctx context.Context, hash [32]byte) (*access.Token, error) {
	if err := s.call("token"); err != nil {
		return nil, err
	}
	return s.TokenStore.Token(ctx, hash)
}

func (s *tokenStore) CredentialAndToken(ctx context.Context, appID string, hash [32]byte) (*muster.Credential, *access.Token, error) {
	if err := s.call("credential and token"); err != nil {
		return nil, nil, err
	}
	return s.TokenStore.CredentialAndToken(ctx, appID, hash)
}

func (s *tokenStore) RefusedAttempts(ctx context.Context, keys ...access.AttemptKey) ([]access.Attempts, error) {
	if err := s.call(fmt.Sprintf("attempts of %d", len(keys))); err != nil {
		return nil, err
	}
	return s.TokenStore.RefusedAttempts(ctx, keys...)
}

func (s *tokenStore) CountRefusedAttempt(ctx context.Context, window time.Duration, keys ...access.AttemptKey) error {
	if err := s.call(fmt.Sprintf("count %d", len(keys))); err != nil {
		return err
	}
	return s.TokenStore.CountRefusedAttempt(ctx, window, keys...)
}

// tokenKeyring counts what is sealed and opened by a real one.
type tokenKeyring struct {
	countingKeyring
	access.TokenKeyring
}

func (k *tokenKeyring) SealSecret(plaintext, aad []byte) []byte {
	return k.countingKeyring.SealSecret(plaintext, aad)
}

func (k *tokenKeyring) OpenSecret(sealed, aad []byte) ([]byte, error) {
	return k.countingKeyring.OpenSecret(sealed, aad)
}

func (k *tokenKeyring) Reload(ctx context.Context) error { return k.TokenKeyring.Reload(ctx) }

// TestRefusedPairsLookAlike: neither the answer nor the work tells an unknown key, a disabled one, one in rotation and a
// wrong secret apart.
func TestRefusedPairsLookAlike(t *testing.T) {
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
		Calls   []string
		Ciphers int32
	}
	var want *seen
	for _, tc := range []struct{ name, appID, secret string }{
		{"wrong secret", broughtAppID, "not the secret"},
		{"no secret", broughtAppID, ""},
		{"part of the secret", broughtAppID, broughtSecret[:10]},
		{"what stands in for no secret", broughtAppID, "a secret of the same length as real ones"},
		{"unknown key", "unknown", broughtSecret},
		{"unknown key, and what stands in", "unknown", "a secret of the same length as real ones"},
		{"an endless key", strings.Repeat("k", 10_000), broughtSecret},
		{"a key that is none", "\x00\n", broughtSecret},
		{"disabled", "disabled", broughtSecret},
		{"wrong, rotating", "rotating", "not the secret"},
	} {
		s := &tokenStore{TokenStore: b.store}
		k := &tokenKeyring{countingKeyring: countingKeyring{Keyring: b.keyring}, TokenKeyring: b.keyring}
		tokens := access.Tokens{Store: s, Keyring: k, Now: b.clock.Now}
		_, err := tokens.Issue(t.Context(), access.TokenRequest{AppID: tc.appID, Secret: tc.secret, Address: here})
		got := seen{refused(t, err, muster.KindUnauthenticated).Error(), s.calls, k.ciphers.Load()}
		if want == nil {
			want = &seen{got.Error, []string{"attempts of 2", "credential", "count 2"}, signature.MaxSecrets}
		}
		if diff := cmp.Diff(*want, got); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestBothSecretsOfARotationAreGood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.Advance(time.Second)
	next, err := b.service.RotateCredential(t.Context(), b.tenant.ID, broughtAppID, time.Hour, "")
	must(t, err)
	old, err := b.tokens().Issue(t.Context(), b.ask())
	must(t, err)
	r := b.ask()
	r.Secret = next.Secret
	recent, err := b.tokens().Issue(t.Context(), r)
	must(t, err)
	r.Life = access.MaxTokenLife
	b.clock.Advance(time.Hour - time.Second)
	_, err = b.tokens().Issue(t.Context(), b.ask())
	must(t, err)
	if b.alive(t, old.Token) || b.alive(t, recent.Token) {
		t.Error("tokens of ten minutes live for an hour")
	}
	b.clock.Advance(time.Second)
	_, err = b.tokens().Issue(t.Context(), b.ask())
	refused(t, err, muster.KindUnauthenticated)
	_, err = b.tokens().Issue(t.Context(), r)
	must(t, err)
}

func TestTroubleOfTheStoreIsNoRefusalOfAToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := errors.New("the disk is on fire")
	issued := b.issue(t)
	for _, at := range []string{"credential", "create", "credential and token", "attempts of 2", "count 2"} {
		tokens := access.Tokens{Store: &tokenStore{TokenStore: b.store, failAt: at, err: broken}, Keyring: b.keyring, Now: b.clock.Now}
		r := b.ask()
		if at == "count 2" {
			r.Secret = "guessed secret"
		}
		_, err := tokens.Issue(t.Context(), r)
		if at == "credential and token" {
			_, err = tokens.Application(t.Context(), broughtAppID, issued.Token)
		}
		if !errors.Is(err, broken) || muster.KindOf(err) != muster.KindInternal {
			t.Errorf("%s: error = %v, want the store's own", at, err)
		}
	}
}

// TestTokensStayOutOfPrint: nothing that is printed or logged holds a token.
func TestTokensStayOutOfPrint(t *testing.T) {
	t.Parallel()
	b := setup(t)
	issued := b.issue(t)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("issued", "token", issued)
	for _, s := range []string{fmt.Sprint(issued), fmt.Sprintf("%+v %#v %s", issued, issued, &issued), log.String()} {
		if strings.Contains(s, issued.Token) {
			t.Errorf("the token is in %q", s)
		}
	}
}
