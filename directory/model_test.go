package directory_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster"
	"muster/directory"
)

// node is a department of the model: where it hangs, and who is in it.
type node struct {
	parent  muster.ID
	name    string
	members int
}

// model is a tenant's tree as the contract describes it: what is below what, and nothing derived from it.
type model struct {
	t     *rapid.T
	b     *bundle
	root  muster.ID
	nodes map[muster.ID]*node
	gone  []muster.ID // were departments, or are another tenant's
	users []muster.ID
	home  map[muster.ID]muster.ID // of users
}

func (m *model) path(id muster.ID) string {
	if id == m.root {
		return ""
	}
	return m.path(m.nodes[id].parent) + "/" + m.nodes[id].name
}

func (m *model) level(id muster.ID) int { return strings.Count(m.path(id), "/") }

func (m *model) within(id, top muster.ID) bool {
	for ; id != 0; id = m.nodes[id].parent {
		if id == top {
			return true
		}
	}
	return false
}

// height is how many levels there are below the department.
func (m *model) height(id muster.ID) int {
	deepest := m.level(id)
	for other := range m.nodes {
		if m.within(other, id) {
			deepest = max(deepest, m.level(other))
		}
	}
	return deepest - m.level(id)
}

// child gives the department's child of a name, 0 if it has none.
func (m *model) child(parent muster.ID, name string) muster.ID {
	for id, n := range m.nodes {
		if id != m.root && n.parent == parent && n.name == name {
			return id
		}
	}
	return 0
}

// anyone draws a department, mostly one that is there.
func (m *model) anyone(label string) muster.ID {
	known := slices.Sorted(maps.Keys(m.nodes))
	return rapid.SampledFrom(slices.Concat(known, known, known, m.gone)).Draw(m.t, label)
}

func drawName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"A", "B", "C", "a", "A-", "A b", "%", "_", "字", "x/y", "", "123456789012345678901"}).Draw(t, "name")
}

func goodName(name string) bool { return name != "" && !strings.Contains(name, "/") && len(name) <= 20 }

// judge wants success where nothing forbids it, and else one of the refusals that something asks for.
func (m *model) judge(what string, err error, why map[muster.Kind]bool) bool {
	m.t.Helper()
	delete(why, muster.KindInternal)
	if len(why) == 0 {
		if err != nil {
			m.t.Fatalf("%s: %v", what, err)
		}
		return true
	}
	if err == nil || !why[muster.KindOf(err)] {
		m.t.Fatalf("%s: %v, want one of the kinds %v", what, err, slices.Collect(maps.Keys(why)))
	}
	return false
}

func when(forbidden bool, kind muster.Kind) muster.Kind {
	if forbidden {
		return kind
	}
	return muster.KindInternal
}

func (m *model) create(t *rapid.T) {
	m.t = t
	parent, name := m.anyone("parent"), drawName(t)
	made, err := m.b.departments.Create(t.Context(), m.b.tenant.ID, system, directory.NewDepartment{Parent: parent, Name: name})
	why := map[muster.Kind]bool{when(!goodName(name), muster.KindInvalid): true}
	if m.nodes[parent] == nil {
		why[muster.KindNotFound] = true
	} else {
		why[when(m.level(parent) == muster.MaxDepartmentLevel || m.child(parent, name) != 0, muster.KindConflict)] = true
	}
	if m.judge("create", err, why) {
		m.nodes[made.ID] = &node{parent: parent, name: name}
	}
}

func (m *model) change(t *rapid.T) {
	m.t = t
	id := m.anyone("department")
	var c directory.DepartmentChange
	if rapid.Bool().Draw(t, "rename") {
		name := drawName(t)
		c.Name = &name
	}
	if c.Name == nil || rapid.Bool().Draw(t, "move") {
		parent := m.anyone("to")
		c.Parent = &parent
	}
	_, err := m.b.departments.Change(t.Context(), m.b.tenant.ID, system, id, c)
	why := map[muster.Kind]bool{}
	old := m.nodes[id]
	if old == nil {
		why[muster.KindNotFound] = true
		m.judge("change what is not there", err, why)
		return
	}
	next := *old
	if c.Name != nil {
		next.name = *c.Name
		why[when(*c.Name != old.name && !goodName(*c.Name), muster.KindInvalid)] = true
	}
	if c.Parent != nil {
		next.parent = *c.Parent
		why[when(id == m.root, muster.KindConflict)] = true
		why[when(m.nodes[next.parent] == nil, muster.KindNotFound)] = true
	}
	if id != m.root && m.nodes[next.parent] != nil {
		why[when(m.within(next.parent, id), muster.KindConflict)] = true
		why[when(m.level(next.parent)+1+m.height(id) > muster.MaxDepartmentLevel, muster.KindConflict)] = true
		other := m.child(next.parent, next.name)
		why[when(other != 0 && other != id, muster.KindConflict)] = true
	}
	if m.judge("change", err, why) {
		m.nodes[id] = &next
	}
}

