package directory

import (
	"context"

	"muster"
)

// Store is what this package needs of a database. Every method is safe for concurrent use and atomic; what a method
// that changes something did is durable once it returned nil. Refusals are [*muster.Error].
type Store interface {
	// Tenant reads a tenant; KindNotFound.
	Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error)
	// User reads a user of the tenant; KindNotFound.
	User(ctx context.Context, tenant, id muster.ID) (*muster.User, error)
	// Snapshot reads what Plan needs to know, at one moment, without lock: the holders of keys, departments, usage.
	Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error)
	// Users reads a page of the tenant's users, and how many there are on all pages, at one moment. KindNotFound if the
	// tenant does not have the query's department.
	Users(ctx context.Context, tenant muster.ID, q UserQuery) (*UserPage, error)

	// SearchUsers reads a page of the tenant's users by the beginning of a key, which it gets folded, as [UserSearch.Bounds] says
	// and with [UserMatches.Add]. Its cost does not depend on how many users there are.
	SearchUsers(ctx context.Context, tenant muster.ID, q UserSearch) (*UserMatches, error)

	// Department reads a department of the tenant; KindNotFound.
	Department(ctx context.Context, tenant, id muster.ID) (*muster.Department, error)
	// Departments reads departments of the tenant. KindNotFound if it does not have the query's.
	Departments(ctx context.Context, tenant muster.ID, q DepartmentQuery) ([]muster.Department, error)
	// ChangeDepartments takes the tenant's lock, calls decide, and writes what it returns, in one transaction. An error of
	// decide writes nothing and comes back as it is. decide reads by r alone. KindNotFound if there is no such tenant.
	ChangeDepartments(ctx context.Context, tenant muster.ID, decide func(r Reader) (*Writes, error)) error
}

// UserQuery says which users.
type UserQuery struct {
	Department muster.ID // 0: of all
	Direct     bool      // those of the department itself, not of those below it
	Role       muster.ID // those who have the role, by id; there is neither Department nor Keyword then. 0: whatever they have
	Keyword    string    // a part of account, phone, e-mail, first name, surname or display name, letter case aside; "": all
	Offset     int
	After      UserMark // of a list by department the place in it, else the user; there is no Offset then, nor a Total
	Limit      int
}

// UserPage is a page of users, by department and id, of all departments by id.
type UserPage struct {
	Users []muster.User
	Total int64
}

// DepartmentQuery says which departments: by Parent the children of one, by Under one and all below it, both by NamePath.
// One of the two is set.
type DepartmentQuery struct {
	Parent  muster.ID
	Under   muster.ID
	Keyword string // a part of the name, letter case aside; "": all
	After   string // only departments behind the one of this NamePath, in the order given
	Limit   int
}

// Reader reads departments under the tenant's lock, as they were before what is to be written.
type Reader interface {
	// Department gives nil if the tenant has none of the id.
	Department(id muster.ID) (*muster.Department, error)
	// At gives the department of a NamePath, nil if there is none.
	At(namePath string) (*muster.Department, error)
	// Height is how many levels there are below the department.
	Height(d *muster.Department) (int, error)
	// Count gives how many users the department itself has, and how many children.
	Count(id muster.ID) (members, children int64, err error)
}

// Writes is what ChangeDepartments writes, in this order.
type Writes struct {
	Delete  []muster.ID
	Replace []Replacement
	Insert  []muster.Department
	LastID  muster.ID // the largest id used; 0 if none
}

// Empty reports whether nothing is to be written.
func (w *Writes) Empty() bool { return len(w.Delete)+len(w.Replace)+len(w.Insert) == 0 }

// Replacement gives a department another name or parent. The paths of all that are below it change with it.
type Replacement struct {
	Old, New muster.Department
}
