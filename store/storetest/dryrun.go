package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"muster"
	"muster/provision"
)

// look gives what Apply would give to plan with. A test fails outside of decide, which must not end its goroutine.
func (b *bundle) look(works []provision.Work, keys muster.Keys) (shot muster.Snapshot, live []bool) {
	b.Helper()
	seen := errors.New("seen")
	b.is(b.store.Apply(b.Context(), works[0].Chunk.Tenant, chunksOf(works), keys, func(s muster.Snapshot, l []bool) (*provision.Writes, error) {
		shot, live = s, l
		return nil, seen
	}), seen)
	return shot, live
}

// plan applies works of one batch, all of which must be live: every row gets the result, in a check none, and users are written
// as write makes it of the snapshot of the keys' holders.
func (b *bundle) plan(works []provision.Work, result muster.Result, keys muster.Keys, write func(shot muster.Snapshot) muster.Planned) {
	b.Helper()
	shot, live := b.look(works, keys)
	b.same("live chunks", live, slices.Repeat([]bool{true}, len(works)))
	planned := write(shot)
	b.ok(b.store.Apply(b.Context(), works[0].Chunk.Tenant, chunksOf(works), keys, func(muster.Snapshot, []bool) (*provision.Writes, error) {
		w := &provision.Writes{Now: b.now, Planned: planned}
		for i, k := range chunksOf(works) {
			d := provision.ChunkWrites{Chunk: k, Position: works[i].Position}
			for row := range k.Rows {
				if k.Mode != muster.ModeCheck {
					d.Outcomes = append(d.Outcomes, muster.Outcome{Row: k.FirstRow + row, ID: k.FirstID + muster.ID(row), Result: result})
				}
			}
			w.Chunks = append(w.Chunks, d)
		}
		return w, nil
	}))
}

// nothing leaves what there is.
func nothing(shot muster.Snapshot) muster.Planned { return muster.Planned{Usage: shot.Usage} }

// rehearse submits a dry run and applies it, all rows with one result.
func (b *bundle) rehearse(rows, size int, result muster.Result) *muster.Batch {
	b.Helper()
	id := b.submit(b.upload(b.tenant, rows, size, muster.ModeDryRun))
	b.apply(b.works(id), result)
	return b.batch(b.tenant, id)
}

func testDryRun(b *bundle) {
	u := b.upload(b.tenant, 5, 2, muster.ModeDryRun)
	id := b.submit(u)
	before := b.usage(b.tenant)
	works := b.next(quietLane(b.tenant), 100)
	b.same("order of the quiet lane", places(works, id), []string{"a0", "a2", "a4"})
	b.same("mode of the chunks", [2]muster.Mode{works[0].Chunk.Mode, works[0].Batch.Mode}, [2]muster.Mode{muster.ModeDryRun, muster.ModeDryRun})
	lanes, err := b.store.Pending(b.Context())
	b.ok(err)
	b.same("lanes with chunks", lanes, []muster.LaneRef{quietLane(b.tenant)})

	b.apply(works[:1], muster.Succeeded)
	half := b.batch(b.tenant, id)
	b.same("counters half-way", [2]int{half.Succeeded, half.Decided()}, [2]int{2, 2})
	b.same("times half-way", [3]time.Time{half.StartedAt, half.FinishedAt, half.HeldUntil}, [3]time.Time{b.now, {}, {}})
	b.same("order of the rest", places(b.next(quietLane(b.tenant), 100), id), []string{"a2", "a4"})
	started := b.now
	b.now = b.now.Add(time.Minute)
	b.apply(works[1:2], muster.Failed)
	b.apply(works[2:], muster.Succeeded)

	want := u.end.Batch
	want.Sequence, want.Succeeded, want.Failed, want.AcceptedAt, want.StartedAt = 1, 3, 2, u.end.Now, started
	want.FinishedAt, want.HeldUntil = b.now, b.now.Add(muster.HeldFor)
	b.same("finished dry run", b.batch(b.tenant, id), &want)
	page, err := b.store.BatchPage(b.Context(), b.tenant, id, 0, 0, 100)
	b.ok(err)
	b.same("outcomes", len(page.Outcomes), 5)
	failures, err := b.store.Failures(b.Context(), b.tenant, id, 0, 0, 100)
	b.ok(err)
	b.same("kept rows", [2]int{len(failures.Outcomes), len(failures.Kept)}, [2]int{2, 1})
	for _, o := range page.Outcomes {
		_, err := b.store.User(b.Context(), b.tenant, o.User)
		b.kind(err, muster.KindNotFound)
	}
	before.QueuedRows, before.QueuedBytes = 0, 0
	b.same("usage", b.usage(b.tenant), before)
	b.same("chunks with a turn", len(b.next(quietLane(b.tenant), 100)), 0)
	b.same("wrapped keys", b.wrappedItems(keyVersion), 2)
}

