package sqlite

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster"
)

// hold keeps the writer from beginning anything until the function it gives is called.
func (f *fixture) hold(t *testing.T) (release func()) {
	t.Helper()
	held, done := make(chan struct{}), make(chan struct{})
	go f.writer.pause(func() { close(held); <-done })
	<-held
	return sync.OnceFunc(func() { close(done) })
}

// queued waits until so many small and large writes are queued.
func (f *fixture) queued(smalls, larges int) {
	for {
		f.writer.mu.Lock()
		there := len(f.writer.smalls) == smalls && len(f.writer.larges) == larges
		f.writer.mu.Unlock()
		if there {
			return
		}
		runtime.Gosched()
	}
}

func TestWaitingSmallWritesShareACommit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ writes, commits int }{{1, 1}, {2, 1}, {maxGroup, 1}, {maxGroup + 1, 2}, {3 * maxGroup, 3}} {
		f := openFixture(t, Options{})
		release := f.hold(t)
		before := f.wal.commits.Load()
		var wait sync.WaitGroup
		for range c.writes {
			wait.Go(func() {
				if _, err := f.accept(t.Context(), 1, 10); err != nil {
					t.Error(err)
				}
			})
		}
		f.queued(c.writes, 0)
		release()
		wait.Wait()
		if got := f.wal.commits.Load() - before; got != int64(c.commits) {
			t.Errorf("%d writes took %d commits, want %d", c.writes, got, c.commits)
		}
		shot, err := f.Snapshot(t.Context(), f.tenant, muster.Keys{})
		if err != nil {
			t.Fatal(err)
		}
		if shot.Usage.QueuedRows != int64(c.writes) {
			t.Errorf("%d writes left %d rows", c.writes, shot.Usage.QueuedRows)
		}
	}
}

// insertTwice breaks a constraint.
func insertTwice(c *conn) error {
	return c.control(context.Background(), "INSERT INTO tenants SELECT * FROM tenants")
}

// TestARefusedWriteLeavesItsGroupAlone has one write of a group fail in each way that a callback can.
func TestARefusedWriteLeavesItsGroupAlone(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, fail := range map[string]func(c *conn) error{
		"error":      func(*conn) error { return refused },
		"panic":      func(*conn) error { panic(refused) },
		"constraint": insertTwice,
	} {
		f := openFixture(t, Options{})
		release := f.hold(t)
		results := make(chan error, 3)
		ctx := t.Context()
		go func() {
			results <- f.writer.small(ctx, func(c *conn) error { return recordID(c, 1<<62) })
		}()
		f.queued(1, 0)
		var failed error
		var wait sync.WaitGroup
		wait.Go(func() {
			failed = f.writer.small(ctx, func(c *conn) error {
				if err := recordID(c, 1<<62+9); err != nil {
					t.Error(err)
				}
				return fail(c)
			})
		})
		f.queued(2, 0)
		go func() {
			results <- f.writer.small(ctx, func(c *conn) error { return recordID(c, 1<<62+1) })
		}()
		f.queued(3, 0)
		release()
		wait.Wait()
		if failed == nil {
			t.Errorf("%s: the write that failed was a success", name)
		}
		if err := errors.Join(<-results, <-results); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if floor, err := f.IDFloor(ctx); err != nil || floor != 1<<62+1 {
			t.Errorf("%s: the largest id is %s, %v", name, floor, err)
		}
	}
}

// TestALostTransactionFailsItsWholeGroup: after some errors SQLite has rolled back by itself, and with it what others of the
// group did.
func TestALostTransactionFailsItsWholeGroup(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*conn) error{
		"error":      func(*conn) error { return errors.New("disk trouble") },
		"refusal":    func(*conn) error { return &muster.Error{Kind: muster.KindConflict} },
		"constraint": insertTwice,
	} {
		f := openFixture(t, Options{})
		release := f.hold(t)
		results := make(chan error, 2)
		go func() {
			results <- f.writer.small(t.Context(), func(c *conn) error { return recordID(c, 1<<62) })
		}()
		f.queued(1, 0)
		go func() {
			results <- f.writer.small(t.Context(), func(c *conn) error {
				return errors.Join(fail(c), c.control(t.Context(), "ROLLBACK"))
			})
		}()
		f.queued(2, 0)
		release()
		for range 2 {
			if err := <-results; err == nil || isRefusal(err) || isData(err) {
				t.Errorf("%s: a write of a group that was lost gave %v", name, err)
			}
		}
		if floor, err := f.IDFloor(t.Context()); err != nil || floor >= 1<<62 {
			t.Errorf("%s: the largest id is %s, %v", name, floor, err)
		}
		f.mustAccept(t, 1, 10)
	}
}

