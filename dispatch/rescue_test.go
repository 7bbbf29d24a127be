package dispatch

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/provision"
	"muster/store/postgres"
	"muster/store/postgres/pgtest"
)

// hurried are options of a node that notices quickly what takes others seconds.
func hurried(workers int) Options {
	return Options{Workers: workers, beatEvery: 100 * time.Millisecond, goneAfter: time.Second}
}

// Whatever becomes of a lane's job, the lane gets another one, and one only.
func TestLostTurnsAreRescued(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]string{
		"deleted":                     "DELETE FROM river_job",
		"cancelled":                   "UPDATE river_job SET state = 'cancelled', finalized_at = now()",
		"completed":                   "UPDATE river_job SET state = 'completed', finalized_at = now()",
		"discarded":                   "UPDATE river_job SET state = 'discarded', finalized_at = now()",
		"to be tried in an hour":      "UPDATE river_job SET state = 'retryable', scheduled_at = now() + interval '1 hour'",
		"scheduled in an hour":        "UPDATE river_job SET state = 'scheduled', scheduled_at = now() + interval '1 hour'",
		"of nobody":                   "UPDATE river_job SET state = 'running', attempted_at = now()",
		"of a node that was deleted":  "UPDATE river_job SET state = 'running', attempted_at = now(), attempted_by = '{somebody}'",
		"of a node that was not seen": "UPDATE river_job SET state = 'running', attempted_at = now(), attempted_by = '{gone}'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			n := open(t, url, Options{Workers: 2})
			n.exec(t, "INSERT INTO nodes (owner, seen_at) VALUES ('gone', now() - interval '11 seconds')")
			n.store(t, lane(1))
			n.exec(t, lose)
			n.run(t, provision.Duties{Turn: n.byHand})
			c := <-n.calls
			if jobs := n.count(t, "SELECT count(*) FROM river_job"); jobs != 1 {
				t.Errorf("the lane has %d jobs", jobs)
			}
			c.end <- end{more: true}
			(<-n.calls).end <- end{}
		})
	}
}

