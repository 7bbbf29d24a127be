package storetest

import (
	"time"

	"muster"
	"muster/provision"
	"muster/secret"
)

// upload is a batch that is staged.
type upload struct {
	open   *provision.Opening
	chunks []muster.Chunk
	end    *provision.Completion
}

// upload makes one of so many rows in chunks of at most size, of a mode.
func (b *bundle) upload(tenant muster.ID, rows, size int, mode muster.Mode) *upload {
	b.Helper()
	a := b.acceptance(tenant, rows, size)
	a.Batch.Mode, a.Batch.Contract, a.Batch.Name = mode, muster.ContractNative, "people.csv"
	u := &upload{
		open:   &provision.Opening{Batch: a.Batch, PayloadKey: a.PayloadKey, KeptKey: a.KeptKey},
		chunks: a.Chunks,
		end:    &provision.Completion{Batch: a.Batch, LastID: a.LastID, Now: b.now},
	}
	u.open.Batch.Total = 0
	return u
}

// made is an upload made of another batch.
func (b *bundle) made(of *muster.Batch, origin muster.Origin, mode muster.Mode, size int) *upload {
	b.Helper()
	u := b.upload(of.Tenant, of.Total, size, mode)
	u.open.Batch.Parent, u.open.Batch.Origin, u.open.Batch.Guarded = of.ID, origin, mode == muster.ModeCheck
	u.end.Batch = u.open.Batch
	u.end.Batch.Total = of.Total
	return u
}

var ample = provision.Admission{Rows: 1 << 40, Bytes: 1 << 40}

func (b *bundle) begin(u *upload) {
	b.Helper()
	b.ok(b.store.Begin(b.Context(), u.open))
}

func (b *bundle) append(u *upload, chunks ...muster.Chunk) {
	b.Helper()
	b.ok(b.store.Append(b.Context(), u.open.Batch.Tenant, u.open.Batch.ID, chunks, ample))
}

func (b *bundle) complete(u *upload) provision.Accepted {
	b.Helper()
	accepted, err := b.store.Complete(b.Context(), u.end)
	b.ok(err)
	return accepted
}

// submit stages an upload and has it accepted.
func (b *bundle) submit(u *upload) muster.ID {
	b.Helper()
	b.begin(u)
	b.append(u, u.chunks...)
	b.same("accepted", b.complete(u), provision.Accepted{Batch: u.open.Batch.ID})
	return u.open.Batch.ID
}

// batch reads one whatever its contract.
func (b *bundle) batch(tenant, id muster.ID) *muster.Batch {
	b.Helper()
	batch, err := b.store.Batch(b.Context(), tenant, id)
	b.ok(err)
	return batch
}

func quietLane(tenant muster.ID) muster.LaneRef {
	return muster.LaneRef{Tenant: tenant, Lane: muster.LaneQuiet}
}

// unseen fails the test if anything of a batch shows to who reads.
func (b *bundle) unseen(tenant, id muster.ID) {
	b.Helper()
	_, err := b.store.Batch(b.Context(), tenant, id)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.BatchPage(b.Context(), tenant, id, 0, 0, 1)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Outcomes(b.Context(), tenant, id, provision.OutcomeQuery{Limit: 1})
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Reasons(b.Context(), tenant, id)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Failures(b.Context(), tenant, id, 0, 0, 1)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Cancel(b.Context(), tenant, id)
	b.kind(err, muster.KindNotFound)
	held, err := b.store.Held(b.Context(), tenant, id, 0, 1<<20)
	b.ok(err)
	b.same("chunks held", len(held), 0)
	for _, unfinished := range []bool{false, true} {
		batches, err := b.store.Batches(b.Context(), tenant, provision.BatchQuery{Unfinished: unfinished, Limit: 100})
		b.ok(err)
		for i := range batches {
			if batches[i].ID == id {
				b.Errorf("batch %s is listed", id)
			}
		}
	}
}

