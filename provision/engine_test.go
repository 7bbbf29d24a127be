package provision_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
)

// bundle is an installation with one tenant on a real SQLite database, and an engine on it.
type bundle struct {
	dir     string
	store   *sqlite.Store
	keyring *secret.Keyring
	hasher  *countingHasher
	ids     *muster.IDSource
	logs    *lockedBuffer
	clock   *clock
	tenant  *muster.Tenant
	engine  *provision.Engine
	config  provision.Config
}

type option func(*bundle)

// over puts a store of the test's between the engine and SQLite.
func over(wrap func(provision.Store) provision.Store) option {
	return func(b *bundle) { b.config.Store = wrap(b.config.Store) }
}

func configured(change func(*provision.Config)) option { return func(b *bundle) { change(&b.config) } }

// setup makes a bundle whose engine stands still; see start.
func setup(t *testing.T, options ...option) *bundle {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	b := &bundle{dir: dir, logs: &lockedBuffer{}, clock: &clock{}}
	err := sqlitetest.Make(dir)
	must(t, err)
	// Nobody else has the file, unless a test wants it so, and then it does not want to wait.
	if b.store, err = sqlite.Open(ctx, dir, sqlite.Options{BusyTimeout: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, b.store.Close()) })
	if b.keyring, err = secret.Open(ctx, secret.Config{Master: dir + "/master.key"}, b.store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, b.keyring.Close()) })
	if b.ids, err = muster.NewIDSource(0, 0, b.clock.Now); err != nil {
		t.Fatal(err)
	}
	b.tenant = b.createTenant(t, "first", muster.TenantSettings{})
	b.hasher = newHasher(t)
	b.config = provision.Config{
		Store: b.store, Keyring: b.keyring, Hasher: b.hasher, IDs: b.ids, Dispatcher: provision.NewLocal(2), Now: b.clock.Now,
		Logger: slog.New(slog.NewTextHandler(b.logs, nil)), Registerer: prometheus.NewRegistry(),
	}
	for _, o := range options {
		o(b)
	}
	if b.engine, err = provision.New(b.config); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bundle) start(t *testing.T) {
	t.Helper()
	must(t, b.engine.Start(t.Context()))
	t.Cleanup(func() { must(t, b.engine.Stop(context.Background())) })
}

