package native_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster/api/native"
)

// trail reads what was done to a tenant, by pages of two, the newest first.
func (in *installation) trail(path, query string) (all []native.AuditRecord) {
	in.t.Helper()
	for next := ""; ; {
		page := call[native.AuditTrail](in, 200, "GET", path+"/audit?limit=2"+query+next, "")
		all = append(all, page.Records...)
		if page.Next == "" {
			return all
		}
		next = "&cursor=" + page.Next
	}
}

// TestWhatIsDoneIsRecorded: each change once, under its operation's id, with what it was done to and which fields were sent; what was
// refused, only read or changed nothing is not there.
func TestWhatIsDoneIsRecorded(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	began := time.Now().Add(-time.Millisecond)
	tenant := call[native.Tenant](p.installation, 201, "POST", "/tenants", `{"name":"acme"}`)
	path := "/tenants/" + tenant.ID.String()
	role := call[native.Role](p.installation, 201, "POST", path+"/roles", `{"name":"Auditor"}`)
	call[any](p.installation, 409, "POST", path+"/roles", `{"name":"Auditor"}`)
	call[native.Role](p.installation, 200, "PATCH", path+"/roles/"+role.ID.String(), `{"name":"Inspector"}`)
	call[native.Role](p.installation, 200, "PATCH", path+"/roles/"+role.ID.String(), `{"name":"Inspector"}`)
	call[native.Tenant](p.installation, 200, "PATCH", path, `{"host":"acme.example.org","settings":{"userLimit":5,"uniqueEmail":true}}`)
	call[any](p.installation, 422, "PATCH", path, `{"nothing":"such"}`)
	call[any](p.installation, 413, "PATCH", path, `{"name":"`+strings.Repeat("n", 70<<10)+`"}`)
	credential := call[native.Credential](p.installation, 201, "POST", path+"/credentials", `{}`)
	call[native.Credential](p.installation, 200, "POST", path+"/credentials/"+credential.AppID+"/rotate", `{}`)
	rows := p.made(path, "ann")
	user := call[native.User](p.installation, 200, "GET", path+"/users/"+rows[0].User.String(), "")
	call[native.User](p.installation, 200, "PATCH", path+"/users/"+user.ID.String(), `{"surname":"Smith","disabled":true}`)
	call[any](p.installation, 404, "DELETE", path+"/users/77", "")
	call[any](p.installation, 404, "DELETE", "/tenants/77/users/77", "")
	call[native.KeysRotated](p.installation, 200, "POST", "/keys/rotate", `{}`)

	batch := call[native.Batches](p.installation, 200, "GET", path+"/batches", "").Batches[0]
	done := func(action, target, detail string) native.AuditRecord {
		return native.AuditRecord{Operator: true, Action: action, Target: target, Detail: detail}
	}
	want := []native.AuditRecord{
		done("change-user", "user "+user.ID.String(), "disabled, surname"),
		done("create-batch", "batch "+batch.ID.String(), "1 row"),
		done("rotate-credential", "appId "+credential.AppID, ""),
		done("create-credential", "appId "+credential.AppID, ""),
		done("change-tenant", "", "host, settings.uniqueEmail, settings.userLimit"),
		done("change-role", "role "+role.ID.String(), "name"),
		done("create-role", "role "+role.ID.String(), ""),
		done("create-tenant", "", ""),
	}
	got := p.trail(path, "")
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(native.AuditRecord{}, "ID", "At")); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
	for i := range got {
		if got[i].At.Before(began) || time.Now().Before(got[i].At) || i > 0 && got[i].At.After(got[i-1].At) {
			t.Errorf("%s was at %s", got[i].Action, got[i].At)
		}
	}
	if own := p.trail("", ""); len(own) != 1 || own[0].Action != "rotate-keys" || !own[0].Operator {
		t.Errorf("of the installation: %+v", own)
	}
	for query, n := range map[string]int{
		"&action=create-role": 1, "&action=create": 0, "&target=user%20" + user.ID.String(): 1, "&user=" + user.ID.String(): 0,
		"&since=" + began.UTC().Format(time.RFC3339Nano): len(want), "&until=" + began.UTC().Format(time.RFC3339Nano): 0,
	} {
		if found := p.trail(path, query); len(found) != n {
			t.Errorf("%s: %d records, want %d", query, len(found), n)
		}
	}
}

func TestTrailsThatAreRefused(t *testing.T) {
	t.Parallel()
	in := setup(t)
	path := "/tenants/" + call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`).ID.String()
	for _, query := range []string{"limit=0", "limit=1001", "since=yesterday", "user=me", "cursor=x", "nothing=such"} {
		call[any](in, 422, "GET", path+"/audit?"+query, "")
	}
	call[any](in, 404, "GET", "/tenants/77/audit", "")
}

// TestCallersAreRecorded: by which credential, on whose behalf and from where.
func TestCallersAreRecorded(t *testing.T) {
	t.Parallel()
	o := setupPublic(t)
	signer := o.credential()
	if status, answer := o.signed(signer, "POST", "/roles", `{"name":"alone"}`); status != 201 {
		t.Fatalf("%d %s", status, answer)
	}
	signer.UserID = o.tenant.Administrators[0].ID.String()
	if status, answer := o.signed(signer, "POST", "/roles", `{"name":"on behalf"}`); status != 201 {
		t.Fatalf("%d %s", status, answer)
	}
	records := o.trail(o.base(), "&action=create-role")
	want := []native.AuditRecord{
		{AppID: signer.AppID, User: o.tenant.Administrators[0].ID, From: "192.0.2.1", Action: "create-role"},
		{AppID: signer.AppID, From: "192.0.2.1", Action: "create-role"},
	}
	if diff := cmp.Diff(want, records, cmpopts.IgnoreFields(native.AuditRecord{}, "ID", "At", "Target")); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if found := o.trail(o.base(), "&user="+signer.UserID); len(found) != 1 {
		t.Errorf("of the user there are %d records", len(found))
	}
	if others := o.trail("/tenants/"+o.other.ID.String(), ""); len(others) != 1 || others[0].Action != "create-tenant" {
		t.Errorf("of the other tenant: %+v", others)
	}
}
