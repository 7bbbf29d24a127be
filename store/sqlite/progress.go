package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"muster"
	"muster/provision"
)

// progress is what one Apply adds to a batch.
type progress struct {
	batch     muster.ID
	mode      muster.Mode
	reasons   []provision.ReasonCount // in any order
	checked   int
	differing int
	done      int // see waiting
	total     int
}

// write stores what becomes of the chunks, ends the batches that are through, and counts: what the tenant has taken then, and its
// queue.
func (a *application) write(c *conn, w *provision.Writes, taken muster.Usage, stored []waiting, live []bool) error {
	var gone, held []muster.Chunk
	var rows, bytes int64
	var batches []progress
	index := make(map[muster.ID]int)
	ranks := make(map[muster.Lane]int64)
	next := 0
	for i := range a.chunks {
		if !live[i] {
			continue
		}
		d, k := &w.Chunks[next], &stored[i]
		next++
		if k.mode.Predicts() {
			held = append(held, a.chunks[i])
		} else {
			gone = append(gone, a.chunks[i])
		}
		if k.mode != muster.ModeCheck { // of which every row is still to be done
			rows, bytes = rows+int64(k.rows), bytes+k.bytes
		}
		ranks[k.lane] = max(ranks[k.lane], k.rank)
		at, known := index[d.Chunk.Batch]
		if !known {
			at = len(batches)
			index[d.Chunk.Batch] = at
			batches = append(batches, progress{batch: d.Chunk.Batch, mode: k.mode, done: k.done, total: k.total})
		}
		if err := batches[at].add(k, d); err != nil {
			return err
		}
	}
	if err := a.storeOutcomes(c, w.Chunks); err != nil {
		return err
	}
	if err := a.leave(c, gone, held); err != nil {
		return err
	}
	for i := range batches {
		if err := a.advance(c, &batches[i], w); err != nil {
			return err
		}
	}
	for _, lane := range [...]muster.Lane{muster.LaneCreate, muster.LaneQuiet} {
		if rank, ok := ranks[lane]; ok {
			if _, err := c.exec(upsertLane, int64(a.tenant), int64(lane), rank); err != nil {
				return err
			}
		}
	}
	_, err := c.exec(updateUsageApplied, taken.Users, taken.CapacityGB, taken.SystemAdmins, rows, bytes, int64(a.tenant))
	return err
}

func (p *progress) add(k *waiting, d *provision.ChunkWrites) error {
	if p.mode == muster.ModeCheck {
		p.checked += k.rows
		p.differing += len(d.Differences)
	}
	for i := range d.Outcomes {
		o := &d.Outcomes[i]
		if o.Result < muster.Succeeded || o.Result > muster.Cancelled {
			return fmt.Errorf("decide gave row %d of batch %s no result", o.Row, p.batch)
		}
		p.count(o)
	}
	p.done += k.rows
	return nil
}

func (p *progress) count(o *muster.Outcome) {
	for i := range p.reasons { // few
		if r := &p.reasons[i]; r.Result == o.Result && r.Reason == o.Reason && r.Effect == o.Effect {
			r.Rows++
			return
		}
	}
	p.reasons = append(p.reasons, provision.ReasonCount{Result: o.Result, Reason: o.Reason, Effect: o.Effect, Rows: 1})
}

// placed is an outcome of a batch.
type placed struct {
	batch   muster.ID
	outcome *muster.Outcome
}

func (a *application) storeOutcomes(c *conn, chunks []provision.ChunkWrites) error {
	var all, differences []placed
	for i := range chunks {
		d := &chunks[i]
		for k := range d.Outcomes {
			all = append(all, placed{d.Chunk.Batch, &d.Outcomes[k]})
		}
		for k := range d.Differences {
			differences = append(differences, placed{d.Chunk.Batch, &d.Differences[k]})
		}
		if d.Kept == nil {
			continue
		}
		_, err := c.exec(insertKept, int64(a.tenant), int64(d.Chunk.Batch), d.Chunk.FirstRow, len(d.Outcomes), d.Kept)
		if err != nil {
			return err
		}
	}
	if err := a.insertPlaced(c, insertOutcome, insertOutcomes, all); err != nil {
		return err
	}
	return a.insertPlaced(c, insertDifference, insertDifferences, differences)
}

