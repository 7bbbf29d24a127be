package access_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

// TestSignInsAreThrottled: ten refused attempts at an account from an address and a hundred from an address, in a minute,
// together with those at key pairs. The owner, who is elsewhere, signs in.
func TestSignInsAreThrottled(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	p.waits.clock = nil // minutes are moved by hand
	p.add(t, muster.User{Account: "ann", Phone: "+27100000001"}, rightPassword)
	guess := func(account string) error {
		_, err := p.sessions().SignIn(t.Context(), p.request(account, "guessed"))
		return err
	}
	for i := range 10 {
		refused(t, guess([]string{"ann", " ANN", "Ann "}[i%3]), muster.KindUnauthenticated)
	}
	p.clock.Advance(20 * time.Second)
	if e := refused(t, guess("ann"), muster.KindOverloaded); e.RetryAfter != 40*time.Second {
		t.Errorf("retry after %s, want 40s", e.RetryAfter)
	}
	_, err := p.sessions().SignIn(t.Context(), p.request("ann", rightPassword))
	refused(t, err, muster.KindOverloaded) // the right password tells a guesser nothing either
	for i := range 10 {
		refused(t, guess([]string{"+27100000001", "0027 100 000 001", "+27-100-000-001"}[i%3]), muster.KindUnauthenticated)
	}
	refused(t, guess(" +27 100000001"), muster.KindOverloaded)
	for range 10 {
		_, err := p.tokens().Issue(t.Context(), access.TokenRequest{AppID: "unknown", Secret: "guessed secret", Address: here})
		refused(t, err, muster.KindUnauthenticated)
	}
	for i := range 70 {
		refused(t, guess(fmt.Sprint("account", i)), muster.KindUnauthenticated)
	}
	refused(t, guess("another account"), muster.KindOverloaded)
	_, err = p.tokens().Issue(t.Context(), p.ask())
	refused(t, err, muster.KindOverloaded)

	elsewhere := p.request("ann", rightPassword)
	elsewhere.Address = address(1)
	_, err = p.sessions().SignIn(t.Context(), elsewhere)
	must(t, err)
	p.clock.Advance(40 * time.Second)
	p.signIn(t, "ann", rightPassword)
}

// TestAnAccountIsSlowedAndNeverLocked by strangers at any number of addresses, be it there or not.
func TestAnAccountIsSlowedAndNeverLocked(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	p.waits.clock = nil
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	const refusal = 500 * time.Millisecond
	for _, account := range []string{"ann", "nobody"} {
		for i := range 60 {
			r := p.request(account, "guessed")
			r.Address = address(i)
			_, err := p.sessions().SignIn(t.Context(), r)
			refused(t, err, muster.KindUnauthenticated)
			want := []time.Duration{refusal}
			if i >= 10 {
				want = []time.Duration{min(time.Duration(i-9)*100*time.Millisecond, 4*time.Second), refusal}
			}
			if diff := cmp.Diff(want, p.waits.taken()); diff != "" {
				t.Fatalf("attempt %d at %s: %s", i, account, diff)
			}
		}
	}
	p.signIn(t, "ann", rightPassword)
	if diff := cmp.Diff([]time.Duration{4 * time.Second}, p.waits.taken()); diff != "" {
		t.Error(diff)
	}
	p.clock.Advance(time.Minute)
	p.signIn(t, "ann", rightPassword)
	if taken := p.waits.taken(); len(taken) != 0 {
		t.Errorf("when the minute is over, a sign-in waits for %s", taken)
	}
}

// TestTheOneWhoWaitsLeaves: a sign-in that is slowed gives up its place with its request.
func TestTheOneWhoWaitsLeaves(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	p.waits.clock = nil
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	sessions := p.sessions()
	for i := range 10 {
		r := p.request("ann", "guessed")
		r.Address = address(i)
		_, err := sessions.SignIn(t.Context(), r)
		refused(t, err, muster.KindUnauthenticated)
	}
	p.hasher.verified = 0
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		sessions.Wait = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
		if _, err := sessions.SignIn(ctx, p.request("ann", "guessed")); muster.KindOf(err) != muster.KindInternal {
			t.Fatalf("error = %v, want the context's", err)
		}
	}
	if p.hasher.verified != 0 {
		t.Errorf("%d passwords were verified for nobody", p.hasher.verified)
	}
	sessions.Wait = p.waits.wait
	_, err := sessions.SignIn(t.Context(), p.request("ann", rightPassword))
	must(t, err)
}
