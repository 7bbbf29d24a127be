package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster"
	"muster/provision"
	"muster/secret"
	"muster/webhook"
)

// newHook makes a webhook of the tenant that wants events of the types, all if there are none.
func (b *bundle) newHook(tenant muster.ID, types ...webhook.Type) *webhook.Hook {
	b.Helper()
	h := &webhook.Hook{
		Tenant: tenant, ID: b.id(), Name: "Ünser ☃", URL: "https://example.com/hook?a=b", Types: webhook.TypesOf(types...),
		Secrets: []muster.Secret{{Sealed: b.blob(keyVersion), CreatedAt: b.now}}, CreatedAt: b.now,
	}
	b.ok(b.store.CreateWebhook(b.Context(), h))
	return h
}

func (b *bundle) changeHook(h *webhook.Hook, change func(*webhook.Hook)) *webhook.Hook {
	b.Helper()
	got, err := b.store.UpdateWebhook(b.Context(), h.Tenant, h.ID, func(h *webhook.Hook) error { change(h); return nil })
	b.ok(err)
	return got
}

func (b *bundle) hooks(tenant muster.ID) []webhook.Hook {
	b.Helper()
	all, err := b.store.Webhooks(b.Context(), tenant)
	b.ok(err)
	return all
}

func testWebhooks(b *bundle) {
	one, two := b.newHook(b.tenant), b.newHook(b.tenant, webhook.UsersChanged)
	foreign := b.newHook(b.other)
	b.same("webhooks", b.hooks(b.tenant), []webhook.Hook{*one, *two})
	got, err := b.store.Webhook(b.Context(), b.tenant, two.ID)
	b.ok(err)
	b.same("webhook", got, two)

	two.Name, two.URL, two.Types, two.Disabled, two.Reason = "", "https://example.org", webhook.TypesOf(webhook.BatchFinished), true, "It fails."
	two.FailingSince = b.now.Add(-time.Hour)
	two.Secrets = []muster.Secret{{Sealed: b.blob(keyVersion), CreatedAt: b.now}, {Sealed: two.Secrets[0].Sealed, CreatedAt: b.now, ExpiresAt: b.now.Add(time.Hour)}}
	b.same("webhook as changed", b.changeHook(two, func(h *webhook.Hook) { *h = *two }), two)
	b.store = b.reopen(b.T, b.store)
	b.same("webhooks after a restart", b.hooks(b.tenant), []webhook.Hook{*one, *two})

	refused := errors.New("refused")
	_, err = b.store.UpdateWebhook(b.Context(), b.tenant, one.ID, func(h *webhook.Hook) error { h.Name = "x"; return refused })
	b.is(err, refused)
	b.ok(b.store.DeleteWebhook(b.Context(), b.tenant, two.ID))
	b.same("webhooks after one is deleted", b.hooks(b.tenant), []webhook.Hook{*one})
	b.same("webhooks of the other", b.hooks(b.other), []webhook.Hook{*foreign})
	b.same("secrets", b.wrappedItems(keyVersion), 2)
}