func testStaging(b *bundle) {
	b.apply(b.works(b.accept(b.acceptance(b.tenant, 3, 3))), muster.Skipped) // takes the lane to 0
	b.apply(b.works(b.accept(b.acceptance(b.tenant, 3, 1))), muster.Skipped) // and to 2
	u := b.upload(b.tenant, 7, 2, muster.ModeRun)
	u.end.Batch.Passwords, u.end.Batch.Withheld = 3, 4
	used := b.usage(b.tenant)
	b.begin(u)
	b.append(u, u.chunks[:3]...)
	b.append(u, u.chunks[3])
	b.append(u)
	b.unseen(b.tenant, u.open.Batch.ID)
	for _, lane := range []muster.LaneRef{createLane(b.tenant), orderedLane(b.tenant), quietLane(b.tenant)} {
		b.same("chunks with a turn", len(b.next(lane, 100)), 0)
	}
	lanes, err := b.store.Pending(b.Context())
	b.ok(err)
	b.same("lanes with chunks", len(lanes), 0)
	_, live := b.look([]provision.Work{{Chunk: u.chunks[0]}}, muster.Keys{})
	b.same("live while it is staged", live, []bool{false})
	used.QueuedRows, used.QueuedBytes = 7, 21
	b.same("usage while it is staged", b.usage(b.tenant), used)
	b.same("wrapped keys", b.wrappedItems(keyVersion), 2)

	b.now = b.now.Add(time.Minute)
	u.end.Now = b.now
	rival := b.accept(b.acceptance(b.tenant, 3, 3)) // what is accepted before comes before
	id := u.open.Batch.ID
	b.same("accepted", b.complete(u), provision.Accepted{Batch: id})
	want := u.end.Batch
	want.Sequence, want.AcceptedAt = 4, b.now
	b.same("batch", b.batch(b.tenant, id), &want)
	works := b.next(createLane(b.tenant), 100)
	b.same("order of the lane", places(works, rival, id), []string{"a0", "b0", "b2", "b4", "b6"})
	var got []muster.Chunk
	for _, w := range works[1:] {
		got = append(got, w.Chunk)
		b.same("keys of the work", [][]byte{w.PayloadKey, w.KeptKey}, [][]byte{u.open.PayloadKey, u.open.KeptKey})
		b.same("batch of the work", [3]any{w.Batch.Name, w.Batch.Passwords, w.Batch.Total}, [3]any{"people.csv", 3, 7})
	}
	b.same("chunks", got, u.chunks)
	b.same("rank of its first", works[1].Position.Rank, works[0].Position.Rank)
	used.QueuedRows, used.QueuedBytes = 10, 30
	b.same("usage after", b.usage(b.tenant), used)
	floor, err := b.store.IDFloor(b.Context())
	b.ok(err)
	if floor < u.end.LastID {
		b.Errorf("largest id is %s, less than %s", floor, u.end.LastID)
	}
	b.apply(works, muster.Succeeded)
	b.same("finished", b.batch(b.tenant, id).Succeeded, 7)

	ordered := b.upload(b.tenant, 3, 2, muster.ModeRun)
	ordered.end.Batch.Lane = muster.LaneOrdered
	b.submit(ordered)
	works = b.next(orderedLane(b.tenant), 100)
	b.same("order of the ordered lane", places(works, ordered.open.Batch.ID), []string{"a0", "a2"})
	b.same("rank there", works[1].Position, provision.Position{Sequence: 5, FirstRow: 2})
}

// works are a batch's chunks that have a turn.
func (b *bundle) works(batch muster.ID) []provision.Work {
	b.Helper()
	stored := b.batch(b.tenant, batch)
	var works []provision.Work
	for _, w := range b.next(muster.LaneRef{Tenant: b.tenant, Lane: stored.Mode.Lane(stored.Lane)}, 1<<20) {
		if w.Chunk.Batch == batch {
			works = append(works, w)
		}
	}
	return works
}

