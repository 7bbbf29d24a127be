package storetest

import (
	"fmt"

	"muster"
	"muster/provision"
)

func (b *bundle) listOf(tenant muster.ID, q provision.BatchQuery) []muster.ID {
	b.Helper()
	batches, err := b.store.Batches(b.Context(), tenant, q)
	b.ok(err)
	ids := []muster.ID{}
	for i := range batches {
		b.same("batch of a list", &batches[i], b.batch(tenant, batches[i].ID))
		ids = append(ids, batches[i].ID)
	}
	return ids
}

func testBatchList(b *bundle) {
	var ids []muster.ID
	for range 4 {
		ids = append(ids, b.accept(b.acceptance(b.tenant, 2, 1)))
	}
	dryRun := b.submit(b.upload(b.tenant, 1, 1, muster.ModeDryRun))
	b.begin(b.upload(b.tenant, 1, 1, muster.ModeRun)) // which nobody sees
	foreign := b.accept(b.acceptance(b.other, 1, 1))
	b.apply(b.works(ids[1]), muster.Skipped)
	b.apply(b.works(ids[2])[:1], muster.Skipped)
	for name, c := range map[string]struct {
		q    provision.BatchQuery
		want []muster.ID
	}{
		"all":              {provision.BatchQuery{Limit: 100}, []muster.ID{dryRun, ids[3], ids[2], ids[1], ids[0]}},
		"the newest":       {provision.BatchQuery{Limit: 2}, []muster.ID{dryRun, ids[3]}},
		"before one":       {provision.BatchQuery{Before: ids[3], Limit: 2}, []muster.ID{ids[2], ids[1]}},
		"before the first": {provision.BatchQuery{Before: ids[0], Limit: 2}, []muster.ID{}},
		"unfinished":       {provision.BatchQuery{Unfinished: true, Limit: 100}, []muster.ID{dryRun, ids[3], ids[2], ids[0]}},
		"some unfinished":  {provision.BatchQuery{Unfinished: true, Before: ids[3], Limit: 1}, []muster.ID{ids[2]}},
	} {
		b.same(name, b.listOf(b.tenant, c.q), c.want)
	}
	b.same("the other tenant's", b.listOf(b.other, provision.BatchQuery{Limit: 100}), []muster.ID{foreign})
	_, err := b.store.Batch(b.Context(), b.other, ids[0])
	b.kind(err, muster.KindNotFound)
	page, err := b.store.BatchPage(b.Context(), b.tenant, dryRun, 0, 0, 1)
	b.ok(err)
	b.same("whatever the contract", page.Batch.Contract, muster.ContractNative)
	_, err = b.store.BatchPage(b.Context(), b.tenant, dryRun, muster.ContractKooDrive, 0, 1)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Failures(b.Context(), b.tenant, dryRun, 0, 0, 1)
	b.ok(err)
}

