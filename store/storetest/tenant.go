package storetest

import (
	"slices"

	"muster"
)

func testTenants(b *bundle) {
	tenant := &muster.Tenant{
		ID: b.id(), Name: "Örtliche Gruppe", Host: "users.example.com", RootDepartment: b.id(), CreatedAt: b.now,
		Settings: muster.TenantSettings{
			PhoneRegion: "DE", UniqueEmail: true, UserLimit: 10, PersonalSpaceGB: 20,
			Password: muster.PasswordRule{MinLength: 9, MaxLength: 10, MinClasses: 4},
		},
	}
	admin := b.user()
	admin.Level, admin.Disabled = muster.LevelCommon, true
	last := b.id()
	b.ok(b.store.CreateTenant(b.Context(), tenant, &admin, last))

	got, err := b.store.Tenant(b.Context(), tenant.ID)
	b.ok(err)
	b.same("tenant by id", got, tenant)
	got, err = b.store.TenantNamed(b.Context(), tenant.Name)
	b.ok(err)
	b.same("tenant by name", got, tenant)
	got, err = b.store.TenantAt(b.Context(), tenant.Host)
	b.ok(err)
	b.same("tenant by host", got, tenant)
	b.same("usage", b.usage(tenant.ID), muster.Usage{Users: 1, CapacityGB: admin.CapacityGB, SystemAdmins: 1})
	first, err := b.store.User(b.Context(), tenant.ID, admin.ID)
	b.ok(err)
	admin.Level, admin.Disabled = muster.LevelSystemAdmin, false
	b.same("first user, an enabled system administrator whatever was given", first, &admin)
	floor, err := b.store.IDFloor(b.Context())
	b.ok(err)
	b.same("largest id", floor, last)

	all, err := b.store.Tenants(b.Context())
	b.ok(err)
	var ids []muster.ID
	for _, t := range all {
		ids = append(ids, t.ID)
	}
	b.same("all tenants by id", ids, []muster.ID{b.tenant, b.other, tenant.ID})

	tenant.Name, tenant.Host, tenant.Settings.UserLimit, tenant.Settings.PhoneRegion = "renamed", "moved.example.com", 11, "DE"
	changed := *tenant
	changed.RootDepartment, changed.CreatedAt = 1, b.now.AddDate(1, 0, 0) // not among what UpdateTenant stores
	b.ok(b.store.UpdateTenant(b.Context(), &changed))
	got, err = b.store.TenantNamed(b.Context(), "renamed")
	b.ok(err)
	b.same("tenant after the change", got, tenant)
	_, err = b.store.TenantNamed(b.Context(), "Örtliche Gruppe")
	b.kind(err, muster.KindNotFound)
	_, err = b.store.TenantAt(b.Context(), "users.example.com")
	b.kind(err, muster.KindNotFound)
	yes, err := b.store.Initialised(b.Context())
	b.ok(err)
	b.same("initialised", yes, true)
}

func testTenantConflicts(b *bundle) {
	admin := b.user()
	before := b.usage(b.tenant)
	err := b.store.CreateTenant(b.Context(), &muster.Tenant{ID: b.tenant, Name: "new", CreatedAt: b.now}, &admin, b.id())
	b.same("field of a taken id", b.kind(err, muster.KindConflict).Field, "id")
	id, floor := b.id(), b.id()
	err = b.store.CreateTenant(b.Context(), &muster.Tenant{ID: id, Name: "other", CreatedAt: b.now}, &admin, floor)
	b.same("field of a taken name", b.kind(err, muster.KindConflict).Field, "name")
	b.same("usage after refusals", b.usage(b.tenant), before)
	last, err := b.store.IDFloor(b.Context())
	b.ok(err)
	if last >= floor {
		b.Errorf("a refusal recorded the id %s", last)
	}
	_, err = b.store.Tenant(b.Context(), id)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.TenantNamed(b.Context(), "new")
	b.kind(err, muster.KindNotFound)

	one, err := b.store.Tenant(b.Context(), b.tenant)
	b.ok(err)
	one.Host = "one.example.com"
	b.ok(b.store.UpdateTenant(b.Context(), one))
	err = b.store.CreateTenant(b.Context(), &muster.Tenant{ID: id, Name: "new", Host: one.Host, CreatedAt: b.now}, &admin, floor)
	b.same("field of a taken host", b.kind(err, muster.KindConflict).Field, "host")
	two, err := b.store.Tenant(b.Context(), b.other)
	b.ok(err)
	two.Host = one.Host
	b.same("field of a host taken by another", b.kind(b.store.UpdateTenant(b.Context(), two), muster.KindConflict).Field, "host")
	_, err = b.store.TenantAt(b.Context(), "") // tenants without a host are not at none
	b.kind(err, muster.KindNotFound)

	one.Name = "other"
	b.same("field of a name taken by another", b.kind(b.store.UpdateTenant(b.Context(), one), muster.KindConflict).Field, "name")
	one.Name = "one"
	b.ok(b.store.UpdateTenant(b.Context(), one))
	one.ID = id
	b.kind(b.store.UpdateTenant(b.Context(), one), muster.KindNotFound)
}

