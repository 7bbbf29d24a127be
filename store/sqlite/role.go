package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"muster"
	"muster/webhook"
)

const noRole = "The role does not exist."

// CreateRole is [access.RoleStore.CreateRole].
func (s *Store) CreateRole(ctx context.Context, role *muster.Role, lastID muster.ID) error {
	err := s.writer.small(ctx, func(c *conn) error {
		ctx := context.Background()
		if _, err := scanTenant(c.row(ctx, selectTenant, int64(role.Tenant))); err != nil {
			return exists(err, noTenant)
		}
		if _, err := scanRole(c.row(ctx, selectRole, int64(role.Tenant), int64(role.ID))); !isRefusal(err) {
			return taken(err, "id", "The tenant has a role with this id.")
		}
		if err := freeName(c, role.Tenant, role.Name); err != nil {
			return err
		}
		if _, err := c.exec(insertRole, int64(role.Tenant), int64(role.ID), role.Name, millis(role.CreatedAt)); err != nil {
			return err
		}
		return recordID(c, lastID)
	})
	return explain("create a role", err)
}

func freeName(c *conn, tenant muster.ID, name string) error {
	if _, err := scanRole(c.row(context.Background(), selectRoleNamed, int64(tenant), name)); !isRefusal(err) {
		return taken(err, "name", "The tenant has a role of this name.")
	}
	return nil
}

// Roles is [access.RoleStore.Roles].
func (s *Store) Roles(ctx context.Context, tenant, after muster.ID, limit int) ([]muster.Role, error) {
	var roles []muster.Role
	err := s.readers.read(ctx, func(q querier) error {
		if _, err := scanTenant(q.row(ctx, selectTenant, int64(tenant))); err != nil {
			return exists(err, noTenant)
		}
		rows, err := q.query(ctx, selectRoles, int64(tenant), int64(after), limit)
		return collect(rows, err, func(row scanner) error {
			role, err := scanRole(row)
			if err == nil {
				roles = append(roles, *role)
			}
			return err
		})
	})
	return roles, explain("list roles", err)
}

// RoleNamed is [access.RoleStore.RoleNamed].
func (s *Store) RoleNamed(ctx context.Context, tenant muster.ID, name string) (role *muster.Role, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		role, err = scanRole(q.row(ctx, selectRoleNamed, int64(tenant), name))
		return exists(err, noRole)
	})
	if err != nil {
		return nil, explain("read a role by name", err)
	}
	return role, nil
}

// RenameRole is [access.RoleStore.RenameRole].
func (s *Store) RenameRole(ctx context.Context, tenant, id muster.ID, name string) (*muster.Role, error) {
	var role *muster.Role
	err := s.writer.small(ctx, func(c *conn) (err error) {
		if role, err = scanRole(c.row(context.Background(), selectRole, int64(tenant), int64(id))); err != nil {
			return exists(err, noRole)
		}
		if role.Name == name {
			muster.AuditNothing(ctx)
			return nil
		}
		if err := freeName(c, tenant, name); err != nil {
			return err
		}
		role.Name = name
		_, err = c.exec(updateRole, name, int64(tenant), int64(id))
		return err
	})
	if err != nil {
		return nil, explain("rename a role", err)
	}
	return role, nil
}

// DeleteRole is [access.RoleStore.DeleteRole].
func (s *Store) DeleteRole(ctx context.Context, tenant, id muster.ID, force bool, now time.Time) (users int64, err error) {
	err = s.writer.large(ctx, func(c *conn) error {
		ctx := context.Background()
		if _, err := scanRole(c.row(ctx, selectRole, int64(tenant), int64(id))); err != nil {
			return exists(err, noRole)
		}
		if err := c.row(ctx, countRoleUsers, int64(tenant), int64(id)).Scan(&users); err != nil {
			return err
		}
		if users > 0 && !force {
			return &muster.Error{
				Kind: muster.KindConflict, Field: "id",
				Detail: fmt.Sprintf("Users have this role, %d of them: take it from them first, or force it to be taken from all.", users),
			}
		}
		if users > 0 {
			if err := tellRoleTaken(c, tenant, id, s.now()); err != nil {
				return err
			}
			if err := takeFromAll(c, tenant, id, now); err != nil {
				return err
			}
		}
		_, err := c.exec(deleteRole, int64(tenant), int64(id))
		return err
	})
	if err != nil {
		return 0, explain("delete a role", err)
	}
	return users, nil
}

func takeFromAll(c *conn, tenant, role muster.ID, now time.Time) error {
	if _, err := c.exec(takeRole, int64(tenant), int64(role), millis(now)); err != nil {
		return err
	}
	_, err := c.exec(deleteRoleUsers, int64(tenant), int64(role))
	return err
}

// tellRoleTaken puts into the outbox that the role's users change.
func tellRoleTaken(c *conn, tenant, role muster.ID, now time.Time) error {
	box, err := outboxOf(c, tenant)
	if err != nil || !box.wants(webhook.UsersChanged) {
		return err
	}
	var users []muster.ID
	rows, err := c.query(context.Background(), selectRoleUsers, int64(tenant), int64(role))
	err = collect(rows, err, func(row scanner) error {
		var id muster.ID
		err := row.Scan(&id)
		users = append(users, id)
		return err
	})
	if err != nil {
		return err
	}
	_, err = box.add(c, now, webhook.Updated(users)...)
	return err
}

func scanRole(row scanner) (*muster.Role, error) {
	var r muster.Role
	err := row.Scan(&r.Tenant, &r.ID, &r.Name, moment{&r.CreatedAt})
	return &r, err
}

// rolesAmong gives those of the ids that are roles of the tenant.
func rolesAmong(ctx context.Context, q querier, tenant muster.ID, ids []muster.ID) ([]muster.ID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var roles []muster.ID
	rows, err := q.query(ctx, selectRolesByID, int64(tenant), string(jsonIDs(slices.Compact(ids))))
	err = collect(rows, err, func(row scanner) error {
		var id muster.ID
		err := row.Scan(&id)
		roles = append(roles, id)
		return err
	})
	return roles, err
}

// roleChanges is what a plan does to who has which role.
type roleChanges struct {
	released []muster.ID   // users whose stored roles no longer hold
	assigned []muster.User // users whose roles are to be written
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
	if len(u.Roles) > 0 {
		r.assigned = append(r.assigned, muster.User{ID: u.ID, Roles: u.Roles})
	}
}

// release takes away what was assigned before. It reads what that is from the users, and so comes before they change.
func (r *roleChanges) release(c *conn, tenant muster.ID) error {
	if len(r.released) == 0 {
		return nil
	}
	_, err := c.exec(deleteUserRoles, int64(tenant), string(jsonIDs(r.released)))
	return err
}

func (r *roleChanges) assign(c *conn, tenant muster.ID) error {
	if len(r.assigned) == 0 {
		return nil
	}
	b := []byte{'['}
	for i := range r.assigned {
		for _, role := range r.assigned[i].Roles {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(append(b, '['), int64(role), 10)
			b = strconv.AppendInt(append(b, ','), int64(r.assigned[i].ID), 10)
			b = append(b, ']')
		}
	}
	_, err := c.exec(insertUserRoles, int64(tenant), string(append(b, ']')))
	return err
}
