package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"muster"
)

// FederationProfile is [provision.Store.FederationProfile].
func (s *Store) FederationProfile(ctx context.Context, tenant muster.ID) (*muster.FederationProfile, error) {
	var stored *muster.Tenant
	profile := muster.DefaultFederationProfile()
	err := s.read(ctx, func(t *tx) error {
		t.tenantBy(&stored, selectTenant, tenant)
		t.profile(&profile, tenant)
		return nil
	})
	if err == nil {
		_, err = found(stored, noTenant)
	}
	if err != nil {
		return nil, explain("read a federation profile", err)
	}
	return &profile, nil
}

// profile queues a look-up of a tenant's profile, and leaves the one there is where none was ever stored.
func (t *tx) profile(profile *muster.FederationProfile, tenant muster.ID) {
	t.rows(func(row scanner) error {
		var stored, sealed []byte
		if err := row.Scan(&stored, &sealed); err != nil {
			return err
		}
		*profile = muster.FederationProfile{}
		if err := json.Unmarshal(stored, profile); err != nil {
			return fmt.Errorf("federation profile of tenant %s: %w", tenant, err)
		}
		if profile.System != nil {
			profile.System.Sealed = sealed
		}
		return nil
	}, selectProfile, tenant)
}

// UpdateFederationProfile is [access.ProfileStore.UpdateFederationProfile].
func (s *Store) UpdateFederationProfile(ctx context.Context, tenant muster.ID, change func(*muster.FederationProfile) error) (*muster.FederationProfile, error) {
	profile := muster.DefaultFederationProfile()
	err := s.write(ctx, tenant, func(t *tx) error {
		t.profile(&profile, tenant)
		if err := t.flush(); err != nil {
			return err
		}
		if err := edit(change, &profile); err != nil {
			return err
		}
		return writeProfile(t, tenant, &profile)
	})
	if err != nil {
		return nil, explainRefused("update a federation profile", err)
	}
	return &profile, nil
}

func writeProfile(t *tx, tenant muster.ID, profile *muster.FederationProfile) error {
	stored, err := json.Marshal(profile)
	if err != nil {
		return err
	}
	if profile.System == nil || profile.System.Sealed == nil {
		t.exec(upsertProfile, tenant, stored, nil, nil)
		return nil
	}
	versions, err := t.keyVersions(profile.System.Sealed)
	if err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := versions.onRecord(); err != nil {
		return err
	}
	t.exec(upsertProfile, tenant, stored, profile.System.Sealed, versions.of[0])
	return nil
}
