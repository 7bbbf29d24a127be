package password

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Class tells a pool who waits for a hash.
type Class uint8

const (
	Interactive Class = iota // a person who signs in
	Bulk                     // a batch

	classes
)

func (c Class) String() string { return [...]string{"interactive", "bulk"}[c] }

var (
	// ErrBusy says that so many wait for the class already that another would wait too long.
	ErrBusy = errors.New("too many passwords wait to be hashed; try again in a second")

	// ErrClosed says that the pool takes no more.
	ErrClosed = errors.New("the hashing pool is closed")
)

// waitersPerWorker bounds the interactive queue. A sign-in that finds it almost full waits for 16 hashes of its class
// and, the classes taking turns, 16 of the other: 0.6 s where a hash takes 19 ms.
const waitersPerWorker = 16

// Pool hashes on a fixed number of workers, so that hashing takes no more processors and memory than it was given.
//
// While both classes wait, each worker takes them in turns, so that neither a batch nor a flood of sign-ins gets more
// than half of the pool against the other. Within a class it is first come, first served. The bulk queue is as short as
// keeps all workers busy, one for each: who feeds it can stop at any time and leaves little behind.
//
// Argon2 takes its memory anew for each hash and leaves it to the garbage collector. Live at one time are at most
// workers × Params.MemoryKiB, and [MaxMemoryKiB] for one hash that was made elsewhere with a larger setting: those are
// verified one at a time. Of bulk hashes that are delegated ([Pool.Delegate]) the memory is the children's. What waits to be
// collected comes on top, and that is paced by the runtime: with two workers and GOGC=100 the heap grew by 35 MiB in all,
// 2.5 × workers × Params.MemoryKiB, and by up to 49 MiB on a machine with three times as much to run as processors. A process
// that must stay within a bound sets GOMEMLIMIT; with 28 MiB for the pool it then took 28 MiB, 35 on that busy machine. A test holds it to 4 × workers × Params.MemoryKiB, 56 MiB.
type Pool struct {
	hasher  Hasher
	bulk    *children // nil: bulk hashes are made here, too
	workers int
	waiters int           // the most in the interactive queue
	room    chan struct{} // a token for each in the bulk queue
	closing chan struct{}
	wg      sync.WaitGroup

	mu       sync.Mutex
	wake     *sync.Cond // something was queued, a large hash ended, or the pool is closing
	closed   bool
	queues   [classes][]*task
	largeRun bool // a large hash is being verified
	running  int
	busy     time.Duration
	children uint64 // hashes that they made
	counts   [classes]ClassStats
}

// task is one hash to make or verify.
type task struct {
	ctx   context.Context
	class Class
	large bool
	work  func()      // not called if ctx ended first
	end   func(error) // called once: with nil after work, else with ctx's error
}

// Stats counts what a pool did since it began.
type Stats struct {
	Workers     int
	Running     int           // hashes being made or verified
	Busy        time.Duration // spent on hashes that ended, by all workers together
	Delegated   uint64        // hashes that child processes made
	Interactive ClassStats
	Bulk        ClassStats
}

// ClassStats counts what a pool did for one class.
type ClassStats struct {
	Hashed  uint64 // made or verified
	Dropped uint64 // given up in the queue, since their context ended
	Refused uint64 // with ErrBusy
	Waiting int    // in the queue now
}

// NewPool starts a pool of workers, GOMAXPROCS if workers is 0. The caller closes it. It fails if the hasher's Params
// are out of their limits.
func NewPool(hasher Hasher, workers int) (*Pool, error) {
	if err := hasher.Params.orDefault().check(); err != nil {
		return nil, fmt.Errorf("hashing pool: %w", err)
	}
	if workers < 0 {
		return nil, fmt.Errorf("hashing pool: %d workers, want 1 or more, or 0 for one to a processor", workers)
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{
		hasher:  hasher,
		workers: workers,
		waiters: workers * waitersPerWorker,
		room:    make(chan struct{}, workers),
		closing: make(chan struct{}),
	}
	p.wake = sync.NewCond(&p.mu)
	for range workers {
		p.wg.Go(p.run)
	}
	return p, nil
}

// Delegate has bulk hashes made by child processes, one for each worker, which are started when they are needed. The command makes
// one that calls [Serve] with the pool's Hasher. Where a child cannot be used, what it was to hash is hashed here, and failed hears
// why, once for failures in a row. Delegate is called before the pool is used.
func (p *Pool) Delegate(command func() *exec.Cmd, failed func(error)) {
	p.bulk = newChildren(p.workers, command, failed)
}

func (p *Pool) hash(class Class, password []byte) (string, error) {
	if p.bulk != nil && class == Bulk {
		if encoded, ok := p.bulk.hash(password); ok {
			p.mu.Lock()
			p.children++
			p.mu.Unlock()
			return encoded, nil
		}
	}
	return p.hasher.Hash(password)
}

// Submit queues a password and returns; done is then called exactly once, on a worker, with the hash, or with ctx's
// error if ctx ended before a worker came to it. done should be quick, for its worker waits, and must not submit.
// The password must stay as it is until then.
//
// In class Bulk, Submit blocks until there is room in the queue, which is when a hash that was fed earlier has
// begun; so one goroutine that submits in a loop keeps all workers busy. In class Interactive it does not block: a full
// queue is [ErrBusy]. If Submit fails, with that, ctx's error or [ErrClosed], done is not called.
func (p *Pool) Submit(ctx context.Context, class Class, password []byte, done func(encoded string, err error)) error {
	var encoded string
	var failed error
	return p.enqueue(&task{
		ctx:   ctx,
		class: class,
		work:  func() { encoded, failed = p.hash(class, password) },
		end:   func(err error) { done(encoded, cmp.Or(err, failed)) },
	})
}

// Hash is Submit and waiting for the result. If ctx ends first, Hash gives up its place in the queue; a hash that has begun is
// waited for. So the caller may wipe the password in any case.
func (p *Pool) Hash(ctx context.Context, class Class, password []byte) (string, error) {
	var encoded string
	var failed error
	err := p.wait(&task{ctx: ctx, class: class, work: func() { encoded, failed = p.hash(class, password) }})
	return encoded, cmp.Or(err, failed)
}

// Verify is [Hasher.Verify] on the pool. It waits as Hash does.
func (p *Pool) Verify(ctx context.Context, class Class, encoded string, password []byte) (ok, needsUpgrade bool, err error) {
	stored, err := parseStored(encoded)
	if err != nil {
		return false, false, fmt.Errorf("verify password: %w", err)
	}
	params := p.hasher.Params.orDefault()
	err = p.wait(&task{
		ctx:   ctx,
		class: class,
		large: stored.memoryKiB() > params.MemoryKiB,
		work:  func() { ok = stored.matches(password) },
	})
	return ok, ok && outdated(stored, params), err
}
