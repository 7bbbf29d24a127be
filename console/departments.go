package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"muster"
	"muster/directory"
)

func departmentRoutes() []route {
	return []route{
		{pattern: "GET /departments", scope: muster.ScopeRead, page: (*visit).listDepartments},
		{pattern: "POST /departments", scope: muster.ScopeAdminister, action: "create-department", page: (*visit).createDepartment},
		{pattern: "GET /departments/{department}", scope: muster.ScopeRead, page: (*visit).showDepartment},
		{pattern: "GET /departments/{department}/branch", scope: muster.ScopeRead, page: (*visit).showBranch},
		{pattern: "POST /departments/{department}", scope: muster.ScopeAdminister, action: "change-department", page: (*visit).changeDepartment},
		{pattern: "POST /departments/{department}/removal", scope: muster.ScopeAdminister, action: "delete-department",
			page: (*visit).removeDepartment},
	}
}

// departmentNode is a department as the tree shows it.
type departmentNode struct {
	muster.Department
	Direct, All int64 // members of its own, and with those of the departments below
	Parents     bool  // there are departments below
}

// branch is a page of the departments directly below one.
type branch struct {
	Of    *muster.Department
	Nodes []departmentNode
	Next  string // query of the page behind; "" if there is none
}

// departmentPath is the address of a department's page, with what follows.
func departmentPath(d *muster.Department, more ...string) string {
	return "/departments/" + d.ID.String() + strings.Join(more, "")
}

// pathOf is a department's path as people write it: a slash alone is the root.
func pathOf(d *muster.Department) string {
	if d.NamePath == "" {
		return "/"
	}
	return d.NamePath
}

// departmentAt finds the department whose path was typed into a field; "" is the root. One that is not there is the field's fault.
func (v *visit) departmentAt(field, path string) (*muster.Department, error) {
	d, err := v.Departments.At(v.ctx(), v.tenant.ID, v.actor(), path)
	var e *muster.Error
	if errors.As(err, &e) && e.Field == "path" {
		return nil, &muster.Error{Kind: muster.KindInvalid, Field: field, Detail: e.Detail}
	}
	return d, err
}

// maxChoice is how many departments, or roles, a form offers; others are typed.
const maxChoice = 100

// departmentChoice lists paths of departments to choose from, the first ones.
func (v *visit) departmentChoice() ([]string, error) {
	page, err := v.Departments.Tree(v.ctx(), v.tenant.ID, v.actor(), 0, directory.Page{Limit: maxChoice})
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(page.Departments))
	for i := range page.Departments {
		paths[i] = pathOf(&page.Departments[i])
	}
	return paths, nil
}

// departmentList is the page of the tree.
type departmentList struct {
	Top         *departmentNode
	Below       *branch
	Departments []string // paths to choose from
	Form        departmentForm
	faults      faults
}

// departmentForm is what was typed of a department.
type departmentForm struct {
	Name   string
	Parent string // path of names; "" and "/" are the root
}

// listDepartments shows the tree, or those departments whose names have what is looked for.
func (v *visit) listDepartments() error {
	if keyword := strings.TrimSpace(v.r.URL.Query().Get("q")); keyword != "" {
		return v.searchDepartments(keyword)
	}
	return v.showDepartments(http.StatusOK, departmentForm{Parent: "/"}, nil)
}

func (v *visit) showDepartments(status int, f departmentForm, wrong faults) error {
	top, err := v.node(v.tenant.RootDepartment)
	if err != nil {
		return err
	}
	list := departmentList{Top: top, Form: f, faults: wrong}
	if list.Below, err = v.branch(&top.Department); err != nil {
		return err
	}
	if list.Departments, err = v.departmentChoice(); err != nil {
		return err
	}
	return v.show(status, departmentsPage(v, list))
}

func (v *visit) searchDepartments(keyword string) error {
	found, err := v.Departments.Tree(v.ctx(), v.tenant.ID, v.actor(), 0, directory.Page{
		Keyword: keyword, After: v.r.URL.Query().Get("after"), Limit: pageRows,
	})
	if err != nil {
		return err
	}
	next := ""
	if found.Next != "" {
		next = url.Values{"q": {keyword}, "after": {found.Next}}.Encode()
	}
	return v.show(http.StatusOK, departmentSearchPage(v, keyword, found.Departments, next))
}

func (v *visit) createDepartment() error {
	f := departmentForm{Name: v.form("name"), Parent: v.form("parent")}
	parent, err := v.departmentAt("parent", f.Parent)
	if err == nil {
		_, err = v.Departments.Create(v.ctx(), v.tenant.ID, v.actor(), directory.NewDepartment{Name: f.Name, Parent: parent.ID})
	}
	if err != nil {
		wrong, status, err := v.faultsOf(asFault(err, "parent", "parentId"), "name", "parent")
		if err != nil {
			return err
		}
		return v.showDepartments(status, f, wrong)
	}
	return v.goTo(departmentPath(parent), v.T("The department is made."))
}

// node counts the members of a department.
func (v *visit) node(id muster.ID) (*departmentNode, error) {
	d, err := v.Departments.Get(v.ctx(), v.tenant.ID, v.actor(), id)
	if err != nil {
		return nil, err
	}
	n := departmentNode{Department: *d}
	return &n, v.count(&n)
}

func (v *visit) count(n *departmentNode) error {
	below, err := v.Departments.Children(v.ctx(), v.tenant.ID, v.actor(), n.ID, directory.Page{Limit: 1})
	if err != nil {
		return err
	}
	n.Parents = len(below.Departments) > 0
	if n.Direct, err = v.members(n.ID, true); err != nil || !n.Parents {
		n.All = n.Direct
		return err
	}
	n.All, err = v.members(n.ID, false)
	return err
}

func (v *visit) members(department muster.ID, direct bool) (int64, error) {
	page, err := v.Users.List(v.ctx(), v.tenant.ID, v.actor(), directory.UserQuery{Department: department, Direct: direct, Limit: 1})
	if err != nil {
		return 0, err
	}
	return page.Total, nil
}

// branch reads what is directly below a department, behind the place that the address names.
func (v *visit) branch(of *muster.Department) (*branch, error) {
	page, err := v.Departments.Children(v.ctx(), v.tenant.ID, v.actor(), of.ID, directory.Page{
		After: v.r.URL.Query().Get("after"), Limit: pageRows,
	})
	if err != nil {
		return nil, err
	}
	b := &branch{Of: of, Nodes: make([]departmentNode, len(page.Departments))}
	for i := range page.Departments {
		b.Nodes[i].Department = page.Departments[i]
		if err := v.count(&b.Nodes[i]); err != nil {
			return nil, err
		}
	}
	if page.Next != "" {
		b.Next = url.Values{"after": {page.Next}}.Encode()
	}
	return b, nil
}
