package provision

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"muster"
)

// Setbacks counts a lane's turns in a row that came to nothing. The zero value is that of a lane that had none.
type Setbacks struct {
	Faults int // turns that ended with a fault
	Waits  int // turns that ended with ErrWait
}

const (
	backoffFirst = 100 * time.Millisecond // after a fault, doubled each time in a row
	backoffMost  = 30 * time.Second

	waitFirst = 20 * time.Millisecond // after ErrWait, doubled each time in a row
	waitMost  = time.Second

	doublings = 10 // are more than either takes to its most
)

// After counts how a turn ended, and gives the pause before the lane's next turn: 0 if it came to something.
func (s *Setbacks) After(err error) time.Duration {
	switch {
	case errors.Is(err, ErrWait):
		pause := min(waitFirst<<min(s.Waits, doublings), waitMost)
		*s = Setbacks{Waits: s.Waits + 1}
		return pause
	case err != nil:
		// Spread, so that lanes that failed together do not come back together.
		pause := min(backoffFirst<<min(s.Faults, doublings), backoffMost)
		*s = Setbacks{Faults: s.Faults + 1}
		return pause/2 + rand.N(pause/2)
	default:
		*s = Setbacks{}
		return 0
	}
}

// Troubles are the lanes that wait out a fault. The zero value is ready, and methods are safe for concurrent use.
type Troubles struct {
	mu    sync.Mutex
	lanes map[muster.LaneRef]error
}

// Note takes in how the lane's turn ended.
func (t *Troubles) Note(lane muster.LaneRef, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil || errors.Is(err, ErrWait) {
		delete(t.lanes, lane)
		return
	}
	if t.lanes == nil {
		t.lanes = make(map[muster.LaneRef]error)
	}
	t.lanes[lane] = err
}

// Lanes lists them, in any order.
func (t *Troubles) Lanes() []muster.LaneRef {
	t.mu.Lock()
	defer t.mu.Unlock()
	lanes := make([]muster.LaneRef, 0, len(t.lanes))
	for lane := range t.lanes {
		lanes = append(lanes, lane)
	}
	return lanes
}

// Err says how many there are, and the fault of one of them, as KindUnavailable; nil if there is none.
func (t *Troubles) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, err := range t.lanes {
		return &muster.Error{
			Kind:   muster.KindUnavailable,
			Detail: fmt.Sprintf("%d lanes wait out a fault and will be tried again", len(t.lanes)), Err: err,
		}
	}
	return nil
}
