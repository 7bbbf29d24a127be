package access

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"muster"
)

// Refused attempts that one address may make in a window of time. Whoever has them all is refused till the window ends,
// before anything is looked up, and that is not counted again.
const (
	attemptWindow     = time.Minute
	attemptsOfPair    = 10  // with one AppID or account: a person's typing errors, or a job that goes on with a secret rotated away
	attemptsOfAddress = 100 // with any: an office behind one address
)

// An account that many addresses guess at is slowed alone: if it were refused, strangers could lock its owner out.
const (
	attemptsAtSpeed = attemptsOfPair         // in a window, from anywhere
	slowStep        = 100 * time.Millisecond // for each beyond
	slowest         = 4 * time.Second
)

// throttle bounds the attempts that are refused. One that is under way counts as refused until it is judged, so that
// guesses made at once get no further than guesses in a row. Nodes see each other's attempts once these are judged. The zero
// value is ready for use.
type throttle struct {
	mu       sync.Mutex
	underWay map[AttemptKey]int
}

// limit is how many refused attempts are borne under a key; 0 is any number.
type limit struct {
	key  AttemptKey
	most int
}

// attempt is under way. Who begins one ends it.
type attempt struct {
	throttle *throttle
	store    AttemptStore
	keys     []AttemptKey // none once it has ended
	others   []int        // under each key: those that were refused in the window, or are under way
}

// begin refuses an attempt beyond the limits; advice ends the sentence.
func (t *throttle) begin(ctx context.Context, store AttemptStore, advice string, limits ...limit) (*attempt, error) {
	a := &attempt{throttle: t, store: store}
	for _, l := range limits {
		a.keys = append(a.keys, l.key)
	}
	a.others = t.enter(a.keys)
	refused, err := store.RefusedAttempts(ctx, a.keys...)
	if err != nil {
		a.end()
		return nil, fault("read refused attempts", err)
	}
	var wait time.Duration
	for i, l := range limits {
		a.others[i] += refused[i].Count
		switch {
		case l.most == 0 || a.others[i] < l.most:
		case refused[i].Count < l.most: // what is under way is judged soon
			wait = max(wait, time.Second)
		default:
			wait = max(wait, refused[i].Left, 1)
		}
	}
	if wait > 0 {
		a.end()
		return nil, &muster.Error{
			Kind: muster.KindOverloaded, RetryAfter: wait, Detail: "Too many attempts from this address were refused: wait, and " + advice,
		}
	}
	return a, nil
}

// enter counts an attempt as under way, and says how many were before it.
func (t *throttle) enter(keys []AttemptKey) []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.underWay == nil {
		t.underWay = make(map[AttemptKey]int)
	}
	before := make([]int, len(keys))
	for i, k := range keys {
		before[i] = t.underWay[k]
		t.underWay[k]++
	}
	return before
}

// refused counts the attempt and ends it. Who sends a request cannot prevent that by going away. What he asked for was not done,
// so that this is not what its audit record tells of.
func (a *attempt) refused(ctx context.Context) error {
	defer a.end()
	ctx = muster.WithAudit(context.WithoutCancel(ctx), nil)
	if err := a.store.CountRefusedAttempt(ctx, attemptWindow, a.keys...); err != nil {
		return fault("count a refused attempt", err)
	}
	return nil
}

// end ends the attempt, if it has not ended.
func (a *attempt) end() {
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	for _, k := range a.keys {
		if a.throttle.underWay[k]--; a.throttle.underWay[k] == 0 {
			delete(a.throttle.underWay, k)
		}
	}
	a.keys = nil
}

// slowed is for how long an attempt has to wait after so many others at the account.
func slowed(others int) time.Duration {
	return min(time.Duration(max(others-attemptsAtSpeed+1, 0))*slowStep, slowest)
}

// ofPair and ofAddress are the limits of an address. No address holds a line break, so no two pairs are one key.

func ofPair(k TokenKeyring, purpose string, address netip.Addr, name string) limit {
	return limit{k.MAC(purpose, []byte(networkOf(address)+"\n"+name)), attemptsOfPair}
}

func ofAddress(k TokenKeyring, address netip.Addr) limit {
	return limit{k.MAC("attempts-of-address", []byte(networkOf(address))), attemptsOfAddress}
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
