package postgres

import (
	"cmp"
	"context"
	"math"

	"muster"
	"muster/provision"
)

// History is [provision.BatchStore.History].
func (s *Store) History(ctx context.Context, tenant, user muster.ID, behind provision.HistoryCursor, limit int) ([]provision.UserOutcome, error) {
	var all []provision.UserOutcome
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			u := provision.UserOutcome{Batch: muster.Batch{Tenant: tenant}}
			err := scanOutcome(row, &u.Outcome, wholeBatch(&u.Batch)...)
			all = append(all, u)
			return err
		}, selectHistory, tenant, user, cmp.Or(int64(behind.Batch), math.MaxInt64), behind.Row, limit)
		return nil
	})
	return all, explain("read a user's history", err)
}