// testOverlay has later rows of a dry run planned against what those before would have left.
func testOverlay(b *bundle) {
	homes := b.below(b.tenant, b.root(b.tenant), "a", "b")
	x, y, z := b.user(), b.user(), b.user()
	x.Department, y.Department, z.Department = homes[0].ID, homes[0].ID, homes[0].ID
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{x, y, z}, Usage: muster.Usage{Users: 4, CapacityGB: 12, SystemAdmins: 1}}))
	fresh, moved := b.user(), x
	fresh.Source = "hr"
	moved.PhoneKey, moved.Phone, moved.EmailKey, moved.Department, moved.TokenEpoch = "+moved", "+moved", "", homes[1].ID, x.TokenEpoch+1
	keys := muster.Keys{IDs: []muster.ID{x.ID, y.ID, z.ID, fresh.ID}, Homes: true}
	for _, u := range []muster.User{x, y, z, fresh, moved} {
		keys.Phones, keys.Accounts = append(keys.Phones, u.PhoneKey), append(keys.Accounts, u.AccountKey)
		keys.Emails = append(keys.Emails, cmp.Or(u.EmailKey, "nobody@example.com"))
	}
	id := b.submit(b.upload(b.tenant, 4, 1, muster.ModeDryRun))
	works := b.works(id)
	own := b.snapshot(b.tenant, keys)
	b.plan(works[:1], muster.Succeeded, keys, func(shot muster.Snapshot) muster.Planned {
		b.same("first users", shot.Users, own.Users)
		return muster.Planned{
			Insert: []muster.User{fresh}, Update: []muster.User{moved}, Release: []muster.ID{x.ID}, Delete: []muster.ID{y.ID},
			Usage: muster.Usage{Users: 4, CapacityGB: 99, SystemAdmins: 7},
		}
	})
	predicted := func(users ...muster.User) []muster.User {
		for i := range users {
			if users[i].ID != z.ID {
				users[i].PasswordHash, users[i].UpdatedAt = "", time.Time{}
			}
		}
		return byID(users)
	}
	sees := func(what string, keys muster.Keys, want ...muster.User) func(shot muster.Snapshot) muster.Planned {
		return func(shot muster.Snapshot) muster.Planned {
			b.same(what, byID(shot.Users), predicted(want...))
			return nothing(shot)
		}
	}
	b.plan(works[1:2], muster.Succeeded, keys, func(shot muster.Snapshot) muster.Planned {
		b.same("departments", sorted(shot.Departments), sorted(homes))
		b.same("usage", [3]int64{shot.Usage.Users, shot.Usage.CapacityGB, shot.Usage.SystemAdmins}, [3]int64{4, 99, 7})
		sees("all", keys, moved, z, fresh)(shot)
		heir := z
		heir.PhoneKey = y.PhoneKey
		return muster.Planned{Update: []muster.User{heir}, Delete: []muster.ID{fresh.ID}, Usage: muster.Usage{Users: 3, CapacityGB: 50, SystemAdmins: 7}}
	})
	z.PhoneKey, z.PasswordHash, z.UpdatedAt = y.PhoneKey, "", time.Time{}
	// A user of the tenant's own that is new meanwhile is seen, too, and what he takes is added.
	late := b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{late}, Usage: muster.Usage{Users: 5, CapacityGB: 15, SystemAdmins: 1}}))
	some := muster.Keys{IDs: []muster.ID{fresh.ID, late.ID}, Phones: []string{x.PhoneKey, y.PhoneKey, z.PhoneKey, fresh.PhoneKey}, Accounts: []string{x.AccountKey}}
	b.plan(works[2:3], muster.Succeeded, some, func(shot muster.Snapshot) muster.Planned {
		b.same("usage with the late one", [3]int64{shot.Usage.Users, shot.Usage.CapacityGB, shot.Usage.SystemAdmins}, [3]int64{4, 53, 7})
		got := slices.DeleteFunc(slices.Clone(shot.Users), func(u muster.User) bool { return u.ID == late.ID })
		b.same("number of users with the late one", len(shot.Users), len(got)+1)
		shot.Users = got
		return sees("some", some, moved, z)(shot)
	})
	other := b.works(b.submit(b.upload(b.tenant, 1, 1, muster.ModeDryRun)))
	b.plan(other, muster.Succeeded, keys, func(shot muster.Snapshot) muster.Planned {
		b.same("what another dry run sees", byID(shot.Users), byID(own.Users))
		return nothing(shot)
	})
	b.same("the tenant's own", byID(b.snapshot(b.tenant, keys).Users), byID(own.Users))
}

