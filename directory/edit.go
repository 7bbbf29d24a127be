package directory

import (
	"context"
	"fmt"

	"muster"
	"muster/mapping"
)

// Create makes a user of what the row says, by the rules of the native contract, and gives him as he is then. A department
// administrator makes users in his department unless the row says otherwise. Besides the refusals of Users: KindConflict for a key
// that somebody has, and where no seat or no capacity is left.
func (s *Users) Create(ctx context.Context, tenant muster.ID, actor muster.Actor, row muster.Row) (*muster.User, error) {
	if err := administrator(actor); err != nil {
		return nil, err
	}
	t, err := s.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	if row.Department == 0 {
		row.Department = actor.Scope()
	}
	row.Action, row.OnExisting, row.Match = muster.ActionCreate, muster.FailExisting, matchOf(&row, t)
	id, err := s.IDs.Next()
	if err != nil {
		return nil, err
	}
	e := mapping.New(t, muster.ContractNative, actor.Level, nil).Entry(ctx, &row, id, nil)
	if e.Fault != nil {
		return nil, refusalOf(&muster.Outcome{Reason: e.Fault.Reason, Field: e.Fault.Field, Detail: e.Fault.Detail})
	}
	e.Scope = actor.Scope()
	if e.Password && e.User.PasswordHash == "" {
		if e.User.PasswordHash, err = s.Hash(ctx, []byte(row.Password)); err != nil {
			return nil, err
		}
	}
	muster.AuditTarget(ctx, "user", id.String())
	outcome, err := s.Changer.ChangeIf(ctx, tenant, []muster.Entry{e}, id, func(muster.Snapshot) error { return nil })
	return s.changed(ctx, tenant, id, &outcome, err)
}

// matchOf is the first of the keys that the row has: nobody else may have it.
func matchOf(row *muster.Row, t *muster.Tenant) muster.Key {
	switch {
	case row.Account != "":
		return muster.KeyAccount
	case row.Phone != "":
		return muster.KeyPhone
	case row.Email != "" && t.Settings.UniqueEmail:
		return muster.KeyEmail
	default:
		return muster.KeyAccount // which the user then lacks
	}
}

// Edit changes of a user what the row sets, by the rules of the native contract, all of it or nothing, if the condition holds, and
// gives him as he is then. What the row sets to nothing is taken away. Department, if it is not nil, moves him. His tokens
// end if his level or his roles change, or he is disabled.
func (s *Users) Edit(
	ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID, row muster.Row, department *muster.ID, when Condition,
) (*muster.User, error) {
	if row.Set == 0 && department == nil {
		return nil, refuse(muster.KindInvalid, "", "There is nothing to change: any field of a user but his password is accepted.")
	}
	if department != nil && *department == 0 {
		return nil, noDepartment() // to Plan it would mean something else
	}
	t, err := s.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("change user: %w", err)
	}
	row.Action, row.Match, row.ID = muster.ActionUpdate, muster.KeyID, id
	e := mapping.New(t, muster.ContractNative, actor.Level, nil).Entry(ctx, &row, 0, nil)
	if e.Fault != nil {
		return nil, refusalOf(&muster.Outcome{Reason: e.Fault.Reason, Field: e.Fault.Field, Detail: e.Fault.Detail})
	}
	if department != nil {
		e.Set |= muster.FieldDepartment
		e.Department = muster.DepartmentRef{Base: *department}
	}
	if _, err := s.change(ctx, tenant, actor, id, []muster.Entry{e}, when); err != nil {
		return nil, err
	}
	return s.changed(ctx, tenant, id, &muster.Outcome{Result: muster.Succeeded}, nil)
}

// changed reads a user after a change that went as told.
func (s *Users) changed(ctx context.Context, tenant, id muster.ID, o *muster.Outcome, err error) (*muster.User, error) {
	switch {
	case err != nil:
		return nil, fmt.Errorf("change user: %w", err)
	case o.Result != muster.Succeeded:
		return nil, refusalOf(o)
	}
	u, err := s.Store.User(ctx, tenant, id)
	if err != nil {
		return nil, fmt.Errorf("read the changed user: %w", err)
	}
	return u, nil
}

// refusals are the kinds of what Plan did not do.
var refusals = map[muster.Reason]muster.Kind{
	muster.ReasonExists: muster.KindConflict, muster.ReasonConflict: muster.KindConflict, muster.ReasonLastAdmin: muster.KindConflict,
	muster.ReasonNoSeat: muster.KindConflict, muster.ReasonNoCapacity: muster.KindConflict,
	muster.ReasonInvalid: muster.KindInvalid, muster.ReasonForbidden: muster.KindForbidden,
}

// refusalOf says why Plan did not do what was asked.
func refusalOf(o *muster.Outcome) error {
	switch o.Reason { //nolint:exhaustive // the others are below
	case muster.ReasonNotFound:
		return noUser()
	case muster.ReasonNoDepartment:
		return noDepartment()
	case muster.ReasonAmbiguousDepartment:
		return refuse(muster.KindInvalid, "department", "Several departments are called so: name one by its path.")
	case muster.ReasonRoleNotFound:
		return refuse(muster.KindInvalid, "roleIds", "The tenant has no role %s.", o.Detail)
	}
	if kind, known := refusals[o.Reason]; known {
		return refuse(kind, o.Field, "%s", o.Detail)
	}
	return fmt.Errorf("change user: the plan ended with %s: %s", o.Reason, o.Detail)
}
