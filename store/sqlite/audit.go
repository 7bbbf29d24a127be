package sqlite

import (
	"context"

	"muster"
)

// recording makes of a write one that stores the context's audit record, too, if it has one. stored is to be called when
// the write is committed.
func recording(ctx context.Context, f func(*conn) error) (write func(*conn) error, stored func()) {
	a := muster.AuditOf(ctx)
	if a == nil {
		return f, func() {}
	}
	return func(c *conn) error {
		if err := f(c); err != nil || muster.AuditOf(ctx) == nil {
			return err
		}
		r := &a.Record
		_, err := c.exec(insertAudit, int64(r.Tenant), int64(r.ID), orNull(r.AppID), orNoID(r.User), r.Operator, orNull(r.From), r.Action,
			orNull(r.Target), orNull(r.Detail))
		if err != nil {
			return err
		}
		return recordID(c, r.ID)
	}, a.Stored
}

// Audit reads records of the tenant, or of the installation where that is 0, the newest first.
func (s *Store) Audit(ctx context.Context, tenant muster.ID, q muster.AuditQuery) (*muster.AuditPage, error) {
	after, before := q.Range()
	by, args := selectAudit, []any{int64(tenant), int64(after), int64(before), q.Walk()}
	switch {
	case q.Target != "":
		by, args = selectAuditByTarget, append(args, q.Target)
	case q.User != 0:
		by, args = selectAuditByUser, append(args, int64(q.User))
	case q.Action != "":
		by, args = selectAuditByAction, append(args, q.Action)
	}
	var walked []muster.AuditRecord
	err := s.readers.read(ctx, func(c querier) error {
		rows, err := c.query(ctx, by, args...)
		return collect(rows, err, func(row scanner) error {
			r := muster.AuditRecord{Tenant: tenant}
			err := row.Scan(&r.ID, text{&r.AppID}, &r.User, &r.Operator, text{&r.From}, &r.Action, text{&r.Target}, text{&r.Detail})
			walked = append(walked, r)
			return err
		})
	})
	if err != nil {
		return nil, explain("read the audit trail", err)
	}
	return q.Page(walked), nil
}
