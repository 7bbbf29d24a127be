package console

import (
	"cmp"
	"net/http"
	"net/url"
	"time"

	"muster"
	"muster/webhook"
)

func webhookRoutes() []route {
	return []route{
		{pattern: "GET /webhooks", scope: muster.ScopeAdminister, page: (*visit).listWebhooks},
		{pattern: "POST /webhooks", scope: muster.ScopeAdminister, action: "create-webhook", page: (*visit).createWebhook},
		{pattern: "GET /webhooks/{webhook}", scope: muster.ScopeAdminister, page: (*visit).showWebhook},
		{pattern: "POST /webhooks/{webhook}", scope: muster.ScopeAdminister, action: "change-webhook", page: (*visit).changeWebhook},
		{pattern: "POST /webhooks/{webhook}/state", scope: muster.ScopeAdminister, action: "change-webhook", page: (*visit).switchWebhook},
		{pattern: "POST /webhooks/{webhook}/secret", scope: muster.ScopeAdminister, action: "rotate-webhook-secret", page: (*visit).rotateWebhook},
		{pattern: "POST /webhooks/{webhook}/test", scope: muster.ScopeAdminister, action: "test-webhook", page: (*visit).testWebhook},
		{pattern: "POST /webhooks/{webhook}/removal", scope: muster.ScopeAdminister, action: "delete-webhook", page: (*visit).deleteWebhook},
		{pattern: "POST /webhooks/{webhook}/deliveries/{delivery}/resend", scope: muster.ScopeAdminister, action: "resend-webhook-delivery",
			page: (*visit).resendDelivery},
	}
}

// webhookForm is what was typed, and what is wrong with it.
type webhookForm struct {
	Name, URL string
	Events    []string
	faults    faults
}

func (v *visit) webhookTyped() webhookForm {
	return webhookForm{Name: v.form("name"), URL: v.form("url"), Events: v.formAll("events")}
}

var webhookFields = []string{"name", "url", "events"}

func (v *visit) listWebhooks() error { return v.showWebhooks(http.StatusOK, webhookForm{}) }

func (v *visit) showWebhooks(status int, f webhookForm) error {
	all, err := v.Webhooks.Store.Webhooks(v.ctx(), v.tenant.ID)
	if err != nil {
		return err
	}
	return v.show(status, webhooksPage(v, all, f))
}

func (v *visit) createWebhook() error {
	f := v.webhookTyped()
	types, err := webhook.ParseTypes(f.Events)
	var made webhook.Issued
	if err == nil {
		made, err = v.Webhooks.Create(v.ctx(), v.tenant.ID, webhook.New{Name: f.Name, URL: f.URL, Types: types})
	}
	if err != nil {
		wrong, status, err := v.faultsOf(err, webhookFields...)
		if err != nil {
			return err
		}
		f.faults = wrong
		return v.showWebhooks(status, f)
	}
	return v.show(http.StatusOK, webhookSecretPage(v, made.Hook, made.Secret))
}

// webhookFacts are what a webhook's page shows.
type webhookFacts struct {
	Hook       *webhook.Hook
	Deliveries []webhook.Delivery
	Next       string // query of the page behind; "" if there is none
	Form       webhookForm
}

func (v *visit) showWebhook() error { return v.showWebhookWith(http.StatusOK, nil, nil) }

// showWebhookWith shows a webhook and what was sent to it; f is the form as it was typed, nil is the webhook as it is.
func (v *visit) showWebhookWith(status int, f *webhookForm, wrong faults) error {
	id, err := v.pathID("webhook")
	if err != nil {
		return err
	}
	before, err := v.cursorID("before")
	if err != nil {
		return err
	}
	var facts webhookFacts
	if facts.Hook, err = v.Webhooks.Store.Webhook(v.ctx(), v.tenant.ID, id); err != nil {
		return err
	}
	if facts.Deliveries, err = v.Webhooks.Store.Deliveries(v.ctx(), v.tenant.ID, id, before, pageRows+1); err != nil {
		return err
	}
	if len(facts.Deliveries) > pageRows {
		facts.Deliveries = facts.Deliveries[:pageRows]
		facts.Next = url.Values{"before": {facts.Deliveries[pageRows-1].Event.String()}}.Encode()
	}
	facts.Form = webhookForm{Name: facts.Hook.Name, URL: facts.Hook.URL, Events: facts.Hook.Types.Names()}
	if f != nil {
		facts.Form = *f
	}
	facts.Form.faults = wrong
	return v.show(status, webhookPage(v, facts))
}

