package storetest

import (
	"errors"
	"slices"

	"muster"
	"muster/provision"
)

func testApply(b *bundle) {
	a := b.acceptance(b.tenant, 3, 2)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	keys := muster.Keys{Phones: []string{"+1"}}
	var shot muster.Snapshot
	var seen []bool
	err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), keys, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
		shot, seen = s, live
		return b.decideAll(works, muster.Succeeded)(s, live)
	})
	b.ok(err)
	b.same("chunks that wait", seen, []bool{true, true})
	b.same("usage that decide saw", shot.Usage, muster.Usage{Users: 1, CapacityGB: 3, SystemAdmins: 1, QueuedRows: 3, QueuedBytes: 9})
	b.same("settings that decide saw", shot.Settings, &muster.TenantSettings{PersonalSpaceGB: 1000})

	want := a.Batch
	want.Sequence, want.Succeeded, want.StartedAt, want.FinishedAt = 1, 3, b.now, b.now
	page := b.page(b.tenant, a.Batch.ID)
	b.same("finished batch", page.Batch, want)
	b.same("number of outcomes", len(page.Outcomes), 3)
	for row, o := range page.Outcomes {
		chunk := a.Chunks[row/2]
		b.same("outcome", o, muster.Outcome{
			Row: row, ID: chunk.FirstID + muster.ID(row%2), Result: muster.Succeeded, User: chunk.FirstUser + muster.ID(row%2), Subject: "subject",
		})
		user, err := b.store.User(b.Context(), b.tenant, o.User)
		b.ok(err)
		b.same("times of the new user", [2]any{user.CreatedAt, user.UpdatedAt}, [2]any{b.now, b.now})
	}
	b.same("usage", b.usage(b.tenant), muster.Usage{Users: 4, CapacityGB: 3, SystemAdmins: 1})
	b.same("chunks left", len(b.next(createLane(b.tenant), 100)), 0)
	b.same("wrapped keys of a batch without failures", b.wrappedItems(keyVersion), 0)
}

func testApplyInPart(b *bundle) {
	one, two := b.acceptance(b.tenant, 4, 2), b.acceptance(b.tenant, 2, 2)
	b.accept(one)
	b.accept(two)
	works := b.next(createLane(b.tenant), 4) // the first of each
	err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := b.decideAll(works, muster.Failed)(s, live)
		w.Chunks[0].Outcomes[1].Result = muster.Skipped
		w.Chunks[1].Outcomes[0].Result = muster.Succeeded
		return w, err
	})
	b.ok(err)
	first, second := b.page(b.tenant, one.Batch.ID), b.page(b.tenant, two.Batch.ID)
	b.same("counters half-way", [4]int{first.Batch.Succeeded, first.Batch.Failed, first.Batch.Skipped, len(first.Outcomes)}, [4]int{0, 1, 1, 2})
	b.same("end half-way", first.Batch.FinishedAt.IsZero(), true)
	b.same("counters at the end", [4]int{second.Batch.Succeeded, second.Batch.Failed, second.Batch.Skipped, len(second.Outcomes)}, [4]int{1, 1, 0, 2})
	b.same("end", second.Batch.FinishedAt, b.now)
	b.same("reason, field and detail", [3]any{first.Outcomes[0].Reason, first.Outcomes[0].Field, first.Outcomes[0].Detail},
		[3]any{muster.ReasonExists, "phone", "The user exists."})
	used := b.usage(b.tenant)
	b.same("queue", [2]int64{used.QueuedRows, used.QueuedBytes}, [2]int64{2, 6})
	b.same("wrapped keys", b.wrappedItems(keyVersion), 3) // two of the unfinished, the kept one of the finished
}

func testBatchPage(b *bundle) {
	a := b.acceptance(b.tenant, 10, 4)
	b.accept(a)
	b.apply(b.next(createLane(b.tenant), 8), muster.Skipped)
	for _, c := range []struct{ from, limit, first, rows int }{
		{0, 3, 0, 3}, {3, 3, 3, 3}, {6, 3, 6, 2}, {7, 1, 7, 1}, {8, 3, 0, 0}, {100, 3, 0, 0}, {0, 0, 0, 0},
	} {
		page, err := b.store.BatchPage(b.Context(), b.tenant, a.Batch.ID, muster.ContractKooDrive, c.from, c.limit)
		b.ok(err)
		var rows, want []int
		for i, o := range page.Outcomes {
			rows, want = append(rows, o.Row), append(want, c.first+i)
		}
		b.same("rows of the page", rows, want)
		b.same("number of rows of the page", len(rows), c.rows)
		b.same("rows decided", page.Batch.Decided(), 8)
	}
}

