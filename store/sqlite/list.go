package sqlite

import (
	"cmp"
	"context"
	"math"

	"muster"
	"muster/provision"
)

// Batch is [provision.BatchStore.Batch].
func (s *Store) Batch(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error) {
	var b muster.Batch
	err := s.readers.read(ctx, func(q querier) (err error) {
		b, err = readBatch(ctx, q, tenant, batch, 0)
		return err
	})
	if err != nil {
		return nil, explain("read a batch", err)
	}
	return &b, nil
}

// Batches is [provision.BatchStore.Batches].
func (s *Store) Batches(ctx context.Context, tenant muster.ID, query provision.BatchQuery) ([]muster.Batch, error) {
	by := selectBatches
	if query.Unfinished {
		by = selectUnfinished
	}
	var batches []muster.Batch
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, by, int64(tenant), cmp.Or(int64(query.Before), math.MaxInt64), query.Limit)
		return collect(rows, err, func(row scanner) error {
			b := muster.Batch{Tenant: tenant}
			err := row.Scan(batchFields(&b)...)
			batches = append(batches, b)
			return err
		})
	})
	return batches, explain("list batches", err)
}

// Outcomes is [provision.BatchStore.Outcomes].
func (s *Store) Outcomes(ctx context.Context, tenant, batch muster.ID, query provision.OutcomeQuery) (*muster.BatchPage, error) {
	by, args := selectUnsuccessful, []any{int64(tenant), int64(batch), int64(query.Result), int64(query.Reason), query.From, query.Limit}
	switch {
	case query.Result == muster.Succeeded && query.Reason != muster.ReasonNone:
		query.Limit = 0 // what succeeded has no reason
		fallthrough
	case query.Result == muster.Succeeded:
		by, args = selectSuccesses, []any{int64(tenant), int64(batch), query.From, query.Limit}
	case query.Result == 0 && query.Reason == muster.ReasonNone:
		by, args = selectOutcomes, []any{int64(tenant), int64(batch), query.From, query.Limit}
	}
	var page muster.BatchPage
	err := s.readers.read(ctx, func(q querier) (err error) {
		if page.Batch, err = readBatch(ctx, q, tenant, batch, 0); err != nil {
			return err
		}
		page.Outcomes, err = readOutcomes(ctx, q, by, args...)
		return err
	})
	if err != nil {
		return nil, explain("read a batch's outcomes", err)
	}
	return &page, nil
}

// Reasons is [provision.BatchStore.Reasons].
func (s *Store) Reasons(ctx context.Context, tenant, batch muster.ID) ([]provision.ReasonCount, error) {
	var counts []provision.ReasonCount
	err := s.readers.read(ctx, func(q querier) error {
		if _, err := readBatch(ctx, q, tenant, batch, 0); err != nil {
			return err
		}
		rows, err := q.query(ctx, selectReasons, int64(tenant), int64(batch))
		return collect(rows, err, func(row scanner) error {
			var n provision.ReasonCount
			var code uint8
			err := row.Scan(&n.Result, &code, &n.Rows)
			n.Reason, n.Effect = n.Result.Decode(code)
			counts = append(counts, n)
			return err
		})
	})
	return counts, explain("count a batch's outcomes by reason", err)
}

// Differences is [provision.BatchStore.Differences].
func (s *Store) Differences(ctx context.Context, tenant, batch muster.ID, from, limit int) ([]muster.Outcome, error) {
	var outcomes []muster.Outcome
	err := s.readers.read(ctx, func(q querier) (err error) {
		outcomes, err = readOutcomes(ctx, q, selectDifferences, int64(tenant), int64(batch), from, limit)
		return err
	})
	return outcomes, explain("read what differs from a dry run", err)
}

// SourceUsers is [provision.BatchStore.SourceUsers].
func (s *Store) SourceUsers(ctx context.Context, tenant muster.ID, source string, after muster.ID, limit int) ([]provision.SourceUser, error) {
	var users []provision.SourceUser
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectSourceUsers, int64(tenant), source, int64(after), limit)
		return collect(rows, err, func(row scanner) error {
			var u provision.SourceUser
			err := row.Scan(&u.ID, &u.Level, &u.Disabled)
			users = append(users, u)
			return err
		})
	})
	return users, explain("list the users of a source", err)
}
