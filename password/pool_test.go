package password_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"muster/password"
)

func TestMain(m *testing.M) {
	beChild()
	goleak.VerifyTestMain(m)
}

func newPool(t *testing.T, workers int) *password.Pool {
	t.Helper()
	pool, err := password.NewPool(cheap(), workers)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// occupied is a pool whose workers are all held up in a callback. release frees one.
func occupied(t *testing.T, workers int) (pool *password.Pool, release func()) {
	t.Helper()
	pool = newPool(t, workers)
	gate := make(chan struct{})
	for range workers {
		err := pool.Submit(t.Context(), password.Bulk, []byte("x"), func(string, error) { <-gate })
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
	return pool, func() { gate <- struct{}{} }
}

func TestPoolHashesAndVerifies(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 2)
	defer pool.Close()
	encoded, err := pool.Hash(t.Context(), password.Bulk, []byte("Q!@1assword"))
	if err != nil {
		t.Fatal(err)
	}
	if ok, upgrade, err := pool.Verify(t.Context(), password.Interactive, encoded, []byte("Q!@1assword")); !ok || upgrade || err != nil {
		t.Errorf("the password: got %v, %v, %v", ok, upgrade, err)
	}
	if ok, upgrade, err := pool.Verify(t.Context(), password.Interactive, encoded, []byte("x")); ok || upgrade || err != nil {
		t.Errorf("another password: got %v, %v, %v", ok, upgrade, err)
	}
	dearer, err := password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 2, Lanes: 2}}.Hash([]byte("p"))
	if err != nil {
		t.Fatal(err)
	}
	if ok, upgrade, err := pool.Verify(t.Context(), password.Interactive, dearer, []byte("p")); !ok || !upgrade || err != nil {
		t.Errorf("a dearer hash: got %v, %v, %v", ok, upgrade, err)
	}
	const imported = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" // testdata/hashes.txt
	if ok, upgrade, err := pool.Verify(t.Context(), password.Interactive, imported, []byte("U*U")); !ok || !upgrade || err != nil {
		t.Errorf("an imported hash: got %v, %v, %v", ok, upgrade, err)
	}
	if _, _, err := pool.Verify(t.Context(), password.Interactive, "$2b$12$x", []byte("p")); !errors.Is(err, password.ErrFormat) {
		t.Errorf("another format: got %v", err)
	}
	s := pool.Stats()
	if s.Workers != 2 || s.Bulk.Hashed != 1 || s.Interactive.Hashed != 4 || s.Busy <= 0 || s.Running != 0 {
		t.Errorf("got %+v", s)
	}
	if pool, err := password.NewPool(cheap(), -1); err == nil {
		t.Error("a pool of -1 workers began")
		pool.Close()
	}
}

// TestPoolTakesTheClassesInTurns has ten of each class wait. One worker takes them while the others are held.
func TestPoolTakesTheClassesInTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const workers = 5
		pool, release := occupied(t, workers)
		var order strings.Builder
		submit := func(class password.Class, name string) {
			err := pool.Submit(t.Context(), class, nil, func(string, error) { order.WriteString(name) })
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range workers {
			submit(password.Bulk, string(rune('A'+i)))
		}
		for i := range 8 {
			submit(password.Interactive, string(rune('a'+i)))
		}
		release()
		synctest.Wait()
		if got, want := order.String(), "aAbBcCdDeEfgh"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for range workers - 1 {
			release()
		}
		pool.Close()
	})
}

func TestPoolRefusesSignInsThatWouldWaitTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool, release := occupied(t, 1)
		var accepted, done int
		for range 100 {
			err := pool.Submit(t.Context(), password.Interactive, nil, func(_ string, err error) {
				if err != nil {
					t.Error(err)
				}
				done++
			})
			if err == nil {
				accepted++
			} else if !errors.Is(err, password.ErrBusy) {
				t.Fatal(err)
			}
		}
		if _, err := pool.Hash(t.Context(), password.Interactive, nil); !errors.Is(err, password.ErrBusy) {
			t.Errorf("Hash: got %v", err)
		}
		if s := pool.Stats(); accepted != 16 || s.Interactive.Waiting != 16 || s.Interactive.Refused != 85 {
			t.Errorf("accepted %d, %+v", accepted, s)
		}
		release()
		pool.Close()
		if done != accepted {
			t.Errorf("%d of %d were done", done, accepted)
		}
	})
}

// TestPoolHoldsBackBulk checks that a producer gets no further ahead than one queued password for each worker, goes on
// as soon as one was taken, and can be stopped while it waits.
func TestPoolHoldsBackBulk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const workers = 3
		pool, release := occupied(t, workers)
		ctx, cancel := context.WithCancel(t.Context())
		var fed int
		var done atomic.Int32
		var stopped error
		go func() {
			for ; stopped == nil; fed++ {
				stopped = pool.Submit(ctx, password.Bulk, nil, func(string, error) { done.Add(1) })
			}
			fed--
		}()
		synctest.Wait()
		if s := pool.Stats(); fed != workers || s.Bulk.Waiting != workers {
			t.Errorf("fed %d, %+v", fed, s)
		}
		cancel()
		synctest.Wait()
		if !errors.Is(stopped, context.Canceled) || fed != workers {
			t.Errorf("fed %d, stopped by %v", fed, stopped)
		}
		for range workers {
			release()
		}
		pool.Close()
		// ctx ended before a worker came to them.
		if s := pool.Stats(); int(done.Load()) != workers || s.Bulk.Dropped != workers {
			t.Errorf("%d callbacks, %+v", done.Load(), s)
		}
	})
}

