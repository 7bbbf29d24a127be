package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

func (b *bundle) roles() *access.Roles {
	return &access.Roles{Store: b.store, IDs: b.service.IDs, Now: b.clock.Now}
}

func TestTheLifeOfARole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	roles := b.roles()
	made, err := roles.Create(t.Context(), b.tenant.ID, access.NewRole{Name: "Auditor"})
	must(t, err)
	brought, err := roles.Create(t.Context(), b.tenant.ID, access.NewRole{Name: strings.Repeat("字", access.MaxName), ID: 6001})
	must(t, err)
	want := []muster.Role{*brought, *made}
	if made.CreatedAt != b.clock.Now() || brought.ID != 6001 {
		t.Errorf("made %+v and %+v", made, brought)
	}
	list, err := roles.List(t.Context(), b.tenant.ID, 0, access.MaxRolePage)
	must(t, err)
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}

	renamed, err := roles.Rename(t.Context(), b.tenant.ID, made.ID, "Revisor")
	must(t, err)
	named, err := roles.Named(t.Context(), b.tenant.ID, "Revisor")
	must(t, err)
	if diff := cmp.Diff(renamed, named); diff != "" || named.ID != made.ID {
		t.Errorf("role by its new name (-renamed +named):\n%s", diff)
	}
	users, err := roles.Delete(t.Context(), b.tenant.ID, made.ID, false)
	must(t, err)
	if users != 0 {
		t.Errorf("%d users had the role", users)
	}
	_, err = roles.Named(t.Context(), b.tenant.ID, "Revisor")
	refused(t, err, muster.KindNotFound)
}

func TestRolesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	roles := b.roles()
	_, err := roles.Create(t.Context(), b.tenant.ID, access.NewRole{Name: "Auditor", ID: 6001})
	must(t, err)
	future, err := muster.NewIDSource(0, 0, func() time.Time { return b.clock.Now().Add(time.Hour) })
	must(t, err)
	later, err := future.Next()
	must(t, err)
	for name, c := range map[string]struct {
		role  access.NewRole
		kind  muster.Kind
		field string
	}{
		"no name":              {access.NewRole{}, muster.KindInvalid, "name"},
		"a long name":          {access.NewRole{Name: strings.Repeat("x", 65)}, muster.KindInvalid, "name"},
		"spaces around":        {access.NewRole{Name: " x"}, muster.KindInvalid, "name"},
		"a control character":  {access.NewRole{Name: "x\ny"}, muster.KindInvalid, "name"},
		"an id of the future":  {access.NewRole{Name: "x", ID: later}, muster.KindInvalid, "id"},
		"an id below zero":     {access.NewRole{Name: "x", ID: -1}, muster.KindInvalid, "id"},
		"an id that is taken":  {access.NewRole{Name: "x", ID: 6001}, muster.KindConflict, "id"},
		"a name that is taken": {access.NewRole{Name: "Auditor"}, muster.KindConflict, "name"},
	} {
		_, err := roles.Create(t.Context(), b.tenant.ID, c.role)
		if e := refused(t, err, c.kind); e.Field != c.field {
			t.Errorf("%s: field %q, want %q", name, e.Field, c.field)
		}
	}
	_, err = roles.Rename(t.Context(), b.tenant.ID, 6001, "")
	refused(t, err, muster.KindInvalid)
	for _, limit := range []int{-1, 0, access.MaxRolePage + 1} {
		_, err = roles.List(t.Context(), b.tenant.ID, 0, limit)
		refused(t, err, muster.KindInvalid)
	}
	_, err = roles.Create(t.Context(), b.tenant.ID+1, access.NewRole{Name: "x"})
	refused(t, err, muster.KindNotFound)
}
