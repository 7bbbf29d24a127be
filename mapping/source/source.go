// Package source asks tenants' own identity systems, the kind "http", about the accounts of federated rows (federation
// contract, section 4): a bounded client, and a fetcher that keeps its calls off the turns of lanes.
package source

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"muster"
	"muster/mapping"
)

const (
	perTenant = 8  // calls of one system at once
	inAll     = 64 // calls of the process at once

	// Patience is how long an account that cannot be read is tried again, from the first call made for its batch.
	Patience = 10 * time.Minute

	backoffFirst = time.Second // after the first failure of a system; doubled each time
	backoffMost  = 30 * time.Second

	forgetAfter = 15 * time.Minute // without anybody asking: longer than Patience
)

// Batch names a batch whose rows are asked about.
type Batch struct{ Tenant, ID muster.ID }

// Question is about a row's account.
type Question[T any] struct {
	Batch    Batch
	Endpoint Endpoint
	Row      int // position in the batch
	Account  string
	// Then makes of the answer what is kept for the row, which is smaller than the answer itself. It is called once, from
	// any goroutine, and may neither panic nor call the fetcher.
	Then func(mapping.Identity) T
}

// Fetcher asks in the background: at most 8 calls of a system and 64 of the process at once, systems in turns. One that
// fails is tried with a single call after a pause, 1 s to 30 s, until it answers again; the others are not held up by it.
//
// Answers, and the time from which [Patience] counts, are kept in memory, by batch, until Forget or until nobody has asked
// for 15 minutes: a restart, or another node, asks again and counts anew. It keeps as many as rows are asked about.
// All methods are safe for concurrent use.
type Fetcher[T any] struct {
	client *Client
	now    func() time.Time
	ctx    context.Context // ends with Close: it is of the calls, not of who asked
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu       sync.Mutex
	batches  map[Batch]*batch[T]
	systems  map[system]*queue[T]
	rotation []*queue[T] // all of systems
	running  int
	changed  chan struct{} // closed when a call ends
	swept    time.Time
}

// system tells systems apart; those of two tenants are two, whatever their URL.
type system struct {
	tenant   muster.ID
	endpoint Endpoint
}

// queue holds a system's calls that wait, and how it is doing.
type queue[T any] struct {
	system
	waiting   []*call[T]
	running   int
	faults    int       // in a row
	notBefore time.Time // of the next call, while there are faults
}

type batch[T any] struct {
	endpoint Endpoint
	rows     map[int]*call[T]
	since    time.Time // of its first call; zero before
	touched  time.Time
	gone     bool
}

type call[T any] struct {
	Question[T]
	batch   *batch[T]
	running bool
	done    bool
	answer  T
	why     error // of the last failure
}

// NewFetcher makes a fetcher. now is for pauses and patience, not for the timeout of a call.
func NewFetcher[T any](client *Client, now func() time.Time) *Fetcher[T] {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return &Fetcher[T]{
		client: client, now: now, ctx: ctx, cancel: cancel, batches: map[Batch]*batch[T]{}, systems: map[system]*queue[T]{},
		changed: make(chan struct{}), swept: now(),
	}
}

// Close ends the calls that run, and returns when none does.
func (f *Fetcher[T]) Close() {
	f.cancel()
	f.calls.Wait()
	f.client.Close()
}

// Ask gives what is known of a row, and sees to it that it will be. It does not block.
func (f *Fetcher[T]) Ask(q Question[T]) (answer T, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	f.sweep(now)
	c := f.find(q, now)
	b := c.batch
	switch {
	case c.done:
	case c.running || b.since.IsZero() || now.Sub(b.since) < Patience:
		f.dispatch(now)
		return answer, false
	default:
		why := "it has not been well enough to be asked"
		if c.why != nil {
			why = c.why.Error()
		}
		c.answer, c.done = q.Then(mapping.Identity{Fault: unreadable(fmt.Sprintf("for %s it was tried, and at last %s", Patience, why))}), true
	}
	return c.answer, true
}

