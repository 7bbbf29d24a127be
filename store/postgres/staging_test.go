package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"muster"
	"muster/provision"
)

// upload is a batch that is staged in two pieces of a chunk each.
type upload struct {
	open   *provision.Opening
	chunks [2]muster.Chunk
	end    *provision.Completion
}

// upload makes one of 2 and 3 rows.
func (f *fixture) upload(t testing.TB, mode muster.Mode) *upload {
	t.Helper()
	first, second := f.acceptance(t, 2, 20), f.acceptance(t, 3, 30)
	b := first.Batch
	b.Mode, b.Total = mode, 5
	u := &upload{
		open:   &provision.Opening{Batch: b, PayloadKey: blob(), KeptKey: blob()},
		chunks: [2]muster.Chunk{first.Chunks[0], second.Chunks[0]},
		end:    &provision.Completion{Batch: b, LastID: second.LastID, Now: fixtureTime},
	}
	u.chunks[1].Batch, u.chunks[1].FirstRow = b.ID, 2
	return u
}

func (f *fixture) append(ctx context.Context, u *upload, i int) error {
	return f.Append(ctx, f.tenant, u.open.Batch.ID, u.chunks[i:i+1], provision.Admission{Rows: 1 << 40, Bytes: 1 << 40})
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// submit stages an upload and has it accepted.
func (f *fixture) submit(t testing.TB, u *upload) {
	t.Helper()
	must(t, f.Begin(t.Context(), u.open), f.append(t.Context(), u, 0), f.append(t.Context(), u, 1))
	if accepted, err := f.Complete(t.Context(), u.end); err != nil || accepted != (provision.Accepted{Batch: u.open.Batch.ID}) {
		t.Fatalf("Complete = %+v, %v", accepted, err)
	}
}

// works are what waits in a lane.
func (f *fixture) worksOf(t testing.TB, lane muster.Lane) []provision.Work {
	t.Helper()
	works, err := f.Next(t.Context(), muster.LaneRef{Tenant: f.tenant, Lane: lane}, nil, 1<<30)
	must(t, err)
	return works
}

// check applies chunks of a batch that is checked, of which so many rows differ.
func (f *fixture) check(t testing.TB, works []provision.Work, differing int) {
	t.Helper()
	must(t, f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
		w := &provision.Writes{Now: fixtureTime, Planned: muster.Planned{Usage: shot.Usage}}
		for i := range works {
			d := provision.ChunkWrites{Chunk: works[i].Chunk}
			for row := range min(differing, d.Chunk.Rows) {
				d.Differences = append(d.Differences, muster.Outcome{Row: d.Chunk.FirstRow + row, Result: muster.Failed, Reason: muster.ReasonChanged})
			}
			w.Chunks = append(w.Chunks, d)
		}
		return w, nil
	}))
}

// queued fails the test unless so many rows wait, of 10 bytes each.
func (f *fixture) queued(t testing.TB, rows int64) {
	t.Helper()
	shot, err := f.Snapshot(t.Context(), f.tenant, muster.Keys{})
	if err != nil || shot.Usage.QueuedRows != rows || shot.Usage.QueuedBytes != 10*rows {
		t.Errorf("%d rows and %d bytes wait, %v; want %d rows", shot.Usage.QueuedRows, shot.Usage.QueuedBytes, err, rows)
	}
}

// losing calls f, whose COMMIT is cut once, and which succeeds all the same.
func (c *cutter) losing(t testing.TB, when int32, f func() error) {
	t.Helper()
	cut := c.cut.Load()
	c.when.Store(when)
	c.times.Store(1)
	err := f()
	c.when.Store(neverCut)
	if err != nil || c.cut.Load() != cut+1 {
		t.Fatalf("%d connections were cut: %v", c.cut.Load()-cut, err)
	}
}

