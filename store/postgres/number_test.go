package postgres

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster"
)

// numbered is a process that makes ids, with a clock of its own.
type numbered struct {
	*Reservation
	ahead atomic.Int64 // in nanoseconds
	log   bytes.Buffer
}

// newNumbered makes a process that has no number yet and reserves ids when the test says so.
func newNumbered(s *Store) *numbered { return newNumberedAt(s, time.Now) }

func newNumberedAt(s *Store, clock func() time.Time) *numbered {
	n := &numbered{}
	now := func() time.Time { return clock().Add(time.Duration(n.ahead.Load())) }
	n.Reservation = s.newReservation(muster.NewReservedIDSource(now), now, slog.New(slog.NewTextHandler(&n.log, nil)))
	return n
}

func (n *numbered) mustReserve(t *testing.T) {
	t.Helper()
	if err := n.reserve(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (n *numbered) mustMake(t *testing.T) muster.ID {
	t.Helper()
	id, err := n.ids.Next()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// nodeOf is the number in an id.
func nodeOf(id muster.ID) int { return int(id >> 12 & muster.MaxNode) }

// expire is what a minute without a word does.
func (f *fixture) expire(t *testing.T) {
	t.Helper()
	f.query(t, "UPDATE node_numbers SET until = clock_timestamp()")
}

func TestProcessesThatStartAtOnceHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	url := database(t)
	stores := []*Store{open(t, url, Options{}), open(t, url, Options{Pooled: true})}
	reservations := make([]*Reservation, 20)
	var starting sync.WaitGroup
	for i := range reservations {
		starting.Go(func() {
			var err error
			reservations[i], err = stores[i%2].ReserveIDs(t.Context(), muster.NewReservedIDSource(time.Now), time.Now, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	if t.Failed() {
		return
	}
	seen := map[int]bool{}
	for _, r := range reservations {
		id, err := r.ids.Next()
		if err != nil {
			t.Fatal(err)
		}
		if seen[nodeOf(id)] || nodeOf(id) >= len(reservations) {
			t.Errorf("number %d was given to two, or is not one of the smallest", nodeOf(id))
		}
		seen[nodeOf(id)] = true
		r.Close()
		if _, err := r.ids.Next(); muster.KindOf(err) != muster.KindUnavailable {
			t.Errorf("an id after the end: %v", err)
		}
	}
}

func TestANumberIsGivenBackAndTakenAgain(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	first, second := newNumbered(f.Store), newNumbered(f.Store)
	first.mustReserve(t)
	id := first.mustMake(t)
	if err := first.release(t.Context()); err != nil {
		t.Fatal(err)
	}
	second.mustReserve(t)
	if again := second.mustMake(t); nodeOf(again) != nodeOf(id) || again <= id {
		t.Errorf("%d of node %d after %d of node %d, want the same number and a larger id", again, nodeOf(again), id, nodeOf(id))
	}
}

// A process that stood still finds what it had reserved over, and its number perhaps with another process. What it still makes
// of the old reservation, since its clock stood still too, is made by nobody else.
func TestAProcessThatStoodStill(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	paused, other := newNumbered(f.Store), newNumbered(f.Store)
	paused.mustReserve(t)
	number := nodeOf(paused.mustMake(t))

	paused.ahead.Store(int64(reserveFor + time.Second))
	if _, err := paused.ids.Next(); muster.KindOf(err) != muster.KindUnavailable {
		t.Errorf("an id after its reservation: %v", err)
	}
	if err := paused.ids.Ready(); muster.KindOf(err) != muster.KindUnavailable {
		t.Errorf("ready after its reservation: %v", err)
	}
	paused.mustReserve(t)
	if id := paused.mustMake(t); nodeOf(id) != number {
		t.Errorf("it is node %d now, and its number %d was nobody's", nodeOf(id), number)
	}

	f.expire(t)
	other.ahead.Store(int64(3 * reserveFor))
	other.mustReserve(t)
	taken := other.mustMake(t)
	if nodeOf(taken) != number {
		t.Fatalf("the number that is free is %d, and %d was taken", number, nodeOf(taken))
	}
	if id := paused.mustMake(t); nodeOf(id) != number || id >= taken {
		t.Errorf("of the old reservation: %d of node %d, which may be made by another that begins with %d", id, nodeOf(id), taken)
	}
	paused.mustReserve(t)
	if id := paused.mustMake(t); nodeOf(id) == number {
		t.Errorf("two processes are node %d", number)
	}
	if !strings.Contains(paused.log.String(), "another process has this one's node number") {
		t.Errorf("it logged %q", paused.log.String())
	}
	if err := paused.release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if owners := f.query(t, "SELECT owner FROM node_numbers WHERE owner <> ''"); len(owners) != 1 || owners[0] != other.owner {
		t.Errorf("owners are %q, want %q", owners, other.owner)
	}
}

// A number of which ids are reserved that lie ahead of the clock is of no use now; but it is when there is no other.
func TestNumbersAheadOfTheClockComeLast(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	ahead, right := newNumbered(f.Store), newNumbered(f.Store)
	ahead.ahead.Store(int64(time.Hour))
	ahead.mustReserve(t)
	f.expire(t)
	right.mustReserve(t)
	if ahead.number == right.number {
		t.Errorf("number %d, whose ids are an hour ahead, was taken while others are free", ahead.number)
	}
	if err := right.ids.Ready(); err != nil {
		t.Error(err)
	}
	f.query(t, "UPDATE node_numbers SET until = 'infinity' WHERE number <> "+fmt.Sprint(ahead.number))
	late := newNumbered(f.Store)
	late.mustReserve(t)
	if err := late.ids.Ready(); late.number != ahead.number || muster.KindOf(err) != muster.KindUnavailable {
		t.Errorf("with the one number there is, %d: %v", late.number, err)
	}
	if !strings.Contains(ahead.log.String(), "clock") || strings.Contains(right.log.String(), "clock") {
		t.Errorf("the wrong clock logged %q, the right one %q", ahead.log.String(), right.log.String())
	}
}

func TestAllNumbersAreTaken(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	f.query(t, "UPDATE node_numbers SET owner = 'x', until = 'infinity'")
	_, err := f.ReserveIDs(t.Context(), muster.NewReservedIDSource(time.Now), time.Now, slog.New(slog.DiscardHandler))
	if muster.KindOf(err) != muster.KindUnavailable || !strings.Contains(err.Error(), "1024") {
		t.Errorf("got %v", err)
	}
}

// A database that was copied holds ids of numbers that nobody noted.
func TestIDsGoOnAboveThoseThatWereCopied(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	floor := muster.LastIDAt(time.Now().Add(2 * time.Second))
	f.query(t, fmt.Sprintf("UPDATE tenant_usage SET last_id = %d", floor))
	first, second := newNumbered(f.Store), newNumbered(f.Store)
	first.mustReserve(t)
	second.mustReserve(t)
	for _, n := range []*numbered{first, second} {
		if id := n.mustMake(t); id <= floor {
			t.Errorf("node %d makes %d, which is not above %d", n.number, id, floor)
		}
	}
}

func TestIDsAreReservedAgainAndAgain(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	r := newNumbered(f.Store)
	r.mustReserve(t)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	r.ended.Go(func() { r.keep(ctx, time.Millisecond) })
	since := f.query(t, "SELECT max(last_id)::text FROM node_numbers")[0]
	for f.query(t, "SELECT max(last_id)::text FROM node_numbers")[0] == since {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
}

func TestANumberThatCannotBeGivenBack(t *testing.T) {
	t.Parallel()
	url := database(t)
	s, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := newNumbered(s)
	r.mustReserve(t)
	_, r.stop = context.WithCancel(t.Context())
	closeStore(t, s)
	r.Close()
	if _, err := r.ids.Next(); muster.KindOf(err) != muster.KindUnavailable {
		t.Errorf("an id after the end: %v", err)
	}
	if !strings.Contains(r.log.String(), "free in a minute") {
		t.Errorf("it logged %q", r.log.String())
	}
}

// However wrong clocks are, whoever stands still for long, and whichever processes die, no id is made twice.
func TestIDsOfManyProcessesNeverRepeat(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	rapid.Check(t, func(rt *rapid.T) {
		f.query(t, "UPDATE node_numbers SET owner = '', until = CASE WHEN number < 2 THEN timestamptz '-infinity' ELSE 'infinity' END, last_id = 1")
		now := time.Now()
		start := func() *numbered { return newNumberedAt(f.Store, func() time.Time { return now }) }
		processes := make([]*numbered, 3) // one more than numbers
		for i := range processes {
			processes[i] = start()
		}
		pick := func(rt *rapid.T) int { return rapid.IntRange(0, len(processes)-1).Draw(rt, "process") }
		made := map[muster.ID]bool{}
		rt.Repeat(map[string]func(*rapid.T){
			"a clock jumps": func(rt *rapid.T) {
				processes[pick(rt)].ahead.Add(int64(time.Duration(rapid.SampledFrom([]int{-61, -1, 1, 61}).Draw(rt, "seconds")) * time.Second))
			},
			"ids are reserved": func(rt *rapid.T) {
				err := processes[pick(rt)].reserve(t.Context())
				if err != nil && muster.KindOf(err) != muster.KindUnavailable {
					rt.Fatal(err)
				}
			},
			"a minute passes": func(*rapid.T) { f.query(t, "UPDATE node_numbers SET until = '-infinity' WHERE number < 2") },
			"a process stops": func(rt *rapid.T) {
				i := pick(rt)
				if err := processes[i].release(t.Context()); err != nil {
					rt.Fatal(err)
				}
				processes[i] = start()
			},
			"a process dies": func(rt *rapid.T) { processes[pick(rt)] = start() },
			"ids are made": func(rt *rapid.T) {
				p := processes[pick(rt)]
				for range 5000 { // more than a millisecond has
					id, err := p.ids.Next()
					if err != nil {
						return
					}
					if made[id] {
						rt.Fatalf("%d was made again", id)
					}
					made[id] = true
				}
			},
		})
	})
}

// TestNodesAreListed: who has a number is listed until he gives it back, and who says nothing any more is in trouble for a day.
func TestNodesAreListed(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	nodes := func() []muster.Node {
		t.Helper()
		all, err := f.Nodes(t.Context())
		must(t, err)
		return all
	}
	if all := nodes(); len(all) != 0 {
		t.Errorf("nodes at first are %+v", all)
	}
	host, err := os.Hostname()
	must(t, err)
	one, two := newNumbered(f.Store), newNumbered(f.Store)
	one.mustReserve(t)
	two.mustReserve(t)
	began := nodes()
	for i, n := range began {
		if n.Number != i || n.Name != host || !n.OK || n.Since.IsZero() || n.HeardAt.Before(n.Since) || n.HeardAt.Sub(n.Since) > time.Second {
			t.Errorf("node %d is %+v", i, n)
		}
	}
	if len(began) != 2 {
		t.Fatalf("%d nodes, want 2", len(began))
	}
	f.query(t, "UPDATE node_numbers SET until = until - interval '10 s', since = since - interval '10 s' WHERE number = 1")
	two.mustReserve(t)
	if again := nodes()[1]; !again.Since.Equal(began[1].Since.Add(-10*time.Second)) || again.HeardAt.Before(began[1].HeardAt) {
		t.Errorf("the node was %+v and, heard of again, is %+v", began[1], again)
	}
	f.query(t, "UPDATE node_numbers SET until = clock_timestamp() WHERE number = 0")
	if all := nodes(); len(all) != 2 || all[0].OK || !all[1].OK {
		t.Errorf("nodes of which one was killed are %+v", all)
	}
	f.query(t, "UPDATE node_numbers SET until = clock_timestamp() - interval '1 day' WHERE number = 0")
	must(t, two.release(t.Context()))
	if all := nodes(); len(all) != 0 {
		t.Errorf("nodes at the end are %+v", all)
	}
}
