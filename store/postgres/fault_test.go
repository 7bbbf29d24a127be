package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"muster"
	"muster/provision"
	"muster/store/postgres/pgtest"
)

// durableFixture is a fixture on a server of its own, which writes to the disk what it commits.
func durableFixture(t testing.TB) (*fixture, *pgtest.Server) {
	t.Helper()
	own, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Close(); err != nil {
			t.Error(err)
		}
	})
	return fixtureAt(t, own.Database(t, ""), Options{}), own
}

// TestAcknowledgedBatchesSurviveAKill kills the database while batches are accepted and applied, and goes on with the same
// store.
func TestAcknowledgedBatchesSurviveAKill(t *testing.T) {
	t.Parallel()
	f, own := durableFixture(t)
	var acknowledged []*provision.Acceptance
	for round := range 3 {
		acknowledged = append(acknowledged, f.acceptAndKill(t, own, 20*(round+1))...)
		if err := own.Restart(); err != nil {
			t.Fatal(err)
		}
		if err := f.Ping(t.Context()); err != nil {
			t.Fatalf("round %d: Ping after the start: %v", round, err)
		}
		f.sound(t, acknowledged)
	}
}

// acceptAndKill accepts from several goroutines, applies what waits, and kills the database after so many batches. It gives
// all that were acknowledged.
func (f *fixture) acceptAndKill(t *testing.T, own *pgtest.Server, after int) (acknowledged []*provision.Acceptance) {
	t.Helper()
	var mu sync.Mutex
	var wait sync.WaitGroup
	killed := make(chan struct{})
	var kill sync.Once
	check := func(what string, err error) (over bool) {
		if err == nil {
			return false
		}
		if errors.Is(err, muster.ErrRow) || muster.KindOf(err) != muster.KindUnavailable && !errors.Is(err, errUnknown) {
			t.Errorf("%s of a database that is gone: %v", what, err)
		}
		return true
	}
	for range 3 {
		wait.Go(func() {
			for {
				a := f.acceptance(t, 3, 20_000)
				if _, err := f.Accept(t.Context(), a); check("Accept", err) {
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, a)
				enough := len(acknowledged) >= after
				mu.Unlock()
				if enough {
					kill.Do(func() {
						if err := own.Kill(); err != nil {
							t.Error(err)
						}
						close(killed)
					})
				}
			}
		})
	}
	wait.Go(func() {
		for {
			works, err := f.Next(t.Context(), f.lane(), nil, 30)
			if err == nil && len(works) > 0 {
				err = f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, skipAll(works))
			}
			if check("Next or Apply", err) {
				return
			}
		}
	})
	wait.Wait()
	<-killed
	return acknowledged
}

// sound looks for each acknowledged batch, and whether what is there is whole.
func (f *fixture) sound(t *testing.T, acknowledged []*provision.Acceptance) {
	t.Helper()
	var waiting []muster.ID
	var rows, size int64
	for _, w := range f.works(t, 1<<30) {
		waiting = append(waiting, w.Chunk.Batch)
		rows, size = rows+int64(w.Chunk.Rows), size+int64(len(w.Chunk.Payload))
	}
	shot, err := f.Snapshot(t.Context(), f.tenant, muster.Keys{})
	if err != nil || shot.Usage.QueuedRows != rows || shot.Usage.QueuedBytes != size {
		t.Errorf("the queue counts %d rows and %d bytes of %d and %d, %v", shot.Usage.QueuedRows, shot.Usage.QueuedBytes, rows, size, err)
	}
	for _, a := range acknowledged {
		page, err := f.BatchPage(t.Context(), f.tenant, a.Batch.ID, muster.ContractKooDrive, 0, 10)
		if err != nil {
			t.Errorf("batch %s was acknowledged: %v", a.Batch.ID, err)
			continue
		}
		waits := slices.Contains(waiting, a.Batch.ID)
		if page.Batch.Finished() == waits || page.Batch.Decided() != len(page.Outcomes) || waits && len(page.Outcomes) > 0 {
			t.Errorf("batch %s waits: %t, and has %d outcomes: %+v", a.Batch.ID, waits, len(page.Outcomes), page.Batch)
		}
	}
}

// TestAFrozenDatabase answers nothing, and whoever asks is let go when his time is over.
func TestAFrozenDatabase(t *testing.T) {
	t.Parallel()
	f, own := durableFixture(t)
	f.mustAccept(t, 1, 1)
	if err := own.Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error)
	for _, ask := range []func() error{
		func() error { return f.Ping(ctx) },
		func() error { _, err := f.Tenants(ctx); return err },
		func() error { _, err := f.Accept(ctx, f.acceptance(t, 1, 1)); return err },
	} {
		go func() { asked <- ask() }()
	}
	await(t, &f.queues, f.tenant, 1)
	cancel()
	for range 3 {
		if err := <-asked; !errors.Is(err, context.Canceled) {
			t.Errorf("a frozen database gave %v", err)
		}
	}
	if err := own.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("Ping after the frost: %v", err)
	}
	f.mustAccept(t, 1, 1)
}

// openImpatient opens the fixture's database again, as a node whose session the server ends when it stops in the middle of a
// transaction for as short a time.
func (f *fixture) openImpatient(t *testing.T, idle time.Duration) *fixture {
	t.Helper()
	config, err := configure(f.url, &Options{Connections: 4})
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = idle.String()
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	other := *f
	other.Store = &Store{pool: pool}
	return &other
}

// TestANodeThatStopsHoldsNothing: while a node stands still under a tenant's lock, another one takes over, and what the first
// does when it comes back changes nothing.
func TestANodeThatStopsHoldsNothing(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	slow := f.openImpatient(t, 200*time.Millisecond)
	id := f.mustAccept(t, 2, 1)
	works := f.works(t, 2)
	var planned atomic.Bool
	err := slow.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		planned.Store(live[0])
		// The other node waits for the lock, until the server takes it from this one.
		if err := f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, skipAll(works)); err != nil {
			t.Errorf("Apply of the other node: %v", err)
		}
		w, err := skipAll(works)(shot, live)
		w.Planned.Insert = []muster.User{{ID: 5, Account: "five", AccountKey: "five"}}
		return w, err
	})
	if muster.KindOf(err) != muster.KindUnavailable || errors.Is(err, muster.ErrRow) || !planned.Load() {
		t.Errorf("Apply of the node that stopped = %v, want KindUnavailable", err)
	}
	page, err := f.BatchPage(t.Context(), f.tenant, id, muster.ContractKooDrive, 0, 10)
	if err != nil || page.Batch.Skipped != 2 || len(page.Outcomes) != 2 {
		t.Errorf("the batch is %+v, %v", page, err)
	}
	if _, err := f.User(t.Context(), f.tenant, 5); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("a user of the node that stopped: %v", err)
	}
	if err := slow.Ping(t.Context()); err != nil {
		t.Errorf("the node that stopped goes on: %v", err)
	}
}
