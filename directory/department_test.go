package directory_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/directory"
)

func paths(departments []muster.Department) string {
	all := make([]string, len(departments))
	for i := range departments {
		all[i] = departments[i].NamePath
	}
	return strings.Join(all, " ")
}

func TestTheLifeOfADepartment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, s, tenant := t.Context(), b.departments, b.tenant.ID
	sales, err := s.Create(ctx, tenant, system, directory.NewDepartment{Name: " Sales ", ID: 4001})
	must(t, err)
	if sales.ID != 4001 || sales.Name != "Sales" || sales.Parent != b.tenant.RootDepartment || sales.Level() != 1 {
		t.Errorf("made %+v", sales)
	}
	north := b.department(sales.ID, "North")
	team := b.department(north.ID, "Team 1")
	read, err := s.Get(ctx, tenant, system, team.ID)
	must(t, err)
	if diff := cmp.Diff(team, read); diff != "" || read.NamePath != "/Sales/North/Team 1" {
		t.Errorf("read (-made +read):\n%s", diff)
	}

	// What is renamed or moved takes along all that is below it.
	name, root := "Norden", b.tenant.RootDepartment
	moved, err := s.Change(ctx, tenant, system, north.ID, directory.DepartmentChange{Name: &name, Parent: &root})
	must(t, err)
	if moved.NamePath != "/Norden" || moved.Parent != root || !moved.CreatedAt.Equal(north.CreatedAt) {
		t.Errorf("moved %+v", moved)
	}
	tree, err := s.Tree(ctx, tenant, system, 0, directory.Page{Limit: 10})
	must(t, err)
	if got := paths(tree.Departments); got != " /Norden /Norden/Team 1 /Sales" || tree.Next != "" {
		t.Errorf("the tree is %q, and goes on behind %q", got, tree.Next)
	}
	if again, err := s.Change(ctx, tenant, system, north.ID, directory.DepartmentChange{Name: &name}); err != nil || *again != *moved {
		t.Errorf("changed to what it is: %+v, %v", again, err)
	}

	_, err = s.Delete(ctx, tenant, system, moved.ID)
	refused(t, "delete with a child", err, muster.KindConflict, "")
	gone, err := s.Delete(ctx, tenant, system, team.ID)
	must(t, err)
	if gone.NamePath != "/Norden/Team 1" {
		t.Errorf("deleted %+v", gone)
	}
	_, err = s.Delete(ctx, tenant, system, moved.ID)
	must(t, err)
	_, err = s.Get(ctx, tenant, system, moved.ID)
	refused(t, "read what is deleted", err, muster.KindNotFound, "")
}

func TestTheRootDepartment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, s, root := t.Context(), b.departments, b.tenant.RootDepartment
	sales := b.department(0, "Sales")
	name := "Acme AG"
	renamed, err := s.Change(ctx, b.tenant.ID, system, root, directory.DepartmentChange{Name: &name})
	must(t, err)
	if renamed.Name != name || renamed.NamePath != "" || renamed.Parent != 0 {
		t.Errorf("renamed %+v", renamed)
	}
	if read, err := s.Get(ctx, b.tenant.ID, system, sales.ID); err != nil || read.NamePath != "/Sales" {
		t.Errorf("below a renamed root: %+v, %v", read, err)
	}
	none := muster.ID(0)
	if _, err := s.Change(ctx, b.tenant.ID, system, root, directory.DepartmentChange{Name: &name, Parent: &none}); err != nil {
		t.Errorf("as it is: %v", err)
	}
	_, err = s.Change(ctx, b.tenant.ID, system, root, directory.DepartmentChange{Parent: &sales.ID})
	refused(t, "move the root", err, muster.KindConflict, "parentId")
	_, err = s.Delete(ctx, b.tenant.ID, system, root)
	refused(t, "delete the root", err, muster.KindConflict, "")

	// The name of a tenant may be longer than a department's. It can stay, and it can become shorter.
	long := muster.Tenant{ID: b.id(), Name: "The United Widget Works/Overseas", RootDepartment: b.id(), CreatedAt: time.Now(), KeyVersion: 1}
	must(t, b.store.CreateTenant(ctx, &long, &muster.User{ID: b.id(), Department: long.RootDepartment}, long.RootDepartment))
	d, err := s.Get(ctx, long.ID, system, long.RootDepartment)
	must(t, err)
	if d.Name != "The United Widget Works-Overseas" {
		t.Errorf("the root is called %q", d.Name)
	}
	if _, err := s.Change(ctx, long.ID, system, d.ID, directory.DepartmentChange{Name: &d.Name}); err != nil {
		t.Errorf("the name it has: %v", err)
	}
	longer := d.Name + "!"
	_, err = s.Change(ctx, long.ID, system, d.ID, directory.DepartmentChange{Name: &longer})
	refused(t, "another long name", err, muster.KindInvalid, "name")
}

