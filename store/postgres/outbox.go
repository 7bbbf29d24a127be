package postgres

import (
	"context"
	"time"

	"muster"
	"muster/provision"
	"muster/webhook"
)

// outbox takes what happens in a transaction, for those of the tenant's webhooks that want it.
type outbox struct {
	*tx
	tenant muster.ID
	hooks  []webhook.Hook
}

// outbox queues a look-up of which webhooks the tenant has.
func (t *tx) outbox(tenant muster.ID) *outbox {
	o := &outbox{tx: t, tenant: tenant}
	t.hooks(&o.hooks, tenant)
	return o
}

// wants reports whether any webhook is to be told of events of the type.
func (o *outbox) wants(t webhook.Type) bool {
	for i := range o.hooks {
		if o.told(i, t) {
			return true
		}
	}
	return false
}

func (o *outbox) told(hook int, t webhook.Type) bool {
	return !o.hooks[hook].Disabled && o.hooks[hook].Types.Has(t)
}

// add queues events that are wanted, and a delivery of each for every webhook that wants it. The flush sets last to the id of
// the last one.
func (o *outbox) add(last *muster.ID, events ...webhook.Event) {
	if len(events) == 0 {
		return
	}
	types, data := make([]int16, len(events)), make([]string, len(events))
	var places []int32
	var hooks []int64
	for i := range events {
		types[i], data[i] = int16(events[i].Type), events[i].Data
		for k := range o.hooks {
			if o.told(k, events[i].Type) {
				places, hooks = append(places, int32(i+1)), append(hooks, int64(o.hooks[k].ID))
			}
		}
	}
	o.row([]any{last}, insertEvents, o.tenant, types, data, places, hooks)
}

// tell puts into the outbox which users changed, if they did, given how they were before, and which batches are finished.
func (a *application) tell(box *outbox, w *provision.Writes, before []muster.User) error {
	changed := a.mode == muster.ModeRun && len(w.Planned.Insert)+len(w.Planned.Update)+len(w.Planned.Delete) > 0
	a.idle = !changed && len(w.Chunks) == 0
	var events []webhook.Event
	if changed && box.wants(webhook.UsersChanged) {
		events = webhook.Changes(&w.Planned, before, w.Batch())
	}
	if len(a.ended) > 0 && box.wants(webhook.BatchFinished) {
		ended := make([]*muster.Batch, len(a.ended))
		for i, id := range a.ended {
			box.batch(&ended[i], a.tenant, id, 0)
		}
		if err := box.flush(); err != nil {
			return err
		}
		for _, b := range ended {
			events = append(events, webhook.Finished(b))
		}
	}
	box.add(new(muster.ID), events...)
	return nil
}

// tellRoleTaken puts into the outbox that the role's users change.
func (t *tx) tellRoleTaken(box *outbox, role muster.ID) error {
	if !box.wants(webhook.UsersChanged) {
		return nil
	}
	var users []muster.ID
	t.rows(func(row scanner) error {
		var id muster.ID
		err := row.Scan(&id)
		users = append(users, id)
		return err
	}, selectRoleUsers, box.tenant, role)
	if err := t.flush(); err != nil {
		return err
	}
	box.add(new(muster.ID), webhook.Updated(users)...)
	return nil
}

// TestWebhook is [webhook.Store.TestWebhook].
func (s *Store) TestWebhook(ctx context.Context, tenant, id muster.ID) (*webhook.Delivery, error) {
	var d *webhook.Delivery
	err := s.write(ctx, tenant, func(t *tx) error {
		var h *webhook.Hook
		t.hook(&h, tenant, id)
		if err := t.flush(); err != nil {
			return err
		}
		switch {
		case h == nil:
			return &muster.Error{Kind: muster.KindNotFound, Detail: noWebhook}
		case h.Disabled:
			return conflict("", "The webhook is disabled: enable it first.")
		}
		only := outbox{tx: t, tenant: tenant, hooks: []webhook.Hook{*h}}
		var event muster.ID
		only.add(&event, webhook.Tested())
		if err := t.flush(); err != nil {
			return err
		}
		t.delivery(&d, tenant, id, event)
		return nil
	})
	if err != nil {
		return nil, explain("test a webhook", err)
	}
	return d, nil
}

