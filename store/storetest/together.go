package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"muster"
	"muster/provision"
)

// testConcurrency has several workers for each lane, who all try to apply the same chunks, while batches keep coming.
func testConcurrency(b *bundle) {
	const batches, rows, workers = 8, 12, 3
	tenants := []muster.ID{b.tenant, b.other, b.newTenant("third")}
	var wait sync.WaitGroup
	ids := make(map[muster.ID][]muster.ID)
	for _, tenant := range tenants {
		acceptances := make([]*provision.Acceptance, batches)
		for i := range acceptances {
			acceptances[i] = b.acceptance(tenant, rows, 5)
			ids[tenant] = append(ids[tenant], acceptances[i].Batch.ID)
		}
		for _, a := range acceptances {
			wait.Go(func() {
				if _, err := b.store.Accept(b.Context(), a); err != nil {
					b.Errorf("Accept: %v", err)
				}
			})
		}
		own := ids[tenant]
		for range workers {
			wait.Go(func() { b.work(tenant, own) })
		}
	}
	wait.Wait()
	for _, tenant := range tenants {
		b.same("usage", b.usage(tenant), muster.Usage{Users: 1 + batches*rows, CapacityGB: 3, SystemAdmins: 1})
		var sequences []int64
		for _, id := range ids[tenant] {
			page := b.page(tenant, id)
			b.same("counters", [2]int{page.Batch.Succeeded, page.Batch.Decided()}, [2]int{rows, rows})
			sequences = append(sequences, page.Batch.Sequence)
			for row, o := range page.Outcomes {
				b.same("row", o.Row, row)
				b.stored(tenant, o.User)
			}
			b.same("outcomes", len(page.Outcomes), rows)
		}
		slices.Sort(sequences)
		b.same("places in the order of acceptance", sequences, []int64{1, 2, 3, 4, 5, 6, 7, 8})
	}
	b.same("wrapped keys", b.wrappedItems(keyVersion), 0)
}

// work applies a lane's chunks until all of the batches are finished. It ends in error, too, never in a wait.
func (b *bundle) work(tenant muster.ID, batches []muster.ID) {
	for {
		works, err := b.store.Next(b.Context(), createLane(tenant), nil, 7)
		if err == nil && len(works) > 0 {
			err = b.store.Apply(b.Context(), tenant, chunksOf(works), muster.Keys{}, b.decideAll(works, muster.Succeeded))
		}
		if err != nil {
			b.Errorf("worker: %v", err)
			return
		}
		finished := 0
		for _, id := range batches {
			page, err := b.store.BatchPage(b.Context(), tenant, id, muster.ContractKooDrive, 0, 100)
			var refusal *muster.Error
			switch {
			case err != nil && !errors.As(err, &refusal): // not accepted yet is no trouble
				b.Errorf("worker: %v", err)
				return
			case err == nil && page.Batch.Decided() != len(page.Outcomes):
				b.Errorf("a page has %d outcomes and counts %d", len(page.Outcomes), page.Batch.Decided())
				return
			case err == nil && page.Batch.Finished():
				finished++
			}
		}
		if finished == len(batches) {
			return
		}
	}
}

func testWithdraw(b *bundle) {
	a, c := b.acceptance(b.tenant, 1, 1), b.credential(b.tenant, "app")
	ended, cancel := context.WithCancel(b.Context())
	cancel()
	_, err := b.store.Accept(ended, a)
	b.is(err, context.Canceled)
	b.is(b.store.CreateCredential(ended, c), context.Canceled)
	_, err = b.store.Tenant(ended, b.tenant)
	b.is(err, context.Canceled)
	b.accept(a)
	b.ok(b.store.CreateCredential(b.Context(), c))
	works := b.next(createLane(b.tenant), 1)

	// While an Apply is at work, a write waits behind it, and may be withdrawn.
	begun, release := make(chan struct{}), make(chan struct{})
	applied := make(chan error)
	go func() {
		applied <- b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
			close(begun)
			<-release
			return b.decideAll(works, muster.Succeeded)(s, live)
		})
	}()
	<-begun
	waiting, cancel := context.WithCancel(b.Context())
	second := b.acceptance(b.tenant, 1, 1)
	go cancel()
	_, err = b.store.Accept(waiting, second)
	b.is(err, context.Canceled)
	close(release)
	b.ok(<-applied)
	b.accept(b.acceptance(b.tenant, 1, 1))
	_, err = b.store.BatchPage(b.Context(), b.tenant, second.Batch.ID, muster.ContractKooDrive, 0, 1)
	b.kind(err, muster.KindNotFound)
}

func testRestart(b *bundle) {
	user := b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{user}, Usage: muster.Usage{Users: 2, CapacityGB: 6, SystemAdmins: 1}}))
	b.ok(b.store.CreateCredential(b.Context(), b.credential(b.tenant, "app")))
	b.setProfile(b.tenant, b.profile())
	half := b.replay(b.tenant, "print")
	b.accept(half)
	b.apply(b.next(createLane(b.tenant), 1), muster.Failed)
	waiting := b.acceptance(b.tenant, 3, 2)
	waiting.Batch.Lane = muster.LaneOrdered
	b.accept(waiting)

	state := func() []any {
		b.Helper()
		tenants, err := b.store.Tenants(b.Context())
		b.ok(err)
		credential, err := b.store.Credential(b.Context(), "app")
		b.ok(err)
		floor, err := b.store.IDFloor(b.Context())
		b.ok(err)
		profile, err := b.store.FederationProfile(b.Context(), b.tenant)
		b.ok(err)
		return []any{
			tenants, credential, floor, profile, b.failures(b.tenant, half.Batch.ID, 0, 100), b.keys(), b.usage(b.tenant), b.stored(b.tenant, user.ID), b.page(b.tenant, half.Batch.ID),
			b.next(createLane(b.tenant), 100), b.next(orderedLane(b.tenant), 100), b.wrappedItems(keyVersion),
		}
	}
	before := state()
	b.store = b.reopen(b.T, b.store)
	b.same("state after a restart", state(), before)
	got, err := b.store.Accept(b.Context(), b.replay(b.tenant, "print"))
	b.ok(err)
	b.same("repeat after a restart", got, provision.Accepted{Batch: half.Batch.ID, Replayed: true})
	b.finish(b.tenant, half.Batch.ID, muster.Skipped, 1)
	b.same("decided", b.page(b.tenant, half.Batch.ID).Batch.Decided(), 2)
	// The lane's position and the order of acceptance go on.
	last := b.accept(b.acceptance(b.tenant, 1, 1))
	b.same("rank", b.next(createLane(b.tenant), 1)[0].Position.Rank, int64(1))
	b.same("sequence", b.page(b.tenant, last).Batch.Sequence, int64(4))
}
