package access_test

import (
	"fmt"
	"net/netip"
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