// testOutcomeQueries has rows that end in several ways, in several Applies.
func testOutcomeQueries(b *bundle) {
	type ending struct {
		result muster.Result
		reason muster.Reason
		effect muster.Effect
	}
	ok, gone := ending{muster.Succeeded, 0, muster.EffectCreated}, ending{muster.Succeeded, 0, muster.EffectDeleted}
	taken, unknown := ending{muster.Failed, muster.ReasonConflict, 0}, ending{muster.Failed, muster.ReasonNotFound, 0}
	there, failedThere, stopped := ending{muster.Skipped, muster.ReasonExists, 0}, ending{muster.Failed, muster.ReasonExists, 0}, ending{muster.Cancelled, muster.ReasonCancelled, 0}
	endings := []ending{ok, taken, there, gone, ok, taken, unknown, stopped, failedThere, taken, ok, stopped}
	a := b.acceptance(b.tenant, len(endings), 3)
	id := b.accept(a)
	for _, w := range b.works(id) {
		b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf([]provision.Work{w}), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
			writes, err := b.decideAll([]provision.Work{w}, muster.Skipped)(shot, live)
			for i := range writes.Chunks[0].Outcomes {
				o := &writes.Chunks[0].Outcomes[i]
				o.Result, o.Reason, o.Effect = endings[o.Row].result, endings[o.Row].reason, endings[o.Row].effect
			}
			return writes, err
		}))
	}
	stored := b.batch(b.tenant, id)
	b.same("counters", [4]int{stored.Succeeded, stored.Failed, stored.Skipped, stored.Cancelled}, [4]int{4, 5, 1, 2})
	all := b.page(b.tenant, id).Outcomes
	for i, o := range all {
		b.same(fmt.Sprintf("the end of row %d", i), [3]any{o.Result, o.Reason, o.Effect}, [3]any{endings[i].result, endings[i].reason, endings[i].effect})
	}
	for _, c := range []struct {
		q    provision.OutcomeQuery
		want []int
	}{
		{provision.OutcomeQuery{Limit: 100}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{provision.OutcomeQuery{From: 10, Limit: 100}, []int{10, 11}},
		{provision.OutcomeQuery{From: 2, Limit: 2}, []int{2, 3}},
		{provision.OutcomeQuery{Result: muster.Succeeded, Limit: 100}, []int{0, 3, 4, 10}},
		{provision.OutcomeQuery{Result: muster.Succeeded, From: 1, Limit: 2}, []int{3, 4}},
		{provision.OutcomeQuery{Result: muster.Succeeded, Reason: muster.ReasonExists, Limit: 100}, nil},
		{provision.OutcomeQuery{Result: muster.Failed, Limit: 100}, []int{1, 5, 6, 8, 9}},
		{provision.OutcomeQuery{Result: muster.Failed, From: 2, Limit: 3}, []int{5, 6, 8}},
		{provision.OutcomeQuery{Result: muster.Failed, Reason: muster.ReasonConflict, Limit: 100}, []int{1, 5, 9}},
		{provision.OutcomeQuery{Result: muster.Failed, Reason: muster.ReasonConflict, From: 2, Limit: 1}, []int{5}},
		{provision.OutcomeQuery{Reason: muster.ReasonExists, Limit: 100}, []int{2, 8}},
		{provision.OutcomeQuery{Reason: muster.ReasonExists, From: 3, Limit: 100}, []int{8}},
		{provision.OutcomeQuery{Result: muster.Skipped, Reason: muster.ReasonConflict, Limit: 100}, nil},
		{provision.OutcomeQuery{Result: muster.Cancelled, Limit: 1}, []int{7}},
		{provision.OutcomeQuery{Result: muster.Cancelled, From: 8, Limit: 1}, []int{11}},
		{provision.OutcomeQuery{Result: muster.Cancelled, From: 12, Limit: 1}, nil},
		{provision.OutcomeQuery{Reason: muster.ReasonNoSeat, Limit: 1}, nil},
		{provision.OutcomeQuery{Result: muster.Failed, Limit: 0}, nil},
	} {
		page, err := b.store.Outcomes(b.Context(), b.tenant, id, c.q)
		b.ok(err)
		var want []muster.Outcome
		for _, row := range c.want {
			want = append(want, all[row])
		}
		b.same(fmt.Sprintf("outcomes of %+v", c.q), page, &muster.BatchPage{Batch: *stored, Outcomes: want})
	}
	b.same("reasons", b.reasons(id), []provision.ReasonCount{
		{Result: muster.Succeeded, Effect: muster.EffectCreated, Rows: 3}, {Result: muster.Succeeded, Effect: muster.EffectDeleted, Rows: 1},
		{Result: muster.Failed, Reason: muster.ReasonExists, Rows: 1}, {Result: muster.Failed, Reason: muster.ReasonNotFound, Rows: 1},
		{Result: muster.Failed, Reason: muster.ReasonConflict, Rows: 3},
		{Result: muster.Skipped, Reason: muster.ReasonExists, Rows: 1},
		{Result: muster.Cancelled, Reason: muster.ReasonCancelled, Rows: 2},
	})
	_, err := b.store.Outcomes(b.Context(), b.other, id, provision.OutcomeQuery{Limit: 1})
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Reasons(b.Context(), b.other, id)
	b.kind(err, muster.KindNotFound)
	b.same("reasons of a batch without outcomes", len(b.reasons(b.accept(b.acceptance(b.tenant, 1, 1)))), 0)
}

func (b *bundle) reasons(id muster.ID) []provision.ReasonCount {
	b.Helper()
	counts, err := b.store.Reasons(b.Context(), b.tenant, id)
	b.ok(err)
	return counts
}

