package source_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster"
	"muster/mapping"
	"muster/mapping/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a fetcher with a clock that stands still unless it is moved.
type bundle struct {
	*source.Fetcher[mapping.Identity]
	clock atomic.Int64
}

func fetcher(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{}
	now := func() time.Time { return time.Unix(1_000_000, b.clock.Load()) }
	b.Fetcher = source.NewFetcher[mapping.Identity](source.NewClient(nil, time.Minute), now)
	t.Cleanup(b.Close)
	return b
}

func (b *bundle) advance(by time.Duration) { b.clock.Add(int64(by)) }

func question(tenant, batch muster.ID, e source.Endpoint, row int) source.Question[mapping.Identity] {
	return source.Question[mapping.Identity]{
		Batch: source.Batch{Tenant: tenant, ID: batch}, Endpoint: e, Row: row, Account: "ann",
		Then: func(i mapping.Identity) mapping.Identity { return i },
	}
}

// await asks until there is an answer. It waits for calls alone, so that it hangs where none is made.
func (b *bundle) await(q source.Question[mapping.Identity]) mapping.Identity {
	for {
		changed := b.Changed()
		if identity, ok := b.Ask(q); ok {
			return identity
		}
		<-changed
	}
}

func TestAnAnswerIsKeptUntilItIsForgotten(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	e := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(200, `{"id":"u1"}`)(w, r)
	})
	b := fetcher(t)
	q := question(1, 1, e, 0)
	for range 3 {
		if got := b.await(q); got.ID != "u1" {
			t.Errorf("the answer is %+v", got)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls, want one", calls.Load())
	}
	b.Forget(q.Batch)
	b.await(q)
	b.advance(15 * time.Minute)
	b.await(question(2, 1, e, 0)) // whose asking sweeps
	b.await(q)
	changed := q
	changed.Endpoint.Secret = "another"
	b.await(changed)
	if calls.Load() != 5 {
		t.Errorf("%d calls, want one more after each of: forgotten, not asked about for long, another system; and another tenant's", calls.Load())
	}
}

// attempt awaits the next call, and gives the time that the clock had to be moved for it.
func (b *bundle) attempt(t *testing.T, q source.Question[mapping.Identity], calls *atomic.Int64) time.Duration {
	t.Helper()
	before, waited := calls.Load(), time.Duration(0)
	for {
		changed := b.Changed()
		if _, ok := b.Ask(q); ok {
			t.Fatal("there is an answer")
		}
		if calls.Load() > before || !b.Idle() {
			<-changed
			return waited
		}
		b.advance(100 * time.Millisecond)
		waited += 100 * time.Millisecond
	}
}

// A system that fails is tried again after longer and longer pauses, and its answer counts when it comes in time.
func TestRecovery(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	var well atomic.Bool
	e := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if !well.Load() {
			answer(503, "")(w, r)
			return
		}
		answer(200, `{"id":"u1"}`)(w, r)
	})
	b := fetcher(t)
	q := question(1, 1, e, 0)
	total := time.Duration(0)
	for i, want := range []float64{0, 1, 2, 4, 8, 16, 30, 30, 30} { // seconds
		waited := b.attempt(t, q, &calls)
		if waited.Seconds() != want {
			t.Errorf("attempt %d came after %s, want %g s", i, waited, want)
		}
		if b.Well(1, e) {
			t.Error("a system that fails is taken to be well")
		}
		total += waited
	}
	b.advance(9*time.Minute + 59*time.Second - total)
	well.Store(true)
	if got := b.await(q); got.ID != "u1" || !b.Well(1, e) {
		t.Errorf("the answer after nearly 10 minutes is %+v", got)
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	e := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(500, "")(w, r)
	})
	b := fetcher(t)
	q := question(1, 1, e, 0)
	for total := time.Duration(0); total < 9*time.Minute; {
		total += b.attempt(t, q, &calls)
	}
	b.advance(time.Minute)
	got, ok := b.Ask(q)
	if !ok || got.Fault == nil || got.Fault.Reason != muster.ReasonSourceUnreadable || !strings.Contains(got.Fault.Detail, "status 500") {
		t.Fatalf("after 10 minutes there is %+v, %t", got, ok)
	}
	// A row of the same batch that never had its turn ends too; another batch has 10 minutes of its own.
	if got, ok := b.Ask(question(1, 1, e, 1)); !ok || got.Fault.Reason != muster.ReasonSourceUnreadable {
		t.Errorf("another row of the batch has %+v, %t", got, ok)
	}
	if _, ok := b.Ask(question(1, 2, e, 0)); ok {
		t.Error("the next batch had no 10 minutes")
	}
}

// gate is a server whose calls stand still until it is opened.
type gate struct {
	came    chan struct{}
	open    chan struct{}
	mu      sync.Mutex
	running int
	peak    int
}

func newGate() *gate { return &gate{came: make(chan struct{}, 1000), open: make(chan struct{})} }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.running++
	g.peak = max(g.peak, g.running)
	g.mu.Unlock()
	g.came <- struct{}{}
	<-g.open
	g.mu.Lock()
	g.running--
	g.mu.Unlock()
	answer(200, `{"id":"u1"}`)(w, r)
}

func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		tenants, rows int
		atOnce        int
	}{
		{"of a tenant", 1, 20, 8},
		{"of all", 12, 10, 64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			e := serve(t, g.ServeHTTP)
			b := fetcher(t)
			var questions []source.Question[mapping.Identity]
			for tenant := range muster.ID(tt.tenants) {
				for row := range tt.rows {
					questions = append(questions, question(tenant+1, 1, e, row))
				}
			}
			for _, q := range questions {
				if _, ok := b.Ask(q); ok {
					t.Fatal("an answer before the gate was opened")
				}
			}
			for range tt.atOnce {
				<-g.came
			}
			if n := b.Running(); n != tt.atOnce {
				t.Errorf("%d calls at once, want %d", n, tt.atOnce)
			}
			close(g.open)
			for _, q := range questions {
				if got := b.await(q); got.ID != "u1" {
					t.Errorf("the answer is %+v", got)
				}
			}
			if g.peak != tt.atOnce {
				t.Errorf("the server saw %d calls at once, want %d", g.peak, tt.atOnce)
			}
		})
	}
}

// Whoever has a system that hangs or fails takes one place of the 64 once that is known, and nobody else waits for him.
func TestASystemThatFailsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	bad := serve(t, answer(500, ""))
	good := serve(t, answer(200, `{"id":"u1"}`))
	b := fetcher(t)
	for tenant := range muster.ID(100) {
		for row := range 10 {
			b.Ask(question(tenant+1, 1, bad, row))
		}
	}
	for row := range 50 {
		if got := b.await(question(1000, 1, good, row)); got.ID != "u1" {
			t.Errorf("row %d has %+v", row, got)
		}
	}
}

// Close ends calls that hang.
func TestClose(t *testing.T) {
	t.Parallel()
	came := make(chan struct{})
	e := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(came)
		<-r.Context().Done()
	})
	b := fetcher(t)
	b.Ask(question(1, 1, e, 0))
	<-came
	b.Close()
	if n := b.Running(); n != 0 {
		t.Errorf("%d calls run after Close", n)
	}
}
