package provision_test

import (
	"context"
	"sync"
	"testing"

	"muster"
	"muster/provision"
)

// An upload is seen when it is accepted, and of one that is given up nothing is left.
func TestAnAbandonedUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	u, err := b.engine.Begin(t.Context(), b.native())
	if err != nil {
		t.Fatal(err)
	}
	u.ChunksOf(10)
	must(t, u.Add(t.Context(), rows(205, memberRow)))
	batches, err := b.store.Batches(t.Context(), b.tenant.ID, provision.BatchQuery{Limit: 10})
	if err != nil || len(batches) != 0 {
		t.Errorf("an upload under way is seen as %+v, %v", batches, err)
	}
	if b.queued(t) == nothingQueued {
		t.Error("an upload's rows are not counted")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel() // as the context of a request whose client went away
	u.Discard(gone)
	u.Discard(gone)
	if got := b.queued(t); got != nothingQueued {
		t.Errorf("%s rows and bytes are queued by an upload that was given up", got)
	}
	if err := u.Add(t.Context(), rows(1000, memberRow)); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("adding to it gives %v, want KindNotFound", err)
	}
	if _, err := u.Accept(t.Context()); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("accepting it gives %v, want KindNotFound", err)
	}
	for more := true; more; {
		if more, err = b.store.Purge(t.Context(), b.tenant.ID, b.clock.Now().Add(-b.engine.Retention), 100); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"batches", "chunks", "payloads", "outcomes", "kept"} {
		if left := b.query(t, "SELECT * FROM "+table+" WHERE tenant = ?", int64(b.tenant.ID)); len(left) > 0 {
			t.Errorf("%d rows are left in %s", len(left), table)
		}
	}
}

// However many rows come, a few chunks of them are in memory.
func TestAnUploadIsStoredAsItComes(t *testing.T) {
	t.Parallel()
	counter := &counting{}
	b := setup(t, over(func(s provision.Store) provision.Store { counter.Store = s; return counter }))
	s := b.native()
	s.Name = "people.csv"
	u, err := b.engine.Begin(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Discard(t.Context())
	u.ChunksOf(10)
	for i := range 500 {
		make := memberRow
		if i >= 300 {
			make = rowWithPassword
		}
		r := make(i)
		r.Match = muster.KeyAccount
		if i >= 300 {
			r.Match = muster.KeyPhone
		}
		must(t, u.Add(t.Context(), []muster.Row{r}))
		if behind := i + 1 - counter.rows; behind > 90 {
			t.Fatalf("%d rows are in memory", behind)
		}
	}
	receipt, err := u.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if counter.most > 8 {
		t.Errorf("one transaction stored %d chunks", counter.most)
	}
	waits, err := b.engine.Progress(t.Context(), b.tenant.ID, receipt.Batch)
	if err != nil || waits.Known || waits.Batch.Total != 500 || waits.Batch.Finished() {
		t.Errorf("how it goes on is said to be %+v, %v", waits, err)
	}
	b.start(t)
	batch, outcomes := b.finishedOf(t, muster.ContractNative, receipt.Batch)
	over, err := b.engine.Progress(t.Context(), b.tenant.ID, receipt.Batch)
	if err != nil || !over.Known || over.Remaining != 0 || over.Batch != batch {
		t.Errorf("at the end %+v is told, %v", over, err)
	}
	if _, err := b.engine.Progress(t.Context(), b.tenant.ID, 1); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("of a batch that does not exist: %v", err)
	}
	if batch.Succeeded != 500 || len(outcomes) != 500 || batch.Passwords != 200 || batch.Name != "people.csv" || batch.Lane != muster.LaneCreate {
		t.Errorf("the batch is %+v with %d outcomes", batch, len(outcomes))
	}
}

// counting counts what is appended.
type counting struct {
	provision.Store
	rows, most int
}