func (a *application) insertPlaced(c *conn, one, many statement, all []placed) error {
	// In key order, so that each page is filled before the next.
	slices.SortStableFunc(all, func(x, y placed) int { return cmp.Compare(x.batch, y.batch) })
	return insertAll(c, one, many, outcomeColumnCount, len(all), func(args []any, i int) {
		o := all[i].outcome
		args[0], args[1], args[2], args[3] = int64(a.tenant), int64(all[i].batch), o.Row, int64(o.ID)
		args[4], args[5], args[6], args[7] = int64(o.Result), int64(o.Result.Code(o.Reason, o.Effect)), orNull(o.Field), orNull(o.Detail)
		args[8], args[9] = int64(o.User), orNull(o.Subject)
	})
}

// leave takes chunks out of their lanes: those that are gone for good, and those that only lose their turn.
func (a *application) leave(c *conn, gone, held []muster.Chunk) error {
	if err := deleteWhole(c, a.tenant, gone); err != nil || len(held) == 0 {
		return err
	}
	_, err := c.exec(holdChunks, int64(a.tenant), string(jsonPairs(held)))
	return err
}

// advance counts the batch's rows, and does what is to be done with its last.
func (a *application) advance(c *conn, p *progress, w *provision.Writes) error {
	var of [muster.Cancelled + 1]int
	for _, r := range p.reasons {
		of[r.Result] += r.Rows
		if _, err := c.exec(upsertReason, int64(a.tenant), int64(p.batch), int64(r.Result), int64(r.Result.Code(r.Reason, r.Effect)), r.Rows); err != nil {
			return err
		}
	}
	_, err := c.exec(updateBatch, of[muster.Succeeded], of[muster.Failed], of[muster.Skipped], of[muster.Cancelled], p.checked, p.differing,
		millis(w.Now), int64(a.tenant), int64(p.batch))
	switch {
	case err != nil || p.done < p.total:
		return err
	case p.mode == muster.ModeCheck:
		return a.endCheck(c, p.batch)
	}
	a.ended = append(a.ended, p.batch)
	switch {
	case p.mode == muster.ModeDryRun:
		_, err = c.exec(finishBatch, int64(a.tenant), int64(p.batch), millis(w.Now), millis(w.Now.Add(muster.HeldFor)))
		return err
	default:
		// What was sealed under its payload key is gone for good.
		_, err = c.exec(finishBatch, int64(a.tenant), int64(p.batch), millis(w.Now), nil)
		return err
	}
}

// endCheck begins what a batch does of which every row was checked. If it runs, its place in the order of acceptance is behind
// those that ran meanwhile, none of which it interrupts.
func (a *application) endCheck(c *conn, batch muster.ID) error {
	b, err := readBatch(context.Background(), c, a.tenant, batch, 0)
	if err != nil {
		return err
	}
	if b.Differing > 0 {
		b.Mode = muster.ModeRefused
		return turnTo(c, &b)
	}
	if b.Sequence, err = nextSequence(c, a.tenant); err != nil {
		return err
	}
	b.Mode = muster.ModeRun
	return turnTo(c, &b)
}

// turnTo has the batch do from now on with its rows that have no outcome what its mode says.
func turnTo(c *conn, b *muster.Batch) error {
	if _, err := c.exec(changeMode, int64(b.Mode), b.Sequence, int64(b.Tenant), int64(b.ID)); err != nil {
		return err
	}
	return giveTurns(c, b, b.Decided())
}

// Cancel is [provision.BatchStore.Cancel].
func (s *Store) Cancel(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error) {
	var b muster.Batch
	err := s.writer.large(ctx, func(c *conn) (err error) {
		b, err = readBatch(context.Background(), c, tenant, batch, 0)
		if err != nil || b.Finished() || b.Mode == muster.ModeCancelled || b.Mode == muster.ModeRefused {
			muster.AuditNothing(ctx)
			return err
		}
		b.Mode = muster.ModeCancelled
		return turnTo(c, &b)
	})
	if err != nil {
		return nil, explain("cancel a batch", err)
	}
	return &b, nil
}
