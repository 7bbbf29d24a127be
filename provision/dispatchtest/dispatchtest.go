// Package dispatchtest is the suite that every [provision.Dispatcher] runs.
package dispatchtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/provision"
)

// Subject is a dispatcher to test.
type Subject struct {
	provision.Dispatcher
	// Store does what a store does for the dispatcher in the transaction that stores a lane's work; nil: nothing.
	Store func(lane muster.LaneRef)
}

// Wake stores work of the lane and then wakes it, as the engine does.
func (s Subject) Wake(lane muster.LaneRef) {
	if s.Store != nil {
		s.Store(lane)
	}
	s.Dispatcher.Wake(lane)
}

// Run tests dispatchers that open makes, each for a test of its own, with the given number of turns at once.
func Run(t *testing.T, open func(t *testing.T, turns int) Subject) {
	t.Run("a woken lane gets a turn", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 2))
		for tenant := range muster.ID(7) {
			for lane := muster.LaneCreate; lane <= muster.LaneQuiet; lane++ {
				d.Wake(muster.LaneRef{Tenant: tenant + 1, Lane: lane})
			}
		}
		seen := map[muster.LaneRef]bool{}
		for len(seen) < 7*3 {
			call := <-d.calls
			seen[call.lane] = true
			call.end <- end{}
		}
	})

	t.Run("lanes woken before Run get their turns", func(t *testing.T) {
		t.Parallel()
		dispatcher := open(t, 1)
		dispatcher.Wake(laneA)
		d := start(t, dispatcher)
		call := <-d.calls
		call.end <- end{}
	})

	t.Run("a wake during the last turn is not lost", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 2))
		d.Wake(laneA)
		for range 50 {
			call := <-d.calls
			d.Wake(laneA)
			d.Wake(laneA)
			call.end <- end{}
		}
		(<-d.calls).end <- end{}
	})

	t.Run("a lane never has two turns at once", func(t *testing.T) {
		t.Parallel()
		dispatcher := open(t, 4)
		var mu sync.Mutex
		running := map[muster.LaneRef]bool{}
		left := 400
		done := make(chan struct{})
		run(t, dispatcher, turning(func(_ context.Context, lane muster.LaneRef, _ *provision.Slice) (bool, error) {
			mu.Lock()
			if running[lane] {
				t.Errorf("two turns of %v at once", lane)
			}
			running[lane] = true
			mu.Unlock()
			dispatcher.Wake(laneA)
			dispatcher.Wake(laneB)
			mu.Lock()
			defer mu.Unlock()
			running[lane] = false
			if left--; left == 0 {
				close(done)
			}
			return left%3 == 0, nil
		}))
		dispatcher.Wake(laneA)
		dispatcher.Wake(laneB)
		<-done
	})

	t.Run("a lane with more to do has another turn, after those who wait", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 1))
		d.Wake(laneA)
		first := <-d.calls
		d.Wake(laneB)
		first.end <- end{more: true}
		d.expect(t, laneB, end{more: true})
		d.expect(t, laneA, end{more: true})
		d.expect(t, laneB, end{})
		d.expect(t, laneA, end{})
	})

	t.Run("a lane that was idle goes first, once", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 1))
		d.Wake(laneA)
		first := <-d.calls
		d.Wake(laneB)
		first.end <- end{more: true}
		second := <-d.calls // laneB; laneA waits at the back
		d.Wake(laneC)
		second.end <- end{more: true}
		d.expect(t, laneC, end{more: true})
		d.expect(t, laneA, end{})
		d.expect(t, laneB, end{})
		d.expect(t, laneC, end{})
	})

	t.Run("a turn that failed is tried again, and its trouble told meanwhile", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 1))
		d.Wake(laneA)
		fault := errors.New("the database is away")
		for range 3 {
			call := <-d.calls
			call.end <- end{err: fault}
		}
		call := <-d.calls
		if err := d.Trouble(); !errors.Is(err, fault) {
			t.Errorf("Trouble = %v, want the fault", err)
		}
		d.Wake(laneB)
		call.end <- end{}
		d.expect(t, laneB, end{})
		if err := d.Trouble(); err != nil {
			t.Errorf("Trouble = %v after the lane recovered", err)
		}
	})

	t.Run("a lane in trouble holds up no other", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 1))
		d.Wake(laneA)
		(<-d.calls).end <- end{err: errors.New("fault")}
		for range 5 {
			d.Wake(laneB)
			for {
				call := <-d.calls
				if call.lane == laneB {
					call.end <- end{}
					break
				}
				call.end <- end{err: errors.New("fault")}
			}
		}
	})

	t.Run("a lane that waits for an answer has turns again, and is no trouble", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 1))
		d.Wake(laneA)
		for range 3 {
			call := <-d.calls
			if err := d.Trouble(); err != nil {
				t.Errorf("Trouble = %v of a lane that waits", err)
			}
			call.end <- end{more: true, err: provision.ErrWait}
		}
		(<-d.calls).end <- end{}
	})

	t.Run("a lane that waits for an answer holds up no other", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 1))
		d.Wake(laneA)
		(<-d.calls).end <- end{more: true, err: fmt.Errorf("wrapped: %w", provision.ErrWait)}
		for range 5 {
			d.Wake(laneB)
			for {
				call := <-d.calls
				if call.lane == laneB {
					call.end <- end{}
					break
				}
				call.end <- end{more: true, err: provision.ErrWait}
			}
		}
	})

	t.Run("a lane that waits after a fault is no longer in trouble", func(t *testing.T) {
		t.Parallel()
		d := start(t, open(t, 1))
		d.Wake(laneA)
		(<-d.calls).end <- end{err: errors.New("fault")}
		(<-d.calls).end <- end{more: true, err: provision.ErrWait}
		call := <-d.calls
		if err := d.Trouble(); err != nil {
			t.Errorf("Trouble = %v after a turn without fault", err)
		}
		call.end <- end{}
	})

	t.Run("rounds are done, one at a time", func(t *testing.T) {
		t.Parallel()
		running := make(chan struct{}, 1)
		rounds := make(chan struct{})
		run(t, open(t, 1), provision.Duties{RoundEvery: time.Second, Round: func(ctx context.Context) {
			select {
			case running <- struct{}{}:
			default:
				t.Error("two rounds at once")
			}
			select {
			case rounds <- struct{}{}:
			case <-ctx.Done():
			}
			<-running
		}})
		for range 3 {
			<-rounds
		}
	})

	t.Run("the end waits for the turns that run", func(t *testing.T) {
		t.Parallel()
		dispatcher := open(t, 1)
		ctx, cancel := context.WithCancel(context.Background())
		began, ended := make(chan struct{}), make(chan struct{})
		finished := false
		go func() {
			defer close(ended)
			dispatcher.Run(ctx, turning(func(ctx context.Context, _ muster.LaneRef, _ *provision.Slice) (bool, error) {
				close(began)
				<-ctx.Done()
				finished = true
				return true, nil
			}))
		}()
		dispatcher.Wake(laneA)
		<-began
		cancel()
		<-ended
		if !finished {
			t.Error("Run returned before the turn did")
		}
	})
}

