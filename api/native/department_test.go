package native_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/api/native"
)

func departmentPaths(page native.Departments) string {
	var all []string
	for _, d := range page.Departments {
		all = append(all, d.Path)
	}
	return strings.Join(all, " ")
}

func TestTheLifeOfADepartment(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	all := "/tenants/" + tenant.ID.String() + "/departments"
	sales := call[native.Department](in, 201, "POST", all, `{"name":"Sales","id":"4001"}`)
	if sales.ID != 4001 || sales.Parent != tenant.RootDepartmentID || sales.Path != "/Sales" || sales.CreatedAt.IsZero() {
		t.Errorf("made %+v", sales)
	}
	north := call[native.Department](in, 201, "POST", all, `{"name":"North","parentId":"4001"}`)
	one := all + "/" + north.ID.String()
	if read := call[native.Department](in, 200, "GET", one, ""); !cmp.Equal(north, read) {
		t.Errorf("read (-made +read):\n%s", cmp.Diff(north, read))
	}
	imported := call[native.DepartmentsImported](in, 200, "POST", all+"/import", `{"paths":["Sales/North/Team 1","Sales","Sales//x"]}`)
	if p := imported.Paths; len(p) != 3 || p[0].Result != native.ImportMade || p[0].Made != 1 || p[1] != (native.DepartmentImported{Result: native.ImportExisted, Department: 4001}) ||
		p[2].Result != native.ImportFailed || p[2].Department != 0 || !strings.Contains(p[2].Detail, "Name 2 of the path") {
		t.Errorf("imported %+v", p)
	}

	for query, want := range map[string]string{
		"":                              " /Sales /Sales/North /Sales/North/Team 1",
		"?under=4001":                   "/Sales /Sales/North /Sales/North/Team 1",
		"?parent=4001":                  "/Sales/North",
		"?keyword=OR":                   "/Sales/North",
		"?path=" + url.QueryEscape("/"): "",
		"?path=Sales/North":             "/Sales/North",
		"?path=Sales/South":             "",
		"?under=4001&cursor=/Sales":     "/Sales/North /Sales/North/Team 1",
	} {
		if got := departmentPaths(call[native.Departments](in, 200, "GET", all+query, "")); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if root := call[native.Departments](in, 200, "GET", all+"?path=/", ""); root.Departments[0].ID != tenant.RootDepartmentID {
		t.Errorf("at the path / is %+v", root)
	}
	first := call[native.Departments](in, 200, "GET", all+"?limit=1", "")
	second := call[native.Departments](in, 200, "GET", all+"?limit=3&cursor="+url.QueryEscape(first.Next), "")
	if departmentPaths(first) != "" || departmentPaths(second) != "/Sales /Sales/North /Sales/North/Team 1" {
		t.Errorf("pages %+v and %+v", first, second)
	}

	moved := call[native.Department](in, 200, "PATCH", one, `{"name":"Nord","parentId":"`+tenant.RootDepartmentID.String()+`"}`)
	if moved.Path != "/Nord" || moved.ID != north.ID {
		t.Errorf("moved %+v", moved)
	}
	if gone := call[native.Department](in, 200, "DELETE", all+"/4001", ""); gone.Path != "/Sales" {
		t.Errorf("deleted %+v", gone)
	}
	if got := departmentPaths(call[native.Departments](in, 200, "GET", all, "")); got != " /Nord /Nord/Team 1" {
		t.Errorf("left: %q", got)
	}
}

func TestDepartmentsThatAreRefused(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	other := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"other"}`)
	all := "/tenants/" + tenant.ID.String() + "/departments"
	foreign := "/" + call[native.Department](in, 201, "POST", "/tenants/"+other.ID.String()+"/departments", `{"name":"x"}`).ID.String()
	call[native.Department](in, 201, "POST", all, `{"name":"Sales","id":"4001"}`)
	call[native.Department](in, 201, "POST", all, `{"name":"North","parentId":"4001","id":"4002"}`)
	call[native.Department](in, 201, "POST", all, `{"name":"South","parentId":"4001","id":"4003"}`)
	root := "/" + tenant.RootDepartmentID.String()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"a name that is taken":     {"POST", all, `{"name":"Sales"}`, 409, "department of this name"},
		"an id that is taken":      {"POST", all, `{"name":"x","id":"4001"}`, 409, "department with this id"},
		"a parent that is not":     {"POST", all, `{"name":"x","parentId":"9"}`, 404, "parent department does not exist"},
		"a slash":                  {"POST", all, `{"name":"a/b"}`, 422, "slash is not accepted"},
		"a long name":              {"POST", all, `{"name":"123456789012345678901"}`, 422, "1 to 20 characters"},
		"an id as a number":        {"POST", all, `{"name":"x","parentId":4001}`, 422, "body.parentId"},
		"nothing to change":        {"PATCH", all + "/4001", `{}`, 422, "nothing to change"},
		"into itself":              {"PATCH", all + "/4001", `{"parentId":"4002"}`, 409, "below itself"},
		"a sibling's name":         {"PATCH", all + "/4002", `{"name":"South"}`, 409, "department of this name"},
		"a move of the root":       {"PATCH", all + root, `{"parentId":"4001"}`, 409, "root department cannot be moved"},
		"the end of the root":      {"DELETE", all + root, "", 409, "root department cannot be deleted"},
		"a delete of what is full": {"DELETE", all + "/4001", "", 409, "0 members and 2 departments"},
		"a delete of what is not":  {"DELETE", all + "/9", "", 404, "does not exist"},
		"another tenant's":         {"GET", all + foreign, "", 404, "does not exist"},
		"a move of another's":      {"PATCH", all + foreign, `{"parentId":"4001"}`, 404, "does not exist"},
		"a delete of another's":    {"DELETE", all + foreign, "", 404, "does not exist"},
		"no id":                    {"GET", all + "/Sales", "", 422, "department"},
		"parent and under":         {"GET", all + "?parent=4001&under=4001", "", 422, "one is accepted"},
		"path and under":           {"GET", all + "?path=Sales&under=4001", "", 422, "one is accepted"},
		"a path too deep":          {"GET", all + "?path=1/2/3/4/5/6", "", 422, "at most 5 names"},
		"below what is not":        {"GET", all + "?under=9", "", 404, "does not exist"},
		"a page too large":         {"GET", all + "?limit=1001", "", 422, "limit"},
		"no tenant":                {"GET", "/tenants/9/departments", "", 404, "tenant does not exist"},
		"no tenant, by path":       {"GET", "/tenants/9/departments?path=x", "", 404, "tenant does not exist"},
		"an import of nothing":     {"POST", all + "/import", `{"paths":[]}`, 422, "paths"},
		"an import too long":       {"POST", all + "/import", `{"paths":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`, 422, "paths"},
		"an import into no tenant": {"POST", "/tenants/9/departments/import", `{"paths":["x"]}`, 404, "tenant does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in.wantProblem(t, c.method, c.path, c.body, c.status, c.want)
		})
	}
}
