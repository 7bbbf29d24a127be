package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/access"
)

// NewTenant is the body that makes a tenant. Ids that clients already hold can be brought along.
type NewTenant struct {
	Name             string                `json:"name" doc:"1 to 64 characters, unique in the installation"`
	Host             string                `json:"host,omitempty" doc:"host name by which its users reach it, unique in the installation"`
	Settings         muster.TenantSettings `json:"settings,omitzero"`
	ID               muster.ID             `json:"id,omitempty" doc:"of the past; absent makes one"`
	RootDepartmentID muster.ID             `json:"rootDepartmentId,omitempty" doc:"of the past; absent makes one"`
	AdminID          muster.ID             `json:"adminUserId,omitempty" doc:"of the past; absent makes one"`
	AdminName        string                `json:"adminName,omitempty" doc:"first name of the administrator; absent is Administrator"`
}

// Tenant is a tenant. Lists and changes answer without its administrators and usage.
type Tenant struct {
	ID               muster.ID             `json:"id"`
	Name             string                `json:"name"`
	Host             string                `json:"host,omitempty"`
	RootDepartmentID muster.ID             `json:"rootDepartmentId"`
	Settings         muster.TenantSettings `json:"settings"`
	CreatedAt        time.Time             `json:"createdAt"`
	Administrators   []Administrator       `json:"administrators,omitempty" nullable:"false" doc:"enabled system administrators, at most 20"`
	Usage            *Usage                `json:"usage,omitempty"`
}

// Usage is what a tenant has taken of its limits.
type Usage struct {
	Users           int64 `json:"users" doc:"seats taken, of userLimit"`
	PersonalSpaceGB int64 `json:"personalSpaceGB" doc:"sum of the users' capacities, of the quota"`
}

// Administrator is a user who administers a tenant.
type Administrator struct {
	ID muster.ID `json:"id" doc:"for X-User-Id"`
}

const maxAdministrators = 20

// Tenants is a list of tenants.
type Tenants struct {
	Tenants []Tenant `json:"tenants" nullable:"false"`
}

func tenantOf(t *muster.Tenant, admins []muster.User) Tenant {
	wire := Tenant{ID: t.ID, Name: t.Name, Host: t.Host, RootDepartmentID: t.RootDepartment, Settings: t.Settings, CreatedAt: t.CreatedAt}
	for i := range admins {
		wire.Administrators = append(wire.Administrators, Administrator{ID: admins[i].ID})
	}
	return wire
}

// TenantPatch changes the parts of a tenant that it has.
type TenantPatch struct {
	Name     *string        `json:"name,omitempty"`
	Host     *string        `json:"host,omitempty" doc:"empty takes it away"`
	Settings *SettingsPatch `json:"settings,omitempty"`
}

// SettingsPatch changes the settings that it has.
type SettingsPatch struct {
	PhoneRegion     *string              `json:"phoneRegion,omitempty" doc:"two capital letters (ISO 3166-1), or empty for none"`
	UniqueEmail     *bool                `json:"uniqueEmail,omitempty"`
	UserLimit       *int64               `json:"userLimit,omitempty" doc:"seats; 0 is no limit"`
	PersonalSpaceGB *int64               `json:"personalSpaceGB,omitempty" doc:"quota of users' capacities in GB"`
	Password        *muster.PasswordRule `json:"password,omitempty" doc:"replaces the rule as a whole; zeros stand for the default"`
}

// NewAdministrator is the body that makes an administrator.
type NewAdministrator struct {
	ID   muster.ID `json:"id" doc:"that clients already hold; of the past"`
	Name string    `json:"name,omitempty" doc:"first name; absent is Administrator"`
}

type tenantPath struct {
	Tenant pathID `path:"tenant"`
}

// pathID is a tenant's id in a path, which huma takes for a number by its kind if it is a muster.ID.
type pathID struct{ id muster.ID }

// Schema is for huma.
func (pathID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[1-9][0-9]{0,18}$", Description: "the tenant's id"}
}

// UnmarshalText is for huma, which has checked the pattern.
func (p *pathID) UnmarshalText(text []byte) (err error) {
	p.id, err = muster.ParseID(string(text))
	return err
}

func (a *api) addTenants(h huma.API) {
	const tag = "Tenants"
	huma.Register(h, operation("create-tenant", http.MethodPost, "/tenants", "Make a tenant and its first administrator", tag, http.StatusCreated),
		func(ctx context.Context, in *struct{ Body NewTenant }) (*answer[Tenant], error) {
			t, err := a.createTenant(ctx, &in.Body)
			return reply(ctx, a, t, err)
		})
	huma.Register(h, operation("list-tenants", http.MethodGet, "/tenants", "List tenants", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Name string `query:"name" doc:"only the tenant of this name"`
		}) (*answer[Tenants], error) {
			list, err := a.listTenants(ctx, in.Name)
			return reply(ctx, a, Tenants{Tenants: list}, err)
		})
	huma.Register(h, operation("get-tenant", http.MethodGet, "/tenants/{tenant}", "Read a tenant, who administers it, and what it has taken of its limits", tag, http.StatusOK),
		func(ctx context.Context, in *tenantPath) (*answer[Tenant], error) {
			t, err := a.tenant(ctx, in.Tenant.id)
			return reply(ctx, a, t, err)
		})
	huma.Register(h, operation("change-tenant", http.MethodPatch, "/tenants/{tenant}", "Change a tenant's name, host or settings", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   TenantPatch
		}) (*answer[Tenant], error) {
			t, err := a.changeTenant(ctx, in.Tenant.id, &in.Body)
			return reply(ctx, a, t, err)
		})
}