func (b *bundle) createTenant(t *testing.T, name string, settings muster.TenantSettings) *muster.Tenant {
	t.Helper()
	service := &access.Service{Store: b.store, Keyring: b.keyring, IDs: b.ids, Now: b.clock.Now}
	tenant, _, err := service.CreateTenant(t.Context(), access.NewTenant{Name: name, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func (b *bundle) submit(t *testing.T, rows ...muster.Row) muster.ID {
	t.Helper()
	receipt, err := b.engine.Submit(t.Context(), b.submission(rows...))
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Batch
}

func (b *bundle) submission(rows ...muster.Row) provision.Submission {
	return provision.Submission{
		Tenant: b.tenant.ID, AppID: "app", ActorLevel: muster.LevelSystemAdmin, Contract: muster.ContractKooDrive, Rows: rows,
	}
}

// finished waits until the batch is and gives all of its outcomes.
func (b *bundle) finished(t *testing.T, batch muster.ID) (muster.Batch, []muster.Outcome) {
	t.Helper()
	return b.finishedOf(t, muster.ContractKooDrive, batch)
}

// finishedOf is finished for a batch of any contract.
func (b *bundle) finishedOf(t *testing.T, contract muster.Contract, batch muster.ID) (muster.Batch, []muster.Outcome) {
	t.Helper()
	for {
		page, err := b.store.BatchPage(t.Context(), b.tenant.ID, batch, contract, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if page.Batch.Finished() {
			break
		}
		b.yield(t)
	}
	var outcomes []muster.Outcome
	for from := 0; ; {
		page, err := b.store.BatchPage(t.Context(), b.tenant.ID, batch, contract, from, 1000)
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, page.Outcomes...)
		next, more := page.Next()
		if !more {
			return page.Batch, outcomes
		}
		from = next
	}
}

// yield gives the engine's goroutines the processor. There is no signal for the end of a batch, by design: callers poll.
func (b *bundle) yield(t *testing.T) {
	t.Helper()
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
		t.Fatal("the test ended before the batch did")
	}
}

func row(i int) muster.Row {
	return muster.Row{
		Action: muster.ActionCreate, Set: muster.FieldFirstName | muster.FieldPhone,
		FirstName: fmt.Sprintf("User %d", i), Phone: fmt.Sprintf("27%09d", i),
	}
}

func rowWithPassword(i int) muster.Row {
	r := row(i)
	r.Set |= muster.FieldPassword
	r.Password = fmt.Sprintf("Secret!%d-%d", i, i*7919)
	return r
}

func rows(n int, make func(int) muster.Row) []muster.Row {
	list := []muster.Row{}
	for i := range n {
		list = append(list, make(i))
	}
	return list
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

type clock struct{ offset atomic.Int64 }

func (c *clock) Now() time.Time           { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(by time.Duration) { c.offset.Add(int64(by)) }

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	list := rows(5, row)
	list[1].Phone = "almost a phone"
	list[3].Phone = list[0].Phone
	batch, outcomes := b.finished(t, b.submit(t, list...))
	if got, want := [4]int{batch.Total, batch.Succeeded, batch.Failed, batch.Skipped}, [4]int{5, 3, 1, 1}; got != want {
		t.Errorf("counters %v, want %v", got, want)
	}
	for i, want := range []muster.Outcome{
		{Result: muster.Succeeded},
		{Result: muster.Failed, Reason: muster.ReasonInvalid, Field: "phone"},
		{Result: muster.Succeeded},
		{Result: muster.Skipped, Reason: muster.ReasonExists, User: outcomes[0].User},
		{Result: muster.Succeeded},
	} {
		got := outcomes[i]
		if got.Row != i || got.Subject != list[i].Phone || got.ID == 0 || got.Result != want.Result || got.Reason != want.Reason || got.Field != want.Field {
			t.Errorf("outcome %d is %+v, want %+v", i, got, want)
		}
		if want.User != 0 && got.User != want.User {
			t.Errorf("outcome %d names user %s, want %s", i, got.User, want.User)
		}
		if got.Result == muster.Succeeded {
			u, err := b.store.User(t.Context(), b.tenant.ID, got.User)
			if err != nil {
				t.Fatal(err)
			}
			if u.FirstName != list[i].FirstName || u.Department != b.tenant.RootDepartment || u.Level != muster.LevelCommon {
				t.Errorf("user of row %d is %+v", i, u)
			}
		}
	}
}

// The list grows at its end alone, and the counters of one answer agree with it.
func TestOutcomesAppearInListOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	id := b.submit(t, rows(150, rowWithPassword)...)
	for seen := 0; seen < 150; {
		page, err := b.store.BatchPage(t.Context(), b.tenant.ID, id, muster.ContractKooDrive, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Outcomes) != page.Batch.Decided() || len(page.Outcomes) < seen {
			t.Fatalf("%d outcomes, %d decided, after %d", len(page.Outcomes), page.Batch.Decided(), seen)
		}
		for i, o := range page.Outcomes {
			if o.Row != i {
				t.Fatalf("row %d stands at %d", o.Row, i)
			}
		}
		seen = len(page.Outcomes)
		b.yield(t)
	}
}

func TestPasswordsBecomeHashes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	list := append(rows(20, rowWithPassword), rows(30, row)[20:]...)
	_, outcomes := b.finished(t, b.submit(t, list...))
	for i, o := range outcomes {
		u, err := b.store.User(t.Context(), b.tenant.ID, o.User)
		if err != nil {
			t.Fatal(err)
		}
		if list[i].Password == "" {
			if u.PasswordHash != "" {
				t.Errorf("row %d has a hash and had no password", i)
			}
			continue
		}
		ok, _, err := b.hasher.hasher.Verify(u.PasswordHash, []byte(list[i].Password))
		if !ok || err != nil {
			t.Errorf("the hash of row %d does not verify: %v", i, err)
		}
	}
	if n := b.hasher.count.Load(); n != 20 {
		t.Errorf("%d hashes were made for 20 passwords", n)
	}
}

func TestExistingUsersCostNoHashing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	b.finished(t, b.submit(t, rows(100, row)...))
	batch, _ := b.finished(t, b.submit(t, rows(100, rowWithPassword)...))
	if batch.Skipped != 100 || b.hasher.count.Load() != 0 {
		t.Errorf("%d skipped, %d hashes made; want 100 and none", batch.Skipped, b.hasher.count.Load())
	}
}

