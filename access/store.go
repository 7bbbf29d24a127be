package access

import (
	"context"

	"muster"
)

// Store is what this package needs of a database. Every method is safe for concurrent use and atomic; what a method
// that changes something did is durable once it returned nil. Refusals are [*muster.Error].
type Store interface {
	// CreateTenant stores a tenant with its first user, who becomes an enabled system administrator, and records lastID as
	// used. KindConflict, with Field "name", "host" or "id", if a tenant of that name, host or id exists.
	CreateTenant(ctx context.Context, tenant *muster.Tenant, admin *muster.User, lastID muster.ID) error
	// Tenant reads one tenant; KindNotFound.
	Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error)
	// TenantNamed reads one tenant by name; KindNotFound.
	TenantNamed(ctx context.Context, name string) (*muster.Tenant, error)
	// Tenants lists all tenants by id.
	Tenants(ctx context.Context) ([]muster.Tenant, error)
	// UpdateTenant stores the tenant's name, host and settings. KindConflict for a name or a host taken, or for another
	// PhoneRegion while the tenant has users with a phone (their keys were made with the old one).
	UpdateTenant(ctx context.Context, tenant *muster.Tenant) error

	// CreateCredential stores a credential. KindConflict with Field "appId" if any tenant has that AppID.
	CreateCredential(ctx context.Context, c *muster.Credential) error
	// Credential finds a credential by its AppID, whatever the tenant: the one look-up that does not name one. KindNotFound.
	Credential(ctx context.Context, appID string) (*muster.Credential, error)
	// Credentials lists a tenant's credentials by creation.
	Credentials(ctx context.Context, tenant muster.ID) ([]muster.Credential, error)
	// UpdateCredential reads the tenant's credential, lets change edit it, and stores name, state, scopes and secrets, in one
	// transaction. An error of change stores nothing and comes back as it is. KindNotFound.
	UpdateCredential(ctx context.Context, tenant muster.ID, appID string, change func(*muster.Credential) error) (*muster.Credential, error)

	// User reads a user of the tenant; KindNotFound.
	User(ctx context.Context, tenant, id muster.ID) (*muster.User, error)
	// Administrators lists the tenant's enabled users of LevelSystemAdmin, by id, at most limit.
	Administrators(ctx context.Context, tenant muster.ID, limit int) ([]muster.User, error)
}
