package directory_test

import (
	"errors"
	"testing"
	"time"

	"muster"
	"muster/directory"
	"muster/provision"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
)

// bundle is a real database with a tenant, and another one whose things nobody of the first may see.
type bundle struct {
	t           testing.TB
	store       *sqlite.Store
	ids         *muster.IDSource
	departments *directory.Departments
	users       *directory.Users
	tenant      muster.Tenant
	other       muster.Tenant
	admin       muster.ID // the tenant's only system administrator
}

var system = muster.Actor{Level: muster.LevelSystemAdmin}

func setup(t testing.TB) *bundle {
	t.Helper()
	dir := t.TempDir()
	must(t, sqlitetest.Make(dir))
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	ids, err := muster.NewIDSource(0, 0, time.Now)
	must(t, err)
	b := &bundle{
		t: t, store: store, ids: ids,
		departments: &directory.Departments{Store: store, IDs: ids, Now: time.Now},
		users:       &directory.Users{Store: store, Changer: provision.Direct{Store: store, Now: time.Now}},
	}
	b.tenant, b.admin = b.newTenant("acme")
	b.other, _ = b.newTenant("other")
	return b
}

func (b *bundle) newTenant(name string) (muster.Tenant, muster.ID) {
	b.t.Helper()
	tenant := muster.Tenant{ID: b.id(), Name: name, RootDepartment: b.id(), CreatedAt: time.Now(), KeyVersion: muster.KeyVersion}
	admin := muster.User{ID: b.id(), FirstName: "Administrator", Level: muster.LevelSystemAdmin, Department: tenant.RootDepartment}
	must(b.t, b.store.CreateTenant(b.t.Context(), &tenant, &admin, admin.ID))
	return tenant, admin.ID
}

func (b *bundle) id() muster.ID {
	b.t.Helper()
	id, err := b.ids.Next()
	must(b.t, err)
	return id
}

// department makes a department below another; 0 is the root.
func (b *bundle) department(parent muster.ID, name string) *muster.Department {
	b.t.Helper()
	d, err := b.departments.Create(b.t.Context(), b.tenant.ID, system, directory.NewDepartment{Name: name, Parent: parent})
	must(b.t, err)
	return d
}

// user makes a user from his values; his id is made, and his department is the root where none is given.
func (b *bundle) user(u muster.User) muster.ID {
	b.t.Helper()
	if u.Department == 0 {
		u.Department = b.tenant.RootDepartment
	}
	u.ID = b.id()
	outcome, err := provision.Direct{Store: b.store, Now: time.Now}.Change(b.t.Context(), b.tenant.ID, muster.Entry{
		Action: muster.ActionCreate, Match: muster.KeyID, OnExisting: muster.FailExisting, Actor: muster.LevelSystemAdmin, NewID: u.ID, User: u,
		Set: muster.FieldAccount | muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldLevel | muster.FieldDepartment |
			muster.FieldCapacity,
	})
	must(b.t, err)
	if outcome.Result != muster.Succeeded {
		b.t.Fatalf("the user was not made: %+v", outcome)
	}
	return u.ID
}

// as is the actor that a user of the tenant is.
func (b *bundle) as(id muster.ID) muster.Actor {
	b.t.Helper()
	u, err := b.store.User(b.t.Context(), b.tenant.ID, id)
	must(b.t, err)
	return muster.Actor{User: u.ID, Level: u.Level, Department: u.Department}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused wants a refusal of a kind and a field.
func refused(t testing.TB, what string, err error, kind muster.Kind, field string) {
	t.Helper()
	var e *muster.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Field != field {
		t.Errorf("%s: %v, want kind %d of field %q", what, err, kind, field)
	}
}
