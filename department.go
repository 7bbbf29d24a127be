package muster

import (
	"strings"
	"time"
)

const (
	// MaxDepartmentName is the longest name of a department, in characters (KooDrive contract, section 5).
	MaxDepartmentName = 20
	// MaxDepartmentLevel is how many levels of departments there are below the root (KooDrive contract, section 5).
	MaxDepartmentLevel = 5
)

// Department is a node of a tenant's tree. Every tenant has a root department, which is the tenant as a whole.
type Department struct {
	ID        ID        `json:"id"`
	Parent    ID        `json:"parentId,omitempty"` // 0 is that of the root
	Name      string    `json:"name"`               // unique among siblings, letter case counting; holds no '/'
	IDPath    string    `json:"-"`                  // the ids from the root's to its own, each between slashes: "/1/2/3/"
	NamePath  string    `json:"path"`               // the names below the root's, a slash before each: "/Sales/North"; "" for the root
	CreatedAt time.Time `json:"createdAt"`
}

// RootDepartment is the root of a tenant that is being made. It has the tenant's name, so far as departments may.
func RootDepartment(t *Tenant) Department {
	return Department{
		ID: t.RootDepartment, Name: strings.ReplaceAll(t.Name, "/", "-"), IDPath: "/" + t.RootDepartment.String() + "/", CreatedAt: t.CreatedAt,
	}
}

// Child is a department to be made below d.
func (d *Department) Child(id ID, name string, now time.Time) Department {
	return Department{
		ID: id, Parent: d.ID, Name: name, IDPath: d.IDPath + id.String() + "/", NamePath: d.NamePath + "/" + name, CreatedAt: now,
	}
}

// Level is 0 for the root, and one more than the parent's for any other.
func (d *Department) Level() int { return strings.Count(d.IDPath, "/") - 2 }

// Within reports whether d is the department of the id, or below it.
func (d *Department) Within(id ID) bool { return strings.Contains(d.IDPath, "/"+id.String()+"/") }

// DepartmentRef is how a row says which department it means (KooDrive contract, section 3). An empty Path means Base
// itself. A single name means Base if that is its name, else the child of Base of that name, else the only department of
// that name below Base. Names joined by slashes are a path whose first name is that of Base or of a child of it.
type DepartmentRef struct {
	Base ID
	Path string // without slashes around
}

// Name is the single name that the reference consists of, "" if it is empty or a path.
func (r DepartmentRef) Name() string {
	if strings.Contains(r.Path, "/") {
		return ""
	}
	return r.Path
}

// Candidates are the NamePaths at which the department meant may stand, the one that wins first; they say nothing of
// departments below Base's children that a single name may mean. base is the department Base, and Path is not empty.
func (r DepartmentRef) Candidates(base *Department) []string {
	below := base.NamePath + "/" + r.Path
	first, rest, more := strings.Cut(r.Path, "/")
	switch {
	case first != base.Name:
		return []string{below}
	case more:
		return []string{base.NamePath + "/" + rest, below}
	default:
		return []string{base.NamePath, below}
	}
}

// Actor is on whose behalf something is asked.
type Actor struct {
	User       ID // 0: an application, acting for itself
	Level      AdminLevel
	Department ID // of the user
}

// Scope is the department that bounds what the actor administers, with those below it; 0 is no bound.
func (a Actor) Scope() ID {
	if a.Level == LevelDepartmentAdmin {
		return a.Department
	}
	return 0
}

// Administers reports whether the actor may see and change what belongs to the department: a system administrator any, a
// department administrator his own and those below it, nobody else (KooDrive contract, section 3).
func (a Actor) Administers(d *Department) bool {
	return a.Level == LevelSystemAdmin || a.Level == LevelDepartmentAdmin && d.Within(a.Department)
}

// tree is the part of a tenant's departments that a snapshot holds.
type tree struct {
	byID   map[ID]*Department
	byPath map[string]*Department
	byName map[string][]*Department
}

func newTree(departments []Department) *tree {
	t := &tree{
		byID:   make(map[ID]*Department, len(departments)),
		byPath: make(map[string]*Department, len(departments)),
		byName: make(map[string][]*Department, len(departments)),
	}
	for i := range departments {
		d := &departments[i]
		if t.byID[d.ID] != nil {
			continue
		}
		t.byID[d.ID], t.byPath[d.NamePath] = d, d
		t.byName[d.Name] = append(t.byName[d.Name], d)
	}
	return t
}

// resolve finds the department that is meant.
func (t *tree) resolve(r DepartmentRef) (*Department, *Fault) {
	base := t.byID[r.Base]
	if base == nil {
		return nil, fault(ReasonNoDepartment, "department", r.Base.String())
	}
	if r.Path == "" {
		return base, nil
	}
	for _, path := range r.Candidates(base) {
		if d := t.byPath[path]; d != nil {
			return d, nil
		}
	}
	var found []*Department
	if name := r.Name(); name != "" {
		for _, d := range t.byName[name] {
			if d.Within(base.ID) {
				found = append(found, d)
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, fault(ReasonNoDepartment, "department", r.Path)
	case 1:
		return found[0], nil
	default:
		return nil, fault(ReasonAmbiguousDepartment, "department", r.Path)
	}
}
