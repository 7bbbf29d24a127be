package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"muster"
)

// FederationProfile is [provision.Store.FederationProfile].
func (s *Store) FederationProfile(ctx context.Context, tenant muster.ID) (profile *muster.FederationProfile, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		profile, err = readProfile(ctx, q, tenant)
		return err
	})
	if err != nil {
		return nil, explain("read a federation profile", err)
	}
	return profile, nil
}

func readProfile(ctx context.Context, q querier, tenant muster.ID) (*muster.FederationProfile, error) {
	if _, err := scanTenant(q.row(ctx, selectTenant, int64(tenant))); err != nil {
		return nil, exists(err, noTenant)
	}
	var stored, sealed []byte
	err := q.row(ctx, selectProfile, int64(tenant)).Scan(&stored, &sealed)
	if isRefusal(err) { // none was ever stored
		profile := muster.DefaultFederationProfile()
		return &profile, nil
	}
	if err != nil {
		return nil, err
	}
	var profile muster.FederationProfile
	if err := json.Unmarshal(stored, &profile); err != nil {
		return nil, fmt.Errorf("federation profile of tenant %s: %w", tenant, err)
	}
	if profile.System != nil {
		profile.System.Sealed = sealed
	}
	return &profile, nil
}

// UpdateFederationProfile is [access.ProfileStore.UpdateFederationProfile].
func (s *Store) UpdateFederationProfile(ctx context.Context, tenant muster.ID, change func(*muster.FederationProfile) error) (*muster.FederationProfile, error) {
	var profile *muster.FederationProfile
	var refused error
	err := s.writer.small(ctx, func(c *conn) (err error) {
		if profile, err = readProfile(context.Background(), c, tenant); err != nil {
			return err
		}
		if refused = change(profile); refused != nil {
			return refused
		}
		return writeProfile(c, tenant, profile)
	})
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, explain("update a federation profile", err)
	default:
		return profile, nil
	}
}

func writeProfile(c *conn, tenant muster.ID, profile *muster.FederationProfile) error {
	stored, err := json.Marshal(profile)
	if err != nil {
		return err
	}
	var sealed, version any
	if profile.System != nil && profile.System.Sealed != nil {
		if version, err = versionOnRecord(c, profile.System.Sealed); err != nil {
			return err
		}
		sealed = profile.System.Sealed
	}
	_, err = c.exec(upsertProfile, int64(tenant), string(stored), sealed, version)
	return err
}
