package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"muster"
	"muster/directory"
)

const noDepartment = "The department does not exist."

// Department is [directory.Store.Department].
func (s *Store) Department(ctx context.Context, tenant, id muster.ID) (d *muster.Department, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		d, err = scanDepartment(q.row(ctx, selectDepartment, int64(tenant), int64(id)))
		return exists(err, noDepartment)
	})
	if err != nil {
		return nil, explain("read a department", err)
	}
	return d, nil
}

// Departments is [directory.Store.Departments].
func (s *Store) Departments(ctx context.Context, tenant muster.ID, query directory.DepartmentQuery) ([]muster.Department, error) {
	l := departmentList{tenant: tenant, query: &query, match: containing(query.Keyword)}
	err := s.readers.read(ctx, func(q querier) error {
		if query.Parent != 0 {
			return l.children(ctx, q)
		}
		return l.tree(ctx, q)
	})
	if err != nil {
		return nil, explain("list departments", err)
	}
	return l.found, nil
}

// departmentList is a list of departments on its way.
type departmentList struct {
	tenant muster.ID
	query  *directory.DepartmentQuery
	match  pattern
	found  []muster.Department
}

func (l *departmentList) children(ctx context.Context, q querier) error {
	parent, err := scanDepartment(q.row(ctx, selectDepartment, int64(l.tenant), int64(l.query.Parent)))
	if err != nil {
		return exists(err, noDepartment)
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
	return l.read(q.query(ctx, selectChildren, int64(l.tenant), l.match.like, l.match.glob, int64(parent.ID), after, l.query.Limit))
}

// tree reads the department itself, and then those below it, which its path is a prefix of.
func (l *departmentList) tree(ctx context.Context, q querier) error {
	top, err := scanDepartment(q.row(ctx, selectDepartment, int64(l.tenant), int64(l.query.Under)))
	if err != nil {
		return exists(err, noDepartment)
	}
	if l.query.After == "" || top.NamePath > l.query.After {
		err := l.read(q.query(ctx, selectMatchingDepartment, int64(l.tenant), l.match.like, l.match.glob, int64(top.ID), l.query.Limit))
		if err != nil {
			return err
		}
	}
	low, high := within(top.NamePath + "/")
	return l.read(q.query(ctx, selectTree, int64(l.tenant), l.match.like, l.match.glob, max(low, l.query.After), high, l.query.Limit-len(l.found)))
}

func (l *departmentList) read(rows *sql.Rows, err error) error {
	return collect(rows, err, func(row scanner) error {
		d, err := scanDepartment(row)
		if err == nil {
			l.found = append(l.found, *d)
		}
		return err
	})
}

// within gives the bounds between which lie all texts that begin with a path, which ends in a slash. The upper one is not
// among them.
func within(path string) (low, high string) {
	return path, path[:len(path)-1] + string('/'+1)
}

// departmentsFor reads the departments of which [muster.Snapshot] speaks, and those of the ids.
func departmentsFor(ctx context.Context, q querier, tenant muster.ID, refs []muster.DepartmentRef, ids []muster.ID) ([]muster.Department, error) {
	if len(refs)+len(ids) == 0 {
		return nil, nil
	}
	f := departmentFinder{ctx: ctx, q: q, tenant: tenant, byID: make(map[muster.ID]int), byPath: make(map[string]bool)}
	for i := range refs {
		ids = append(ids, refs[i].Base)
	}
	if err := f.find(selectDepartmentsByID, jsonIDs(ids)); err != nil {
		return nil, err
	}
	return f.found, f.resolve(refs)
}

// departmentFinder finds departments, each once.
type departmentFinder struct {
	ctx    context.Context
	q      querier
	tenant muster.ID
	found  []muster.Department
	byID   map[muster.ID]int // where in found
	byPath map[string]bool
}

// resolve reads what stands at the references' candidates, and for single names with nothing there what a name may mean:
// one statement for all candidates, and one for all names below a base, since rows of a list seldom have more than one. The
// cost does not depend on how many departments there are.
func (f *departmentFinder) resolve(refs []muster.DepartmentRef) error {
	type search struct {
		ref        muster.DepartmentRef
		candidates []string
	}
	var paths []string
	var names []search
	for _, r := range refs {
		base, known := f.byID[r.Base]
		if !known || r.Path == "" {
			continue
		}
		candidates := r.Candidates(&f.found[base])
		paths = append(paths, candidates...)
		if r.Name() != "" {
			names = append(names, search{r, candidates})
		}
	}
	if err := f.findTexts(selectDepartmentsByPath, paths); err != nil {
		return err
	}
	below := make(map[muster.ID][]string)
	for _, s := range names {
		if !slices.ContainsFunc(s.candidates, func(path string) bool { return f.byPath[path] }) {
			below[s.ref.Base] = append(below[s.ref.Base], s.ref.Path)
		}
	}
	for base, names := range below {
		low, high := within(f.found[f.byID[base]].IDPath)
		if err := f.findTexts(selectDepartmentsByName, names, low, high); err != nil {
			return err
		}
	}
	return nil
}

// findTexts reads the departments that a list of texts names.
func (f *departmentFinder) findTexts(by statement, list []string, more ...any) error {
	if len(list) == 0 {
		return nil
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return f.find(by, encoded, more...)
}

// find reads the departments that a JSON array names.
func (f *departmentFinder) find(by statement, list []byte, more ...any) error {
	rows, err := f.q.query(f.ctx, by, append([]any{int64(f.tenant), string(list)}, more...)...)
	return collect(rows, err, func(row scanner) error {
		d, err := scanDepartment(row)
		if err != nil {
			return err
		}
		if _, known := f.byID[d.ID]; !known {
			f.byID[d.ID] = len(f.found)
			f.byPath[d.NamePath] = true
			f.found = append(f.found, *d)
		}
		return nil
	})
}

func scanDepartment(row scanner) (*muster.Department, error) {
	var d muster.Department
	err := row.Scan(&d.ID, &d.Parent, &d.Name, &d.IDPath, &d.NamePath, moment{&d.CreatedAt})
	return &d, err
}
