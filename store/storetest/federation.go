package storetest

import (
	"errors"

	"muster"
	"muster/secret"
)

// profile is one in which nothing is the default.
func (b *bundle) profile() muster.FederationProfile {
	return muster.FederationProfile{
		System: &muster.IdentitySystem{
			ID: "people", Kind: muster.SystemHTTP, URL: "https://people.example.com/{account}", AllowPrivate: true, Sealed: b.blob(keyVersion),
		},
		Mapping: &muster.MappingRule{Condition: `row.email.endsWith("@example.com")`, Account: "a", DisplayName: "d", Email: "e", Roles: "[]"},
		Account: muster.AccountRule{MinLength: 3, MaxLength: 40, Characters: "-_"},
		Limits:  muster.FederationLimits{Account: 1, UserName: 2, Email: 3, EmailLocal: 4, Roles: 5},
	}
}

func (b *bundle) setProfile(tenant muster.ID, to muster.FederationProfile) {
	b.Helper()
	got, err := b.store.UpdateFederationProfile(b.Context(), tenant, func(p *muster.FederationProfile) error {
		*p = to
		return nil
	})
	b.ok(err)
	b.same("profile as it is now", got, &to)
}

func (b *bundle) storedProfile(tenant muster.ID) muster.FederationProfile {
	b.Helper()
	profile, err := b.store.FederationProfile(b.Context(), tenant)
	b.ok(err)
	return *profile
}

func testProfiles(b *bundle) {
	b.same("a new tenant's profile", b.storedProfile(b.tenant), muster.DefaultFederationProfile())
	want := b.profile()
	b.setProfile(b.tenant, want)
	b.same("profile", b.storedProfile(b.tenant), want)
	b.same("the other tenant's profile", b.storedProfile(b.other), muster.DefaultFederationProfile())
	b.same("sealed things", b.wrappedItems(keyVersion), 1)

	// change sees what is stored, and its error is the answer.
	refused := errors.New("no")
	_, err := b.store.UpdateFederationProfile(b.Context(), b.tenant, func(p *muster.FederationProfile) error {
		b.same("profile to be changed", *p, want)
		p.System.URL, p.Mapping = "https://elsewhere.example.com", nil
		return refused
	})
	if err != refused { //nolint:errorlint // as it is
		b.Errorf("error of change came back as %v", err)
	}
	spoilt := b.profile()
	spoilt.System.Sealed = b.blob(2)
	_, err = b.store.UpdateFederationProfile(b.Context(), b.tenant, func(p *muster.FederationProfile) error {
		*p = spoilt
		return nil
	})
	b.is(err, secret.ErrUnknownKey)
	b.same("profile after refusals", b.storedProfile(b.tenant), want)

	// None is not the default.
	b.setProfile(b.tenant, muster.FederationProfile{})
	b.same("profile without system and rule", b.storedProfile(b.tenant), muster.FederationProfile{})
	b.same("sealed things at the end", b.wrappedItems(keyVersion), 0)

	_, err = b.store.FederationProfile(b.Context(), b.id())
	b.kind(err, muster.KindNotFound)
	_, err = b.store.UpdateFederationProfile(b.Context(), b.id(), func(*muster.FederationProfile) error { return nil })
	b.kind(err, muster.KindNotFound)
}
