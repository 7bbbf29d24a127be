package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"muster"
	"muster/console"
	"muster/directory"
	"muster/provision"
)

// provisioned has rows done as a batch of the name, and gives its id.
func (b *bundle) provisioned(t testing.TB, tenant muster.ID, name string, rows ...muster.Row) muster.ID {
	t.Helper()
	receipt, err := b.engine.Submit(t.Context(), provision.Submission{
		Tenant: tenant, ActorLevel: muster.LevelSystemAdmin, Contract: muster.ContractNative, Name: name, Rows: rows,
	})
	must(t, err)
	for {
		batch, err := b.store.Batch(t.Context(), tenant, receipt.Batch)
		must(t, err)
		if batch.Finished() {
			return batch.ID
		}
		runtime.Gosched()
	}
}

func TestAUserIsMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newDepartment(t, b.tenant.ID, 0, "Sales")
	role := b.newRole(t, b.tenant.ID, "Clerk")
	b.newUser(t, b.tenant.ID, muster.Row{Account: "taken"})
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.get("/console/users/new?department=/Sales").is(http.StatusOK).has(`value="/Sales"`, "Clerk")
	good := url.Values{
		"account": {"ada"}, "phone": {"+49 151 0001"}, "email": {"ada@example.com"}, "firstName": {"Ada"}, "surname": {probe[:20]}, "department": {"Sales"},
		"adminLevel": {"5"}, "capacityGB": {"0"}, "roleIds": {role.ID.String()},
	}
	for name, c := range map[string]struct {
		change url.Values
		status int
		field  string
		says   string
	}{
		"no name":            {url.Values{"firstName": {""}}, http.StatusUnprocessableEntity, "firstName", "A firstName or a displayName is needed."},
		"a taken account":    {url.Values{"account": {"TAKEN"}}, http.StatusConflict, "", "The user already exists."},
		"nothing to sign in": {url.Values{"account": {""}, "phone": {""}}, http.StatusUnprocessableEntity, "account", "It is missing"},
		"a bad phone":        {url.Values{"phone": {"x"}}, http.StatusUnprocessableEntity, "phone", "5 to 20 digits"},
		"a bad address":      {url.Values{"email": {"x"}}, http.StatusUnprocessableEntity, "email", "name@domain"},
		"no department":      {url.Values{"department": {"Nowhere"}}, http.StatusUnprocessableEntity, "department", "does not exist"},
		"no level":           {url.Values{"adminLevel": {"3"}}, http.StatusUnprocessableEntity, "adminLevel", "Choose one of the levels."},
		"no number":          {url.Values{"capacityGB": {"much"}}, http.StatusUnprocessableEntity, "capacityGB", "A whole number of GB"},
		"too much":           {url.Values{"capacityGB": {"1"}}, http.StatusConflict, "capacityGB", "has less left"},
		"far too much":       {url.Values{"capacityGB": {"9999999"}}, http.StatusUnprocessableEntity, "capacityGB", "from 1 to 1048576 GB"},
		"no role":            {url.Values{"roleIds": {"7"}}, http.StatusUnprocessableEntity, "roleIds", "no role 7"},
		"no name of a role":  {url.Values{"role": {"Nobody"}}, http.StatusUnprocessableEntity, "", "The role does not exist."},
	} {
		form := maps.Clone(good)
		maps.Copy(form, c.change)
		a := v.submit("/console/users/new", "/console/users", form)
		if a.status != c.status || !strings.Contains(a.body, c.says) || c.field != "" && !strings.Contains(a.body, `id="`+c.field+`-fault"`) {
			t.Errorf("%s: %d\n%s", name, a.status, a.body)
		}
		a.hasNo("<script>alert") // what was typed stays, as text
	}
	a := v.submit("/console/users/new", "/console/users", good).is(http.StatusSeeOther)
	id, err := muster.ParseID(strings.TrimPrefix(a.header.Get("Location"), "/console/users/"))
	must(t, err)
	u := b.user(t, id)
	if u.Account != "ada" || u.Level != muster.LevelManager || len(u.Roles) != 1 || u.PasswordHash != "" || u.Surname != probe[:20] {
		t.Errorf("made %+v", u)
	}
	v.get(userAt(u)).has("The user is made.", "/Sales", "Clerk", "Manager", "without password")
	equal(t, b.trail(t, b.tenant.ID), []string{"create-user user " + id.String()})
}

func TestAUserIsChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sales := b.newDepartment(t, b.tenant.ID, 0, "Sales")
	clerk, chief := b.newRole(t, b.tenant.ID, "Clerk"), b.newRole(t, b.tenant.ID, "Chief")
	b.newUser(t, b.tenant.ID, muster.Row{Account: "taken"})
	u := b.newUser(t, b.tenant.ID, muster.Row{Account: "ada", Phone: "+491510001", FirstName: "Ada", Roles: []string{clerk.ID.String()}, Set: muster.FieldRoles})
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	for name, c := range map[string]struct {
		change url.Values
		status int
		field  string
		says   string
	}{
		"a taken account": {url.Values{"account": {"taken"}}, http.StatusConflict, "account", "The account is held by another user."},
		"no name":         {url.Values{"firstName": {""}}, http.StatusUnprocessableEntity, "firstName", "would have no name left"},
		"no key":          {url.Values{"account": {""}, "phone": {""}}, http.StatusUnprocessableEntity, "account", "nothing left to sign in with"},
		"no department":   {url.Values{"department": {"Nowhere"}}, http.StatusUnprocessableEntity, "department", "does not exist"},
		"no level":        {url.Values{"adminLevel": {"x"}}, http.StatusUnprocessableEntity, "adminLevel", "Choose one"},
		"an older state":  {url.Values{"seen": {"1"}, "firstName": {"Eve"}}, http.StatusConflict, "", "The user has changed since you opened the page"},
	} {
		form := userIn(u, "/")
		maps.Copy(form, c.change)
		a := v.submit(userAt(u), userAt(u), form)
		if a.status != c.status || !strings.Contains(a.body, c.says) || c.field != "" && !strings.Contains(a.body, `id="`+c.field+`-fault"`) {
			t.Errorf("%s: %d\n%s", name, a.status, a.body)
		}
		for field, typed := range c.change {
			if field != "seen" && typed[0] != "" && !strings.Contains(a.body, `value="`+typed[0]+`"`) && field != "adminLevel" {
				t.Errorf("%s: what was typed is gone", name)
			}
		}
	}
	if now := b.user(t, u.ID); now.UpdatedAt != u.UpdatedAt {
		t.Errorf("a refused form changed %+v", now)
	}
	v.submit(userAt(u), userAt(u), userIn(u, "/")).leadsTo(userAt(u))
	v.get(userAt(u)).has("There was nothing to change.")

	form := userIn(u, "Sales")
	maps.Copy(form, url.Values{
		"phone": {""}, "surname": {"Lovelace"}, "adminLevel": {"0"}, "roleIds": {chief.ID.String()}, "email": {"ada@example.com"},
	})
	v.submit(userAt(u), userAt(u), form).leadsTo(userAt(u))
	now := b.user(t, u.ID)
	if now.Phone != "" || now.Surname != "Lovelace" || now.Level != muster.LevelDepartmentAdmin || now.Department != sales.ID || fmt.Sprint(now.Roles) != fmt.Sprint([]muster.ID{chief.ID}) {
		t.Errorf("he is %+v", now)
	}
	form = userIn(now, "Sales")
	form.Del("roleIds")
	v.submit(userAt(u), userAt(u), form).leadsTo(userAt(u))
	if now = b.user(t, u.ID); len(now.Roles) != 0 {
		t.Errorf("he has the roles %v", now.Roles)
	}
	equal(t, b.trail(t, b.tenant.ID), []string{"change-user user " + u.ID.String(), "change-user user " + u.ID.String()})
}

func TestWhatIsDoneToAUserAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, b.tenant.ID, muster.Row{Account: "ada"})
	admins, err := b.store.Administrators(t.Context(), b.tenant.ID, 1)
	must(t, err)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	at := userAt(u)
	for _, deed := range []string{"/state", "/removal"} {
		v.submit(userAt(&admins[0]), userAt(&admins[0])+deed, url.Values{"disabled": {"1"}}).is(http.StatusConflict).has("last enabled system administrator")
	}
	link := v.submit(at, at+"/link", url.Values{}).is(http.StatusOK).take(`<code id="link">https://muster.example/` + b.tenant.ID.String() + `/([^<]+)</code>`)
	v.get(at).hasNo(link)
	v.submit(at, at+"/state", url.Values{"disabled": {"1"}}).leadsTo(at)
	v.get(at).has("The user is disabled", "Enable").hasNo("Make a link")
	if !b.user(t, u.ID).Disabled {
		t.Error("he is not disabled")
	}
	v.submit(at, at+"/link", url.Values{}).is(http.StatusConflict).has("enable him first")
	v.submit(at, at+"/state", url.Values{}).leadsTo(at)
	if b.user(t, u.ID).Disabled {
		t.Error("he is not enabled")
	}
	v.submit(at, at+"/removal", url.Values{}).leadsTo("/console/users")
	v.get(at).is(http.StatusNotFound)
	named := " user " + u.ID.String()
	equal(t, b.trail(t, b.tenant.ID), []string{"delete-user" + named, "change-user" + named, "change-user" + named, "create-link" + named})
}