// Batches of new users and of such as exist, many of which one transaction could hold, all come to their end, also where
// hashes take long enough for others to stand ready behind them.
func TestSmallBatchesOfOldAndNewUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	slow, err := password.NewPool(password.Hasher{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slow.Close)
	b.config.Hasher = slow
	first := b.submit(t, rows(50, row)...)
	must(t, b.engine.Start(t.Context()))
	b.finished(t, first)
	must(t, b.engine.Stop(t.Context()))

	submit := func(n, from int) muster.ID {
		return b.submit(t, rows(n, func(k int) muster.Row {
			r := row(from + k)
			r.Set, r.Password = r.Set|muster.FieldPassword, "Correct-Horse7"
			return r
		})...)
	}
	created := map[muster.ID]int{
		submit(10, 1000): 10, submit(50, 0): 0, submit(50, 0): 0, submit(20, 2000): 20, submit(50, 0): 0, submit(5, 3000): 5,
	}
	b.config.Dispatcher, b.config.Registerer = provision.NewLocal(2), prometheus.NewRegistry()
	if b.engine, err = provision.New(b.config); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	for id, want := range created {
		if batch, _ := b.finished(t, id); batch.Succeeded != want || batch.Skipped != batch.Total-want {
			t.Errorf("batch %s has %d new and %d existing users of %d, want %d new", id, batch.Succeeded, batch.Skipped, batch.Total, want)
		}
	}
}

// A batch whose hashing takes several turns stands in nobody's way, and nobody is left waiting when it is done.
// Users who are sent again in great number are not looked up before they are applied; new ones among them are found.
func TestNewUsersAmongThoseSentAgain(t *testing.T) {
	t.Parallel()
	for _, fresh := range []int{3, 200} {
		t.Run(fmt.Sprint(fresh), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			first := b.submit(t, rows(1000, row)...)
			must(t, b.engine.Start(t.Context()))
			b.finished(t, first)
			must(t, b.engine.Stop(t.Context()))

			again := func(i int) muster.Row {
				r := row(i)
				r.Set, r.Password = r.Set|muster.FieldPassword, "Correct-Horse7"
				return r
			}
			batches := []muster.ID{first}
			for range 3 {
				batches = append(batches, b.submit(t, rows(1000, again)...))
			}
			batches = append(batches, b.submit(t, rows(fresh, func(i int) muster.Row { return again(5000 + i) })...))
			batches = append(batches, b.submit(t, rows(1000, again)...))
			b.config.Dispatcher, b.config.Registerer = provision.NewLocal(2), prometheus.NewRegistry()
			var err error
			if b.engine, err = provision.New(b.config); err != nil {
				t.Fatal(err)
			}
			b.start(t)
			for i, id := range batches {
				batch, outcomes := b.finished(t, id)
				if want := i == 0 || i == 4; len(outcomes) != batch.Total || (batch.Succeeded == batch.Total) != want || batch.Failed > 0 {
					t.Errorf("batch %d is %+v with %d outcomes", i, batch, len(outcomes))
				}
				for _, o := range outcomes {
					if o.Result != muster.Succeeded {
						continue
					}
					u, err := b.store.User(t.Context(), b.tenant.ID, o.User)
					if err != nil {
						t.Fatal(err)
					}
					if (u.PasswordHash != "") != (i == 4) {
						t.Errorf("row %d of batch %d has a hash: %t", o.Row, i, u.PasswordHash != "")
					}
				}
			}
			if n := b.hasher.count.Load(); n != int64(fresh) {
				t.Errorf("%d hashes were made for %d new users", n, fresh)
			}
		})
	}
}

