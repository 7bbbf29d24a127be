package sqlite

import (
	"context"
	"fmt"

	"muster"
	"muster/webhook"
)

const noWebhook = "The webhook does not exist."

// CreateWebhook is [webhook.Store.CreateWebhook].
func (s *Store) CreateWebhook(ctx context.Context, h *webhook.Hook) error {
	err := s.writer.small(ctx, func(c *conn) error {
		ctx := context.Background()
		if _, err := scanTenant(c.row(ctx, selectTenant, int64(h.Tenant))); err != nil {
			return exists(err, noTenant)
		}
		all, err := hooks(ctx, c, h.Tenant)
		if err != nil {
			return err
		}
		if len(all) >= webhook.MaxHooks {
			return &muster.Error{
				Kind:   muster.KindConflict,
				Detail: fmt.Sprintf("The tenant has %d webhooks, which is the most: delete one first.", webhook.MaxHooks),
			}
		}
		_, err = c.exec(insertHook, int64(h.Tenant), int64(h.ID), orNull(h.Name), h.URL, int64(h.Types), h.Disabled, orNull(h.Reason), nil,
			millis(h.CreatedAt))
		if err != nil {
			return err
		}
		if err := writeHookSecrets(c, h); err != nil {
			return err
		}
		return recordID(c, h.ID)
	})
	return explain("create a webhook", err)
}

// Webhook is [webhook.Store.Webhook].
func (s *Store) Webhook(ctx context.Context, tenant, id muster.ID) (h *webhook.Hook, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		h, err = readHook(ctx, q, tenant, id)
		return err
	})
	if err != nil {
		return nil, explain("read a webhook", err)
	}
	return h, nil
}

// Webhooks is [webhook.Store.Webhooks].
func (s *Store) Webhooks(ctx context.Context, tenant muster.ID) (all []webhook.Hook, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		if all, err = hooks(ctx, q, tenant); err != nil {
			return err
		}
		for i := range all {
			if err := readHookSecrets(ctx, q, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return all, explain("list webhooks", err)
}

// UpdateWebhook is [webhook.Store.UpdateWebhook].
func (s *Store) UpdateWebhook(ctx context.Context, tenant, id muster.ID, change func(*webhook.Hook) error) (*webhook.Hook, error) {
	var h *webhook.Hook
	var refused error
	err := s.writer.small(ctx, func(c *conn) (err error) {
		if h, err = readHook(context.Background(), c, tenant, id); err != nil {
			return err
		}
		if refused = change(h); refused != nil {
			return refused
		}
		_, err = c.exec(updateHook, orNull(h.Name), h.URL, int64(h.Types), h.Disabled, orNull(h.Reason), orNever(h.FailingSince), int64(tenant), int64(id))
		if err != nil {
			return err
		}
		if _, err := c.exec(deleteHookSecrets, int64(tenant), int64(id)); err != nil {
			return err
		}
		if err := writeHookSecrets(c, h); err != nil {
			return err
		}
		return refreshOutbox(c, tenant)
	})
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, explain("update a webhook", err)
	default:
		return h, nil
	}
}

// DeleteWebhook is [webhook.Store.DeleteWebhook]. Its deliveries, which nobody finds any more, are purged in their time.
func (s *Store) DeleteWebhook(ctx context.Context, tenant, id muster.ID) error {
	err := s.writer.small(ctx, func(c *conn) error {
		n, err := c.exec(deleteHook, int64(tenant), int64(id))
		if err == nil && n == 0 {
			err = &muster.Error{Kind: muster.KindNotFound, Detail: noWebhook}
		}
		if err != nil {
			return err
		}
		if _, err := c.exec(deleteHookSecrets, int64(tenant), int64(id)); err != nil {
			return err
		}
		return refreshOutbox(c, tenant)
	})
	return explain("delete a webhook", err)
}

func readHook(ctx context.Context, q querier, tenant, id muster.ID) (*webhook.Hook, error) {
	h := webhook.Hook{Tenant: tenant}
	if err := scanHook(q.row(ctx, selectHook, int64(tenant), int64(id)), &h); err != nil {
		return nil, exists(err, noWebhook)
	}
	return &h, readHookSecrets(ctx, q, &h)
}

// hooks reads the tenant's webhooks without their secrets.
func hooks(ctx context.Context, q querier, tenant muster.ID) (all []webhook.Hook, err error) {
	rows, err := q.query(ctx, selectHooks, int64(tenant))
	err = collect(rows, err, func(row scanner) error {
		h := webhook.Hook{Tenant: tenant}
		err := scanHook(row, &h)
		all = append(all, h)
		return err
	})
	return all, err
}

func scanHook(row scanner, h *webhook.Hook) error {
	return row.Scan(&h.ID, text{&h.Name}, &h.URL, &h.Types, &h.Disabled, text{&h.Reason}, moment{&h.FailingSince}, moment{&h.CreatedAt})
}

func readHookSecrets(ctx context.Context, q querier, h *webhook.Hook) error {
	rows, err := q.query(ctx, selectHookSecrets, int64(h.Tenant), int64(h.ID))
	return collect(rows, err, func(row scanner) error {
		var s muster.Secret
		err := row.Scan(&s.Sealed, moment{&s.CreatedAt}, moment{&s.ExpiresAt})
		h.Secrets = append(h.Secrets, s)
		return err
	})
}

func writeHookSecrets(c *conn, h *webhook.Hook) error {
	for i, s := range h.Secrets {
		version, err := versionOnRecord(c, s.Sealed)
		if err != nil {
			return err
		}
		_, err = c.exec(insertHookSecret, int64(h.Tenant), int64(h.ID), i, s.Sealed, version, millis(s.CreatedAt), orNever(s.ExpiresAt))
		if err != nil {
			return err
		}
	}
	return nil
}
