package access

import (
	"context"

	"muster"
)

// SignInStore is what signing in and setting passwords need of a database beside the tokens. Every method is safe for
// concurrent use and atomic; what a method that changes something did is durable once it returned nil.
type SignInStore interface {
	// TenantAt reads the tenant that has the host name; KindNotFound.
	TenantAt(ctx context.Context, host string) (*muster.Tenant, error)
	// SoleTenant reads the only tenant there is; KindNotFound if there is none, or more than one.
	SoleTenant(ctx context.Context) (*muster.Tenant, error)
	// Tenant reads a tenant; KindNotFound.
	Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error)
	// User reads a user of the tenant; KindNotFound.
	User(ctx context.Context, tenant, id muster.ID) (*muster.User, error)
	// SignIn reads a user of the tenant with his link, at one moment and without lock: strangers cause it. KindNotFound.
	SignIn(ctx context.Context, tenant, user muster.ID) (*muster.SignIn, error)
	// EnabledByEmail reads enabled users who have the e-mail address, by its key, at most limit: where it is no key of the
	// tenant's, any number may have it.
	EnabledByEmail(ctx context.Context, tenant muster.ID, email string, limit int) ([]muster.User, error)
	// Snapshot reads the holders of keys among else, at one moment, without lock.
	Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error)

	// ChangeSignIns takes the tenant's lock, reads those of the users that exist, at most 1,000, calls change with each in
	// the order given, and stores what change made of the user's PasswordHash, MustChangePassword and TokenEpoch, and of
	// his Activation. Nothing else of the user is written. An error of change stores nothing and comes back as it is.
	ChangeSignIns(ctx context.Context, tenant muster.ID, users []muster.ID, change func(*muster.SignIn) error) error
}