func byID(users []muster.User) []muster.User {
	return slices.SortedFunc(slices.Values(users), func(x, y muster.User) int { return cmp.Compare(x.ID, y.ID) })
}

// entry is a row that does something to one of a few users.
func entry(t *rapid.T) muster.Entry {
	letter := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	e := muster.Entry{
		Action:     rapid.SampledFrom([]muster.Action{1, 1, 1, muster.ActionUpdate, muster.ActionDisable, muster.ActionDelete}).Draw(t, "action"),
		OnExisting: rapid.SampledFrom([]muster.OnExisting{muster.SkipExisting, muster.FailExisting, muster.UpdateExisting}).Draw(t, "onExisting"),
		Match:      rapid.SampledFrom([]muster.Key{muster.KeyAccount, muster.KeyPhone}).Draw(t, "match"),
		Actor:      muster.LevelSystemAdmin,
		Set:        muster.FieldAccount | muster.FieldPhone,
	}
	e.User.AccountKey, e.User.PhoneKey = letter.Draw(t, "account"), letter.Draw(t, "phone")
	e.User.Account, e.User.Phone = e.User.AccountKey, e.User.PhoneKey
	if rapid.Bool().Draw(t, "more") {
		e.Set |= muster.FieldCapacity | muster.FieldLevel
		e.User.CapacityGB = rapid.Int64Range(0, 600).Draw(t, "capacity")
		e.User.Level = rapid.SampledFrom([]muster.AdminLevel{muster.LevelCommon, muster.LevelSystemAdmin}).Draw(t, "level")
	}
	return e
}

// perform applies a batch that does the entries, a chunk at a time, and gives what became of each.
func (b *bundle) perform(lane muster.LaneRef, entries []muster.Entry) []muster.Outcome {
	b.Helper()
	for batch := muster.ID(0); ; {
		works := b.next(lane, 1)
		if len(works) == 0 {
			page, err := b.store.BatchPage(b.Context(), lane.Tenant, batch, 0, 0, 100)
			b.ok(err)
			return page.Outcomes
		}
		batch = works[0].Batch.ID
		k := chunksOf(works)[0]
		mine := entries[k.FirstRow : k.FirstRow+k.Rows]
		b.ok(b.store.Apply(b.Context(), lane.Tenant, []muster.Chunk{k}, muster.KeysOf(mine, &muster.TenantSettings{}), func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
			planned := muster.Plan(mine, shot)
			for i := range planned.Outcomes {
				planned.Outcomes[i].Row = k.FirstRow + i
			}
			return &provision.Writes{Planned: planned, Now: b.now, Chunks: []provision.ChunkWrites{{Chunk: k, Outcomes: planned.Outcomes}}}, nil
		}))
	}
}

// testPrediction: whatever the rows are and however they are cut, a dry run's outcomes are those of the run after it.
func testPrediction(b *bundle) {
	lists := rapid.SliceOfN(rapid.Custom(entry), 20, 30)
	ended := make(map[muster.Result]int)
	for seed := range 12 {
		entries := lists.Example(seed)
		tenant := b.newTenant(fmt.Sprintf("dry run %d", seed))
		u := b.upload(tenant, len(entries), 3+seed%5, muster.ModeDryRun)
		for i := range entries {
			entries[i].NewID = u.end.LastID + muster.ID(i+1)
		}
		b.submit(u)
		before := b.usage(tenant)
		predicted := b.perform(quietLane(tenant), entries)
		before.QueuedRows, before.QueuedBytes = 0, 0
		b.same("usage after the dry run", b.usage(tenant), before)
		b.accept(b.acceptance(tenant, len(entries), 7-seed%4))
		b.same("outcomes", b.perform(createLane(tenant), entries), predicted)
		for _, o := range predicted {
			ended[o.Result]++
		}
	}
	if ended[muster.Succeeded] < 50 || ended[muster.Failed] < 50 || ended[muster.Skipped] < 10 {
		b.Errorf("the rows ended too much alike: %v", ended)
	}
}

