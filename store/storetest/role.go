package storetest

import (
	"slices"
	"strings"
	"time"

	"muster"
	"muster/provision"
)

// role makes a role of the tenant.
func (b *bundle) role(tenant muster.ID, name string) muster.Role {
	b.Helper()
	r := muster.Role{Tenant: tenant, ID: b.id(), Name: name, CreatedAt: b.now}
	b.ok(b.store.CreateRole(b.Context(), &r, r.ID))
	return r
}

func (b *bundle) roles(tenant, after muster.ID, limit int) []muster.Role {
	b.Helper()
	roles, err := b.store.Roles(b.Context(), tenant, after, limit)
	b.ok(err)
	return roles
}

func testRoles(b *bundle) {
	b.same("roles of a new tenant", len(b.roles(b.tenant, 0, 10)), 0)
	one, two, three := b.role(b.tenant, "one"), b.role(b.tenant, "two"), b.role(b.tenant, "Three ☃")
	foreign := muster.Role{Tenant: b.other, ID: one.ID, Name: "one", CreatedAt: b.now} // ids and names are the tenant's own
	b.ok(b.store.CreateRole(b.Context(), &foreign, one.ID))
	all := []muster.Role{one, two, three}
	for _, c := range []struct {
		after       muster.ID
		limit, from int
		to          int
	}{{0, 10, 0, 3}, {0, 2, 0, 2}, {one.ID, 2, 1, 3}, {two.ID, 10, 2, 3}, {two.ID - 1, 1, 1, 2}, {three.ID, 10, 3, 3}, {0, 0, 0, 0}} {
		b.same("page of roles", append([]muster.Role{}, b.roles(b.tenant, c.after, c.limit)...), slices.Clone(all[c.from:c.to]))
	}
	named, err := b.store.RoleNamed(b.Context(), b.tenant, "Three ☃")
	b.ok(err)
	b.same("role by name", *named, three)
	floor, err := b.store.IDFloor(b.Context())
	b.ok(err)
	if floor < three.ID {
		b.Errorf("largest id is %s, less than the role's %s", floor, three.ID)
	}

	renamed, err := b.store.RenameRole(b.Context(), b.tenant, two.ID, "zwei")
	b.ok(err)
	two.Name = "zwei"
	b.same("role renamed", *renamed, two)
	_, err = b.store.RenameRole(b.Context(), b.tenant, two.ID, "zwei") // to what it is called already
	b.ok(err)
	b.role(b.tenant, "two") // the name is free

	users, err := b.store.DeleteRole(b.Context(), b.tenant, one.ID, false, b.now)
	b.ok(err)
	b.same("users of a role that nobody has", users, int64(0))
	b.same("first role after a delete", b.roles(b.tenant, 0, 1)[0], two)
	b.same("the other tenant's roles", b.roles(b.other, 0, 10), []muster.Role{foreign})
}

func testRoleRefusals(b *bundle) {
	one, two := b.role(b.tenant, "one"), b.role(b.tenant, "two")
	create := func(id muster.ID, name string, want muster.Kind) string {
		b.Helper()
		err := b.store.CreateRole(b.Context(), &muster.Role{Tenant: b.tenant, ID: id, Name: name, CreatedAt: b.now}, id)
		return b.kind(err, want).Field
	}
	b.same("field of an id taken", create(one.ID, "three", muster.KindConflict), "id")
	b.same("field of a name taken", create(b.id(), "one", muster.KindConflict), "name")
	_, err := b.store.RenameRole(b.Context(), b.tenant, two.ID, "one")
	b.same("field of a new name taken", b.kind(err, muster.KindConflict).Field, "name")

	nobody := b.id()
	b.kind(b.store.CreateRole(b.Context(), &muster.Role{Tenant: nobody, ID: nobody, Name: "x"}, nobody), muster.KindNotFound)
	_, err = b.store.Roles(b.Context(), nobody, 0, 1)
	b.kind(err, muster.KindNotFound)
	for tenant, id := range map[muster.ID]muster.ID{b.tenant: nobody, b.other: one.ID} {
		_, err = b.store.RenameRole(b.Context(), tenant, id, "three")
		b.kind(err, muster.KindNotFound)
		_, err = b.store.DeleteRole(b.Context(), tenant, id, true, b.now)
		b.kind(err, muster.KindNotFound)
	}
	_, err = b.store.RoleNamed(b.Context(), b.other, "one")
	b.kind(err, muster.KindNotFound)
	b.same("roles after refusals", b.roles(b.tenant, 0, 10), []muster.Role{one, two})
}

// holders is how many users have the role, as far as a delete is told. The role stays if there are any.
func (b *bundle) holders(role muster.Role) int64 {
	b.Helper()
	users, err := b.store.DeleteRole(b.Context(), role.Tenant, role.ID, false, b.now)
	if err == nil {
		b.ok(b.store.CreateRole(b.Context(), &role, role.ID))
		return users
	}
	refusal := b.kind(err, muster.KindConflict)
	for n := int64(1); n < 2000; n++ {
		if strings.Contains(refusal.Detail, " "+muster.ID(n).String()+" ") {
			return n
		}
	}
	b.Fatalf("a refusal does not say how many users have the role: %s", refusal.Detail)
	return 0
}

// planFor writes users as Apply does: seen is what the snapshot finds of them before.
func (b *bundle) planFor(tenant muster.ID, seen []muster.ID, plan muster.Planned) {
	b.Helper()
	b.accept(b.acceptance(tenant, 1, 1))
	works := b.next(createLane(tenant), 1)
	keys := muster.Keys{IDs: seen}
	b.ok(b.store.Apply(b.Context(), tenant, chunksOf(works), keys, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := b.decideAll(works, muster.Skipped)(shot, live)
		w.Planned = plan
		return w, err
	}))
}

