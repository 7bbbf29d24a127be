package storetest

import (
	"time"

	"muster"
)

func (b *bundle) purge(tenant muster.ID, before time.Time, limit int) bool {
	b.Helper()
	found, err := b.store.Purge(b.Context(), tenant, before, limit)
	b.ok(err)
	return found
}

func testPurge(b *bundle) {
	old := b.accept(b.acceptance(b.tenant, 10, 4))
	b.apply(b.next(createLane(b.tenant), 100), muster.Failed)
	unfinished := b.accept(b.acceptance(b.tenant, 2, 1))
	b.apply(b.next(createLane(b.tenant), 1), muster.Failed)
	foreign := b.accept(b.acceptance(b.other, 1, 1))
	b.apply(b.next(createLane(b.other), 1), muster.Failed)
	b.now = b.now.Add(time.Hour)
	young := b.accept(b.acceptance(b.tenant, 1, 1))
	b.finish(b.tenant, young, muster.Failed, 1)
	b.same("purged at the very time of the end", b.purge(b.tenant, b.now.Add(-time.Hour), 100), false)

	limit := b.now.Add(-time.Minute)
	steps := 0
	for b.purge(b.tenant, limit, 4) {
		steps++
		_, err := b.store.BatchPage(b.Context(), b.tenant, old, muster.ContractKooDrive, 0, 100)
		b.kind(err, muster.KindNotFound) // never in part
		_, err = b.store.Failures(b.Context(), b.tenant, old, muster.ContractKooDrive, 0, 100)
		b.kind(err, muster.KindNotFound)
		if steps > 100 {
			b.Fatal("purging finds no end")
		}
	}
	if steps < 4 { // 10 outcomes, 3 kept chunks and the batch
		b.Errorf("14 rows were purged in %d steps of 4", steps)
	}
	b.same("rows of the young batch", len(b.page(b.tenant, young).Outcomes), 1)
	b.same("rows of the unfinished batch", len(b.page(b.tenant, unfinished).Outcomes), 1)
	b.same("rows of the other tenant", len(b.page(b.other, foreign).Outcomes), 1)
	b.same("wrapped keys", b.wrappedItems(keyVersion), 4) // young 1, unfinished 2, foreign 1
	b.same("purged again", b.purge(b.tenant, limit, 4), false)
	b.finish(b.tenant, unfinished, muster.Skipped, 1)
}

func testPurgeReplays(b *bundle) {
	one, two := b.replay(b.tenant, "one"), b.replay(b.tenant, "two")
	two.ReplayUntil = b.now
	b.accept(one)
	b.accept(two)
	foreign := b.replay(b.other, "two")
	foreign.ReplayUntil = b.now
	b.accept(foreign)
	b.same("purged", b.purge(b.tenant, b.now, 10), true)
	b.same("purged again", b.purge(b.tenant, b.now, 10), false)

	a := b.replay(b.tenant, "one")
	got, err := b.store.Accept(b.Context(), a)
	b.ok(err)
	b.same("batch of what is remembered", got.Batch, one.Batch.ID)
	b.accept(b.replay(b.tenant, "two"))
	got, err = b.store.Accept(b.Context(), b.replay(b.other, "two"))
	b.ok(err)
	b.same("batch of what the other tenant has remembered", got.Batch, foreign.Batch.ID)
}
