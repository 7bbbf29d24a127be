package storetest

import (
	"errors"
	"slices"
	"strings"

	"muster"
	"muster/directory"
)

func (b *bundle) department(tenant, id muster.ID) muster.Department {
	b.Helper()
	d, err := b.store.Department(b.Context(), tenant, id)
	b.ok(err)
	return *d
}

// root is the tenant's root department.
func (b *bundle) root(tenant muster.ID) muster.Department {
	b.Helper()
	t, err := b.store.Tenant(b.Context(), tenant)
	b.ok(err)
	return b.department(tenant, t.RootDepartment)
}

// change writes departments.
func (b *bundle) change(tenant muster.ID, w directory.Writes) error {
	b.Helper()
	return b.store.ChangeDepartments(b.Context(), tenant, func(directory.Reader) (*directory.Writes, error) { return &w, nil })
}

// below makes departments of the names below the parent.
func (b *bundle) below(tenant muster.ID, parent muster.Department, names ...string) []muster.Department {
	b.Helper()
	made := make([]muster.Department, len(names))
	for i, name := range names {
		made[i] = parent.Child(b.id(), name, b.now)
	}
	b.ok(b.change(tenant, directory.Writes{Insert: made}))
	return made
}

// replacement gives the department a parent and a name.
func replacement(d, parent muster.Department, name string) directory.Replacement {
	return directory.Replacement{Old: d, New: parent.Child(d.ID, name, d.CreatedAt)}
}

func (b *bundle) list(tenant muster.ID, q directory.DepartmentQuery) []muster.Department {
	b.Helper()
	found, err := b.store.Departments(b.Context(), tenant, q)
	b.ok(err)
	return append([]muster.Department{}, found...)
}

// tree is all departments of the tenant.
func (b *bundle) tree(tenant muster.ID) []muster.Department {
	b.Helper()
	return b.list(tenant, directory.DepartmentQuery{Under: b.root(tenant).ID, Limit: 1 << 20})
}

func pathsOf(departments []muster.Department) []string {
	paths := []string{}
	for i := range departments {
		paths = append(paths, departments[i].NamePath)
	}
	return paths
}

