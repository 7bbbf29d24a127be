package sqlite

import (
	"context"

	"muster"
	"muster/provision"
)

// BatchPage reads a batch of the tenant and contract, 0 for any, and of its outcomes at most limit from the row at position from on,
// all of one moment. KindNotFound, always the same, for a batch that does not exist, is another tenant's, came through
// another contract, or is being purged.
func (s *Store) BatchPage(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error) {
	var page muster.BatchPage
	err := s.readers.read(ctx, func(q querier) (err error) {
		if page.Batch, err = readBatch(ctx, q, tenant, batch, contract); err != nil {
			return err
		}
		page.Outcomes, err = readOutcomes(ctx, q, selectOutcomes, int64(tenant), int64(batch), from, limit)
		return err
	})
	if err != nil {
		return nil, explain("read a batch", err)
	}
	return &page, nil
}

// Failures is [provision.Store.Failures].
func (s *Store) Failures(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*provision.Failures, error) {
	var f provision.Failures
	err := s.readers.read(ctx, func(q querier) (err error) {
		if f.Batch, err = readBatch(ctx, q, tenant, batch, contract); err != nil {
			return err
		}
		f.Outcomes, err = readOutcomes(ctx, q, selectFailures, int64(tenant), int64(batch), from, muster.ChunkRows, limit)
		if n := len(f.Outcomes); err != nil || n == 0 {
			return err
		}
		return readKept(ctx, q, &f)
	})
	if err != nil {
		return nil, explain("read a batch's failures", err)
	}
	return &f, nil
}

// readKept reads the kept blocks that hold the rows of the failures' outcomes.
func readKept(ctx context.Context, q querier, f *provision.Failures) error {
	first, last := f.Outcomes[0].Row, f.Outcomes[len(f.Outcomes)-1].Row
	rows, err := q.query(ctx, selectKept, int64(f.Batch.Tenant), int64(f.Batch.ID), first, muster.ChunkRows, last, len(f.Outcomes))
	return collect(rows, err, func(row scanner) error {
		k := provision.KeptBlock{Chunk: muster.Chunk{Tenant: f.Batch.Tenant, Batch: f.Batch.ID}}
		err := row.Scan(&k.Chunk.FirstRow, &k.Chunk.Rows, &k.Sealed, &f.KeptKey)
		f.Kept = append(f.Kept, k)
		return err
	})
}

// readBatch reads one that was accepted, of the contract or, where that is 0, of any.
func readBatch(ctx context.Context, q querier, tenant, batch muster.ID, contract muster.Contract) (muster.Batch, error) {
	b := muster.Batch{Tenant: tenant}
	err := q.row(ctx, selectBatch, int64(tenant), int64(batch), int64(contract)).Scan(batchFields(&b)...)
	return b, exists(err, noBatch)
}

const noBatch = "The batch does not exist."

// batchFields is where batchColumns are scanned to.
func batchFields(b *muster.Batch) []any {
	return []any{
		&b.ID, &b.Sequence, &b.Contract, &b.Lane, &b.Mode, text{&b.Name}, &b.AppID, &b.Actor, &b.ActorLevel, &b.TraceID, &b.Total,
		&b.Succeeded, &b.Failed, &b.Skipped, &b.Cancelled, moment{&b.AcceptedAt}, moment{&b.StartedAt}, moment{&b.FinishedAt}, &b.Parent,
		&b.Origin, &b.Guarded, &b.Checked, &b.Differing, text{&b.Source}, &b.Withheld, &b.Passwords, moment{&b.HeldUntil},
	}
}

// scanOutcome scans an outcome, behind other columns.
func scanOutcome(row scanner, o *muster.Outcome, before ...any) error {
	var code uint8
	err := row.Scan(append(before, &o.Row, &o.ID, &o.Result, &code, text{&o.Field}, text{&o.Detail}, &o.User, text{&o.Subject})...)
	o.Reason, o.Effect = o.Result.Decode(code)
	return err
}

func readOutcomes(ctx context.Context, q querier, by statement, args ...any) ([]muster.Outcome, error) {
	var outcomes []muster.Outcome
	rows, err := q.query(ctx, by, args...)
	err = collect(rows, err, func(row scanner) error {
		var o muster.Outcome
		err := scanOutcome(row, &o)
		outcomes = append(outcomes, o)
		return err
	})
	return outcomes, err
}
