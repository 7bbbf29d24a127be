package postgres

import (
	"fmt"
	"slices"

	"muster"
	"muster/provision"
)

// write queues what becomes of the chunks and the ends of the batches that are through, and says how much waits no longer.
func (a *application) write(t *tx, w *provision.Writes, stored []waiting, live []bool) (rows, bytes int64, err error) {
	var done []muster.Chunk
	p := progress{index: make(map[muster.ID]int)}
	var ranks [muster.LaneQuiet + 1]int64
	for i := range a.chunks {
		if !live[i] {
			continue
		}
		d, was := &w.Chunks[len(done)], &stored[i]
		done = append(done, a.chunks[i])
		rows, bytes = rows+int64(was.rows), bytes+was.bytes
		ranks[was.lane] = max(ranks[was.lane], was.rank)
		if err := p.add(d, was); err != nil {
			return 0, 0, err
		}
	}
	for _, lane := range [...]muster.Lane{muster.LaneCreate, muster.LaneQuiet} {
		if ranks[lane] > 0 {
			t.exec(upsertLane, a.tenant, lane, ranks[lane])
		}
	}
	if len(done) > 0 {
		batches, firstRows := chunkNames(done)
		if a.mode.Predicts() {
			t.exec(holdChunks, a.tenant, batches, firstRows)
		} else {
			t.exec(deleteChunks, a.tenant, batches, firstRows)
		}
		if a.mode == muster.ModeCheck {
			a.storeDifferences(t, w, &p.steps[0])
			rows, bytes = 0, 0 // they still wait
		} else {
			a.storeOutcomes(t, w.Chunks)
			a.ended = p.store(t, a.tenant, w)
		}
	}
	return rows, bytes, nil
}

// progress is what one Apply adds to batches.
type progress struct {
	index map[muster.ID]int // where in steps
	steps []step
}

// step is what one Apply adds to a batch.
type step struct {
	batch   muster.Batch // as it was
	left    int          // rows that have still no outcome, or in ModeCheck were not checked
	reasons []provision.ReasonCount

	// Of ModeCheck.
	checked, differing int
}

func (p *progress) add(d *provision.ChunkWrites, stored *waiting) error {
	at, known := p.index[d.Chunk.Batch]
	if !known {
		at = len(p.steps)
		p.index[d.Chunk.Batch] = at
		p.steps = append(p.steps, step{batch: stored.batch, left: stored.batch.Total - stored.done})
		p.steps[at].batch.ID = d.Chunk.Batch
	}
	s := &p.steps[at]
	s.left -= stored.rows
	s.checked, s.differing = s.checked+stored.rows, s.differing+len(d.Differences)
	for i := range d.Outcomes {
		o := &d.Outcomes[i]
		if o.Result < muster.Succeeded || o.Result > muster.Cancelled {
			return fmt.Errorf("decide gave row %d of batch %s no result", o.Row, d.Chunk.Batch)
		}
		s.count(o)
	}
	return nil
}

// count counts an outcome. There are few kinds of them, and most are of the kind of the one before.
func (s *step) count(o *muster.Outcome) {
	i := slices.IndexFunc(s.reasons, func(c provision.ReasonCount) bool {
		return c.Result == o.Result && c.Reason == o.Reason && c.Effect == o.Effect
	})
	if i < 0 {
		i = len(s.reasons)
		s.reasons = append(s.reasons, provision.ReasonCount{Result: o.Result, Reason: o.Reason, Effect: o.Effect})
	}
	s.reasons[i].Rows++
}

// store queues the batches' counts and ends, and gives those that are finished.
func (p *progress) store(t *tx, tenant muster.ID, w *provision.Writes) (ended []muster.ID) {
	n := len(p.steps)
	ids, ends := make([]int64, n), make([]bool, n)
	var counts [muster.Cancelled + 1][]int32
	for r := range counts {
		counts[r] = make([]int32, n)
	}
	var batches []int64
	var results, reasons []int16
	var rows []int32
	for i := range p.steps {
		s := &p.steps[i]
		ids[i], ends[i] = int64(s.batch.ID), s.left == 0
		if ends[i] {
			ended = append(ended, s.batch.ID)
		}
		for _, c := range s.reasons {
			counts[c.Result][i] += int32(c.Rows)
			batches, results, reasons, rows = append(batches, ids[i]), append(results, int16(c.Result)), append(reasons, int16(c.Result.Code(c.Reason, c.Effect))), append(rows, int32(c.Rows))
		}
	}
	t.exec(upsertReasons, tenant, batches, results, reasons, rows)
	t.exec(updateBatches, tenant, w.Now, w.Now.Add(muster.HeldFor), ids, counts[muster.Succeeded], counts[muster.Failed], counts[muster.Skipped],
		counts[muster.Cancelled], ends)
	return ended
}

// storeDifferences queues what was found of rows that were checked and, if they were the batch's last, what it does next.
func (a *application) storeDifferences(t *tx, w *provision.Writes, s *step) {
	var lists outcomeLists
	for i := range w.Chunks {
		lists.add(s.batch.ID, w.Chunks[i].Differences)
	}
	lists.store(t, insertDifferences, a.tenant)
	t.exec(updateCheckProgress, a.tenant, s.batch.ID, s.checked, s.differing, w.Now)
	if s.left > 0 {
		return
	}
	mode, sequence := muster.ModeRefused, s.batch.Sequence
	if s.batch.Differing+s.differing == 0 {
		// Its place in the order of acceptance is behind those that ran meanwhile.
		mode, sequence = muster.ModeRun, t.sequence+1
		t.exec(updateUsageAccepted, a.tenant, 0, 0, sequence, 0)
	}
	lane := mode.Lane(s.batch.Lane)
	t.exec(updateMode, a.tenant, s.batch.ID, mode, sequence)
	t.exec(moveChunks, a.tenant, s.batch.ID, lane, sequence, 0)
	a.store.wakeIn(t, muster.LaneRef{Tenant: a.tenant, Lane: lane})
}