func testBatchNotFound(b *bundle) {
	a := b.acceptance(b.tenant, 1, 1)
	b.accept(a)
	look := func(tenant, batch muster.ID, contract muster.Contract) error {
		_, err := b.store.BatchPage(b.Context(), tenant, batch, contract, 0, 1)
		return err
	}
	want := b.kind(look(b.tenant, b.id(), muster.ContractKooDrive), muster.KindNotFound)
	b.same("other tenant's batch", b.kind(look(b.other, a.Batch.ID, muster.ContractKooDrive), muster.KindNotFound), want)
	b.same("other contract's batch", b.kind(look(b.tenant, a.Batch.ID, muster.ContractNative), muster.KindNotFound), want)
	b.ok(look(b.tenant, a.Batch.ID, muster.ContractKooDrive))
}

func testLateWorker(b *bundle) {
	a := b.acceptance(b.tenant, 4, 2)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	b.apply(works[:1], muster.Succeeded)
	after := b.usage(b.tenant)
	page := b.page(b.tenant, a.Batch.ID)

	var seen []bool
	late := func(works []provision.Work) {
		b.Helper()
		seen = nil
		err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
			seen = slices.Clone(live)
			return b.decideAll(works, muster.Failed)(s, live)
		})
		b.ok(err)
	}
	late(works[:1])
	b.same("live", seen, []bool{false})
	b.same("usage", b.usage(b.tenant), after)
	b.same("page", b.page(b.tenant, a.Batch.ID), page)

	short := slices.Clone(works[1:])
	short[0].Chunk.Rows = 1
	late(short)
	b.same("live with another number of rows", seen, []bool{false})
	late(works)
	b.same("live of two, the first done", seen, []bool{false, true})
	got := b.page(b.tenant, a.Batch.ID)
	b.same("counters", [3]int{got.Batch.Succeeded, got.Batch.Failed, got.Batch.Skipped}, [3]int{2, 2, 0})
	late(append(works, works...))
	b.same("live after the end", seen, []bool{false, false, false, false})
	b.same("page after the end", b.page(b.tenant, a.Batch.ID), got)
}

func testOutOfOrder(b *bundle) {
	a := b.acceptance(b.tenant, 6, 2)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	var seen []bool
	try := func(works ...provision.Work) []bool {
		b.Helper()
		b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
			seen = slices.Clone(live)
			return b.decideAll(works, muster.Skipped)(s, live)
		}))
		return seen
	}
	b.same("second without first", try(works[1]), []bool{false})
	b.same("first and third", try(works[0], works[2]), []bool{true, false})
	b.same("twice the same", try(works[1], works[1]), []bool{true, false})
	b.same("third", try(works[2]), []bool{true})
	b.same("decided", b.page(b.tenant, a.Batch.ID).Batch.Decided(), 6)
}

// testNobodyOvertakes: in the ordered lane nothing is applied while something before it waits, though whoever comes late holds
// that for done.
func testNobodyOvertakes(b *bundle) {
	first, second := b.acceptance(b.tenant, 2, 2), b.acceptance(b.tenant, 1, 1)
	first.Batch.Lane, second.Batch.Lane = muster.LaneOrdered, muster.LaneOrdered
	b.accept(first)
	b.accept(second)
	lane := muster.LaneRef{Tenant: b.tenant, Lane: muster.LaneOrdered}
	late := b.next(lane, 100)
	try := func(works ...provision.Work) (seen []bool) {
		b.Helper()
		b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
			seen = slices.Clone(live)
			return b.decideAll(works, muster.Skipped)(s, live)
		}))
		return seen
	}
	b.same("the second without the first", try(late[1]), []bool{false})
	b.ok(b.store.Split(b.Context(), late[0].Chunk, b.parts(late[0], 1, 1)))
	b.same("both, the first of which is cut", try(late...), []bool{false, false})
	now := b.next(lane, 100)
	b.same("a part and what comes behind the other", try(now[0], now[2]), []bool{true, false})
	b.same("both, half of the first of which is done", try(late...), []bool{false, false})
	b.same("what is left", try(now[1:]...), []bool{true, true})
}

