package native

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/webhook"
)

// NewWebhook is the body that makes a webhook.
type NewWebhook struct {
	Name   string   `json:"name,omitempty" doc:"at most 64 characters, for people"`
	URL    string   `json:"url" doc:"where messages are posted to: https, at a public address or one that the server was told to call"`
	Events []string `json:"events,omitempty" enum:"batch.finished,users.changed" doc:"which events it is told of; absent is all, also such as come later"`
	Secret string   `json:"secret,omitempty" doc:"whsec_ and 24 to 64 bytes in base64, that the receiver already holds; absent makes one" writeOnly:"true"`
}

// Format prints no secret, whatever the verb.
func (n NewWebhook) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "new webhook "+n.Name) }

// WebhookPatch changes the parts of a webhook that it has.
type WebhookPatch struct {
	Name     *string   `json:"name,omitempty" doc:"at most 64 characters; empty takes it away"`
	URL      *string   `json:"url,omitempty"`
	Events   *[]string `json:"events,omitempty" nullable:"false" enum:"batch.finished,users.changed" doc:"empty is all"`
	Disabled *bool     `json:"disabled,omitempty" doc:"of a disabled one no events are kept; what waits for it is sent when it is enabled again"`
}

// WebhookRotation is the body that gives a webhook another secret.
type WebhookRotation struct {
	Secret string `json:"secret,omitempty" doc:"whsec_ and 24 to 64 bytes in base64; absent makes one" writeOnly:"true"`
}

// Format prints no secret, whatever the verb.
func (WebhookRotation) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "rotation") }

// Webhook is where a tenant's events are sent.
type Webhook struct {
	ID           muster.ID `json:"id"`
	Name         string    `json:"name,omitempty"`
	URL          string    `json:"url"`
	Events       []string  `json:"events" nullable:"false" doc:"empty is all"`
	Disabled     bool      `json:"disabled"`
	Reason       string    `json:"reason,omitempty" doc:"why the server disabled it; absent if somebody did"`
	FailingSince time.Time `json:"failingSince,omitzero" doc:"since when every delivery has failed; after five days it is disabled"`
	CreatedAt    time.Time `json:"createdAt"`
	Secrets      []Secret  `json:"secrets" nullable:"false" doc:"one, or two while messages are signed with both; the newest first"`
	Secret       string    `json:"secret,omitempty" doc:"shown once, by the call that made it; absent if it was brought along"`
}

// Format prints no secret, whatever the verb.
func (w Webhook) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "webhook "+w.ID.String()) }

// Webhooks is a list of webhooks.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks" nullable:"false" doc:"by id"`
}

// Delivery is an event on its way to a webhook.
type Delivery struct {
	ID       muster.ID `json:"id" doc:"the event's; with the tenant's id and a hyphen before it, it is the message's webhook-id"`
	Event    string    `json:"event" enum:"batch.finished,users.changed,webhook.test"`
	At       time.Time `json:"at" doc:"when it happened"`
	State    string    `json:"state" enum:"waiting,delivered,failed" doc:"failed once it was tried ten times, in three days"`
	Attempts int       `json:"attempts" doc:"that ended"`
	Status   int       `json:"status,omitempty" doc:"HTTP status of the last attempt's answer; absent if there was none"`
	Problem  string    `json:"problem,omitempty" doc:"why the last attempt failed"`
	LastAt   time.Time `json:"lastAttemptAt,omitzero"`
	NextAt   time.Time `json:"nextAttemptAt,omitzero"`
}

// Deliveries is a page of deliveries, the newest event first.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries" nullable:"false"`
	Next       string     `json:"nextCursor,omitempty" doc:"cursor of the next page; absent on the last"`
}

// webhookPath names a webhook.
type webhookPath struct {
	Tenant  pathID        `path:"tenant"`
	Webhook pathWebhookID `path:"webhook"`
}

// pathWebhookID is a webhook's id in a path.
type pathWebhookID struct{ pathID }

// Schema is for huma.
func (p pathWebhookID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the webhook's id"
	return s
}

// pathDeliveryID is a delivery's id in a path.
type pathDeliveryID struct{ pathID }

