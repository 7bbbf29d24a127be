package postgres

import (
	"context"
	"slices"
	"strings"

	"muster"
	"muster/directory"
)

const noDepartment = "The department does not exist."

// Department is [directory.Store.Department].
func (s *Store) Department(ctx context.Context, tenant, id muster.ID) (*muster.Department, error) {
	var d *muster.Department
	err := s.read(ctx, func(t *tx) error {
		t.department(&d, selectDepartment, tenant, id)
		return nil
	})
	if err != nil {
		return nil, explain("read a department", err)
	}
	return found(d, noDepartment)
}

// department queues a look-up of a department, and leaves nil where there is none.
func (t *tx) department(d **muster.Department, by statement, tenant muster.ID, key any) {
	t.rows(func(row scanner) (err error) {
		*d, err = scanDepartment(row)
		return err
	}, by, tenant, key)
}

// Departments is [directory.Store.Departments].
func (s *Store) Departments(ctx context.Context, tenant muster.ID, query directory.DepartmentQuery) ([]muster.Department, error) {
	l := departmentList{tenant: tenant, query: &query, match: containing(query.Keyword)}
	err := s.read(ctx, func(t *tx) error {
		l.tx = t
		if query.Parent != 0 {
			return l.children()
		}
		return l.tree()
	})
	if err != nil {
		return nil, explain("list departments", err)
	}
	return l.found, nil
}

// departmentList is a list of departments on its way.
type departmentList struct {
	*tx
	tenant muster.ID
	query  *directory.DepartmentQuery
	match  string
	found  []muster.Department
}

// top reads the department of the query.
func (l *departmentList) top(id muster.ID) (*muster.Department, error) {
	var d *muster.Department
	l.department(&d, selectDepartment, l.tenant, id)
	if err := l.flush(); err != nil {
		return nil, err
	}
	return found(d, noDepartment)
}

func (l *departmentList) children() error {
	parent, err := l.top(l.query.Parent)
	if err != nil {
		return err
	}
	// Siblings are in the order of their names, whose index saves walking those that come before.
	prefix := parent.NamePath + "/"
	after, behind := strings.CutPrefix(l.query.After, prefix)
	if !behind && l.query.After > prefix {
		return nil
	}
	if !behind {
		after = ""
	}
	l.list(selectChildren, l.tenant, l.match, parent.ID, after, l.query.Limit)
	return nil
}

// tree reads the department itself, and then those below it, which its path is a prefix of.
func (l *departmentList) tree() error {
	top, err := l.top(l.query.Under)
	if err != nil {
		return err
	}
	if l.query.After == "" || top.NamePath > l.query.After {
		l.list(selectMatchingDepartment, l.tenant, l.match, top.ID, l.query.Limit)
		if err := l.flush(); err != nil {
			return err
		}
	}
	low, high := within(top.NamePath + "/")
	l.list(selectTree, l.tenant, l.match, max(low, l.query.After), high, l.query.Limit-len(l.found))
	return nil
}

func (l *departmentList) list(by statement, args ...any) {
	l.rows(func(row scanner) error {
		d, err := scanDepartment(row)
		if err == nil {
			l.found = append(l.found, *d)
		}
		return err
	}, by, args...)
}

// within gives the bounds between which lie all texts that begin with a path, which ends in a slash. The upper one is not
// among them.
func within(path string) (low, high string) {
	return path, path[:len(path)-1] + string('/'+1)
}

// departmentFinder finds the departments of which [muster.Snapshot] speaks, each once.
type departmentFinder struct {
	*tx
	tenant muster.ID
	found  []muster.Department
}

// bases queues a look-up of the departments from which references lead.
func (f *departmentFinder) bases(refs []muster.DepartmentRef) {
	ids := make([]int64, len(refs))
	for i := range refs {
		ids[i] = int64(refs[i].Base)
	}
	f.find(selectDepartmentsByID, ids)
}

// resolve reads, with what is queued, what stands at the references' candidates, and for single names with nothing there
// what a name may mean. Each is one statement for all of them, whose cost does not depend on how many departments there are.
func (f *departmentFinder) resolve(refs []muster.DepartmentRef) error {
	byID := make(map[muster.ID]*muster.Department, len(f.found))
	for i := range f.found {
		byID[f.found[i].ID] = &f.found[i]
	}
	var paths []string
	var names []muster.DepartmentRef
	var candidates [][]string // of names
	var low, high []string    // bounds of the IDPaths below their bases
	for _, r := range refs {
		base := byID[r.Base]
		if base == nil || r.Path == "" {
			continue
		}
		at := r.Candidates(base)
		paths = append(paths, at...)
		if r.Name() != "" {
			from, to := within(base.IDPath)
			names, candidates, low, high = append(names, r), append(candidates, at), append(low, from), append(high, to)
		}
	}
	f.find(selectDepartmentsByPath, paths)
	if err := f.flush(); err != nil || len(names) == 0 {
		return err
	}
	there := make(map[string]bool, len(f.found))
	for i := range f.found {
		there[f.found[i].NamePath] = true
	}
	var wanted, from, to []string
	for i, r := range names {
		if !slices.ContainsFunc(candidates[i], func(path string) bool { return there[path] }) {
			wanted, from, to = append(wanted, r.Path), append(from, low[i]), append(to, high[i])
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	f.rows(f.add, selectDepartmentsByName, f.tenant, wanted, from, to)
	return f.flush()
}

// find queues a look-up of the departments that a list names, if it names any.
func (f *departmentFinder) find(by statement, list any) {
	switch list := list.(type) {
	case []int64:
		if len(list) == 0 {
			return
		}
	case []string:
		if len(list) == 0 {
			return
		}
	}
	f.rows(f.add, by, f.tenant, list)
}

func (f *departmentFinder) add(row scanner) error {
	d, err := scanDepartment(row)
	if err == nil && !slices.ContainsFunc(f.found, func(known muster.Department) bool { return known.ID == d.ID }) {
		f.found = append(f.found, *d)
	}
	return err
}

func scanDepartment(row scanner) (*muster.Department, error) {
	var d muster.Department
	err := row.Scan(&d.ID, &d.Parent, &d.Name, &d.IDPath, &d.NamePath, &d.CreatedAt)
	return &d, err
}
