package sqlite

import (
	"context"
	"time"

	"muster"
	"muster/provision"
	"muster/webhook"
)

// outbox takes what happens in a transaction, for those of the tenant's webhooks that want it.
type outbox struct {
	tenant muster.ID
	hooks  []webhook.Hook // that are enabled
}

// outboxOf reads which webhooks the tenant has: one look-up, whatever happens.
func outboxOf(c *conn, tenant muster.ID) (*outbox, error) {
	all, err := hooks(context.Background(), c, tenant)
	o := &outbox{tenant: tenant}
	for i := range all {
		if !all[i].Disabled {
			o.hooks = append(o.hooks, all[i])
		}
	}
	return o, err
}

// wants reports whether any webhook is to be told of events of the type.
func (o *outbox) wants(t webhook.Type) bool {
	for i := range o.hooks {
		if o.hooks[i].Types.Has(t) {
			return true
		}
	}
	return false
}

// add stores events that are wanted, and a delivery of each for every webhook that wants it. It gives the last one's id.
func (o *outbox) add(c *conn, now time.Time, events ...webhook.Event) (id muster.ID, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	if err := c.row(context.Background(), selectLastEvent, int64(o.tenant)).Scan(&id); err != nil {
		return 0, err
	}
	id = max(id+1, webhook.FirstID(now)) - 1
	for i := range events {
		id++
		if _, err := c.exec(insertEvent, int64(o.tenant), int64(id), int64(events[i].Type), events[i].Data); err != nil {
			return 0, err
		}
		for k := range o.hooks {
			if !o.hooks[k].Types.Has(events[i].Type) {
				continue
			}
			if _, err := c.exec(insertDelivery, int64(o.tenant), int64(id), int64(o.hooks[k].ID), int64(webhook.Waiting), millis(now)); err != nil {
				return 0, err
			}
		}
	}
	_, err = c.exec(upsertOutbox, int64(o.tenant), millis(now))
	return id, err
}

// tell puts into the outbox which users changed, if they did, given how they were before, and which batches are finished.
func (a *application) tell(c *conn, w *provision.Writes, ran bool, before []muster.User) error {
	changed := ran && len(w.Planned.Insert)+len(w.Planned.Update)+len(w.Planned.Delete) > 0
	if !changed && len(a.ended) == 0 {
		a.idle = len(w.Chunks) == 0
		return nil
	}
	box, err := outboxOf(c, a.tenant)
	if err != nil {
		return err
	}
	var events []webhook.Event
	if changed && box.wants(webhook.UsersChanged) {
		events = webhook.Changes(&w.Planned, before, w.Batch())
	}
	if box.wants(webhook.BatchFinished) {
		for _, id := range a.ended {
			b, err := readBatch(context.Background(), c, a.tenant, id, 0)
			if err != nil {
				return err
			}
			events = append(events, webhook.Finished(&b))
		}
	}
	_, err = box.add(c, a.now(), events...)
	return err
}

// refreshOutbox notes anew when the first of the tenant's deliveries is due.
func refreshOutbox(c *conn, tenant muster.ID) error {
	_, err := c.exec(updateOutbox, int64(tenant))
	return err
}

// TestWebhook is [webhook.Store.TestWebhook].
func (s *Store) TestWebhook(ctx context.Context, tenant, id muster.ID) (d *webhook.Delivery, err error) {
	err = s.writer.small(ctx, func(c *conn) error {
		h, err := readHook(context.Background(), c, tenant, id)
		if err != nil {
			return err
		}
		if h.Disabled {
			return &muster.Error{Kind: muster.KindConflict, Detail: "The webhook is disabled: enable it first."}
		}
		only := outbox{tenant: tenant, hooks: []webhook.Hook{*h}}
		event, err := only.add(c, s.now(), webhook.Tested())
		if err != nil {
			return err
		}
		d, err = readDelivery(c, tenant, id, event)
		return err
	})
	if err != nil {
		return nil, explain("test a webhook", err)
	}
	return d, nil
}

// Deliveries is [webhook.Store.Deliveries].
func (s *Store) Deliveries(ctx context.Context, tenant, id, before muster.ID, limit int) (all []webhook.Delivery, err error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	err = s.readers.read(ctx, func(q querier) error {
		if _, err := readHook(ctx, q, tenant, id); err != nil {
			return err
		}
		rows, err := q.query(ctx, selectDeliveries, int64(tenant), int64(id), int64(before), limit)
		return collect(rows, err, func(row scanner) error {
			d := webhook.Delivery{Webhook: id}
			err := scanDelivery(row, &d)
			all = append(all, d)
			return err
		})
	})
	if err != nil {
		return nil, explain("list deliveries", err)
	}
	return all, nil
}

