package postgres

import (
	"context"

	"muster"
)

// audit queues the record that the context of a transaction that writes carries, and gives it; nil if it carries none.
func (t *tx) audit(ctx context.Context) *muster.Audit {
	a := muster.AuditOf(ctx)
	if t.readOnly || a == nil {
		return nil
	}
	r := &a.Record
	t.exec(insertAudit, r.Tenant, r.ID, r.AppID, r.User, r.Operator, r.From, r.Action, r.Target, r.Detail)
	return a
}

// Audit reads records of the tenant, or of the installation where that is 0, the newest first.
func (s *Store) Audit(ctx context.Context, tenant muster.ID, q muster.AuditQuery) (*muster.AuditPage, error) {
	after, before := q.Range()
	by, args := selectAudit, []any{tenant, after, before, q.Walk()}
	switch {
	case q.Target != "":
		by, args = selectAuditByTarget, append(args, q.Target)
	case q.User != 0:
		by, args = selectAuditByUser, append(args, q.User)
	case q.Action != "":
		by, args = selectAuditByAction, append(args, q.Action)
	}
	var walked []muster.AuditRecord
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			r := muster.AuditRecord{Tenant: tenant}
			err := row.Scan(&r.ID, &r.AppID, &r.User, &r.Operator, &r.From, &r.Action, &r.Target, &r.Detail)
			walked = append(walked, r)
			return err
		}, by, args...)
		return nil
	})
	if err != nil {
		return nil, explain("read the audit trail", err)
	}
	return q.Page(walked), nil
}
