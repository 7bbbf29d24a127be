package muster_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"muster"
)

func TestAuditIsCarriedOnce(t *testing.T) {
	t.Parallel()
	ids, err := muster.NewIDSource(1, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().Truncate(time.Millisecond)
	a, err := muster.NewAudit(ids, muster.AuditRecord{Tenant: 7, Action: "change-user"})
	if err != nil {
		t.Fatal(err)
	}
	if at := a.Record.At(); at.Before(before) || at.After(time.Now()) {
		t.Errorf("it was at %s, want it now", at)
	}
	ctx := muster.WithAudit(t.Context(), a)
	muster.AuditTarget(ctx, "user", "12")
	muster.AuditDetail(ctx, "name, email")
	if got := muster.AuditOf(ctx); got != a || got.Record.Target != "user 12" || got.Record.Detail != "name, email" {
		t.Errorf("it carries %+v", got)
	}
	if muster.AuditOf(muster.WithAudit(ctx, nil)) != nil || muster.AuditOf(context.Background()) != nil {
		t.Error("a context without a record carries one")
	}
	a.Stored()
	if muster.AuditOf(ctx) != nil {
		t.Error("what is stored is carried on")
	}
}

func TestAuditPages(t *testing.T) {
	t.Parallel()
	walk := func(n int) []muster.AuditRecord { // ids go down; users 1 and 2 in turns
		all := make([]muster.AuditRecord, n)
		for i := range all {
			all[i] = muster.AuditRecord{ID: muster.ID(5000 - i), User: muster.ID(1 + i%2), Action: "a"}
		}
		return all
	}
	for name, c := range map[string]struct {
		query  muster.AuditQuery
		walked int
		want   int
		next   muster.ID
	}{
		"all there are":               {muster.AuditQuery{Limit: 10}, 4, 4, 0},
		"as many as wanted":           {muster.AuditQuery{Limit: 4}, 4, 4, 0},
		"more than wanted":            {muster.AuditQuery{Limit: 4}, 5, 4, 4997},
		"of one user":                 {muster.AuditQuery{User: 1, Action: "a", Limit: 2}, 8, 2, 4998},
		"none in all":                 {muster.AuditQuery{User: 3, Action: "a", Limit: 2}, 8, 0, 0},
		"none on the way":             {muster.AuditQuery{User: 3, Action: "a", Limit: 2}, muster.AuditWalk, 0, 5001 - muster.AuditWalk},
		"as many as are walked":       {muster.AuditQuery{Limit: muster.AuditWalk}, muster.AuditWalk, muster.AuditWalk, 5001 - muster.AuditWalk},
		"another action":              {muster.AuditQuery{Action: "b", Limit: 2}, 3, 0, 0},
		"another target":              {muster.AuditQuery{Target: "user 1", Limit: 2}, 3, 0, 0},
		"one that is the last walked": {muster.AuditQuery{User: 2, Limit: 1}, 2, 1, 0},
	} {
		page := c.query.Page(walk(c.walked))
		if len(page.Records) != c.want || page.Next != c.next {
			t.Errorf("%s: %d records and then %s, want %d and %s", name, len(page.Records), page.Next, c.want, c.next)
		}
	}
}

func TestAuditQueriesWalkLittle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query muster.AuditQuery
		want  int
	}{
		{muster.AuditQuery{Limit: 10}, 11},
		{muster.AuditQuery{Limit: 10, Action: "a"}, 11},
		{muster.AuditQuery{Limit: 10, User: 1}, 11},
		{muster.AuditQuery{Limit: 10, Target: "user 1", Action: "a"}, muster.AuditWalk},
		{muster.AuditQuery{Limit: 5000}, muster.AuditWalk},
	} {
		if got := c.query.Walk(); got != c.want {
			t.Errorf("%+v walks %d, want %d", c.query, got, c.want)
		}
	}
}

// Ids are of their times: a range of times is one of ids.
func TestAuditRanges(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)
	ids, err := muster.NewIDSource(1023, 0, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	id, err := ids.Next()
	if err != nil {
		t.Fatal(err)
	}
	within := func(q muster.AuditQuery) bool {
		after, before := q.Range()
		return id > after && id < before
	}
	at := func(d time.Duration) time.Time { return clock.Add(d) }
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		query muster.AuditQuery
		want  bool
	}{
		"nothing":        {muster.AuditQuery{}, true},
		"since then":     {muster.AuditQuery{Since: at(0)}, true},
		"since later":    {muster.AuditQuery{Since: at(ms)}, false},
		"until then":     {muster.AuditQuery{Until: at(0)}, false},
		"until later":    {muster.AuditQuery{Until: at(ms)}, true},
		"since long ago": {muster.AuditQuery{Since: time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC)}, true},
		"since for ever": {muster.AuditQuery{Since: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, false},
		"until long ago": {muster.AuditQuery{Until: time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC)}, false},
		"until for ever": {muster.AuditQuery{Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, true},
		"before it":      {muster.AuditQuery{Before: id}, false},
		"before another": {muster.AuditQuery{Before: id + 1, Until: at(time.Hour)}, true},
	} {
		if within(c.query) != c.want {
			t.Errorf("%s: it is within: %t", name, !c.want)
		}
	}
	all := []muster.ID{1, id, muster.ID(1<<63 - 2)}
	after, before := (&muster.AuditQuery{}).Range()
	if slices.ContainsFunc(all, func(id muster.ID) bool { return id <= after || id >= before }) {
		t.Errorf("ids from %s to %s leave some out", after, before)
	}
}
