package koodrive_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/directory"
)

const (
	departmentsPath = prefix + "/departments"
	listPath        = prefix + "/departmentList"
)

func department(id muster.ID) string { return departmentsPath + "/" + id.String() }

func TestDepartments(t *testing.T) {
	t.Parallel()
	b, token := organised(t)
	b.addUser(t, b.tenant, muster.User{FirstName: "Member", Department: selected + 2})
	b.addDepartment(t, b.tenant, selected+3, "Five", selected+8)
	chosen, root := selected.String(), b.tenant.RootDepartment.String()
	chinese := setHeader("language", "zh-CN")
	// In this order: each sees what those before it did.
	for _, tc := range []struct {
		name, method, target, body string
		change                     []func(*http.Request)
	}{
		{name: "department made", method: "POST", target: departmentsPath, body: `{"name":" New one ","parentId":"` + chosen + `"}`},
		{name: "department made by number", method: "POST", target: departmentsPath, body: `{"name":"Newer","parentId":` + chosen + `,"unknown":1}`},
		{name: "department taken", method: "POST", target: departmentsPath, body: `{"name":"New one","parentId":"` + chosen + `"}`},
		{name: "department taken in Chinese", method: "POST", target: departmentsPath, body: `{"name":"New one","parentId":"` + chosen + `"}`, change: []func(*http.Request){chinese}},
		{name: "department too deep", method: "POST", target: departmentsPath, body: `{"name":"Six","parentId":"` + (selected + 8).String() + `"}`},
		{name: "department deeper than that", method: "PUT", target: department(selected + 1), body: `{"parentId":"` + (selected + 5).String() + `"}`},
		{name: "department deeper than that in Chinese", method: "PUT", target: department(selected + 1), body: `{"parentId":"` + (selected + 5).String() + `"}`, change: []func(*http.Request){chinese}},
		{name: "department below itself", method: "PUT", target: department(selected), body: `{"parentId":"` + (selected + 2).String() + `"}`},
		{name: "department done", method: "PUT", target: department(selected + 4), body: `{"name":"Another","parentId":"` + root + `"}`},
		{name: "department done", method: "PUT", target: department(selected + 4), body: `{"name":"Other"}`},
		{name: "department", method: "GET", target: department(selected + 4)},
		{name: "department root", method: "GET", target: department(b.tenant.RootDepartment)},
		{name: "department root moved", method: "PUT", target: department(b.tenant.RootDepartment), body: `{"parentId":"` + chosen + `"}`},
		{name: "department root deleted", method: "DELETE", target: department(b.tenant.RootDepartment)},
		{name: "department not empty", method: "DELETE", target: department(selected + 2)},
		{name: "department not empty in Chinese", method: "DELETE", target: department(selected + 2), change: []func(*http.Request){chinese}},
		{name: "department done", method: "DELETE", target: department(selected + 5)},
		{name: "no resource", method: "DELETE", target: department(selected + 5)},
		{name: "departments of the root", method: "GET", target: listPath},
		{name: "departments of one", method: "GET", target: listPath + "?departmentId=" + chosen + "&keyWord="},
		{name: "departments of one in Chinese", method: "GET", target: listPath + "?departmentId=" + chosen + "&keyWord=NEW", change: []func(*http.Request){chinese}},
		{name: "departments of none", method: "GET", target: listPath + "?departmentId=" + (selected + 8).String()},
		{name: "department without name", method: "POST", target: departmentsPath, body: `{"parentId":"` + chosen + `"}`},
		{name: "department without parentId", method: "POST", target: departmentsPath, body: `{"name":"N","parentId":null}`},
		{name: "department with empty name", method: "POST", target: departmentsPath, body: `{"name":" ","parentId":"` + chosen + `"}`},
		{name: "department with a long name in Chinese", method: "POST", target: departmentsPath, body: `{"name":"` + strings.Repeat("部", 21) + `","parentId":"` + chosen + `"}`, change: []func(*http.Request){chinese}},
		{name: "department with a slash", method: "POST", target: departmentsPath, body: `{"name":"A/B","parentId":"` + chosen + `"}`},
		{name: "department with a slash in Chinese", method: "POST", target: departmentsPath, body: `{"name":"A/B","parentId":"` + chosen + `"}`, change: []func(*http.Request){chinese}},
		{name: "department with a number as name", method: "POST", target: departmentsPath, body: `{"name":7,"parentId":"` + chosen + `"}`},
		{name: "department with a float as parentId", method: "POST", target: departmentsPath, body: `{"name":"N","parentId":1.5}`},
		{name: "department unchanged", method: "PUT", target: department(selected), body: `{}`},
		{name: "department with a name twice", method: "PUT", target: department(selected), body: `{"name":"a","name":"b"}`},
		{name: "departmentId twice", method: "GET", target: listPath + "?departmentId=1&departmentId=2"},
		{name: "departmentId no number", method: "GET", target: listPath + "?departmentId=x"},
		{name: "keyWord too long", method: "GET", target: listPath + "?keyWord=" + strings.Repeat("k", 255)},
	} {
		golden(t, tc.name, b.ask(t, token, tc.method, tc.target, tc.body, tc.change...))
	}
	if logs := b.logs.String(); logs != "" {
		t.Errorf("logged %s", logs)
	}
}

