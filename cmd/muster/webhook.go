package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster/api/native"
	"muster/webhook"
)

type webhookCmd struct {
	Add        webhookAddCmd        `cmd:"" help:"Have events sent to an address, and print the secret that messages are signed with."`
	List       webhookListCmd       `cmd:"" help:"List webhooks."`
	Show       webhookShowCmd       `cmd:"" help:"Show a webhook."`
	Set        webhookSetCmd        `cmd:"" help:"Change a webhook, disable it, or enable it again."`
	Rotate     webhookRotateCmd     `cmd:"" help:"Give a webhook another secret. For 24 hours messages are signed with the old one, too."`
	Remove     webhookRemoveCmd     `cmd:"" help:"Remove a webhook. What waits for it is not sent."`
	Test       webhookTestCmd       `cmd:"" help:"Send a message that says nothing, and wait for what becomes of it."`
	Deliveries webhookDeliveriesCmd `cmd:"" help:"List what was sent to a webhook, or is to be, the newest first."`
	Resend     webhookResendCmd     `cmd:"" help:"Send a message again, whatever became of it before."`
}

// webhookFlags choose a webhook.
type webhookFlags struct {
	tenantFlags
	Webhook string `arg:"" help:"Id of the webhook."`
}

// call runs do with where the API has the webhook.
func (f *webhookFlags) call(ctx context.Context, p *printer, do func(api *nativeClient, hook string) error) error {
	id, err := idFlag("webhook", f.Webhook)
	if err != nil {
		return err
	}
	return f.with(ctx, p, func(api *nativeClient, base string) error { return do(api, base+"/webhooks/"+id.String()) })
}

const webhookHeading = "ID STATE EVENTS URL NAME"

func webhookRow(w *native.Webhook) []string {
	return []string{w.ID.String(), webhookState(w), eventsOf(w), w.URL, w.Name}
}

func webhookState(w *native.Webhook) string {
	switch {
	case w.Disabled:
		return "disabled"
	case !w.FailingSince.IsZero():
		return "failing"
	default:
		return "enabled"
	}
}

func eventsOf(w *native.Webhook) string {
	if len(w.Events) == 0 {
		return "all"
	}
	return strings.Join(w.Events, ",")
}

// issuedWebhook prints its secret, once.
type issuedWebhook struct{ native.Webhook }

func (i *issuedWebhook) environment() [][2]string {
	return [][2]string{{"MUSTER_WEBHOOK_ID", i.ID.String()}, {"MUSTER_WEBHOOK_SECRET", i.Secret}}
}

func printWebhook(p *printer, w *native.Webhook) error {
	return p.print(w, func(out io.Writer) { describeWebhook(out, w) })
}

func printIssued(p *printer, w *native.Webhook) error {
	return p.print(&issuedWebhook{*w}, func(out io.Writer) {
		describeWebhook(out, w)
		if w.Secret != "" {
			_, _ = fmt.Fprintln(out, "\nThe secret is shown this once:")
			_, _ = fmt.Fprintln(out, w.Secret)
		}
	})
}

func describeWebhook(out io.Writer, w *native.Webhook) {
	ends := ""
	if len(w.Secrets) > 1 {
		ends = stamp(w.Secrets[1].ExpiresAt)
	}
	pairs(out, [2]string{"id", w.ID.String()}, [2]string{"name", w.Name}, [2]string{"url", w.URL}, [2]string{"events", eventsOf(w)},
		[2]string{"state", webhookState(w)}, [2]string{"reason", w.Reason}, [2]string{"failing since", stamp(w.FailingSince)},
		[2]string{"created", stamp(w.CreatedAt)}, [2]string{"old secret ends", ends})
}

type webhookAddCmd struct {
	tenantFlags
	URL        string   `arg:"" help:"Where messages are posted to: https, at a public address or one that the server calls by --webhook-allow."`
	Name       string   `env:"-" placeholder:"NAME" help:"Name, for people."`
	Event      []string `env:"-" placeholder:"TYPE" help:"What it is told of: batch.finished or users.changed; may be repeated. Default: all."`
	SecretFile string   `env:"-" type:"path" placeholder:"FILE" help:"File with the secret that the receiver already holds, - for standard input; made if not given."`
}