func testSourceUsers(b *bundle) {
	users := []muster.User{b.user(), b.user(), b.user(), b.user(), b.user()}
	for i := range users {
		users[i].Source = []string{"hr", "hr", "", "other", "hr"}[i]
	}
	users[1].Disabled, users[4].Level = true, muster.LevelManager
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: users, Usage: muster.Usage{Users: 6, SystemAdmins: 1}}))
	b.ok(b.applyPlan(b.other, muster.Planned{Insert: users[:1], Usage: muster.Usage{Users: 2, SystemAdmins: 1}}))
	of := func(source string, after muster.ID, limit int, want ...provision.SourceUser) {
		b.Helper()
		got, err := b.store.SourceUsers(b.Context(), b.tenant, source, after, limit)
		b.ok(err)
		b.same("users of "+source, got, want)
	}
	one := func(i int) provision.SourceUser {
		return provision.SourceUser{ID: users[i].ID, Level: users[i].Level, Disabled: users[i].Disabled}
	}
	of("hr", 0, 100, one(0), one(1), one(4))
	of("hr", 0, 2, one(0), one(1))
	of("hr", users[1].ID, 2, one(4))
	of("hr", users[4].ID, 2)
	of("", 0, 100)
	of("nobody", 0, 100)
	users[2].Source, users[0].Source = "hr", ""
	b.ok(b.applyPlan(b.tenant, muster.Planned{Update: []muster.User{users[0], users[2]}}))
	of("hr", 0, 100, one(1), one(2), one(4))
	b.same("source of an adopted user", b.stored(b.tenant, users[2].ID).Source, "hr")
}

// testForgetAll: what was a batch's is purged with it, so that one of the same id begins anew.
func testForgetAll(b *bundle) {
	of := b.rehearse(4, 2, muster.Failed)
	b.forget(of.ID) // before the time is over for which it holds its rows
	b.same("wrapped keys", b.wrappedItems(keyVersion), 0)
	dryRun := b.rehearse(4, 2, muster.Succeeded)
	u := b.made(dryRun, muster.OriginCommit, muster.ModeCheck, 2)
	id := b.submit(u)
	made := b.user()
	works := b.works(id)
	b.plan(works[:1], 0, muster.Keys{}, func(shot muster.Snapshot) muster.Planned {
		return muster.Planned{Insert: []muster.User{made}, Usage: shot.Usage}
	})
	b.check(works[1:], 2)
	b.apply(b.works(id), muster.Failed)
	b.forget(id)
	b.unseen(b.tenant, dryRun.ID)
	differences, err := b.store.Differences(b.Context(), b.tenant, id, 0, 100)
	b.ok(err)
	b.same("differences", len(differences), 0)

	u.open.Batch.Parent, u.open.Batch.Origin, u.open.Batch.Mode, u.end.Batch.Mode = 0, 0, muster.ModeDryRun, muster.ModeDryRun
	b.submit(u)
	works = b.works(id)
	b.plan(works[:1], muster.Succeeded, muster.Keys{}, func(shot muster.Snapshot) muster.Planned {
		return muster.Planned{Insert: []muster.User{b.user()}, Usage: shot.Usage}
	})
	b.plan(works[1:], muster.Succeeded, muster.Keys{Phones: []string{made.PhoneKey}}, func(shot muster.Snapshot) muster.Planned {
		b.same("users of the second time", len(shot.Users), 0)
		return nothing(shot)
	})
	b.same("reasons of the second time", b.reasons(id), []provision.ReasonCount{{Result: muster.Succeeded, Rows: 4}})
}

// testForgetParent: a batch that another one goes by stays as long as that is not finished.
func testForgetParent(b *bundle) {
	of := b.rehearse(2, 2, muster.Failed)
	u := b.made(of, muster.OriginCommit, muster.ModeRun, 2)
	b.begin(u)
	later := b.now.AddDate(1, 0, 0)
	for b.purge(b.tenant, later, 100) {
	}
	b.same("while the other one is staged", len(b.listOf(b.tenant, provision.BatchQuery{Limit: 9})), 1)
	b.append(u, u.chunks...)
	b.complete(u)
	for b.purge(b.tenant, later, 100) {
	}
	b.same("while it runs", b.listOf(b.tenant, provision.BatchQuery{Limit: 9}), []muster.ID{u.open.Batch.ID, of.ID})
	b.apply(b.works(u.open.Batch.ID), muster.Skipped)
	for b.purge(b.tenant, later, 100) {
	}
	b.same("once it is finished", b.listOf(b.tenant, provision.BatchQuery{Limit: 9}), []muster.ID{})
}
