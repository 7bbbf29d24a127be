package postgres

import (
	"context"
	"sync"

	"muster"
)

// turns lets one at a time of a process have a tenant, in the order in which they came.
type turns struct {
	mu     sync.Mutex
	queues map[muster.ID]*turnQueue // of the tenants that somebody has or waits for
}

type turnQueue struct {
	turn  chan struct{} // holds a value while somebody has the tenant
	users int           // who has it and who waits
}

// take waits for the tenant, until ctx ends. Who has it calls release once.
func (t *turns) take(ctx context.Context, tenant muster.ID) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	q := t.queues[tenant]
	if q == nil {
		q = &turnQueue{turn: make(chan struct{}, 1)}
		if t.queues == nil {
			t.queues = make(map[muster.ID]*turnQueue)
		}
		t.queues[tenant] = q
	}
	q.users++
	t.mu.Unlock()
	select {
	case q.turn <- struct{}{}:
		return func() { <-q.turn; t.leave(tenant, q) }, nil
	case <-ctx.Done():
		t.leave(tenant, q)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(tenant muster.ID, q *turnQueue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(t.queues, tenant)
	}
}
