package storetest

import (
	"errors"

	"muster"
	"muster/provision"
)

// check applies works of a batch that is being checked, with a difference in each row of the list.
func (b *bundle) check(works []provision.Work, differ ...int) {
	b.Helper()
	b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
		w := &provision.Writes{Now: b.now, Planned: nothing(shot)}
		for i, k := range chunksOf(works) {
			d := provision.ChunkWrites{Chunk: k, Position: works[i].Position}
			for _, row := range differ {
				if row >= k.FirstRow && row < k.FirstRow+k.Rows {
					d.Differences = append(d.Differences, difference(k, row))
				}
			}
			w.Chunks = append(w.Chunks, d)
		}
		return w, nil
	}))
}

func difference(k muster.Chunk, row int) muster.Outcome {
	return muster.Outcome{
		Row: row, ID: k.FirstID + muster.ID(row-k.FirstRow), Result: muster.Failed, Reason: muster.ReasonChanged, Field: "phone",
		Detail: "It would be another one.", User: 7, Subject: "subject",
	}
}

// stale fails the test if chunks that were read before are still live.
func (b *bundle) stale(works []provision.Work) {
	b.Helper()
	for i := range works {
		_, live := b.look(works[i:i+1], muster.Keys{})
		b.same("live chunks of those read before", live, []bool{false})
	}
}

func testCheckHolds(b *bundle) {
	b.apply(b.works(b.accept(b.acceptance(b.tenant, 4, 1))), muster.Skipped) // takes the lane to 3
	u := b.made(b.rehearse(5, 2, muster.Succeeded), muster.OriginCommit, muster.ModeCheck, 2)
	id := b.submit(u)
	before := b.usage(b.tenant)
	b.same("queue", before.QueuedRows, int64(5))
	works := b.works(id)
	b.same("order of the check", places(b.next(quietLane(b.tenant), 100), id), []string{"a0", "a2", "a4"})
	made := b.user()
	b.plan(works[:1], 0, muster.Keys{}, func(shot muster.Snapshot) muster.Planned {
		shot.Usage.Users++
		return muster.Planned{Insert: []muster.User{made}, Usage: shot.Usage}
	})
	half := b.batch(b.tenant, id)
	b.same("counters of the check", [4]any{half.Mode, half.Checked, half.Decided(), half.StartedAt}, [4]any{muster.ModeCheck, 2, 0, b.now})
	b.stale(works[:1])
	b.plan(works[1:2], 0, muster.Keys{Phones: []string{made.PhoneKey}}, func(shot muster.Snapshot) muster.Planned {
		b.same("users whom the rows before would have made", idsOf(shot.Users), []muster.ID{made.ID})
		b.same("and whom they take", shot.Usage.Users, before.Users+1)
		return nothing(shot)
	})
	b.same("usage during the check", b.usage(b.tenant), before)
	rival := b.accept(b.acceptance(b.tenant, 3, 3))
	b.check(works[2:])
	checked := b.batch(b.tenant, id)
	b.same("after the check", [5]any{checked.Mode, checked.Checked, checked.Differing, checked.Decided(), checked.FinishedAt.IsZero()},
		[5]any{muster.ModeRun, 5, 0, 0, true})
	b.same("quiet lane", len(b.next(quietLane(b.tenant), 100)), 0)
	now := b.next(createLane(b.tenant), 100)
	b.same("order of the lane", places(now, rival, id), []string{"a0", "b0", "b2", "b4"})
	b.same("mode of the chunks", now[1].Chunk.Mode, muster.ModeRun)
	b.same("payloads", now[1].Chunk.Payload, u.chunks[0].Payload)
	b.stale(works)
	b.apply(now, muster.Succeeded)
	done := b.batch(b.tenant, id)
	b.same("at the end", [3]any{done.Succeeded, done.HeldUntil.IsZero(), done.FinishedAt}, [3]any{5, true, b.now})
	used := b.usage(b.tenant)
	b.same("usage at the end", [3]int64{used.Users, used.QueuedRows, used.QueuedBytes}, [3]int64{before.Users + 8, 0, 0})
	b.same("wrapped keys", b.wrappedItems(keyVersion), 1) // of what the dry run holds

	ordered := b.made(b.rehearse(3, 1, muster.Skipped), muster.OriginCommit, muster.ModeCheck, 1)
	ordered.end.Batch.Lane = muster.LaneOrdered
	id = b.submit(ordered)
	after := b.acceptance(b.tenant, 1, 1)
	after.Batch.Lane = muster.LaneOrdered
	b.accept(after)
	b.check(b.works(id))
	b.same("order of the ordered lane", places(b.next(orderedLane(b.tenant), 100), id, after.Batch.ID), []string{"b0", "a0", "a1", "a2"})
	b.same("place in the order of acceptance", b.batch(b.tenant, id).Sequence, b.batch(b.tenant, after.Batch.ID).Sequence+1)
}

