package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"muster"
	"muster/directory"
	"muster/provision"
	"muster/webhook"
)

// recording gives a context that carries a record of the tenant.
func (b *bundle) recording(tenant muster.ID, action string) (context.Context, *muster.Audit) {
	b.Helper()
	a, err := muster.NewAudit(b.ids, muster.AuditRecord{
		Tenant: tenant, AppID: "app", User: 77, Operator: true, From: "192.0.2.1", Action: action, Target: "thing 1", Detail: "a, b",
	})
	b.ok(err)
	return muster.WithAudit(b.Context(), a), a
}

// trail reads all records, the newest first.
func (b *bundle) trail(tenant muster.ID, q muster.AuditQuery) (all []muster.AuditRecord) {
	b.Helper()
	if q.Limit == 0 {
		q.Limit = 2
	}
	for {
		page, err := b.store.Audit(b.Context(), tenant, q)
		b.ok(err)
		all = append(all, page.Records...)
		if q.Before = page.Next; q.Before == 0 {
			return all
		}
	}
}

// auditedWrite is a write with a context that carries a record.
type auditedWrite struct {
	action string
	write  func(ctx context.Context) error
}

// auditedWrites are of every kind, to be done in this order.
func (b *bundle) auditedWrites() []auditedWrite {
	b.Helper()
	user, hook := b.user(), b.newHook(b.tenant)
	r := b.role(b.tenant, "role")
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{user}, Usage: muster.Usage{Users: 2, CapacityGB: 6, SystemAdmins: 1}}))
	return []auditedWrite{
		{"create-credential", func(ctx context.Context) error { return b.store.CreateCredential(ctx, b.credential(b.tenant, "app")) }},
		{"change-credential", func(ctx context.Context) error {
			_, err := b.store.UpdateCredential(ctx, b.tenant, "app", func(c *muster.Credential) error { c.Disabled = true; return nil })
			return err
		}},
		{"change-tenant", func(ctx context.Context) error {
			t, err := b.store.Tenant(ctx, b.tenant)
			b.ok(err)
			t.Name = "renamed"
			return b.store.UpdateTenant(ctx, t)
		}},
		{"rename-role", func(ctx context.Context) error {
			_, err := b.store.RenameRole(ctx, b.tenant, r.ID, "renamed")
			return err
		}},
		{"delete-role", func(ctx context.Context) error {
			_, err := b.store.DeleteRole(ctx, b.tenant, r.ID, true, b.now)
			return err
		}},
		{"change-sign-in", func(ctx context.Context) error {
			return b.store.ChangeSignIns(ctx, b.tenant, []muster.ID{user.ID}, func(s *muster.SignIn) error { s.User.PasswordHash = "$other"; return nil })
		}},
		{"accept", func(ctx context.Context) error {
			_, err := b.store.Accept(ctx, b.acceptance(b.tenant, 2, 1))
			return err
		}},
		{"apply", func(ctx context.Context) error {
			works := b.next(createLane(b.tenant), 1)
			return b.store.Apply(ctx, b.tenant, chunksOf(works), muster.Keys{}, b.decideAll(works, muster.Skipped))
		}},
		{"change-user", func(ctx context.Context) error {
			return b.store.Apply(ctx, b.tenant, nil, muster.Keys{IDs: []muster.ID{user.ID}}, func(s muster.Snapshot, _ []bool) (*provision.Writes, error) {
				next := s.Users[0]
				next.Disabled = true
				return &provision.Writes{Now: b.now, Planned: muster.Planned{Update: []muster.User{next}, Usage: s.Usage}}, nil
			})
		}},
		{"create-department", func(ctx context.Context) error {
			d := muster.Department{ID: b.id(), Name: "d", IDPath: "/1/2/", NamePath: "/d", CreatedAt: b.now}
			return b.store.ChangeDepartments(ctx, b.tenant, func(directory.Reader) (*directory.Writes, error) {
				return &directory.Writes{Insert: []muster.Department{d}}, nil
			})
		}},
		{"change-profile", func(ctx context.Context) error {
			_, err := b.store.UpdateFederationProfile(ctx, b.tenant, func(*muster.FederationProfile) error { return nil })
			return err
		}},
		{"change-webhook", func(ctx context.Context) error {
			_, err := b.store.UpdateWebhook(ctx, b.tenant, hook.ID, func(h *webhook.Hook) error { h.Name = "x"; return nil })
			return err
		}},
	}
}

