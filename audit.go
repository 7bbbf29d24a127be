package muster

import (
	"context"
	"sync/atomic"
	"time"
)

// AuditRecord says who did what, when, and from where. It holds ids and names of fields, never a secret nor a value of a
// personal field.
type AuditRecord struct {
	Tenant   ID
	ID       ID // later ones are larger
	At       time.Time
	AppID    string // the credential that asked; "" if none did
	User     ID     // the user who asked, or on whose behalf; 0 if none
	Operator bool   // asked by who can reach the installation itself
	From     string // address of the caller; "" for one on the machine
	Action   string // such as update-user
	Target   string // what it was done to, such as user 12; "" if that is the tenant
	Detail   string // which fields, how many rows; "" if there is nothing to add
}

// Audit carries a record to the transaction that does what it tells of. The first write of a store with a context that
// [WithAudit] gave stores the record, once.
type Audit struct {
	Record AuditRecord // ID, At and whatever else is known late may be set until the write
	stored atomic.Bool
}

type auditKey struct{}

// WithAudit gives a context whose next write is recorded; nil gives one whose writes are not.
func WithAudit(ctx context.Context, a *Audit) context.Context {
	return context.WithValue(ctx, auditKey{}, a)
}

// AuditOf is what is to be stored with the next write; nil if nothing is.
func AuditOf(ctx context.Context) *Audit {
	a, _ := ctx.Value(auditKey{}).(*Audit)
	if a == nil || a.stored.Load() {
		return nil
	}
	return a
}

// Stored says that the record was committed.
func (a *Audit) Stored() { a.stored.Store(true) }
