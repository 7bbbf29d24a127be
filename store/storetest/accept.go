package storetest

import (
	"time"

	"muster"
	"muster/provision"
	"muster/secret"
)

func testAccept(b *bundle) {
	first, second := b.acceptance(b.tenant, 5, 2), b.acceptance(b.tenant, 1, 1)
	b.accept(first)
	b.accept(second)
	b.accept(b.acceptance(b.other, 1, 1))

	want := first.Batch
	want.Sequence = 1
	page := b.page(b.tenant, first.Batch.ID)
	b.same("batch without outcomes", page, &muster.BatchPage{Batch: want})
	b.same("next batch's place", b.page(b.tenant, second.Batch.ID).Batch.Sequence, int64(2))

	used := b.usage(b.tenant)
	b.same("queue", [2]int64{used.QueuedRows, used.QueuedBytes}, [2]int64{6, 18})
	floor, err := b.store.IDFloor(b.Context())
	b.ok(err)
	if floor < second.LastID {
		b.Errorf("largest id is %s, less than %s", floor, second.LastID)
	}
	b.same("wrapped keys", b.wrappedItems(keyVersion), 6)

	works := b.next(createLane(b.tenant), 100)
	var got []muster.Chunk
	for _, w := range works {
		if w.Chunk.Batch != first.Batch.ID {
			continue
		}
		got = append(got, w.Chunk)
		b.same("batch of the work", w.Batch, want)
		b.same("keys of the work", [][]byte{w.PayloadKey, w.KeptKey}, [][]byte{first.PayloadKey, first.KeptKey})
		b.same("position in the batch", [2]int{int(w.Position.Sequence), w.Position.FirstRow}, [2]int{1, w.Chunk.FirstRow})
	}
	b.same("chunks", got, first.Chunks)
	b.ok(b.store.Ping(b.Context()))
}

func testAcceptRefusals(b *bundle) {
	floor, err := b.store.IDFloor(b.Context())
	b.ok(err)
	unchanged := func(what string) {
		b.Helper()
		b.same("usage after "+what, b.usage(b.tenant), muster.Usage{Users: 1, CapacityGB: 3, SystemAdmins: 1})
		b.same("wrapped keys after "+what, b.wrappedItems(keyVersion), 0)
		now, err := b.store.IDFloor(b.Context())
		b.ok(err)
		b.same("largest id after "+what, now, floor)
	}
	a := b.acceptance(b.id(), 1, 1)
	_, err = b.store.Accept(b.Context(), a)
	b.kind(err, muster.KindNotFound)
	unchanged("a batch of an unknown tenant")

	a = b.acceptance(b.tenant, 4, 2) // 12 bytes
	for _, bounds := range []provision.Admission{{Rows: 3, Bytes: 12}, {Rows: 4, Bytes: 11}} {
		a.Admission = bounds
		_, err = b.store.Accept(b.Context(), a)
		if b.kind(err, muster.KindOverloaded).RetryAfter <= 0 {
			b.Error("a full queue does not say when to try again")
		}
		unchanged("a batch too many")
	}
	a.Admission = provision.Admission{Rows: 4, Bytes: 12}
	b.accept(a)
	more := b.acceptance(b.tenant, 1, 1)
	more.Admission = provision.Admission{Rows: 4, Bytes: 100}
	_, err = b.store.Accept(b.Context(), more)
	b.kind(err, muster.KindOverloaded)
	more = b.acceptance(b.other, 1, 1)
	more.Admission = provision.Admission{Rows: 1, Bytes: 3}
	b.accept(more) // each tenant has a queue of its own

	b.apply(b.next(createLane(b.tenant), 2), muster.Skipped)
	more = b.acceptance(b.tenant, 2, 2)
	more.Admission = a.Admission
	b.accept(more) // what was applied makes room
}

func (b *bundle) replay(tenant muster.ID, fingerprint string) *provision.Acceptance {
	a := b.acceptance(tenant, 2, 1)
	a.Replay, a.ReplayUntil = []byte(fingerprint), b.now.Add(16*time.Minute)
	return a
}

