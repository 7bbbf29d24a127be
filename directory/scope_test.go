package directory_test

import (
	"testing"

	"muster"
	"muster/directory"
)

// TestWhoAdministersDepartments: a department administrator what is below his own department, others nothing.
func TestWhoAdministersDepartments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, s, tenant := t.Context(), b.departments, b.tenant.ID
	sales := b.department(0, "Sales")
	north, south := b.department(sales.ID, "North"), b.department(sales.ID, "South")
	staff := b.department(0, "Staff")
	chief := muster.Actor{User: 1, Level: muster.LevelDepartmentAdmin, Department: sales.ID}
	name := "Other"
	moved := func(to muster.ID) directory.DepartmentChange { return directory.DepartmentChange{Parent: &to} }

	for what, do := range map[string]func() error{
		"make at the root": func() error {
			_, err := s.Create(ctx, tenant, chief, directory.NewDepartment{Name: "Q", Parent: b.tenant.RootDepartment})
			return err
		},
		"make elsewhere": func() error {
			_, err := s.Create(ctx, tenant, chief, directory.NewDepartment{Name: "Q", Parent: staff.ID})
			return err
		},
		"rename his own": func() error {
			_, err := s.Change(ctx, tenant, chief, sales.ID, directory.DepartmentChange{Name: &name})
			return err
		},
		"rename one elsewhere": func() error {
			_, err := s.Change(ctx, tenant, chief, staff.ID, directory.DepartmentChange{Name: &name})
			return err
		},
		"rename the root": func() error {
			_, err := s.Change(ctx, tenant, chief, b.tenant.RootDepartment, directory.DepartmentChange{Name: &name})
			return err
		},
		"move his own":   func() error { _, err := s.Change(ctx, tenant, chief, sales.ID, moved(staff.ID)); return err },
		"move away":      func() error { _, err := s.Change(ctx, tenant, chief, north.ID, moved(staff.ID)); return err },
		"move in":        func() error { _, err := s.Change(ctx, tenant, chief, staff.ID, moved(sales.ID)); return err },
		"delete his own": func() error { _, err := s.Delete(ctx, tenant, chief, sales.ID); return err },
		"delete another": func() error { _, err := s.Delete(ctx, tenant, chief, staff.ID); return err },
		"read the root":  func() error { _, err := s.Get(ctx, tenant, chief, b.tenant.RootDepartment); return err },
		"read another":   func() error { _, err := s.Get(ctx, tenant, chief, staff.ID); return err },
		"read at a path": func() error { _, err := s.At(ctx, tenant, chief, "Staff"); return err },
		"list at a path": func() error { _, err := s.At(ctx, tenant, chief, "/"); return err },
		"list the root": func() error {
			_, err := s.Tree(ctx, tenant, chief, b.tenant.RootDepartment, directory.Page{Limit: 9})
			return err
		},
		"list another": func() error { _, err := s.Children(ctx, tenant, chief, staff.ID, directory.Page{Limit: 9}); return err },
		"list its people": func() error {
			_, err := b.users.List(ctx, tenant, chief, directory.UserQuery{Department: staff.ID, Limit: 9})
			return err
		},
	} {
		refused(t, what, do(), muster.KindForbidden, "")
	}

	// Below his own department he does as he likes.
	made, err := s.Create(ctx, tenant, chief, directory.NewDepartment{Name: "East"})
	must(t, err)
	if made.NamePath != "/Sales/East" {
		t.Errorf("where no parent is named, made %s", made.NamePath)
	}
	_, err = s.Change(ctx, tenant, chief, made.ID, directory.DepartmentChange{Name: &name, Parent: &north.ID})
	must(t, err)
	_, err = s.Change(ctx, tenant, chief, made.ID, moved(sales.ID))
	must(t, err)
	_, err = s.Delete(ctx, tenant, chief, south.ID)
	must(t, err)
	tree, err := s.Tree(ctx, tenant, chief, 0, directory.Page{Limit: 9})
	must(t, err)
	if got := paths(tree.Departments); got != "/Sales /Sales/North /Sales/Other" {
		t.Errorf("he sees %q", got)
	}
	children, err := s.Children(ctx, tenant, chief, 0, directory.Page{Limit: 9})
	must(t, err)
	if got := paths(children.Departments); got != "/Sales/North /Sales/Other" {
		t.Errorf("below his own he sees %q", got)
	}
	imported, err := s.Import(ctx, tenant, chief, []string{"Sales/West", "Staff/West", "Sales", "Staff"})
	must(t, err)
	for i, want := range []bool{true, false, true, false} {
		if refusal := imported[i].Refusal; (refusal == nil) != want || refusal != nil && refusal.Kind != muster.KindForbidden {
			t.Errorf("path %d: %v", i, refusal)
		}
	}
}

func TestWhoAdministersNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, s, tenant := t.Context(), b.departments, b.tenant.ID
	sales := b.department(0, "Sales")
	for _, level := range []muster.AdminLevel{muster.LevelCommon, muster.LevelManager} {
		actor := muster.Actor{User: 1, Level: level, Department: sales.ID}
		name, disabled := "Other", true
		_, err := s.Create(ctx, tenant, actor, directory.NewDepartment{Name: "Q", Parent: sales.ID})
		refused(t, "create", err, muster.KindForbidden, "")
		_, err = s.Change(ctx, tenant, actor, sales.ID, directory.DepartmentChange{Name: &name})
		refused(t, "change", err, muster.KindForbidden, "")
		_, err = s.Delete(ctx, tenant, actor, sales.ID)
		refused(t, "delete", err, muster.KindForbidden, "")
		_, err = s.Get(ctx, tenant, actor, sales.ID)
		refused(t, "get", err, muster.KindForbidden, "")
		_, err = s.Tree(ctx, tenant, actor, 0, directory.Page{Limit: 1})
		refused(t, "tree", err, muster.KindForbidden, "")
		_, err = s.Import(ctx, tenant, actor, []string{"Sales"})
		refused(t, "import", err, muster.KindForbidden, "")
		_, err = b.users.List(ctx, tenant, actor, directory.UserQuery{Limit: 1})
		refused(t, "list users", err, muster.KindForbidden, "")
		for _, id := range []muster.ID{b.admin, 99} { // who is there and who is not
			_, err = b.users.Get(ctx, tenant, actor, id)
			refused(t, "get user", err, muster.KindForbidden, "")
			_, err = b.users.Change(ctx, tenant, actor, id, directory.UserChange{Disabled: &disabled})
			refused(t, "change user", err, muster.KindForbidden, "")
			_, err = b.users.Delete(ctx, tenant, actor, id, nil)
			refused(t, "delete user", err, muster.KindForbidden, "")
		}
	}
}
