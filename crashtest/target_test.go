package crashtest

import (
	"context"
	"sync"
)

// target is what clients call: a server, or the nodes of which any may answer.
type target interface {
	// serving waits for a life that is ready and was not ended yet: rather another one than that which failed, nil if none did.
	serving(ctx context.Context, failed *life) (*life, error)
}

// notice tells whoever waits that something changed.
type notice struct {
	mu sync.Mutex
	c  chan struct{} // nil while nobody waits
}

// next is closed when something changes from now on.
func (n *notice) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.c == nil {
		n.c = make(chan struct{})
	}
	return n.c
}

// tell says that something changed.
func (n *notice) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.c != nil {
		close(n.c)
		n.c = nil
	}
}

// await looks for something until it is there.
func await[T any](ctx context.Context, changed *notice, look func() *T) (*T, error) {
	for {
		change := changed.next()
		if found := look(); found != nil {
			return found, nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
