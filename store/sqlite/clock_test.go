package sqlite

import (
	"crypto/sha256"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

// The tests of this file see to the millisecond what the suite cannot see of a store that goes by a clock of its own.

// clock stands still until it is moved.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time {
	return fixtureTime.Add(time.Duration(c.ms.Load()) * time.Millisecond)
}

func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// timed is a store by a clock that the test moves.
type timed struct {
	*fixture
	*clock
	t *testing.T
}

func openTimed(t *testing.T) *timed {
	t.Helper()
	c := &clock{}
	return &timed{openFixture(t, Options{Now: c.now}), c, t}
}

func (f *timed) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *timed) same(what string, got, want any) {
	f.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// found fails the test at an error other than that of what is not there.
func (f *timed) found(err error) bool {
	f.t.Helper()
	if muster.KindOf(err) != muster.KindNotFound {
		f.ok(err)
	}
	return err == nil
}

func (f *timed) refresh(plain string, life time.Duration) *access.Token {
	return &access.Token{Tenant: f.tenant, Hash: sha256.Sum256([]byte(plain)), Kind: access.TokenRefresh, User: 9, Family: 8, Life: life}
}

func (f *timed) known(tokens ...*access.Token) []bool {
	f.t.Helper()
	var known []bool
	for _, token := range tokens {
		_, err := f.Token(f.t.Context(), token.Hash)
		known = append(known, f.found(err))
	}
	return known
}

func (f *timed) purge() bool {
	f.t.Helper()
	found, err := f.Purge(f.t.Context(), f.tenant, fixtureTime, 10)
	f.ok(err)
	return found
}

func TestTokensEndToTheMillisecond(t *testing.T) {
	t.Parallel()
	const life, grace = time.Minute, 10 * time.Second
	f := openTimed(t)
	ctx := t.Context()
	f.advance(999 * time.Millisecond)
	first, second, third, last := f.refresh("first", life), f.refresh("second", life), f.refresh("third", life), f.refresh("last", life)
	f.ok(f.CreateTokens(ctx, f.tenant, first))
	f.same("times of a token", []time.Time{first.IssuedAt, first.ExpiresAt}, []time.Time{fixtureTime, fixtureTime.Add(life)})

	f.ok(f.UseRefresh(ctx, f.tenant, first.Hash, grace, second))
	f.advance(grace - time.Millisecond)
	f.ok(f.UseRefresh(ctx, f.tenant, first.Hash, grace, third)) // which does not prolong the grace
	f.advance(time.Millisecond)
	f.same("tokens of the family", f.known(first, second, third), []bool{true, true, true})
	f.same("used when grace has passed", f.found(f.UseRefresh(ctx, f.tenant, first.Hash, grace)), false)
	f.same("tokens of the family after that", f.known(first, second, third), []bool{false, false, false})

	f.ok(f.CreateTokens(ctx, f.tenant, last))
	f.advance(last.ExpiresAt.Sub(f.now()) - time.Millisecond)
	f.same("token and purge just before its end", []bool{f.known(last)[0], f.purge()}, []bool{true, false})
	f.advance(time.Millisecond)
	f.same("token at its end", f.known(last), []bool{false})
	f.same("used at its end", f.found(f.UseRefresh(ctx, f.tenant, last.Hash, grace)), false)
	f.same("purged at its end", f.purge(), true)
}

func TestLinksEndToTheMillisecond(t *testing.T) {
	t.Parallel()
	f := openTimed(t)
	admins, err := f.Administrators(t.Context(), f.tenant, 1)
	f.ok(err)
	user := admins[0].ID
	f.ok(f.ChangeSignIns(t.Context(), f.tenant, []muster.ID{user}, func(s *muster.SignIn) error {
		s.Activation = &muster.Activation{Hash: []byte("h"), ExpiresAt: s.Now.Add(time.Hour)}
		return nil
	}))
	signIn, err := f.SignIn(t.Context(), f.tenant, user)
	f.ok(err)
	f.same("time and end", []time.Time{signIn.Now, signIn.Activation.ExpiresAt}, []time.Time{fixtureTime, fixtureTime.Add(time.Hour)})
	f.advance(time.Hour - time.Millisecond)
	f.same("purged just before the end", f.purge(), false)
	f.advance(time.Millisecond)
	f.same("purged at the end", f.purge(), true)
}

func TestWindowsEndToTheMillisecond(t *testing.T) {
	t.Parallel()
	const window = time.Minute
	f := openTimed(t)
	key := access.AttemptKey{1}
	left := func(what string, want access.Attempts) {
		t.Helper()
		attempts, err := f.RefusedAttempts(t.Context(), key)
		f.ok(err)
		f.same(what, attempts, []access.Attempts{want})
	}
	f.ok(f.CountRefusedAttempt(t.Context(), window, key))
	f.advance(window - time.Millisecond)
	f.ok(f.CountRefusedAttempt(t.Context(), window, key))
	left("attempts just before the end", access.Attempts{Count: 2, Left: time.Millisecond})
	f.same("purged just before the end", f.purge(), false)
	f.advance(time.Millisecond)
	left("attempts at the end", access.Attempts{})
	f.ok(f.CountRefusedAttempt(t.Context(), window, key))
	left("attempts of the next window", access.Attempts{Count: 1, Left: window})
	f.advance(window)
	f.same("purged at the end", f.purge(), true)
}
