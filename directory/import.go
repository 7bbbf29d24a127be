package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster"
)

const (
	// MaxImport is the most paths that one Import takes.
	MaxImport = 1000
	// MaxPath is the longest path of names that is read, in bytes: five names of 20 characters take 404 at most, and the
	// rest is room for spaces.
	MaxPath = 1024

	// importPaths is how many paths are imported in one transaction, which so writes at most 1,000 departments.
	importPaths = 1000 / muster.MaxDepartmentLevel
)

// Imported is what became of one path of an import.
type Imported struct {
	Department muster.ID     // to which the path leads; 0 if Refusal is set
	Made       int           // how many departments along the path were missing and are there now
	Refusal    *muster.Error // why nothing was made for the path; nil if it leads to a department now
}

// Import makes what is missing along each of 1 to [MaxImport] paths of names from below the root, such as "Sales/North/Team 1",
// with or without a slash in front, and says for each path what became of it. Spaces around names are dropped. A path that
// breaks a rule makes nothing and leaves the others alone; one whose departments are all there changes nothing, so an import
// can be repeated. Where Import fails, the paths before some one are done, and those from it on are not.
func (s *Departments) Import(ctx context.Context, tenant muster.ID, actor muster.Actor, paths []string) ([]Imported, error) {
	if len(paths) < 1 || len(paths) > MaxImport {
		return nil, refuse(muster.KindInvalid, "paths", "paths must be 1 to %d.", MaxImport)
	}
	if err := administrator(actor); err != nil {
		return nil, err
	}
	results := make([]Imported, 0, len(paths))
	for part := range slices.Chunk(paths, importPaths) {
		var done []Imported
		err := s.Store.ChangeDepartments(ctx, tenant, func(r Reader) (*Writes, error) {
			m := importer{reader: r, actor: actor, ids: s.IDs, now: s.now(), known: make(map[string]*muster.Department, 2*len(part))}
			done = done[:0]
			for _, path := range part {
				result, err := m.path(path)
				if err != nil {
					return nil, err
				}
				done = append(done, result)
			}
			return &m.writes, nil
		})
		if err != nil {
			return nil, fmt.Errorf("import departments: %w", err)
		}
		results = append(results, done...)
	}
	return results, nil
}

// importer imports paths within one transaction.
type importer struct {
	reader Reader
	actor  muster.Actor
	ids    *muster.IDSource
	now    time.Time
	known  map[string]*muster.Department // by NamePath; nil is one that is not there
	writes Writes
}

// path imports one path. An error is a fault of what we stand on.
func (m *importer) path(path string) (Imported, error) {
	names, refusal := splitPath(path)
	if refusal != nil {
		return Imported{Refusal: refusal}, nil //nolint:nilerr // a bad path fails alone
	}
	at, err := m.at("")
	if err != nil {
		return Imported{}, err
	}
	if at == nil {
		return Imported{}, errors.New("the tenant has no root department")
	}
	for len(names) > 0 {
		next, err := m.at(at.NamePath + "/" + names[0])
		if err != nil {
			return Imported{}, err
		}
		if next == nil {
			break
		}
		at, names = next, names[1:]
	}
	if !m.actor.Administers(at) {
		return Imported{Refusal: refuse(muster.KindForbidden, "", "A department administrator makes departments below his own alone.")}, nil
	}
	made := len(names)
	for _, name := range names {
		if at, err = m.make(at, name); err != nil {
			return Imported{}, err
		}
	}
	return Imported{Department: at.ID, Made: made}, nil
}

// at gives the department of a NamePath, nil if there is none.
func (m *importer) at(namePath string) (*muster.Department, error) {
	d, found := m.known[namePath]
	if found {
		return d, nil
	}
	d, err := m.reader.At(namePath)
	if err != nil {
		return nil, err
	}
	m.known[namePath] = d
	return d, nil
}

func (m *importer) make(parent *muster.Department, name string) (*muster.Department, error) {
	id, err := m.ids.Next()
	if err != nil {
		return nil, err
	}
	d := parent.Child(id, name, m.now)
	m.known[d.NamePath] = &d
	m.writes.Insert = append(m.writes.Insert, d)
	m.writes.LastID = id
	return &d, nil
}

// splitPath gives the names of a path, each checked.
func splitPath(path string) ([]string, *muster.Error) {
	if len(path) > MaxPath {
		return nil, refuse(muster.KindInvalid, "path", "A path is at most %d bytes long.", MaxPath)
	}
	names := strings.Split(strings.TrimPrefix(strings.TrimSpace(path), "/"), "/")
	if len(names) > muster.MaxDepartmentLevel {
		return nil, refuse(muster.KindInvalid, "path", "A path has at most %d names, since there are no more levels of departments.",
			muster.MaxDepartmentLevel)
	}
	for i, name := range names {
		checked, refusal := departmentName(fmt.Sprintf("Name %d of the path", i+1), name)
		if refusal != nil {
			refusal.Field = "path"
			return nil, refusal
		}
		names[i] = checked
	}
	return names, nil
}
