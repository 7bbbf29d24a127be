package access

import (
	"context"

	"muster"
	"muster/secret"
)

// ProfileStore is what [Federation] needs of a database. Every method is safe for concurrent use and atomic; what a method
// that changes something did is durable once it returned nil.
type ProfileStore interface {
	// FederationProfile reads the tenant's profile, [muster.DefaultFederationProfile] if none was ever stored. KindNotFound
	// if there is no such tenant.
	FederationProfile(ctx context.Context, tenant muster.ID) (*muster.FederationProfile, error)
	// UpdateFederationProfile reads the tenant's profile, lets change edit it, and stores it, in one transaction. An error
	// of change stores nothing and comes back as it is. KindNotFound if there is no such tenant.
	UpdateFederationProfile(ctx context.Context, tenant muster.ID, change func(*muster.FederationProfile) error) (*muster.FederationProfile, error)
}

// SourceBinding is the additional data under which the secret of a tenant's identity system is sealed. Who asks the
// system, and who re-wraps secrets for a key rotation, needs it.
func SourceBinding(tenant muster.ID) []byte {
	return secret.Binding("federation-source", int64(tenant))
}
