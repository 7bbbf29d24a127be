package storetest

import (
	"crypto/sha256"
	"time"

	"muster"
	"muster/access"
)

func (b *bundle) token(tenant muster.ID, plain string) access.Token {
	return access.Token{
		Tenant: tenant, Hash: sha256.Sum256([]byte(plain)), Kind: access.TokenApplication, AppID: "app", SecretAt: b.now.Add(-time.Hour),
		IssuedAt: b.now.Truncate(time.Second), ExpiresAt: b.now.Truncate(time.Second).Add(10 * time.Minute),
	}
}

func testTokens(b *bundle) {
	one, two := b.token(b.tenant, "one"), b.token(b.tenant, "two")
	foreign := b.token(b.other, "one")
	foreign.AppID = "another app"
	for _, t := range []access.Token{one, two, foreign} {
		b.ok(b.store.CreateToken(b.Context(), &t))
	}
	for _, t := range []access.Token{one, two, foreign} {
		got, err := b.store.Token(b.Context(), t.Tenant, t.Hash, t.ExpiresAt.Add(-time.Millisecond))
		b.ok(err)
		b.same("token", *got, t)
		_, err = b.store.Token(b.Context(), t.Tenant, t.Hash, t.ExpiresAt)
		b.kind(err, muster.KindNotFound)
	}
	_, err := b.store.Token(b.Context(), b.other, two.Hash, b.now)
	b.kind(err, muster.KindNotFound)
	nobodys := b.token(b.id(), "three")
	b.kind(b.store.CreateToken(b.Context(), &nobodys), muster.KindNotFound)
}

func testAttempts(b *bundle) {
	x, y, z := access.AttemptKey{1}, access.AttemptKey{31: 1}, access.AttemptKey{2}
	until := b.now.Add(time.Minute)
	read := func(now time.Time, keys ...access.AttemptKey) []access.Attempts {
		b.Helper()
		attempts, err := b.store.RefusedAttempts(b.Context(), now, keys...)
		b.ok(err)
		return attempts
	}
	b.same("attempts at first", read(b.now, x, y), []access.Attempts{{}, {}})
	b.ok(b.store.CountRefusedAttempt(b.Context(), b.now, until, x, y))
	b.ok(b.store.CountRefusedAttempt(b.Context(), b.now, until.Add(time.Minute), x))
	b.same("attempts", read(b.now, y, z, x), []access.Attempts{{Count: 1, Until: until}, {}, {Count: 2, Until: until}})
	b.same("attempts at the window's end", read(until, x, y), []access.Attempts{{}, {}})
	b.same("attempts just before", read(until.Add(-time.Millisecond), x)[0].Count, 2)

	next := until.Add(time.Minute)
	b.ok(b.store.CountRefusedAttempt(b.Context(), until, next, x))
	b.same("attempts of the next window", read(until, x, y), []access.Attempts{{Count: 1, Until: next}, {}})
	b.same("attempts of no key", len(read(b.now)), 0)
}

func testPurgeTokens(b *bundle) {
	var tokens []access.Token
	for _, plain := range []string{"one", "two", "three"} {
		t := b.token(b.tenant, plain)
		tokens = append(tokens, t)
		b.ok(b.store.CreateToken(b.Context(), &t))
	}
	foreign, young := b.token(b.other, "one"), b.token(b.tenant, "young")
	young.ExpiresAt = young.ExpiresAt.Add(time.Second)
	b.ok(b.store.CreateToken(b.Context(), &foreign))
	b.ok(b.store.CreateToken(b.Context(), &young))
	before := b.now
	end := tokens[0].ExpiresAt
	b.ok(b.store.CountRefusedAttempt(b.Context(), b.now, end, access.AttemptKey{1}, access.AttemptKey{2}))
	b.ok(b.store.CountRefusedAttempt(b.Context(), b.now, end.Add(time.Second), access.AttemptKey{3}))

	b.now = end.Add(-time.Millisecond)
	b.same("purged before the end", b.purge(b.tenant, before, 2), false)
	b.now = end
	steps := 0
	for ; b.purge(b.tenant, before, 2); steps++ {
		if steps > 100 {
			b.Fatal("purging finds no end")
		}
	}
	if steps < 3 {
		b.Errorf("5 things were purged in %d steps of 2", steps)
	}
	for _, t := range tokens {
		_, err := b.store.Token(b.Context(), b.tenant, t.Hash, before)
		b.kind(err, muster.KindNotFound)
	}
	for _, t := range []access.Token{foreign, young} {
		_, err := b.store.Token(b.Context(), t.Tenant, t.Hash, before)
		b.ok(err)
	}
	attempts, err := b.store.RefusedAttempts(b.Context(), before, access.AttemptKey{1}, access.AttemptKey{2}, access.AttemptKey{3})
	b.ok(err)
	b.same("attempts left", []int{attempts[0].Count, attempts[1].Count, attempts[2].Count}, []int{0, 0, 1})
}