func TestPoolKeepsAllWorkersBusyFromOneProducer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const workers = 4
		pool := newPool(t, workers)
		gate := make(chan struct{})
		var inCallback atomic.Int32
		go func() {
			for range 20 {
				err := pool.Submit(t.Context(), password.Bulk, nil, func(string, error) {
					inCallback.Add(1)
					<-gate
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
		for i := range 20 {
			synctest.Wait()
			if got, want := int(inCallback.Load()), min(20, workers+i); got != want {
				t.Fatalf("after %d were let go, %d had begun, want %d", i, got, want)
			}
			gate <- struct{}{}
		}
		pool.Close()
	})
}

func TestPoolGivesUpWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	for _, class := range []password.Class{password.Interactive, password.Bulk} {
		t.Run(class.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { checkGivesUp(t, class) })
		})
	}
}

func checkGivesUp(t *testing.T, class password.Class) {
	pool, release := occupied(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var hashed, submitted error
	hash := "none"
	go func() { _, hashed = pool.Hash(ctx, class, nil) }()
	synctest.Wait()
	cancel()
	synctest.Wait()
	if !errors.Is(hashed, context.Canceled) {
		t.Errorf("Hash did not return while the worker was held: %v", hashed)
	}
	count := func() password.ClassStats {
		if class == password.Bulk {
			return pool.Stats().Bulk
		}
		return pool.Stats().Interactive
	}
	if s := count(); s.Waiting != 0 || s.Dropped != 1 {
		t.Errorf("its place was not given back: %+v", s)
	}
	if _, err := pool.Hash(ctx, class, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that had ended: %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	err := pool.Submit(ctx, class, nil, func(encoded string, err error) { hash, submitted = encoded, err })
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	release()
	synctest.Wait()
	if hash != "" || !errors.Is(submitted, context.Canceled) {
		t.Errorf("callback: got %q, %v", hash, submitted)
	}
	if s := count(); s.Waiting != 0 || s.Dropped != 2 {
		t.Errorf("got %+v", s)
	}
	pool.Close()
}

func TestPoolClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool, release := occupied(t, 2)
		var done, closed atomic.Int32
		count := func(string, error) { done.Add(1) }
		for _, class := range []password.Class{password.Bulk, password.Interactive, password.Bulk} {
			if err := pool.Submit(t.Context(), class, nil, count); err != nil {
				t.Fatal(err)
			}
		}
		var blocked error
		go func() { blocked = pool.Submit(t.Context(), password.Bulk, nil, count) }()
		synctest.Wait()
		for range 2 {
			go func() { pool.Close(); closed.Add(1) }()
		}
		synctest.Wait()
		if !errors.Is(blocked, password.ErrClosed) || closed.Load() != 0 {
			t.Errorf("the blocked producer got %v; %d closed before the workers were done", blocked, closed.Load())
		}
		for _, class := range []password.Class{password.Bulk, password.Interactive} {
			if err := pool.Submit(t.Context(), class, nil, count); !errors.Is(err, password.ErrClosed) {
				t.Errorf("%s after Close: %v", class, err)
			}
		}
		release()
		release()
		synctest.Wait()
		if done.Load() != 3 || closed.Load() != 2 {
			t.Errorf("%d of 3 queued were done, %d of 2 closed", done.Load(), closed.Load())
		}
	})
}

// TestPoolAnswersEachOnce has many callers of every kind, some of whom give up, and counts.
func TestPoolAnswersEachOnce(t *testing.T) {
	t.Parallel()
	pool := newPool(t, 3)
	var accepted, hashed, dropped, refused atomic.Uint64
	answer := func(encoded string, err error) {
		switch {
		case err == nil && encoded != "":
			hashed.Add(1)
		case errors.Is(err, context.Canceled):
			dropped.Add(1)
		default:
			t.Errorf("got %q, %v", encoded, err)
		}
	}
	var wg sync.WaitGroup
	for caller := range 16 {
		random := rand.New(rand.NewPCG(1, uint64(caller)))
		wg.Go(func() {
			for range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				class := password.Class(random.IntN(2))
				giveUp, waits := random.IntN(3) == 0, random.IntN(2) == 0
				if giveUp {
					wg.Go(cancel)
				}
				var err error
				if waits {
					var encoded string
					if encoded, err = pool.Hash(ctx, class, nil); err == nil {
						accepted.Add(1)
						answer(encoded, nil)
					}
				} else if err = pool.Submit(ctx, class, nil, answer); err == nil {
					accepted.Add(1)
				}
				if errors.Is(err, password.ErrBusy) {
					refused.Add(1)
				} else if err != nil && !(giveUp && errors.Is(err, context.Canceled)) {
					t.Error(err)
				}
				t.Cleanup(cancel) // not now: only giving up may drop
			}
		})
	}
	wg.Wait()
	pool.Close()
	s := pool.Stats()
	if accepted.Load() != hashed.Load()+dropped.Load() || s.Interactive.Hashed+s.Bulk.Hashed != hashed.Load() ||
		s.Interactive.Refused+s.Bulk.Refused != refused.Load() || s.Running+s.Interactive.Waiting+s.Bulk.Waiting != 0 {
		t.Errorf("accepted %d, hashed %d, dropped %d, refused %d: %+v", accepted.Load(), hashed.Load(), dropped.Load(), refused.Load(), s)
	}
}
