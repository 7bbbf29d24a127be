package native_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster/api/native"
)

// until reads a batch until it is as wanted.
func (p *provisioning) until(path string, is func(*native.Batch) bool) native.Batch {
	p.t.Helper()
	for {
		b := call[native.Batch](p.installation, 200, "GET", path, "")
		if is(&b) {
			return b
		}
		p.yield()
	}
}

func (p *provisioning) finished(path string) native.Batch {
	p.t.Helper()
	return p.until(path, func(b *native.Batch) bool { return !b.FinishedAt.IsZero() })
}

// submit sends rows as JSON, and gives the path of their batch.
func (p *provisioning) submit(tenant, body string) string {
	p.t.Helper()
	b := call[native.Batch](p.installation, 202, "POST", tenant+"/batches", body)
	return tenant + "/batches/" + b.ID.String()
}

// made makes users by their accounts, and waits until they are there.
func (p *provisioning) made(tenant string, accounts ...string) []native.BatchOutcome {
	p.t.Helper()
	var rows []string
	for _, account := range accounts {
		rows = append(rows, fmt.Sprintf(`{"account":%q,"firstName":"Ann"}`, account))
	}
	return p.rows(p.submit(tenant, `{"operation":"create","match":"account","rows":[`+strings.Join(rows, ",")+`]}`), 1000)
}

// Rows of one batch may do different things, each by its own.
func TestRowsOfEveryOperation(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	made := p.made(tenant, "ann", "bo", "cy", "di")
	ids := func(i int) string { return made[i].User.String() }
	path := p.submit(tenant, `{"operation":"update","match":"account","updateFields":["surname","phone"],"rows":[
		{"account":"ANN","surname":"Smith","firstName":"Nobody"},
		{"account":"bo","operation":"disable"},
		{"account":"cy","operation":"upsert","surname":"Young","firstName":"Nobody"},
		{"account":"ed","operation":"upsert","surname":"New","firstName":"Ed"},
		{"account":"di","operation":"delete"},
		{"account":"di","surname":"Gone"},
		{"account":"ann","id":"`+ids(0)+`","surname":"Smith"},
		{"account":"bo","operation":"enable"}]}`)
	want := []native.BatchOutcome{
		{Row: 1, Result: "succeeded", Effect: "changed", Subject: "ANN"}, {Row: 2, Result: "succeeded", Effect: "disabled", Subject: "bo"},
		{Row: 3, Result: "succeeded", Effect: "changed", Subject: "cy"}, {Row: 4, Result: "succeeded", Effect: "created", Subject: "ed"},
		{Row: 5, Result: "succeeded", Effect: "deleted", Subject: "di"},
		{Row: 6, Result: "failed", Subject: "di", Reason: "not-found", Detail: "The user does not exist."},
		{Row: 7, Result: "failed", Subject: "ann", Reason: "invalid", Field: "id", Detail: "It is accepted only where the batch matches by id."},
		{Row: 8, Result: "succeeded", Effect: "enabled", Subject: "bo"},
	}
	rows := p.rows(path, 1000)
	if diff := cmp.Diff(want, rows, cmpopts.IgnoreFields(native.BatchOutcome{}, "User")); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	path = p.submit(tenant, `{"operation":"upsert","match":"account","rows":[{"account":"bo","operation":"create","firstName":"Nobody"},{"account":"bo","surname":"Known"}]}`)
	if rows := p.rows(path, 1000); rows[0].Result != "skipped" || rows[1].Result != "succeeded" {
		t.Errorf("a row that creates among those that update: %+v", rows)
	}
	path = p.submit(tenant, `{"operation":"update","match":"id","rows":[{"id":"`+ids(0)+`","account":"anna","clear":["surname"]},{"id":"7","firstName":"X"},{"account":"bo"}]}`)
	rows = p.rows(path, 1000)
	if rows[0].Result != "succeeded" || rows[1].Reason != "not-found" || rows[2].Field != "id" {
		t.Errorf("by id: %+v", rows)
	}
	for account, want := range map[string]string{"anna": "Ann ", "cy": "Ann Young", "ed": "Ed New"} {
		list := call[native.Users](p.installation, 200, "GET", tenant+"/users?account="+account, "")
		if len(list.Users) != 1 || list.Users[0].FirstName+" "+list.Users[0].Surname != want {
			t.Errorf("%s is %+v, want %s", account, list.Users, want)
		}
	}
}

