package postgres

import (
	"context"
	"fmt"
	"slices"

	"muster"
	"muster/provision"
)

// Apply is [provision.Store.Apply].
func (s *Store) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	a := application{store: s, tenant: tenant, chunks: chunks, keys: &keys, decide: decide}
	err := a.alike()
	if err == nil {
		err = s.writeWith(ctx, tenant, a.locks(), func(t *tx) error {
			err := a.run(t)
			if err == nil && a.idle {
				muster.AuditNothing(ctx)
			}
			return err
		})
	}
	return explainRefused("apply chunks", err)
}

// application is one Apply on its way.
type application struct {
	store  *Store
	tenant muster.ID
	chunks []muster.Chunk
	mode   muster.Mode // theirs
	keys   *muster.Keys
	decide provision.Decide

	ended []muster.ID // batches that this finished
	idle  bool        // nothing was to be done
}

// locks are those that it takes to apply the chunks: a commit may get a new place in the order of acceptance, and what is predicted
// goes by what is queued.
func (a *application) locks() locks {
	if a.mode == muster.ModeRun {
		return lockOfDirectory
	}
	return allLocks
}

// alike makes sure that the chunks have one mode, and but for ModeRun one batch, and notes the mode.
func (a *application) alike() error {
	for i := range a.chunks {
		first, k := &a.chunks[0], &a.chunks[i]
		if a.mode = k.Mode; k.Mode != first.Mode || k.Mode != muster.ModeRun && k.Batch != first.Batch {
			return fmt.Errorf("chunks of batch %s in mode %s cannot be applied together with some of batch %s in mode %s",
				k.Batch, k.Mode, first.Batch, first.Mode)
		}
	}
	return nil
}

// waiting is what the store knows about a chunk that waits.
type waiting struct {
	rows  int
	bytes int64
	lane  muster.Lane
	rank  int64
	batch muster.Batch // its Lane, Mode and counters
	done  int          // rows of its batch that have outcomes, or in ModeCheck were checked
}

func (a *application) run(t *tx) error {
	stored, ordered := a.lookUp(t)
	var shot snapshot
	shot.queue(t, a.tenant, a.keys, wholeUsers)
	box := t.outbox(a.tenant)
	var predicted *prediction
	if a.mode.Predicts() {
		predicted = predict(t, a.tenant, a.chunks[0].Batch, a.keys)
	}
	if err := t.flush(); err != nil {
		return err
	}
	shot.Usage = t.usage
	if predicted != nil {
		shot.Snapshot = provision.MergeOverlay(&shot.Snapshot, predicted.users, predicted.taken)
	}
	if err := shot.resolve(a.keys); err != nil {
		return err
	}
	live := a.live(stored, ordered)
	w, err := a.plan(shot.Snapshot, slices.Clone(live))
	if err != nil {
		return err
	}
	if w == nil {
		w = &provision.Writes{Planned: muster.Planned{Usage: shot.Usage}}
	}
	if err := a.check(w, live); err != nil {
		return err
	}
	usage := &t.usage
	switch {
	case a.mode == muster.ModeRun:
		writeUsers(t, a.tenant, &w.Planned, shot.Users, w.Now)
		usage = &w.Planned.Usage
	case predicted != nil && len(w.Chunks) > 0:
		if err := predicted.write(t, &w.Planned, t.usage); err != nil {
			return err
		}
	}
	rows, bytes, err := a.write(t, w, stored, live)
	if err != nil {
		return err
	}
	if day := w.Day(usage.Users); !a.mode.Predicts() && (day.Users != t.usage.Users || day.Rows() > 0) {
		t.addToDay(a.tenant, &day)
	}
	if err := a.tell(box, w, shot.Users); err != nil {
		return err
	}
	// Last, since it takes the lock of the queue.
	if w.LastID != 0 {
		t.exec(updateLastID, a.tenant, w.LastID)
	}
	t.exec(updateUsageApplied, a.tenant, usage.Users, usage.CapacityGB, usage.SystemAdmins, rows, bytes)
	return nil
}

// plan calls decide. Its panic is the rows' fault, as far as anyone can tell.
func (a *application) plan(shot muster.Snapshot, live []bool) (w *provision.Writes, err error) {
	defer func() {
		if p := recover(); p != nil {
			w, err = nil, fmt.Errorf("decide: %w: %w", muster.ErrRow, panicked(p))
		}
	}()
	w, err = a.decide(shot, live)
	if err != nil {
		return nil, refusal{err}
	}
	return w, nil
}

// chunkName names a chunk of the tenant.
type chunkName struct {
	batch    muster.ID
	firstRow int
}