// Deliveries is [webhook.Store.Deliveries].
func (s *Store) Deliveries(ctx context.Context, tenant, id, before muster.ID, limit int) ([]webhook.Delivery, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	var h *webhook.Hook
	var all []webhook.Delivery
	err := s.read(ctx, func(t *tx) error {
		t.hook(&h, tenant, id)
		t.rows(func(row scanner) error {
			d := webhook.Delivery{Webhook: id}
			err := scanDelivery(row, &d)
			all = append(all, d)
			return err
		}, selectDeliveries, tenant, id, before, limit)
		return nil
	})
	if err == nil {
		_, err = found(h, noWebhook)
	}
	if err != nil {
		return nil, explain("list deliveries", err)
	}
	return all, nil
}

// Resend is [webhook.Store.Resend].
func (s *Store) Resend(ctx context.Context, tenant, id, event muster.ID) (*webhook.Delivery, error) {
	var d *webhook.Delivery
	err := s.write(ctx, tenant, func(t *tx) error {
		var h *webhook.Hook
		t.hook(&h, tenant, id)
		t.exec(resendDelivery, tenant, event, id)
		t.delivery(&d, tenant, id, event)
		t.exec(updateOutbox, tenant)
		if err := t.flush(); err != nil {
			return err
		}
		if _, err := found(h, noWebhook); err != nil {
			return err
		}
		_, err := found(d, "The delivery does not exist.")
		return err
	})
	if err != nil {
		return nil, explain("send a delivery again", err)
	}
	return d, nil
}

// delivery queues a look-up of a delivery, and leaves nil where there is none.
func (t *tx) delivery(d **webhook.Delivery, tenant, id, event muster.ID) {
	t.rows(func(row scanner) error {
		*d = &webhook.Delivery{Webhook: id}
		return scanDelivery(row, *d)
	}, selectDelivery, tenant, event, id)
}

func scanDelivery(row scanner, d *webhook.Delivery) error {
	return row.Scan(&d.Event, &d.Type, &d.State, &d.Attempts, &d.Status, &d.Problem, &d.LastAt, &d.NextAt)
}

// DueTenants is [webhook.Store.DueTenants].
func (s *Store) DueTenants(ctx context.Context) ([]muster.ID, error) {
	var due []muster.ID
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			var id muster.ID
			err := row.Scan(&id)
			due = append(due, id)
			return err
		}, selectDueTenants)
		return nil
	})
	return due, explain("look for deliveries", err)
}

// ClaimDelivery is [webhook.Store.ClaimDelivery].
func (s *Store) ClaimDelivery(ctx context.Context, tenant muster.ID, except []muster.ID, lease time.Duration) (*webhook.Claim, error) {
	var claim *webhook.Claim
	var h *webhook.Hook
	err := s.write(ctx, tenant, func(t *tx) error {
		claim, h = nil, nil
		var hook muster.ID
		t.rows(func(row scanner) error {
			claim = new(webhook.Claim)
			return row.Scan(&hook, &claim.Event.ID, &claim.Attempts, &claim.Event.Type, &claim.Event.Data)
		}, selectDue, tenant, except)
		if err := t.flush(); err != nil {
			return err
		}
		if claim != nil {
			t.hook(&h, tenant, hook)
			t.row([]any{&claim.Until}, leaseDelivery, tenant, claim.Event.ID, hook, lease.Microseconds())
		}
		t.exec(updateOutbox, tenant)
		return nil
	})
	if err != nil || claim == nil {
		return nil, explain("claim a delivery", err)
	}
	claim.Hook = *h
	return claim, nil
}

// SettleDelivery is [webhook.Store.SettleDelivery].
func (s *Store) SettleDelivery(ctx context.Context, c *webhook.Claim, end webhook.Settlement) (time.Duration, error) {
	tenant, hook := c.Hook.Tenant, c.Hook.ID
	failed := end.State != webhook.Delivered
	var failing int64 // microseconds
	err := s.write(ctx, tenant, func(t *tx) error {
		var n int64
		t.count(&n, settleDelivery, tenant, c.Event.ID, hook, c.Until, end.State, end.Status, end.Problem, end.After.Microseconds())
		if err := t.flush(); err != nil || n == 0 { // somebody else has it by now
			return err
		}
		t.exec(updateFailing, tenant, hook, failed)
		if failed {
			t.rows(func(row scanner) error { return row.Scan(&failing) }, selectFailing, tenant, hook)
		}
		t.exec(updateOutbox, tenant)
		return nil
	})
	return time.Duration(max(0, failing)) * time.Microsecond, explain("settle a delivery", err)
}