func TestADryRunIsCommitted(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	const rows = `{"operation":"create","match":"account","name":"new people","dryRun":true,"rows":[{"account":"ann","firstName":"Ann"},{"account":"ANN","firstName":"Ann"},{"account":"bo"}]}`
	path := p.submit(tenant, rows)
	dry := p.finished(path)
	if !dry.DryRun || dry.State != "finished" || dry.Succeeded != 1 || dry.Skipped != 1 || dry.Failed != 1 || dry.HeldUntil.IsZero() {
		t.Errorf("the dry run is %+v", dry)
	}
	predicted := p.rows(path, 1000)
	if list := call[native.Users](p.installation, 200, "GET", tenant+"/users?account=ann", ""); len(list.Users) != 0 {
		t.Errorf("it made %+v", list.Users)
	}
	committed := call[native.Batch](p.installation, 202, "POST", path+"/commit", "")
	if again := call[native.Batch](p.installation, 202, "POST", path+"/commit", `{"force":true}`); again.ID != committed.ID {
		t.Errorf("committed as %s and as %s", committed.ID, again.ID)
	}
	run := tenant + "/batches/" + committed.ID.String()
	got := p.finished(run)
	if got.Parent != dry.ID || got.Origin != "commit" || !got.Guarded || got.Checked != 3 || got.Differing != 0 || got.State != "finished" || got.DryRun || got.Name != "new people" {
		t.Errorf("the commit is %+v", got)
	}
	if diff := cmp.Diff(predicted, p.rows(run, 1000)); diff != "" {
		t.Errorf("outcomes (-predicted +run):\n%s", diff)
	}
	call[told](p.installation, 409, "POST", run+"/commit", "")
}

func TestACommitIsRefused(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	path := p.submit(tenant, `{"operation":"create","match":"account","dryRun":true,"rows":[{"account":"ann","firstName":"Ann"},{"account":"bo","firstName":"Bo"},{"account":"cy","firstName":"Cy"}]}`)
	p.finished(path)
	p.made(tenant, "bo")
	refused := call[native.Batch](p.installation, 202, "POST", path+"/commit", `{}`)
	at := tenant + "/batches/" + refused.ID.String()
	if b := p.finished(at); b.State != "refused" || b.Differing != 1 || b.Cancelled != 2 || b.Failed != 1 {
		t.Errorf("the commit is %+v", b)
	}
	list := call[native.BatchDifferences](p.installation, 200, "GET", at+"/differences", "")
	want := []native.BatchOutcome{{
		Row: 2, Result: "failed", Subject: "bo", Reason: "changed-since-dry-run",
		Detail: "The dry run predicted that the row would succeed; now it would be skipped (exists).",
	}}
	if diff := cmp.Diff(want, list.Differences, cmpopts.IgnoreFields(native.BatchOutcome{}, "User")); diff != "" || list.Next != 0 {
		t.Errorf("differences, and next %d (-want +got):\n%s", list.Next, diff)
	}
	if page := call[native.BatchDifferences](p.installation, 200, "GET", at+"/differences?limit=1", ""); page.Next != 3 {
		t.Errorf("a page of one has next %d", page.Next)
	}
	call[told](p.installation, 404, "GET", tenant+"/batches/77/differences", "")
	forced := call[native.Batch](p.installation, 202, "POST", path+"/commit", `{"force":true}`)
	if b := p.finished(tenant + "/batches/" + forced.ID.String()); b.Succeeded != 2 || b.Skipped != 1 || b.Guarded {
		t.Errorf("with force the commit is %+v", b)
	}
}

func TestABatchIsCancelledAndRetried(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t) // stands still
	tenant := p.tenant(`{"userLimit":2}`)
	body := `{"operation":"create","match":"account","rows":[{"account":"ann","firstName":"Ann"},{"account":"bo","firstName":"Bo"},{"account":"cy","firstName":"Cy"}]}`
	path := p.submit(tenant, body)
	if b := call[native.Batch](p.installation, 200, "POST", path+"/cancel", ""); b.State != "cancelling" {
		t.Errorf("cancelled: %+v", b)
	}
	call[told](p.installation, 409, "POST", path+"/retry", "")
	call[told](p.installation, 404, "POST", tenant+"/batches/77/cancel", "")
	p.start()
	if b := p.finished(path); b.State != "cancelled" || b.Cancelled != 3 {
		t.Errorf("then: %+v", b)
	}
	path = p.submit(tenant, body)
	if b := p.finished(path); b.Failed != 2 {
		t.Fatalf("with one seat: %+v", b)
	}
	call[native.Tenant](p.installation, 200, "PATCH", tenant, `{"settings":{"userLimit":0}}`)
	retry := call[native.Batch](p.installation, 202, "POST", path+"/retry", "")
	if again := call[native.Batch](p.installation, 202, "POST", path+"/retry", ""); again.ID != retry.ID {
		t.Errorf("retried as %s and %s", retry.ID, again.ID)
	}
	if b := p.finished(tenant + "/batches/" + retry.ID.String()); b.Total != 2 || b.Succeeded != 2 || b.Origin != "retry" || b.State != "finished" {
		t.Errorf("the retry is %+v", b)
	}
}