func testDepartments(b *bundle) {
	tenant := &muster.Tenant{ID: b.id(), Name: "R&D/IT", RootDepartment: b.id(), CreatedAt: b.now}
	admin := b.user()
	b.ok(b.store.CreateTenant(b.Context(), tenant, &admin, tenant.RootDepartment))
	root := b.root(tenant.ID)
	b.same("root", root, muster.RootDepartment(tenant))

	north := b.below(tenant.ID, root, "Sales", "Sales North", "sales", "Ärzte")
	teams := b.below(tenant.ID, north[0], "Team 2", "Team 10", "teaM_x%")
	deep := b.below(tenant.ID, teams[1], "Team 2")[0]
	foreign := b.below(b.other, b.root(b.other), "Sales")[0]
	b.same("department", b.department(tenant.ID, deep.ID), deep)
	for _, c := range [][2]muster.ID{{b.other, deep.ID}, {tenant.ID, foreign.ID}, {tenant.ID, b.id()}, {b.id(), deep.ID}, {tenant.ID, 0}} {
		_, err := b.store.Department(b.Context(), c[0], c[1])
		b.kind(err, muster.KindNotFound)
		for _, q := range []directory.DepartmentQuery{{Parent: c[1], Limit: 1}, {Under: c[1], Limit: 1}} {
			_, err := b.store.Departments(b.Context(), c[0], q)
			b.kind(err, muster.KindNotFound)
		}
	}

	all := []string{"", "/Sales", "/Sales North", "/Sales/Team 10", "/Sales/Team 10/Team 2", "/Sales/Team 2", "/Sales/teaM_x%", "/sales", "/Ärzte"}
	for name, c := range map[string]struct {
		q    directory.DepartmentQuery
		want []string
	}{
		"tree":                               {directory.DepartmentQuery{Under: root.ID, Limit: 100}, all},
		"tree, a part":                       {directory.DepartmentQuery{Under: root.ID, Limit: 3}, all[:3]},
		"tree after the root":                {directory.DepartmentQuery{Under: root.ID, After: "/", Limit: 2}, all[1:3]},
		"tree after another":                 {directory.DepartmentQuery{Under: root.ID, After: "/Sales North", Limit: 2}, all[3:5]},
		"tree after its end":                 {directory.DepartmentQuery{Under: root.ID, After: "/Ärzte", Limit: 2}, nil},
		"tree of nothing":                    {directory.DepartmentQuery{Under: root.ID, Limit: 0}, nil},
		"subtree":                            {directory.DepartmentQuery{Under: north[0].ID, Limit: 100}, append([]string{"/Sales"}, all[3:7]...)},
		"subtree, its top alone":             {directory.DepartmentQuery{Under: north[0].ID, Limit: 1}, []string{"/Sales"}},
		"subtree after its top":              {directory.DepartmentQuery{Under: north[0].ID, After: "/Sales", Limit: 1}, all[3:4]},
		"subtree after what is not of it":    {directory.DepartmentQuery{Under: north[0].ID, After: "/A", Limit: 2}, []string{"/Sales", "/Sales/Team 10"}},
		"subtree after what is behind it":    {directory.DepartmentQuery{Under: north[0].ID, After: "/sales", Limit: 2}, nil},
		"leaf":                               {directory.DepartmentQuery{Under: deep.ID, Limit: 100}, all[4:5]},
		"children":                           {directory.DepartmentQuery{Parent: root.ID, Limit: 100}, []string{"/Sales", "/Sales North", "/sales", "/Ärzte"}},
		"children after one":                 {directory.DepartmentQuery{Parent: root.ID, After: "/Sales", Limit: 1}, []string{"/Sales North"}},
		"children after what is before them": {directory.DepartmentQuery{Parent: north[0].ID, After: "/Sales", Limit: 1}, all[3:4]},
		"children after what is behind them": {directory.DepartmentQuery{Parent: north[0].ID, After: "/T", Limit: 1}, nil},
		"children after another's child":     {directory.DepartmentQuery{Parent: north[0].ID, After: "/Sales/Team 10/Team 2", Limit: 1}, all[5:6]},
		"children of a leaf":                 {directory.DepartmentQuery{Parent: deep.ID, Limit: 100}, nil},
		"tree with a keyword":                {directory.DepartmentQuery{Under: root.ID, Keyword: "TEAM", Limit: 100}, all[3:7]},
		"tree with a keyword, a part":        {directory.DepartmentQuery{Under: root.ID, Keyword: "m 2", After: "/Sales/Team 10/Team 2", Limit: 1}, all[5:6]},
		"a keyword of the name, no path":     {directory.DepartmentQuery{Under: root.ID, Keyword: "sales", Limit: 100}, []string{"/Sales", "/Sales North", "/sales"}},
		"the root's name":                    {directory.DepartmentQuery{Under: root.ID, Keyword: "r&d-i", Limit: 100}, all[:1]},
		"letters beyond ASCII":               {directory.DepartmentQuery{Parent: root.ID, Keyword: "äRZ", Limit: 100}, []string{"/Ärzte"}},
		"wildcards that are none":            {directory.DepartmentQuery{Under: root.ID, Keyword: "M_x%", Limit: 100}, all[6:7]},
		"wildcards that nobody has":          {directory.DepartmentQuery{Under: root.ID, Keyword: "T%2", Limit: 100}, nil},
		"a set that nobody has":              {directory.DepartmentQuery{Parent: root.ID, Keyword: "[s]", Limit: 100}, nil},
	} {
		b.same(name, pathsOf(b.list(tenant.ID, c.q)), append([]string{}, c.want...))
	}
	b.same("whole departments", b.list(tenant.ID, directory.DepartmentQuery{Parent: north[0].ID, Keyword: "x", Limit: 9}), teams[2:])
	b.same("departments of the other tenant", pathsOf(b.tree(b.other)), []string{"", "/Sales"})
}

