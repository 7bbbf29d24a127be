package directory

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"muster"
	"muster/mapping"
)

// MaxPage is the most departments, or users, that one call lists.
const MaxPage = 1000

// maxKeyword bounds what is searched for, in bytes: nothing searched is longer than an e-mail address.
const maxKeyword = 254

const nameOf = "The name of a department"

// Departments shows and changes tenants' departments. All fields are mandatory; it is safe for concurrent use.
//
// Whatever it is asked, it is asked by an actor: a system administrator administers all departments of the tenant, a department
// administrator his own and those below it (he may make some below his own, but neither change nor delete his own), anybody
// else none. Where a department may be 0, that is the highest that the actor administers.
//
// Its refusals are [*muster.Error]: KindInvalid for a field that breaks a rule, KindNotFound for a tenant or department that
// is not there, KindForbidden for one that the actor does not administer, and KindConflict for what is at odds with the tree as
// it is: with Field "name" (taken among the siblings), "parentId" (it cannot stand there) or "id" (taken), or without one where a
// department cannot be deleted.
type Departments struct {
	Store Store
	IDs   *muster.IDSource
	Now   func() time.Time
}

// NewDepartment describes a department to be made.
type NewDepartment struct {
	Name   string    // 1 to 20 characters after trimming, no slash, no control or text-direction characters; unique among siblings
	Parent muster.ID // 0: the highest that the actor administers
	ID     muster.ID // one that other systems know already, of the past; 0 makes one
}

// DepartmentChange says what to change of a department; nil leaves a part as it is.
type DepartmentChange struct {
	Name   *string
	Parent *muster.ID
}

// Page says which part of a list is wanted.
type Page struct {
	Keyword string // a part of the name, letter case aside, at most 254 bytes; "": all
	After   string // Next of the page before; "": from the first
	Limit   int    // 1 to MaxPage
}

// DepartmentPage is a part of a list of departments.
type DepartmentPage struct {
	Departments []muster.Department
	Next        string // After of the next page; "" if this is the last
}

