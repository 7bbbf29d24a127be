package storetest

import (
	"muster"
	"muster/provision"
)

func (b *bundle) cancel(id muster.ID) *muster.Batch {
	b.Helper()
	cancelled, err := b.store.Cancel(b.Context(), b.tenant, id)
	b.ok(err)
	b.same("the batch as it is then", cancelled, b.batch(b.tenant, id))
	return cancelled
}

// testCancel: what has no outcome yet goes to the quiet lane, whatever the batch was about to do, and takes nothing of the tenant.
func testCancel(b *bundle) {
	dryRun := b.rehearse(6, 2, muster.Skipped)
	for name, u := range map[string]*upload{
		"a batch that creates": b.upload(b.tenant, 6, 2, muster.ModeRun),
		"one in order":         b.upload(b.tenant, 6, 2, muster.ModeRun),
		"a dry run":            b.upload(b.tenant, 6, 2, muster.ModeDryRun),
		"a check":              b.made(dryRun, muster.OriginCommit, muster.ModeCheck, 2),
	} {
		if name == "one in order" {
			u.end.Batch.Lane = muster.LaneOrdered
		}
		id := b.submit(u)
		behind := b.acceptance(b.tenant, 1, 1)
		behind.Batch.Lane = u.end.Batch.Lane
		b.accept(behind)
		works := b.works(id)
		decided := 2
		if u.end.Batch.Mode == muster.ModeCheck {
			b.check(works[:1])
			decided = 0
		} else {
			b.apply(works[:1], muster.Succeeded)
		}
		before := b.usage(b.tenant)
		want := b.batch(b.tenant, id)
		want.Mode = muster.ModeCancelled
		b.same(name+", cancelled", b.cancel(id), want)
		b.same(name+", cancelled again", b.cancel(id), want)
		b.same("usage", b.usage(b.tenant), before)
		b.stale(works)
		lane := muster.LaneRef{Tenant: b.tenant, Lane: behind.Batch.Lane}
		b.same("what is left of the lane", places(b.next(lane, 100), behind.Batch.ID), []string{"a0"})
		b.apply(b.next(lane, 100), muster.Skipped)

		quiet := b.next(quietLane(b.tenant), 100)
		b.same("order of the quiet lane", places(quiet, id), []string{"a0", "a2", "a4"}[decided/2:])
		b.same("mode and payload", [2]any{quiet[0].Chunk.Mode, quiet[0].Chunk.Payload}, [2]any{muster.ModeCancelled, u.chunks[decided/2].Payload})
		users := b.usage(b.tenant).Users
		b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf(quiet), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
			w, err := b.decideAll(quiet, muster.Cancelled)(shot, live)
			w.Planned = muster.Planned{} // is not read
			return w, err
		}))
		done := b.batch(b.tenant, id)
		b.same(name+" at its end", [4]any{done.Succeeded, done.Cancelled, done.FinishedAt, done.HeldUntil.IsZero()}, [4]any{decided, 6 - decided, b.now, true})
		used := b.usage(b.tenant)
		b.same("usage at the end", [3]int64{used.Users, used.QueuedRows, used.QueuedBytes}, [3]int64{users, 0, 0})
		b.same("wrapped keys", b.wrappedItems(keyVersion), 1) // of what the dry run holds: nothing was kept
		held, err := b.store.Held(b.Context(), b.tenant, id, 0, 100)
		b.ok(err)
		b.same("held", len(held), 0)
	}
}

func testCancelTooLate(b *bundle) {
	finished := b.rehearse(2, 2, muster.Skipped)
	b.same("a finished one", b.cancel(finished.ID), finished)
	refused := b.submit(b.made(finished, muster.OriginCommit, muster.ModeCheck, 2))
	b.check(b.works(refused), 0)
	b.same("a refused one", b.cancel(refused).Mode, muster.ModeRefused)
	_, err := b.store.Cancel(b.Context(), b.other, refused)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Cancel(b.Context(), b.tenant, b.id())
	b.kind(err, muster.KindNotFound)
	b.apply(b.works(refused), muster.Cancelled)
}

// testCancelPredictions: of a cancelled dry run nothing stays of what it held and predicted, so that one of the same id could
// begin anew.
func testCancelPredictions(b *bundle) {
	u := b.upload(b.tenant, 6, 2, muster.ModeDryRun)
	id := b.submit(u)
	made := b.user()
	keys := muster.Keys{IDs: []muster.ID{made.ID}, Phones: []string{made.PhoneKey}}
	b.plan(b.works(id)[:2], muster.Succeeded, keys, func(shot muster.Snapshot) muster.Planned {
		return muster.Planned{Insert: []muster.User{made}, Usage: muster.Usage{Users: 9}}
	})
	b.cancel(id)
	b.same("rank of the first that waits", b.works(id)[0].Position.Rank, int64(2)) // where the lane stands
	for b.purge(b.tenant, b.now.AddDate(-1, 0, 0), 1) {                            // the waiting ones are left alone
	}
	b.apply(b.works(id), muster.Cancelled)
	done := b.batch(b.tenant, id)
	for b.purge(b.tenant, b.now.AddDate(-1, 0, 0), 2) {
	}
	b.same("the batch after the purge", b.batch(b.tenant, id), done)
	b.forget(id)
	b.submit(u)
	b.plan(b.works(id), muster.Succeeded, keys, func(shot muster.Snapshot) muster.Planned {
		b.same("users of the second time", len(shot.Users), 0)
		b.same("usage of the second time", shot.Usage.Users, int64(1))
		return nothing(shot)
	})
	b.same("the second time", b.batch(b.tenant, id).Succeeded, 6)
}

// forget purges what is finished.
func (b *bundle) forget(id muster.ID) {
	b.Helper()
	for b.purge(b.tenant, b.now.AddDate(1, 0, 0), 3) {
	}
	b.unseen(b.tenant, id)
}