func testDepartmentChanges(b *bundle) {
	root := b.root(b.tenant)
	top := b.below(b.tenant, root, "a", "b")
	mid := b.below(b.tenant, top[0], "c", "d")
	b.below(b.tenant, mid[0], "e", "a")
	twin := b.below(b.other, b.root(b.other), "a")
	b.ok(b.change(b.other, directory.Writes{Insert: []muster.Department{twin[0].Child(mid[0].ID, "c", b.now)}})) // ids are the tenant's own
	others := b.tree(b.other)

	// All that is below moves and is renamed along.
	b.ok(b.change(b.tenant, directory.Writes{Replace: []directory.Replacement{replacement(mid[0], top[1], "Ünal's")}}))
	mid[0] = top[1].Child(mid[0].ID, "Ünal's", mid[0].CreatedAt)
	b.same("tree after a move", pathsOf(b.tree(b.tenant)), []string{"", "/a", "/a/d", "/b", "/b/Ünal's", "/b/Ünal's/a", "/b/Ünal's/e"})
	b.ok(b.change(b.tenant, directory.Writes{Replace: []directory.Replacement{replacement(top[1], root, "bb")}}))
	b.same("tree after another name", pathsOf(b.tree(b.tenant)), []string{"", "/a", "/a/d", "/bb", "/bb/Ünal's", "/bb/Ünal's/a", "/bb/Ünal's/e"})
	b.consistent(b.tenant)
	top[1], mid[0] = b.department(b.tenant, top[1].ID), b.department(b.tenant, mid[0].ID)

	renamed := root
	renamed.Name = "Everybody"
	b.ok(b.change(b.tenant, directory.Writes{Replace: []directory.Replacement{{Old: root, New: renamed}}}))
	b.same("root after another name", b.department(b.tenant, root.ID), renamed)

	// What is deleted makes room for what is renamed, and that for what is new.
	last := b.id()
	b.ok(b.change(b.tenant, directory.Writes{
		Delete: []muster.ID{mid[1].ID, b.id()}, Replace: []directory.Replacement{replacement(mid[0], top[0], "d")},
		Insert: []muster.Department{top[1].Child(last, "Ünal's", b.now)}, LastID: last,
	}))
	b.same("tree after three changes", pathsOf(b.tree(b.tenant)), []string{"", "/a", "/a/d", "/a/d/a", "/a/d/e", "/bb", "/bb/Ünal's"})
	b.consistent(b.tenant)
	floor, err := b.store.IDFloor(b.Context())
	b.ok(err)
	b.same("largest id", floor, last)
	b.ok(b.change(b.tenant, directory.Writes{}))
	b.same("the other tenant's tree", b.tree(b.other), others)
}

func testDepartmentRefusals(b *bundle) {
	root := b.root(b.tenant)
	top := b.below(b.tenant, root, "a", "b")
	under := b.below(b.tenant, top[0], "x", "b")
	before := b.tree(b.tenant)
	one := top[0].Child(b.id(), "free", b.now) // which is written before the refusal, and undone
	for name, w := range map[string]directory.Writes{
		"a new one":  {Insert: []muster.Department{one, root.Child(b.id(), "b", b.now)}},
		"a new pair": {Insert: []muster.Department{root.Child(b.id(), "z", b.now), root.Child(b.id(), "z", b.now)}},
		"a rename":   {Delete: []muster.ID{under[0].ID}, Replace: []directory.Replacement{replacement(top[0], root, "b")}},
		"a move":     {Replace: []directory.Replacement{replacement(under[1], root, "b")}, Insert: []muster.Department{one}},
	} {
		b.same("field of a name taken by "+name, b.kind(b.change(b.tenant, w), muster.KindConflict).Field, "name")
		b.same("tree after a refusal of "+name, b.tree(b.tenant), before)
	}
	fault := errors.New("no")
	for name, want := range map[string]error{"a fault": fault, "a refusal": &muster.Error{Kind: muster.KindForbidden}} {
		err := b.store.ChangeDepartments(b.Context(), b.tenant, func(directory.Reader) (*directory.Writes, error) {
			return &directory.Writes{Insert: []muster.Department{one}}, want
		})
		if err != want { //nolint:errorlint // as it is
			b.Errorf("%s of decide comes back as %v", name, err)
		}
	}
	gone := replacement(top[1], root, "c")
	gone.Old.NamePath = "/elsewhere"
	if b.change(b.tenant, directory.Writes{Replace: []directory.Replacement{gone}}) == nil {
		b.Error("a department was replaced that is not as it was read")
	}
	b.kind(b.change(b.id(), directory.Writes{}), muster.KindNotFound)
	b.same("tree after refusals", b.tree(b.tenant), before)
	_, err := b.store.Department(b.Context(), b.tenant, one.ID)
	b.kind(err, muster.KindNotFound)
}

