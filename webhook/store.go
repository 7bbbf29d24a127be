package webhook

import (
	"context"
	"time"

	"muster"
)

// Store is what this package needs of a database. Every method is safe for concurrent use and atomic; what a method that
// changes something did is durable once it returned nil. Times are by the store's clock. Refusals are [*muster.Error].
//
// Beside these a store writes events: see [Changes] and [Finished].
type Store interface {
	// CreateWebhook stores a webhook and records its id as used. KindNotFound if there is no such tenant, KindConflict if it
	// has [MaxHooks].
	CreateWebhook(ctx context.Context, h *Hook) error
	// Webhook reads one; KindNotFound.
	Webhook(ctx context.Context, tenant, id muster.ID) (*Hook, error)
	// Webhooks lists the tenant's by id.
	Webhooks(ctx context.Context, tenant muster.ID) ([]Hook, error)
	// UpdateWebhook reads a webhook, lets change edit it, and stores it, in one transaction. An error of change stores nothing
	// and comes back as it is. KindNotFound.
	UpdateWebhook(ctx context.Context, tenant, id muster.ID, change func(*Hook) error) (*Hook, error)
	// DeleteWebhook deletes it; KindNotFound. What waits for it is not sent.
	DeleteWebhook(ctx context.Context, tenant, id muster.ID) error

	// TestWebhook stores an event of type [Test] for the one webhook; KindNotFound, KindConflict if it is disabled.
	TestWebhook(ctx context.Context, tenant, id muster.ID) (*Delivery, error)
	// Deliveries lists those to a webhook whose events have ids below before (0: all), the newest first; KindNotFound if
	// there is no such webhook.
	Deliveries(ctx context.Context, tenant, id, before muster.ID, limit int) ([]Delivery, error)
	// Resend makes a delivery wait anew, due at once, as if it had not been tried; KindNotFound.
	Resend(ctx context.Context, tenant, id, event muster.ID) (*Delivery, error)

	// DueTenants lists the tenants of which deliveries may be due, in any order. It costs little and may name too many.
	DueTenants(ctx context.Context) ([]muster.ID, error)
	// ClaimDelivery takes the delivery of the tenant that has been due for longest, of webhooks that are enabled and not among
	// the excepted, until the lease ends; nil if none is due.
	ClaimDelivery(ctx context.Context, tenant muster.ID, except []muster.ID, lease time.Duration) (*Claim, error)
	// SettleDelivery ends a claim, unless its lease ended and another began, and says for how long now the webhook's
	// deliveries have all failed; 0 if this one did not.
	SettleDelivery(ctx context.Context, c *Claim, s Settlement) (failing time.Duration, err error)
}
