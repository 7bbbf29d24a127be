package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"muster"
	"muster/provision"
)

// Apply is [provision.Store.Apply].
func (s *Store) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	a := application{tenant: tenant, chunks: chunks, keys: &keys, decide: decide}
	err := s.writer.large(ctx, a.run)
	if a.refused != nil {
		return a.refused
	}
	return explain("apply chunks", err)
}

// application is one Apply on its way.
type application struct {
	tenant  muster.ID
	chunks  []muster.Chunk
	keys    *muster.Keys
	decide  provision.Decide
	refused error // of decide
}

// waiting is what the store knows about a chunk that waits.
type waiting struct {
	rows    int
	bytes   int64
	lane    muster.Lane
	rank    int64
	decided int // rows of its batch that have outcomes
	total   int // rows of its batch
}

func (a *application) run(c *conn) error {
	stored, live, err := a.live(c)
	if err != nil {
		return err
	}
	shot, err := snapshot(context.Background(), c, a.tenant, a.keys, wholeUsers)
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
	if err := writeUsers(c, a.tenant, &w.Planned, shot.Users, millis(w.Now)); err != nil {
		return err
	}
	return a.write(c, w, stored, live)
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

// live looks up the chunks and finds those that still wait and are next in their batch, and in the ordered lane in that, given
// those before them.
func (a *application) live(c *conn) ([]waiting, []bool, error) {
	ctx := context.Background()
	stored, live := make([]waiting, len(a.chunks)), make([]bool, len(a.chunks))
	rows, err := c.query(ctx, selectLive, int64(a.tenant), string(jsonPairs(a.chunks)))
	err = collect(rows, err, func(row scanner) error {
		var at int
		var w waiting
		err := row.Scan(&at, &w.rows, &w.bytes, &w.lane, &w.rank, &w.decided, &w.total)
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
	decided := make(map[muster.ID]int)
	for i := range a.chunks {
		k := &a.chunks[i]
		if stored[i].rows == 0 || stored[i].rows != k.Rows {
			continue
		}
		if stored[i].lane == muster.LaneOrdered {
			if len(next) == 0 || next[0] != (chunkName{k.Batch, k.FirstRow}) {
				continue
			}
			next = next[1:]
		}
		if _, known := decided[k.Batch]; !known {
			decided[k.Batch] = stored[i].decided
		}
		if k.FirstRow == decided[k.Batch] {
			live[i] = true
			decided[k.Batch] += k.Rows
		}
	}
	return stored, live, nil
}

// check makes sure that what decide wants written gives each row of each live chunk its outcome, and no other.
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
		if d.Chunk.Batch != k.Batch || d.Chunk.FirstRow != k.FirstRow || len(d.Outcomes) != k.Rows {
			return fmt.Errorf("decide gave %d outcomes for rows %d of batch %s, want %d for rows %d of batch %s",
				len(d.Outcomes), d.Chunk.FirstRow, d.Chunk.Batch, k.Rows, k.FirstRow, k.Batch)
		}
		for n := range d.Outcomes {
			if d.Outcomes[n].Row != k.FirstRow+n {
				return fmt.Errorf("decide gave row %d of batch %s in the place of row %d", d.Outcomes[n].Row, k.Batch, k.FirstRow+n)
			}
		}
		next++
	}
	if next != len(w.Chunks) {
		return fmt.Errorf("decide gave outcomes for a chunk of batch %s that does not wait", w.Chunks[next].Chunk.Batch)
	}
	return nil
}

// progress is what one Apply adds to a batch.
type progress struct {
	batch                      muster.ID
	succeeded, failed, skipped int
	decided, total             int
}

// write stores what becomes of the chunks, ends the batches that are through, and counts.
func (a *application) write(c *conn, w *provision.Writes, stored []waiting, live []bool) error {
	var done []muster.Chunk
	var rows, bytes int64
	var batches []progress
	index := make(map[muster.ID]int)
	ranks := make(map[muster.Lane]int64)
	for i := range a.chunks {
		if !live[i] {
			continue
		}
		d := &w.Chunks[len(done)]
		done = append(done, a.chunks[i])
		rows, bytes = rows+int64(stored[i].rows), bytes+stored[i].bytes
		ranks[stored[i].lane] = max(ranks[stored[i].lane], stored[i].rank)
		at, known := index[d.Chunk.Batch]
		if !known {
			at = len(batches)
			index[d.Chunk.Batch] = at
			batches = append(batches, progress{batch: d.Chunk.Batch, decided: stored[i].decided, total: stored[i].total})
		}
		if err := batches[at].add(d.Outcomes); err != nil {
			return err
		}
	}
	if err := a.storeOutcomes(c, w.Chunks); err != nil {
		return err
	}
	if len(done) > 0 {
		if _, err := c.exec(deleteChunks, int64(a.tenant), string(jsonPairs(done))); err != nil {
			return err
		}
	}
	for i := range batches {
		if err := a.advance(c, &batches[i], millis(w.Now)); err != nil {
			return err
		}
	}
	if rank, ok := ranks[muster.LaneCreate]; ok {
		if _, err := c.exec(upsertLane, int64(a.tenant), int64(muster.LaneCreate), rank); err != nil {
			return err
		}
	}
	taken := &w.Planned.Usage
	_, err := c.exec(updateUsageApplied, taken.Users, taken.CapacityGB, taken.SystemAdmins, rows, bytes, int64(a.tenant))
	return err
}

func (p *progress) add(outcomes []muster.Outcome) error {
	for i := range outcomes {
		switch outcomes[i].Result {
		case muster.Succeeded:
			p.succeeded++
		case muster.Failed:
			p.failed++
		case muster.Skipped:
			p.skipped++
		default:
			return fmt.Errorf("decide gave row %d of batch %s no result", outcomes[i].Row, p.batch)
		}
	}
	p.decided += len(outcomes)
	return nil
}

func (a *application) storeOutcomes(c *conn, chunks []provision.ChunkWrites) error {
	type placed struct {
		batch   muster.ID
		outcome *muster.Outcome
	}
	var all []placed
	for i := range chunks {
		d := &chunks[i]
		for k := range d.Outcomes {
			all = append(all, placed{d.Chunk.Batch, &d.Outcomes[k]})
		}
		if d.Kept == nil {
			continue
		}
		_, err := c.exec(insertKept, int64(a.tenant), int64(d.Chunk.Batch), d.Chunk.FirstRow, len(d.Outcomes), d.Kept)
		if err != nil {
			return err
		}
	}
	// In key order, so that each page is filled before the next.
	slices.SortStableFunc(all, func(x, y placed) int { return cmp.Compare(x.batch, y.batch) })
	return insertAll(c, insertOutcome, insertOutcomes, outcomeColumnCount, len(all), func(args []any, i int) {
		o := all[i].outcome
		args[0], args[1], args[2], args[3] = int64(a.tenant), int64(all[i].batch), o.Row, int64(o.ID)
		args[4], args[5], args[6], args[7] = int64(o.Result), int64(o.Reason), orNull(o.Field), orNull(o.Detail)
		args[8], args[9] = int64(o.User), orNull(o.Subject)
	})
}

// advance counts the batch's rows, and ends it with its last: what was sealed under its payload key is gone for good.
func (a *application) advance(c *conn, p *progress, now int64) error {
	_, err := c.exec(updateBatch, p.succeeded, p.failed, p.skipped, int64(a.tenant), int64(p.batch))
	if err == nil && p.decided == p.total {
		_, err = c.exec(finishBatch, int64(a.tenant), int64(p.batch), now)
	}
	return err
}
