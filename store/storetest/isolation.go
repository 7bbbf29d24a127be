package storetest

import (
	"muster"
	"muster/provision"
)

// testIsolation calls every method with one tenant's id and another's things: it must change and see nothing.
func testIsolation(b *bundle) {
	user := b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{user}, Usage: muster.Usage{Users: 2, CapacityGB: 6, SystemAdmins: 1}}))
	b.ok(b.store.CreateCredential(b.Context(), b.credential(b.tenant, "app")))
	a := b.replay(b.tenant, "print")
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	before, page, empty := b.usage(b.tenant), b.page(b.tenant, a.Batch.ID), b.usage(b.other)

	b.same("chunks of the other", len(b.next(createLane(b.other), 100)), 0)
	b.same("chunks of the other lane", len(b.next(orderedLane(b.tenant), 100)), 0)
	keys := muster.Keys{
		IDs: []muster.ID{user.ID}, Phones: []string{user.PhoneKey}, Accounts: []string{user.AccountKey}, Emails: []string{user.EmailKey},
	}
	b.same("users of the other", len(b.snapshot(b.other, keys).Users), 0)
	credentials, err := b.store.Credentials(b.Context(), b.other)
	b.ok(err)
	b.same("credentials of the other", len(credentials), 0)

	var seen []bool
	err = b.store.Apply(b.Context(), b.other, chunksOf(works), keys, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
		seen = live
		w, err := b.decideAll(works, muster.Succeeded)(s, make([]bool, len(live)))
		w.Planned.Delete, w.Planned.Release = keys.IDs, keys.IDs
		w.Planned.Update = []muster.User{user}
		w.Planned.Update[0].FirstName = "Stolen"
		return w, err
	})
	b.ok(err)
	b.same("live chunks of the other", seen, []bool{false, false})
	b.same("user", b.stored(b.tenant, user.ID), &user)
	_, err = b.store.User(b.Context(), b.other, user.ID)
	b.kind(err, muster.KindNotFound)

	whole := works[0]
	whole.Chunk.Tenant = b.other
	b.ok(b.store.Split(b.Context(), whole.Chunk, b.parts(whole, 1)))
	_, err = b.store.Purge(b.Context(), b.other, b.now.AddDate(1, 0, 0), 100)
	b.ok(err)
	b.accept(b.replay(b.other, "print"))
	b.finish(b.other, b.next(createLane(b.other), 1)[0].Chunk.Batch, muster.Skipped, 2)

	b.same("usage", b.usage(b.tenant), before)
	b.same("usage of the other", b.usage(b.other), empty)
	b.same("batch", b.page(b.tenant, a.Batch.ID), page)
	b.same("chunks", b.next(createLane(b.tenant), 100), works)

	// Both may have users of the same keys and ids, and batches of the same id.
	b.ok(b.applyPlan(b.other, muster.Planned{Insert: []muster.User{user}, Usage: muster.Usage{Users: 2, SystemAdmins: 1}}))
	twin := *a
	twin.Batch.Tenant = b.other
	twin.Chunks = chunksOf(works)
	twin.Replay = nil
	for i := range twin.Chunks {
		twin.Chunks[i].Tenant, twin.Chunks[i].Payload = b.other, []byte("x")
	}
	b.accept(&twin)
	b.finish(b.other, a.Batch.ID, muster.Skipped, 2)
	b.same("batch after its twin's end", b.page(b.tenant, a.Batch.ID), page)
}
