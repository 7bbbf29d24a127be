package provision

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"muster"
)

// Dispatcher gives lanes their turns: one at a time to a lane, however many nodes there are. A lane that was idle goes
// first, once; after a turn it goes to the back.
type Dispatcher interface {
	// Wake says that the lane has work. It is called after the work was stored, may be called at any time, any number of
	// times, and does not block; a wake during the lane's turn leads to another turn.
	Wake(lane muster.LaneRef)
	// Run gives turns until ctx ends, and returns when no turn runs. It is called once.
	Run(ctx context.Context, turn Turn)
	// Trouble tells which lanes wait out a fault, nil if none does.
	Trouble() error
}

// Turn works on a lane until the slice is over or no work is left, which it tells by more. An error is a fault of what
// we stand on: nothing is lost, and the lane gets another turn after a while. [ErrWait] is not.
type Turn func(ctx context.Context, lane muster.LaneRef, slice *Slice) (more bool, err error)

// ErrWait is what a Turn returns that could do nothing, since the lane's work waits for somebody else's answer. The lane
// gets another turn after a short pause, and that is no trouble to tell of.
var ErrWait = errors.New("the lane's work waits for an answer")

// Slice is the time of one turn.
type Slice struct {
	since   time.Time
	waiting func() bool
}

// NewSlice begins a slice now. waiting reports whether another lane waits for a turn.
func NewSlice(waiting func() bool) *Slice { return &Slice{since: time.Now(), waiting: waiting} }

const (
	sliceContended = 250 * time.Millisecond // of a turn while another lane waits
	sliceAlone     = 2 * time.Second        // of a turn while none does

	backoffFirst = 100 * time.Millisecond
	backoffMost  = 30 * time.Second

	waitFirst = 20 * time.Millisecond // after ErrWait, doubled each time in a row
	waitMost  = time.Second
)

// Over reports whether the turn should come to its end.
func (s *Slice) Over() bool {
	spent := time.Since(s.since)
	return spent >= sliceAlone || spent >= sliceContended && s.waiting()
}

// Local is the Dispatcher of a single process, in memory.
type Local struct {
	workers int

	mu     sync.Mutex
	change *sync.Cond // a lane was queued, or Run ends
	lanes  map[muster.LaneRef]*laneState
	fresh  []muster.LaneRef // were idle: they go first
	queue  []muster.LaneRef // had a turn
	ended  bool
}

type laneState struct {
	running bool
	woken   bool // while running or pausing
	faults  int  // in a row
	waits   int  // in a row
	timer   *time.Timer
	err     error
}

// NewLocal makes a dispatcher that runs as many turns at once as workers says, at least 1.
func NewLocal(workers int) *Local {
	d := &Local{workers: workers, lanes: map[muster.LaneRef]*laneState{}}
	d.change = sync.NewCond(&d.mu)
	return d
}

// Wake implements [Dispatcher].
func (d *Local) Wake(lane muster.LaneRef) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.lanes[lane]; s != nil { // queued, running or pausing
		s.woken = true
		return
	}
	d.lanes[lane] = &laneState{}
	d.fresh = append(d.fresh, lane)
	d.change.Signal()
}

// Run implements [Dispatcher].
func (d *Local) Run(ctx context.Context, turn Turn) {
	defer context.AfterFunc(ctx, d.end)()
	var workers sync.WaitGroup
	for range d.workers {
		workers.Go(func() {
			for {
				lane, ok := d.take(ctx)
				if !ok {
					return
				}
				more, err := turn(ctx, lane, NewSlice(d.waiting))
				d.give(lane, more, err)
			}
		})
	}
	workers.Wait()
}

func (d *Local) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for _, s := range d.lanes {
		if s.timer != nil {
			s.timer.Stop()
		}
	}
	d.change.Broadcast()
}

// take waits for the lane whose turn it is.
func (d *Local) take(ctx context.Context) (muster.LaneRef, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.fresh)+len(d.queue) == 0 && !d.ended {
		d.change.Wait()
	}
	if d.ended || ctx.Err() != nil { // end may not have been called yet
		return muster.LaneRef{}, false
	}
	from := &d.queue
	if len(d.fresh) > 0 {
		from = &d.fresh
	}
	lane := (*from)[0]
	*from = (*from)[1:]
	s := d.lanes[lane]
	s.running, s.woken = true, false
	return lane, true
}

// give takes a lane back after its turn.
func (d *Local) give(lane muster.LaneRef, more bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.lanes[lane]
	s.running, s.err = false, nil
	switch {
	case d.ended:
	case errors.Is(err, ErrWait):
		s.timer = time.AfterFunc(min(waitFirst<<min(s.waits, 10), waitMost), func() { d.requeue(lane) })
		s.waits++
		s.faults = 0
	case err != nil:
		s.err = err
		s.timer = time.AfterFunc(backoff(s.faults), func() { d.requeue(lane) })
		s.faults++
		s.waits = 0
	case more || s.woken:
		s.faults, s.waits = 0, 0
		d.queue = append(d.queue, lane)
		d.change.Signal()
	default:
		delete(d.lanes, lane)
	}
}

func (d *Local) requeue(lane muster.LaneRef) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lanes[lane].timer = nil
	d.queue = append(d.queue, lane)
	d.change.Signal()
}

// backoff is the pause after the n-th fault in a row: doubled each time, capped, and spread so that lanes that failed
// together do not come back together.
func backoff(n int) time.Duration {
	pause := backoffMost
	if n < 10 {
		pause = min(backoffFirst<<n, backoffMost)
	}
	return pause/2 + rand.N(pause/2)
}

func (d *Local) waiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.fresh)+len(d.queue) > 0
}

// Trouble implements [Dispatcher].
func (d *Local) Trouble() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var lanes int
	var last error
	for _, s := range d.lanes {
		if s.err != nil {
			lanes, last = lanes+1, s.err
		}
	}
	if lanes == 0 {
		return nil
	}
	return &muster.Error{Kind: muster.KindUnavailable, Detail: fmt.Sprintf("%d lanes wait out a fault and will be tried again", lanes), Err: last}
}
