package storetest

import (
	"runtime"
	"time"

	"muster"
	"muster/webhook"
)

func (b *bundle) deliveries(h *webhook.Hook) []webhook.Delivery {
	b.Helper()
	all, err := b.store.Deliveries(b.Context(), h.Tenant, h.ID, 0, 100)
	b.ok(err)
	return all
}

// claim takes what is due, nil if nothing is.
func (b *bundle) claim(tenant muster.ID, lease time.Duration, except ...muster.ID) *webhook.Claim {
	b.Helper()
	c, err := b.store.ClaimDelivery(b.Context(), tenant, except, lease)
	b.ok(err)
	return c
}

// claimLater takes what will be due in a moment.
func (b *bundle) claimLater(tenant muster.ID, lease time.Duration) *webhook.Claim {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		if c := b.claim(tenant, lease); c != nil {
			return c
		}
	}
	b.Fatal("nothing became due")
	return nil
}

func (b *bundle) settle(c *webhook.Claim, s webhook.Settlement) time.Duration {
	b.Helper()
	failing, err := b.store.SettleDelivery(b.Context(), c, s)
	b.ok(err)
	return failing
}

var delivered = webhook.Settlement{State: webhook.Delivered, Status: 200}

// told takes and delivers everything that is due of a webhook's tenant, and gives the data of what it was told, in order.
func (b *bundle) told(h *webhook.Hook) (data []string) {
	b.Helper()
	for c := b.claim(h.Tenant, time.Hour); c != nil; c = b.claim(h.Tenant, time.Hour) {
		if c.Hook.ID == h.ID {
			data = append(data, c.Event.Type.String()+" "+c.Event.Data)
		}
		b.settle(c, delivered)
	}
	return data
}

// test has a test message wait for a webhook.
func (b *bundle) test(h *webhook.Hook) *webhook.Delivery {
	b.Helper()
	d, err := b.store.TestWebhook(b.Context(), h.Tenant, h.ID)
	b.ok(err)
	return d
}

func testDeliveries(b *bundle) {
	h, slow := b.newHook(b.tenant), b.newHook(b.tenant)
	first := b.test(h)
	b.same("a test", *first, webhook.Delivery{Webhook: h.ID, Event: first.Event, Type: webhook.Test, State: webhook.Waiting, NextAt: first.NextAt})
	b.test(slow)
	c := b.claim(b.tenant, time.Hour, slow.ID)
	b.same("claim", c, &webhook.Claim{Hook: *h, Event: webhook.Event{ID: first.Event, Type: webhook.Test, Data: "{}"}, Until: c.Until})
	b.same("a claim of what is left, but for one", b.claim(b.tenant, time.Hour, slow.ID), (*webhook.Claim)(nil))
	b.settle(b.claim(b.tenant, time.Hour), delivered)
	b.same("due while one is claimed", len(b.due()), 0)

	b.settle(c, webhook.Settlement{State: webhook.Waiting, Status: 500, Problem: "It answered with status 500.", After: time.Hour})
	got := b.deliveries(h)[0]
	want := webhook.Delivery{
		Webhook: h.ID, Event: first.Event, Type: webhook.Test, State: webhook.Waiting, Attempts: 1, Status: 500, Problem: "It answered with status 500.",
		LastAt: got.LastAt, NextAt: got.LastAt.Add(time.Hour),
	}
	b.same("a delivery that is tried again", got, want)
	b.same("a claim before its time", b.claim(b.tenant, time.Hour), (*webhook.Claim)(nil))

	again, err := b.store.Resend(b.Context(), b.tenant, h.ID, first.Event)
	b.ok(err)
	b.same("a delivery that is sent again", [2]int{int(again.State), again.Attempts}, [2]int{int(webhook.Waiting), 0})
	b.same("due", b.due(), []muster.ID{b.tenant})
	b.changeHook(h, func(h *webhook.Hook) { h.Disabled = true })
	b.same("a claim of what is disabled", b.claim(b.tenant, time.Hour), (*webhook.Claim)(nil))
	b.changeHook(h, func(h *webhook.Hook) { h.Disabled = false })
	c = b.claim(b.tenant, time.Hour)
	b.settle(c, webhook.Settlement{State: webhook.Failed, Status: 404, Problem: "No."})
	b.same("a delivery that failed", b.deliveries(h)[0].NextAt, time.Time{})
	b.same("due at the end", len(b.due()), 0)

	second := b.test(h)
	b.same("the newest first", []muster.ID{b.deliveries(h)[0].Event, b.deliveries(h)[1].Event}, []muster.ID{second.Event, first.Event})
	older, err := b.store.Deliveries(b.Context(), b.tenant, h.ID, second.Event, 1)
	b.ok(err)
	b.same("the next page", older[0].Event, first.Event)
	b.ok(b.store.DeleteWebhook(b.Context(), b.tenant, h.ID))
	b.same("a claim of what is deleted", b.claim(b.tenant, time.Hour), (*webhook.Claim)(nil))
}