func testStagingRefusals(b *bundle) {
	u := b.upload(b.id(), 2, 1, muster.ModeRun)
	b.kind(b.store.Begin(b.Context(), u.open), muster.KindNotFound)
	b.kind(b.store.Append(b.Context(), u.open.Batch.Tenant, u.open.Batch.ID, u.chunks, ample), muster.KindNotFound)

	u = b.upload(b.tenant, 4, 2, muster.ModeRun)
	b.kind(b.store.Append(b.Context(), b.tenant, u.open.Batch.ID, u.chunks, ample), muster.KindNotFound)
	_, err := b.store.Complete(b.Context(), u.end)
	b.kind(err, muster.KindNotFound)
	for _, key := range []*[]byte{&u.open.PayloadKey, &u.open.KeptKey} {
		sealed := *key
		*key = b.blob(2)
		b.is(b.store.Begin(b.Context(), u.open), secret.ErrUnknownKey)
		*key = sealed
	}
	before := b.usage(b.tenant)
	b.begin(u)
	for _, bounds := range []provision.Admission{{Rows: 3, Bytes: 12}, {Rows: 4, Bytes: 11}} {
		b.kind(b.store.Append(b.Context(), b.tenant, u.open.Batch.ID, u.chunks, bounds), muster.KindOverloaded)
	}
	b.same("usage after refusals", b.usage(b.tenant), before)
	b.kind(b.store.Append(b.Context(), b.other, u.open.Batch.ID, u.chunks, ample), muster.KindNotFound)
	b.ok(b.store.Append(b.Context(), b.tenant, u.open.Batch.ID, u.chunks[:1], provision.Admission{Rows: 2, Bytes: 6}))
	b.kind(b.store.Append(b.Context(), b.tenant, u.open.Batch.ID, u.chunks[1:], provision.Admission{Rows: 3, Bytes: 100}), muster.KindOverloaded)
	b.append(u, u.chunks[1])
	foreign := *u.end
	foreign.Batch.Tenant = b.other
	_, err = b.store.Complete(b.Context(), &foreign)
	b.kind(err, muster.KindNotFound)
	b.ok(b.store.Discard(b.Context(), b.other, u.open.Batch.ID))
	b.complete(u)
	b.kind(b.store.Append(b.Context(), b.tenant, u.open.Batch.ID, u.chunks, ample), muster.KindNotFound)
	b.ok(b.store.Discard(b.Context(), b.tenant, u.open.Batch.ID)) // it was accepted
	b.same("chunks", len(b.works(u.open.Batch.ID)), 2)
}

func testDiscard(b *bundle) {
	before := b.usage(b.tenant)
	u := b.upload(b.tenant, 5, 2, muster.ModeDryRun)
	b.begin(u)
	b.append(u, u.chunks...)
	b.ok(b.store.Discard(b.Context(), b.tenant, u.open.Batch.ID))
	b.same("usage", b.usage(b.tenant), before)
	b.same("wrapped keys", b.wrappedItems(keyVersion), 0)
	b.unseen(b.tenant, u.open.Batch.ID)
	b.kind(b.store.Append(b.Context(), b.tenant, u.open.Batch.ID, u.chunks, ample), muster.KindNotFound)
	_, err := b.store.Complete(b.Context(), u.end)
	b.kind(err, muster.KindNotFound)
	b.ok(b.store.Discard(b.Context(), b.tenant, u.open.Batch.ID))
	b.ok(b.store.Discard(b.Context(), b.tenant, b.id()))
	for b.purge(b.tenant, b.now, 2) {
		b.same("usage while it is purged", b.usage(b.tenant), before)
	}
	b.begin(u) // nothing is left in its place
	b.append(u, u.chunks...)
	b.complete(u)
}