func testReplay(b *bundle) {
	first := b.replay(b.tenant, "print")
	b.accept(first)
	b.accept(b.replay(b.tenant, "another"))
	b.accept(b.replay(b.other, "print"))
	b.accept(b.acceptance(b.tenant, 1, 1))
	before := b.usage(b.tenant)

	repeat := func(want muster.ID) {
		b.Helper()
		a := b.replay(b.tenant, "print")
		a.Admission = provision.Admission{} // no room is needed
		got, err := b.store.Accept(b.Context(), a)
		b.ok(err)
		b.same("answer to a repeat", got, provision.Accepted{Batch: want, Replayed: true})
		b.same("usage after a repeat", b.usage(b.tenant), before)
		_, err = b.store.BatchPage(b.Context(), b.tenant, a.Batch.ID, muster.ContractKooDrive, 0, 1)
		b.kind(err, muster.KindNotFound)
	}
	repeat(first.Batch.ID)
	b.finish(b.tenant, first.Batch.ID, muster.Skipped, 1)
	before = b.usage(b.tenant)
	repeat(first.Batch.ID)
	b.finish(b.tenant, first.Batch.ID, muster.Skipped, 1)

	second := b.replay(b.tenant, "print")
	b.accept(second)
	before = b.usage(b.tenant)
	repeat(second.Batch.ID)
}

func testReplayRefused(b *bundle) {
	first := b.replay(b.tenant, "print")
	first.RefuseReplay = true
	b.accept(first)
	before := b.usage(b.tenant)
	refused := func(when time.Time) {
		b.Helper()
		a := b.replay(b.tenant, "print")
		a.RefuseReplay, a.Batch.AcceptedAt = true, when
		_, err := b.store.Accept(b.Context(), a)
		b.kind(err, muster.KindUnauthenticated)
	}
	refused(b.now)
	b.same("usage after a refusal", b.usage(b.tenant), before)
	b.finish(b.tenant, first.Batch.ID, muster.Skipped, 2)
	refused(b.now.Add(16*time.Minute - time.Millisecond))
	later := b.replay(b.tenant, "print")
	later.RefuseReplay, later.Batch.AcceptedAt = true, b.now.Add(16*time.Minute)
	later.ReplayUntil = later.Batch.AcceptedAt.Add(16 * time.Minute)
	b.accept(later)
	refused(later.Batch.AcceptedAt)
}

// finish applies the next chunks of a batch, all rows with one result.
func (b *bundle) finish(tenant, batch muster.ID, result muster.Result, chunks int) {
	b.Helper()
	var works []provision.Work
	for _, w := range b.next(createLane(tenant), 1<<20) {
		if w.Chunk.Batch == batch && len(works) < chunks {
			works = append(works, w)
		}
	}
	if len(works) != chunks {
		b.Fatalf("batch %s has %d chunks, want %d", batch, len(works), chunks)
	}
	b.apply(works, result)
}

// testUnknownKey: a blob that names a key which is not on record could never be opened.
func testUnknownKey(b *bundle) {
	for _, spoil := range []func(*provision.Acceptance){
		func(a *provision.Acceptance) { a.PayloadKey = b.blob(2) },
		func(a *provision.Acceptance) { a.KeptKey = b.blob(2) },
	} {
		a := b.acceptance(b.tenant, 1, 1)
		spoil(a)
		_, err := b.store.Accept(b.Context(), a)
		b.is(err, secret.ErrUnknownKey)
	}
	c := b.credential(b.tenant, "app")
	c.Secrets[1].Sealed = b.blob(2)
	b.is(b.store.CreateCredential(b.Context(), c), secret.ErrUnknownKey)
	_, err := b.store.Credential(b.Context(), "app")
	b.kind(err, muster.KindNotFound)
	b.ok(b.store.CreateCredential(b.Context(), b.credential(b.tenant, "app")))
	_, err = b.store.UpdateCredential(b.Context(), b.tenant, "app", func(c *muster.Credential) error {
		c.Secrets[0].Sealed = b.blob(2)
		return nil
	})
	b.is(err, secret.ErrUnknownKey)
	b.same("usage after refusals", b.usage(b.tenant), muster.Usage{Users: 1, CapacityGB: 3, SystemAdmins: 1})
	b.same("sealed things after refusals", b.wrappedItems(keyVersion), 2)

	b.ok(b.store.AddKeys(b.Context(), secret.KeyRecord{Purpose: secret.PurposeMAC, Version: 2, Wrapped: []byte("w"), MasterID: "mk"}))
	a := b.acceptance(b.tenant, 1, 1)
	a.PayloadKey = b.blob(2)
	_, err = b.store.Accept(b.Context(), a)
	b.is(err, secret.ErrUnknownKey) // a key for something else does not count
}
