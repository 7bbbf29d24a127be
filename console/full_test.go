package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"muster"
	"muster/access"
	"muster/provision"
	"muster/webhook"
)

// maxPage bounds what a page has, in bytes.
const maxPage = 200 << 10

// small fails the test if the page is larger than pages are.
func (a *answer) small(path string) *answer {
	a.t.Helper()
	if len(a.body) > maxPage {
		a.t.Errorf("%s has %d bytes", path, len(a.body))
	}
	return a
}

// wideText is a text of so many characters, each of which takes the most bytes that one can; the last of them tell it from others.
func wideText(characters, n int) string {
	number := fmt.Sprintf("%05d", n)
	return strings.Repeat("𠀀", characters-len(number)) + number
}

// TestAFullTenant has 10,000 departments of one parent, 1,000 roles, as many users, webhooks, messages, credentials and operators as pages
// may show, all of them called as long as may be, and users with 256 roles: and no page over 200 KB.
func TestAFullTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.tenant.RootDepartment
	for range 3 {
		parent = b.newDepartment(t, b.tenant.ID, parent, wideText(20, 0)).ID
	}
	b.manyDepartments(t, parent, 10_000)
	roles := make([]string, 1000)
	for i := range roles {
		roles[i] = b.newRole(t, b.tenant.ID, wideText(64, i)).ID.String()
	}
	var u *muster.User
	for i := range 60 {
		u = b.newUser(t, b.tenant.ID, muster.Row{
			Set:     muster.FieldAccount | muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname | muster.FieldDisplayName | muster.FieldRoles,
			Account: wideText(256, i), Phone: fmt.Sprintf("+%020d", i+1), Email: fmt.Sprintf("%s%05d@example.com", strings.Repeat("é", 118), i),
			FirstName: wideText(64, i), Surname: wideText(64, i), DisplayName: wideText(64, i), Department: parent, Roles: roles[len(roles)-256:],
		})
	}
	w := b.fill(t, b.tenant, plain(b.tenant))
	b.hold(t, w)
	w.params["user"], w.params["department"], w.params["role"] = u.ID.String(), parent.String(), roles[0]
	b.manyOfAccess(t, w)
	for _, tenant := range []muster.ID{b.tenant.ID, 0} {
		v := b.signedIn(t, tenant, muster.OperatorAdministrator)
		for _, page := range w.pagesOf(t) {
			if a := v.get(page).is(http.StatusOK); strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				a.small(page)
			}
		}
		last := v.get("/console/operators")
		for n := 1; strings.Contains(last.body, `rel="next"`); n++ {
			if n > 500/50+1 {
				t.Fatal("the operators have no end")
			}
			last = v.get(last.take(`rel="next" href="([^"]+)"`)).is(http.StatusOK)
		}
		last.has(`name="email"`)
	}
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.get("/console/operators?after=7").is(http.StatusNotFound)
}

// manyDepartments makes departments of one parent.
func (b *bundle) manyDepartments(t testing.TB, parent muster.ID, n int) {
	t.Helper()
	of, err := b.config.Departments.Get(t.Context(), b.tenant.ID, systemAdmin, parent)
	must(t, err)
	paths := make([]string, 0, 1000)
	for i := range n {
		if paths = append(paths, of.NamePath+"/"+wideText(20, i)); len(paths) == cap(paths) {
			_, err := b.config.Departments.Import(t.Context(), b.tenant.ID, systemAdmin, paths)
			must(t, err)
			paths = paths[:0]
		}
	}
}

// manyOfAccess makes credentials, webhooks with messages, and operators.
func (b *bundle) manyOfAccess(t testing.TB, w *world) {
	t.Helper()
	for i := range 60 {
		w.params["appId"], _ = b.newCredential(t, b.tenant.ID, wideText(64, i))
	}
	var hook *webhook.Hook
	for i := range webhook.MaxHooks - 1 {
		made, err := b.config.Webhooks.Create(t.Context(), b.tenant.ID, webhook.New{
			Name: wideText(64, i), URL: "https://hr.example.com/" + strings.Repeat("x", webhook.MaxURL-23),
		})
		must(t, err)
		hook = made.Hook
	}
	w.params["webhook"] = hook.ID.String()
	for range 60 {
		d, err := b.store.TestWebhook(t.Context(), b.tenant.ID, hook.ID)
		must(t, err)
		w.params["delivery"] = d.Event.String()
	}
	for i := range 500 {
		_, _, err := b.operators.Invite(t.Context(), nil, access.NewOperator{
			Tenant: b.tenant.ID, Name: wideText(64, i), Email: fmt.Sprintf("%s%05d@example.com", strings.Repeat("é", 100), i), Role: muster.OperatorViewer,
		})
		must(t, err)
	}
}

// TestALargeBatch is 100,000 rows that end in many ways, with cells as long as may be: its pages answer while it waits, while it is half
// done, while it runs, and when it is finished, and none has more than 200 KB.
func TestALargeBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const rows = 100_000
	first, turns := b.gate.shut(), b.gate.count()
	upload, err := b.engine.Begin(t.Context(), provision.Submission{
		Tenant: b.tenant.ID, Contract: muster.ContractNative, ActorLevel: muster.LevelSystemAdmin, Name: wideText(60, 0),
	})
	must(t, err)
	long := wideText(64, 0)
	kinds := []muster.Row{
		{Account: "", FirstName: long, Surname: long, DisplayName: long, Email: long, Phone: long},
		{Account: "a b", FirstName: long, Surname: long, DisplayName: long, Email: long, Phone: long},
		{FirstName: strings.Repeat(long, 20)},
	}
	all := make([]muster.Row, rows)
	for i := range all {
		all[i] = muster.Row{Account: fmt.Sprint("user", i), FirstName: "Ada"}
		if kind := i % 10; kind < len(kinds) {
			all[i] = kinds[kind]
		}
		all[i].Action, all[i].Match = muster.ActionCreate, muster.KeyAccount
		all[i].Set = muster.FieldAccount | muster.FieldFirstName | muster.FieldSurname | muster.FieldDisplayName | muster.FieldEmail | muster.FieldPhone
	}
	must(t, upload.Add(t.Context(), all))
	receipt, err := upload.Accept(t.Context())
	must(t, err)
	b.gate.another(turns)
	b.submit(t, provision.Submission{Rows: []muster.Row{change("nobody")}}) // waits for its turn, so that others are short
	path := "/console/batches/" + receipt.Batch.String()
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	v.get(path).is(http.StatusOK).has("0 of 100,000 rows").small(path)
	rest := b.gate.shut()
	turns = b.gate.count()
	first()
	b.gate.another(turns)
	queries := []string{"", "?result=all", "?result=all&from=50000", "?result=failed", "?result=failed&reason=invalid", "?result=succeeded&effect=created", "?result=skipped"}
	for _, q := range queries {
		v.get(path + q).is(http.StatusOK).has("running").small(path + q)
	}
	rest()
	for seen := ""; !strings.Contains(seen, ">finished<"); {
		for _, page := range []string{path, "/console/batches", "/console/"} {
			a := v.get(page).is(http.StatusOK).small(page)
			if page == path {
				seen = a.body
			}
		}
	}
	for _, q := range queries {
		v.get(path + q).is(http.StatusOK).has("100,000 of 100,000 rows").small(path + q)
	}
}