func TestAFullDiskIsTheStoresTrouble(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	f.mustAccept(t, 1, 10)
	limit := func(pages string) {
		t.Helper()
		f.writer.pause(func() {
			if err := f.writer.conn.control(context.Background(), "PRAGMA max_page_count("+pages+")"); err != nil {
				t.Error(err)
			}
		})
	}
	limit("1") // as if the disk had no room; it cannot be less than there is
	_, err := f.accept(t.Context(), 1, 1<<20)
	if muster.KindOf(err) != muster.KindUnavailable || errors.Is(err, muster.ErrRow) {
		t.Errorf("error is %v, want KindUnavailable", err)
	}
	limit("1000000")
	f.mustAccept(t, 1, 1<<20)
	f.applyAll(t)
}

func TestSmallWritesComeFirstAndLargeOnesHaveTheirTurn(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	release := f.hold(t)
	var mu sync.Mutex
	var order []string
	var wait sync.WaitGroup
	write := func(name string, do func(context.Context, func(*conn) error) error) {
		wait.Go(func() {
			err := do(t.Context(), func(*conn) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	write("large", f.writer.large)
	f.queued(0, 1)
	write("large", f.writer.large)
	f.queued(0, 2)
	for i := range maxGroup + 2 {
		write("small", f.writer.small)
		f.queued(i+1, 2)
	}
	release()
	wait.Wait()
	want := slices.Concat(slices.Repeat([]string{"small"}, maxGroup), []string{"large", "small", "small", "large"})
	if !slices.Equal(order, want) {
		t.Errorf("order of writes is %v", order)
	}
}

func TestAPanicTellsNoValue(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	err := f.writer.large(t.Context(), func(*conn) error { panic("Ada Lovelace") })
	if err == nil || strings.Contains(err.Error(), "Ada") {
		t.Errorf("error is %v", err)
	}
	var none []int
	err = f.writer.large(t.Context(), func(*conn) error { none[3] = 1; return nil })
	if err == nil || !strings.Contains(err.Error(), "index out of range") {
		t.Errorf("error is %v, want the runtime's own words", err)
	}
	f.mustAccept(t, 1, 10)
}

func TestAWriteThatBeganRunsToItsEnd(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := f.writer.large(ctx, func(c *conn) error {
		cancel()
		return recordID(c, 1<<62)
	})
	if err != nil {
		t.Error(err)
	}
	if floor, err := f.IDFloor(t.Context()); err != nil || floor != 1<<62 {
		t.Errorf("the largest id is %s, %v", floor, err)
	}
}

func TestCloseRefusesWhatWaits(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	release := f.hold(t)
	results := make(chan error, 2)
	for _, do := range []func(context.Context, func(*conn) error) error{f.writer.small, f.writer.large} {
		go func() { results <- do(t.Context(), func(*conn) error { return nil }) }()
	}
	f.queued(1, 1)
	closed := make(chan error)
	go func() { closed <- f.Close() }()
	for range 2 {
		if err := <-results; !errors.Is(err, errClosed) {
			t.Errorf("a waiting write was answered with %v", err)
		}
	}
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := f.accept(t.Context(), 1, 1); !errors.Is(err, errClosed) {
		t.Errorf("a write after Close was answered with %v", err)
	}
	if _, err := f.Tenants(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("a read after Close was answered with %v", err)
	}
	if f.writer.pause(func() {}) {
		t.Error("the writer was paused after Close")
	}
}