func testDepartmentReader(b *bundle) {
	root := b.root(b.tenant)
	top := b.below(b.tenant, root, "a", "b")
	mid := b.below(b.tenant, top[0], "c", "d")
	low := b.below(b.tenant, mid[1], "e")[0]
	members := []muster.User{b.user(), b.user(), b.user()}
	members[0].Department, members[1].Department, members[2].Department = top[0].ID, top[0].ID, low.ID
	members[2].Disabled = true
	b.planFor(b.tenant, nil, muster.Planned{Insert: members})
	b.planFor(b.other, nil, muster.Planned{Insert: members[:1]})

	type read struct {
		Department, At    *muster.Department
		Height            int
		Members, Children int64
	}
	var got []read
	ask := func(r directory.Reader, d muster.Department) (one read, err error) {
		if one.Department, err = r.Department(d.ID); err != nil {
			return one, err
		}
		if one.At, err = r.At(d.NamePath); err != nil {
			return one, err
		}
		if one.Height, err = r.Height(&d); err != nil {
			return one, err
		}
		one.Members, one.Children, err = r.Count(d.ID)
		return one, err
	}
	foreign := b.below(b.other, b.root(b.other), "f")[0]
	nowhere := top[0].Child(b.id(), "C", b.now) // its name in another case
	b.ok(b.store.ChangeDepartments(b.Context(), b.tenant, func(r directory.Reader) (*directory.Writes, error) {
		for _, d := range []muster.Department{root, top[0], top[1], mid[0], mid[1], low, foreign, nowhere, {ID: 7, IDPath: "/7/", NamePath: "/"}, {ID: 7, IDPath: "/7/", NamePath: "a"}} {
			one, err := ask(r, d)
			if err != nil {
				return nil, err
			}
			got = append(got, one)
		}
		return &directory.Writes{Delete: []muster.ID{top[1].ID}}, nil
	}))
	b.same("what was read", got, []read{
		{&root, &root, 3, 0, 2}, {&top[0], &top[0], 2, 2, 2}, {&top[1], &top[1], 0, 0, 0}, {&mid[0], &mid[0], 0, 0, 0},
		{&mid[1], &mid[1], 1, 0, 1}, {&low, &low, 0, 1, 0}, {}, {}, {}, {},
	})
	b.same("tree at the end", pathsOf(b.tree(b.tenant)), []string{"", "/a", "/a/c", "/a/d", "/a/d/e"})
}

// consistent fails the test unless the paths of the tenant's departments are made of their parents', and lead to them.
func (b *bundle) consistent(tenant muster.ID) {
	b.Helper()
	all := b.tree(tenant)
	byID := make(map[muster.ID]*muster.Department, len(all))
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	if !slices.IsSortedFunc(all, func(x, y muster.Department) int { return strings.Compare(x.NamePath, y.NamePath) }) {
		b.Errorf("the tree is not in the order of paths: %q", pathsOf(all))
	}
	for i := range all {
		d := &all[i]
		b.same("department", b.department(tenant, d.ID), *d)
		if parent := byID[d.Parent]; parent != nil {
			b.same("paths of a department", *d, parent.Child(d.ID, d.Name, d.CreatedAt))
		} else if d.Parent != 0 || d.Level() != 0 {
			b.Errorf("%+v has no parent", *d)
		}
	}
}