// TestAnUploadOfUnknownEnd loses the connection on the way of each COMMIT of an upload and of its end: all of it happens once.
func TestAnUploadOfUnknownEnd(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]int32{"the COMMIT is lost": cutBefore, "its answer is lost": cutAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := openFixture(t, Options{})
			f, c := whole.openCut(t)
			u, again := f.upload(t, muster.ModeRun), f.upload(t, muster.ModeRun)
			for _, u := range []*upload{u, again} {
				u.end.Replay, u.end.IdempotentBody, u.end.ReplayUntil = []byte("key"), []byte("body"), fixtureTime.AddDate(1, 0, 0)
			}
			complete := func(u *upload, want provision.Accepted) func() error {
				return func() error {
					got, err := f.Complete(t.Context(), u.end)
					if err == nil && got != want {
						t.Errorf("Complete = %+v, want %+v", got, want)
					}
					return err
				}
			}
			c.losing(t, when, func() error { return f.Begin(t.Context(), u.open) })
			c.losing(t, when, func() error { return f.append(t.Context(), u, 0) })
			c.losing(t, when, func() error { return f.append(t.Context(), u, 1) })
			whole.queued(t, 5)
			if err := f.append(t.Context(), u, 1); err == nil {
				t.Error("rows were appended twice")
			}
			c.losing(t, when, complete(u, provision.Accepted{Batch: u.open.Batch.ID}))
			whole.queued(t, 5)
			if works := whole.works(t, 100); len(works) != 2 || works[0].Batch.Sequence != 1 || works[0].Batch.Total != 5 {
				t.Errorf("what waits is %+v", works)
			}
			if _, err := f.Complete(t.Context(), u.end); muster.KindOf(err) != muster.KindNotFound {
				t.Errorf("Complete of what is accepted = %v", err)
			}

			must(t, f.Begin(t.Context(), again.open), f.append(t.Context(), again, 0), f.append(t.Context(), again, 1))
			whole.queued(t, 10)
			c.losing(t, when, complete(again, provision.Accepted{Batch: u.open.Batch.ID, Replayed: true}))
			whole.queued(t, 5)

			c.losing(t, when, func() error {
				b, err := f.Cancel(t.Context(), f.tenant, u.open.Batch.ID)
				if err == nil && b.Mode != muster.ModeCancelled {
					t.Errorf("the batch is in mode %s", b.Mode)
				}
				return err
			})
			if works := whole.worksOf(t, muster.LaneQuiet); len(works) != 2 {
				t.Errorf("%d chunks are to be cancelled", len(works))
			}
		})
	}
}

// woken is a fixture that notes which lanes are woken, and by which transactions.
type woken struct {
	*fixture
	mu    sync.Mutex
	asked []muster.Lane
}

func openWoken(t *testing.T) *woken {
	t.Helper()
	w := &woken{}
	w.fixture = fixtureAt(t, database(t), Options{Wake: func(b *pgx.Batch, lane muster.LaneRef) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, lane.Lane)
		b.Queue("INSERT INTO woken VALUES ($1)", int16(lane.Lane))
	}})
	w.query(t, "CREATE TABLE woken (lane smallint PRIMARY KEY)")
	return w
}

// by fails the test unless what just happened woke these lanes, in the transaction that changed the batch.
func (w *woken) by(t *testing.T, what string, batch muster.ID, want ...muster.Lane) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.asked, want) {
		t.Errorf("%s woke %v, want %v", what, w.asked, want)
	}
	with := w.query(t, "SELECT w.lane::text FROM woken AS w JOIN batches AS b ON b.xmin = w.xmin WHERE b.tenant = 1 AND b.id = $1", int64(batch))
	if len(with) != len(want) {
		t.Errorf("%s woke %v in its transaction, want %v", what, with, want)
	}
	w.query(t, "DELETE FROM woken")
	w.asked = nil
}

