package storetest

import (
	"fmt"

	"muster"
	"muster/provision"
)

// about applies a batch whose rows from one on were all about the user.
func (b *bundle) about(works []provision.Work, user muster.ID, from int, result muster.Result) {
	b.Helper()
	b.ok(b.store.Apply(b.Context(), works[0].Chunk.Tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := b.decideAll(works, result)(shot, live)
		w.Planned.Insert, w.Planned.Usage = nil, shot.Usage
		for i := range w.Chunks {
			for k := range w.Chunks[i].Outcomes {
				if o := &w.Chunks[i].Outcomes[k]; o.Row >= from {
					o.User = user
				}
			}
		}
		return w, err
	}))
}

// testHistory: what rows made of a user, in pages of any size, is told of him alone, without what was only predicted.
func testHistory(b *bundle) {
	user := b.id()
	first := b.accept(b.acceptance(b.tenant, 3, 2))
	b.about(b.works(first), user, 1, muster.Succeeded)
	dryRun := b.submit(b.upload(b.tenant, 1, 1, muster.ModeDryRun))
	b.about(b.works(dryRun), user, 0, muster.Skipped)
	foreign := b.accept(b.acceptance(b.other, 1, 1))
	b.about(b.next(createLane(b.other), 10), user, 0, muster.Succeeded)
	second := b.accept(b.acceptance(b.tenant, 1, 1))
	b.about(b.works(second), user, 0, muster.Failed)
	for _, limit := range []int{1, 2, 10} {
		got := []string{}
		for behind := (provision.HistoryCursor{}); ; {
			page, err := b.store.History(b.Context(), b.tenant, user, behind, limit)
			b.ok(err)
			for i := range page {
				h := &page[i]
				b.same("batch", &h.Batch, b.batch(b.tenant, h.Batch.ID))
				b.same("outcome", h.Outcome, b.page(b.tenant, h.Batch.ID).Outcomes[h.Outcome.Row])
				got = append(got, fmt.Sprint(h.Batch.ID, " ", h.Outcome.Row, " ", h.Outcome.Result))
				behind = provision.HistoryCursor{Batch: h.Batch.ID, Row: h.Outcome.Row}
			}
			if len(page) < limit {
				break
			}
		}
		b.same("history", got, []string{fmt.Sprint(second, " 0 failed"), fmt.Sprint(first, " 2 succeeded"), fmt.Sprint(first, " 1 succeeded")})
	}
	for _, nobodys := range [][2]muster.ID{{b.tenant, b.id()}, {b.tenant, 0}, {b.id(), user}} {
		page, err := b.store.History(b.Context(), nobodys[0], nobodys[1], provision.HistoryCursor{}, 10)
		b.ok(err)
		b.same("history of somebody else", len(page), 0)
	}
	page, err := b.store.History(b.Context(), b.other, user, provision.HistoryCursor{}, 10)
	b.ok(err)
	b.same("of the other tenant", [2]any{len(page), page[0].Batch.ID}, [2]any{1, foreign})
	b.forget(first)
	page, err = b.store.History(b.Context(), b.tenant, user, provision.HistoryCursor{}, 10)
	b.ok(err)
	b.same("once it is purged", len(page), 0)
}
