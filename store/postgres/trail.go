package postgres

import (
	"context"
	"time"

	"muster"
	"muster/webhook"
)

// PurgeTrail is [provision.Store.PurgeTrail]. It takes no lock: nobody changes what is as old, but for who ends a delivery, who
// then finds it gone.
func (s *Store) PurgeTrail(ctx context.Context, tenant muster.ID, recordsBefore, eventsBefore time.Time, limit int) (bool, error) {
	var p purge
	err := s.writeOutside(ctx, func(t *tx) error {
		p = purge{tx: t, tenant: tenant, left: int64(limit)}
		events, records := webhook.FirstID(eventsBefore), webhook.FirstID(recordsBefore)
		for _, s := range [...]struct {
			statement
			before muster.ID
		}{{deleteDeliveries, events}, {deleteEvents, events}, {deleteAudit, records}} {
			if err := p.delete(s.statement, tenant, s.before, p.left); err != nil || p.left <= 0 {
				return err
			}
		}
		return nil
	})
	return p.found, explain("purge the trail", err)
}