func TestListsOfBatchesAndRows(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	path := p.submit(tenant, `{"operation":"create","match":"account","rows":[{"account":"ann","firstName":"Ann"},{"account":"ann","firstName":"Ann"},
		{"account":"bo"},{"account":"cy"},{"account":"di","firstName":"Di"},{"account":"di","firstName":"Di"}]}`)
	p.finished(path)
	reasons := call[native.BatchReasons](p.installation, 200, "GET", path+"/reasons", "")
	want := native.BatchReasons{Reasons: []native.BatchReason{{Result: "succeeded", Effect: "created", Rows: 2}, {Result: "failed", Reason: "invalid", Rows: 2}, {Result: "skipped", Reason: "exists", Rows: 2}}}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	for query, want := range map[string]string{
		"result=failed": "[3 4] 0", "result=failed&limit=1": "[3] 4", "result=failed&from=4&limit=1": "[4] 5", "result=failed&from=5": "[] 0",
		"reason=exists": "[2 6] 0", "result=failed&reason=exists": "[] 0", "result=cancelled": "[] 0", "": "[1 2 3 4 5 6] 0", "limit=5": "[1 2 3 4 5] 6",
	} {
		page := call[native.BatchRows](p.installation, 200, "GET", path+"/rows?"+query, "")
		got := []int{}
		for _, row := range page.Rows {
			got = append(got, row.Row)
		}
		if told := fmt.Sprint(got, page.Next); told != want {
			t.Errorf("%s: %s, want %s", query, told, want)
		}
	}
	var ids []string
	for range 4 {
		b := p.submit(tenant, `{"operation":"delete","match":"account","dryRun":true,"rows":[{"account":"ann"}]}`)
		p.finished(b)
		ids = append(ids, strings.TrimPrefix(b, tenant+"/batches/"))
	}
	var got []string
	for cursor := ""; ; {
		page := call[native.Batches](p.installation, 200, "GET", tenant+"/batches?state=finished&limit=2"+cursor, "")
		for _, b := range page.Batches {
			got = append([]string{b.ID.String()}, got...)
		}
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + page.Next
	}
	if diff := cmp.Diff(ids, got[1:]); diff != "" || len(got) != 5 {
		t.Errorf("the newest first, backwards (-want +got):\n%s", diff)
	}
	for _, state := range []string{"unfinished", "running", "cancelled"} {
		if list := call[native.Batches](p.installation, 200, "GET", tenant+"/batches?state="+state, ""); len(list.Batches) != 0 {
			t.Errorf("%s are %+v", state, list.Batches)
		}
	}
}

// What a file makes a source's whole is a dry run first, whose disables come last.
func TestASourceIsReconciled(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	send := func(file, more string) (native.Batch, []native.BatchOutcome) {
		dry, _ := p.upload(tenant, "match=account&source=hr"+more, []byte(file))
		committed := call[native.Batch](p.installation, 202, "POST", tenant+"/batches/"+dry.ID.String()+"/commit", "")
		path := tenant + "/batches/" + committed.ID.String()
		return p.finished(path), p.rows(path, 1000)
	}
	if b, _ := send("account,name\nann,Ann\nbo,Bo\ncy,Cy\n", ""); b.Source != "hr" || b.Succeeded != 3 || b.State != "finished" {
		t.Errorf("the first: %+v", b)
	}
	r := p.post(tenant+"/batches/upload?match=account&source=hr", strings.NewReader("account,name\nann,Ann\nbo,Bo\n"))
	if got := decoded[told](t, r, 409); !strings.Contains(got.Detail, "%") && !strings.Contains(got.Detail, "percent") {
		t.Errorf("a third of them is disabled: %+v", got)
	}
	b, rows := send("account,name\nann,Ann\nbo,Bo\n", "&maxDisables=50")
	if b.Total != 3 || b.Succeeded != 3 || rows[2].Result != "succeeded" {
		t.Errorf("the second: %+v, %+v", b, rows)
	}
	if u := call[native.User](p.installation, 200, "GET", tenant+"/users/"+rows[2].User.String(), ""); u.Account != "cy" || !u.Disabled {
		t.Errorf("disabled is %+v", u)
	}
}
