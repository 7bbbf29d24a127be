package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"muster"
	"muster/provision"
)

// lock has another connection, as of another process, hold the database until the function it gives is called.
func lock(t *testing.T, dir string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := db.Close(); err != nil { // which ends the transaction
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return release
}

// lockable is a store that does not wait long for a lock, and its folder.
func lockable(t *testing.T, wait time.Duration) (*fixture, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := newFixture(t.Context(), dir, Options{BusyTimeout: wait})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, f.Store) })
	return f, dir
}

func TestALockedDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	f, dir := lockable(t, time.Millisecond)
	first := f.mustAccept(t, 4, 10)
	works, err := f.Next(ctx, muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	chunk := works[0].Chunk
	halves := []muster.Chunk{chunk, chunk}
	halves[0].Rows, halves[1].Rows, halves[1].FirstRow = 2, 2, 2
	release := lock(t, dir)
	for name, write := range map[string]func() error{
		"Accept": func() error { _, err := f.accept(ctx, 1, 10); return err },
		"Apply": func() error {
			return f.Apply(ctx, f.tenant, []muster.Chunk{chunk}, muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) {
				t.Error("Apply planned without its lock")
				return nil, errors.New("planned")
			})
		},
		"Split": func() error { return f.Split(ctx, chunk, halves) },
		"Purge": func() error { _, err := f.Purge(ctx, f.tenant, fixtureTime, 10); return err },
		"Ping":  func() error { return f.Ping(ctx) },
	} {
		err := write()
		var refusal *muster.Error
		var cause *sqlite.Error
		if !errors.As(err, &refusal) || refusal.Kind != muster.KindUnavailable || refusal.RetryAfter <= 0 || errors.Is(err, muster.ErrRow) {
			t.Errorf("%s gave %v, want KindUnavailable and a time to come back", name, err)
		}
		if !errors.As(err, &cause) || cause.Code() != lib.SQLITE_BUSY {
			t.Errorf("%s gave %v, want SQLite's cause for the log", name, err)
		}
	}
	if tenants, err := f.Tenants(ctx); err != nil || len(tenants) != 1 {
		t.Errorf("a read gave %d tenants, %v; it needs no lock", len(tenants), err)
	}
	release()
	if err := f.Ping(ctx); err != nil {
		t.Errorf("Ping after the lock: %v", err)
	}
	works, err = f.Next(ctx, muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}, nil, 10)
	if err != nil || len(works) != 1 || works[0].Chunk.Batch != first || works[0].Chunk.Rows != 4 {
		t.Errorf("%d chunks wait, %v; want the first as it was", len(works), err)
	}
	f.applyAll(t)
}

// TestWhoWaitsBehindALockIsRefusedWithTheFirst: each would else wait for the lock as long as the first one did, after him.
func TestWhoWaitsBehindALockIsRefusedWithTheFirst(t *testing.T) {
	t.Parallel()
	const smalls, larges = 5, 3
	f, dir := lockable(t, 200*time.Millisecond) // long enough for a write to succeed once the lock is given back
	unlock := lock(t, dir)
	release := f.hold(t)
	results := make(chan error, smalls+larges)
	for range smalls {
		go func() { _, err := f.accept(context.Background(), 1, 10); results <- err }()
	}
	f.queued(smalls, 0)
	for range larges {
		go func() { results <- f.writer.large(context.Background(), func(*conn) error { return nil }) }()
	}
	f.queued(smalls, larges)
	release()
	for i := range smalls + larges {
		err := <-results
		unlock()
		if resultCode(err) != lib.SQLITE_BUSY {
			t.Errorf("write %d gave %v", i, err)
		}
	}
	f.mustAccept(t, 1, 10)
}

// TestKindsOfFailures has SQLite itself make the errors.
func TestKindsOfFailures(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	for name, c := range map[string]struct {
		fail func(c *conn) error
		kind muster.Kind
		row  bool
	}{
		"a folder that is not there": {fail: func(c *conn) error {
			return c.control(t.Context(), "ATTACH '"+filepath.Join(t.TempDir(), "none", "x.db")+"' AS other")
		}, kind: muster.KindUnavailable},
		"a database that may not be written": {fail: func(c *conn) error {
			err := c.control(t.Context(), "PRAGMA query_only(on)")
			if err == nil {
				err = recordID(c, 1<<62)
			}
			return errors.Join(err, c.control(t.Context(), "PRAGMA query_only(off)"))
		}, kind: muster.KindUnavailable},
		"a statement that is none": {fail: func(c *conn) error { return c.control(t.Context(), "SELEC 1") }},
		"a key held twice":         {fail: insertTwice, row: true},
		"a fault of ours":          {fail: func(*conn) error { return errors.New("of ours") }},
		"a refusal":                {fail: func(*conn) error { return &muster.Error{Kind: muster.KindConflict} }, kind: muster.KindConflict},
	} {
		var err error
		f.writer.pause(func() { err = explain("try", c.fail(f.writer.conn)) })
		if err == nil || muster.KindOf(err) != c.kind || errors.Is(err, muster.ErrRow) != c.row {
			t.Errorf("%s gave %v, of kind %d", name, err, muster.KindOf(err))
		}
	}
}
