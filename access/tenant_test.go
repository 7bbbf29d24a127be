package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

func TestCreateTenantStoresTenantAndAdministrator(t *testing.T) {
	t.Parallel()
	b := setup(t)
	settings := muster.TenantSettings{
		PhoneRegion: "DE", UniqueEmail: true, UserLimit: 5, PersonalSpaceGB: 7,
		Password: muster.PasswordRule{MinLength: 12, MaxLength: 200, MinClasses: 4},
	}
	made, admin, err := b.service.CreateTenant(t.Context(), access.NewTenant{Name: "Café 東京", Settings: settings, AdminName: "Ada"})
	must(t, err)
	for _, read := range []func() (*muster.Tenant, error){
		func() (*muster.Tenant, error) { return b.service.Tenant(t.Context(), made.ID) },
		func() (*muster.Tenant, error) { return b.service.TenantNamed(t.Context(), "Café 東京") },
	} {
		got, err := read()
		must(t, err)
		if diff := cmp.Diff(made, got); diff != "" {
			t.Error(diff)
		}
	}
	if made.ID == 0 || made.RootDepartment == 0 || made.ID == made.RootDepartment || made.Settings != settings || !made.CreatedAt.Equal(b.clock.Now()) {
		t.Errorf("tenant = %+v", made)
	}
	admins, err := b.service.Administrators(t.Context(), made.ID, 10)
	must(t, err)
	if diff := cmp.Diff([]muster.User{*admin}, admins); diff != "" {
		t.Error(diff)
	}
	if admin.FirstName != "Ada" || admin.Level != muster.LevelSystemAdmin || admin.Disabled || admin.Department != made.RootDepartment {
		t.Errorf("administrator = %+v", admin)
	}
	all, err := b.service.Tenants(t.Context())
	must(t, err)
	if len(all) != 2 {
		t.Errorf("%d tenants, want 2", len(all))
	}
	floor, err := b.store.IDFloor(t.Context())
	must(t, err)
	if floor < made.ID || floor < admin.ID || floor < made.RootDepartment {
		t.Errorf("ids up to %s are recorded as used, which misses one of %s, %s, %s", floor, made.ID, made.RootDepartment, admin.ID)
	}
}

func TestCreateTenantKeepsIDsBroughtAlong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := access.NewTenant{Name: "moved", ID: 1505084218764547001, RootDepartment: 42, AdminID: 1505084218764547200}
	tenant, admin, err := b.service.CreateTenant(t.Context(), n)
	must(t, err)
	if tenant.ID != n.ID || tenant.RootDepartment != n.RootDepartment || admin.ID != n.AdminID || admin.FirstName != "Administrator" {
		t.Errorf("tenant %+v, administrator %+v", tenant, admin)
	}
}

func TestCreateTenantRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	future := muster.ID(b.clock.Now().Add(time.Minute).UnixMilli()-muster.IDEpoch) << 22
	for _, tc := range []struct {
		name, field string
		kind        muster.Kind
		tenant      access.NewTenant
	}{
		{"no name", "name", muster.KindInvalid, access.NewTenant{}},
		{"a long name", "name", muster.KindInvalid, access.NewTenant{Name: strings.Repeat("é", 65)}},
		{"a line break in the name", "name", muster.KindInvalid, access.NewTenant{Name: "a\nb"}},
		{"spaces around the name", "name", muster.KindInvalid, access.NewTenant{Name: "a "}},
		{"a name not in UTF-8", "name", muster.KindInvalid, access.NewTenant{Name: "a\xff"}},
		{"a name taken", "name", muster.KindConflict, access.NewTenant{Name: "first"}},
		{"an id taken", "id", muster.KindConflict, access.NewTenant{Name: "a", ID: b.tenant.ID}},
		{"an administrator's name", "adminName", muster.KindInvalid, access.NewTenant{Name: "a", AdminName: "\x7f"}},
		{"an id of the future", "id", muster.KindInvalid, access.NewTenant{Name: "a", ID: future}},
		{"a department of the future", "rootDepartmentId", muster.KindInvalid, access.NewTenant{Name: "a", RootDepartment: future}},
		{"a negative id", "adminId", muster.KindInvalid, access.NewTenant{Name: "a", AdminID: -1}},
		{"no region", "phoneRegion", muster.KindInvalid, withSettings(muster.TenantSettings{PhoneRegion: "XX"})},
		{"a region in small letters", "phoneRegion", muster.KindInvalid, withSettings(muster.TenantSettings{PhoneRegion: "de"})},
		{"no country's region", "phoneRegion", muster.KindInvalid, withSettings(muster.TenantSettings{PhoneRegion: "001"})},
		{"a negative user limit", "userLimit", muster.KindInvalid, withSettings(muster.TenantSettings{UserLimit: -1})},
		{"a huge user limit", "userLimit", muster.KindInvalid, withSettings(muster.TenantSettings{UserLimit: access.MaxUserLimit + 1})},
		{"negative space", "personalSpaceGB", muster.KindInvalid, withSettings(muster.TenantSettings{PersonalSpaceGB: -1})},
		{"huge space", "personalSpaceGB", muster.KindInvalid, withSettings(muster.TenantSettings{PersonalSpaceGB: access.MaxPersonalSpaceGB + 1})},
		{"a negative minimum", "password.minLength", muster.KindInvalid, withRule(muster.PasswordRule{MinLength: -1})},
		{"a huge minimum", "password.minLength", muster.KindInvalid, withRule(muster.PasswordRule{MinLength: 65, MaxLength: 200})},
		{"a maximum below the default minimum", "password.maxLength", muster.KindInvalid, withRule(muster.PasswordRule{MaxLength: 7})},
		{"a maximum below the minimum", "password.maxLength", muster.KindInvalid, withRule(muster.PasswordRule{MinLength: 20, MaxLength: 19})},
		{"a huge maximum", "password.maxLength", muster.KindInvalid, withRule(muster.PasswordRule{MaxLength: 257})},
		{"five classes", "password.minClasses", muster.KindInvalid, withRule(muster.PasswordRule{MinClasses: 5})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := b.service.CreateTenant(t.Context(), tc.tenant)
			if e := refused(t, err, tc.kind); e.Field != tc.field || e.Detail == "" {
				t.Errorf("field %q, detail %q; want field %q and a detail", e.Field, e.Detail, tc.field)
			}
		})
	}
	t.Cleanup(func() {
		all, err := b.service.Tenants(t.Context())
		if err == nil && len(all) != 1 {
			t.Errorf("%d tenants after refusals, want 1", len(all))
		}
	})
}

func withSettings(s muster.TenantSettings) access.NewTenant {
	return access.NewTenant{Name: "a", Settings: s}
}

func withRule(r muster.PasswordRule) access.NewTenant {
	return withSettings(muster.TenantSettings{Password: r})
}

func TestUpdateTenantChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	name, settings := "renamed", muster.TenantSettings{PhoneRegion: "CN", UserLimit: 9}
	_, err := b.service.UpdateTenant(t.Context(), b.tenant.ID, access.TenantChange{Name: &name})
	must(t, err)
	_, err = b.service.UpdateTenant(t.Context(), b.tenant.ID, access.TenantChange{Settings: &settings})
	must(t, err)
	want := *b.tenant
	want.Name, want.Settings = name, settings
	got, err := b.service.Tenant(t.Context(), b.tenant.ID)
	must(t, err)
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUpdateTenantRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	empty, bad := "", muster.TenantSettings{UserLimit: -1}
	_, err := b.service.UpdateTenant(t.Context(), b.tenant.ID, access.TenantChange{Name: &empty})
	refused(t, err, muster.KindInvalid)
	_, err = b.service.UpdateTenant(t.Context(), b.tenant.ID, access.TenantChange{Settings: &bad})
	refused(t, err, muster.KindInvalid)
	_, err = b.service.UpdateTenant(t.Context(), 1, access.TenantChange{})
	refused(t, err, muster.KindNotFound)
}