func (m *model) remove(t *rapid.T) {
	m.t = t
	id := m.anyone("department")
	_, err := m.b.departments.Delete(t.Context(), m.b.tenant.ID, system, id)
	why := map[muster.Kind]bool{when(m.nodes[id] == nil, muster.KindNotFound): true}
	if n := m.nodes[id]; n != nil {
		children := 0
		for other := range m.nodes {
			if m.nodes[other].parent == id {
				children++
			}
		}
		why[when(id == m.root || n.members > 0 || children > 0, muster.KindConflict)] = true
		if err != nil && id != m.root {
			if want := fmt.Sprintf("it has %d member", n.members); !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, want it to say that %s", err, want)
			}
		}
	}
	if m.judge("delete", err, why) {
		delete(m.nodes, id)
		m.gone = append(m.gone, id)
	}
}

func (m *model) importPath(t *rapid.T) {
	m.t = t
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"A", "B", "a", "%", "", "字"}), 1, 6).Draw(t, "names")
	done, err := m.b.departments.Import(t.Context(), m.b.tenant.ID, system, []string{strings.Join(names, "/")})
	if err != nil {
		t.Fatal(err)
	}
	leading := len(names) > 1 && names[0] == "" // one slash in front is no name
	if leading {
		names = names[1:]
	}
	why := map[muster.Kind]bool{when(len(names) > muster.MaxDepartmentLevel || slices.Contains(names, ""), muster.KindInvalid): true}
	var refusal error
	if done[0].Refusal != nil {
		refusal = done[0].Refusal
	}
	if !m.judge("import", refusal, why) {
		return
	}
	at, made := m.root, 0
	for i, name := range names {
		next := m.child(at, name)
		if next == 0 {
			made++
			// Its id is known of the last one alone: those between are found by their paths.
			d, err := m.b.departments.At(t.Context(), m.b.tenant.ID, system, strings.Join(names[:i+1], "/"))
			if err != nil {
				t.Fatal(err)
			}
			next = d.ID
			m.nodes[next] = &node{parent: at, name: name}
		}
		at = next
	}
	if done[0].Made != made || done[0].Department != at {
		t.Fatalf("import of %v: %+v, want %d made and department %s", names, done[0], made, at)
	}
}

func (m *model) settle(t *rapid.T) {
	m.t = t
	user, to := rapid.SampledFrom(m.users).Draw(t, "user"), m.anyone("department")
	_, err := m.b.users.Change(t.Context(), m.b.tenant.ID, system, user, directory.UserChange{Department: &to})
	if m.judge("settle", err, map[muster.Kind]bool{when(m.nodes[to] == nil, muster.KindNotFound): true}) {
		m.nodes[m.home[user]].members--
		m.nodes[to].members++
		m.home[user] = to
	}
}

// check holds the directory to the model: every department at its path, in order, each user where he is.
func (m *model) check(t *rapid.T) {
	var want []string
	for id := range m.nodes {
		want = append(want, m.path(id)+" "+id.String())
	}
	byPath := func(a, b string) int {
		return cmp.Compare(a[:strings.LastIndexByte(a, ' ')], b[:strings.LastIndexByte(b, ' ')])
	}
	slices.SortFunc(want, byPath)
	page, err := m.b.departments.Tree(t.Context(), m.b.tenant.ID, system, 0, directory.Page{Limit: directory.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(page.Departments))
	for i := range page.Departments {
		d := &page.Departments[i]
		got[i] = d.NamePath + " " + d.ID.String()
		idPath := "/"
		for up := d.ID; up != 0; up = m.nodes[up].parent {
			if m.nodes[up] == nil {
				t.Fatalf("%s is there and should not be", got[i])
			}
			idPath = "/" + up.String() + idPath
		}
		if n := m.nodes[d.ID]; d.IDPath != idPath || d.Name != n.name || d.Parent != n.parent || d.Level() > muster.MaxDepartmentLevel {
			t.Fatalf("%+v, want id path %s and %+v", d, idPath, n)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the tree is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	users, err := m.b.users.List(t.Context(), m.b.tenant.ID, system, directory.UserQuery{Limit: directory.MaxPage})
	if err != nil || len(users.Users) != len(m.users) {
		t.Fatalf("users %+v, %v; want %d", users, err, len(m.users))
	}
	for _, u := range users.Users {
		if u.Department != m.home[u.ID] {
			t.Fatalf("user %s is in %s, want %s", u.ID, u.Department, m.home[u.ID])
		}
	}
}

// TestDepartmentsAgainstATree holds random changes against a tree of the simplest kind.
func TestDepartmentsAgainstATree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	foreign, err := b.departments.Create(t.Context(), b.other.ID, system, directory.NewDepartment{Name: "A"})
	must(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		tenant, admin := b.newTenant(b.id().String()) // another tenant is as good as another database, and faster
		own := *b
		own.tenant = tenant
		m := &model{
			t: rt, b: &own, root: tenant.RootDepartment, gone: []muster.ID{foreign.ID, b.other.RootDepartment},
			nodes: map[muster.ID]*node{tenant.RootDepartment: {name: tenant.Name}},
			home:  map[muster.ID]muster.ID{admin: tenant.RootDepartment},
		}
		m.nodes[m.root].members = 1
		m.users = []muster.ID{admin}
		for i := range 2 {
			account := fmt.Sprint("u", i)
			id := own.user(muster.User{Account: account, AccountKey: account})
			m.users, m.home[id] = append(m.users, id), m.root
			m.nodes[m.root].members++
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": m.create, "change": m.change, "delete": m.remove, "import": m.importPath, "settle": m.settle, "": m.check,
		})
	})
	b.tenant = b.other
	if got := b.tree(); got != " /A" {
		t.Errorf("the other tenant's tree became %q", got)
	}
}
