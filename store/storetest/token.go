package storetest

import (
	"crypto/sha256"
	"time"

	"muster"
	"muster/access"
)

// Tests go by the store's clock, which may be a database's own: what is to live has an hour, and what is to have ended
// never lived.
const (
	live  = time.Hour
	ended = -time.Second
)

func (b *bundle) token(tenant muster.ID, plain string, life time.Duration) *access.Token {
	return &access.Token{
		Tenant: tenant, Hash: sha256.Sum256([]byte(plain)), Kind: access.TokenApplication, AppID: "app", SecretAt: b.now.Add(-time.Hour), Life: life,
	}
}

// session is a user's token of a kind.
func (b *bundle) session(tenant, family muster.ID, kind access.TokenKind, plain string, life time.Duration) *access.Token {
	return &access.Token{
		Tenant: tenant, Hash: sha256.Sum256([]byte(plain)), Kind: kind, User: 1 << 60, Epoch: 7, Family: family, Life: life,
	}
}

func (b *bundle) createTokens(tokens ...*access.Token) {
	b.Helper()
	for _, t := range tokens {
		b.ok(b.store.CreateTokens(b.Context(), t.Tenant, t))
	}
}

// alive fails the test unless the store has exactly so many of the tokens, whole, from the first on.
func (b *bundle) alive(what string, n int, tokens ...*access.Token) {
	b.Helper()
	for i, t := range tokens {
		got, err := b.store.Token(b.Context(), t.Hash)
		if i < n {
			b.ok(err)
			b.same(what, got, t)
		} else {
			b.kind(err, muster.KindNotFound)
		}
	}
}

func testTokens(b *bundle) {
	one, two, over := b.token(b.tenant, "one", live), b.token(b.tenant, "two", live), b.token(b.tenant, "over", ended)
	never, foreign := b.token(b.tenant, "never", 0), b.token(b.other, "foreign", live)
	foreign.AppID = "another app"
	access1 := b.session(b.other, b.id(), access.TokenUser, "user's", live)
	before := time.Now()
	b.createTokens(one, foreign)
	b.ok(b.store.CreateTokens(b.Context(), b.tenant, two, over, never))
	b.ok(b.store.CreateTokens(b.Context(), b.tenant))
	b.createTokens(access1)
	if skew := one.IssuedAt.Sub(before).Abs(); skew > time.Minute || one.IssuedAt.Nanosecond() != 0 || one.ExpiresAt.Sub(one.IssuedAt) != live {
		b.Errorf("a token of %s made at %s is from %s to %s", live, before, one.IssuedAt, one.ExpiresAt)
	}
	b.alive("token", 4, one, foreign, two, access1, over, never, b.token(b.tenant, "unknown", live))

	nobodys := b.token(b.id(), "three", live)
	b.kind(b.store.CreateTokens(b.Context(), nobodys.Tenant, nobodys), muster.KindNotFound)
	if err := b.store.CreateTokens(b.Context(), b.other, b.token(b.other, "four", live), b.token(b.other, "one", live)); err == nil {
		b.Error("two tokens have one hash")
	}
	b.alive("token after refusals", 1, one, nobodys, b.token(b.other, "four", live))
}

// testCredentialAndToken: each is found or not by itself, and no token of another tenant's is.
func testCredentialAndToken(b *bundle) {
	c := b.credential(b.tenant, "app")
	b.ok(b.store.CreateCredential(b.Context(), c))
	own, foreign, over := b.token(b.tenant, "own", live), b.token(b.other, "foreign", live), b.token(b.tenant, "over", ended)
	b.createTokens(own, foreign, over)
	for name, test := range map[string]struct {
		appID      string
		token      *access.Token
		credential *muster.Credential
		want       *access.Token
	}{
		"both":             {"app", own, c, own},
		"another tenant's": {"app", foreign, c, nil},
		"expired":          {"app", over, c, nil},
		"unknown token":    {"app", b.token(b.tenant, "unknown", live), c, nil},
		"unknown AppID":    {"nobody's", own, nil, nil},
	} {
		credential, token, err := b.store.CredentialAndToken(b.Context(), test.appID, test.token.Hash)
		b.ok(err)
		b.same(name+": credential", credential, test.credential)
		b.same(name+": token", token, test.want)
	}
}

