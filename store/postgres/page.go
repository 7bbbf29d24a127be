package postgres

import (
	"context"

	"muster"
	"muster/provision"
)

const noBatch = "The batch does not exist."

// BatchPage reads a batch of the tenant and contract, and of its outcomes at most limit from the row at position from on,
// all of one moment. KindNotFound, always the same, for a batch that does not exist, is another tenant's, came through
// another contract, or is being purged.
func (s *Store) BatchPage(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error) {
	var outcomes []muster.Outcome
	b, err := s.batchWith(ctx, tenant, batch, contract, func(t *tx) {
		t.outcomes(&outcomes, selectOutcomes, tenant, batch, from, limit)
	})
	if err != nil {
		return nil, err
	}
	return &muster.BatchPage{Batch: *b, Outcomes: outcomes}, nil
}

// Failures is [provision.Store.Failures].
func (s *Store) Failures(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*provision.Failures, error) {
	var b *muster.Batch
	var f provision.Failures
	err := s.read(ctx, func(t *tx) error {
		t.batch(&b, tenant, batch, contract)
		t.outcomes(&f.Outcomes, selectFailures, tenant, batch, from, muster.ChunkRows, limit)
		if err := t.flush(); err != nil || len(f.Outcomes) == 0 {
			return err
		}
		t.kept(&f, tenant, batch)
		return nil
	})
	if err == nil {
		_, err = found(b, noBatch)
	}
	if err != nil {
		return nil, explain("read a batch's failures", err)
	}
	f.Batch = *b
	return &f, nil
}

// kept queues a look-up of the kept blocks that hold the rows of the failures' outcomes.
func (t *tx) kept(f *provision.Failures, tenant, batch muster.ID) {
	first, last := f.Outcomes[0].Row, f.Outcomes[len(f.Outcomes)-1].Row
	t.rows(func(row scanner) error {
		k := provision.KeptBlock{Chunk: muster.Chunk{Tenant: tenant, Batch: batch}}
		err := row.Scan(&k.Chunk.FirstRow, &k.Chunk.Rows, &k.Sealed, &f.KeptKey)
		f.Kept = append(f.Kept, k)
		return err
	}, selectKept, tenant, batch, first, muster.ChunkRows, last, len(f.Outcomes))
}

// batch queues a look-up of a batch, and leaves nil where there is none.
func (t *tx) batch(b **muster.Batch, tenant, batch muster.ID, contract muster.Contract) {
	t.rows(func(row scanner) error {
		*b = &muster.Batch{Tenant: tenant}
		return scanBatch(row, *b)
	}, selectBatch, tenant, batch, contract)
}

// batchFields are what batchColumns are scanned into.
func batchFields(b *muster.Batch) []any {
	return []any{
		&b.ID, &b.Sequence, &b.Contract, &b.Lane, &b.Mode, &b.Name, &b.AppID, &b.Actor, &b.ActorLevel, &b.TraceID, &b.Total,
		&b.AcceptedAt, &b.Parent, &b.Origin, &b.Guarded, &b.Source, &b.Withheld, &b.Passwords,
	}
}

// wholeBatch is what batchColumns and batchProgress are scanned into.
func wholeBatch(b *muster.Batch) []any {
	return append(batchFields(b), &b.Succeeded, &b.Failed, &b.Skipped, &b.Cancelled, &b.Checked, &b.Differing,
		&b.StartedAt, &b.FinishedAt, &b.HeldUntil)
}

func scanBatch(row scanner, b *muster.Batch) error { return row.Scan(wholeBatch(b)...) }

// scanOutcome scans an outcome, behind other columns.
func scanOutcome(row scanner, o *muster.Outcome, before ...any) error {
	var code uint8
	err := row.Scan(append(before, &o.Row, &o.ID, &o.Result, &code, &o.Field, &o.Detail, &o.User, &o.Subject)...)
	o.Reason, o.Effect = o.Result.Decode(code)
	return err
}

func (t *tx) outcomes(all *[]muster.Outcome, by statement, args ...any) {
	t.rows(func(row scanner) error {
		var o muster.Outcome
		err := scanOutcome(row, &o)
		*all = append(*all, o)
		return err
	}, by, args...)
}
