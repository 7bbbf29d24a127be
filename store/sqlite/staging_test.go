package sqlite

import (
	"testing"
	"time"

	"muster"
	"muster/provision"
)

// stage begins a batch of chunks of a row each.
func (f *fixture) stage(t *testing.T, rows int) (*provision.Acceptance, []muster.Chunk) {
	t.Helper()
	a, err := f.acceptance(rows, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Begin(t.Context(), &provision.Opening{Batch: a.Batch, PayloadKey: a.PayloadKey, KeptKey: a.KeptKey}); err != nil {
		t.Fatal(err)
	}
	chunks := make([]muster.Chunk, rows)
	for i := range chunks {
		chunks[i] = a.Chunks[0]
		chunks[i].FirstRow, chunks[i].Rows = i, 1
	}
	return a, chunks
}

// TestAnUploadIsWhole: what is added follows on what was, and what is accepted is all that was added.
func TestAnUploadIsWhole(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	a, chunks := f.stage(t, 4)
	add := func(chunks ...muster.Chunk) error {
		return f.Append(t.Context(), f.tenant, a.Batch.ID, chunks, a.Admission)
	}
	if err := add(chunks[1]); err == nil {
		t.Error("the second chunk was taken for the first")
	}
	if err := add(chunks[0], chunks[1]); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]muster.Chunk{{chunks[1]}, {chunks[3]}, {chunks[2], chunks[2]}, {{Tenant: f.tenant, FirstRow: 2, Rows: 1}}} {
		if err := add(wrong...); err == nil {
			t.Errorf("%+v followed on two rows", wrong)
		}
	}
	if err := add(chunks[2]); err != nil {
		t.Fatal(err)
	}
	c := &provision.Completion{Batch: a.Batch, Now: fixtureTime}
	if _, err := f.Complete(t.Context(), c); err == nil {
		t.Error("three rows were taken for four")
	}
	c.Batch.Total = 3
	if _, err := f.Complete(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// TestAnUploadThatStopsIsForgotten an hour after its last piece, and not before.
func TestAnUploadThatStopsIsForgotten(t *testing.T) {
	t.Parallel()
	now := fixtureTime
	f := openFixture(t, Options{Now: func() time.Time { return now }})
	a, chunks := f.stage(t, 40)
	queued := func(want int64) {
		t.Helper()
		shot, err := f.Snapshot(t.Context(), f.tenant, muster.Keys{})
		if err != nil || shot.Usage.QueuedRows != want || shot.Usage.QueuedBytes != 10*want {
			t.Errorf("usage %+v, %v; want %d rows", shot.Usage, err, want)
		}
	}
	purge := func() (steps int) {
		t.Helper()
		for {
			found, err := f.Purge(t.Context(), f.tenant, fixtureTime, 160)
			if err != nil {
				t.Fatal(err)
			}
			if !found {
				return steps
			}
			steps++
			queued(0)
		}
	}
	now = now.Add(provision.StagedFor - time.Millisecond)
	if err := f.Append(t.Context(), f.tenant, a.Batch.ID, chunks[:20], a.Admission); err != nil {
		t.Fatal(err)
	}
	now = now.Add(provision.StagedFor - time.Millisecond)
	if steps := purge(); steps > 0 {
		t.Error("it was purged before its time")
	}
	queued(20)
	now = now.Add(time.Millisecond)
	if steps := purge(); steps != 3 { // 10 chunks each, and at last the batch
		t.Errorf("it was purged in %d steps", steps)
	}
	err := f.Append(t.Context(), f.tenant, a.Batch.ID, chunks[20:], a.Admission)
	if muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("more was added to what is gone: %v", err)
	}
	counts, err := f.CountWrapped(t.Context())
	if err != nil || len(counts) != 0 {
		t.Errorf("keys are left: %v, %v", counts, err)
	}
}

// TestWhatACancelledDryRunHeldIsErased soon, and not only when the batch is forgotten.
func TestWhatACancelledDryRunHeldIsErased(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	a, chunks := f.stage(t, 3)
	if err := f.Append(t.Context(), f.tenant, a.Batch.ID, chunks, a.Admission); err != nil {
		t.Fatal(err)
	}
	c := &provision.Completion{Batch: a.Batch, Now: fixtureTime}
	c.Batch.Mode = muster.ModeDryRun
	if _, err := f.Complete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	lane := muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneQuiet}
	apply := func(rows int) {
		t.Helper()
		works, err := f.Next(t.Context(), lane, nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		var chunks []muster.Chunk
		for i := range works {
			chunks = append(chunks, works[i].Chunk)
		}
		if err := f.Apply(t.Context(), f.tenant, chunks, muster.Keys{}, skipAll(works)); err != nil {
			t.Fatal(err)
		}
	}
	apply(2)
	if _, err := f.Cancel(t.Context(), f.tenant, a.Batch.ID); err != nil {
		t.Fatal(err)
	}
	apply(1)
	for _, want := range []int64{2, 0} {
		var rows, size int64
		err := f.readers.read(t.Context(), func(q querier) error {
			return q.row(t.Context(), countStaged, int64(f.tenant), int64(a.Batch.ID)).Scan(&rows, &size)
		})
		if err != nil || rows != want {
			t.Errorf("%d rows are there, %v; want %d", rows, err, want)
		}
		if _, err := f.Purge(t.Context(), f.tenant, fixtureTime, 1000); err != nil {
			t.Fatal(err)
		}
	}
}