func testHeld(b *bundle) {
	u := b.upload(b.tenant, 5, 2, muster.ModeDryRun)
	id := b.submit(u)
	works := b.works(id)
	held := func(from, rows int) []provision.Work {
		b.Helper()
		works, err := b.store.Held(b.Context(), b.tenant, id, from, rows)
		b.ok(err)
		return works
	}
	b.apply(works[:2], muster.Skipped)
	b.same("held by one that is not finished", len(held(0, 100)), 0)
	b.ok(b.store.Split(b.Context(), works[0].Chunk, b.parts(works[0], 1, 1))) // it waits no longer
	b.apply(works[2:], muster.Skipped)
	for i := range u.chunks {
		u.chunks[i].Mode = muster.ModeDryRun
	}
	for _, c := range []struct{ from, rows, first, chunks int }{
		{0, 100, 0, 3}, {0, 1, 0, 1}, {0, 4, 0, 2}, {2, 2, 1, 1}, {2, 3, 1, 2}, {4, 100, 2, 1}, {5, 100, 0, 0},
	} {
		var got []muster.Chunk
		for _, w := range held(c.from, c.rows) {
			got = append(got, w.Chunk)
			b.same("key and batch", [2]any{w.PayloadKey, w.Batch.ID}, [2]any{u.open.PayloadKey, id})
		}
		b.same(fmt.Sprintf("chunks from %d of %d rows", c.from, c.rows), got, append([]muster.Chunk(nil), u.chunks[c.first:c.first+c.chunks]...))
	}
	foreign, err := b.store.Held(b.Context(), b.other, id, 0, 100)
	b.ok(err)
	b.same("held in another tenant", len(foreign), 0)

	// What is held, and what is staged, is wrapped anew in a rotation.
	staged := b.upload(b.tenant, 1, 1, muster.ModeRun)
	b.begin(staged)
	b.ok(b.store.AddKeys(b.Context(), b.key("wrap", 2)))
	b.same("wrapped anew", b.rewrapAll(10, true), map[string][]byte{
		string(provision.PayloadKeyBinding(b.tenant, id)):                   u.open.PayloadKey,
		string(provision.PayloadKeyBinding(b.tenant, staged.open.Batch.ID)): staged.open.PayloadKey,
		string(provision.KeptKeyBinding(b.tenant, staged.open.Batch.ID)):    staged.open.KeptKey,
	})
	b.ok(b.store.DeleteKey(b.Context(), keyVersion))
	b.same("under the new key", b.wrappedItems(2), 3)
}

// testCommitNeedsRows: a dry run is committed while it holds its rows, which ends with HeldUntil.
func testCommitNeedsRows(b *bundle) {
	try := func(of *muster.Batch) error {
		b.Helper()
		u := b.made(of, muster.OriginCommit, muster.ModeRun, 2)
		b.begin(u)
		b.append(u, u.chunks...)
		_, err := b.store.Complete(b.Context(), u.end)
		b.ok(b.store.Discard(b.Context(), b.tenant, u.open.Batch.ID))
		return err
	}
	unfinished := b.batch(b.tenant, b.submit(b.upload(b.tenant, 2, 2, muster.ModeDryRun)))
	b.kind(try(unfinished), muster.KindConflict)
	b.apply(b.works(unfinished.ID), muster.Skipped)
	b.ok(try(unfinished))
	run := b.batch(b.tenant, b.submit(b.upload(b.tenant, 2, 2, muster.ModeRun)))
	b.apply(b.works(run.ID), muster.Skipped)
	b.kind(try(run), muster.KindConflict)

	committed := b.rehearse(2, 2, muster.Skipped)
	first := b.made(committed, muster.OriginCommit, muster.ModeRun, 2)
	b.submit(first)
	b.now = b.now.Add(-muster.HeldFor - time.Hour)
	late := b.rehearse(3, 2, muster.Skipped)
	b.kind(try(late), muster.KindConflict)
	held, err := b.store.Held(b.Context(), b.tenant, late.ID, 0, 100)
	b.ok(err)
	b.same("held past the time", len(held), 0)
	before := b.wrappedItems(keyVersion)
	for b.purge(b.tenant, b.now.AddDate(-1, 0, 0), 1) {
	}
	b.same("wrapped keys after the purge", b.wrappedItems(keyVersion), before-1)
	b.same("the dry run after the purge", b.batch(b.tenant, late.ID), late)
	b.kind(try(late), muster.KindConflict)
	b.ok(try(committed)) // again, which the first one answers
	held, err = b.store.Held(b.Context(), b.tenant, committed.ID, 0, 100)
	b.ok(err)
	b.same("held after the purge", len(held), 1)
	gone := *late
	gone.ID = b.id()
	b.kind(try(&gone), muster.KindNotFound)
}
