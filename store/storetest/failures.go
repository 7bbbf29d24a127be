package storetest

import (
	"fmt"

	"muster"
	"muster/provision"
)

func (b *bundle) failures(tenant, batch muster.ID, from, limit int) *provision.Failures {
	b.Helper()
	f, err := b.store.Failures(b.Context(), tenant, batch, muster.ContractKooDrive, from, limit)
	b.ok(err)
	return f
}

func testFailures(b *bundle) {
	a := b.acceptance(b.tenant, 6, 2)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	b.same("failures of a batch without outcomes", b.failures(b.tenant, a.Batch.ID, 0, 100), &provision.Failures{Batch: b.page(b.tenant, a.Batch.ID).Batch})
	b.apply(works[:1], muster.Failed)
	b.apply(works[1:2], muster.Succeeded)
	half := b.failures(b.tenant, a.Batch.ID, 0, 100)
	b.same("failures half-way", len(half.Outcomes), 2)
	b.apply(works[2:], muster.Failed)

	page := b.page(b.tenant, a.Batch.ID)
	block := func(first int) provision.KeptBlock {
		return provision.KeptBlock{
			Chunk:  muster.Chunk{Tenant: b.tenant, Batch: a.Batch.ID, FirstRow: first, Rows: 2},
			Sealed: fmt.Appendf(nil, "kept from row %d", first),
		}
	}
	b.same("failures", b.failures(b.tenant, a.Batch.ID, 0, 100), &provision.Failures{
		Batch: page.Batch, Outcomes: append(page.Outcomes[:2:2], page.Outcomes[4:]...), KeptKey: a.KeptKey,
		Kept: []provision.KeptBlock{block(0), block(4)},
	})
	b.same("wrapped keys", b.wrappedItems(keyVersion), 1) // the payload's is destroyed

	clean := b.acceptance(b.tenant, 2, 2)
	b.accept(clean)
	b.apply(b.next(createLane(b.tenant), 100), muster.Succeeded)
	b.same("failures of a batch without", b.failures(b.tenant, clean.Batch.ID, 0, 100), &provision.Failures{Batch: b.page(b.tenant, clean.Batch.ID).Batch})

	look := func(tenant, batch muster.ID, contract muster.Contract) muster.Error {
		b.Helper()
		_, err := b.store.Failures(b.Context(), tenant, batch, contract, 0, 1)
		return b.kind(err, muster.KindNotFound)
	}
	want := look(b.tenant, b.id(), muster.ContractKooDrive)
	b.same("other tenant's batch", look(b.other, a.Batch.ID, muster.ContractKooDrive), want)
	b.same("other contract's batch", look(b.tenant, a.Batch.ID, muster.ContractFederation), want)
}

// testFailurePages has chunks of three rows each, of which the middle one succeeds, and one chunk that succeeds whole.
func testFailurePages(b *bundle) {
	a := b.acceptance(b.tenant, 12, 3)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := b.decideAll(works, muster.Failed)(s, live)
		for i := range w.Chunks {
			w.Chunks[i].Outcomes[1].Result = muster.Succeeded
		}
		w.Chunks[0].Outcomes[2].Result = muster.Skipped
		for row := range w.Chunks[2].Outcomes {
			w.Chunks[2].Outcomes[row].Result = muster.Succeeded
		}
		w.Chunks[2].Kept = nil
		return w, err
	})
	b.ok(err)
	for _, c := range []struct {
		from, limit int
		rows        []int
		blocks      []int
	}{
		{0, 100, []int{0, 2, 3, 5, 9, 11}, []int{0, 3, 9}},
		{0, 1, []int{0}, []int{0}},
		{1, 1, []int{2}, []int{0}},
		{2, 2, []int{2, 3}, []int{0, 3}},
		{3, 2, []int{3, 5}, []int{3}},
		{5, 2, []int{5, 9}, []int{3, 9}},
		{6, 100, []int{9, 11}, []int{9}},
		{11, 100, []int{11}, []int{9}},
		{12, 100, nil, nil},
		{0, 0, nil, nil},
	} {
		f := b.failures(b.tenant, a.Batch.ID, c.from, c.limit)
		var rows, blocks []int
		for _, o := range f.Outcomes {
			rows = append(rows, o.Row)
		}
		for _, k := range f.Kept {
			blocks = append(blocks, k.Chunk.FirstRow)
		}
		b.same(fmt.Sprintf("rows from %d, at most %d", c.from, c.limit), rows, c.rows)
		b.same(fmt.Sprintf("blocks from %d, at most %d", c.from, c.limit), blocks, c.blocks)
		b.same("a key where there are blocks", f.KeptKey != nil, len(c.blocks) > 0)
	}
}
