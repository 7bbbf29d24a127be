package storetest

import (
	"errors"
	"time"

	"muster"
	"muster/provision"
)

func (b *bundle) days(tenant muster.ID, since time.Time) []muster.Day {
	b.Helper()
	days, err := b.store.Days(b.Context(), tenant, since)
	b.ok(err)
	return days
}

// testDays: a day counts rows of batches, and users whoever changes them; what changes neither leaves no trace.
func testDays(b *bundle) {
	first := b.now
	today := muster.DayNumber(b.now)
	want := []muster.Day{{Number: today, Users: 1}}
	b.same("days of a new tenant", b.days(b.tenant, first), want)

	b.accept(b.acceptance(b.tenant, 4, 2))
	b.same("days after a batch was accepted", b.days(b.tenant, first), want)
	b.apply(b.next(createLane(b.tenant), 2), muster.Succeeded)
	b.apply(b.next(createLane(b.tenant), 2), muster.Failed)
	b.accept(b.acceptance(b.tenant, 3, 3))
	b.apply(b.next(createLane(b.tenant), 3), muster.Skipped)
	want[0] = muster.Day{Number: today, Users: 3, Succeeded: 2, Failed: 2, Skipped: 3}
	b.same("days of batches", b.days(b.tenant, first), want)

	b.now = b.now.AddDate(0, 0, 2)
	b.direct(func(shot muster.Snapshot) muster.Planned { return muster.Planned{Usage: shot.Usage} })
	b.same("days of a change that changes no number", b.days(b.tenant, first), want)
	b.direct(func(shot muster.Snapshot) muster.Planned {
		shot.Usage.Users++
		return muster.Planned{Usage: shot.Usage, Insert: []muster.User{b.user()}}
	})
	want = append(want, muster.Day{Number: today + 2, Users: 4})
	b.same("days of a change of one user", b.days(b.tenant, first), want)

	works := b.next(createLane(b.tenant), 100)
	b.same("chunks that wait", len(works), 0)
	id := b.accept(b.acceptance(b.tenant, 5, 5))
	_, err := b.store.Cancel(b.Context(), b.tenant, id)
	b.ok(err)
	b.apply(b.works(id), muster.Cancelled)
	want[1].Cancelled = 5
	b.same("days of rows that were cancelled", b.days(b.tenant, first), want)

	refused := errors.New("no")
	b.accept(b.acceptance(b.tenant, 1, 1))
	works = b.next(createLane(b.tenant), 1)
	err = b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) {
		return nil, refused
	})
	b.is(err, refused)
	b.same("days after what was not done", b.days(b.tenant, first), want)
	b.same("days from the one between", b.days(b.tenant, first.AddDate(0, 0, 1)), want)
	b.same("days from the last", b.days(b.tenant, first.AddDate(0, 0, 2)), want[1:])
	b.same("days to come", b.days(b.tenant, first.AddDate(0, 0, 9)), want[1:])
	b.same("days from before there was a tenant", b.days(b.tenant, first.AddDate(-1, 0, 0)), want)
	b.same("days of the other tenant", b.days(b.other, first), []muster.Day{{Number: today, Users: 1}})
	b.same("days of no tenant", len(b.days(b.id(), first)), 0)
}

// direct changes users outside of batches.
func (b *bundle) direct(plan func(muster.Snapshot) muster.Planned) {
	b.Helper()
	b.ok(b.store.Apply(b.Context(), b.tenant, nil, muster.Keys{}, func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
		return &provision.Writes{Planned: plan(shot), Now: b.now}, nil
	}))
}

func testDaysOfDryRuns(b *bundle) {
	before := b.days(b.tenant, b.now)
	b.rehearse(3, 2, muster.Succeeded)
	b.same("days after a dry run", b.days(b.tenant, b.now), before)
}

func testPurgeDays(b *bundle) {
	now := b.now
	for _, ago := range []int{600, 500, muster.DaysKept + 1, muster.DaysKept - 1, 1} {
		b.now = now.AddDate(0, 0, -ago)
		b.accept(b.acceptance(b.tenant, 1, 1))
		b.apply(b.next(createLane(b.tenant), 1), muster.Skipped)
	}
	first := now.AddDate(-3, 0, 0)
	all := b.days(b.tenant, first)
	b.same("days", len(all), 6)
	past := now.AddDate(0, 0, -1000)
	for _, left := range []int{5, 4} {
		b.same("purged", b.purge(b.tenant, past, 1), true)
		b.same("days left", len(b.days(b.tenant, first)), left)
	}
	b.same("purged again", b.purge(b.tenant, past, 10), false)
	b.same("days left", b.days(b.tenant, first), all[2:]) // the last before those kept says how many users there were
	b.same("days of the other tenant", len(b.days(b.other, first)), 1)
}

func testQueuedRows(b *bundle) {
	queued := func() map[muster.ID]int64 {
		b.Helper()
		rows, err := b.store.QueuedRows(b.Context())
		b.ok(err)
		return rows
	}
	b.same("queues at first", queued(), map[muster.ID]int64{})
	b.accept(b.acceptance(b.tenant, 5, 2))
	b.accept(b.acceptance(b.other, 1, 1))
	b.same("queues", queued(), map[muster.ID]int64{b.tenant: 5, b.other: 1})
	b.apply(b.next(createLane(b.tenant), 2), muster.Skipped)
	b.apply(b.next(createLane(b.other), 1), muster.Skipped)
	b.same("queues later", queued(), map[muster.ID]int64{b.tenant: 3})
}