func testLease(b *bundle) {
	h := b.newHook(b.tenant)
	event := b.test(h).Event
	lost := b.claim(b.tenant, time.Millisecond) // by a sender that stops
	c := b.claimLater(b.tenant, time.Hour)
	b.same("the same delivery", [2]muster.ID{lost.Event.ID, c.Event.ID}, [2]muster.ID{event, event})
	b.same("attempts", c.Attempts, 0)
	b.same("what comes late", b.settle(lost, webhook.Settlement{State: webhook.Failed, Problem: "Late."}), time.Duration(0))
	b.same("state", b.deliveries(h)[0].State, webhook.Waiting)
	b.settle(c, delivered)
	b.settle(lost, webhook.Settlement{State: webhook.Waiting})
	d := b.deliveries(h)[0]
	b.same("state at the end", [3]int{int(d.State), d.Attempts, d.Status}, [3]int{int(webhook.Delivered), 1, 200})
}

func testFailing(b *bundle) {
	h := b.newHook(b.tenant)
	fail := webhook.Settlement{State: webhook.Failed, Problem: "No."}
	end := func(s webhook.Settlement) time.Duration {
		b.test(h)
		return b.settle(b.claim(b.tenant, time.Hour), s)
	}
	if failing := end(fail); failing > time.Minute {
		b.Errorf("it fails for %s, and began now", failing)
	}
	since := b.hooks(b.tenant)[0].FailingSince
	if since.IsZero() || time.Since(since) > time.Hour {
		b.Errorf("it fails since %s, and began now", since)
	}
	b.changeHook(h, func(h *webhook.Hook) { h.FailingSince = since.Add(-time.Hour) })
	if failing := end(fail); failing < time.Hour || failing > 2*time.Hour {
		b.Errorf("it fails for %s, and began an hour ago", failing)
	}
	b.same("for how long it fails after a success", end(delivered), time.Duration(0))
	b.same("since when", b.hooks(b.tenant)[0].FailingSince, time.Time{})
	c := b.claim(b.tenant, time.Hour)
	b.same("what is due", c, (*webhook.Claim)(nil))
	b.test(h)
	c = b.claim(b.tenant, time.Hour)
	b.ok(b.store.DeleteWebhook(b.Context(), b.tenant, h.ID))
	b.settle(c, fail) // of a webhook that is gone
}

func testPurgeTrail(b *bundle) {
	h, foreign := b.newHook(b.tenant), b.newHook(b.other)
	for range 5 {
		ctx, _ := b.recording(b.tenant, "create-role")
		b.role2(ctx)
		b.test(h)
	}
	ctx, _ := b.recording(0, "rotate-keys")
	b.role2(ctx)
	b.test(foreign)
	purge := func(tenant muster.ID, records, events time.Time, limit int) bool {
		b.Helper()
		found, err := b.store.PurgeTrail(b.Context(), tenant, records, events, limit)
		b.ok(err)
		return found
	}
	past, future := b.now.Add(-time.Hour), time.Now().Add(time.Hour)
	b.same("found of what is too young", purge(b.tenant, past, past, 100), false)
	steps := 0
	for purge(b.tenant, past, future, 2) {
		if steps++; steps > 20 {
			b.Fatal("purging finds no end")
		}
		b.deliveries(h) // each with its event
	}
	if steps < 5 { // 5 deliveries and 5 events, by two
		b.Errorf("10 rows were purged in %d steps of 2", steps)
	}
	b.same("deliveries", len(b.deliveries(h)), 0)
	b.same("a claim of what is purged", b.claim(b.tenant, time.Hour), (*webhook.Claim)(nil))
	b.same("records that are young", len(b.trail(b.tenant, muster.AuditQuery{})), 5)
	for purge(b.tenant, future, future, 2) {
		if steps++; steps > 20 {
			b.Fatal("purging finds no end")
		}
	}
	b.same("records", len(b.trail(b.tenant, muster.AuditQuery{})), 0)
	b.same("records of the installation", len(b.trail(0, muster.AuditQuery{})), 1)
	b.same("purged of the installation", purge(0, future, future, 100), true)
	b.same("deliveries of the other", len(b.deliveries(foreign)), 1)
	b.same("a test after all", b.test(h).State, webhook.Waiting)
}

func testRestartedDeliveries(b *bundle) {
	h := b.newHook(b.tenant)
	event := b.test(h).Event
	b.store = b.reopen(b.T, b.store)
	b.same("due", b.due(), []muster.ID{b.tenant})
	b.same("what was told", b.told(h), []string{"webhook.test {}"})
	if next := b.test(h).Event; next <= event {
		b.Errorf("the event after %s is %s", event, next)
	}
}
