package console

import (
	"net/http"
	"net/url"

	"muster"
	"muster/directory"
)

// departmentFacts are what a department's page shows.
type departmentFacts struct {
	*departmentNode
	Way         []muster.Department // the departments above it, the highest first
	Below       *branch
	Capacity    capacity
	Departments []string // paths to choose from
	Form        departmentForm
	faults      faults
}

// capacity is what members have of the tenant's personal space, in GB, if they are few enough to be added up.
type capacity struct {
	GB    int64
	Known bool
}

// departmentMeant is the department that the path names.
func (v *visit) departmentMeant() (*muster.Department, error) {
	id, err := v.pathID("department")
	if err != nil {
		return nil, err
	}
	return v.Departments.Get(v.ctx(), v.tenant.ID, v.actor(), id)
}

func (v *visit) showDepartment() error { return v.showDepartmentWith(http.StatusOK, nil, nil) }

// showDepartmentWith shows the department, with a form as it was typed; nil is one that says what it is.
func (v *visit) showDepartmentWith(status int, typed *departmentForm, wrong faults) error {
	id, err := v.pathID("department")
	if err != nil {
		return err
	}
	f := departmentFacts{faults: wrong}
	if f.departmentNode, err = v.node(id); err != nil {
		return err
	}
	if f.Below, err = v.branch(&f.Department); err != nil {
		return err
	}
	if f.Way, err = v.above(&f.Department); err != nil {
		return err
	}
	if f.Capacity, err = v.capacityOf(f.departmentNode); err != nil {
		return err
	}
	if v.may(muster.ScopeAdminister) {
		if f.Departments, err = v.departmentChoice(); err != nil {
			return err
		}
	}
	f.Form = departmentForm{Name: f.Name}
	if len(f.Way) > 0 {
		f.Form.Parent = pathOf(&f.Way[len(f.Way)-1])
	}
	if typed != nil {
		f.Form = *typed
	}
	return v.show(status, departmentPage(v, f))
}

// above reads the departments above one, the highest first.
func (v *visit) above(d *muster.Department) ([]muster.Department, error) {
	way := make([]muster.Department, d.Level())
	for i := len(way) - 1; i >= 0; i-- {
		up, err := v.Departments.Get(v.ctx(), v.tenant.ID, v.actor(), d.Parent)
		if err != nil {
			return nil, err
		}
		way[i], d = *up, up
	}
	return way, nil
}

// capacityOf adds up the members' capacities, where a page of users has them all; of the root the sum is kept.
func (v *visit) capacityOf(n *departmentNode) (capacity, error) {
	switch {
	case n.Department.Parent == 0:
		quota, err := v.Users.Quota(v.ctx(), v.tenant.ID, v.actor())
		if err != nil {
			return capacity{}, err
		}
		return capacity{quota.CapacityGB, true}, nil
	case n.All > directory.MaxPage:
		return capacity{}, nil
	}
	page, err := v.Users.List(v.ctx(), v.tenant.ID, v.actor(), directory.UserQuery{Department: n.ID, Limit: directory.MaxPage})
	if err != nil {
		return capacity{}, err
	}
	c := capacity{Known: page.Total <= directory.MaxPage}
	for i := range page.Users {
		c.GB += page.Users[i].CapacityGB
	}
	return c, nil
}

// showBranch gives what is directly below a department, as the tree takes it in.
func (v *visit) showBranch() error {
	d, err := v.departmentMeant()
	if err != nil {
		return err
	}
	b, err := v.branch(d)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, branchItems(v, b))
}

func (v *visit) changeDepartment() error {
	d, err := v.departmentMeant()
	if err != nil {
		return err
	}
	f := departmentForm{Name: v.form("name"), Parent: v.form("parent")}
	change := directory.DepartmentChange{Name: &f.Name}
	if d.Parent != 0 {
		var parent *muster.Department
		if parent, err = v.departmentAt("parent", f.Parent); err == nil {
			change.Parent = &parent.ID
		}
	}
	if err == nil {
		_, err = v.Departments.Change(v.ctx(), v.tenant.ID, v.actor(), d.ID, change)
	}
	if err != nil {
		return v.refuseDepartment(err, &f)
	}
	return v.goTo(departmentPath(d), v.T("The department is changed."))
}

// refuseDepartment shows the department again, with what is wrong.
func (v *visit) refuseDepartment(err error, typed *departmentForm) error {
	wrong, status, err := v.faultsOf(asFault(err, "parent", "parentId"), "name", "parent")
	if err != nil {
		return err
	}
	return v.showDepartmentWith(status, typed, wrong)
}

func (v *visit) removeDepartment() error {
	d, err := v.departmentMeant()
	if err != nil {
		return err
	}
	if _, err := v.Departments.Delete(v.ctx(), v.tenant.ID, v.actor(), d.ID); err != nil {
		return v.refuseDepartment(err, nil)
	}
	return v.goTo("/departments/"+d.Parent.String(), v.T("The department is deleted."))
}

// departmentWay leads from the overview to the department.
func departmentWay(v *visit, f departmentFacts) []crumb {
	way := []crumb{{"/", v.T("Overview")}, {"/departments", v.T("Departments")}}
	for i := range f.Way {
		way = append(way, crumb{departmentPath(&f.Way[i]), f.Way[i].Name})
	}
	return append(way, crumb{"", f.Name})
}

// usersOf is the address of the list of a department's users.
func usersOf(d *muster.Department, direct bool) string {
	ask := userQuestion{Department: pathOf(d), Direct: direct}
	return "/users?" + ask.query().Encode()
}

// newUserIn is the address of the form that makes a user of a department.
func newUserIn(d *muster.Department) string {
	return "/users/new?" + url.Values{"department": {pathOf(d)}}.Encode()
}
