package storetest

import (
	"cmp"
	"fmt"
	"slices"

	"muster"
	"muster/provision"
)

// places names works by the letter of their batch and their first row.
func places(works []provision.Work, batches ...muster.ID) []string {
	var names []string
	for _, w := range works {
		names = append(names, fmt.Sprintf("%c%d", 'a'+slices.Index(batches, w.Chunk.Batch), w.Chunk.FirstRow))
	}
	return names
}

func testRoundRobin(b *bundle) {
	one := b.accept(b.acceptance(b.tenant, 6, 2))
	two := b.accept(b.acceptance(b.tenant, 6, 3))
	three := b.accept(b.acceptance(b.tenant, 1, 1))
	got := places(b.next(createLane(b.tenant), 100), one, two, three)
	b.same("order of the lane", got, []string{"a0", "b0", "c0", "a2", "b3", "a4"})
}

func testLanePosition(b *bundle) {
	lane := createLane(b.tenant)
	one := b.accept(b.acceptance(b.tenant, 8, 2))
	b.apply(b.next(lane, 4), muster.Skipped) // a0, a2
	two := b.accept(b.acceptance(b.tenant, 6, 2))
	b.same("order with a newcomer", places(b.next(lane, 100), one, two), []string{"b0", "a4", "b2", "a6", "b4"})
	b.apply(b.next(lane, 100), muster.Skipped)
	if works := b.next(lane, 100); len(works) != 0 {
		b.Fatalf("%d chunks wait after all were applied", len(works))
	}
	three := b.accept(b.acceptance(b.tenant, 4, 2))
	four := b.accept(b.acceptance(b.tenant, 2, 2))
	b.same("order after an idle time", places(b.next(lane, 100), three, four), []string{"a0", "b0", "a2"})

	begin := b.next(lane, 1)[0].Position.Rank
	b.finish(b.tenant, three, muster.Skipped, 2)
	b.finish(b.tenant, four, muster.Skipped, 1) // what was passed over does not take the lane back
	b.accept(b.acceptance(b.tenant, 1, 1))
	b.same("begin of the last", b.next(lane, 1)[0].Position.Rank, begin+2)
}

func testOrdered(b *bundle) {
	var ids []muster.ID
	for range 3 {
		a := b.acceptance(b.tenant, 4, 2)
		a.Batch.Lane = muster.LaneOrdered
		// The sequence decides, and not the id.
		a.Batch.ID -= muster.ID(len(ids)) << 30
		for i := range a.Chunks {
			a.Chunks[i].Batch = a.Batch.ID
		}
		ids = append(ids, b.accept(a))
	}
	b.accept(b.acceptance(b.tenant, 1, 1))
	works := b.next(orderedLane(b.tenant), 100)
	b.same("order of the lane", places(works, ids...), []string{"a0", "a2", "b0", "b2", "c0", "c2"})
	for _, w := range works {
		if w.Position.Rank != 0 {
			b.Errorf("rank %d in the ordered lane", w.Position.Rank)
		}
	}
	b.apply(works[:3], muster.Skipped)
	b.same("order of the rest", places(b.next(orderedLane(b.tenant), 100), ids...), []string{"b2", "c0", "c2"})
}

func testNextLimits(b *bundle) {
	lane := createLane(b.tenant)
	one := b.accept(b.acceptance(b.tenant, 7, 3))
	for _, c := range []struct {
		rows int
		want []string
	}{{1, []string{"a0"}}, {3, []string{"a0"}}, {5, []string{"a0"}}, {6, []string{"a0", "a3"}}, {7, []string{"a0", "a3", "a6"}}} {
		b.same(fmt.Sprintf("chunks of %d rows", c.rows), places(b.next(lane, c.rows), one), c.want)
	}
	var got []string
	for after := (*provision.Position)(nil); ; {
		works, err := b.store.Next(b.Context(), lane, after, 1)
		b.ok(err)
		if len(works) == 0 {
			break
		}
		got = append(got, places(works, one)...)
		after = &works[len(works)-1].Position
	}
	b.same("chunks one after the other", got, []string{"a0", "a3", "a6"})
}

func testPending(b *bundle) {
	pending := func() []muster.LaneRef {
		b.Helper()
		lanes, err := b.store.Pending(b.Context())
		b.ok(err)
		slices.SortFunc(lanes, func(x, y muster.LaneRef) int {
			return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Lane, y.Lane))
		})
		return lanes
	}
	b.same("lanes of an empty store", len(pending()), 0)
	a := b.acceptance(b.other, 1, 1)
	a.Batch.Lane = muster.LaneOrdered
	b.accept(a)
	b.accept(b.acceptance(b.tenant, 4, 2))
	b.same("lanes", pending(), []muster.LaneRef{createLane(b.tenant), orderedLane(b.other)})
	b.apply(b.next(createLane(b.tenant), 2), muster.Skipped)
	b.same("lanes with a rest", pending(), []muster.LaneRef{createLane(b.tenant), orderedLane(b.other)})
	b.apply(b.next(createLane(b.tenant), 2), muster.Skipped)
	b.same("lanes after one is done", pending(), []muster.LaneRef{orderedLane(b.other)})
}
