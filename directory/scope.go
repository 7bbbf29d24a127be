package directory

import (
	"cmp"
	"context"
	"fmt"

	"muster"
)

// top gives the id, or in the place of 0 that of the highest department that the actor administers.
func top(ctx context.Context, store Store, tenant muster.ID, actor muster.Actor, id muster.ID) (muster.ID, error) {
	if err := administrator(actor); err != nil {
		return 0, err
	}
	if id = cmp.Or(id, actor.Scope()); id != 0 {
		return id, nil
	}
	t, err := store.Tenant(ctx, tenant)
	if err != nil {
		return 0, fmt.Errorf("read tenant: %w", err)
	}
	return t.RootDepartment, nil
}

// administered reads a department that the actor administers.
func administered(ctx context.Context, store Store, tenant muster.ID, actor muster.Actor, id muster.ID) (*muster.Department, error) {
	d, err := store.Department(ctx, tenant, id)
	if err != nil {
		return nil, fmt.Errorf("read department: %w", err)
	}
	if err := administers(actor, d); err != nil {
		return nil, err
	}
	return d, nil
}

// administrator refuses an actor who administers nothing.
func administrator(actor muster.Actor) error {
	if actor.Level != muster.LevelSystemAdmin && actor.Level != muster.LevelDepartmentAdmin {
		return refuse(muster.KindForbidden, "", "Only an administrator may do this.")
	}
	return nil
}

// administers refuses an actor who does not administer the department.
func administers(actor muster.Actor, d *muster.Department) error {
	if err := administrator(actor); err != nil {
		return err
	}
	if !actor.Administers(d) {
		return refuse(muster.KindForbidden, "", "A department administrator may do this in his department and those below it alone.")
	}
	return nil
}

func checkPage(keyword string, limit int) error {
	switch {
	case limit < 1 || limit > MaxPage:
		return refuse(muster.KindInvalid, "limit", "limit must be from 1 to %d.", MaxPage)
	case len(keyword) > maxKeyword:
		return refuse(muster.KindInvalid, "keyword", "keyword must be at most %d bytes long.", maxKeyword)
	default:
		return nil
	}
}

func refuse(kind muster.Kind, field, format string, args ...any) *muster.Error {
	return &muster.Error{Kind: kind, Field: field, Detail: fmt.Sprintf(format, args...)}
}
