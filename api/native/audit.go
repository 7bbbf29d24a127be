package native

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
)

// AuditReader reads what was done to a tenant, or where that is 0 to the installation, as [muster.AuditPage] says.
type AuditReader interface {
	Audit(ctx context.Context, tenant muster.ID, q muster.AuditQuery) (*muster.AuditPage, error)
}

// AuditRecord says who did what, when, and from where.
type AuditRecord struct {
	ID       muster.ID `json:"id"`
	At       time.Time `json:"at" doc:"when the request came"`
	AppID    string    `json:"appId,omitempty" doc:"the credential that the request was signed or its token issued with"`
	User     muster.ID `json:"userId,omitempty" doc:"the user who asked, or on whose behalf an application did"`
	Operator bool      `json:"operator" doc:"asked by an operator of the installation. If neither it, appId nor userId says who did it, the server did, by itself"`
	From     string    `json:"from,omitempty" doc:"the address that the request came from; absent if that was the machine itself"`
	Action   string    `json:"action" doc:"the operation, by its id in this description; of the other contracts as docs/api.md lists them"`
	Target   string    `json:"target,omitempty" doc:"what it was done to, such as user 1505084218764547200; absent if that is the tenant itself"`
	Detail   string    `json:"detail,omitempty" doc:"the fields that were sent, or how many rows"`
}

// AuditTrail is a page of records, the newest first.
type AuditTrail struct {
	Records []AuditRecord `json:"records" nullable:"false"`
	Next    string        `json:"nextCursor,omitempty" doc:"cursor of the next page; absent on the last. A page may be shorter than asked for, and even empty"`
}

// tenantAuditQuery says which records of a tenant to list.
type tenantAuditQuery struct {
	Tenant pathID    `path:"tenant"`
	Since  time.Time `query:"since" doc:"only what was done then and later"`
	Until  time.Time `query:"until" doc:"only what was done before"`
	Action string    `query:"action" maxLength:"64" doc:"only what was done by this operation"`
	User   queryID   `query:"user" doc:"only what this user did, or was done on his behalf"`
	Target string    `query:"target" maxLength:"256" doc:"only what was done to this, such as user 1505084218764547200"`
	Cursor queryID   `query:"cursor" doc:"a page's nextCursor"`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"records on a page"`
}

func (q *tenantAuditQuery) query() muster.AuditQuery {
	return muster.AuditQuery{
		Before: q.Cursor.id, Since: q.Since, Until: q.Until, Action: q.Action, User: q.User.id, Target: q.Target, Limit: q.Limit,
	}
}

// installationAuditQuery says which records of the installation to list.
type installationAuditQuery struct {
	Since  time.Time `query:"since" doc:"only what was done then and later"`
	Until  time.Time `query:"until" doc:"only what was done before"`
	Action string    `query:"action" maxLength:"64" doc:"only what was done by this operation"`
	User   queryID   `query:"user" doc:"only what this operator did"`
	Cursor queryID   `query:"cursor" doc:"a page's nextCursor"`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"records on a page"`
}

func (q *installationAuditQuery) query() muster.AuditQuery {
	return muster.AuditQuery{Before: q.Cursor.id, Since: q.Since, Until: q.Until, Action: q.Action, User: q.User.id, Limit: q.Limit}
}

func (a *api) addAudit(h huma.API) {
	const tag = "Audit"
	huma.Register(h, administers(operation("list-audit-records", http.MethodGet, "/tenants/{tenant}/audit", "List what was done to a tenant, the newest first", tag, http.StatusOK)),
		func(ctx context.Context, in *tenantAuditQuery) (*answer[AuditTrail], error) {
			if _, err := a.Access.Tenant(ctx, in.Tenant.id); err != nil {
				return nil, a.problem(ctx, err)
			}
			trail, err := a.listAudit(ctx, in.Tenant.id, in.query())
			return reply(ctx, a, trail, err)
		})
	huma.Register(h, operation("list-installation-audit-records", http.MethodGet, "/audit", "List what was done to the installation itself, the newest first", tag, http.StatusOK),
		func(ctx context.Context, in *installationAuditQuery) (*answer[AuditTrail], error) {
			trail, err := a.listAudit(ctx, 0, in.query())
			return reply(ctx, a, trail, err)
		})
}

func (a *api) listAudit(ctx context.Context, tenant muster.ID, q muster.AuditQuery) (AuditTrail, error) {
	trail := AuditTrail{Records: []AuditRecord{}}
	page, err := a.Audit.Audit(ctx, tenant, q)
	if err != nil {
		return trail, err
	}
	for i := range page.Records {
		r := &page.Records[i]
		trail.Records = append(trail.Records, AuditRecord{
			ID: r.ID, At: r.At(), AppID: r.AppID, User: r.User, Operator: r.Operator, From: r.From, Action: r.Action, Target: r.Target, Detail: r.Detail,
		})
	}
	if page.Next != 0 {
		trail.Next = page.Next.String()
	}
	return trail, nil
}

// placeholder is a parameter in a path.
var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// audited gives the request a context whose write is recorded, if it changes something: what operation it is, done to what its path
// names, and of a patch the fields.
func (s *side) audited(op *huma.Operation, w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if op.Method == http.MethodGet {
		return r, nil
	}
	who := callerOf(r.Context())
	record := muster.AuditRecord{AppID: who.AppID, User: who.Actor.User, Operator: who.Operator, From: who.From, Action: op.OperationID}
	var target []string
	for _, name := range placeholder.FindAllStringSubmatch(op.Path, -1) {
		value := r.PathValue(name[1])
		if name[1] != "tenant" {
			target = append(target, name[1]+" "+value)
			continue
		}
		id, err := muster.ParseID(value)
		if err != nil { // the operation refuses it
			return r, nil
		}
		record.Tenant = id
	}
	record.Target = strings.Join(target, " ")
	if op.Method == http.MethodPatch {
		text, err := readBody(w, r, op.MaxBodyBytes)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		record.Detail = fieldsOf(text)
	}
	audit, err := muster.NewAudit(s.Access.IDs, record)
	if err != nil {
		return nil, err
	}
	return r.WithContext(muster.WithAudit(r.Context(), audit)), nil
}

// fieldsOf names the fields that a body has. What they hold, and whether there are such fields, is the operation's to say.
func fieldsOf(text []byte) string {
	var body map[string]json.RawMessage
	if json.Unmarshal(text, &body) != nil {
		return ""
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(body)) {
		var within map[string]json.RawMessage
		if json.Unmarshal(body[name], &within) != nil || len(within) == 0 {
			all = append(all, name)
			continue
		}
		for _, part := range slices.Sorted(maps.Keys(within)) {
			all = append(all, name+"."+part)
		}
	}
	return strings.Join(all, ", ")
}
