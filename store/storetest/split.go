package storetest

import (
	"slices"

	"muster"
	"muster/provision"
)

func (b *bundle) parts(w provision.Work, rows ...int) []muster.Chunk {
	var parts []muster.Chunk
	first := 0
	for _, n := range rows {
		c := w.Chunk
		c.FirstRow += first
		c.FirstID += muster.ID(first)
		c.FirstUser += muster.ID(first)
		c.Rows, c.Payload = n, b.blob(keyVersion)
		parts = append(parts, c)
		first += n
	}
	return parts
}

func testSplit(b *bundle) {
	for _, lane := range []muster.Lane{muster.LaneCreate, muster.LaneOrdered} {
		a, rival := b.acceptance(b.tenant, 8, 4), b.acceptance(b.tenant, 8, 4)
		a.Batch.Lane, rival.Batch.Lane = lane, lane
		one, two := b.accept(a), b.accept(rival)
		ref := muster.LaneRef{Tenant: b.tenant, Lane: lane}
		works := b.next(ref, 100)
		whole := works[slices.IndexFunc(works, func(w provision.Work) bool { return w.Chunk.Batch == one && w.Chunk.FirstRow == 4 })]
		used := b.usage(b.tenant)
		parts := b.parts(whole, 1, 3)
		b.ok(b.store.Split(b.Context(), whole.Chunk, parts))
		works = b.next(ref, 100)
		want := []string{"a0", "b0", "a4", "b4", "a5"} // a part keeps the turn of its rows
		if lane == muster.LaneOrdered {
			want = []string{"a0", "a4", "a5", "b0", "b4"}
		}
		b.same("order", places(works, one, two), want)
		var got []muster.Chunk
		for _, w := range works {
			if w.Chunk.Batch == one && w.Chunk.FirstRow >= 4 {
				got = append(got, w.Chunk)
			}
		}
		b.same("parts", got, parts)
		now := b.usage(b.tenant)
		used.QueuedBytes += int64(len(parts[0].Payload) + len(parts[1].Payload) - len(whole.Chunk.Payload))
		b.same("queue", now, used)
		b.apply(works, muster.Skipped)
		b.same("decided", b.page(b.tenant, one).Batch.Decided(), 8)
		now = b.usage(b.tenant)
		b.same("queue at the end", [2]int64{now.QueuedRows, now.QueuedBytes}, [2]int64{})
	}
}

func testSplitGone(b *bundle) {
	a := b.acceptance(b.tenant, 4, 4)
	b.accept(a)
	whole := b.next(createLane(b.tenant), 100)[0]
	for name, rows := range map[string][]int{"too few rows": {1, 2}, "too many": {1, 4}, "an empty part": {0, 4}, "none": {}} {
		if err := b.store.Split(b.Context(), whole.Chunk, b.parts(whole, rows...)); err == nil {
			b.Errorf("a split into %s was no error", name)
		}
	}
	used := b.usage(b.tenant)
	other := whole.Chunk
	other.Rows = 3
	b.ok(b.store.Split(b.Context(), other, b.parts(whole, 1, 2)))
	b.same("queue after a split of what is not there", b.usage(b.tenant), used)
	b.same("chunks", len(b.next(createLane(b.tenant), 100)), 1)

	b.ok(b.store.Split(b.Context(), whole.Chunk, b.parts(whole, 2, 2)))
	used = b.usage(b.tenant)
	b.ok(b.store.Split(b.Context(), whole.Chunk, b.parts(whole, 1, 3))) // a second worker, late
	b.same("queue after a late split", b.usage(b.tenant), used)
	b.apply(b.next(createLane(b.tenant), 100), muster.Skipped)
	b.ok(b.store.Split(b.Context(), whole.Chunk, b.parts(whole, 1, 3)))
	b.same("chunks after the end", len(b.next(createLane(b.tenant), 100)), 0)
}
