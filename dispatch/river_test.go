package dispatch

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"muster"
	"muster/provision"
	"muster/provision/dispatchtest"
)

func TestDispatcher(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		way      func(testing.TB, string) string
		pollOnly bool
	}{
		"direct":          {func(_ testing.TB, url string) string { return url }, false},
		"behind a pooler": {pooled, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dispatchtest.Run(t, func(t *testing.T, turns int) dispatchtest.Subject {
				n := open(t, tt.way(t, database(t)), Options{Workers: turns, PollOnly: tt.pollOnly})
				return dispatchtest.Subject{Dispatcher: n.River, Store: func(lane muster.LaneRef) { n.store(t, lane) }}
			})
		})
	}
}

// Work is stored on two nodes while lanes come to the end of theirs, again and again: all of it is done, a lane never has
// two turns at once, and in the end nothing is left of any turn.
func TestNoWakeIsLost(t *testing.T) {
	t.Parallel()
	const lanes, storers, pieces = 3, 4, 150
	url := database(t)
	var stored, turning [lanes]atomic.Int64
	var done sync.WaitGroup
	done.Add(storers * pieces)
	turn := func(_ context.Context, l muster.LaneRef, _ *provision.Slice) (bool, error) {
		i := l.Tenant - 1
		if turning[i].Add(1) > 1 {
			t.Errorf("two turns of %v at once", l)
		}
		defer turning[i].Add(-1)
		for range stored[i].Swap(0) {
			done.Done()
		}
		return false, nil
	}
	var nodes []*testNode
	for range 2 {
		n := open(t, url, Options{Workers: 2})
		n.run(t, provision.Duties{Turn: turn})
		nodes = append(nodes, n)
	}
	for s := range storers {
		go func() {
			for p := range pieces {
				i := (s + p) % lanes
				stored[i].Add(1)
				nodes[s%2].store(t, lane(i+1))
			}
		}()
	}
	done.Wait()
	for _, n := range nodes {
		n.stop()
	}
	n := open(t, url, Options{Workers: 1})
	if turns := n.count(t, "SELECT count(*) FROM turns"); turns > lanes {
		t.Errorf("%d lanes have turns, of %d", turns, lanes)
	}
	if jobs, turns := n.count(t, "SELECT count(*) FROM river_job"), n.count(t, "SELECT count(*) FROM turns"); jobs != turns {
		t.Errorf("%d jobs are left of %d turns", jobs, turns)
	}
}

// The last turn of a lane ends while work is being stored: the end waits, and then sees it. Nobody else would: the node does
// not look for lost turns.
func TestWakeWhileTheLastTurnEnds(t *testing.T) {
	t.Parallel()
	n := start(t, database(t), Options{Workers: 1, beatEvery: time.Hour, goneAfter: 2 * time.Hour})
	n.store(t, lane(1))
	last := <-n.calls
	tx, err := n.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &pgx.Batch{}
	WakeIn(b, lane(1))
	if err := tx.SendBatch(t.Context(), b).Close(); err != nil {
		t.Fatal(err)
	}
	last.end <- end{}
	for n.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		runtime.Gosched()
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	(<-n.calls).end <- end{}
}

// What is rolled back wakes nobody, and leaves nothing.
func TestWakeInIsOfItsTransaction(t *testing.T) {
	t.Parallel()
	n := open(t, database(t), Options{Workers: 1})
	tx, err := n.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &pgx.Batch{}
	WakeIn(b, lane(1))
	if err := errors.Join(tx.SendBatch(t.Context(), b).Close(), tx.Rollback(t.Context())); err != nil {
		t.Fatal(err)
	}
	if left := n.count(t, "SELECT (SELECT count(*) FROM turns) + (SELECT count(*) FROM river_job)"); left != 0 {
		t.Errorf("%d rows are left", left)
	}
}

// A node of a version that knows no third lane does not know the jobs of its turns.
func TestQuietTurnsAreOfAKindOfTheirOwn(t *testing.T) {
	t.Parallel()
	n := start(t, database(t), Options{Workers: 1})
	n.store(t, muster.LaneRef{Tenant: 1, Lane: muster.LaneQuiet})
	for _, e := range []end{{more: true}, {}} {
		c := <-n.calls
		if c.lane.Lane != muster.LaneQuiet {
			t.Errorf("the turn is of lane %s", c.lane.Lane)
		}
		if known := n.count(t, "SELECT count(*) FROM river_job WHERE kind = 'turn'"); known != 0 {
			t.Errorf("%d jobs are of the kind that every node knows", known)
		}
		c.end <- e
	}
	n.store(t, lane(1))
	c := <-n.calls
	if known := n.count(t, "SELECT count(*) FROM river_job WHERE kind = 'turn'"); known != 1 {
		t.Errorf("%d jobs are of the kind that every node knows", known)
	}
	c.end <- end{}
}