// Create makes a department.
func (s *Departments) Create(ctx context.Context, tenant muster.ID, actor muster.Actor, n NewDepartment) (*muster.Department, error) {
	name, refusal := departmentName(nameOf, n.Name)
	if refusal != nil {
		return nil, refusal
	}
	now := s.now()
	if n.ID < 0 || n.ID.Time().After(now) {
		return nil, refuse(muster.KindInvalid, "id", "id must be an id of the past: of 63 bits, with a time not after now.")
	}
	made, err := s.IDs.Next()
	if err != nil {
		return nil, err
	}
	var d muster.Department
	err = s.Store.ChangeDepartments(ctx, tenant, func(r Reader) (*Writes, error) {
		parent, err := parentOf(r, actor, n.Parent)
		if err != nil {
			return nil, err
		}
		d = parent.Child(cmp.Or(n.ID, made), name, now)
		if known, err := r.Department(d.ID); err != nil {
			return nil, err
		} else if known != nil {
			return nil, refuse(muster.KindConflict, "id", "The tenant has a department with this id.")
		}
		if err := mayStand(r, &d, 0); err != nil {
			return nil, err
		}
		muster.AuditTarget(ctx, "department", d.ID.String())
		return &Writes{Insert: []muster.Department{d}, LastID: made}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("create department: %w", err)
	}
	return &d, nil
}

// Change renames or moves a department, with all that is below it, or both at once. The root may be renamed, not moved.
func (s *Departments) Change(ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID, change DepartmentChange) (*muster.Department, error) {
	if change == (DepartmentChange{}) {
		return nil, refuse(muster.KindInvalid, "", "There is nothing to change: name and parentId are accepted.")
	}
	switch {
	case change.Parent == nil:
		muster.AuditDetail(ctx, "name")
	case change.Name == nil:
		muster.AuditDetail(ctx, "parentId")
	default:
		muster.AuditDetail(ctx, "name, parentId")
	}
	var next muster.Department
	err := s.Store.ChangeDepartments(ctx, tenant, func(r Reader) (*Writes, error) {
		old, err := changeable(r, actor, id)
		if err != nil {
			return nil, err
		}
		if next, err = change.apply(r, actor, old); err != nil || next == *old {
			return &Writes{}, err
		}
		height, err := r.Height(old)
		if err != nil {
			return nil, err
		}
		if err := mayStand(r, &next, height); err != nil {
			return nil, err
		}
		return &Writes{Replace: []Replacement{{Old: *old, New: next}}}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("change department: %w", err)
	}
	return &next, nil
}

// apply gives the department as it is to be.
func (c *DepartmentChange) apply(r Reader, actor muster.Actor, old *muster.Department) (muster.Department, error) {
	next := *old
	if c.Name != nil && strings.TrimSpace(*c.Name) != old.Name { // a root may have kept a longer one from its tenant
		name, refusal := departmentName(nameOf, *c.Name)
		if refusal != nil {
			return next, refusal
		}
		next.Name = name
	}
	moved := c.Parent != nil && *c.Parent != old.Parent
	switch {
	case old.Parent == 0 && moved:
		return next, refuse(muster.KindConflict, "parentId", "The root department cannot be moved.")
	case old.Parent == 0:
		return next, nil
	case moved:
		next.Parent = *c.Parent
	}
	parent, err := r.Department(next.Parent)
	switch {
	case err != nil:
		return next, err
	case parent == nil:
		return next, refuse(muster.KindNotFound, "parentId", "The parent department does not exist.")
	case parent.Within(old.ID):
		return next, refuse(muster.KindConflict, "parentId", "A department cannot be moved into itself or below itself.")
	}
	if moved {
		if err := administers(actor, parent); err != nil {
			return next, err
		}
	}
	return parent.Child(next.ID, next.Name, next.CreatedAt), nil
}

// Delete removes a department that has neither members nor departments below it, and gives it as it was.
func (s *Departments) Delete(ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID) (*muster.Department, error) {
	var gone *muster.Department
	err := s.Store.ChangeDepartments(ctx, tenant, func(r Reader) (_ *Writes, err error) {
		if gone, err = changeable(r, actor, id); err != nil {
			return nil, err
		}
		if gone.Parent == 0 {
			return nil, refuse(muster.KindConflict, "", "The root department cannot be deleted.")
		}
		members, children, err := r.Count(id)
		if err != nil {
			return nil, err
		}
		if members > 0 || children > 0 {
			return nil, refuse(muster.KindConflict, "", "The department is not empty: it has %s and %s directly below it. Move or delete them first.",
				counted(members, "member"), counted(children, "department"))
		}
		return &Writes{Delete: []muster.ID{id}}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("delete department: %w", err)
	}
	return gone, nil
}

// Get reads a department.
func (s *Departments) Get(ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID) (*muster.Department, error) {
	id, err := top(ctx, s.Store, tenant, actor, id)
	if err != nil {
		return nil, err
	}
	return administered(ctx, s.Store, tenant, actor, id)
}

// At reads the department at a path of names from below the root, such as "Sales/North", with or without a slash in front;
// "" and "/" are the root.
func (s *Departments) At(ctx context.Context, tenant muster.ID, actor muster.Actor, path string) (*muster.Department, error) {
	t, err := s.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read department: %w", err)
	}
	if strings.Trim(path, "/") == "" {
		return s.Get(ctx, tenant, actor, t.RootDepartment)
	}
	names, refusal := splitPath(path)
	if refusal != nil {
		return nil, refusal
	}
	ref := muster.DepartmentRef{Base: t.RootDepartment, Path: strings.Join(names, "/")}
	shot, err := s.Store.Snapshot(ctx, tenant, muster.Keys{Departments: []muster.DepartmentRef{ref}})
	if err != nil {
		return nil, fmt.Errorf("read department: %w", err)
	}
	for i := range shot.Departments {
		if d := &shot.Departments[i]; d.NamePath == "/"+ref.Path {
			if err := administers(actor, d); err != nil {
				return nil, err
			}
			return d, nil
		}
	}
	return nil, refuse(muster.KindNotFound, "path", "The department does not exist.")
}

// Children lists the departments directly below parent, by name; 0 is the highest that the actor administers.
func (s *Departments) Children(ctx context.Context, tenant muster.ID, actor muster.Actor, parent muster.ID, p Page) (*DepartmentPage, error) {
	return s.list(ctx, tenant, actor, parent, p, func(q *DepartmentQuery, id muster.ID) { q.Parent = id })
}

// Tree lists the department under and all that are below it, each before those below it, by path; 0 is the highest that the
// actor administers.
func (s *Departments) Tree(ctx context.Context, tenant muster.ID, actor muster.Actor, under muster.ID, p Page) (*DepartmentPage, error) {
	return s.list(ctx, tenant, actor, under, p, func(q *DepartmentQuery, id muster.ID) { q.Under = id })
}

func (s *Departments) list(ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID, p Page, of func(*DepartmentQuery, muster.ID)) (*DepartmentPage, error) {
	if err := checkPage(p.Keyword, p.Limit); err != nil {
		return nil, err
	}
	id, err := top(ctx, s.Store, tenant, actor, id)
	if err != nil {
		return nil, err
	}
	if _, err := administered(ctx, s.Store, tenant, actor, id); err != nil {
		return nil, err
	}
	q := DepartmentQuery{Keyword: p.Keyword, After: p.After, Limit: p.Limit}
	of(&q, id)
	found, err := s.Store.Departments(ctx, tenant, q)
	if err != nil {
		return nil, fmt.Errorf("list departments: %w", err)
	}
	page := &DepartmentPage{Departments: found}
	if len(found) == p.Limit {
		page.Next = cmp.Or(found[p.Limit-1].NamePath, "/") // all paths but the root's, which is "", are behind "/"
	}
	return page, nil
}

func (s *Departments) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// parentOf reads the department below which the actor makes one.
func parentOf(r Reader, actor muster.Actor, id muster.ID) (parent *muster.Department, err error) {
	if id = cmp.Or(id, actor.Scope()); id == 0 {
		parent, err = r.At("")
	} else {
		parent, err = r.Department(id)
	}
	switch {
	case err != nil:
		return nil, err
	case parent == nil:
		return nil, refuse(muster.KindNotFound, "parentId", "The parent department does not exist.")
	default:
		return parent, administers(actor, parent)
	}
}

// changeable reads a department that the actor may change or delete.
func changeable(r Reader, actor muster.Actor, id muster.ID) (*muster.Department, error) {
	d, err := r.Department(id)
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return nil, refuse(muster.KindNotFound, "", "The department does not exist.")
	case actor.Scope() == id:
		return nil, refuse(muster.KindForbidden, "", "A department administrator changes departments below his own, not his own.")
	default:
		return d, administers(actor, d)
	}
}

// mayStand refuses a department, with so many levels below it, a place that is too deep or taken.
func mayStand(r Reader, d *muster.Department, height int) error {
	if d.Level()+height > muster.MaxDepartmentLevel {
		return refuse(muster.KindConflict, "parentId", "That would be too deep: below the root there are at most %d levels of departments.",
			muster.MaxDepartmentLevel)
	}
	there, err := r.At(d.NamePath)
	switch {
	case err != nil:
		return err
	case there != nil && there.ID != d.ID:
		return refuse(muster.KindConflict, "name", "The parent has a department of this name.")
	default:
		return nil
	}
}

// departmentName trims a name and checks it; what is how a refusal calls it.
func departmentName(what, name string) (string, *muster.Error) {
	name, broken := mapping.Name("name", name, 1, muster.MaxDepartmentName)
	switch {
	case broken != nil:
		return "", refuse(muster.KindInvalid, "name", "%s cannot be that. %s", what, broken.Detail)
	case strings.Contains(name, "/"):
		return "", refuse(muster.KindInvalid, "name", "%s cannot be that. A slash is not accepted.", what)
	default:
		return name, nil
	}
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