// Schema is for huma.
func (p pathDeliveryID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the delivery's id"
	return s
}

func webhookOf(h *webhook.Hook) Webhook {
	wire := Webhook{
		ID: h.ID, Name: h.Name, URL: h.URL, Events: append([]string{}, h.Types.Names()...), Disabled: h.Disabled, Reason: h.Reason,
		FailingSince: h.FailingSince, CreatedAt: h.CreatedAt, Secrets: make([]Secret, len(h.Secrets)),
	}
	for i := range h.Secrets {
		wire.Secrets[i] = Secret{CreatedAt: h.Secrets[i].CreatedAt, ExpiresAt: h.Secrets[i].ExpiresAt}
	}
	return wire
}

func deliveryOf(d *webhook.Delivery) Delivery {
	return Delivery{
		ID: d.Event, Event: d.Type.String(), At: d.Event.Time().UTC(), State: d.State.String(), Attempts: d.Attempts, Status: d.Status,
		Problem: d.Problem, LastAt: d.LastAt, NextAt: d.NextAt,
	}
}

const (
	allWebhooks = "/tenants/{tenant}/webhooks"
	oneWebhook  = "/tenants/{tenant}/webhooks/{webhook}"
	webhookTag  = "Webhooks"
)

func (a *api) addWebhooks(h huma.API) {
	huma.Register(h, operation("create-webhook", http.MethodPost, allWebhooks, "Have events sent to an address", webhookTag, http.StatusCreated),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   NewWebhook
		}) (*answer[Webhook], error) {
			w, err := a.createWebhook(ctx, in.Tenant.id, &in.Body)
			return reply(ctx, a, w, err)
		})
	huma.Register(h, administers(operation("list-webhooks", http.MethodGet, allWebhooks, "List a tenant's webhooks", webhookTag, http.StatusOK)),
		func(ctx context.Context, in *tenantPath) (*answer[Webhooks], error) {
			list, err := a.listWebhooks(ctx, in.Tenant.id)
			return reply(ctx, a, list, err)
		})
	huma.Register(h, administers(operation("get-webhook", http.MethodGet, oneWebhook, "Read a webhook", webhookTag, http.StatusOK)),
		func(ctx context.Context, in *webhookPath) (*answer[Webhook], error) {
			found, err := a.Webhooks.Store.Webhook(ctx, in.Tenant.id, in.Webhook.id)
			return a.webhook(ctx, found, err)
		})
	huma.Register(h, operation("change-webhook", http.MethodPatch, oneWebhook, "Change a webhook, disable it or enable it again", webhookTag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant  pathID        `path:"tenant"`
			Webhook pathWebhookID `path:"webhook"`
			Body    WebhookPatch
		}) (*answer[Webhook], error) {
			changed, err := a.changeWebhook(ctx, in.Tenant.id, in.Webhook.id, &in.Body)
			return a.webhook(ctx, changed, err)
		})
	huma.Register(h, operation("delete-webhook", http.MethodDelete, oneWebhook, "Delete a webhook: what waits for it is not sent", webhookTag, http.StatusNoContent),
		func(ctx context.Context, in *webhookPath) (*struct{}, error) {
			if err := a.Webhooks.Store.DeleteWebhook(ctx, in.Tenant.id, in.Webhook.id); err != nil {
				return nil, a.problem(ctx, err)
			}
			return nil, nil
		})
	huma.Register(h, operation("rotate-webhook-secret", http.MethodPost, oneWebhook+"/secret",
		"Give a webhook another secret: for 24 hours messages are signed with the old one, too", webhookTag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant  pathID        `path:"tenant"`
			Webhook pathWebhookID `path:"webhook"`
			Body    WebhookRotation
		}) (*answer[Webhook], error) {
			issued, err := a.Webhooks.Rotate(ctx, in.Tenant.id, in.Webhook.id, in.Body.Secret)
			w, err := issuedWebhook(issued, in.Body.Secret != "", err)
			return reply(ctx, a, w, err)
		})
	a.addDeliveries(h)
}