func (a *api) addAdministrators(h huma.API) {
	huma.Register(h, operators(operation("create-administrator", http.MethodPost, "/tenants/{tenant}/administrators",
		"Make a system administrator with an id that clients already hold", "Tenants", http.StatusCreated)),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   NewAdministrator
		}) (*answer[Administrator], error) {
			err := a.Access.AddAdministrator(ctx, in.Tenant.id, in.Body.ID, in.Body.Name)
			return reply(ctx, a, Administrator{ID: in.Body.ID}, err)
		})
}

func (a *api) createTenant(ctx context.Context, n *NewTenant) (Tenant, error) {
	tenant, admin, err := a.Access.CreateTenant(ctx, access.NewTenant{
		Name:           n.Name,
		Host:           n.Host,
		Settings:       n.Settings,
		ID:             n.ID,
		RootDepartment: n.RootDepartmentID,
		AdminID:        n.AdminID,
		AdminName:      n.AdminName,
	})
	if err != nil {
		return Tenant{}, err
	}
	return tenantOf(tenant, []muster.User{*admin}), nil
}

func (a *api) listTenants(ctx context.Context, name string) ([]Tenant, error) {
	found, err := a.findTenants(ctx, name)
	if err != nil {
		return nil, err
	}
	list := make([]Tenant, len(found))
	for i := range found {
		list[i] = tenantOf(&found[i], nil)
	}
	return list, nil
}

// findTenants gives all tenants, or where there is a name those of that name: one or none.
func (a *api) findTenants(ctx context.Context, name string) ([]muster.Tenant, error) {
	if name == "" {
		return a.Access.Tenants(ctx)
	}
	t, err := a.Access.TenantNamed(ctx, name)
	switch {
	case muster.KindOf(err) == muster.KindNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	default:
		return []muster.Tenant{*t}, nil
	}
}

func (a *api) tenant(ctx context.Context, id muster.ID) (Tenant, error) {
	t, err := a.Access.Tenant(ctx, id)
	if err != nil {
		return Tenant{}, err
	}
	admins, err := a.Access.Administrators(ctx, id, maxAdministrators)
	if err != nil {
		return Tenant{}, err
	}
	quota, err := a.Users.Quota(ctx, id, actorOf(ctx))
	if err != nil {
		return Tenant{}, err
	}
	whole := tenantOf(t, admins)
	whole.Usage = &Usage{Users: quota.Users, PersonalSpaceGB: quota.CapacityGB}
	return whole, nil
}

func (a *api) changeTenant(ctx context.Context, id muster.ID, patch *TenantPatch) (Tenant, error) {
	if err := patch.mayBeOf(callerOf(ctx)); err != nil {
		return Tenant{}, err
	}
	change := access.TenantChange{Name: patch.Name, Host: patch.Host}
	if patch.Settings != nil {
		t, err := a.Access.Tenant(ctx, id)
		if err != nil {
			return Tenant{}, err
		}
		patch.Settings.apply(&t.Settings)
		change.Settings = &t.Settings
	}
	t, err := a.Access.UpdateTenant(ctx, id, change)
	if err != nil {
		return Tenant{}, err
	}
	return tenantOf(t, nil), nil
}

// mayBeOf refuses a tenant's own callers what the operator of the installation has decided about it.
func (p *TenantPatch) mayBeOf(c *Caller) error {
	if c.Operator {
		return nil
	}
	s := p.Settings
	if s == nil {
		s = &SettingsPatch{}
	}
	for _, part := range [...]struct {
		field string
		set   bool
	}{
		{"name", p.Name != nil}, {"host", p.Host != nil},
		{"settings.userLimit", s.UserLimit != nil}, {"settings.personalSpaceGB", s.PersonalSpaceGB != nil},
	} {
		if part.set {
			return &muster.Error{Kind: muster.KindForbidden, Field: part.field, Detail: "The operator of the installation alone changes a tenant's name, host and limits."}
		}
	}
	return nil
}

func (p *SettingsPatch) apply(s *muster.TenantSettings) {
	set(&s.PhoneRegion, p.PhoneRegion)
	set(&s.UniqueEmail, p.UniqueEmail)
	set(&s.UserLimit, p.UserLimit)
	set(&s.PersonalSpaceGB, p.PersonalSpaceGB)
	set(&s.Password, p.Password)
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}
