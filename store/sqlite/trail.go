package sqlite

import (
	"context"
	"time"

	"muster"
	"muster/webhook"
)

// PurgeTrail is [provision.Store.PurgeTrail].
func (s *Store) PurgeTrail(ctx context.Context, tenant muster.ID, recordsBefore, eventsBefore time.Time, limit int) (bool, error) {
	var p purge
	err := s.writer.large(ctx, func(c *conn) error {
		p = purge{conn: c, tenant: int64(tenant), left: int64(limit)}
		events, records := int64(webhook.FirstID(eventsBefore)), int64(webhook.FirstID(recordsBefore))
		for _, s := range [...]struct {
			statement
			before int64
		}{{deleteDeliveries, events}, {deleteEvents, events}, {deleteAudit, records}} {
			if _, err := p.delete(s.statement, p.tenant, s.before, p.left); err != nil || p.left == 0 {
				return err
			}
		}
		return nil
	})
	return p.found, explain("purge the trail", err)
}
