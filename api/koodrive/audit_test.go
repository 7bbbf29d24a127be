package koodrive_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster"
	"muster/provision"
)

// TestChangesAreRecorded: what the contract changes is in the audit trail, by whom and from where, and what was refused, changed
// nothing or only read is not.
func TestChangesAreRecorded(t *testing.T) {
	t.Parallel()
	b, token := organised(t)
	member := b.addUser(t, b.tenant, muster.User{FirstName: "Member"})
	user := prefix + "/users/" + member.String()
	var made string
	for i, c := range []struct {
		method, target, body string
		status               int
	}{
		{"POST", departmentsPath, `{"name":"New","parentId":"` + selected.String() + `"}`, 200},
		{"POST", departmentsPath, `{"name":"New","parentId":"` + selected.String() + `"}`, 409},
		{"GET", department(selected), "", 200},
		{"PUT", department(selected + 4), `{"name":"Renamed"}`, 200},
		{"PUT", department(selected + 4), `{"name":"Renamed"}`, 200}, // which is its name already
		{"PUT", user, `{"status":1,"deptId":"` + selected.String() + `"}`, 200},
		{"PUT", user, `{"status":1}`, 200},
		{"DELETE", user, "", 200},
		{"DELETE", user, "", 400},
	} {
		r := b.ask(t, token, c.method, c.target, c.body)
		if r.StatusCode != c.status {
			t.Fatalf("%s %s: status %d, want %d", c.method, c.target, r.StatusCode, c.status)
		}
		if i == 0 {
			var answer struct{ Data struct{ ID string } }
			must(t, json.NewDecoder(r.Body).Decode(&answer))
			made = answer.Data.ID
		}
	}
	page, err := b.store.Audit(t.Context(), b.tenant.ID, muster.AuditQuery{Limit: 100})
	must(t, err)
	caller := muster.AuditRecord{Tenant: b.tenant.ID, From: "192.0.2.1"}
	want := func(action, target, detail string) muster.AuditRecord {
		r := caller
		r.Action, r.Target, r.Detail = action, target, detail
		return r
	}
	diff := cmp.Diff([]muster.AuditRecord{
		want("delete-user", "user "+member.String(), ""),
		want("change-user", "user "+member.String(), "departmentId, disabled"),
		want("change-department", "department "+(selected+4).String(), "name"),
		want("create-department", "department "+made, ""),
	}, page.Records, cmpopts.IgnoreFields(muster.AuditRecord{}, "ID", "User"))
	if diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	for _, r := range page.Records {
		if r.User == 0 || r.User == member {
			t.Errorf("%s was done by %s", r.Action, r.User)
		}
	}
}

// carried is a submitter that keeps the record with which a batch would be stored.
type carried struct {
	*engine
	record muster.AuditRecord
}

func (c *carried) Submit(ctx context.Context, s provision.Submission) (provision.Receipt, error) {
	if a := muster.AuditOf(ctx); a != nil {
		c.record = a.Record
	}
	return c.engine.Submit(ctx, s)
}

func TestBatchesAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := &carried{engine: b.engine}
	b.handler = b.newHandler(c, b.engine)
	if answer := b.do(b.request(t, http.MethodPost, createPath, oneUser)); answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	want := muster.AuditRecord{Tenant: b.tenant.ID, AppID: appID, User: user, From: "192.0.2.1", Action: "create-batch"}
	if diff := cmp.Diff(want, c.record, cmpopts.IgnoreFields(muster.AuditRecord{}, "ID")); diff != "" || c.record.ID == 0 {
		t.Errorf("record of id %s (-want +got):\n%s", c.record.ID, diff)
	}
}