func testUserRoles(b *bundle) {
	red, blue, green := b.role(b.tenant, "red"), b.role(b.tenant, "blue"), b.role(b.tenant, "green")
	x, y, z := b.user(), b.user(), b.user()
	x.Roles, y.Roles, z.Roles = []muster.ID{red.ID, blue.ID}, []muster.ID{blue.ID}, nil
	count := func(what string, want ...int64) {
		b.Helper()
		b.same("users of red, blue and green after "+what, []int64{b.holders(red), b.holders(blue), b.holders(green)}, want)
	}
	count("nothing", 0, 0, 0)
	b.planFor(b.tenant, nil, muster.Planned{Insert: []muster.User{x, y, z}})
	count("inserts", 1, 2, 0)

	for _, seen := range [][]muster.ID{{x.ID, y.ID, z.ID}, nil} { // whether or not the snapshot has them
		x.FirstName = "Changed"
		b.planFor(b.tenant, seen, muster.Planned{Update: []muster.User{x, y, z}})
		count("updates of other fields", 1, 2, 0)
		x.Roles, y.Roles, z.Roles = []muster.ID{green.ID, red.ID}, nil, []muster.ID{green.ID}
		b.planFor(b.tenant, seen, muster.Planned{Update: []muster.User{x, y, z}})
		count("updates of roles", 1, 0, 2)
		b.same("roles of a user", b.stored(b.tenant, x.ID).Roles, x.Roles)
		x.Roles, y.Roles, z.Roles = []muster.ID{red.ID, blue.ID}, []muster.ID{blue.ID, blue.ID}, nil
		b.planFor(b.tenant, seen, muster.Planned{Update: []muster.User{x, y, z}})
		count("updates back", 1, 2, 0)
	}
	b.planFor(b.tenant, []muster.ID{x.ID}, muster.Planned{Delete: []muster.ID{x.ID}})
	count("a delete", 0, 1, 0)
	b.planFor(b.tenant, nil, muster.Planned{Delete: []muster.ID{y.ID, z.ID}})
	count("deletes unseen", 0, 0, 0)
}

func testRoleTaken(b *bundle) {
	red, blue := b.role(b.tenant, "red"), b.role(b.tenant, "blue")
	twin := muster.Role{Tenant: b.other, ID: red.ID, Name: "red", CreatedAt: b.now}
	b.ok(b.store.CreateRole(b.Context(), &twin, red.ID))
	x, y, z, foreign := b.user(), b.user(), b.user(), b.user()
	x.Roles, y.Roles, z.Roles, foreign.Roles = []muster.ID{1 << 60, red.ID, blue.ID}, []muster.ID{red.ID}, []muster.ID{blue.ID}, []muster.ID{red.ID}
	b.planFor(b.tenant, nil, muster.Planned{Insert: []muster.User{x, y, z}})
	b.planFor(b.other, nil, muster.Planned{Insert: []muster.User{foreign}})

	_, err := b.store.DeleteRole(b.Context(), b.tenant, red.ID, false, b.now)
	b.kind(err, muster.KindConflict)
	b.same("user of a role that stays", b.stored(b.tenant, x.ID), &x)
	later := b.now.Add(time.Hour)
	users, err := b.store.DeleteRole(b.Context(), b.tenant, red.ID, true, later)
	b.ok(err)
	b.same("users who had the role", users, int64(2))
	x.Roles, y.Roles, x.UpdatedAt, y.UpdatedAt = []muster.ID{1 << 60, blue.ID}, nil, later, later
	x.EndTokens()
	y.EndTokens()
	b.same("user of three roles", b.stored(b.tenant, x.ID), &x)
	b.same("user of one role", b.stored(b.tenant, y.ID), &y)
	b.same("user of another role", b.stored(b.tenant, z.ID), &z)
	b.same("the other tenant's user", b.stored(b.other, foreign.ID), &foreign)
	b.same("users of what stays", [2]int64{b.holders(blue), b.holders(twin)}, [2]int64{2, 1})
	_, err = b.store.DeleteRole(b.Context(), b.tenant, red.ID, true, later)
	b.kind(err, muster.KindNotFound)
}

func testSnapshotRoles(b *bundle) {
	var ids []muster.ID
	for _, name := range []string{"one", "two", "three"} {
		ids = append(ids, b.role(b.tenant, name).ID)
	}
	foreign := b.role(b.other, "foreign").ID
	for name, c := range map[string]struct{ asked, want []muster.ID }{
		"none":                {nil, nil},
		"one":                 {ids[1:2], ids[1:2]},
		"all, repeated":       {[]muster.ID{ids[2], ids[0], ids[2], ids[1], ids[0]}, ids},
		"another tenant's":    {[]muster.ID{foreign}, nil},
		"one that is nowhere": {[]muster.ID{ids[0], 1, 1 << 62}, ids[:1]},
	} {
		asked := slices.Clone(c.asked)
		got := b.snapshot(b.tenant, muster.Keys{Roles: asked}).Roles
		slices.Sort(got)
		b.same(name, got, slices.Clone(c.want))
		b.same("what was asked for", asked, slices.Clone(c.asked))
	}
	b.accept(b.acceptance(b.tenant, 1, 1))
	works := b.next(createLane(b.tenant), 1)
	var seen []muster.ID
	keys := muster.Keys{Roles: []muster.ID{ids[0], foreign}}
	b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf(works), keys, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
		seen = s.Roles
		return b.decideAll(works, muster.Succeeded)(s, live)
	}))
	b.same("roles that decide saw", seen, ids[:1])
}
