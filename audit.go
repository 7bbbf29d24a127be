package muster

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// AuditRecord says who did what, when, and from where. It holds ids and names of fields, never a secret nor a value of a
// personal field.
type AuditRecord struct {
	Tenant   ID     // 0: the installation itself was changed, such as its keys
	ID       ID     // made when the request came, which is its time
	AppID    string // the credential that asked; "" if none did
	User     ID     // the user who asked, or on whose behalf, or with Operator the operator who did; 0 if none
	Operator bool   // asked by an operator, or with User 0 by who can reach the installation itself; if nobody is named either, Muster did it by itself
	From     string // address of the caller; "" for one on the machine
	Action   string // such as change-user
	Target   string // what it was done to, such as user 12; "" if that is the tenant, or the installation
	Detail   string // which fields, how many rows; "" if there is nothing to add
}

// At is when it was asked for.
func (r *AuditRecord) At() time.Time { return r.ID.Time().UTC() }

// Audit carries a record to the transaction that does what it tells of. The first write of a store with a context that
// [WithAudit] gave stores the record, in the same transaction and once, also where the transaction has to be tried again.
type Audit struct {
	Record AuditRecord // what is known late may be set until the write
	stored atomic.Bool
}

// NewAudit gives a record its id. The error is that of [IDSource.Next].
func NewAudit(ids *IDSource, r AuditRecord) (*Audit, error) {
	id, err := ids.Next()
	if err != nil {
		return nil, err
	}
	r.ID = id
	return &Audit{Record: r}, nil
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

// AuditTarget says what the context's record tells of, where that has its id only now.
func AuditTarget(ctx context.Context, kind, id string) {
	if a := AuditOf(ctx); a != nil {
		a.Record.Target = kind + " " + id
	}
}

// AuditTenant says whose the context's record is, where that is made only now.
func AuditTenant(ctx context.Context, tenant ID) {
	if a := AuditOf(ctx); a != nil {
		a.Record.Tenant = tenant
	}
}

// AuditDetail adds a detail to the context's record.
func AuditDetail(ctx context.Context, detail string) {
	if a := AuditOf(ctx); a != nil {
		a.Record.Detail = detail
	}
}

// AuditNothing says that the write with the context changed nothing, so that there is nothing to record.
func AuditNothing(ctx context.Context) {
	if a := AuditOf(ctx); a != nil {
		a.Stored()
	}
}

// Stored says that the record was committed.
func (a *Audit) Stored() { a.stored.Store(true) }

// AuditWalk is how many records a store walks at most to find those of a page, and so the most that one has.
const AuditWalk = 1000

// AuditQuery says which records of a tenant. Zero values bound nothing.
type AuditQuery struct {
	Before ID        // only those with smaller ids
	Since  time.Time // only those of this moment and later
	Until  time.Time // only those before this moment
	Action string
	User   ID
	Target string
	Limit  int
}

// AuditPage is some records, the newest first. There may be fewer than were asked for, none even, and more behind them.
type AuditPage struct {
	Records []AuditRecord
	Next    ID // Before of the next page; 0 if this is the last
}

// Range gives the ids between which, without these two, all wanted records have theirs.
func (q *AuditQuery) Range() (after, before ID) {
	before = math.MaxInt64
	if q.Before > 0 {
		before = q.Before
	}
	if !q.Since.IsZero() {
		after = lastIDBefore(q.Since)
	}
	if !q.Until.IsZero() {
		before = min(before, lastIDBefore(q.Until)+1)
	}
	return after, before
}

// lastIDBefore is the largest id that can have been made before the moment, from 0 to the largest there are, but one.
func lastIDBefore(t time.Time) ID {
	first, last := ID(0).Time(), ID(math.MaxInt64).Time()
	switch {
	case t.Before(first):
		return 0
	case t.After(last):
		return math.MaxInt64 - 1
	default:
		return LastIDAt(t.Add(-time.Nanosecond).Truncate(time.Millisecond))
	}
}

// Walk is how many records a store walks for a page: those of the target, else those of the user, else those of the action
// that are wanted, else all of the tenant's.
func (q *AuditQuery) Walk() int {
	wanted := 0
	for _, some := range [...]bool{q.Target != "", q.User != 0, q.Action != ""} {
		if some {
			wanted++
		}
	}
	if wanted < 2 { // then there is an index of exactly these
		return min(q.Limit+1, AuditWalk)
	}
	return AuditWalk
}

// Page takes the wanted ones of records that a store walked, the newest first: as many as Walk says, or else all there are.
func (q *AuditQuery) Page(walked []AuditRecord) *AuditPage {
	page := &AuditPage{}
	for i := range walked {
		r := &walked[i]
		if q.Action != "" && r.Action != q.Action || q.User != 0 && r.User != q.User || q.Target != "" && r.Target != q.Target {
			continue
		}
		if page.Records = append(page.Records, *r); len(page.Records) == q.Limit {
			if i+1 < len(walked) || len(walked) == AuditWalk {
				page.Next = r.ID
			}
			return page
		}
	}
	if len(walked) == AuditWalk {
		page.Next = walked[len(walked)-1].ID
	}
	return page
}
