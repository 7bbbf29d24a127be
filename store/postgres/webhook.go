package postgres

import (
	"context"
	"fmt"

	"muster"
	"muster/webhook"
)

const noWebhook = "The webhook does not exist."

// CreateWebhook is [webhook.Store.CreateWebhook].
func (s *Store) CreateWebhook(ctx context.Context, h *webhook.Hook) error {
	err := s.write(ctx, h.Tenant, func(t *tx) error {
		var all []webhook.Hook
		t.hooks(&all, h.Tenant)
		versions, err := t.keyVersions(sealedBlobs(h.Secrets)...)
		if err != nil {
			return err
		}
		if err := t.flush(); err != nil {
			return err
		}
		if len(all) >= webhook.MaxHooks {
			return conflict("", fmt.Sprintf("The tenant has %d webhooks, which is the most: delete one first.", webhook.MaxHooks))
		}
		if err := versions.onRecord(); err != nil {
			return err
		}
		t.exec(insertHook, h.Tenant, h.ID, h.Name, h.URL, h.Types, h.Disabled, h.Reason, orNull(h.FailingSince), h.CreatedAt)
		writeHookSecrets(t, h, versions)
		t.exec(updateLastID, h.Tenant, h.ID)
		return nil
	})
	return explain("create a webhook", err)
}

// Webhook is [webhook.Store.Webhook].
func (s *Store) Webhook(ctx context.Context, tenant, id muster.ID) (*webhook.Hook, error) {
	var h *webhook.Hook
	err := s.read(ctx, func(t *tx) error {
		t.hook(&h, tenant, id)
		return nil
	})
	if err != nil {
		return nil, explain("read a webhook", err)
	}
	return found(h, noWebhook)
}

// Webhooks is [webhook.Store.Webhooks].
func (s *Store) Webhooks(ctx context.Context, tenant muster.ID) ([]webhook.Hook, error) {
	var all []webhook.Hook
	secrets := make(map[muster.ID][]muster.Secret) // by webhook
	err := s.read(ctx, func(t *tx) error {
		t.hooks(&all, tenant)
		t.rows(func(row scanner) error {
			var id muster.ID
			var position, version int
			var s muster.Secret
			err := row.Scan(&id, &position, &version, &s.Sealed, &s.CreatedAt, &s.ExpiresAt)
			secrets[id] = append(secrets[id], s)
			return err
		}, selectTenantHookSecrets, tenant)
		return nil
	})
	for i := range all {
		all[i].Secrets = secrets[all[i].ID]
	}
	return all, explain("list webhooks", err)
}

// UpdateWebhook is [webhook.Store.UpdateWebhook].
func (s *Store) UpdateWebhook(ctx context.Context, tenant, id muster.ID, change func(*webhook.Hook) error) (*webhook.Hook, error) {
	var h *webhook.Hook
	err := s.write(ctx, tenant, func(t *tx) error {
		h = nil
		t.hook(&h, tenant, id)
		if err := t.flush(); err != nil {
			return err
		}
		if h == nil {
			return &muster.Error{Kind: muster.KindNotFound, Detail: noWebhook}
		}
		if err := edit(change, h); err != nil {
			return err
		}
		versions, err := t.keyVersions(sealedBlobs(h.Secrets)...)
		if err != nil {
			return err
		}
		t.exec(updateHook, tenant, id, h.Name, h.URL, h.Types, h.Disabled, h.Reason, orNull(h.FailingSince))
		t.exec(deleteHookSecrets, tenant, id)
		if err := t.flush(); err != nil {
			return err
		}
		if err := versions.onRecord(); err != nil {
			return err
		}
		writeHookSecrets(t, h, versions)
		t.exec(updateOutbox, tenant)
		return nil
	})
	if err != nil {
		return nil, explainRefused("update a webhook", err)
	}
	return h, nil
}

// DeleteWebhook is [webhook.Store.DeleteWebhook]. Its deliveries, which nobody finds any more, are purged in their time.
func (s *Store) DeleteWebhook(ctx context.Context, tenant, id muster.ID) error {
	err := s.write(ctx, tenant, func(t *tx) error {
		var n int64
		t.count(&n, deleteHook, tenant, id)
		t.exec(deleteHookSecrets, tenant, id)
		t.exec(updateOutbox, tenant)
		if err := t.flush(); err != nil {
			return err
		}
		if n == 0 {
			return &muster.Error{Kind: muster.KindNotFound, Detail: noWebhook}
		}
		return nil
	})
	return explain("delete a webhook", err)
}

// hook queues a look-up of a webhook with its secrets, and leaves nil where there is none.
func (t *tx) hook(h **webhook.Hook, tenant, id muster.ID) {
	t.rows(func(row scanner) error {
		*h = &webhook.Hook{Tenant: tenant}
		return scanHook(row, *h)
	}, selectHook, tenant, id)
	t.rows(func(row scanner) error {
		var s muster.Secret
		err := row.Scan(&s.Sealed, &s.CreatedAt, &s.ExpiresAt)
		(*h).Secrets = append((*h).Secrets, s)
		return err
	}, selectHookSecrets, tenant, id)
}

// hooks queues a look-up of the tenant's webhooks without their secrets.
func (t *tx) hooks(all *[]webhook.Hook, tenant muster.ID) {
	t.rows(func(row scanner) error {
		h := webhook.Hook{Tenant: tenant}
		err := scanHook(row, &h)
		*all = append(*all, h)
		return err
	}, selectHooks, tenant)
}

func scanHook(row scanner, h *webhook.Hook) error {
	return row.Scan(&h.ID, &h.Name, &h.URL, &h.Types, &h.Disabled, &h.Reason, &h.FailingSince, &h.CreatedAt)
}

func writeHookSecrets(t *tx, h *webhook.Hook, versions *keyVersions) {
	for i, s := range h.Secrets {
		t.exec(insertHookSecret, h.Tenant, h.ID, i, s.Sealed, versions.of[i], s.CreatedAt, orNull(s.ExpiresAt))
	}
}
