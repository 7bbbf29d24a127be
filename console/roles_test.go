package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"muster"
)

func TestRolesAreChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.get("/console/roles").is(http.StatusOK).has("There is no role.")
	v.submit("/console/roles", "/console/roles", url.Values{"name": {probe}}).leadsTo("/console/roles")
	v.get("/console/roles").hasNo("<script>alert").has("The role is made.", "&lt;script&gt;alert(1)")
	roles, err := b.config.Roles.List(t.Context(), b.tenant.ID, 0, 9)
	must(t, err)
	clerk := &roles[0]
	at := "/console/roles/" + clerk.ID.String()
	u := b.newUser(t, b.tenant.ID, muster.Row{Account: "ada", Roles: []string{clerk.ID.String()}, Set: muster.FieldRoles})
	b.newRole(t, b.tenant.ID, "Chief")
	for name, c := range map[string]struct {
		page, path, name string
		status           int
		says             string
	}{
		"a name that is taken": {"/console/roles", "", "Chief", http.StatusConflict, "The tenant has a role of this name."},
		"no name":              {"/console/roles", "", "", http.StatusUnprocessableEntity, "1 to 64 characters"},
		"a long name":          {at, "", strings.Repeat("x", 65), http.StatusUnprocessableEntity, "1 to 64 characters"},
		"another one's name":   {at, "", "Chief", http.StatusConflict, "The tenant has a role of this name."},
	} {
		a := v.submit(c.page, c.page+c.path, url.Values{"name": {c.name}})
		if a.status != c.status || !strings.Contains(a.body, c.says) || !strings.Contains(a.body, `id="name-fault"`) || !strings.Contains(a.body, `value="`+c.name+`"`) {
			t.Errorf("%s: %d\n%s", name, a.status, a.body)
		}
	}
	v.get("/console/roles").has(`href="/console/users?role=` + clerk.ID.String() + `">1</a>`)
	v.get("/console/users?role=" + clerk.ID.String()).is(http.StatusOK).has(userAt(u)).hasNo("Administrator")
	v.submit(at, at, url.Values{"name": {"Clerk"}}).leadsTo("/console/roles")
	v.submit(at, at+"/removal", url.Values{}).is(http.StatusConflict).has(`id="force-fault"`, "Users have this role, 1 of them")
	v.submit(at, at+"/removal", url.Values{"force": {"1"}}).leadsTo("/console/roles")
	v.get(at).is(http.StatusNotFound)
	if now := b.user(t, u.ID); len(now.Roles) != 0 {
		t.Errorf("the user has %v", now.Roles)
	}
	named := " role " + clerk.ID.String()
	equal(t, b.trail(t, b.tenant.ID), []string{"delete-role" + named, "change-role" + named, "create-role" + named})
}

// TestManyRoles are listed in pages, and given by their names where a form cannot offer them all.
func TestManyRoles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var last *muster.Role
	for i := range 102 {
		last = b.newRole(t, b.tenant.ID, fmt.Sprintf("Role %03d", i))
	}
	u := b.newUser(t, b.tenant.ID, muster.Row{Account: "ada"})
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	second := v.get("/console/roles").has("Role 049").hasNo("Role 050").take(`rel="next" href="([^"]+)"`)
	third := v.get(second).has("Role 050", "Role 099").take(`rel="next" href="([^"]+)"`)
	v.get(third).has("Role 100", "Role 101").hasNo(`rel="next"`)
	v.get("/console/roles?after=x").is(http.StatusNotFound)
	v.get(userAt(u)).has("Role 099", "Another role, by its name").hasNo("Role 100")
	form := userIn(u, "/")
	form.Set("role", "Role 101")
	v.submit(userAt(u), userAt(u), form).leadsTo(userAt(u))
	v.get(userAt(u)).has(`value="`+last.ID.String()+`" checked`, "Role 101</span>").hasNo("Role 100")
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	v.get("/console/quotas").is(http.StatusOK).has("1 is taken; there is no limit", "0 of 0<", "1 of 1 users", "0 of 2,000,000 (0.0 %)").hasNo("Change the limits")
	b.tenant.Settings.UserLimit, b.tenant.Settings.PersonalSpaceGB = 2000, 100
	must(t, b.store.UpdateTenant(t.Context(), b.tenant))
	b.newUser(t, b.tenant.ID, muster.Row{CapacityGB: 95, Allocate: true, Set: muster.FieldCapacity})
	a := v.get("/console/quotas").is(http.StatusOK).has("2 of 2,000 (0.1 %)", "95 of 100 (95.0 %)", "1 of 2 users")
	// A seat of two thousand is seen, nearly all of the space is a warning, and half of the users are half of a bar.
	a.has(`<rect class="taken" width="5"`, `<rect class="taken" width="950"`, `<rect class="taken" width="500"`)
	if n := strings.Count(a.body, `class="bar full"`); n != 1 {
		t.Errorf("%d bars warn", n)
	}
	b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator).get("/console/quotas").has("Change the limits")
}