func TestNamesOfDepartments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"x", strings.Repeat("字", 20), "R&D", "a.b", "..", "sales", "Sales", "4001", "\"'"} {
		d := b.department(0, name)
		found, err := b.departments.At(t.Context(), b.tenant.ID, system, name)
		if err != nil || found.ID != d.ID {
			t.Errorf("%q is found as %+v, %v", name, found, err)
		}
	}
	for _, name := range []string{"", "  ", strings.Repeat("x", 21), "a/b", "/", "a\nb", "a\x00b", "a\u202eb", "a\u2028b", "a\xffb"} {
		_, err := b.departments.Create(t.Context(), b.tenant.ID, system, directory.NewDepartment{Name: name})
		refused(t, "create "+name, err, muster.KindInvalid, "name")
		_, err = b.departments.Change(t.Context(), b.tenant.ID, system, b.tenant.RootDepartment, directory.DepartmentChange{Name: &name})
		refused(t, "rename to "+name, err, muster.KindInvalid, "name")
	}
}

func TestDepartmentsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, s, tenant := t.Context(), b.departments, b.tenant.ID
	a := b.department(0, "A")
	bb := b.department(a.ID, "B")
	c := b.department(bb.ID, "C")
	deep := b.department(b.department(c.ID, "D").ID, "E")
	x := b.department(0, "X")
	y := b.department(x.ID, "B")
	foreign, err := s.Create(ctx, b.other.ID, system, directory.NewDepartment{Name: "F"})
	must(t, err)
	future := muster.ID((time.Now().Add(time.Hour).UnixMilli() - muster.IDEpoch) << 22)
	gone := muster.ID(99)

	for name, n := range map[string]struct {
		directory.NewDepartment
		kind  muster.Kind
		field string
	}{
		"a name that is taken":         {directory.NewDepartment{Name: "A"}, muster.KindConflict, "name"},
		"an id that is taken":          {directory.NewDepartment{Name: "Q", ID: a.ID}, muster.KindConflict, "id"},
		"the root's id":                {directory.NewDepartment{Name: "Q", ID: b.tenant.RootDepartment}, muster.KindConflict, "id"},
		"an id of the future":          {directory.NewDepartment{Name: "Q", ID: future}, muster.KindInvalid, "id"},
		"an id below zero":             {directory.NewDepartment{Name: "Q", ID: -1}, muster.KindInvalid, "id"},
		"a parent that is not":         {directory.NewDepartment{Name: "Q", Parent: gone}, muster.KindNotFound, "parentId"},
		"a parent of another tenant":   {directory.NewDepartment{Name: "Q", Parent: foreign.ID}, muster.KindNotFound, "parentId"},
		"a parent on the lowest level": {directory.NewDepartment{Name: "Q", Parent: deep.ID}, muster.KindConflict, "parentId"},
	} {
		_, err := s.Create(ctx, tenant, system, n.NewDepartment)
		refused(t, name, err, n.kind, n.field)
	}
	changes := map[string]struct {
		id    muster.ID
		to    directory.DepartmentChange
		kind  muster.Kind
		field string
	}{
		"nothing":                        {a.ID, directory.DepartmentChange{}, muster.KindInvalid, ""},
		"a department that is not":       {gone, directory.DepartmentChange{Parent: &x.ID}, muster.KindNotFound, ""},
		"one of another tenant":          {foreign.ID, directory.DepartmentChange{Parent: &x.ID}, muster.KindNotFound, ""},
		"to a parent that is not":        {a.ID, directory.DepartmentChange{Parent: &gone}, muster.KindNotFound, "parentId"},
		"to a parent of another tenant":  {a.ID, directory.DepartmentChange{Parent: &foreign.ID}, muster.KindNotFound, "parentId"},
		"to parent 0":                    {a.ID, directory.DepartmentChange{Parent: new(muster.ID)}, muster.KindNotFound, "parentId"},
		"into itself":                    {a.ID, directory.DepartmentChange{Parent: &a.ID}, muster.KindConflict, "parentId"},
		"below itself":                   {a.ID, directory.DepartmentChange{Parent: &c.ID}, muster.KindConflict, "parentId"},
		"with what is below it too deep": {a.ID, directory.DepartmentChange{Parent: &x.ID}, muster.KindConflict, "parentId"},
		"to where its name is":           {y.ID, directory.DepartmentChange{Parent: &a.ID}, muster.KindConflict, "name"},
		"to a name that is taken":        {x.ID, directory.DepartmentChange{Name: &a.Name}, muster.KindConflict, "name"},
	}
	for name, n := range changes {
		_, err := s.Change(ctx, tenant, system, n.id, n.to)
		refused(t, name, err, n.kind, n.field)
	}
	for name, id := range map[string]muster.ID{"a department that is not": gone, "one of another tenant": foreign.ID} {
		_, err := s.Delete(ctx, tenant, system, id)
		refused(t, "delete "+name, err, muster.KindNotFound, "")
		_, err = s.Get(ctx, tenant, system, id)
		refused(t, "read "+name, err, muster.KindNotFound, "")
		_, err = s.Tree(ctx, tenant, system, id, directory.Page{Limit: 1})
		refused(t, "list below "+name, err, muster.KindNotFound, "")
		_, err = s.Children(ctx, tenant, system, id, directory.Page{Limit: 1})
		refused(t, "list children of "+name, err, muster.KindNotFound, "")
	}
	_, err = s.Create(ctx, gone, system, directory.NewDepartment{Name: "Q"})
	refused(t, "create in no tenant", err, muster.KindNotFound, "")
	_, err = s.Tree(ctx, gone, system, 0, directory.Page{Limit: 1})
	refused(t, "list in no tenant", err, muster.KindNotFound, "")
	for _, path := range []string{"F", "A/Q", "Q", "a", "/X/B/C"} {
		_, err := s.At(ctx, tenant, system, path)
		refused(t, "read at "+path, err, muster.KindNotFound, "path")
	}
	tree, err := s.Tree(ctx, tenant, system, 0, directory.Page{Limit: 100})
	must(t, err)
	if got := paths(tree.Departments); got != " /A /A/B /A/B/C /A/B/C/D /A/B/C/D/E /X /X/B" {
		t.Errorf("refusals changed the tree: %s", got)
	}
}

