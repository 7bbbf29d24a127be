package access_test

import (
	"context"
	"testing"
	"time"

	"muster"
	"muster/access"
)

func (p *people) refresh(t *testing.T, token string) *access.Session {
	t.Helper()
	session, err := p.sessions().Refresh(t.Context(), access.TenantHint{}, token)
	if err != nil {
		refused(t, err, muster.KindUnauthenticated)
		return nil
	}
	return session
}

// TestARefreshTokenIsUsedOnce, or again for half a minute; later than that its family ends, and nothing else.
func TestARefreshTokenIsUsedOnce(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, rightPassword)
	first, other := p.signIn(t, "ann", rightPassword), p.signIn(t, "ann", rightPassword)
	p.clock.Advance(time.Minute)
	second := p.refresh(t, first.RefreshToken)
	if second == nil || p.speaksFor(t, second.AccessToken) != ann || p.speaksFor(t, first.AccessToken) != ann {
		t.Fatal("a refresh does not give a good token, or ends the one before")
	}
	if second.ExpiresAt.Sub(second.IssuedAt) != 1800*time.Second || !second.IssuedAt.Equal(first.IssuedAt.Add(time.Minute)) {
		t.Errorf("issued at %s, ends at %s", second.IssuedAt, second.ExpiresAt)
	}
	p.clock.Advance(30*time.Second - time.Millisecond)
	again := p.refresh(t, first.RefreshToken)
	if again == nil || again.RefreshToken == second.RefreshToken {
		t.Fatal("used again within 30 s, a refresh token does not answer again with a session of its own")
	}
	third := p.refresh(t, second.RefreshToken)
	p.clock.Advance(time.Millisecond)
	if p.refresh(t, first.RefreshToken) != nil {
		t.Error("used again after 30 s, a refresh token answers")
	}
	for _, s := range []*access.Session{first, second, again, third} {
		if p.speaksFor(t, s.AccessToken) != 0 || p.refresh(t, s.RefreshToken) != nil {
			t.Error("a token of a family that ended is good")
		}
	}
	if p.speaksFor(t, other.AccessToken) != ann || p.refresh(t, other.RefreshToken) == nil {
		t.Error("another sign-in ended with a family")
	}
}

func TestARefreshTokenLivesForADay(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	session := p.signIn(t, "ann", rightPassword)
	p.clock.Advance(24*time.Hour - time.Millisecond)
	next := p.refresh(t, session.RefreshToken)
	if next == nil {
		t.Fatal("ends before its time")
	}
	p.clock.Advance(24 * time.Hour)
	if p.refresh(t, next.RefreshToken) != nil {
		t.Error("lives on at the end of its day")
	}
}

// TestOneRefreshTokenAtOnce: whoever uses it in the same half minute gets a session that is good.
func TestOneRefreshTokenAtOnce(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, rightPassword)
	token := p.signIn(t, "ann", rightPassword).RefreshToken
	type result struct {
		session *access.Session
		err     error
	}
	const callers = 16
	results := make(chan result, callers)
	for range callers {
		go func() {
			session, err := p.sessions().Refresh(context.Background(), access.TenantHint{}, token)
			results <- result{session, err}
		}()
	}
	for range callers {
		r := <-results
		must(t, r.err)
		if p.speaksFor(t, r.session.AccessToken) != ann {
			t.Error("a session is worth nothing")
		}
	}
}
