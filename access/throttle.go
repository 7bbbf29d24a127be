package access

import (
	"context"
	"net/netip"
	"time"

	"muster"
)

// Refused attempts that one address may make in a window of time. Whoever has them all is refused till the window ends,
// before anything is looked up, and that is not counted again. The bounds are of what is on record when an attempt begins:
// attempts made at the same time may go beyond by as many as the server takes at once.
const (
	attemptWindow     = time.Minute
	attemptsOfPair    = 10  // with one AppID: a person's typing errors, or a job that goes on with a secret rotated away
	attemptsOfAddress = 100 // with any: an office behind one address
)

// throttle counts the refused attempts of one address with one AppID.
type throttle struct {
	store TokenStore
	keys  [2]AttemptKey
}

// attemptLimits are in the order of a throttle's keys.
var attemptLimits = [2]int{attemptsOfPair, attemptsOfAddress}

func (t *Tokens) throttle(address netip.Addr, appID string) *throttle {
	network := networkOf(address)
	return &throttle{
		store: t.Store,
		keys: [2]AttemptKey{
			t.Keyring.MAC("attempts-of-pair", []byte(network+"\n"+appID)), // no address holds a line break
			t.Keyring.MAC("attempts-of-address", []byte(network)),
		},
	}
}

// check refuses an attempt beyond the limits.
func (t *throttle) check(ctx context.Context) error {
	attempts, err := t.store.RefusedAttempts(ctx, t.keys[:]...)
	if err != nil {
		return fault("read refused attempts", err)
	}
	var wait time.Duration
	for i, a := range attempts {
		if a.Count >= attemptLimits[i] {
			wait = max(wait, a.Left)
		}
	}
	if wait > 0 {
		return &muster.Error{
			Kind: muster.KindOverloaded, RetryAfter: wait,
			Detail: "Too many attempts from this address were refused: wait, and check key and secret.",
		}
	}
	return nil
}

func (t *throttle) count(ctx context.Context) error {
	if err := t.store.CountRefusedAttempt(ctx, attemptWindow, t.keys[:]...); err != nil {
		return fault("count a refused attempt", err)
	}
	return nil
}

// ipv6Network is what one customer usually has (RFC 6177): within it addresses are to be had for nothing.
const ipv6Network = 64 // bits

func networkOf(a netip.Addr) string {
	a = plain(a)
	if a.Is6() {
		if network, err := a.Prefix(ipv6Network); err == nil {
			return network.String()
		}
	}
	return a.String()
}
