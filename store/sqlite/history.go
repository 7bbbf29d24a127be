package sqlite

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
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectHistory, int64(tenant), int64(user), cmp.Or(int64(behind.Batch), math.MaxInt64), behind.Row, limit)
		return collect(rows, err, func(row scanner) error {
			u := provision.UserOutcome{Batch: muster.Batch{Tenant: tenant}}
			err := scanOutcome(row, &u.Outcome, batchFields(&u.Batch)...)
			all = append(all, u)
			return err
		})
	})
	return all, explain("read a user's history", err)
}