// testAudit has every kind of write recorded: exactly once each, whatever is written after it with the same context.
func testAudit(b *bundle) {
	var want []muster.AuditRecord
	for _, w := range b.auditedWrites() {
		ctx, a := b.recording(b.tenant, w.action)
		b.ok(w.write(ctx))
		if muster.AuditOf(ctx) != nil {
			b.Errorf("%s: the record is carried on", w.action)
		}
		b.role2(ctx) // writes without one
		want = append(want, a.Record)
	}
	slices.Reverse(want)
	b.same("records", b.trail(b.tenant, muster.AuditQuery{}), want)
	b.same("the last record's time", want[0].At(), want[0].ID.Time().UTC())
	b.same("records of the other", len(b.trail(b.other, muster.AuditQuery{})), 0)

	ctx, own := b.recording(0, "rotate-keys") // of the installation
	b.ok(b.store.AddKeys(ctx, b.key("mac", 1)))
	b.store = b.reopen(b.T, b.store)
	b.same("records after a restart", b.trail(b.tenant, muster.AuditQuery{Limit: 100}), want)
	b.same("records of the installation", b.trail(0, muster.AuditQuery{}), []muster.AuditRecord{own.Record})
}

// role2 makes a role with a context.
func (b *bundle) role2(ctx context.Context) {
	b.Helper()
	id := b.id()
	b.ok(b.store.CreateRole(ctx, &muster.Role{Tenant: b.tenant, ID: id, Name: id.String(), CreatedAt: b.now}, id))
}

// testAuditNothing has writes that fail, and such as find nothing to do.
func testAuditNothing(b *bundle) {
	refused := errors.New("refused")
	b.ok(b.store.CreateCredential(b.Context(), b.credential(b.tenant, "app")))
	r := b.role(b.tenant, "role")
	first := b.replay(b.tenant, "print")
	b.accept(first)
	finished := b.accept(b.acceptance(b.tenant, 1, 1))
	b.finish(b.tenant, finished, muster.Skipped, 1)
	for name, write := range map[string]func(ctx context.Context) error{
		"refused by the store": func(ctx context.Context) error {
			b.kind(b.store.CreateCredential(ctx, b.credential(b.tenant, "app")), muster.KindConflict)
			return nil
		},
		"refused by the caller": func(ctx context.Context) error {
			_, err := b.store.UpdateCredential(ctx, b.tenant, "app", func(*muster.Credential) error { return refused })
			b.is(err, refused)
			return nil
		},
		"refused by the plan": func(ctx context.Context) error {
			works := b.next(createLane(b.tenant), 1)
			b.is(b.store.Apply(ctx, b.tenant, chunksOf(works), muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) {
				return nil, refused
			}), refused)
			return nil
		},
		"a repeat": func(ctx context.Context) error {
			got, err := b.store.Accept(ctx, b.replay(b.tenant, "print"))
			b.same("repeat", got, provision.Accepted{Batch: first.Batch.ID, Replayed: true})
			return err
		},
		"cancelled too late": func(ctx context.Context) error {
			_, err := b.store.Cancel(ctx, b.tenant, finished)
			return err
		},
		"a plan of nothing": func(ctx context.Context) error {
			return b.store.Apply(ctx, b.tenant, nil, muster.Keys{}, func(s muster.Snapshot, _ []bool) (*provision.Writes, error) {
				return &provision.Writes{Now: b.now, Planned: muster.Planned{Usage: s.Usage}}, nil
			})
		},
		"a name that it has": func(ctx context.Context) error {
			_, err := b.store.RenameRole(ctx, b.tenant, r.ID, "role")
			return err
		},
	} {
		ctx, _ := b.recording(b.tenant, name)
		b.ok(write(ctx))
		if got := b.trail(b.tenant, muster.AuditQuery{Action: name}); len(got) != 0 {
			b.Errorf("%s: recorded %+v", name, got)
		}
	}
	b.same("records", len(b.trail(b.tenant, muster.AuditQuery{})), 0)
}