// However long a lane works, it leaves one job; when it is idle, none.
func TestTurnsLeaveNothing(t *testing.T) {
	t.Parallel()
	n := start(t, database(t), Options{Workers: 1})
	n.store(t, lane(1))
	for range 50 {
		(<-n.calls).end <- end{more: true}
	}
	c := <-n.calls
	if jobs := n.count(t, "SELECT count(*) FROM river_job"); jobs != 1 {
		t.Errorf("a lane has %d jobs", jobs)
	}
	c.end <- end{}
	n.store(t, lane(2)) // its turn is after the end of the other's
	c = <-n.calls
	if turns := n.count(t, "SELECT count(*) FROM turns WHERE tenant = 1"); turns != 0 {
		t.Error("the lane is idle and has a turn")
	}
	c.end <- end{}
}

// Where the database cannot be used at the start, that is told, and turns are given once it can.
func TestStartWithoutDatabase(t *testing.T) {
	t.Parallel()
	url := database(t)
	n := open(t, url, Options{Workers: 1})
	n.store(t, lane(1))
	n.link.cut()
	n.run(t, provision.Duties{Turn: n.byHand})
	for muster.KindOf(n.Trouble()) != muster.KindUnavailable {
		runtime.Gosched()
	}
	n.link.mend()
	c := <-n.calls
	if err := n.Trouble(); err != nil {
		t.Errorf("Trouble = %v", err)
	}
	c.end <- end{}
}

// A panic is a fault like others, and its value, which may be anything, is not told.
func TestPanic(t *testing.T) {
	t.Parallel()
	n := start(t, database(t), Options{Workers: 1})
	n.store(t, lane(1))
	(<-n.calls).end <- end{panic: "+86 139 0000 0000"}
	c := <-n.calls
	err := n.Trouble()
	if want := "a turn's panic with a string"; muster.KindOf(err) != muster.KindUnavailable || errors.Unwrap(err).Error() != want {
		t.Errorf("Trouble = %v, want %q", err, want)
	}
	c.end <- end{}
}

// Ten lanes that never end share two nodes evenly, and one that was idle has the next turn that begins anywhere.
func TestNodesShareFairly(t *testing.T) {
	t.Parallel()
	const busy = 10
	url := database(t)
	a, b := start(t, url, Options{Workers: 1}), start(t, url, Options{Workers: 1})
	for i := range busy {
		a.store(t, lane(i+1))
	}
	next := func() call {
		select {
		case c := <-a.calls:
			return c
		case c := <-b.calls:
			return c
		}
	}
	counts := map[muster.LaneRef]int{}
	last := next()
	for i := range 10 * busy { // two turns are on their way, of which the older one ends
		c := next()
		counts[last.lane]++
		last.end <- end{more: true}
		last = c
		if i%busy != busy-1 {
			continue
		}
		c = next()
		fresh := lane(100 + i)
		a.store(t, fresh)
		last.end <- end{more: true}
		counts[last.lane]++
		last = next()
		if last.lane != fresh {
			t.Errorf("the turn is %v's, want that of the lane that was idle", last.lane)
		}
		last.end <- end{}
		last = c
	}
	last.end <- end{}
	for i := range busy {
		if n := counts[lane(i+1)]; n < 9 || n > 13 {
			t.Errorf("lane %d had %d turns of %d", i+1, n, 11*busy)
		}
	}
}

// A node that stops hands its lanes on at once.
func TestStopHandsLanesOn(t *testing.T) {
	t.Parallel()
	url := database(t)
	a := start(t, url, Options{Workers: 1})
	a.store(t, lane(1))
	<-a.calls
	a.store(t, lane(2))
	b := start(t, url, Options{Workers: 1})
	(<-b.calls).end <- end{} // lane 2
	a.stop()
	c := <-b.calls
	if c.lane != lane(1) {
		t.Errorf("the turn is %v's", c.lane)
	}
	if n := a.count(t, "SELECT count(*) FROM turns WHERE faults > 0"); n != 0 {
		t.Error("a node's end is counted as a fault")
	}
	c.end <- end{}
}

// A turn learns that another lane waits, once it does, and that none does.
func TestContention(t *testing.T) {
	t.Parallel()
	n := open(t, database(t), Options{Workers: 1})
	await := func(want bool) {
		for n.queue.waiting(t.Context()) != want { // as of a moment ago
			runtime.Gosched()
		}
	}
	await(false)
	n.store(t, lane(1))
	await(true)
	n.exec(t, "UPDATE river_job SET scheduled_at = now() + interval '1 hour'")
	await(false)
	n.pool.Close()
	await(true)
}

// A fault is told until the lane has a turn without, even if that is on another node.
func TestTroubleEndsElsewhere(t *testing.T) {
	t.Parallel()
	url := database(t)
	o := Options{Workers: 1, beatEvery: 100 * time.Millisecond}
	a := start(t, url, o)
	a.store(t, lane(1))
	fault := errors.New("fault")
	(<-a.calls).end <- end{err: fault}
	c := <-a.calls
	b := start(t, url, o)
	c.end <- end{err: fault}
	for {
		select {
		case c := <-a.calls:
			c.end <- end{err: fault}
			continue
		case c := <-b.calls:
			c.end <- end{}
		}
		break
	}
	for a.Trouble() != nil { // for a beat
		runtime.Gosched()
	}
}
