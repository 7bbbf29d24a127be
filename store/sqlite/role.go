package sqlite

import (
	"context"
	"slices"
	"strconv"

	"muster"
)

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