func TestBatchesBesideOneThatIsHashed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	large := b.submit(t, rows(300, rowWithPassword)...)
	var small []muster.ID
	for i := range 5 {
		small = append(small, b.submit(t, rows(10, func(k int) muster.Row { return row(1000 + i*10 + k) })...))
	}
	b.start(t)
	for _, id := range small {
		if batch, _ := b.finished(t, id); batch.Succeeded != 10 {
			t.Errorf("%d of the small batch's rows succeeded, want 10", batch.Succeeded)
		}
	}
	if batch, _ := b.finished(t, large); batch.Succeeded != 300 {
		t.Errorf("%d of the large batch's rows succeeded, want 300", batch.Succeeded)
	}
}

func TestManyBatchesOfManyTenants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	var clients sync.WaitGroup
	for tenant := range 4 {
		other := *b
		other.tenant = b.createTenant(t, fmt.Sprint("tenant ", tenant), muster.TenantSettings{})
		clients.Go(func() {
			var batches []muster.ID
			for i := range 30 {
				list := rows(10, func(k int) muster.Row { return row(i*10 + k) })
				batches = append(batches, other.submit(t, list...))
			}
			for _, id := range batches {
				if batch, outcomes := other.finished(t, id); batch.Succeeded != 10 || len(outcomes) != 10 {
					t.Errorf("batch %+v with %d outcomes", batch, len(outcomes))
				}
			}
		})
	}
	clients.Wait()
}

// Stopped in the middle and started again, as often as it takes, the engine goes on where it stopped.
func TestRestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.submit(t, rows(200, rowWithPassword)...)
	decided := func() int {
		page, err := b.store.BatchPage(t.Context(), b.tenant.ID, id, muster.ContractKooDrive, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		return page.Batch.Decided()
	}
	restarts := 0
	for before := 0; before < 200; before = decided() {
		b.config.Dispatcher, b.config.Registerer = provision.NewLocal(2), prometheus.NewRegistry()
		engine, err := provision.New(b.config)
		if err != nil {
			t.Fatal(err)
		}
		must(t, engine.Start(t.Context()))
		for decided() < min(before+20, 200) {
			b.yield(t)
		}
		must(t, engine.Stop(t.Context()))
		restarts++
	}
	batch, outcomes := b.finished(t, id)
	if batch.Succeeded != 200 || len(outcomes) != 200 || restarts < 2 {
		t.Errorf("%d succeeded, %d outcomes, %d restarts", batch.Succeeded, len(outcomes), restarts)
	}
}