// TestDepartmentsKeepToScopes: what each kind of caller may do, and that what is not there and what is another tenant's are one.
func TestDepartmentsKeepToScopes(t *testing.T) {
	t.Parallel()
	b, system := organised(t)
	stranger, _ := b.addTenant(t, "second", "other-client")
	foreign := b.addDepartment(t, stranger, stranger.RootDepartment, "Theirs", selected+100)
	tokens := map[string]string{
		"system": system, "application": b.applicationToken(t),
		"chosen":  b.administrator(t, b.tenant, muster.LevelDepartmentAdmin, selected),
		"common":  b.administrator(t, b.tenant, muster.LevelCommon, selected),
		"manager": b.administrator(t, b.tenant, muster.LevelManager, selected),
	}
	const ok, forbidden, none = http.StatusOK, http.StatusForbidden, http.StatusBadRequest
	id := func(id muster.ID) string { return `"` + id.String() + `"` }
	for i, tc := range []struct {
		who, method, target, body string
		want                      int
	}{
		{"system", "GET", department(selected + 7), "", ok},
		{"application", "GET", department(selected + 7), "", ok},
		{"chosen", "GET", department(selected), "", ok},
		{"chosen", "GET", department(selected + 2), "", ok},
		{"chosen", "GET", department(selected + 7), "", forbidden},
		{"chosen", "GET", department(b.tenant.RootDepartment), "", forbidden},
		{"common", "GET", department(selected), "", forbidden},
		{"manager", "GET", department(selected), "", forbidden},
		{"common", "GET", department(42), "", forbidden},
		{"system", "GET", department(42), "", none},
		{"system", "GET", department(foreign), "", none},
		{"chosen", "GET", department(foreign), "", none},
		{"system", "PUT", department(foreign), `{"name":"Mine"}`, none},
		{"system", "DELETE", department(foreign), "", none},
		{"system", "PUT", department(selected + 7), `{"parentId":` + id(foreign) + `}`, none},
		{"system", "POST", departmentsPath, `{"name":"N","parentId":` + id(foreign) + `}`, none},
		{"system", "GET", listPath + "?departmentId=" + foreign.String(), "", none},
		{"chosen", "POST", departmentsPath, `{"name":"N","parentId":` + id(selected+1) + `}`, ok},
		{"chosen", "POST", departmentsPath, `{"name":"N","parentId":` + id(b.tenant.RootDepartment) + `}`, forbidden},
		{"common", "POST", departmentsPath, `{"name":"N2","parentId":` + id(selected) + `}`, forbidden},
		{"manager", "POST", departmentsPath, `{"name":"N2","parentId":` + id(selected) + `}`, forbidden},
		{"chosen", "PUT", department(selected), `{"name":"Mine"}`, forbidden},
		{"chosen", "PUT", department(selected + 4), `{"name":"Renamed"}`, ok},
		{"chosen", "PUT", department(selected + 4), `{"parentId":` + id(b.tenant.RootDepartment) + `}`, forbidden},
		{"chosen", "PUT", department(selected + 7), `{"parentId":` + id(selected) + `}`, forbidden},
		{"chosen", "DELETE", department(selected), "", forbidden},
		{"chosen", "DELETE", department(selected + 7), "", forbidden},
		{"manager", "DELETE", department(selected + 3), "", forbidden},
		{"chosen", "DELETE", department(selected + 3), "", ok},
		{"chosen", "GET", listPath, "", ok},
		{"common", "GET", listPath, "", forbidden},
		{"manager", "GET", listPath, "", forbidden},
	} {
		answer := b.ask(t, tokens[tc.who], tc.method, tc.target, tc.body)
		if answer.StatusCode != tc.want {
			t.Errorf("%d: %s %s %s %s: %s", i, tc.who, tc.method, tc.target, tc.body, dump(t, answer))
			continue
		}
		switch tc.want {
		case none:
			golden(t, "no resource", answer) // the same bytes for all
		case forbidden:
			if body := text(t, answer); !strings.HasPrefix(body, `{"code":13000410,"msg":"No permission.`) {
				t.Errorf("%d: %s", i, body)
			}
		}
	}
}

// TestADepartmentListHasNoPages: children beyond one page of the store come along.
func TestADepartmentListHasNoPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.administrator(t, b.tenant, muster.LevelSystemAdmin, 0)
	const total = directory.MaxPage + 1
	paths := make([]string, total)
	for i := range paths {
		paths[i] = fmt.Sprintf("D%04d", i)
	}
	departments := directory.Departments{Store: b.store, IDs: b.ids, Now: b.sessions.Now}
	for part := range slices.Chunk(paths, directory.MaxImport) {
		_, err := departments.Import(t.Context(), b.tenant.ID, muster.Actor{Level: muster.LevelSystemAdmin}, part)
		must(t, err)
	}
	var got struct {
		Data struct{ List []struct{ Name string } }
		List []struct{ Name string }
	}
	must(t, json.Unmarshal([]byte(text(t, b.ask(t, token, http.MethodGet, listPath, ""))), &got))
	if len(got.Data.List) != total || len(got.List) != total || got.List[total-1].Name != "D1000" {
		t.Errorf("%d and %d departments", len(got.Data.List), len(got.List))
	}
}