func testAuditQueries(b *bundle) {
	var all []muster.AuditRecord // the newest last
	for i := range 9 {
		ctx, a := b.recording(b.tenant, []string{"create", "change", "delete"}[i%3])
		a.Record.User, a.Record.Target = muster.ID(i%2), []string{"", "user 1", "user 2"}[i/3]
		if i == 4 {
			a.Record = muster.AuditRecord{Tenant: b.tenant, ID: a.Record.ID, Action: "change", Target: "user 1"} // all else is empty
		}
		b.role2(ctx)
		all = append(all, a.Record)
	}
	at := func(i int) time.Time { return all[i].At() }
	for name, c := range map[string]struct {
		query muster.AuditQuery
		want  func(r *muster.AuditRecord) bool
	}{
		"all":                 {muster.AuditQuery{}, func(*muster.AuditRecord) bool { return true }},
		"an action":           {muster.AuditQuery{Action: "change"}, func(r *muster.AuditRecord) bool { return r.Action == "change" }},
		"a user":              {muster.AuditQuery{User: 1}, func(r *muster.AuditRecord) bool { return r.User == 1 }},
		"a target":            {muster.AuditQuery{Target: "user 2"}, func(r *muster.AuditRecord) bool { return r.Target == "user 2" }},
		"since":               {muster.AuditQuery{Since: at(3)}, func(r *muster.AuditRecord) bool { return !r.At().Before(at(3)) }},
		"until":               {muster.AuditQuery{Until: at(3)}, func(r *muster.AuditRecord) bool { return r.At().Before(at(3)) }},
		"before":              {muster.AuditQuery{Before: all[5].ID}, func(r *muster.AuditRecord) bool { return r.ID < all[5].ID }},
		"user and action":     {muster.AuditQuery{User: 1, Action: "create"}, func(r *muster.AuditRecord) bool { return r.User == 1 && r.Action == "create" }},
		"target and user":     {muster.AuditQuery{User: 1, Target: "user 1"}, func(r *muster.AuditRecord) bool { return r.User == 1 && r.Target == "user 1" }},
		"nothing":             {muster.AuditQuery{Action: "none"}, func(*muster.AuditRecord) bool { return false }},
		"action since":        {muster.AuditQuery{Action: "delete", Since: at(4)}, func(r *muster.AuditRecord) bool { return r.Action == "delete" && !r.At().Before(at(4)) }},
		"more than are there": {muster.AuditQuery{Limit: muster.AuditWalk}, func(*muster.AuditRecord) bool { return true }},
	} {
		var want []muster.AuditRecord
		for i := len(all) - 1; i >= 0; i-- {
			if c.want(&all[i]) {
				want = append(want, all[i])
			}
		}
		b.same(name, b.trail(b.tenant, c.query), want)
	}
	page, err := b.store.Audit(b.Context(), b.tenant, muster.AuditQuery{Limit: 9})
	b.ok(err)
	b.same("a page that holds all", page.Next, muster.ID(0))
}

// testAuditTogether has many write at once, of whom every third is refused.
func testAuditTogether(b *bundle) {
	const n = 60
	b.role(b.tenant, "taken")
	var wait sync.WaitGroup
	want := make(map[muster.ID]bool)
	for i := range n {
		ctx, a := b.recording(b.tenant, "create-role")
		id := b.id()
		r := muster.Role{Tenant: b.tenant, ID: id, Name: id.String(), CreatedAt: b.now}
		if i%3 == 0 {
			r.Name = "taken"
		} else {
			want[a.Record.ID] = true
		}
		wait.Go(func() {
			if err := b.store.CreateRole(ctx, &r, id); (err == nil) != (r.Name != "taken") {
				b.Errorf("a role %s: %v", r.Name, err)
			}
		})
	}
	wait.Wait()
	got := make(map[muster.ID]bool)
	for _, r := range b.trail(b.tenant, muster.AuditQuery{Limit: 7}) {
		got[r.ID] = true
	}
	b.same("records", got, want)
}