// lookUp queues a look-up of the chunks, and of as many that come first in the ordered lane. The answers are filled by the
// flush, with no rows where a chunk waits no longer.
func (a *application) lookUp(t *tx) (stored []waiting, ordered *[]chunkName) {
	stored, ordered = make([]waiting, len(a.chunks)), new([]chunkName)
	batches, rows := chunkNames(a.chunks)
	t.rows(func(row scanner) error {
		var at int
		var w waiting
		b := &w.batch
		err := row.Scan(&at, &w.rows, &w.bytes, &w.lane, &w.rank, &b.Lane, &b.Mode, &b.Sequence, &w.done, &b.Checked, &b.Differing, &b.Total)
		if b.Mode == muster.ModeCheck {
			w.done = b.Checked
		}
		if err == nil {
			stored[at-1] = w
		}
		return err
	}, selectLive, a.tenant, batches, rows)
	t.rows(func(row scanner) error {
		var name chunkName
		err := row.Scan(&name.batch, &name.firstRow)
		*ordered = append(*ordered, name)
		return err
	}, selectFirstOrdered, a.tenant, len(a.chunks))
	return stored, ordered
}

// chunkNames are the chunks' batches and first rows.
func chunkNames(chunks []muster.Chunk) (batches []int64, firstRows []int32) {
	batches, firstRows = make([]int64, len(chunks)), make([]int32, len(chunks))
	for i := range chunks {
		batches[i], firstRows[i] = int64(chunks[i].Batch), int32(chunks[i].FirstRow)
	}
	return batches, firstRows
}

// live finds the chunks that still wait in their mode and are next in their batch, and in the ordered lane in that, given those
// before them.
func (a *application) live(stored []waiting, ordered *[]chunkName) []bool {
	live := make([]bool, len(a.chunks))
	next := *ordered
	done := make(map[muster.ID]int)
	for i := range a.chunks {
		k, w := &a.chunks[i], &stored[i]
		if w.rows == 0 || w.rows != k.Rows || w.batch.Mode != k.Mode {
			continue
		}
		if w.lane == muster.LaneOrdered {
			if len(next) == 0 || next[0] != (chunkName{k.Batch, k.FirstRow}) {
				continue
			}
			next = next[1:]
		}
		if _, known := done[k.Batch]; !known {
			done[k.Batch] = w.done
		}
		if k.FirstRow == done[k.Batch] {
			live[i] = true
			done[k.Batch] += k.Rows
		}
	}
	return live
}

// check makes sure that what decide wants written is about each live chunk, and no other.
func (a *application) check(w *provision.Writes, live []bool) error {
	next := 0
	for i := range a.chunks {
		if !live[i] {
			continue
		}
		if next == len(w.Chunks) {
			return fmt.Errorf("decide left out a chunk of batch %s", a.chunks[i].Batch)
		}
		k, d := &a.chunks[i], &w.Chunks[next]
		if d.Chunk.Batch != k.Batch || d.Chunk.FirstRow != k.FirstRow {
			return fmt.Errorf("decide gave rows %d of batch %s in the place of rows %d of batch %s",
				d.Chunk.FirstRow, d.Chunk.Batch, k.FirstRow, k.Batch)
		}
		if err := a.checkChunk(k, d); err != nil {
			return err
		}
		next++
	}
	if next != len(w.Chunks) {
		return fmt.Errorf("decide gave outcomes for a chunk of batch %s that does not wait", w.Chunks[next].Chunk.Batch)
	}
	return nil
}

// checkChunk makes sure that each of a chunk's rows has its outcome, and in ModeCheck none, but at most one difference.
func (a *application) checkChunk(k *muster.Chunk, d *provision.ChunkWrites) error {
	want := k.Rows
	if a.mode == muster.ModeCheck {
		want = 0
		next := k.FirstRow
		for i := range d.Differences {
			if row := d.Differences[i].Row; row < next || row >= k.FirstRow+k.Rows {
				return fmt.Errorf("decide gave row %d of batch %s as a difference of rows from %d on", row, k.Batch, next)
			}
			next = d.Differences[i].Row + 1
		}
	}
	if len(d.Outcomes) != want {
		return fmt.Errorf("decide gave %d outcomes for rows %d of batch %s, want %d", len(d.Outcomes), k.FirstRow, k.Batch, want)
	}
	for n := range d.Outcomes {
		if d.Outcomes[n].Row != k.FirstRow+n {
			return fmt.Errorf("decide gave row %d of batch %s in the place of row %d", d.Outcomes[n].Row, k.Batch, k.FirstRow+n)
		}
	}
	return nil
}