func (*webhookAddCmd) printsEnvironment() {}

func (c *webhookAddCmd) Run(ctx context.Context, p *printer) error {
	secret, err := readSecret(c.SecretFile, p.In)
	if err != nil {
		return err
	}
	body := native.NewWebhook{Name: c.Name, URL: c.URL, Events: c.Event, Secret: secret}
	return c.with(ctx, p, func(api *nativeClient, base string) error {
		var made native.Webhook
		if err := api.call(ctx, http.MethodPost, base+"/webhooks", body, &made); err != nil {
			return err
		}
		return printIssued(p, &made)
	})
}

type webhookListCmd struct {
	lists
	tenantFlags
}

func (c *webhookListCmd) Run(ctx context.Context, p *printer) error {
	return c.with(ctx, p, func(api *nativeClient, base string) error {
		var all native.Webhooks
		if err := api.call(ctx, http.MethodGet, base+"/webhooks", nil, &all); err != nil {
			return err
		}
		rows := make([][]string, len(all.Webhooks))
		for i := range all.Webhooks {
			rows[i] = webhookRow(&all.Webhooks[i])
		}
		return p.list(all, webhookHeading, rows)
	})
}

type webhookShowCmd struct{ webhookFlags }

func (c *webhookShowCmd) Run(ctx context.Context, p *printer) error {
	return c.call(ctx, p, func(api *nativeClient, hook string) error {
		var w native.Webhook
		if err := api.call(ctx, http.MethodGet, hook, nil, &w); err != nil {
			return err
		}
		return printWebhook(p, &w)
	})
}

type webhookSetCmd struct {
	webhookFlags
	URL      *string  `env:"-" placeholder:"URL" help:"Where messages are posted to from now on, those that wait among them."`
	Name     *string  `env:"-" placeholder:"NAME" help:"Name, for people; empty for none."`
	Event    []string `env:"-" placeholder:"TYPE" help:"What it is told of: batch.finished, users.changed or all; may be repeated."`
	Disabled *bool    `env:"-" negatable:"" help:"Whether it is told nothing. What waits for it is sent when it is enabled again."`
}

func (c *webhookSetCmd) Run(ctx context.Context, p *printer) error {
	patch := native.WebhookPatch{URL: c.URL, Name: c.Name, Disabled: c.Disabled}
	if len(c.Event) == 1 && c.Event[0] == "all" {
		patch.Events = &[]string{}
	} else if len(c.Event) > 0 {
		patch.Events = &c.Event
	}
	if patch == (native.WebhookPatch{}) {
		return usagef("there is nothing to change: --url, --name, --event and --disabled are accepted")
	}
	return c.call(ctx, p, func(api *nativeClient, hook string) error {
		var w native.Webhook
		if err := api.call(ctx, http.MethodPatch, hook, patch, &w); err != nil {
			return err
		}
		return printWebhook(p, &w)
	})
}

type webhookRotateCmd struct {
	webhookFlags
	SecretFile string `env:"-" type:"path" placeholder:"FILE" help:"File with the new secret, - for standard input; made if not given."`
}

func (*webhookRotateCmd) printsEnvironment() {}

func (c *webhookRotateCmd) Run(ctx context.Context, p *printer) error {
	secret, err := readSecret(c.SecretFile, p.In)
	if err != nil {
		return err
	}
	return c.call(ctx, p, func(api *nativeClient, hook string) error {
		var w native.Webhook
		if err := api.call(ctx, http.MethodPost, hook+"/secret", native.WebhookRotation{Secret: secret}, &w); err != nil {
			return err
		}
		return printIssued(p, &w)
	})
}

type webhookRemoveCmd struct{ webhookFlags }

func (c *webhookRemoveCmd) Run(ctx context.Context, p *printer) error {
	return c.call(ctx, p, func(api *nativeClient, hook string) error {
		if err := api.call(ctx, http.MethodDelete, hook, nil, nil); err != nil {
			return err
		}
		return p.print(struct{}{}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "The webhook is gone.") })
	})
}