// Resend is [webhook.Store.Resend].
func (s *Store) Resend(ctx context.Context, tenant, id, event muster.ID) (d *webhook.Delivery, err error) {
	err = s.writer.small(ctx, func(c *conn) error {
		if _, err := readHook(context.Background(), c, tenant, id); err != nil {
			return err
		}
		now := millis(s.now())
		if _, err := c.exec(resendDelivery, int64(webhook.Waiting), now, int64(tenant), int64(event), int64(id)); err != nil {
			return err
		}
		if d, err = readDelivery(c, tenant, id, event); err != nil {
			return err
		}
		return refreshOutbox(c, tenant)
	})
	if err != nil {
		return nil, explain("send a delivery again", err)
	}
	return d, nil
}

func readDelivery(c *conn, tenant, id, event muster.ID) (*webhook.Delivery, error) {
	d := webhook.Delivery{Webhook: id}
	err := scanDelivery(c.row(context.Background(), selectDelivery, int64(tenant), int64(event), int64(id)), &d)
	return &d, exists(err, "The delivery does not exist.")
}

func scanDelivery(row scanner, d *webhook.Delivery) error {
	return row.Scan(&d.Event, &d.Type, &d.State, &d.Attempts, &d.Status, text{&d.Problem}, moment{&d.LastAt}, moment{&d.NextAt})
}

// DueTenants is [webhook.Store.DueTenants].
func (s *Store) DueTenants(ctx context.Context) (due []muster.ID, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectDueTenants, millis(s.now()))
		return collect(rows, err, func(row scanner) error {
			var id muster.ID
			err := row.Scan(&id)
			due = append(due, id)
			return err
		})
	})
	return due, explain("look for deliveries", err)
}

// ClaimDelivery is [webhook.Store.ClaimDelivery].
func (s *Store) ClaimDelivery(ctx context.Context, tenant muster.ID, except []muster.ID, lease time.Duration) (*webhook.Claim, error) {
	var claim *webhook.Claim
	err := s.writer.small(ctx, func(c *conn) error {
		ctx := context.Background()
		now := s.now()
		found := &webhook.Claim{Until: timeOf(millis(now.Add(lease)))}
		var hook muster.ID
		err := c.row(ctx, selectDue, int64(tenant), millis(now), string(jsonIDs(except))).
			Scan(&hook, &found.Event.ID, &found.Attempts, &found.Event.Type, &found.Event.Data)
		if isRefusal(err) { // nothing is due
			return refreshOutbox(c, tenant)
		}
		if err != nil {
			return err
		}
		h, err := readHook(ctx, c, tenant, hook)
		if err != nil {
			return err
		}
		if _, err := c.exec(leaseDelivery, millis(found.Until), int64(tenant), int64(found.Event.ID), int64(hook)); err != nil {
			return err
		}
		found.Hook, claim = *h, found
		return refreshOutbox(c, tenant)
	})
	if err != nil {
		return nil, explain("claim a delivery", err)
	}
	return claim, nil
}

// SettleDelivery is [webhook.Store.SettleDelivery].
func (s *Store) SettleDelivery(ctx context.Context, claim *webhook.Claim, end webhook.Settlement) (failing time.Duration, err error) {
	tenant, hook := int64(claim.Hook.Tenant), int64(claim.Hook.ID)
	err = s.writer.small(ctx, func(c *conn) error {
		now := s.now()
		var due any
		if end.State == webhook.Waiting {
			due = millis(now.Add(end.After))
		}
		n, err := c.exec(settleDelivery, int64(end.State), end.Status, orNull(end.Problem), millis(now), due,
			tenant, int64(claim.Event.ID), hook, millis(claim.Until))
		if err != nil || n == 0 { // somebody else has it by now
			return err
		}
		since := any(nil)
		if end.State != webhook.Delivered {
			since = millis(now)
		}
		if _, err := c.exec(updateFailing, since, tenant, hook); err != nil {
			return err
		}
		if since != nil {
			var first time.Time
			err := c.row(context.Background(), selectFailing, tenant, hook).Scan(moment{&first})
			if err != nil && !isRefusal(err) { // deleted meanwhile
				return err
			}
			if !first.IsZero() {
				failing = now.Sub(first)
			}
		}
		return refreshOutbox(c, claim.Hook.Tenant)
	})
	return failing, explain("settle a delivery", err)
}
