package native_test

import (
	"fmt"
	"strings"
	"testing"

	"muster"
	"muster/api/native"
)

func names(roles native.Roles) string {
	var all []string
	for _, r := range roles.Roles {
		all = append(all, r.Name)
	}
	return strings.Join(all, " ")
}

func TestTheLifeOfARole(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	all := "/tenants/" + tenant.ID.String() + "/roles"
	if list := call[native.Roles](in, 200, "GET", all, ""); len(list.Roles) != 0 || list.Roles == nil || list.Next != 0 {
		t.Errorf("a new tenant has roles %+v", list)
	}
	brought := call[native.Role](in, 201, "POST", all, `{"name":"Auditor","id":"6001"}`)
	if brought.ID != 6001 || brought.CreatedAt.IsZero() {
		t.Errorf("role %+v", brought)
	}
	for i := range 4 {
		call[native.Role](in, 201, "POST", all, fmt.Sprintf(`{"name":"r%d"}`, i))
	}

	// Pages follow one another.
	first := call[native.Roles](in, 200, "GET", all+"?limit=3", "")
	second := call[native.Roles](in, 200, "GET", all+"?limit=3&cursor="+first.Next.String(), "")
	if names(first) != "Auditor r0 r1" || names(second) != "r2 r3" || second.Next != 0 {
		t.Errorf("pages %+v and %+v", first, second)
	}
	if found := call[native.Roles](in, 200, "GET", all+"?name=r2", ""); names(found) != "r2" {
		t.Errorf("found %+v", found)
	}
	if found := call[native.Roles](in, 200, "GET", all+"?name=r9", ""); len(found.Roles) != 0 {
		t.Errorf("found %+v", found)
	}

	one := all + "/6001"
	if renamed := call[native.Role](in, 200, "PATCH", one, `{"name":"Revisor"}`); renamed.Name != "Revisor" || renamed.ID != 6001 {
		t.Errorf("renamed %+v", renamed)
	}
	if gone := call[native.RoleDeleted](in, 200, "DELETE", one+"?force=true", ""); gone.Users != 0 {
		t.Errorf("%d users had a new role", gone.Users)
	}
	if list := call[native.Roles](in, 200, "GET", all, ""); names(list) != "r0 r1 r2 r3" {
		t.Errorf("roles left: %+v", list)
	}
}

// TestARoleThatUsersHave: the refusal says how many they are.
func TestARoleThatUsersHave(t *testing.T) {
	t.Parallel()
	in := setup(t)
	const tenant, role = 4711, 6001
	admin := &muster.User{ID: 1, Roles: []muster.ID{role}}
	if err := in.store.CreateTenant(t.Context(), &muster.Tenant{ID: tenant, Name: "acme", RootDepartment: 2}, admin, 1); err != nil {
		t.Fatal(err)
	}
	call[native.Role](in, 201, "POST", "/tenants/4711/roles", `{"name":"Auditor","id":"6001"}`)
	problem := call[struct{ Detail string }](in, 409, "DELETE", "/tenants/4711/roles/6001", "")
	if !strings.Contains(problem.Detail, "1 of them") {
		t.Errorf("the refusal says %q", problem.Detail)
	}
	if gone := call[native.RoleDeleted](in, 200, "DELETE", "/tenants/4711/roles/6001?force=true", ""); gone.Users != 1 {
		t.Errorf("the role was taken from %d users", gone.Users)
	}
	user, err := in.store.User(t.Context(), tenant, 1)
	if err != nil || len(user.Roles) != 0 {
		t.Errorf("the user is %+v, %v", user, err)
	}
}

func TestRolesThatAreRefused(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	all := "/tenants/" + tenant.ID.String() + "/roles"
	call[native.Role](in, 201, "POST", all, `{"name":"Auditor","id":"6001"}`)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"a name that is taken":    {"POST", all, `{"name":"Auditor"}`, 409, "role of this name"},
		"an id that is taken":     {"POST", all, `{"name":"x","id":"6001"}`, 409, "role with this id"},
		"an id of the future":     {"POST", all, `{"name":"x","id":"9223372036854775807"}`, 422, "id of the past"},
		"an id that is none":      {"POST", all, `{"name":"x","id":"6e3"}`, 422, "id"},
		"no name":                 {"POST", all, `{"name":""}`, 422, "1 to 64 characters"},
		"nothing to change":       {"PATCH", all + "/6001", `{}`, 422, "1 to 64 characters"},
		"a role that is not":      {"PATCH", all + "/6002", `{"name":"x"}`, 404, "role does not exist"},
		"a delete of what is not": {"DELETE", all + "/6002", "", 404, "role does not exist"},
		"a page too large":        {"GET", all + "?limit=1001", "", 422, "limit"},
		"no tenant":               {"GET", "/tenants/9/roles", "", 404, "tenant does not exist"},
		"no tenant, by name":      {"GET", "/tenants/9/roles?name=x", "", 404, "tenant does not exist"},
		"no role's id":            {"DELETE", all + "/x", "", 422, "role"},
		"a cursor that is none":   {"GET", all + "?cursor=x", "", 422, "cursor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in.wantProblem(t, c.method, c.path, c.body, c.status, c.want)
		})
	}
}
