package access

import (
	"cmp"
	"context"
	"fmt"

	"muster"
)

// Changer changes single users; [provision.Direct] is one.
type Changer interface {
	// Change plans and writes one entry under the tenant's lock and gives its outcome.
	Change(ctx context.Context, tenant muster.ID, e muster.Entry) (muster.Outcome, error)
}

// AddAdministrator makes a system administrator with an id that clients already hold, named Administrator if name is
// "". KindConflict with Field "id" if a user of the tenant has the id, KindNotFound if there is no such tenant.
func (s *Service) AddAdministrator(ctx context.Context, tenant, id muster.ID, name string) error {
	name = cmp.Or(name, "Administrator")
	if err := checkName("name", name); err != nil {
		return err
	}
	if id == 0 {
		return invalid("id", "id is missing: a decimal number of 1 to 19 digits is accepted.")
	}
	if err := checkBroughtID("id", id, s.now()); err != nil {
		return err
	}
	t, err := s.Store.Tenant(ctx, tenant)
	if err != nil {
		return fmt.Errorf("add an administrator: %w", err)
	}
	muster.AuditTarget(ctx, "user", id.String())
	outcome, err := s.Directory.Change(ctx, tenant, muster.Entry{
		Action: muster.ActionCreate, Match: muster.KeyID, OnExisting: muster.FailExisting, Actor: muster.LevelSystemAdmin, NewID: id,
		Set:  muster.FieldFirstName | muster.FieldLevel | muster.FieldDepartment,
		User: muster.User{ID: id, FirstName: name, Level: muster.LevelSystemAdmin, Department: t.RootDepartment},
	})
	switch {
	case err != nil:
		return fmt.Errorf("add an administrator: %w", err)
	case outcome.Result != muster.Succeeded:
		return &muster.Error{Kind: muster.KindConflict, Field: "id", Detail: outcome.Detail}
	default:
		return nil
	}
}