func testWebhookRefusals(b *bundle) {
	h := b.newHook(b.tenant)
	nobodys := *h
	nobodys.Tenant, nobodys.ID = b.id(), b.id()
	b.kind(b.store.CreateWebhook(b.Context(), &nobodys), muster.KindNotFound)
	unknown := *h
	unknown.ID, unknown.Secrets = b.id(), []muster.Secret{{Sealed: b.blob(keyVersion + 1), CreatedAt: b.now}}
	b.is(b.store.CreateWebhook(b.Context(), &unknown), secret.ErrUnknownKey)
	_, err := b.store.UpdateWebhook(b.Context(), b.tenant, h.ID, func(h *webhook.Hook) error { h.Secrets = unknown.Secrets; return nil })
	b.is(err, secret.ErrUnknownKey)
	for name, call := range map[string]func(tenant, id muster.ID) error{
		"read":   func(tenant, id muster.ID) error { _, err := b.store.Webhook(b.Context(), tenant, id); return err },
		"delete": func(tenant, id muster.ID) error { return b.store.DeleteWebhook(b.Context(), tenant, id) },
		"test":   func(tenant, id muster.ID) error { _, err := b.store.TestWebhook(b.Context(), tenant, id); return err },
		"list": func(tenant, id muster.ID) error {
			_, err := b.store.Deliveries(b.Context(), tenant, id, 0, 1)
			return err
		},
		"resend": func(tenant, id muster.ID) error { _, err := b.store.Resend(b.Context(), tenant, id, 1); return err },
		"change": func(tenant, id muster.ID) error {
			_, err := b.store.UpdateWebhook(b.Context(), tenant, id, func(*webhook.Hook) error { return nil })
			return err
		},
	} {
		for _, tenant := range []muster.ID{b.other, b.tenant} {
			id := h.ID
			if tenant == b.tenant {
				id = b.id()
			}
			if err := call(tenant, id); muster.KindOf(err) != muster.KindNotFound {
				b.Errorf("%s what is not there: %v", name, err)
			}
		}
	}
	_, err = b.store.Resend(b.Context(), b.tenant, h.ID, 1)
	b.kind(err, muster.KindNotFound)
	b.same("webhook after all that", b.hooks(b.tenant), []webhook.Hook{*h})
	for range webhook.MaxHooks - 1 {
		b.newHook(b.tenant)
	}
	more := *h
	more.ID = b.id()
	b.kind(b.store.CreateWebhook(b.Context(), &more), muster.KindConflict)
	b.changeHook(h, func(h *webhook.Hook) { h.Disabled = true })
	_, err = b.store.TestWebhook(b.Context(), b.tenant, h.ID)
	b.kind(err, muster.KindConflict)
}

// change is what a webhook is told of a user.
func change(u muster.ID, what string) string {
	return fmt.Sprintf(`{"userId":"%s","change":"%s"}`, u, what)
}

func testEvents(b *bundle) {
	all, users, batches := b.newHook(b.tenant), b.newHook(b.tenant, webhook.UsersChanged), b.newHook(b.tenant, webhook.BatchFinished)
	disabled, foreign := b.newHook(b.tenant), b.newHook(b.other)
	b.changeHook(disabled, func(h *webhook.Hook) { h.Disabled = true })
	stays, goes, back := b.user(), b.user(), b.user()
	back.Disabled = true
	first := b.accept(b.acceptance(b.tenant, 2, 1))
	works := b.next(createLane(b.tenant), 10)
	plan := muster.Planned{Insert: []muster.User{stays, goes, back}, Usage: muster.Usage{Users: 4, CapacityGB: 9, SystemAdmins: 1}}
	b.planned(works[:1], plan)
	created := fmt.Sprintf(`users.changed {"batchId":"%s","changes":[%s,%s,%s]}`, first, change(stays.ID, "created"), change(goes.ID, "created"), change(back.ID, "created"))
	b.planned(works[1:], muster.Planned{Usage: plan.Usage})
	finished := fmt.Sprintf(`batch.finished {"batchId":"%s","state":"finished","dryRun":false,"total":2,"succeeded":0,"failed":0,"skipped":2,"cancelled":0}`, first)

	stays.FirstName, goes.Disabled, back.Disabled = "Other", true, false
	direct := func(p muster.Planned) { // past the lanes
		b.ok(b.store.Apply(b.Context(), b.tenant, nil, muster.Keys{IDs: []muster.ID{stays.ID, goes.ID, back.ID}}, func(s muster.Snapshot, _ []bool) (*provision.Writes, error) {
			p.Usage = s.Usage
			return &provision.Writes{Now: b.now, Planned: p}, nil
		}))
	}
	direct(muster.Planned{Update: []muster.User{stays, goes, back}})
	direct(muster.Planned{Delete: []muster.ID{goes.ID}})
	changed := fmt.Sprintf(`users.changed {"changes":[%s,%s,%s]}`, change(stays.ID, "updated"), change(goes.ID, "disabled"), change(back.ID, "enabled"))
	deleted := fmt.Sprintf(`users.changed {"changes":[%s]}`, change(goes.ID, "deleted"))

	b.same("due", b.due(), []muster.ID{b.tenant})
	got := make(map[muster.ID][]string)
	var last muster.ID
	for c := b.claim(b.tenant, time.Hour); c != nil; c = b.claim(b.tenant, time.Hour) {
		got[c.Hook.ID] = append(got[c.Hook.ID], c.Event.Type.String()+" "+c.Event.Data)
		last = max(last, c.Event.ID)
		b.settle(c, delivered)
	}
	for _, told := range got {
		slices.Sort(told)
	}
	want := map[muster.ID][]string{
		all.ID: {created, finished, changed, deleted}, users.ID: {created, changed, deleted}, batches.ID: {finished},
	}
	for _, told := range want {
		slices.Sort(told)
	}
	b.same("what webhooks were told", got, want)
	b.same("deliveries of one disabled", len(b.deliveries(disabled)), 0)
	b.same("deliveries of the other", len(b.deliveries(foreign)), 0)
	b.same("due afterwards", len(b.due()), 0)
	if since := time.Since(last.Time()); since < 0 || since > time.Hour {
		b.Errorf("an event of now has the time %s", last.Time())
	}
}

