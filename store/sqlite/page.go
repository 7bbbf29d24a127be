package sqlite

import (
	"context"

	"muster"
)

// BatchPage reads a batch of the tenant and contract, and of its outcomes at most limit from the row at position from on,
// all of one moment. KindNotFound, always the same, for a batch that does not exist, is another tenant's, came through
// another contract, or is being purged.
func (s *Store) BatchPage(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error) {
	var page muster.BatchPage
	err := s.readers.read(ctx, func(q querier) error {
		b := &page.Batch
		b.Tenant = tenant
		err := q.row(ctx, selectBatch, int64(tenant), int64(batch), int64(contract)).
			Scan(&b.ID, &b.Sequence, &b.Contract, &b.Lane, &b.AppID, &b.Actor, &b.ActorLevel, &b.TraceID, &b.Total, moment{&b.AcceptedAt},
				&b.Succeeded, &b.Failed, &b.Skipped, moment{&b.FinishedAt})
		if err != nil {
			return exists(err, "The batch does not exist.")
		}
		rows, err := q.query(ctx, selectOutcomes, int64(tenant), int64(batch), from, limit)
		return collect(rows, err, func(row scanner) error {
			var o muster.Outcome
			err := row.Scan(&o.Row, &o.ID, &o.Result, &o.Reason, text{&o.Field}, text{&o.Detail}, &o.User, text{&o.Subject})
			page.Outcomes = append(page.Outcomes, o)
			return err
		})
	})
	if err != nil {
		return nil, explain("read a batch", err)
	}
	return &page, nil
}

// Kept reads the rows of a batch that did not succeed: its wrapped key, and for each chunk that has any the sealed rows as
// Payload. Nothing for a batch without such rows, of another tenant, or that is being purged.
func (s *Store) Kept(ctx context.Context, tenant, batch muster.ID) (key []byte, chunks []muster.Chunk, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectKept, int64(tenant), int64(batch))
		return collect(rows, err, func(row scanner) error {
			k := muster.Chunk{Tenant: tenant, Batch: batch}
			err := row.Scan(&k.FirstRow, &k.Rows, &k.Payload, &key)
			chunks = append(chunks, k)
			return err
		})
	})
	return key, chunks, explain("read kept rows", err)
}