func (a *api) addDeliveries(h huma.API) {
	huma.Register(h, operation("test-webhook", http.MethodPost, oneWebhook+"/test", "Send a message that says nothing, to see whether it arrives", webhookTag, http.StatusAccepted),
		func(ctx context.Context, in *webhookPath) (*answer[Delivery], error) {
			d, err := a.Webhooks.Store.TestWebhook(ctx, in.Tenant.id, in.Webhook.id)
			return a.delivery(ctx, d, err)
		})
	huma.Register(h, administers(operation("list-webhook-deliveries", http.MethodGet, oneWebhook+"/deliveries", "List what was sent to a webhook, or is to be, the newest first", webhookTag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant  pathID        `path:"tenant"`
			Webhook pathWebhookID `path:"webhook"`
			Cursor  queryID       `query:"cursor" doc:"a page's nextCursor"`
			Limit   int           `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"deliveries on a page"`
		}) (*answer[Deliveries], error) {
			page := Deliveries{Deliveries: []Delivery{}}
			found, err := a.Webhooks.Store.Deliveries(ctx, in.Tenant.id, in.Webhook.id, in.Cursor.id, in.Limit)
			for i := range found {
				page.Deliveries = append(page.Deliveries, deliveryOf(&found[i]))
			}
			if len(found) == in.Limit {
				page.Next = found[in.Limit-1].Event.String()
			}
			return reply(ctx, a, page, err)
		})
	huma.Register(h, operation("resend-webhook-delivery", http.MethodPost, oneWebhook+"/deliveries/{delivery}/resend",
		"Send a message again, at once, whatever became of it before", webhookTag, http.StatusAccepted),
		func(ctx context.Context, in *struct {
			Tenant   pathID         `path:"tenant"`
			Webhook  pathWebhookID  `path:"webhook"`
			Delivery pathDeliveryID `path:"delivery"`
		}) (*answer[Delivery], error) {
			d, err := a.Webhooks.Store.Resend(ctx, in.Tenant.id, in.Webhook.id, in.Delivery.id)
			return a.delivery(ctx, d, err)
		})
}

func (a *api) webhook(ctx context.Context, h *webhook.Hook, err error) (*answer[Webhook], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[Webhook]{Body: webhookOf(h)}, nil
}

func (a *api) delivery(ctx context.Context, d *webhook.Delivery, err error) (*answer[Delivery], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[Delivery]{Body: deliveryOf(d)}, nil
}

func issuedWebhook(issued webhook.Issued, brought bool, err error) (Webhook, error) {
	if err != nil {
		return Webhook{}, err
	}
	w := webhookOf(issued.Hook)
	if !brought {
		w.Secret = issued.Secret
	}
	return w, nil
}

func (a *api) createWebhook(ctx context.Context, tenant muster.ID, n *NewWebhook) (Webhook, error) {
	types, err := webhook.ParseTypes(n.Events)
	if err != nil {
		return Webhook{}, err
	}
	issued, err := a.Webhooks.Create(ctx, tenant, webhook.New{Name: n.Name, URL: n.URL, Types: types, Secret: n.Secret})
	return issuedWebhook(issued, n.Secret != "", err)
}

func (a *api) listWebhooks(ctx context.Context, tenant muster.ID) (Webhooks, error) {
	list := Webhooks{Webhooks: []Webhook{}}
	found, err := a.Webhooks.Store.Webhooks(ctx, tenant)
	for i := range found {
		list.Webhooks = append(list.Webhooks, webhookOf(&found[i]))
	}
	if err == nil && len(found) == 0 {
		_, err = a.Access.Tenant(ctx, tenant)
	}
	return list, err
}

func (a *api) changeWebhook(ctx context.Context, tenant, id muster.ID, patch *WebhookPatch) (*webhook.Hook, error) {
	change := webhook.Patch{Name: patch.Name, URL: patch.URL, Disabled: patch.Disabled}
	if patch.Events != nil {
		types, err := webhook.ParseTypes(*patch.Events)
		if err != nil {
			return nil, err
		}
		change.Types = &types
	}
	return a.Webhooks.Change(ctx, tenant, id, change)
}