func (c *counting) Append(ctx context.Context, tenant, batch muster.ID, chunks []muster.Chunk, bounds provision.Admission) error {
	c.most = max(c.most, len(chunks))
	for i := range chunks {
		c.rows += chunks[i].Rows
	}
	return c.Store.Append(ctx, tenant, batch, chunks, bounds)
}

// A batch that may change somebody who exists waits its turn in the ordered lane; one that cannot does not.
func TestTheLaneOfAnUpload(t *testing.T) {
	t.Parallel()
	upsert, disable := memberRow(1), memberRow(2)
	upsert.OnExisting = muster.UpdateExisting
	disable.Action = muster.ActionDisable
	for name, c := range map[string]struct {
		row  muster.Row
		lane muster.Lane
	}{"create": {memberRow(3), muster.LaneCreate}, "upsert": {upsert, muster.LaneOrdered}, "disable": {disable, muster.LaneOrdered}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			s := b.native(append(rows(25, memberRow), c.row)...)
			submitted, err := b.engine.Submit(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range []muster.ID{submitted.Batch, b.upload(t, 10, s)} {
				if batch, err := b.store.Batch(t.Context(), b.tenant.ID, id); err != nil || batch.Lane != c.lane {
					t.Errorf("the batch is %+v, %v; want it in lane %s", batch, err, c.lane)
				}
			}
		})
	}
}

// A request that comes again while the first is under way, or after it, makes one batch.
func TestAnUploadThatIsRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	accept := func(body string) (provision.Receipt, error) {
		u, err := b.engine.Begin(t.Context(), b.native())
		if err != nil {
			return provision.Receipt{}, err
		}
		defer u.Discard(t.Context())
		if err := u.Add(t.Context(), rows(15, memberRow)); err != nil {
			return provision.Receipt{}, err
		}
		u.SetIdempotency(&provision.Idempotency{Key: []byte("key"), Body: []byte(body)})
		return u.Accept(t.Context())
	}
	var callers sync.WaitGroup
	receipts := make([]provision.Receipt, 4)
	for i := range receipts {
		callers.Go(func() {
			var err error
			if receipts[i], err = accept("body"); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	fresh := 0
	for _, r := range receipts {
		if !r.Replayed {
			fresh++
		}
		if r.Batch != receipts[0].Batch {
			t.Errorf("receipts are %+v", receipts)
		}
	}
	if fresh != 1 {
		t.Errorf("%d requests made a batch", fresh)
	}
	b.finishedOf(t, muster.ContractNative, receipts[0].Batch)
	if again, err := accept("body"); err != nil || again != (provision.Receipt{Batch: receipts[0].Batch, Replayed: true}) {
		t.Errorf("the request again, after the end, gives %+v, %v", again, err)
	}
	if _, err := accept("another body"); muster.KindOf(err) != muster.KindConflict {
		t.Errorf("the key with another body gives %v", err)
	}
	if got := b.queued(t); got != nothingQueued {
		t.Errorf("at the end %s rows and bytes are queued", got)
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, configured(func(c *provision.Config) { c.Admission = provision.Admission{Rows: 50, Bytes: 1 << 20} }))
	begin := func(s provision.Submission) *provision.Upload {
		t.Helper()
		u, err := b.engine.Begin(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		u.ChunksOf(2)
		return u
	}
	empty := begin(b.native())
	if _, err := empty.Accept(t.Context()); muster.KindOf(err) != muster.KindInvalid {
		t.Errorf("an upload without rows gives %v", err)
	}
	empty.Discard(t.Context())

	large := begin(b.native())
	if err := large.Add(t.Context(), rows(100, memberRow)); muster.KindOf(err) != muster.KindOverloaded {
		t.Errorf("an upload of too many rows gives %v", err)
	}
	large.Discard(t.Context())
	if got := b.queued(t); got != nothingQueued {
		t.Errorf("what was refused left %s rows and bytes queued", got)
	}
	nowhere := b.native()
	nowhere.Tenant++
	if _, err := b.engine.Begin(t.Context(), nowhere); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("an upload for a tenant that does not exist gives %v", err)
	}
}