var (
	laneA = muster.LaneRef{Tenant: 1, Lane: muster.LaneCreate}
	laneB = muster.LaneRef{Tenant: 1, Lane: muster.LaneOrdered}
	laneC = muster.LaneRef{Tenant: 2, Lane: muster.LaneCreate}
)

// bundle is a running dispatcher whose turns the test ends by hand.
type bundle struct {
	provision.Dispatcher
	calls chan call
}

type call struct {
	lane muster.LaneRef
	end  chan<- end
}

type end struct {
	more bool
	err  error
}

func start(t *testing.T, d provision.Dispatcher) *bundle {
	t.Helper()
	b := &bundle{Dispatcher: d, calls: make(chan call)}
	run(t, d, turning(func(ctx context.Context, lane muster.LaneRef, _ *provision.Slice) (bool, error) {
		ends := make(chan end, 1)
		select {
		case b.calls <- call{lane: lane, end: ends}:
		case <-ctx.Done():
			return false, nil
		}
		select {
		case e := <-ends:
			return e.more, e.err
		case <-ctx.Done():
			return false, nil
		}
	}))
	return b
}

func turning(turn provision.Turn) provision.Duties { return provision.Duties{Turn: turn} }

func run(t *testing.T, d provision.Dispatcher, duties provision.Duties) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx, duties)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func (b *bundle) expect(t *testing.T, lane muster.LaneRef, e end) {
	t.Helper()
	c := <-b.calls
	if c.lane != lane {
		t.Errorf("the turn is %v's, want %v's", c.lane, lane)
	}
	c.end <- e
}