// TestALinkWithoutPublicAddress leads where the browser found the server.
func TestALinkWithoutPublicAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *console.Config) {
		c.LinkAddress = func(_ muster.ID, secret string) string { return "/activate/" + secret }
	})
	u := b.newUser(t, b.tenant.ID, muster.Row{Account: "ada"})
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.submit(userAt(u), userAt(u)+"/link", url.Values{}).is(http.StatusOK).has(">" + b.server.URL + "/activate/")
}

// TestWhatBatchesDidWithAUser is told page by page, and of him alone.
func TestWhatBatchesDidWithAUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.provisioned(t, b.tenant.ID, "new <people>", muster.Row{
		Action: muster.ActionCreate, Match: muster.KeyAccount, OnExisting: muster.FailExisting, Account: "ada", FirstName: "Ada", Set: muster.FieldDepartment,
	}, muster.Row{
		Action: muster.ActionCreate, Match: muster.KeyAccount, OnExisting: muster.FailExisting, Account: "bob", FirstName: "Bob", Set: muster.FieldDepartment,
	})
	ada, err := b.config.Users.Find(t.Context(), b.tenant.ID, systemAdmin, muster.KeyAccount, "ada")
	must(t, err)
	var rows []muster.Row
	for range 20 {
		rows = append(rows, muster.Row{Action: muster.ActionDisable, Match: muster.KeyAccount, Account: "ada"})
	}
	rows = append(rows, muster.Row{Action: muster.ActionUpdate, Match: muster.KeyAccount, Account: "ada", Phone: "x", Set: muster.FieldPhone})
	changed := b.provisioned(t, b.tenant.ID, "", rows...)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	a := v.get(userAt(ada)).is(http.StatusOK).has(`href="/console/batches/`+changed.String()+`"`, ">disabled</span>").hasNo("new &lt;people&gt;")
	next := a.take(`rel="next" href="([^"]+)"`)
	v.get(next).is(http.StatusOK).has(`href="/console/batches/`+made.String()+`"`, "new &lt;people&gt;", ">created</span>").hasNo(`rel="next"`)
	for _, behind := range []string{"x", "1", "1-x", "1--1", "-1-1"} {
		v.get(userAt(ada) + "?behind=" + behind).is(http.StatusNotFound)
	}
	u := b.newUser(t, b.tenant.ID, muster.Row{Account: "new"})
	v.get(userAt(u)).has("No batch that is still kept was about this user.")
}

// TestADirectoryIsOfItsTenant: another tenant's things are not there, and who lacks the role changes nothing.
func TestADirectoryIsOfItsTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sets := map[muster.ID]map[string]url.Values{}
	for _, tenant := range []*muster.Tenant{b.tenant, b.other} {
		u := b.newUser(t, tenant.ID, muster.Row{Account: "ada"})
		d, r := b.newDepartment(t, tenant.ID, 0, "Sales"), b.newRole(t, tenant.ID, "Clerk")
		at := "/console/departments/" + d.ID.String()
		sets[tenant.ID] = map[string]url.Values{
			userAt(u): userIn(u, "/"), userAt(u) + "/state": {"disabled": {"1"}}, userAt(u) + "/link": {}, userAt(u) + "/removal": {},
			at: {"name": {"Else"}, "parent": {"/"}}, at + "/removal": {},
			"/console/roles/" + r.ID.String(): {"name": {"Else"}}, "/console/roles/" + r.ID.String() + "/removal": {"force": {"1"}},
		}
	}
	admin, viewer := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator), b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	for path, form := range sets[b.other.ID] {
		form.Set("csrf", admin.get("/console/users").token())
		admin.post(path, form).is(http.StatusNotFound)
		if strings.Count(path, "/") == 3 {
			admin.get(path).is(http.StatusNotFound)
		}
	}
	own := sets[b.tenant.ID]
	own["/console/users"], own["/console/departments"], own["/console/roles"] = url.Values{"firstName": {"Eve"}}, url.Values{"name": {"Eve"}}, url.Values{"name": {"Eve"}}
	for path, form := range own {
		form.Set("csrf", viewer.get("/console/users").token())
		viewer.post(path, form).is(http.StatusForbidden)
		if strings.Count(path, "/") <= 3 {
			viewer.get(path).is(http.StatusOK).hasNo(`method="post" action="` + path + `"`)
		}
	}
	viewer.get("/console/users/new").is(http.StatusForbidden)
	for path := range sets[b.other.ID] {
		if strings.HasPrefix(path, "/console/departments/") && !strings.HasSuffix(path, "removal") {
			admin.get(path + "/branch").is(http.StatusNotFound)
		}
	}
	page, err := b.config.Users.List(t.Context(), b.other.ID, systemAdmin, directory.UserQuery{Limit: 9})
	must(t, err)
	if len(page.Users) != 2 || page.Users[1].Disabled {
		t.Errorf("the other tenant has %+v", page.Users)
	}
	equal(t, b.trail(t, b.other.ID), nil)
	equal(t, b.trail(t, b.tenant.ID), nil)
}
