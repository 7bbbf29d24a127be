package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"muster"
)

const noTenant = "The tenant does not exist."

// CreateTenant is [access.Store.CreateTenant].
func (s *Store) CreateTenant(ctx context.Context, tenant *muster.Tenant, admin *muster.User, lastID muster.ID) error {
	err := s.writer.small(ctx, func(c *conn) error { return createTenant(c, tenant, admin, lastID) })
	return explain("create a tenant", err)
}

func createTenant(c *conn, tenant *muster.Tenant, admin *muster.User, lastID muster.ID) error {
	ctx := context.Background()
	if _, err := scanTenant(c.row(ctx, selectTenant, int64(tenant.ID))); !isRefusal(err) {
		return taken(err, "id", "A tenant with this id exists.")
	}
	if _, err := scanTenant(c.row(ctx, selectTenantNamed, tenant.Name)); !isRefusal(err) {
		return taken(err, "name", "A tenant of this name exists.")
	}
	if err := freeHost(c, tenant.Host); err != nil {
		return err
	}
	settings, err := json.Marshal(&tenant.Settings)
	if err != nil {
		return err
	}
	_, err = c.exec(insertTenant, int64(tenant.ID), tenant.Name, orNull(tenant.Host), int64(tenant.RootDepartment), string(settings),
		millis(tenant.CreatedAt), tenant.KeyVersion)
	if err != nil {
		return err
	}
	root := muster.RootDepartment(tenant)
	if err := addDepartment(c, tenant.ID, &root); err != nil {
		return err
	}
	first := *admin
	first.Level, first.Disabled = muster.LevelSystemAdmin, false
	if _, err := c.exec(insertUsage, int64(tenant.ID), 1, first.CapacityGB, 1); err != nil {
		return err
	}
	if err := addToDay(c, tenant.ID, &muster.Day{Number: muster.DayNumber(tenant.CreatedAt), Users: 1}); err != nil {
		return err
	}
	var args [userKeyedCount]any
	userArgs(args[:], tenant.ID, &first, millis(first.CreatedAt), millis(first.UpdatedAt))
	if _, err := c.exec(insertUser, args[:]...); err != nil {
		return err
	}
	var roles roleChanges
	roles.add(&first)
	if err := roles.assign(c, tenant.ID); err != nil {
		return err
	}
	return recordID(c, lastID)
}

// taken is the answer where a look-up found what must not be there, unless the look-up itself failed.
func taken(err error, field, detail string) error {
	if err != nil {
		return err
	}
	return &muster.Error{Kind: muster.KindConflict, Field: field, Detail: detail}
}

func freeHost(c *conn, host string) error {
	if host == "" {
		return nil
	}
	if _, err := scanTenant(c.row(context.Background(), selectTenantAt, host)); !isRefusal(err) {
		return taken(err, "host", "A tenant of this host name exists.")
	}
	return nil
}

// Tenant is [access.Store.Tenant], [access.SignInStore.Tenant], [directory.Store.Tenant] and [provision.Store.Tenant].
func (s *Store) Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error) {
	return s.tenant(ctx, selectTenant, int64(id))
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
	return s.tenant(ctx, selectSoleTenant)
}

func (s *Store) tenant(ctx context.Context, by statement, key ...any) (t *muster.Tenant, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		t, err = scanTenant(q.row(ctx, by, key...))
		return exists(err, noTenant)
	})
	if err != nil {
		return nil, explain("read a tenant", err)
	}
	return t, nil
}

// Tenants is [access.Store.Tenants] and [provision.Store.Tenants].
func (s *Store) Tenants(ctx context.Context) ([]muster.Tenant, error) {
	var tenants []muster.Tenant
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectTenants)
		return collect(rows, err, func(row scanner) error {
			t, err := scanTenant(row)
			if err == nil {
				tenants = append(tenants, *t)
			}
			return err
		})
	})
	return tenants, explain("list tenants", err)
}

// tenantIDs lists the tenants, for work that goes over all of them: each query then names one.
func tenantIDs(ctx context.Context, q querier) ([]muster.ID, error) {
	var all []muster.ID
	rows, err := q.query(ctx, selectTenantIDs)
	err = collect(rows, err, func(row scanner) error {
		var id muster.ID
		err := row.Scan(&id)
		all = append(all, id)
		return err
	})
	return all, err
}

// UpdateTenant is [access.Store.UpdateTenant].
func (s *Store) UpdateTenant(ctx context.Context, tenant *muster.Tenant) error {
	err := s.writer.small(ctx, func(c *conn) error { return changeTenant(c, tenant) })
	return explain("update a tenant", err)
}

func changeTenant(c *conn, tenant *muster.Tenant) error {
	ctx := context.Background()
	stored, err := scanTenant(c.row(ctx, selectTenant, int64(tenant.ID)))
	if err != nil {
		return exists(err, noTenant)
	}
	if tenant.Name != stored.Name {
		if _, err := scanTenant(c.row(ctx, selectTenantNamed, tenant.Name)); !isRefusal(err) {
			return taken(err, "name", "A tenant of this name exists.")
		}
	}
	if tenant.Host != stored.Host {
		if err := freeHost(c, tenant.Host); err != nil {
			return err
		}
	}
	if tenant.Settings.PhoneRegion != stored.Settings.PhoneRegion {
		var phones bool
		if err := c.row(ctx, selectPhoneUser, int64(tenant.ID)).Scan(&phones); err != nil {
			return err
		}
		if phones {
			return &muster.Error{
				Kind: muster.KindConflict, Field: "phoneRegion",
				Detail: "The region cannot change while the tenant has users with a phone, whose numbers were read in the old one.",
			}
		}
	}
	settings, err := json.Marshal(&tenant.Settings)
	if err != nil {
		return err
	}
	_, err = c.exec(updateTenant, tenant.Name, orNull(tenant.Host), string(settings), int64(tenant.ID))
	return err
}

func scanTenant(row scanner) (*muster.Tenant, error) {
	var t muster.Tenant
	var settings []byte
	if err := row.Scan(&t.ID, &t.Name, text{&t.Host}, &t.RootDepartment, &settings, moment{&t.CreatedAt}, &t.KeyVersion); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(settings, &t.Settings); err != nil {
		return nil, fmt.Errorf("settings of tenant %s: %w", t.ID, err)
	}
	return &t, nil
}