func testStagingReplay(b *bundle) {
	keyed := func(body string) *upload {
		u := b.upload(b.tenant, 3, 2, muster.ModeRun)
		u.end.Replay, u.end.IdempotentBody, u.end.ReplayUntil = []byte("key"), []byte(body), b.now.Add(24*time.Hour)
		b.begin(u)
		b.append(u, u.chunks...)
		return u
	}
	first, again, other := keyed("body"), keyed("body"), keyed("another body")
	b.same("first", b.complete(first), provision.Accepted{Batch: first.open.Batch.ID})
	b.same("the same again", b.complete(again), provision.Accepted{Batch: first.open.Batch.ID, Replayed: true})
	_, err := b.store.Complete(b.Context(), other.end)
	b.same("field of the refusal of another body", b.kind(err, muster.KindConflict).Field, "Idempotency-Key")
	b.ok(b.store.Discard(b.Context(), b.tenant, other.open.Batch.ID))
	used := b.usage(b.tenant)
	b.same("queue", [2]int64{used.QueuedRows, used.QueuedBytes}, [2]int64{3, 9})
	b.unseen(b.tenant, again.open.Batch.ID)
	b.apply(b.works(first.open.Batch.ID), muster.Failed)
	late := keyed("body")
	b.same("again once it is finished", b.complete(late), provision.Accepted{Batch: first.open.Batch.ID, Replayed: true})
	got, err := b.store.Accept(b.Context(), b.idempotent(b.tenant, "key", "body"))
	b.ok(err)
	b.same("and not by pieces", got, provision.Accepted{Batch: first.open.Batch.ID, Replayed: true})
}

func testSuccessor(b *bundle) {
	parent := b.upload(b.tenant, 3, 2, muster.ModeRun)
	b.submit(parent)
	b.apply(b.works(parent.open.Batch.ID), muster.Failed)
	of := b.batch(b.tenant, parent.open.Batch.ID)
	successor := func(want muster.ID) {
		b.Helper()
		id, err := b.store.Successor(b.Context(), b.tenant, of.ID, muster.OriginRetry)
		b.ok(err)
		b.same("successor", id, want)
	}
	retries := []*upload{b.made(of, muster.OriginRetry, muster.ModeRun, 2), b.made(of, muster.OriginRetry, muster.ModeRun, 2)}
	for _, r := range retries {
		b.begin(r)
		b.append(r, r.chunks...)
	}
	successor(0) // none was accepted
	first := retries[0].open.Batch.ID
	b.same("first retry", b.complete(retries[0]), provision.Accepted{Batch: first})
	b.same("parent and origin", [2]any{b.batch(b.tenant, first).Parent, b.batch(b.tenant, first).Origin}, [2]any{of.ID, muster.OriginRetry})
	b.same("second retry", b.complete(retries[1]), provision.Accepted{Batch: first, Replayed: true})
	b.unseen(b.tenant, retries[1].open.Batch.ID)
	successor(first)
	b.apply(b.works(first), muster.Failed)
	late := b.made(of, muster.OriginRetry, muster.ModeRun, 2)
	b.begin(late)
	b.append(late, late.chunks...)
	b.same("a retry once the first is finished", b.complete(late), provision.Accepted{Batch: first, Replayed: true})
	of = b.batch(b.tenant, first)
	next := b.made(of, muster.OriginRetry, muster.ModeRun, 2)
	b.submit(next) // of the retry itself
	successor(next.open.Batch.ID)

	foreign := b.made(of, muster.OriginRetry, muster.ModeRun, 2)
	foreign.open.Batch.Parent = b.id()
	b.begin(foreign)
	b.append(foreign, foreign.chunks...)
	_, err := b.store.Complete(b.Context(), foreign.end)
	b.kind(err, muster.KindNotFound)
	id, err := b.store.Successor(b.Context(), b.other, of.ID, muster.OriginRetry)
	b.ok(err)
	b.same("successor in another tenant", id, muster.ID(0))
}
