package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster"
	"muster/provision"
)

// Apply is [provision.Store.Apply].
func (s *Store) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	a := application{now: s.now, tenant: tenant, chunks: chunks, keys: &keys, decide: decide}
	err := s.writer.large(ctx, func(c *conn) error {
		err := a.run(c)
		if err == nil && a.idle {
			muster.AuditNothing(ctx)
		}
		return err
	})
	if a.refused != nil {
		return a.refused
	}
	return explain("apply chunks", err)
}

// application is one Apply on its way.
type application struct {
	now     func() time.Time
	tenant  muster.ID
	chunks  []muster.Chunk
	keys    *muster.Keys
	decide  provision.Decide
	refused error // of decide

	ended []muster.ID // batches that this finished
	idle  bool        // nothing was to be done
}

// waiting is what the store knows about a chunk.
type waiting struct {
	rows  int
	bytes int64
	lane  muster.Lane
	rank  int64
	mode  muster.Mode // its batch's
	done  int         // rows of its batch that have outcomes, or in ModeCheck were checked
	total int         // rows of its batch
}

func (a *application) run(c *conn) error {
	stored, live, err := a.live(c)
	if err != nil {
		return err
	}
	var mode muster.Mode // of all live chunks
	var predicted *prediction
	if len(a.chunks) > 0 {
		mode = a.chunks[0].Mode
	}
	if mode.Predicts() {
		predicted = &prediction{tenant: a.tenant, batch: a.chunks[0].Batch}
	}
	shot, err := snapshot(context.Background(), c, a.tenant, a.keys, wholeUsers, predicted)
	if err != nil {
		return err
	}
	w, err := a.plan(shot, slices.Clone(live))
	if err != nil {
		a.refused = err
		return err
	}
	if w == nil {
		w = &provision.Writes{Planned: muster.Planned{Usage: shot.Usage}}
	}
	if err := a.check(w, live); err != nil {
		return err
	}
	taken := w.Planned.Usage
	switch {
	case predicted != nil:
		if taken = predicted.own; slices.Contains(live, true) {
			err = predicted.write(c, &w.Planned)
		}
	case mode == muster.ModeRun:
		if err = writeUsers(c, a.tenant, &w.Planned, shot.Users, millis(w.Now)); err == nil && w.LastID != 0 {
			err = recordID(c, w.LastID)
		}
	default:
		taken = shot.Usage
	}
	if err != nil {
		return err
	}
	if err := a.write(c, w, taken, stored, live); err != nil {
		return err
	}
	if day := w.Day(taken.Users); !mode.Predicts() && (day.Users != shot.Usage.Users || day.Rows() > 0) {
		if err := addToDay(c, a.tenant, &day); err != nil {
			return err
		}
	}
	return a.tell(c, w, mode == muster.ModeRun, shot.Users)
}

// plan calls decide. Its panic is the rows' fault, as far as anyone can tell.
func (a *application) plan(shot muster.Snapshot, live []bool) (w *provision.Writes, err error) {
	defer func() {
		if p := recover(); p != nil {
			w, err = nil, fmt.Errorf("sqlite: decide: %w: %w", muster.ErrRow, panicked(p))
		}
	}()
	return a.decide(shot, live)
}

// chunkName names a chunk of the tenant.
type chunkName struct {
	batch    muster.ID
	firstRow int
}

// firstOrdered names the chunks that come first in the ordered lane, as many as are to be applied.
func (a *application) firstOrdered(c *conn) (names []chunkName, err error) {
	rows, err := c.query(context.Background(), selectFirstOrdered, int64(a.tenant), len(a.chunks))
	err = collect(rows, err, func(row scanner) error {
		var name chunkName
		err := row.Scan(&name.batch, &name.firstRow)
		names = append(names, name)
		return err
	})
	return names, err
}

// live looks up the chunks and finds those that still wait, in the mode in which they were read, and are next in their batch, and
// in the ordered lane in that, given those before them. Those of the quiet lane are of one batch.
func (a *application) live(c *conn) ([]waiting, []bool, error) {
	ctx := context.Background()
	stored, live := make([]waiting, len(a.chunks)), make([]bool, len(a.chunks))
	rows, err := c.query(ctx, selectLive, int64(a.tenant), string(jsonPairs(a.chunks)))
	err = collect(rows, err, func(row scanner) error {
		var at int
		var w waiting
		err := row.Scan(&at, &w.rows, &w.bytes, &w.lane, &w.rank, &w.mode, &w.done, &w.total)
		if err == nil {
			stored[at] = w
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	next, err := a.firstOrdered(c)
	if err != nil {
		return nil, nil, err
	}
	done := make(map[muster.ID]int)
	for i := range a.chunks {
		k, first := &a.chunks[i], &a.chunks[0]
		if stored[i].lane == noLane || stored[i].rows != k.Rows || stored[i].mode != k.Mode {
			continue
		}
		if k.Mode != first.Mode || k.Batch != first.Batch && k.Mode != muster.ModeRun {
			continue
		}
		if stored[i].lane == muster.LaneOrdered {
			if len(next) == 0 || next[0] != (chunkName{k.Batch, k.FirstRow}) {
				continue
			}
			next = next[1:]
		}
		if _, known := done[k.Batch]; !known {
			done[k.Batch] = stored[i].done
		}
		if k.FirstRow == done[k.Batch] {
			live[i] = true
			done[k.Batch] += k.Rows
		}
	}
	return stored, live, nil
}

// check makes sure that what decide wants written gives each row of each live chunk its outcome, and no other, and in ModeCheck
// none.
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
			return fmt.Errorf("decide gave rows %d of batch %s in the place of rows %d of batch %s", d.Chunk.FirstRow, d.Chunk.Batch, k.FirstRow, k.Batch)
		}
		if err := checkOutcomes(k, d); err != nil {
			return err
		}
		next++
	}
	if next != len(w.Chunks) {
		return fmt.Errorf("decide gave outcomes for a chunk of batch %s that does not wait", w.Chunks[next].Chunk.Batch)
	}
	return nil
}

func checkOutcomes(k *muster.Chunk, d *provision.ChunkWrites) error {
	want, first := k.Rows, k.FirstRow
	if k.Mode == muster.ModeCheck {
		want = 0
		for i := range d.Differences {
			row := d.Differences[i].Row
			if row < first || row >= k.FirstRow+k.Rows {
				return fmt.Errorf("decide gave a difference of row %d of batch %s among those of rows %d", row, k.Batch, k.FirstRow)
			}
			first = row + 1
		}
	} else if d.Differences != nil {
		return fmt.Errorf("decide gave differences of batch %s, which is not being checked", k.Batch)
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