// planned applies works with a plan, all rows skipped.
func (b *bundle) planned(works []provision.Work, plan muster.Planned) {
	b.Helper()
	b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := b.decideAll(works, muster.Skipped)(shot, live)
		w.Planned = plan
		return w, err
	}))
}

func (b *bundle) due() []muster.ID {
	b.Helper()
	due, err := b.store.DueTenants(b.Context())
	b.ok(err)
	return due
}

// testEventsOfRoles takes a role from more users than one event tells of.
func testEventsOfRoles(b *bundle) {
	const users = 1001
	r := b.role(b.tenant, "role")
	plan := muster.Planned{Usage: muster.Usage{Users: users + 1, SystemAdmins: 1}}
	for range users {
		plan.Insert = append(plan.Insert, muster.User{ID: b.id(), Level: muster.LevelCommon, Roles: []muster.ID{r.ID}})
	}
	b.ok(b.applyPlan(b.tenant, plan))
	h := b.newHook(b.tenant, webhook.UsersChanged)
	_, err := b.store.DeleteRole(b.Context(), b.tenant, r.ID, false, b.now)
	b.kind(err, muster.KindConflict)
	_, err = b.store.DeleteRole(b.Context(), b.tenant, r.ID, true, b.now)
	b.ok(err)
	var changes []webhook.Change
	told := b.told(h)
	b.same("events", len(told), 2)
	for _, text := range told {
		var data struct{ Changes []webhook.Change }
		b.ok(json.Unmarshal([]byte(text[len("users.changed "):]), &data))
		changes = append(changes, data.Changes...)
	}
	b.same("changes", len(changes), users)
	b.same("the first", changes[0], webhook.Change{User: plan.Insert[0].ID, What: "updated"})
}

// testNoEvents has transactions that come to nothing, change no user, or only say what they would do.
func testNoEvents(b *bundle) {
	u := b.user()
	late := b.accept(b.acceptance(b.tenant, 1, 1))
	h := b.newHook(b.tenant, webhook.UsersChanged)
	works := b.next(createLane(b.tenant), 1)
	refused := errors.New("refused")
	b.is(b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) {
		return nil, refused
	}), refused)
	b.finish(b.tenant, late, muster.Skipped, 1)
	dry := b.submit(b.upload(b.tenant, 1, 1, muster.ModeDryRun))
	b.plan(b.works(dry), muster.Succeeded, muster.Keys{}, func(shot muster.Snapshot) muster.Planned {
		return muster.Planned{Insert: []muster.User{u}, Usage: shot.Usage}
	})
	b.same("what was told", len(b.told(h)), 0)
	b.same("deliveries", len(b.deliveries(h)), 0)

	b.changeHook(h, func(h *webhook.Hook) { h.Types = 0 })
	again := b.submit(b.upload(b.tenant, 1, 1, muster.ModeDryRun))
	b.plan(b.works(again), muster.Succeeded, muster.Keys{}, nothing)
	b.same("what was told of a dry run", b.told(h), []string{fmt.Sprintf(
		`batch.finished {"batchId":"%s","state":"finished","dryRun":true,"total":1,"succeeded":1,"failed":0,"skipped":0,"cancelled":0}`, again)})
	stopped := b.submit(b.upload(b.tenant, 1, 1, muster.ModeRun))
	_, err := b.store.Cancel(b.Context(), b.tenant, stopped)
	b.ok(err)
	b.plan(b.works(stopped), muster.Cancelled, muster.Keys{}, nothing)
	b.same("what was told of one cancelled", b.told(h), []string{fmt.Sprintf(
		`batch.finished {"batchId":"%s","state":"cancelled","dryRun":false,"total":1,"succeeded":0,"failed":0,"skipped":0,"cancelled":1}`, stopped)})
}