func testDecideError(b *bundle) {
	a := b.acceptance(b.tenant, 2, 2)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	before, page := b.usage(b.tenant), b.page(b.tenant, a.Batch.ID)
	refused := errors.New("hash first")
	err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) {
		return nil, refused
	})
	if err != refused { //nolint:errorlint // as it is
		b.Errorf("error of decide came back as %v", err)
	}
	b.same("usage", b.usage(b.tenant), before)
	b.same("page", b.page(b.tenant, a.Batch.ID), page)
	b.apply(works, muster.Succeeded)

	err = b.store.Apply(b.Context(), b.id(), chunksOf(works), muster.Keys{}, b.decideAll(works, muster.Failed))
	b.kind(err, muster.KindNotFound)
}

func testDecidePanic(b *bundle) {
	a := b.acceptance(b.tenant, 2, 2)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	before := b.usage(b.tenant)
	err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) {
		panic("a person's name")
	})
	b.is(err, muster.ErrRow)
	if errors.Is(err, errors.ErrUnsupported) || len(err.Error()) == 0 {
		b.Errorf("error is %q", err)
	}
	b.same("usage", b.usage(b.tenant), before)
	b.apply(works, muster.Succeeded)
}

// testDecideMistakes: whoever plans must give each row of each live chunk its outcome, and no other.
func testDecideMistakes(b *bundle) {
	a := b.acceptance(b.tenant, 4, 2)
	b.accept(a)
	works := b.next(createLane(b.tenant), 100)
	before, page := b.usage(b.tenant), b.page(b.tenant, a.Batch.ID)
	for name, spoil := range map[string]func(*provision.Writes){
		"a chunk left out":   func(w *provision.Writes) { w.Chunks = w.Chunks[:1] },
		"no chunk":           func(w *provision.Writes) { w.Chunks = nil },
		"a chunk twice":      func(w *provision.Writes) { w.Chunks = append(w.Chunks, w.Chunks[1]) },
		"chunks in disorder": func(w *provision.Writes) { slices.Reverse(w.Chunks) },
		"an outcome left out": func(w *provision.Writes) {
			w.Chunks[1].Outcomes = w.Chunks[1].Outcomes[:1]
		},
		"an outcome of another row": func(w *provision.Writes) { w.Chunks[1].Outcomes[1].Row = 0 },
		"no result":                 func(w *provision.Writes) { w.Chunks[0].Outcomes[0].Result = 0 },
	} {
		err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
			w, err := b.decideAll(works, muster.Succeeded)(s, live)
			spoil(w)
			return w, err
		})
		if err == nil || errors.Is(err, muster.ErrRow) {
			b.Errorf("%s: error is %v, want one that is no row's", name, err)
		}
		b.same("usage after "+name, b.usage(b.tenant), before)
		b.same("page after "+name, b.page(b.tenant, a.Batch.ID), page)
	}
	b.apply(works, muster.Succeeded)
}

func testRowFault(b *bundle) {
	holder := b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{holder}, Usage: muster.Usage{Users: 2, SystemAdmins: 1}}))
	before := b.usage(b.tenant)
	twin := func(change func(twin, holder *muster.User)) []muster.User {
		user := b.user()
		change(&user, &holder)
		return []muster.User{user}
	}
	a := b.acceptance(b.tenant, 1, 1)
	b.accept(a)
	works := b.next(createLane(b.tenant), 1)
	for name, users := range map[string][]muster.User{
		"phone":   twin(func(u, h *muster.User) { u.PhoneKey = h.PhoneKey }),
		"account": twin(func(u, h *muster.User) { u.AccountKey = h.AccountKey }),
		"id":      twin(func(u, h *muster.User) { u.ID = h.ID }),
	} {
		err := b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
			w, err := b.decideAll(works, muster.Succeeded)(s, live)
			w.Planned.Insert = users
			return w, err
		})
		if !errors.Is(err, muster.ErrRow) {
			b.Errorf("%s of another user: error is %v, want a row's", name, err)
		}
	}
	used := b.usage(b.tenant)
	used.QueuedRows, used.QueuedBytes = 0, 0
	b.same("usage", used, before)
	b.same("decided", b.page(b.tenant, a.Batch.ID).Batch.Decided(), 0)
	b.apply(works, muster.Succeeded)
}