// TestWhatIsWoken: whoever gives chunks a lane wakes it, in the same transaction.
func TestWhatIsWoken(t *testing.T) {
	t.Parallel()
	w := openWoken(t)
	w.by(t, "Accept", w.mustAccept(t, 1, 1), muster.LaneCreate)
	w.mustApply(t, w.works(t, 1))
	w.by(t, "Apply", 0)

	u := w.upload(t, muster.ModeDryRun)
	w.submit(t, u)
	w.by(t, "a dry run", u.open.Batch.ID, muster.LaneQuiet)
	w.mustApply(t, w.worksOf(t, muster.LaneQuiet))
	w.by(t, "its end", 0)
	w.query(t, "UPDATE batches SET held_until = statement_timestamp() + interval '1 hour' WHERE held_until IS NOT NULL")

	for _, differing := range []int{1, 0} {
		c := w.upload(t, muster.ModeCheck)
		c.open.Batch.Parent, c.open.Batch.Origin = u.open.Batch.ID, muster.OriginCommit
		w.submit(t, c)
		commit := c.open.Batch.ID
		w.by(t, "a commit", commit, muster.LaneQuiet)
		works := w.worksOf(t, muster.LaneQuiet)
		w.check(t, works[:1], differing)
		w.by(t, "a part of its check", 0)
		w.check(t, works[1:], 0)
		lane, cancelled := muster.LaneCreate, []muster.Lane{muster.LaneQuiet}
		if differing > 0 {
			lane, cancelled = muster.LaneQuiet, nil // it is refused, and stays so
		}
		w.by(t, "its check", commit, lane)
		if _, err := w.Cancel(t.Context(), w.tenant, commit); err != nil {
			t.Fatal(err)
		}
		w.by(t, "Cancel", commit, cancelled...)
		w.mustApply(t, w.worksOf(t, muster.LaneQuiet))
		w.by(t, "its end", 0)
	}
}

func (f *fixture) mustApply(t testing.TB, works []provision.Work) {
	t.Helper()
	must(t, f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, skipAll(works)))
}

// purgeAll purges until there is nothing left to be purged, by steps of at most so many rows.
func (f *fixture) purgeAll(t testing.TB, limit int) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = f.Purge(t.Context(), f.tenant, fixtureTime.AddDate(-1, 0, 0), limit); err != nil {
			t.Fatal(err)
		}
	}
}

// left counts the rows of a batch, in every table that has any.
func (f *fixture) left(t testing.TB, batch muster.ID) string {
	t.Helper()
	var all []string
	for _, table := range []string{"batches", "chunks", "outcomes", "kept", "reasons", "differences", "overlay"} {
		key := "batch"
		if table == "batches" {
			key = "id"
		}
		if n := f.query(t, fmt.Sprintf("SELECT count(*)::text FROM %s WHERE tenant = 1 AND %s = $1", table, key), int64(batch)); n[0] != "0" {
			all = append(all, table+" "+n[0])
		}
	}
	return strings.Join(all, ", ")
}

// TestWhatNobodyCompletesExpires by the database's clock, an hour after the last row came.
func TestWhatNobodyCompletesExpires(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	u := f.upload(t, muster.ModeRun)
	must(t, f.Begin(t.Context(), u.open))
	late := func() {
		f.query(t, "UPDATE batches SET staged_until = staged_until - interval '59 minutes'")
	}
	late()
	must(t, f.append(t.Context(), u, 0))
	late()
	f.purgeAll(t, 100)
	must(t, f.append(t.Context(), u, 1))
	late()
	late()
	if err := f.append(t.Context(), u, 1); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("Append to what waited for too long = %v", err)
	}
	if _, err := f.Complete(t.Context(), u.end); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("Complete of what waited for too long = %v", err)
	}
	if left := f.left(t, u.open.Batch.ID); left != "batches 1, chunks 2" {
		t.Errorf("there are %s", left)
	}
	if _, err := f.Purge(t.Context(), f.tenant, fixtureTime, 1); err != nil {
		t.Error(err)
	}
	shot, err := f.Snapshot(t.Context(), f.tenant, muster.Keys{})
	if err != nil || shot.Usage.QueuedRows != 0 || shot.Usage.QueuedBytes != 0 {
		t.Errorf("after the first step %d rows wait, %v", shot.Usage.QueuedRows, err)
	}
	f.purgeAll(t, 1)
	if left := f.left(t, u.open.Batch.ID); left != "" {
		t.Errorf("there are still %s", left)
	}
	shot, err = f.Snapshot(t.Context(), f.tenant, muster.Keys{})
	if err != nil || shot.Usage.QueuedRows != 0 || shot.Usage.QueuedBytes != 0 {
		t.Errorf("after the last step %d rows wait, %v", shot.Usage.QueuedRows, err)
	}
}