const deliveryHeading = "ID EVENT TIME STATE ATTEMPTS STATUS NEXT PROBLEM"

func deliveryRow(d *native.Delivery) []string {
	status := ""
	if d.Status != 0 {
		status = strconv.Itoa(d.Status)
	}
	return []string{
		d.ID.String(), d.Event, stamp(d.At), d.State, strconv.Itoa(d.Attempts), status, stamp(d.NextAt), d.Problem,
	}
}

func printDelivery(p *printer, d *native.Delivery) error {
	return p.print(d, func(w io.Writer) { table(w, deliveryHeading, [][]string{deliveryRow(d)}) })
}

type webhookTestCmd struct{ webhookFlags }

const (
	// testTime is how long a test waits for the end of its first attempt, and testPause between two looks.
	testTime  = webhook.Timeout + 5*time.Second
	testPause = 200 * time.Millisecond
)

func (c *webhookTestCmd) Run(ctx context.Context, p *printer) error {
	return c.call(ctx, p, func(api *nativeClient, hook string) error {
		var d native.Delivery
		if err := api.call(ctx, http.MethodPost, hook+"/test", nil, &d); err != nil {
			return err
		}
		if api.work != nil {
			_, _ = fmt.Fprintln(p.Err, "No server runs: the message is sent when one does.")
			return printDelivery(p, &d)
		}
		deadline := time.After(testTime)
		for d.Attempts == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-deadline:
				return unavailable{errors.New("nobody sends the message: is a server running?")}
			case <-time.After(testPause):
			}
			found, err := delivery(ctx, api, hook, &d)
			if err != nil {
				return err
			}
			d = *found
		}
		if err := printDelivery(p, &d); err != nil {
			return err
		}
		if d.State != webhook.Delivered.String() {
			return refused{errors.New("the message was not taken, and is sent again later")}
		}
		return nil
	})
}

// delivery reads a delivery anew.
func delivery(ctx context.Context, api *nativeClient, hook string, d *native.Delivery) (*native.Delivery, error) {
	var page native.Deliveries
	query := "/deliveries?limit=1&cursor=" + (d.ID + 1).String()
	if err := api.call(ctx, http.MethodGet, hook+query, nil, &page); err != nil {
		return nil, err
	}
	if len(page.Deliveries) == 0 || page.Deliveries[0].ID != d.ID {
		return nil, errors.New("the delivery is gone")
	}
	return &page.Deliveries[0], nil
}

type webhookDeliveriesCmd struct {
	lists
	webhookFlags
	Limit int `env:"-" default:"20" placeholder:"N" help:"How many at most."`
}

func (c *webhookDeliveriesCmd) Run(ctx context.Context, p *printer) error {
	return c.call(ctx, p, func(api *nativeClient, hook string) error {
		list := native.Deliveries{Deliveries: []native.Delivery{}}
		err := pages(c.Limit, url.Values{}, func(query string) (int, string, error) {
			var page native.Deliveries
			err := api.call(ctx, http.MethodGet, hook+"/deliveries?"+query, nil, &page)
			list.Deliveries, list.Next = append(list.Deliveries, page.Deliveries...), page.Next
			return len(page.Deliveries), page.Next, err
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(list.Deliveries))
		for i := range list.Deliveries {
			rows[i] = deliveryRow(&list.Deliveries[i])
		}
		return p.list(list, deliveryHeading, rows)
	})
}

type webhookResendCmd struct {
	webhookFlags
	Delivery string `arg:"" help:"Id of the delivery."`
}

func (c *webhookResendCmd) Run(ctx context.Context, p *printer) error {
	id, err := idFlag("delivery", c.Delivery)
	if err != nil {
		return err
	}
	return c.call(ctx, p, func(api *nativeClient, hook string) error {
		var d native.Delivery
		if err := api.call(ctx, http.MethodPost, hook+"/deliveries/"+id.String()+"/resend", nil, &d); err != nil {
			return err
		}
		return printDelivery(p, &d)
	})
}
