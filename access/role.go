package access

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"muster"
)

// RoleStore is what [Roles] needs of a database. Every method is safe for concurrent use and atomic; what a method that
// changes something did is durable once it returned nil. Whatever changes is changed under the tenant's lock.
type RoleStore interface {
	// CreateRole stores a role, and records lastID as used. KindNotFound if the tenant does not exist; KindConflict, with
	// Field "name" or "id", if it has a role of that name or id.
	CreateRole(ctx context.Context, role *muster.Role, lastID muster.ID) error
	// Roles lists the tenant's roles whose id is above after, by id, at most limit. KindNotFound if the tenant does not exist.
	Roles(ctx context.Context, tenant, after muster.ID, limit int) ([]muster.Role, error)
	// RoleNamed reads the tenant's role of a name; KindNotFound.
	RoleNamed(ctx context.Context, tenant muster.ID, name string) (*muster.Role, error)
	// RenameRole gives the tenant's role another name. KindNotFound; KindConflict, with Field "name", if another has it.
	RenameRole(ctx context.Context, tenant, id muster.ID, name string) (*muster.Role, error)
	// DeleteRole removes the tenant's role. While users have it that is refused with KindConflict, and how many they are;
	// with force it is taken from them first, whose UpdatedAt becomes now, and users is how many they were. KindNotFound.
	DeleteRole(ctx context.Context, tenant, id muster.ID, force bool, now time.Time) (users int64, err error)
}

// Roles makes and changes the roles that a tenant gives to its users. All fields are mandatory; it is safe for concurrent
// use. Its refusals are [*muster.Error]: KindInvalid for what breaks a rule, and those of [RoleStore].
type Roles struct {
	Store RoleStore
	IDs   *muster.IDSource
	Now   func() time.Time
}

// MaxRolePage is the most roles that one List gives.
const MaxRolePage = 1000

// NewRole describes a role to be made.
type NewRole struct {
	Name string    // 1 to MaxName characters, without control characters and surrounding spaces; unique in the tenant
	ID   muster.ID // one that other systems know already; 0 makes one
}

// Create stores a role of the tenant. An id that is brought along must not lie in the future, where ids to come would meet
// it.
func (s *Roles) Create(ctx context.Context, tenant muster.ID, n NewRole) (*muster.Role, error) {
	if err := checkName("name", n.Name); err != nil {
		return nil, err
	}
	now := s.now()
	if err := checkBroughtID("id", n.ID, now); err != nil {
		return nil, err
	}
	made, err := s.IDs.Next()
	if err != nil {
		return nil, err
	}
	role := &muster.Role{Tenant: tenant, ID: cmp.Or(n.ID, made), Name: n.Name, CreatedAt: now}
	muster.AuditTarget(ctx, "role", role.ID.String())
	if err := s.Store.CreateRole(ctx, role, made); err != nil {
		return nil, fmt.Errorf("create role: %w", err)
	}
	return role, nil
}

// List gives the tenant's roles whose id is above after (0: from the first), by id, at most limit, which is 1 to MaxRolePage.
func (s *Roles) List(ctx context.Context, tenant, after muster.ID, limit int) ([]muster.Role, error) {
	if limit < 1 || limit > MaxRolePage {
		return nil, invalid("limit", "limit must be from 1 to %d roles.", MaxRolePage)
	}
	roles, err := s.Store.Roles(ctx, tenant, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	return roles, nil
}

// Named reads the tenant's role of a name.
func (s *Roles) Named(ctx context.Context, tenant muster.ID, name string) (*muster.Role, error) {
	role, err := s.Store.RoleNamed(ctx, tenant, name)
	if err != nil {
		return nil, fmt.Errorf("read role by name: %w", err)
	}
	return role, nil
}

// Rename gives a role another name. Users keep it: they have it by its id.
func (s *Roles) Rename(ctx context.Context, tenant, id muster.ID, name string) (*muster.Role, error) {
	if err := checkName("name", name); err != nil {
		return nil, err
	}
	role, err := s.Store.RenameRole(ctx, tenant, id, name)
	if err != nil {
		return nil, fmt.Errorf("rename role: %w", err)
	}
	return role, nil
}

// Delete removes a role that no user has; with force it is taken from its users first, all in one transaction, and users is
// how many they were. Rows that wait and assign the role then fail.
func (s *Roles) Delete(ctx context.Context, tenant, id muster.ID, force bool) (users int64, err error) {
	users, err = s.Store.DeleteRole(ctx, tenant, id, force, s.now())
	if err != nil {
		return 0, fmt.Errorf("delete role: %w", err)
	}
	return users, nil
}

func (s *Roles) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