func testCheckDiffers(b *bundle) {
	of := b.rehearse(5, 2, muster.Succeeded)
	u := b.made(of, muster.OriginCommit, muster.ModeCheck, 2)
	id := b.submit(u)
	works := b.works(id)
	b.check(works[:2], 1, 2)
	b.check(works[2:], 4)
	refused := b.batch(b.tenant, id)
	b.same("after the check", [4]any{refused.Mode, refused.Checked, refused.Differing, refused.Decided()}, [4]any{muster.ModeRefused, 5, 3, 0})
	b.same("the batch's own lane", len(b.next(createLane(b.tenant), 100)), 0)
	differences := func(tenant muster.ID, from, limit int, want ...muster.Outcome) {
		b.Helper()
		got, err := b.store.Differences(b.Context(), tenant, id, from, limit)
		b.ok(err)
		b.same("differences", got, want)
	}
	all := []muster.Outcome{difference(u.chunks[0], 1), difference(u.chunks[1], 2), difference(u.chunks[2], 4)}
	differences(b.tenant, 0, 100, all...)
	differences(b.tenant, 1, 1, all[0])
	differences(b.tenant, 2, 2, all[1:]...)
	differences(b.tenant, 5, 2)
	differences(b.other, 0, 100)
	b.stale(works)

	before := b.usage(b.tenant)
	b.apply(b.next(quietLane(b.tenant), 100), muster.Cancelled)
	done := b.batch(b.tenant, id)
	b.same("at the end", [4]any{done.Mode, done.Cancelled, done.FinishedAt, done.HeldUntil.IsZero()}, [4]any{muster.ModeRefused, 5, b.now, true})
	before.QueuedRows, before.QueuedBytes = 0, 0
	b.same("usage", b.usage(b.tenant), before)
	differences(b.tenant, 0, 100, all...)

	again := b.made(of, muster.OriginCommit, muster.ModeCheck, 5) // what was refused does not count
	second := b.submit(again)
	b.check(b.works(second))
	third := b.made(of, muster.OriginCommit, muster.ModeRun, 5)
	b.begin(third)
	b.append(third, third.chunks...)
	b.same("a third commit", b.complete(third), provision.Accepted{Batch: second, Replayed: true})
}

func testCheckMistakes(b *bundle) {
	id := b.submit(b.made(b.rehearse(4, 2, muster.Skipped), muster.OriginCommit, muster.ModeCheck, 2))
	works := b.works(id)
	before := b.batch(b.tenant, id)
	for name, spoil := range map[string]func(*provision.Writes){
		"outcomes": func(w *provision.Writes) {
			w.Chunks[0].Outcomes = []muster.Outcome{{Result: muster.Succeeded}, {Row: 1, Result: muster.Succeeded}}
		},
		"a difference of another": func(w *provision.Writes) { w.Chunks[0].Differences = []muster.Outcome{difference(works[1].Chunk, 2)} },
		"one row's differences": func(w *provision.Writes) {
			w.Chunks[0].Differences = []muster.Outcome{difference(works[0].Chunk, 1), difference(works[0].Chunk, 1)}
		},
		"differences in disorder": func(w *provision.Writes) {
			w.Chunks[0].Differences = []muster.Outcome{difference(works[0].Chunk, 1), difference(works[0].Chunk, 0)}
		},
		"a chunk that was left out": func(w *provision.Writes) { w.Chunks = w.Chunks[1:] },
	} {
		err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
			w := &provision.Writes{Now: b.now, Planned: nothing(shot)}
			for _, k := range chunksOf(works) {
				w.Chunks = append(w.Chunks, provision.ChunkWrites{Chunk: k})
			}
			spoil(w)
			return w, nil
		})
		if err == nil || errors.Is(err, muster.ErrRow) {
			b.Errorf("%s: error is %v, want one that is no row's", name, err)
		}
		b.same("batch after "+name, b.batch(b.tenant, id), before)
	}
	b.check(works)
}
