package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster"
)

const noRole = "The role does not exist."

// CreateRole is [access.RoleStore.CreateRole].
func (s *Store) CreateRole(ctx context.Context, role *muster.Role, lastID muster.ID) error {
	err := s.write(ctx, role.Tenant, func(t *tx) error {
		var same, namesake *muster.Role
		t.role(&same, selectRole, role.Tenant, role.ID)
		t.role(&namesake, selectRoleNamed, role.Tenant, role.Name)
		if err := t.flush(); err != nil {
			return err
		}
		switch {
		case same != nil:
			return conflict("id", "The tenant has a role with this id.")
		case namesake != nil:
			return conflict("name", roleNameTaken)
		}
		t.exec(insertRole, role.Tenant, role.ID, role.Name, role.CreatedAt)
		t.exec(updateLastID, role.Tenant, lastID)
		return nil
	})
	return explain("create a role", err)
}

const roleNameTaken = "The tenant has a role of this name."

// role queues a look-up of a role, and leaves nil where there is none.
func (t *tx) role(role **muster.Role, by statement, args ...any) {
	t.rows(func(row scanner) (err error) {
		*role, err = scanRole(row)
		return err
	}, by, args...)
}

// Roles is [access.RoleStore.Roles].
func (s *Store) Roles(ctx context.Context, tenant, after muster.ID, limit int) ([]muster.Role, error) {
	var roles []muster.Role
	var stored *muster.Tenant
	err := s.read(ctx, func(t *tx) error {
		t.tenantBy(&stored, selectTenant, tenant)
		t.rows(func(row scanner) error {
			role, err := scanRole(row)
			if err == nil {
				roles = append(roles, *role)
			}
			return err
		}, selectRoles, tenant, after, limit)
		return nil
	})
	if err == nil {
		_, err = found(stored, noTenant)
	}
	return roles, explain("list roles", err)
}

// RoleNamed is [access.RoleStore.RoleNamed].
func (s *Store) RoleNamed(ctx context.Context, tenant muster.ID, name string) (*muster.Role, error) {
	var role *muster.Role
	err := s.read(ctx, func(t *tx) error {
		t.role(&role, selectRoleNamed, tenant, name)
		return nil
	})
	if err != nil {
		return nil, explain("read a role by name", err)
	}
	return found(role, noRole)
}

// RenameRole is [access.RoleStore.RenameRole].
func (s *Store) RenameRole(ctx context.Context, tenant, id muster.ID, name string) (*muster.Role, error) {
	var role, namesake *muster.Role
	err := s.write(ctx, tenant, func(t *tx) error {
		t.role(&role, selectRole, tenant, id)
		t.role(&namesake, selectRoleNamed, tenant, name)
		if err := t.flush(); err != nil {
			return err
		}
		switch {
		case role == nil:
			return &muster.Error{Kind: muster.KindNotFound, Detail: noRole}
		case role.Name == name:
			muster.AuditNothing(ctx)
			return nil
		case namesake != nil:
			return conflict("name", roleNameTaken)
		}
		role.Name = name
		t.exec(updateRole, tenant, id, name)
		return nil
	})
	if err != nil {
		return nil, explain("rename a role", err)
	}
	return role, nil
}

// DeleteRole is [access.RoleStore.DeleteRole].
func (s *Store) DeleteRole(ctx context.Context, tenant, id muster.ID, force bool, now time.Time) (users int64, err error) {
	err = s.write(ctx, tenant, func(t *tx) error {
		var role *muster.Role
		t.role(&role, selectRole, tenant, id)
		t.row([]any{&users}, countRoleUsers, tenant, id)
		box := t.outbox(tenant)
		if err := t.flush(); err != nil {
			return err
		}
		if role == nil {
			return &muster.Error{Kind: muster.KindNotFound, Detail: noRole}
		}
		if users > 0 && !force {
			return conflict("id", fmt.Sprintf("Users have this role, %d of them: take it from them first, or force it to be taken from all.", users))
		}
		if users > 0 {
			if err := t.tellRoleTaken(box, id); err != nil {
				return err
			}
			t.exec(takeRole, tenant, id, now)
			t.exec(deleteRoleUsers, tenant, id)
		}
		t.exec(deleteRole, tenant, id)
		return nil
	})
	if err != nil {
		return 0, explain("delete a role", err)
	}
	return users, nil
}

func scanRole(row scanner) (*muster.Role, error) {
	var r muster.Role
	err := row.Scan(&r.Tenant, &r.ID, &r.Name, &r.CreatedAt)
	return &r, err
}

// roleChanges is what a plan does to who has which role.
type roleChanges struct {
	released     []muster.ID // users whose stored roles no longer hold
	roles, users []int64     // pairs of what is assigned to whom
}

// roleChangesOf compares a plan with users as they are stored. Users without roles before and after are in neither list.
func roleChangesOf(plan *muster.Planned, before []muster.User) roleChanges {
	var changes roleChanges
	if len(plan.Update)+len(plan.Delete) > 0 {
		stored := make(map[muster.ID]*muster.User, len(before))
		for i := range before {
			stored[before[i].ID] = &before[i]
		}
		for _, id := range plan.Delete {
			if u := stored[id]; u == nil || len(u.Roles) > 0 {
				changes.released = append(changes.released, id)
			}
		}
		for i := range plan.Update {
			next := &plan.Update[i]
			u := stored[next.ID]
			if u != nil && slices.Equal(u.Roles, next.Roles) {
				continue
			}
			if u == nil || len(u.Roles) > 0 {
				changes.released = append(changes.released, next.ID)
			}
			changes.add(next)
		}
	}
	for i := range plan.Insert {
		changes.add(&plan.Insert[i])
	}
	return changes
}

func (r *roleChanges) add(u *muster.User) {
	for _, role := range u.Roles {
		r.roles, r.users = append(r.roles, int64(role)), append(r.users, int64(u.ID))
	}
}

// release takes away what was assigned before. It reads what that is from the users, and so comes before they change.
func (r *roleChanges) release(t *tx, tenant muster.ID) {
	if len(r.released) > 0 {
		t.exec(deleteUserRoles, tenant, r.released)
	}
}

func (r *roleChanges) assign(t *tx, tenant muster.ID) {
	if len(r.roles) > 0 {
		t.exec(insertUserRoles, tenant, r.roles, r.users)
	}
}
