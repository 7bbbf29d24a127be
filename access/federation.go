package access

import (
	"context"
	"fmt"
	"net/url"
	"strings"

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

// Federation shows and sets how tenants take in users that another system knows. All fields are mandatory; it is safe for
// concurrent use. Its refusals are [*muster.Error]: KindInvalid for what breaks a rule, and those of [ProfileStore].
type Federation struct {
	Store   ProfileStore
	Keyring Keyring
	// Check refuses a profile that breaks a rule, with KindInvalid and the field by its place in JSON; a mapping rule that
	// does not compile among them, with the place of the mistake.
	Check func(*muster.FederationProfile) error
}

// MaxSourceSecret bounds the secret of an identity system, in bytes.
const MaxSourceSecret = 4096

// SourceBinding is the additional data under which the secret of a tenant's identity system is sealed. Who asks the
// system, and who re-wraps secrets for a key rotation, needs it.
func SourceBinding(tenant muster.ID) []byte {
	return secret.Binding("federation-source", int64(tenant))
}

// Profile reads the tenant's profile, the default where none was set.
func (f *Federation) Profile(ctx context.Context, tenant muster.ID) (*muster.FederationProfile, error) {
	profile, err := f.Store.FederationProfile(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("read federation profile: %w", err)
	}
	return profile, nil
}

// SetProfile puts a profile in the place of the tenant's, and returns it; the Sealed of its System is not read. source is
// the secret that goes with the identity system's requests: nil keeps the one there is, "" is none. A secret that is kept
// goes to the host that it was given for alone: for another one SetProfile refuses to keep it.
func (f *Federation) SetProfile(ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, source *string) (*muster.FederationProfile, error) {
	if err := f.check(profile, source); err != nil {
		return nil, err
	}
	var stored *muster.FederationProfile
	err := sealing(ctx, f.Keyring, func() (err error) {
		stored, err = f.Store.UpdateFederationProfile(ctx, tenant, func(p *muster.FederationProfile) error {
			return f.replace(tenant, p, profile, source)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("set federation profile: %w", err)
	}
	return stored, nil
}

// Draft is what SetProfile would store, with the same refusals, so that it can be tried. It stores nothing.
func (f *Federation) Draft(ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, source *string) (*muster.FederationProfile, error) {
	if err := f.check(profile, source); err != nil {
		return nil, err
	}
	draft, err := f.Profile(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return draft, f.replace(tenant, draft, profile, source)
}

func (f *Federation) check(profile *muster.FederationProfile, source *string) error {
	if err := f.Check(profile); err != nil {
		return err
	}
	return checkSource(profile.System, source)
}

// replace puts the next profile in the place of p.
func (f *Federation) replace(tenant muster.ID, p, next *muster.FederationProfile, source *string) (err error) {
	replaced := *next
	if next.System != nil {
		system := *next.System
		replaced.System = &system
		if system.Sealed, err = f.sealed(tenant, p.System, next.System, source); err != nil {
			return err
		}
	}
	*p = replaced
	return nil
}

// sealed is the sealed secret of the next identity system, given the one before.
func (f *Federation) sealed(tenant muster.ID, before, next *muster.IdentitySystem, source *string) ([]byte, error) {
	switch {
	case source != nil && *source == "", next.Kind != muster.SystemHTTP:
		return nil, nil
	case source != nil:
		plaintext := []byte(*source)
		defer secret.Wipe(plaintext)
		return f.Keyring.SealSecret(plaintext, SourceBinding(tenant)), nil
	case before == nil || before.Sealed == nil:
		return nil, nil
	case origin(before.URL) != origin(next.URL):
		return nil, invalid("system.secret",
			"system.secret was given for another scheme, host or port: give the secret for this one, or an empty one for none.")
	default:
		return before.Sealed, nil
	}
}

// checkSource refuses a secret that cannot stand in an Authorization header (RFC 6750, section 2.1), or that nobody is sent.
func checkSource(system *muster.IdentitySystem, source *string) error {
	if source == nil || *source == "" {
		return nil
	}
	if system == nil || system.Kind != muster.SystemHTTP {
		return invalid("system.secret", "system.secret goes with the kind %s alone.", muster.SystemHTTP)
	}
	unfit := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(*source) > MaxSourceSecret || strings.ContainsFunc(*source, unfit) {
		return invalid("system.secret", "system.secret must be 1 to %d printable ASCII characters without spaces.", MaxSourceSecret)
	}
	return nil
}

// origin is scheme, host and port of a URL that was checked.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
