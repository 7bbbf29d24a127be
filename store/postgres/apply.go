package postgres

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
	err := s.write(ctx, tenant, a.run)
	return explainRefused("apply chunks", err)
}

// application is one Apply on its way.
type application struct {
	tenant muster.ID
	chunks []muster.Chunk
	keys   *muster.Keys
	decide provision.Decide
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

func (a *application) run(t *tx) error {
	stored, ordered := a.lookUp(t)
	var shot snapshot
	shot.queue(t, a.tenant, a.keys, wholeUsers)
	if err := t.flush(); err != nil {
		return err
	}
	shot.Usage = t.usage
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
	writeUsers(t, a.tenant, &w.Planned, shot.Users, w.Now)
	return a.write(t, w, stored, live)
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
		err := row.Scan(&at, &w.rows, &w.bytes, &w.lane, &w.rank, &w.decided, &w.total)
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

// live finds the chunks that still wait and are next in their batch, and in the ordered lane in that, given those before them.
func (a *application) live(stored []waiting, ordered *[]chunkName) []bool {
	live := make([]bool, len(a.chunks))
	next := *ordered
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
	return live
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

// progress is what one Apply adds to batches, an element of each list for each batch.
type progress struct {
	index                      map[muster.ID]int
	batches                    []int64
	succeeded, failed, skipped []int32
	left                       []int // rows without outcome
}

// write queues what becomes of the chunks, the ends of the batches that are through, and the counts.
func (a *application) write(t *tx, w *provision.Writes, stored []waiting, live []bool) error {
	var done []muster.Chunk
	var rows, bytes int64
	p := progress{index: make(map[muster.ID]int)}
	ranks := make(map[muster.Lane]int64)
	for i := range a.chunks {
		if !live[i] {
			continue
		}
		d := &w.Chunks[len(done)]
		done = append(done, a.chunks[i])
		rows, bytes = rows+int64(stored[i].rows), bytes+stored[i].bytes
		ranks[stored[i].lane] = max(ranks[stored[i].lane], stored[i].rank)
		if err := p.add(d, &stored[i]); err != nil {
			return err
		}
	}
	a.storeOutcomes(t, w.Chunks)
	if len(done) > 0 {
		batches, firstRows := chunkNames(done)
		t.exec(deleteChunks, a.tenant, batches, firstRows)
		t.exec(updateBatches, a.tenant, w.Now, p.batches, p.succeeded, p.failed, p.skipped, p.ends())
	}
	if rank, ok := ranks[muster.LaneCreate]; ok {
		t.exec(upsertLane, a.tenant, muster.LaneCreate, rank)
	}
	taken := &w.Planned.Usage
	t.exec(updateUsageApplied, a.tenant, taken.Users, taken.CapacityGB, taken.SystemAdmins, rows, bytes)
	return nil
}

func (p *progress) add(d *provision.ChunkWrites, stored *waiting) error {
	at, known := p.index[d.Chunk.Batch]
	if !known {
		at = len(p.batches)
		p.index[d.Chunk.Batch] = at
		p.batches = append(p.batches, int64(d.Chunk.Batch))
		p.succeeded, p.failed, p.skipped = append(p.succeeded, 0), append(p.failed, 0), append(p.skipped, 0)
		p.left = append(p.left, stored.total-stored.decided)
	}
	for i := range d.Outcomes {
		switch d.Outcomes[i].Result {
		case muster.Succeeded:
			p.succeeded[at]++
		case muster.Failed:
			p.failed[at]++
		case muster.Skipped:
			p.skipped[at]++
		default:
			return fmt.Errorf("decide gave row %d of batch %s no result", d.Outcomes[i].Row, d.Chunk.Batch)
		}
	}
	p.left[at] -= len(d.Outcomes)
	return nil
}

// ends says which batches have their last outcome.
func (p *progress) ends() []bool {
	ends := make([]bool, len(p.left))
	for i, left := range p.left {
		ends[i] = left == 0
	}
	return ends
}

// storeOutcomes queues the outcomes and what is kept, in key order, so that each page is filled before the next.
func (a *application) storeOutcomes(t *tx, chunks []provision.ChunkWrites) {
	ordered := make([]*provision.ChunkWrites, len(chunks))
	n := 0
	for i := range chunks {
		ordered[i] = &chunks[i]
		n += len(chunks[i].Outcomes)
	}
	slices.SortStableFunc(ordered, func(x, y *provision.ChunkWrites) int { return cmp.Compare(x.Chunk.Batch, y.Chunk.Batch) })
	batches, ids, users := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	rows, results, reasons := make([]int32, 0, n), make([]int16, 0, n), make([]int16, 0, n)
	fields, details, subjects := make([]string, 0, n), make([]string, 0, n), make([]string, 0, n)
	var kept []*provision.ChunkWrites
	for _, d := range ordered {
		for i := range d.Outcomes {
			o := &d.Outcomes[i]
			batches, rows, ids, users = append(batches, int64(d.Chunk.Batch)), append(rows, int32(o.Row)), append(ids, int64(o.ID)), append(users, int64(o.User))
			results, reasons = append(results, int16(o.Result)), append(reasons, int16(o.Reason))
			fields, details, subjects = append(fields, o.Field), append(details, o.Detail), append(subjects, o.Subject)
		}
		if d.Kept != nil {
			kept = append(kept, d)
		}
	}
	if n > 0 {
		t.exec(insertOutcomes, a.tenant, batches, rows, ids, results, reasons, fields, details, users, subjects)
	}
	a.keep(t, kept)
}

func (a *application) keep(t *tx, chunks []*provision.ChunkWrites) {
	if len(chunks) == 0 {
		return
	}
	n := len(chunks)
	batches, firstRows, rows, sealed := make([]int64, n), make([]int32, n), make([]int32, n), make([][]byte, n)
	for i, d := range chunks {
		batches[i], firstRows[i], rows[i], sealed[i] = int64(d.Chunk.Batch), int32(d.Chunk.FirstRow), int32(len(d.Outcomes)), d.Kept
	}
	t.exec(insertKept, a.tenant, batches, firstRows, rows, sealed)
}