// A job is left alone that is on its way: it waits, pauses, or is with a node that is there.
func TestTurnsOnTheirWayAreLeftAlone(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"waits":  "UPDATE river_job SET scheduled_at = now() + interval '1 hour'",
		"begins": "UPDATE river_job SET state = 'running', attempted_at = now(), attempted_by = array[(SELECT owner FROM nodes)]",
		"runs elsewhere": `WITH n AS (INSERT INTO nodes (owner, seen_at) VALUES ('other', now() - interval '500 ms') RETURNING owner)
			UPDATE river_job SET state = 'running', attempted_at = now() - interval '1 hour', attempted_by = array[(SELECT owner FROM n)]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t, database(t), Options{Workers: 1})
			if err := n.node.beat(t.Context(), n.pool); err != nil {
				t.Fatal(err)
			}
			n.store(t, lane(1))
			n.exec(t, state)
			before := n.count(t, "SELECT job FROM turns")
			if err := n.rescue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := n.count(t, "SELECT job FROM turns"); after != before {
				t.Error("the lane got another job")
			}
		})
	}
}

// The answer to a fetch may be lost on its way: the job is then this node's, which does not know of it.
func TestFetchWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	n := start(t, database(t), hurried(1))
	n.store(t, lane(1))
	running := <-n.calls
	n.store(t, lane(2))
	n.exec(t, `UPDATE river_job SET state = 'running', attempted_at = now() - interval '1 minute', attempted_by = array[(SELECT owner FROM nodes)]
		WHERE state = 'available'`)
	for n.count(t, "SELECT count(*) FROM river_job WHERE state = 'available'") == 0 { // a second
		runtime.Gosched()
	}
	if jobs := n.count(t, "SELECT count(*) FROM river_job WHERE state = 'running'"); jobs != 1 {
		t.Errorf("%d jobs run, want the one that does", jobs)
	}
	running.end <- end{}
	c := <-n.calls
	if c.lane != lane(2) {
		t.Errorf("the turn is %v's", c.lane)
	}
	c.end <- end{}
}

// A node that is cut off from the database, as one that was killed, loses its lanes to another within seconds. When it is
// back, its late turn changes nothing, and it takes turns again.
func TestNodeThatIsCutOff(t *testing.T) {
	t.Parallel()
	url := database(t)
	a := start(t, url, Options{Workers: 1})
	a.store(t, lane(1))
	late := <-a.calls
	b := start(t, url, Options{Workers: 1})
	b.store(t, lane(2))
	(<-b.calls).end <- end{} // it runs
	cut := time.Now()
	a.link.cut()
	c := <-b.calls
	t.Logf("the lane had a turn elsewhere after %s", time.Since(cut).Round(time.Millisecond))
	if c.lane != lane(1) {
		t.Errorf("the turn is %v's", c.lane)
	}
	job := b.count(t, "SELECT job FROM turns")
	late.end <- end{} // there is no more to do, says the one who does not know
	a.link.mend()
	a.store(t, lane(3))
	other := <-a.calls // the only worker, who has stored the late turn's end
	if other.lane != lane(3) {
		t.Errorf("the turn is %v's", other.lane)
	}
	if now := b.count(t, "SELECT job FROM turns WHERE tenant = 1"); now != job {
		t.Error("the late turn's end changed the lane's turn")
	}
	other.end <- end{}
	c.end <- end{}
}

// The database's machine is gone without a word, and another one has taken its place: the node notices that what it asked of
// the first one is not answered, and has turns again.
func TestConnectionsThatFallSilent(t *testing.T) {
	t.Parallel()
	url := database(t)
	n := start(t, url, Options{Workers: 1})
	n.store(t, lane(1))
	(<-n.calls).end <- end{}
	n.link.silence()
	silent := time.Now()
	open(t, url, Options{Workers: 1}).store(t, lane(2))
	(<-n.calls).end <- end{}
	t.Logf("the node had a turn after %s", time.Since(silent).Round(time.Millisecond))
	n.link.cut() // so that what waits for an answer ends
	n.link.mend()
}

// A node that others may take for gone begins no turn until it could say that it is there, and for a while takes no other for
// gone.
func TestNodeThatWasNotSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(beatEvery, goneAfter)
		n.noted(time.Now())
		n.awaitSeen(t.Context())
		if !n.mayJudge() {
			t.Error("a node that just started does not look for lanes")
		}
		time.Sleep(goneAfter + time.Second) // the bubble's clock
		began := make(chan struct{})
		go func() {
			n.awaitSeen(t.Context())
			close(began)
		}()
		synctest.Wait()
		select {
		case <-began:
			t.Error("a turn began")
		default:
		}
		n.noted(time.Now())
		<-began
		if n.mayJudge() {
			t.Error("a node that was away says that others are gone")
		}
		for range 4 {
			time.Sleep(beatEvery)
			n.noted(time.Now())
		}
		if !n.mayJudge() {
			t.Error("a node that was away never looks for lanes again")
		}
	})
}

// Lanes that have work and were never woken, as in a database that was copied, get their turns.
func TestPendingLanesAreWoken(t *testing.T) {
	t.Parallel()
	n := open(t, database(t), Options{Workers: 3})
	n.store(t, lane(1))
	n.run(t, provision.Duties{Turn: n.byHand, Pending: func(context.Context) ([]muster.LaneRef, error) {
		return []muster.LaneRef{lane(2), lane(1)}, nil
	}})
	a, b := <-n.calls, <-n.calls
	if a.lane == b.lane {
		t.Errorf("two turns of %v", a.lane)
	}
	if jobs := n.count(t, "SELECT count(*) FROM river_job"); jobs != 2 {
		t.Errorf("two lanes have %d jobs", jobs)
	}
	a.end <- end{}
	b.end <- end{}
}

// The database is killed in the middle of turns and of their hand-over, and started again: every lane goes on by itself,
// and its trouble is told meanwhile.
func TestDatabaseIsKilled(t *testing.T) {
	t.Parallel()
	own, err := pgtest.Start(pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := postgres.Migrate(t.Context(), own.URL("postgres"), postgres.Options{}); err != nil {
		t.Fatal(err)
	}
	var turns atomic.Int64
	n := open(t, own.URL("postgres"), hurried(2))
	n.run(t, provision.Duties{Turn: func(ctx context.Context, l muster.LaneRef, s *provision.Slice) (bool, error) {
		if turns.Add(1) < 100 {
			return true, nil
		}
		return n.byHand(ctx, l, s)
	}})
	const lanes = 5
	for i := range lanes {
		n.store(t, lane(i+1))
	}
	held := []call{<-n.calls, <-n.calls}
	if err := own.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, c := range held {
		c.end <- end{err: errors.New("the database is away")}
	}
	for n.Trouble() == nil {
		runtime.Gosched()
	}
	if err := own.Restart(); err != nil {
		t.Fatal(err)
	}
	seen := map[muster.LaneRef]bool{}
	for len(seen) < lanes {
		c := <-n.calls
		seen[c.lane] = true
		c.end <- end{}
	}
	n.store(t, lane(1))
	(<-n.calls).end <- end{}
}
