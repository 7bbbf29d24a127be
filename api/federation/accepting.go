package federation

import (
	"sync"

	"muster"
)

// accepting are the idempotency keys of the calls that this process is handing to the engine. The zero value has none.
//
// It only spares a caller who sends again too soon the wait, as the draft has it (httpapi-idempotency-key-header, section
// 2.6). That one task comes of all calls is the store's doing: calls that meet on different nodes wait for each other
// there, and each is given the first one's task.
type accepting struct {
	mu   sync.Mutex
	keys map[scopedKey]struct{}
}

// scopedKey is an idempotency key with what scopes it.
type scopedKey struct {
	tenant muster.ID
	key    string // with credential and endpoint
}

// begin takes the key until the function it gives is called, and refuses one that is taken.
func (a *accepting) begin(k scopedKey) (end func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, taken := a.keys[k]; taken {
		return nil, &refusal{reply: replyStillAccepting, detail: "The first one with this " + idempotencyHeader + " is still being accepted: send it again in a while."}
	}
	if a.keys == nil {
		a.keys = map[scopedKey]struct{}{}
	}
	a.keys[k] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.keys, k)
	}, nil
}
