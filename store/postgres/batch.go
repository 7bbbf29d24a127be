package postgres

import (
	"context"
	"math"

	"muster"
	"muster/provision"
)

// anyContract stands for all of them.
const anyContract muster.Contract = 0

// Held is [provision.BatchStore.Held].
func (s *Store) Held(ctx context.Context, tenant, batch muster.ID, from, rows int) ([]provision.Work, error) {
	var works []provision.Work
	err := s.read(ctx, func(t *tx) error {
		t.works(&works, tenant, selectHeld, tenant, batch, from, rows)
		return nil
	})
	return works, explain("read held chunks", err)
}

// Cancel is [provision.BatchStore.Cancel].
func (s *Store) Cancel(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error) {
	var b *muster.Batch
	err := s.settle(ctx, tenant, func(t *tx, _ bool) error {
		b = nil
		t.batch(&b, tenant, batch, anyContract)
		if err := t.flush(); err != nil {
			return err
		}
		switch {
		case b == nil:
			return &muster.Error{Kind: muster.KindNotFound, Detail: noBatch}
		case b.Finished(), b.Mode == muster.ModeCancelled, b.Mode == muster.ModeRefused:
			t.exec(updateLastID, tenant, 0)
			muster.AuditNothing(ctx)
			return nil
		}
		b.Mode = muster.ModeCancelled
		t.exec(updateMode, tenant, batch, b.Mode, b.Sequence)
		t.exec(moveChunks, tenant, batch, muster.LaneQuiet, b.Sequence, b.Decided())
		s.wakeIn(t, muster.LaneRef{Tenant: tenant, Lane: muster.LaneQuiet})
		return nil
	})
	if err != nil {
		return nil, explain("cancel a batch", err)
	}
	return b, nil
}

// Batch is [provision.BatchStore.Batch].
func (s *Store) Batch(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error) {
	return s.batchWith(ctx, tenant, batch, anyContract, func(*tx) {})
}

// batchWith reads a batch of a contract, and what else is queued, all of one moment. KindNotFound if there is none.
func (s *Store) batchWith(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, queue func(*tx)) (*muster.Batch, error) {
	var b *muster.Batch
	err := s.read(ctx, func(t *tx) error {
		t.batch(&b, tenant, batch, contract)
		queue(t)
		return nil
	})
	if err != nil {
		return nil, explain("read a batch", err)
	}
	return found(b, noBatch)
}

// Batches is [provision.BatchStore.Batches].
func (s *Store) Batches(ctx context.Context, tenant muster.ID, q provision.BatchQuery) ([]muster.Batch, error) {
	by, before := selectBatches, q.Before
	if q.Unfinished {
		by = selectUnfinished
	}
	if before == 0 {
		before = math.MaxInt64
	}
	var batches []muster.Batch
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			b := muster.Batch{Tenant: tenant}
			err := scanBatch(row, &b)
			batches = append(batches, b)
			return err
		}, by, tenant, before, q.Limit)
		return nil
	})
	return batches, explain("list batches", err)
}

// Outcomes is [provision.BatchStore.Outcomes]. Those that succeeded have no index of their own, since nearly all do: they are
// looked for among all.
func (s *Store) Outcomes(ctx context.Context, tenant, batch muster.ID, q provision.OutcomeQuery) (*muster.BatchPage, error) {
	var outcomes []muster.Outcome
	b, err := s.batchWith(ctx, tenant, batch, anyContract, func(t *tx) {
		switch {
		case q.Result == 0 && q.Reason == muster.ReasonNone:
			t.outcomes(&outcomes, selectOutcomes, tenant, batch, q.From, q.Limit)
		case q.Result == muster.Succeeded && q.Reason != muster.ReasonNone: // what succeeded has no reason
		case q.Result == muster.Succeeded:
			t.outcomes(&outcomes, selectSucceeded, tenant, batch, q.From, q.Limit)
		default:
			t.outcomes(&outcomes, selectOutcomesByReason, tenant, batch, q.From, q.Limit, q.Result, q.Reason)
		}
	})
	if err != nil {
		return nil, err
	}
	return &muster.BatchPage{Batch: *b, Outcomes: outcomes}, nil
}

// Reasons is [provision.BatchStore.Reasons].
func (s *Store) Reasons(ctx context.Context, tenant, batch muster.ID) ([]provision.ReasonCount, error) {
	var counts []provision.ReasonCount
	_, err := s.batchWith(ctx, tenant, batch, anyContract, func(t *tx) {
		t.rows(func(row scanner) error {
			var c provision.ReasonCount
			var code uint8
			err := row.Scan(&c.Result, &code, &c.Rows)
			c.Reason, c.Effect = c.Result.Decode(code)
			counts = append(counts, c)
			return err
		}, selectReasons, tenant, batch)
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// Differences is [provision.BatchStore.Differences].
func (s *Store) Differences(ctx context.Context, tenant, batch muster.ID, from, limit int) ([]muster.Outcome, error) {
	var outcomes []muster.Outcome
	err := s.read(ctx, func(t *tx) error {
		t.outcomes(&outcomes, selectDifferences, tenant, batch, from, limit)
		return nil
	})
	return outcomes, explain("read a batch's differences", err)
}

// SourceUsers is [provision.BatchStore.SourceUsers].
func (s *Store) SourceUsers(ctx context.Context, tenant muster.ID, source string, after muster.ID, limit int) ([]provision.SourceUser, error) {
	var users []provision.SourceUser
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			var u provision.SourceUser
			err := row.Scan(&u.ID, &u.Level, &u.Disabled)
			users = append(users, u)
			return err
		}, selectSourceUsers, tenant, source, after, limit)
		return nil
	})
	return users, explain("list a source's users", err)
}
