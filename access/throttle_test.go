package access_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/access"
)

// TestGuessesAreThrottled: ten refused attempts at a key from an address and a hundred from an address, in a minute. The
// rightful owner, who is elsewhere, notices nothing.
func TestGuessesAreThrottled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	guess := func(appID string, address netip.Addr) error {
		_, err := b.tokens().Issue(t.Context(), access.TokenRequest{AppID: appID, Secret: "guessed secret", Address: address})
		return err
	}
	for range 10 {
		refused(t, guess(broughtAppID, here), muster.KindUnauthenticated)
	}
	b.clock.Advance(20 * time.Second)
	if e := refused(t, guess(broughtAppID, here), muster.KindOverloaded); e.RetryAfter != 40*time.Second {
		t.Errorf("retry after %s, want 40s", e.RetryAfter)
	}
	_, err := b.tokens().Issue(t.Context(), b.ask())
	refused(t, err, muster.KindOverloaded) // the right secret tells a guesser nothing either
	for i := range 90 {
		refused(t, guess(fmt.Sprint("key", i), here), muster.KindUnauthenticated)
	}
	refused(t, guess("another key", here), muster.KindOverloaded)

	elsewhere := b.ask()
	elsewhere.Address = netip.MustParseAddr("192.0.2.2")
	_, err = b.tokens().Issue(t.Context(), elsewhere)
	must(t, err)

	b.clock.Advance(40*time.Second - time.Millisecond)
	refused(t, guess(broughtAppID, here), muster.KindOverloaded)
	b.clock.Advance(time.Millisecond)
	_, err = b.tokens().Issue(t.Context(), b.ask())
	must(t, err)
	refused(t, guess(broughtAppID, here), muster.KindUnauthenticated)
}

// TestWhatCountsAsOneAddress: a customer has 2^64 addresses of IPv6, which are one here.
func TestWhatCountsAsOneAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, tc := range []struct {
		first, second string
		same          bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		ask := func(address string) error {
			_, err := b.tokens().Issue(t.Context(), access.TokenRequest{AppID: fmt.Sprint("key", i), Secret: "b", Address: netip.MustParseAddr(address)})
			return err
		}
		for range 10 {
			refused(t, ask(tc.first), muster.KindUnauthenticated)
		}
		if same := muster.KindOf(ask(tc.second)) == muster.KindOverloaded; same != tc.same {
			t.Errorf("%s and %s: one address = %v", tc.first, tc.second, same)
		}
	}
}

// gateStore lets nobody who has read refused attempts go on before a number of others have read them, too.
type gateStore struct {
	access.TokenStore
	readers sync.WaitGroup
}

func (s *gateStore) RefusedAttempts(ctx context.Context, keys ...access.AttemptKey) ([]access.Attempts, error) {
	attempts, err := s.TokenStore.RefusedAttempts(ctx, keys...)
	s.readers.Done()
	s.readers.Wait()
	return attempts, err
}

// TestGuessesAtOnceGetNoFurther than guesses in a row: those under way count before they are judged.
func TestGuessesAtOnceGetNoFurther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const guesses = 40
	store := &gateStore{TokenStore: b.store}
	store.readers.Add(guesses)
	tokens := &access.Tokens{Store: store, Keyring: b.keyring, Now: b.clock.Now}
	kinds := make(chan muster.Kind, guesses)
	for range guesses {
		go func() {
			_, err := tokens.Issue(context.Background(), access.TokenRequest{AppID: broughtAppID, Secret: "guessed secret", Address: here})
			kinds <- muster.KindOf(err)
		}()
	}
	seen := map[muster.Kind]int{}
	for range guesses {
		seen[<-kinds]++
	}
	if seen[muster.KindUnauthenticated] != 10 || seen[muster.KindOverloaded] != guesses-10 {
		t.Errorf("%d guesses were judged and %d refused unjudged, want 10 and %d", seen[muster.KindUnauthenticated], seen[muster.KindOverloaded], guesses-10)
	}
	tokens.Store = b.store
	b.clock.Advance(time.Minute)
	_, err := tokens.Issue(t.Context(), b.ask())
	must(t, err)
}

// TestAGuessIsCountedAlsoOfWhoGoesAway: else a request cut off in time would be a guess for nothing.
func TestAGuessIsCountedAlsoOfWhoGoesAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		tokens := &access.Tokens{Store: &leavingStore{TokenStore: b.store, leave: cancel}, Keyring: b.keyring, Now: b.clock.Now}
		_, err := tokens.Issue(ctx, access.TokenRequest{AppID: broughtAppID, Secret: "guessed secret", Address: here})
		refused(t, err, muster.KindUnauthenticated)
	}
	_, err := b.tokens().Issue(t.Context(), b.ask())
	refused(t, err, muster.KindOverloaded)
}

// leavingStore is asked by somebody who goes away once his credential was read.
type leavingStore struct {
	access.TokenStore
	leave func()
}

func (s *leavingStore) Credential(ctx context.Context, appID string) (*muster.Credential, error) {
	defer s.leave()
	return s.TokenStore.Credential(ctx, appID)
}