// cursorID reads an id behind which a page begins; 0 is the first page.
func (v *visit) cursorID(name string) (muster.ID, error) {
	text := v.r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	id, err := muster.ParseID(text)
	if err != nil {
		return 0, v.nowhere()
	}
	return id, nil
}

// refuseWebhook shows a webhook again, with what is wrong; f is nil if nothing was typed.
func (v *visit) refuseWebhook(err error, f *webhookForm) error {
	wrong, status, err := v.faultsOf(err, webhookFields...)
	if err != nil {
		return err
	}
	return v.showWebhookWith(status, f, wrong)
}

func webhookPath(id muster.ID) string { return "/webhooks/" + id.String() }

func (v *visit) changeWebhook() error {
	id, err := v.pathID("webhook")
	if err != nil {
		return err
	}
	f := v.webhookTyped()
	types, err := webhook.ParseTypes(f.Events)
	if err == nil {
		muster.AuditDetail(v.ctx(), "name, url, events")
		_, err = v.Webhooks.Change(v.ctx(), v.tenant.ID, id, webhook.Patch{Name: &f.Name, URL: &f.URL, Types: &types})
	}
	if err != nil {
		return v.refuseWebhook(err, &f)
	}
	return v.goTo(webhookPath(id), v.T("The webhook is changed."))
}

func (v *visit) switchWebhook() error {
	id, err := v.pathID("webhook")
	if err != nil {
		return err
	}
	disabled, said := v.form("disabled") != "", v.T("The webhook is enabled: what waited for it is sent.")
	if disabled {
		said = v.T("The webhook is disabled: it is told of nothing that happens meanwhile.")
	}
	muster.AuditDetail(v.ctx(), "disabled")
	if _, err := v.Webhooks.Change(v.ctx(), v.tenant.ID, id, webhook.Patch{Disabled: &disabled}); err != nil {
		return v.refuseWebhook(err, nil)
	}
	return v.goTo(webhookPath(id), said)
}

func (v *visit) rotateWebhook() error {
	id, err := v.pathID("webhook")
	if err != nil {
		return err
	}
	made, err := v.Webhooks.Rotate(v.ctx(), v.tenant.ID, id, "")
	if err != nil {
		return v.refuseWebhook(err, nil)
	}
	return v.show(http.StatusOK, webhookSecretPage(v, made.Hook, made.Secret))
}

func (v *visit) testWebhook() error {
	id, err := v.pathID("webhook")
	if err != nil {
		return err
	}
	if _, err := v.Webhooks.Store.TestWebhook(v.ctx(), v.tenant.ID, id); err != nil {
		return v.refuseWebhook(err, nil)
	}
	return v.goTo(webhookPath(id), v.T("A test message is on its way: what became of it stands on top of the list below."))
}

func (v *visit) deleteWebhook() error {
	id, err := v.pathID("webhook")
	if err != nil {
		return err
	}
	if err := v.Webhooks.Store.DeleteWebhook(v.ctx(), v.tenant.ID, id); err != nil {
		return v.refuseWebhook(err, nil)
	}
	return v.goTo("/webhooks", v.T("The webhook is deleted: what waited for it is not sent."))
}

func (v *visit) resendDelivery() error {
	id, err := v.pathID("webhook")
	if err != nil {
		return err
	}
	delivery, err := v.pathID("delivery")
	if err != nil {
		return err
	}
	if _, err := v.Webhooks.Store.Resend(v.ctx(), v.tenant.ID, id, delivery); err != nil {
		return v.refuseWebhook(err, nil)
	}
	return v.goTo(webhookPath(id), v.T("The message is sent again."))
}

// webhookName is what a webhook is called.
func webhookName(h *webhook.Hook) string { return cmp.Or(h.Name, h.URL) }

// liveHookSecrets are those that sign, the newest first.
func (v *visit) liveHookSecrets(h *webhook.Hook) []muster.Secret {
	return v.liveSecrets(&muster.Credential{Secrets: h.Secrets})
}

func eventOptions(v *visit) []option {
	return []option{
		{webhook.BatchFinished.String(), v.T("batch.finished: every row of a batch has its outcome")},
		{webhook.UsersChanged.String(), v.T("users.changed: users were created, updated, disabled, enabled or deleted")},
	}
}

// happened is when an event did.
func happened(d *webhook.Delivery) time.Time { return d.Event.Time().UTC() }

// delivery says what became of a delivery, and how that looks.
func (v *visit) delivery(s webhook.State) (kind, label string) {
	switch s {
	case webhook.Delivered:
		return "good", v.T("delivered")
	case webhook.Failed:
		return "bad", v.T("given up")
	default:
		return "busy", v.T("waiting")
	}
}