func testRefresh(b *bundle) {
	family := b.id()
	user, refresh := b.session(b.tenant, family, access.TokenUser, "user", live), b.session(b.tenant, family, access.TokenRefresh, "refresh", live)
	over := b.session(b.tenant, family, access.TokenRefresh, "over", ended)
	elsewhere := b.session(b.tenant, b.id(), access.TokenRefresh, "elsewhere", live)
	twin := b.session(b.other, family, access.TokenRefresh, "twin", live)
	b.createTokens(user, refresh, over, elsewhere, twin)

	n := 0
	use := func(tenant muster.ID, t *access.Token, grace time.Duration) ([]*access.Token, error) {
		n++
		plain := muster.ID(n).String()
		next := []*access.Token{
			b.session(tenant, t.Family, access.TokenUser, "user"+plain, live), b.session(tenant, t.Family, access.TokenRefresh, "refresh"+plain, live),
		}
		return next, b.store.UseRefresh(b.Context(), tenant, t.Hash, grace, next...)
	}
	refused := func(tenant muster.ID, t *access.Token, grace time.Duration) {
		b.Helper()
		next, err := use(tenant, t, grace)
		b.kind(err, muster.KindNotFound)
		b.alive("token after a refusal", 0, next...)
	}
	for _, c := range []struct {
		tenant muster.ID
		token  *access.Token
	}{{b.tenant, user}, {b.tenant, over}, {b.other, refresh}, {b.id(), refresh}, {b.tenant, b.token(b.tenant, "unknown", live)}} {
		refused(c.tenant, c.token, live)
	}
	first, err := use(b.tenant, refresh, 0)
	b.ok(err)
	again, err := use(b.tenant, refresh, live) // the answer was lost
	b.ok(err)
	later, err := use(b.tenant, first[1], 0)
	b.ok(err)
	b.alive("token of the family", 7, user, refresh, first[0], again[0], again[1], later[0], later[1])

	refused(b.tenant, refresh, 0) // somebody else has it
	b.alive("token of the family after a theft", 0, user, refresh, first[0], first[1], again[0], again[1], later[0], later[1])
	b.alive("token of another family", 2, elsewhere, twin)
	refused(b.tenant, later[1], live)
	_, err = use(b.tenant, elsewhere, 0)
	b.ok(err)
}

func testAttempts(b *bundle) {
	x, y, z := access.AttemptKey{1}, access.AttemptKey{31: 1}, access.AttemptKey{2}
	read := func(what string, keys []access.AttemptKey, counts ...int) []access.Attempts {
		b.Helper()
		attempts, err := b.store.RefusedAttempts(b.Context(), keys...)
		b.ok(err)
		got := make([]int, len(attempts))
		for i, a := range attempts {
			got[i] = a.Count
			if (a.Count == 0) != (a.Left == 0) || a.Left < 0 || a.Left > live {
				b.Errorf("%s: the window of %d attempts ends in %s", what, a.Count, a.Left)
			}
		}
		b.same(what, got, append([]int{}, counts...))
		return attempts
	}
	count := func(window time.Duration, keys ...access.AttemptKey) {
		b.Helper()
		b.ok(b.store.CountRefusedAttempt(b.Context(), window, keys...))
	}
	read("attempts at first", []access.AttemptKey{x, y}, 0, 0)
	count(live, x, y)
	count(2*live, x) // the window goes on
	left := read("attempts", []access.AttemptKey{y, z, x}, 1, 0, 2)
	if left[2].Left < live-time.Minute {
		b.Errorf("a window of %s that began now ends in %s", live, left[2].Left)
	}
	count(0, z, z)
	read("attempts of a window that has ended", []access.AttemptKey{z, x}, 0, 2)
	count(live, z, x)
	count(live)
	read("attempts of the next window", []access.AttemptKey{z, x}, 1, 3)
	read("attempts of no key", nil)
}

func testPurgeTokens(b *bundle) {
	over := []*access.Token{
		b.token(b.tenant, "one", ended), b.token(b.tenant, "two", 0), b.session(b.tenant, 1, access.TokenRefresh, "three", -live),
	}
	young, foreign := b.token(b.tenant, "young", live), b.token(b.other, "foreign", live)
	b.createTokens(young, foreign, b.token(b.other, "old", ended))
	b.ok(b.store.CountRefusedAttempt(b.Context(), live, access.AttemptKey{3}))
	b.same("purged too early", b.purge(b.tenant, b.now, 2), false)

	b.createTokens(over...)
	b.ok(b.store.CountRefusedAttempt(b.Context(), 0, access.AttemptKey{1}, access.AttemptKey{2}))
	steps := 0
	for ; b.purge(b.tenant, b.now, 2); steps++ {
		if steps > 100 {
			b.Fatal("purging finds no end")
		}
	}
	if steps < 3 {
		b.Errorf("5 things were purged in %d steps of 2", steps)
	}
	b.alive("token that was left", 2, young, foreign)
	attempts, err := b.store.RefusedAttempts(b.Context(), access.AttemptKey{1}, access.AttemptKey{2}, access.AttemptKey{3})
	b.ok(err)
	b.same("attempts left", []int{attempts[0].Count, attempts[1].Count, attempts[2].Count}, []int{0, 0, 1})
	b.same("purged of the other", b.purge(b.other, b.now, 2), true)
}