// Two engines that work on one store at the same time, as two nodes do, decide every row once.
func TestTwoEnginesDecideARowOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.submit(t, rows(3000, row)...)
	for range 2 {
		b.config.Dispatcher, b.config.Registerer = provision.NewLocal(2), prometheus.NewRegistry()
		engine, err := provision.New(b.config)
		if err != nil {
			t.Fatal(err)
		}
		must(t, engine.Start(t.Context()))
		t.Cleanup(func() { must(t, engine.Stop(context.Background())) })
	}
	batch, outcomes := b.finished(t, id)
	if batch.Succeeded != 3000 || len(outcomes) != 3000 {
		t.Errorf("%d succeeded, %d outcomes", batch.Succeeded, len(outcomes))
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.submission(rows(3, row)...)
	s.Replay = []byte("app\x00string to sign")
	first, err := b.engine.Submit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.engine.Submit(t.Context(), s)
	if want := (provision.Receipt{Batch: first.Batch, Replayed: true}); err != nil || again != want {
		t.Fatalf("a repeat while unfinished gives %+v, %v; want %+v", again, err, want)
	}
	b.start(t)
	b.finished(t, first.Batch)
	third, err := b.engine.Submit(t.Context(), s)
	if err != nil || third.Replayed || third.Batch == first.Batch {
		t.Fatalf("a repeat after the end gives %+v, %v; want a new batch", third, err)
	}
	if batch, _ := b.finished(t, third.Batch); batch.Skipped != 3 {
		t.Errorf("%d rows of the repeat are skips, want 3", batch.Skipped)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	t.Run("a full queue", func(t *testing.T) {
		t.Parallel()
		b := setup(t, configured(func(c *provision.Config) { c.Admission = provision.Admission{Rows: 5, Bytes: 1 << 20} }))
		id := b.submit(t, rows(4, row)...)
		_, err := b.engine.Submit(t.Context(), b.submission(rows(2, row)...))
		var e *muster.Error
		if !errors.As(err, &e) || e.Kind != muster.KindOverloaded || e.RetryAfter <= 0 {
			t.Fatalf("Submit = %v, want KindOverloaded with a time", err)
		}
		b.start(t)
		b.finished(t, id)
		b.finished(t, b.submit(t, rows(5, row)...))
	})
	t.Run("a full disk", func(t *testing.T) {
		t.Parallel()
		var free atomic.Uint64
		b := setup(t, configured(func(c *provision.Config) {
			c.DiskFree = func() (uint64, uint64, error) { return free.Load(), 100_000, nil }
		}))
		free.Store(5000)
		id := b.submit(t, rows(1, row)...)
		free.Store(4999)
		if _, err := b.engine.Submit(t.Context(), b.submission(rows(1, row)...)); muster.KindOf(err) != muster.KindUnavailable {
			t.Fatalf("Submit = %v, want KindUnavailable", err)
		}
		if err := b.engine.Ready(t.Context()); muster.KindOf(err) != muster.KindUnavailable {
			t.Errorf("Ready = %v, want KindUnavailable", err)
		}
		b.start(t)
		b.finished(t, id)
	})
	t.Run("a tenant that does not exist", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		s := b.submission(row(1))
		s.Tenant++
		if _, err := b.engine.Submit(t.Context(), s); muster.KindOf(err) != muster.KindNotFound {
			t.Errorf("Submit = %v, want KindNotFound", err)
		}
	})
}

func TestPurge(t *testing.T) {
	t.Parallel()
	b := setup(t, configured(func(c *provision.Config) { c.PurgeEvery = time.Millisecond; c.Retention = time.Hour }))
	b.start(t)
	id := b.submit(t, rows(1500, row)...)
	b.finished(t, id)
	b.clock.advance(61 * time.Minute)
	for {
		_, err := b.store.BatchPage(t.Context(), b.tenant.ID, id, muster.ContractKooDrive, 0, 1)
		if muster.KindOf(err) == muster.KindNotFound {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		b.yield(t)
	}
}

// countingHasher is the real pool, counted.
type countingHasher struct {
	*password.Pool
	hasher password.Hasher
	count  atomic.Int64
}

func (h *countingHasher) Submit(ctx context.Context, class password.Class, secret []byte, done func(string, error)) error {
	h.count.Add(1)
	return h.Pool.Submit(ctx, class, secret, done)
}

func newHasher(t *testing.T) *countingHasher {
	t.Helper()
	h := &countingHasher{hasher: password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}}
	var err error
	if h.Pool, err = password.NewPool(h.hasher, 2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}