// find gives the row's call, and queues one if there is none. A batch whose system has been set anew is asked anew.
func (f *Fetcher[T]) find(q Question[T], now time.Time) *call[T] {
	b := f.batches[q.Batch]
	if b == nil || b.endpoint != q.Endpoint {
		f.drop(q.Batch)
		b = &batch[T]{endpoint: q.Endpoint, rows: map[int]*call[T]{}}
		f.batches[q.Batch] = b
	}
	b.touched = now
	c := b.rows[q.Row]
	if c == nil {
		c = &call[T]{Question: q, batch: b}
		b.rows[q.Row] = c
		s := system{q.Batch.Tenant, q.Endpoint}
		if f.systems[s] == nil {
			f.systems[s] = &queue[T]{system: s}
			f.rotation = append(f.rotation, f.systems[s])
		}
		f.systems[s].waiting = append(f.systems[s].waiting, c)
	}
	return c
}

// dispatch starts the calls that may, a system after the other.
func (f *Fetcher[T]) dispatch(now time.Time) {
	for passed := 0; passed < len(f.rotation) && f.running < inAll && f.ctx.Err() == nil; {
		q := f.rotation[0]
		f.rotation = append(f.rotation[1:], q)
		passed++
		if c := q.next(now); c != nil {
			f.start(q, c, now)
			passed = 0
		}
	}
}

// next takes the call that may start now, nil if none may.
func (q *queue[T]) next(now time.Time) *call[T] {
	if q.running >= perTenant || q.faults > 0 && (q.running > 0 || now.Before(q.notBefore)) {
		return nil
	}
	for len(q.waiting) > 0 {
		c := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		if !c.done && !c.batch.gone {
			return c
		}
	}
	return nil
}

func (f *Fetcher[T]) start(q *queue[T], c *call[T], now time.Time) {
	if c.batch.since.IsZero() {
		c.batch.since = now
	}
	c.running = true
	q.running++
	f.running++
	faults := q.faults
	f.calls.Go(func() {
		identity, err := f.client.Get(f.ctx, c.Endpoint, c.Account)
		var answer T
		if err == nil {
			answer = c.Then(identity)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running--
		q.running--
		c.running = false
		q.judge(err, faults, f.now())
		if err != nil {
			c.why = err
			q.waiting = append(q.waiting, c)
		} else {
			c.answer, c.done = answer, true
		}
		close(f.changed)
		f.changed = make(chan struct{})
		f.dispatch(f.now())
	})
}

// judge takes down how a call went that began after so many faults. Those that began together and failed together are
// one fault.
func (q *queue[T]) judge(err error, faults int, now time.Time) {
	switch {
	case err == nil:
		q.faults = 0
	case q.faults == faults:
		q.notBefore = now.Add(min(backoffFirst<<min(faults, 10), backoffMost))
		q.faults++
	}
}

// Changed is closed when the next call ends.
func (f *Fetcher[T]) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// Well reports whether a tenant's system answered when it was last asked, or has not been.
func (f *Fetcher[T]) Well(tenant muster.ID, e Endpoint) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := f.systems[system{tenant, e}]
	return q == nil || q.faults == 0
}

// Forget drops what is known of a batch's rows.
func (f *Fetcher[T]) Forget(b Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(b)
}

func (f *Fetcher[T]) drop(name Batch) {
	if b := f.batches[name]; b != nil {
		b.gone = true
		delete(f.batches, name)
	}
}

// sweep forgets, once in a while, the batches that nobody asks about and the systems that have nothing to do.
func (f *Fetcher[T]) sweep(now time.Time) {
	if now.Sub(f.swept) < forgetAfter {
		return
	}
	f.swept = now
	for name, b := range f.batches {
		if now.Sub(b.touched) >= forgetAfter {
			f.drop(name)
		}
	}
	kept := f.rotation[:0:0]
	for _, q := range f.rotation {
		q.waiting = slices.DeleteFunc(q.waiting, func(c *call[T]) bool { return c.done || c.batch.gone })
		if len(q.waiting) == 0 && q.running == 0 {
			delete(f.systems, q.system)
			continue
		}
		kept = append(kept, q)
	}
	f.rotation = kept
}
