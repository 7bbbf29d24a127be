package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/webhook"
)

// newWebhook makes one, and gives it and its secret.
func (b *bundle) newWebhook(t testing.TB, tenant muster.ID, name string) (*webhook.Hook, string) {
	t.Helper()
	made, err := b.config.Webhooks.Create(t.Context(), tenant, webhook.New{Name: name, URL: "https://hr.example.com/muster"})
	must(t, err)
	return made.Hook, made.Secret
}

// settle ends the attempt that is due.
func (b *bundle) settle(t testing.TB, tenant muster.ID, s webhook.Settlement) {
	t.Helper()
	claim, err := b.store.ClaimDelivery(t.Context(), tenant, nil, webhook.Lease)
	must(t, err)
	if claim == nil {
		t.Fatal("no delivery is due")
	}
	_, err = b.store.SettleDelivery(t.Context(), claim, s)
	must(t, err)
}

// TestTheLifeOfAWebhook: made, changed, tested, its secret replaced, disabled, enabled and deleted.
func TestTheLifeOfAWebhook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.get("/console/webhooks").is(http.StatusOK).has("name an address below")
	form := url.Values{"name": {probe}, "url": {"https://hr.example.com/a?b=c&d=" + probe}, "events": {"users.changed"}}
	made := v.submit("/console/webhooks", "/console/webhooks", form).is(http.StatusOK).hasNo("<script>alert")
	first := made.take(`<code id="secret">(whsec_[^<]+)</code>`)
	made.appears(first, 1)
	all, err := b.store.Webhooks(t.Context(), b.tenant.ID)
	must(t, err)
	if len(all) != 1 || all[0].Name != probe || all[0].URL != form.Get("url") || all[0].Types != webhook.TypesOf(webhook.UsersChanged) {
		t.Fatalf("there are %+v", all)
	}
	at := "/console/webhooks/" + all[0].ID.String()
	for _, page := range []string{"/console/webhooks", at} {
		v.get(page).is(http.StatusOK).has("&lt;script&gt;", "https://hr.example.com/a?b=c&amp;d=&#34;&gt;", "users.changed", "0 days old").hasNo(first, "<script>alert")
	}
	v.submit(at, at, url.Values{"name": {"HR"}, "url": {"https://hr.example.com/b"}}).leadsTo(at)
	v.get(at).has("The webhook is changed.", "<h1>HR</h1>", `value="https://hr.example.com/b"`).hasNo("checked")
	v.get("/console/webhooks").has(`<span class="badge ">all</span>`)

	second := v.submit(at, at+"/secret", url.Values{}).is(http.StatusOK).has("until", "2026-01-03 03:04").take(`<code id="secret">(whsec_[^<]+)</code>`)
	v.get(at).has("the one before until").hasNo(first, second)
	v.submit(at, at+"/state", url.Values{"disabled": {"1"}}).leadsTo(at)
	v.get(at).has("The webhook is disabled", "Enable it").hasNo("Send a test message")
	v.submit(at, at+"/test", url.Values{}).is(http.StatusConflict).has("enable it first")
	v.submit(at, at+"/state", url.Values{}).leadsTo(at)
	v.get(at).has("The webhook is enabled", "Disable it")
	v.submit(at, at+"/removal", url.Values{}).leadsTo("/console/webhooks")
	v.get("/console/webhooks").has("The webhook is deleted", "name an address below")
	v.get(at).is(http.StatusNotFound)
	target := " webhook " + all[0].ID.String()
	equal(t, b.trail(t, b.tenant.ID), []string{
		"delete-webhook" + target, "change-webhook" + target + " disabled", "change-webhook" + target + " disabled", "rotate-webhook-secret" + target,
		"change-webhook" + target + " name, url, events", "create-webhook" + target,
	})
}

func TestWebhooksThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	h, _ := b.newWebhook(t, b.tenant.ID, "kept")
	at := "/console/webhooks/" + h.ID.String()
	for _, c := range []struct{ field, name, url, event, want string }{
		{"name", strings.Repeat("x", 65), "https://hr.example.com", "", "at most 64 characters"},
		{"url", probe, "", "", "an absolute URL"},
		{"url", "typed", "https://user:pass@hr.example.com/", "", "an absolute URL"},
		{"url", "typed", "http://hr.example.com/", "", "one of https"},
		{"url", "typed", "https://127.0.0.1/", "", "a public address"},
		{"events", "typed", "https://hr.example.com/", "everything", "events must be some of"},
	} {
		form := url.Values{"name": {c.name}, "url": {c.url}}
		if c.event != "" {
			form.Set("events", c.event)
		}
		for _, path := range []string{"/console/webhooks", at} {
			v.submit(path, path, form).is(http.StatusUnprocessableEntity).has(`href="#`+c.field+`"`, `id="`+c.field+`-fault"`, c.want).hasNo("<script>alert", "whsec_")
		}
	}
	v.header.Set("Accept-Language", "zh-CN")
	v.submit("/console/webhooks", "/console/webhooks", url.Values{"url": {"http://hr.example.com/"}}).is(http.StatusUnprocessableEntity).has("地址须为 https：")
	for range webhook.MaxHooks - 1 {
		b.newWebhook(t, b.tenant.ID, "many")
	}
	v.submit("/console/webhooks", "/console/webhooks", url.Values{"url": {"https://hr.example.com/"}}).is(http.StatusConflict).has("租户已有 20 个 Webhook")
	all, err := b.store.Webhooks(t.Context(), b.tenant.ID)
	must(t, err)
	if len(all) != webhook.MaxHooks || all[0].Name != "kept" || all[0].URL != h.URL {
		t.Errorf("there are %d, the first %+v", len(all), all[0])
	}
}

