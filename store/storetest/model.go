package storetest

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"

	"pgregory.net/rapid"

	"muster"
	"muster/directory"
)

// model is a tree of departments of which only parents and names are held.
type model struct {
	root muster.Department
	all  map[muster.ID]muster.Department // paths are as they were when each was made
}

// tree is the model's departments by path, their paths made of parents and names.
func (m *model) tree() []muster.Department {
	var all []muster.Department
	var add func(d muster.Department)
	add = func(d muster.Department) {
		all = append(all, d)
		for _, child := range m.all {
			if child.Parent == d.ID {
				add(d.Child(child.ID, child.Name, child.CreatedAt))
			}
		}
	}
	add(m.root)
	slices.SortFunc(all, func(x, y muster.Department) int { return strings.Compare(x.NamePath, y.NamePath) })
	return all
}

func (m *model) taken(d muster.Department) bool {
	for _, other := range m.all {
		if other.ID != d.ID && other.Parent == d.Parent && other.Name == d.Name {
			return true
		}
	}
	return false
}

// step changes the model and gives what changes a store likewise, and whether that is refused.
func (m *model) step(t *rapid.T, b *bundle) (w directory.Writes, refused bool) {
	tree := m.tree()
	d := rapid.SampledFrom(tree).Draw(t, "department")
	name := rapid.SampledFrom([]string{"a", "b", "A", "a b", "ä", "a-"}).Draw(t, "name")
	switch what := rapid.SampledFrom([]string{"make", "make", "move", "rename", "delete"}).Draw(t, "what"); {
	case what == "make" || d.ID == m.root.ID:
		child := d.Child(b.id(), name, b.now)
		if refused = m.taken(child); !refused {
			m.all[child.ID] = child
		}
		return directory.Writes{Insert: []muster.Department{child}, LastID: child.ID}, refused
	case what == "delete":
		if slices.ContainsFunc(tree, func(other muster.Department) bool { return other.Parent == d.ID }) {
			return directory.Writes{}, false
		}
		delete(m.all, d.ID)
		return directory.Writes{Delete: []muster.ID{d.ID}}, false
	default:
		parents := slices.DeleteFunc(tree, func(p muster.Department) bool {
			return p.Within(d.ID) || what == "rename" && p.ID != d.Parent
		})
		r := replacement(d, rapid.SampledFrom(parents).Draw(t, "parent"), name)
		if refused = m.taken(r.New); !refused {
			m.all[d.ID] = r.New
		}
		return directory.Writes{Replace: []directory.Replacement{r}}, refused
	}
}

// testDepartmentModel makes, moves, renames and deletes, and asks for departments by names and paths in between.
func testDepartmentModel(b *bundle) {
	rapid.Check(b.T, func(t *rapid.T) {
		tenant := b.newTenant("model " + b.id().String())
		m := &model{root: b.root(tenant), all: make(map[muster.ID]muster.Department)}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			w, refused := m.step(t, b)
			if err := b.change(tenant, w); refused != (muster.KindOf(err) == muster.KindConflict) || !refused && err != nil {
				t.Fatalf("%+v is refused: %v, want %t", w, err, refused)
			}
		}
		tree := m.tree()
		same(t, "tree", b.tree(tenant), tree)
		d := rapid.SampledFrom(tree).Draw(t, "top")
		same(t, "subtree", b.list(tenant, directory.DepartmentQuery{Under: d.ID, Limit: 100}),
			slices.DeleteFunc(slices.Clone(tree), func(other muster.Department) bool { return !other.Within(d.ID) }))
		same(t, "children", b.list(tenant, directory.DepartmentQuery{Parent: d.ID, Limit: 100}),
			append([]muster.Department{}, slices.DeleteFunc(slices.Clone(tree), func(other muster.Department) bool { return other.Parent != d.ID })...))
		b.sameMeaning(t, tenant, tree)
	})
}

// sameMeaning fails the test unless rows that name departments mean the same with what a snapshot has of them as with all.
func (b *bundle) sameMeaning(t *rapid.T, tenant muster.ID, tree []muster.Department) {
	b.Helper()
	path := rapid.StringMatching(`((a|b|A|a b|ä|a-)(/(a|b|A|a b|ä|a-)){0,2})?`)
	var entries []muster.Entry
	for i := range rapid.IntRange(1, 10).Draw(t, "rows") {
		entries = append(entries, muster.Entry{
			Action: muster.ActionCreate, Actor: muster.LevelSystemAdmin, NewID: muster.ID(i + 1), Set: muster.FieldDepartment,
			Department: muster.DepartmentRef{Base: rapid.SampledFrom(tree).Draw(t, "base").ID, Path: path.Draw(t, "path")},
		})
	}
	shot := b.snapshot(tenant, muster.KeysOf(entries, &muster.TenantSettings{}))
	some := muster.Plan(entries, shot)
	shot.Departments = tree
	all := muster.Plan(entries, shot)
	same(t, "meanings", []any{some.Outcomes, some.Insert}, []any{all.Outcomes, all.Insert})
}

var errTaken = errors.New("somebody else has made it")

// testDepartmentsTogether has many who make the same departments and move them about: each is made once, and the tree
// stays one.
func testDepartmentsTogether(b *bundle) {
	const workers = 8
	names := []string{"a", "b", "c", "d", "e", "f"}
	root := b.root(b.tenant)
	counts := make([]int, workers)
	var wait sync.WaitGroup
	for w := range workers {
		firsts := make([]muster.ID, len(names)) // ids come from the test's own goroutine
		for i := range firsts {
			firsts[i] = b.id()
		}
		wait.Go(func() {
			for i := range names {
				name := names[(i+w)%len(names)]
				err := b.store.ChangeDepartments(b.Context(), b.tenant, func(r directory.Reader) (*directory.Writes, error) {
					if d, err := r.At("/" + name); d != nil || err != nil {
						return nil, cmp.Or(err, errTaken)
					}
					return &directory.Writes{Insert: []muster.Department{root.Child(firsts[i], name, b.now)}}, nil
				})
				if err == nil {
					counts[w]++
				} else if !errors.Is(err, errTaken) {
					b.Errorf("make a department: %v", err)
				}
				if err := b.moveAny(name, names[(i+w+1)%len(names)]); err != nil {
					b.Errorf("move a department: %v", err)
				}
			}
		})
	}
	wait.Wait()
	all := b.tree(b.tenant)
	made := 0
	for _, n := range counts {
		made += n
	}
	b.same("departments", len(all), made+1)
	b.consistent(b.tenant)
	b.same("departments of the other tenant", len(b.tree(b.other)), 1)
}

// moveAny moves the first department of a name, if there is one, below the root's child of another, if that is possible.
func (b *bundle) moveAny(name, below string) error {
	return b.store.ChangeDepartments(b.Context(), b.tenant, func(r directory.Reader) (*directory.Writes, error) {
		d, err := r.At("/" + name)
		if d == nil || err != nil {
			return &directory.Writes{}, err
		}
		parent, err := r.At("/" + below)
		if parent == nil || err != nil {
			return &directory.Writes{}, err
		}
		next := replacement(*d, *parent, name)
		if there, err := r.At(next.New.NamePath); there != nil || err != nil {
			return &directory.Writes{}, err
		}
		return &directory.Writes{Replace: []directory.Replacement{next}}, nil
	})
}