// TestWhatIsHeldExpires: the rows of a dry run and their key are erased; what it predicted stays to be read.
func TestWhatIsHeldExpires(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	u := f.upload(t, muster.ModeDryRun)
	f.submit(t, u)
	batch := u.open.Batch.ID
	works := f.worksOf(t, muster.LaneQuiet)
	must(t, f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := skipAll(works)(shot, live)
		w.Planned.Insert, w.Planned.Delete = []muster.User{{ID: 7, Account: "a\x00b", AccountKey: "a\x00b"}}, []muster.ID{8}
		return w, err
	}))
	f.query(t, "UPDATE batches SET held_until = statement_timestamp() + interval '1 minute'")
	const rest = "batches 1, outcomes 5, reasons 1"
	if left := f.left(t, batch); left != "batches 1, chunks 2, outcomes 5, reasons 1, overlay 2" {
		t.Errorf("there are %s", left)
	}
	f.purgeAll(t, 100)
	if held, err := f.Held(t.Context(), f.tenant, batch, 0, 100); err != nil || len(held) != 2 || f.left(t, batch) != "batches 1, chunks 2, outcomes 5, reasons 1" {
		t.Errorf("%d chunks are held, %v, and there are %s", len(held), err, f.left(t, batch))
	}
	f.query(t, "UPDATE batches SET held_until = statement_timestamp()")
	if held, err := f.Held(t.Context(), f.tenant, batch, 0, 100); err != nil || len(held) != 0 {
		t.Errorf("%d chunks are held for too long, %v", len(held), err)
	}
	f.purgeAll(t, 1)
	keys := f.query(t, "SELECT (payload_key IS NULL AND payload_key_version IS NULL)::text FROM batches")
	if left := f.left(t, batch); left != rest || keys[0] != "true" {
		t.Errorf("there are %s; is the key gone: %s", left, keys)
	}
}

// TestTheOverlayTakesAnyText, as a row may bring it.
func TestTheOverlayTakesAnyText(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	u := f.upload(t, muster.ModeDryRun)
	f.submit(t, u)
	works := f.worksOf(t, muster.LaneQuiet)
	odd := muster.User{ID: 7, Account: "A\x00\uffffb", AccountKey: "a\x00\uffffb", Level: muster.LevelCommon, CreatedAt: fixtureTime}
	var found []muster.User
	for i := range works {
		keys := muster.Keys{Accounts: []string{odd.AccountKey}}
		must(t, f.Apply(t.Context(), f.tenant, chunksOf(works[i:i+1]), keys, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
			found = shot.Users
			w, err := skipAll(works[i:i+1])(shot, live)
			w.Planned.Insert = []muster.User{odd}
			return w, err
		}))
	}
	if len(found) != 1 || found[0].ID != 7 || found[0].Account != odd.Account || found[0].AccountKey != odd.AccountKey {
		t.Errorf("the rows behind find %+v", found)
	}
}

// TestChunksThatGoNotTogether are refused: what one batch predicts is of no use to another.
func TestChunksThatGoNotTogether(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	a, b := f.upload(t, muster.ModeDryRun), f.upload(t, muster.ModeDryRun)
	f.submit(t, a)
	f.submit(t, b)
	f.mustAccept(t, 2, 2)
	quiet, created := f.worksOf(t, muster.LaneQuiet), f.works(t, 100)
	for what, works := range map[string][]provision.Work{
		"of two dry runs": {quiet[0], quiet[1]}, "that run and that do not": {created[0], quiet[0]},
	} {
		if quiet[0].Batch.ID == quiet[1].Batch.ID {
			t.Fatal("batches in the quiet lane take no turns")
		}
		err := f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) {
			t.Errorf("chunks %s are planned together", what)
			return nil, errors.ErrUnsupported
		})
		if err == nil || errors.Is(err, muster.ErrRow) {
			t.Errorf("Apply of chunks %s = %v", what, err)
		}
	}
}
