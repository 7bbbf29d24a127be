package muster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A status is a field as others are, and takes the last system administrator from no tenant.
func TestRowsThatSetAStatus(t *testing.T) {
	t.Parallel()
	status := func(action Action, account string, disabled bool) Entry {
		return Entry{
			Action: action, OnExisting: UpdateExisting, Match: KeyAccount, Actor: LevelSystemAdmin, NewID: 10,
			Set: FieldAccount | FieldStatus, User: User{AccountKey: account, Disabled: disabled},
		}
	}
	d := newDirectory(TenantSettings{},
		User{ID: 1, AccountKey: "root", Level: LevelSystemAdmin}, User{ID: 2, AccountKey: "ann", Level: LevelCommon, Disabled: true})
	got := d.run(t, []Entry{
		status(ActionUpdate, "ann", false), status(ActionCreate, "bo", true), status(ActionUpdate, "root", true), status(ActionUpdate, "root", false),
	})
	want := []Outcome{
		{Result: Succeeded, Effect: EffectChanged, User: 2}, {Result: Succeeded, Effect: EffectCreated, User: 10},
		{Result: Failed, Reason: ReasonLastAdmin, Detail: faultLast.Detail, User: 1}, {Result: Succeeded, Effect: EffectUnchanged, User: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if d.users[1].Disabled || d.users[2].Disabled || !d.users[10].Disabled {
		t.Errorf("disabled are %t, %t, %t; want the last alone", d.users[1].Disabled, d.users[2].Disabled, d.users[10].Disabled)
	}
}