// testSoleTenant opens a store of its own, since the bundle's has two tenants.
func testSoleTenant(b *bundle) {
	_, err := b.store.SoleTenant(b.Context())
	b.kind(err, muster.KindNotFound)
	b.store = b.open(b.T)
	_, err = b.store.SoleTenant(b.Context())
	b.kind(err, muster.KindNotFound)
	id := b.newTenant("sole")
	sole, err := b.store.SoleTenant(b.Context())
	b.ok(err)
	b.same("tenant", sole.ID, id)
	b.newTenant("second")
	_, err = b.store.SoleTenant(b.Context())
	b.kind(err, muster.KindNotFound)
}

func testPhoneRegion(b *bundle) {
	tenant, err := b.store.Tenant(b.Context(), b.tenant)
	b.ok(err)
	tenant.Settings.PhoneRegion = "FR"
	b.ok(b.store.UpdateTenant(b.Context(), tenant))

	user := b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{user}, Usage: muster.Usage{Users: 2, SystemAdmins: 1}}))
	tenant.Settings.PhoneRegion = "DE"
	b.kind(b.store.UpdateTenant(b.Context(), tenant), muster.KindConflict)
	tenant.Settings.PhoneRegion, tenant.Settings.UserLimit = "FR", 5
	b.ok(b.store.UpdateTenant(b.Context(), tenant))
	other, err := b.store.Tenant(b.Context(), b.other)
	b.ok(err)
	other.Settings.PhoneRegion = "DE"
	b.ok(b.store.UpdateTenant(b.Context(), other))

	b.ok(b.applyPlan(b.tenant, muster.Planned{Delete: []muster.ID{user.ID}, Usage: muster.Usage{Users: 1, SystemAdmins: 1}}))
	tenant.Settings.PhoneRegion = "DE"
	b.ok(b.store.UpdateTenant(b.Context(), tenant))
}

func testUsers(b *bundle) {
	user, bare := b.user(), muster.User{ID: b.id(), Level: muster.LevelDepartmentAdmin, Disabled: true}
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{user, bare}, Usage: muster.Usage{Users: 3, SystemAdmins: 1}}))
	got, err := b.store.User(b.Context(), b.tenant, user.ID)
	b.ok(err)
	b.same("user", got, &user)
	got, err = b.store.User(b.Context(), b.tenant, bare.ID)
	b.ok(err)
	bare.CreatedAt, bare.UpdatedAt = b.now, b.now
	b.same("user with nothing set", got, &bare)
	_, err = b.store.User(b.Context(), b.tenant, b.id())
	b.kind(err, muster.KindNotFound)
	_, err = b.store.User(b.Context(), b.other, user.ID)
	b.kind(err, muster.KindNotFound)
}

func testAdministrators(b *bundle) {
	first, err := b.store.Administrators(b.Context(), b.tenant, 10)
	b.ok(err)
	if len(first) != 1 {
		b.Fatalf("a new tenant has %d administrators", len(first))
	}
	want := []muster.ID{first[0].ID}
	var plan muster.Planned
	for _, u := range []struct {
		level    muster.AdminLevel
		disabled bool
	}{{muster.LevelSystemAdmin, false}, {muster.LevelSystemAdmin, true}, {muster.LevelManager, false}, {muster.LevelSystemAdmin, false}} {
		user := b.user()
		user.Level, user.Disabled = u.level, u.disabled
		plan.Insert = append(plan.Insert, user)
		if u.level == muster.LevelSystemAdmin && !u.disabled {
			want = append(want, user.ID)
		}
	}
	b.ok(b.applyPlan(b.tenant, plan))
	for _, limit := range []int{1, 2, 3, 10} {
		got, err := b.store.Administrators(b.Context(), b.tenant, limit)
		b.ok(err)
		var ids []muster.ID
		for _, u := range got {
			ids = append(ids, u.ID)
		}
		b.same("administrators by id", ids, slices.Clone(want[:min(limit, len(want))]))
	}
	others, err := b.store.Administrators(b.Context(), b.other, 10)
	b.ok(err)
	b.same("administrators of the other tenant", len(others), 1)
}