// TestADepartmentWithMembersStays: the refusal says how many there are.
func TestADepartmentWithMembersStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sales := b.department(0, "Sales")
	b.department(b.department(sales.ID, "North").ID, "Team")
	for _, account := range []string{"ada", "bob"} {
		b.user(muster.User{Account: account, AccountKey: account, Department: sales.ID})
	}
	_, err := b.departments.Delete(t.Context(), b.tenant.ID, system, sales.ID)
	refused(t, "delete", err, muster.KindConflict, "")
	if !strings.Contains(err.Error(), "2 members and 1 department directly below it") {
		t.Errorf("it says %q", err)
	}
}

func TestPagesOfDepartments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, s, tenant := t.Context(), b.departments, b.tenant.ID
	a := b.department(0, "A")
	b.department(a.ID, "B")
	b.department(b.department(a.ID, "Ab").ID, "abc")
	b.department(0, "A-b")
	const whole = " /A /A-b /A/Ab /A/Ab/abc /A/B"
	for limit := 1; limit <= 7; limit++ {
		var all []muster.Department
		for after := ""; ; {
			page, err := s.Tree(ctx, tenant, system, 0, directory.Page{After: after, Limit: limit})
			must(t, err)
			all = append(all, page.Departments...)
			if after = page.Next; after == "" || len(all) > 10 {
				break
			}
		}
		if got := paths(all); got != whole {
			t.Errorf("pages of %d: %q, want %q", limit, got, whole)
		}
	}
	for name, c := range map[string]struct {
		list func() (*directory.DepartmentPage, error)
		want string
	}{
		"children": {func() (*directory.DepartmentPage, error) {
			return s.Children(ctx, tenant, system, a.ID, directory.Page{Limit: 9})
		}, "/A/Ab /A/B"},
		"children of root": {func() (*directory.DepartmentPage, error) {
			return s.Children(ctx, tenant, system, 0, directory.Page{Limit: 9})
		}, "/A /A-b"},
		"children, by name": {func() (*directory.DepartmentPage, error) {
			return s.Children(ctx, tenant, system, a.ID, directory.Page{Keyword: "AB", Limit: 9})
		}, "/A/Ab"},
		"a subtree": {func() (*directory.DepartmentPage, error) {
			return s.Tree(ctx, tenant, system, a.ID, directory.Page{Limit: 9})
		}, "/A /A/Ab /A/Ab/abc /A/B"},
		"a subtree, by name": {func() (*directory.DepartmentPage, error) {
			return s.Tree(ctx, tenant, system, a.ID, directory.Page{Keyword: "ab", Limit: 9})
		}, "/A/Ab /A/Ab/abc"},
		"nothing by a wildcard": {func() (*directory.DepartmentPage, error) {
			return s.Tree(ctx, tenant, system, 0, directory.Page{Keyword: "%", Limit: 9})
		}, ""},
	} {
		page, err := c.list()
		must(t, err)
		if got := paths(page.Departments); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for _, p := range []directory.Page{{}, {Limit: -1}, {Limit: directory.MaxPage + 1}, {Limit: 1, Keyword: strings.Repeat("x", 255)}} {
		_, err := s.Tree(ctx, tenant, system, 0, p)
		if muster.KindOf(err) != muster.KindInvalid {
			t.Errorf("page of %d: %v", p.Limit, err)
		}
	}
}
