package postgres

import (
	"cmp"
	"slices"

	"muster"
	"muster/provision"
)

// outcomeLists are the values of outcomes, an array for each column.
type outcomeLists struct {
	batches, ids, users       []int64
	rows                      []int32
	results, reasons          []int16
	fields, details, subjects []string
}

func (l *outcomeLists) grow(n int) {
	l.batches, l.ids, l.users = slices.Grow(l.batches, n), slices.Grow(l.ids, n), slices.Grow(l.users, n)
	l.rows, l.results, l.reasons = slices.Grow(l.rows, n), slices.Grow(l.results, n), slices.Grow(l.reasons, n)
	l.fields, l.details, l.subjects = slices.Grow(l.fields, n), slices.Grow(l.details, n), slices.Grow(l.subjects, n)
}

func (l *outcomeLists) add(batch muster.ID, outcomes []muster.Outcome) {
	for i := range outcomes {
		o := &outcomes[i]
		l.batches, l.rows, l.ids, l.users = append(l.batches, int64(batch)), append(l.rows, int32(o.Row)), append(l.ids, int64(o.ID)), append(l.users, int64(o.User))
		l.results, l.reasons = append(l.results, int16(o.Result)), append(l.reasons, int16(o.Result.Code(o.Reason, o.Effect)))
		l.fields, l.details, l.subjects = append(l.fields, o.Field), append(l.details, o.Detail), append(l.subjects, o.Subject)
	}
}

func (l *outcomeLists) store(t *tx, into statement, tenant muster.ID) {
	if len(l.rows) > 0 {
		t.exec(into, tenant, l.batches, l.rows, l.ids, l.results, l.reasons, l.fields, l.details, l.users, l.subjects)
	}
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
	var lists outcomeLists
	lists.grow(n)
	var kept []*provision.ChunkWrites
	for _, d := range ordered {
		lists.add(d.Chunk.Batch, d.Outcomes)
		if d.Kept != nil {
			kept = append(kept, d)
		}
	}
	lists.store(t, insertOutcomes, a.tenant)
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
