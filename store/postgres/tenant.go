package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"muster"
)

const noTenant = "The tenant does not exist."

// CreateTenant is [access.Store.CreateTenant].
func (s *Store) CreateTenant(ctx context.Context, tenant *muster.Tenant, admin *muster.User, lastID muster.ID) error {
	err := s.writeOutside(ctx, func(t *tx) error { return createTenant(t, tenant, admin, lastID) })
	return explain("create a tenant", err)
}

func createTenant(t *tx, tenant *muster.Tenant, admin *muster.User, lastID muster.ID) error {
	settings, err := json.Marshal(&tenant.Settings)
	if err != nil {
		return err
	}
	var made int64
	var same, namesake *muster.Tenant
	t.count(&made, insertTenant, tenant.ID, tenant.Name, tenant.Host, tenant.RootDepartment, settings, tenant.CreatedAt, tenant.KeyVersion)
	t.tenantBy(&same, selectTenant, tenant.ID)
	t.tenantBy(&namesake, selectTenantNamed, tenant.Name)
	if err := t.flush(); err != nil {
		return err
	}
	switch {
	case made > 0: // it is the new one that the look-ups found
	case same != nil:
		return conflict("id", "A tenant with this id exists.")
	case namesake != nil:
		return conflict("name", nameOfTenantTaken)
	default:
		return conflict("host", hostTaken)
	}
	t.addDepartments(tenant.ID, []muster.Department{muster.RootDepartment(tenant)})
	first := *admin
	first.Level, first.Disabled = muster.LevelSystemAdmin, false
	t.exec(insertUsage, tenant.ID, 1, first.CapacityGB, 1, lastID)
	t.addToDay(tenant.ID, &muster.Day{Number: muster.DayNumber(tenant.CreatedAt), Users: 1})
	insertAll(t, tenant.ID, []muster.User{first}, first.CreatedAt, first.UpdatedAt)
	var roles roleChanges
	roles.add(&first)
	roles.assign(t, tenant.ID)
	return nil
}

const (
	nameOfTenantTaken = "A tenant of this name exists."
	hostTaken         = "A tenant of this host name exists."
)

// Tenant is [access.Store.Tenant], [access.SignInStore.Tenant], [directory.Store.Tenant] and [provision.Store.Tenant].
func (s *Store) Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error) {
	return s.tenant(ctx, selectTenant, id)
}

// TenantNamed is [access.Store.TenantNamed].
func (s *Store) TenantNamed(ctx context.Context, name string) (*muster.Tenant, error) {
	return s.tenant(ctx, selectTenantNamed, name)
}

// TenantAt is [access.SignInStore.TenantAt].
func (s *Store) TenantAt(ctx context.Context, host string) (*muster.Tenant, error) {
	return s.tenant(ctx, selectTenantAt, host)
}

// SoleTenant is [access.SignInStore.SoleTenant].
func (s *Store) SoleTenant(ctx context.Context) (*muster.Tenant, error) {
	tenants, err := s.tenants(ctx, selectSoleTenant)
	if err != nil {
		return nil, err
	}
	if len(tenants) != 1 {
		return found[muster.Tenant](nil, noTenant)
	}
	return &tenants[0], nil
}

func (s *Store) tenant(ctx context.Context, by statement, key any) (*muster.Tenant, error) {
	var tenant *muster.Tenant
	err := s.read(ctx, func(t *tx) error {
		t.tenantBy(&tenant, by, key)
		return nil
	})
	if err != nil {
		return nil, explain("read a tenant", err)
	}
	return found(tenant, noTenant)
}

// tenantBy queues a look-up of a tenant, and leaves nil where there is none.
func (t *tx) tenantBy(tenant **muster.Tenant, by statement, key any) {
	t.rows(func(row scanner) (err error) {
		*tenant, err = scanTenant(row)
		return err
	}, by, key)
}

// Tenants is [access.Store.Tenants] and [provision.Store.Tenants].
func (s *Store) Tenants(ctx context.Context) ([]muster.Tenant, error) {
	return s.tenants(ctx, selectTenants)
}

func (s *Store) tenants(ctx context.Context, by statement) ([]muster.Tenant, error) {
	var tenants []muster.Tenant
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			tenant, err := scanTenant(row)
			if err == nil {
				tenants = append(tenants, *tenant)
			}
			return err
		}, by)
		return nil
	})
	return tenants, explain("list tenants", err)
}

// tenantIDs lists the tenants, for work that goes over all of them: each query then names one.
func (t *tx) tenantIDs() ([]muster.ID, error) {
	var all []muster.ID
	t.rows(func(row scanner) error {
		var id muster.ID
		err := row.Scan(&id)
		all = append(all, id)
		return err
	}, selectTenantIDs)
	err := t.flush()
	return all, err
}

// UpdateTenant is [access.Store.UpdateTenant].
func (s *Store) UpdateTenant(ctx context.Context, tenant *muster.Tenant) error {
	err := s.write(ctx, tenant.ID, func(t *tx) error { return changeTenant(t, tenant) })
	switch {
	case violates(err, "tenants_name"):
		return conflict("name", nameOfTenantTaken)
	case violates(err, "tenants_host"):
		return conflict("host", hostTaken)
	default:
		return explain("update a tenant", err)
	}
}

func changeTenant(t *tx, tenant *muster.Tenant) error {
	var stored *muster.Tenant
	var phones bool
	t.tenantBy(&stored, selectTenant, tenant.ID)
	t.row([]any{&phones}, selectPhoneUser, tenant.ID)
	if err := t.flush(); err != nil {
		return err
	}
	if phones && tenant.Settings.PhoneRegion != stored.Settings.PhoneRegion {
		return conflict("phoneRegion",
			"The region cannot change while the tenant has users with a phone, whose numbers were read in the old one.")
	}
	settings, err := json.Marshal(&tenant.Settings)
	if err != nil {
		return err
	}
	t.exec(updateTenant, tenant.ID, tenant.Name, tenant.Host, settings)
	return nil
}

func scanTenant(row scanner) (*muster.Tenant, error) {
	var t muster.Tenant
	var settings []byte
	if err := row.Scan(&t.ID, &t.Name, &t.Host, &t.RootDepartment, &settings, &t.CreatedAt, &t.KeyVersion); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(settings, &t.Settings); err != nil {
		return nil, fmt.Errorf("settings of tenant %s: %w", t.ID, err)
	}
	return &t, nil
}