// TestDeliveries shows what became of messages, and sends them again.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	h, _ := b.newWebhook(t, b.tenant.ID, "HR")
	at := "/console/webhooks/" + h.ID.String()
	v.get(at).has("Nothing has been sent yet")
	v.submit(at, at+"/test", url.Values{}).leadsTo(at)
	v.get(at).has("A test message is on its way", "webhook.test", "waiting", "under way").hasNo("/resend")
	b.settle(t, b.tenant.ID, webhook.Settlement{
		State: webhook.Failed, Status: 500, Problem: "It answered with status 500, which is none from 200 to 299." + probe,
	})
	page := v.get(at).has("given up", "status 500", "failing", "&lt;script&gt;").hasNo("<script>alert")
	resend := page.take(`action="([^"]+/resend)"`)
	v.submit(at, resend, url.Values{}).leadsTo(at)
	v.get(at).has("The message is sent again.", "waiting")
	b.settle(t, b.tenant.ID, webhook.Settlement{State: webhook.Delivered, Status: 204})
	v.get(at).has("delivered", "status 204").hasNo("failing")

	const more = 50
	for range more {
		v.submit(at, at+"/test", url.Values{}).leadsTo(at)
	}
	next := v.get(at).appears("webhook.test", more).hasNo("delivered").take(`rel="next" href="([^"]+)"`)
	v.get(next).is(http.StatusOK).appears("webhook.test", 1).has("delivered").hasNo(`rel="next"`)
	v.get(at + "?before=x").is(http.StatusNotFound)

	// The server gave it up.
	reason := "All deliveries failed for 5 days. The attempt failed: it did not answer in time."
	_, err := b.store.UpdateWebhook(t.Context(), b.tenant.ID, h.ID, func(h *webhook.Hook) error {
		h.Disabled, h.Reason, h.FailingSince = true, reason, b.clock.Now().Add(-5*24*time.Hour)
		return nil
	})
	must(t, err)
	v.get(at).has(reason)
	v.header.Set("Accept-Language", "zh-CN")
	v.get(at).has("连续 5 天发送失败。发送失败：未及时响应。").hasNo("deliveries failed")
}

// webhookForms are what changes a webhook, by path.
func webhookForms(id, delivery muster.ID) map[string]url.Values {
	at := "/console/webhooks/" + id.String()
	return map[string]url.Values{
		at: {"url": {"https://evil.example/"}}, at + "/state": {"disabled": {"1"}}, at + "/secret": {}, at + "/test": {}, at + "/removal": {},
		at + "/deliveries/" + delivery.String() + "/resend": {},
	}
}

func TestWebhooksOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h, _ := b.newWebhook(t, b.other.ID, "foreign")
	d, err := b.store.TestWebhook(t.Context(), b.other.ID, h.ID)
	must(t, err)
	own, _ := b.newWebhook(t, b.tenant.ID, "own")
	for _, tenant := range []muster.ID{b.tenant.ID, 0} {
		v := b.signedIn(t, tenant, muster.OperatorAdministrator)
		token := v.get("/console/webhooks").is(http.StatusOK).has("own").hasNo("foreign").token()
		v.get("/console/webhooks/" + h.ID.String()).is(http.StatusNotFound).hasNo("foreign")
		forms := webhookForms(h.ID, d.Event)
		forms["/console/webhooks/"+own.ID.String()+"/deliveries/"+d.Event.String()+"/resend"] = url.Values{}
		for path, form := range forms {
			form.Set("csrf", token)
			v.post(path, form).is(http.StatusNotFound)
		}
	}
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner} {
		v := b.signedIn(t, b.other.ID, role)
		token := v.get("/console/").hasNo(`href="/console/webhooks"`).token()
		v.get("/console/webhooks").is(http.StatusForbidden)
		v.get("/console/webhooks/" + h.ID.String()).is(http.StatusForbidden)
		forms := webhookForms(h.ID, d.Event)
		forms["/console/webhooks"] = url.Values{"url": {"https://evil.example/"}}
		for path, form := range forms {
			form.Set("csrf", token)
			v.post(path, form).is(http.StatusForbidden)
		}
	}
	after, err := b.store.Webhook(t.Context(), b.other.ID, h.ID)
	must(t, err)
	sent, err := b.store.Deliveries(t.Context(), b.other.ID, h.ID, 0, 10)
	must(t, err)
	if after.Disabled || after.URL != h.URL || len(after.Secrets) != 1 || len(sent) != 1 {
		t.Errorf("the webhook is %+v, with %d deliveries", after, len(sent))
	}
}
