package provision

import (
	"context"
	"errors"
	"sync"
	"time"

	"muster"
)

// Dispatcher gives lanes their turns: one at a time to a lane, however many nodes there are. A lane that was idle goes
// first, once; after a turn it goes to the back.
type Dispatcher interface {
	// Wake says that the lane has work. It is called after the work was stored, may be called at any time, any number of
	// times, and does not block; when the lane has a turn meanwhile, it gets another. A dispatcher that shares the store's
	// database is told of work in the transaction that stores it, and takes Wake for a hint to look now.
	Wake(lane muster.LaneRef)
	// Run does what is to be done until ctx ends, and returns when no turn and no round runs. It is called once.
	Run(ctx context.Context, duties Duties)
	// Trouble tells which lanes wait out a fault, nil if none does.
	Trouble() error
}

// Duties are what a Dispatcher has done.
type Duties struct {
	Turn Turn
	// Pending lists the lanes that have work, in any order. A dispatcher of many nodes looks from time to time for those
	// that none of them knows of. nil: there are none.
	Pending func(ctx context.Context) ([]muster.LaneRef, error)
	// Round is done soon after the start and then every RoundEvery, on one node at a time; nil: there is nothing to do.
	Round      func(ctx context.Context)
	RoundEvery time.Duration
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
)

// Over reports whether the turn should come to its end.
func (s *Slice) Over() bool {
	spent := time.Since(s.since)
	return spent >= sliceAlone || spent >= sliceContended && s.waiting()
}

// Local is the Dispatcher of a single process, in memory.
type Local struct {
	workers  int
	troubles Troubles

	mu     sync.Mutex
	change *sync.Cond // a lane was queued, or Run ends
	lanes  map[muster.LaneRef]*laneState
	fresh  []muster.LaneRef // were idle: they go first
	queue  []muster.LaneRef // had a turn
	ended  bool
}

type laneState struct {
	woken    bool // while running or pausing
	setbacks Setbacks
	timer    *time.Timer
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
func (d *Local) Run(ctx context.Context, duties Duties) {
	defer context.AfterFunc(ctx, d.end)()
	var workers sync.WaitGroup
	if duties.Round != nil {
		workers.Go(func() { rounds(ctx, duties) })
	}
	for range d.workers {
		workers.Go(func() {
			for {
				lane, ok := d.take(ctx)
				if !ok {
					return
				}
				more, err := duties.Turn(ctx, lane, NewSlice(d.waiting))
				d.give(lane, more, err)
			}
		})
	}
	workers.Wait()
}

func rounds(ctx context.Context, duties Duties) {
	ticker := time.NewTicker(duties.RoundEvery)
	defer ticker.Stop()
	for {
		duties.Round(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
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
	d.lanes[lane].woken = false
	return lane, true
}

// give takes a lane back after its turn.
func (d *Local) give(lane muster.LaneRef, more bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.troubles.Note(lane, err)
	s := d.lanes[lane]
	pause := s.setbacks.After(err)
	switch {
	case d.ended:
	case pause > 0:
		s.timer = time.AfterFunc(pause, func() { d.requeue(lane) })
	case more || s.woken:
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

func (d *Local) waiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.fresh)+len(d.queue) > 0
}

// Trouble implements [Dispatcher].
func (d *Local) Trouble() error { return d.troubles.Err() }
