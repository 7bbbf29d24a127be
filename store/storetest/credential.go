package storetest

import (
	"errors"
	"time"

	"muster"
)

func (b *bundle) credential(tenant muster.ID, appID string) *muster.Credential {
	return &muster.Credential{
		Tenant: tenant, AppID: appID, Name: "Sync", Scopes: muster.ScopeRead | muster.ScopeProvision, CreatedAt: b.now,
		Secrets: []muster.Secret{
			{Sealed: b.blob(keyVersion), CreatedAt: b.now},
			{Sealed: b.blob(keyVersion), CreatedAt: b.now.Add(-time.Hour), ExpiresAt: b.now.Add(time.Hour)},
		},
	}
}

func testCredentials(b *bundle) {
	first, second := b.credential(b.tenant, "zz"), b.credential(b.tenant, "aa")
	second.CreatedAt, second.Disabled, second.Name, second.Scopes = b.now.Add(time.Second), true, "", muster.AllScopes
	for _, c := range []*muster.Credential{second, first, b.credential(b.other, "mm")} {
		b.ok(b.store.CreateCredential(b.Context(), c))
	}
	got, err := b.store.Credential(b.Context(), "zz")
	b.ok(err)
	b.same("credential", got, first)
	all, err := b.store.Credentials(b.Context(), b.tenant)
	b.ok(err)
	b.same("credentials by creation", all, []muster.Credential{*first, *second})
	none, err := b.store.Credentials(b.Context(), b.id())
	b.ok(err)
	b.same("credentials of nobody", len(none), 0)
}

func testCredentialRefusals(b *bundle) {
	b.ok(b.store.CreateCredential(b.Context(), b.credential(b.tenant, "app")))
	for _, tenant := range []muster.ID{b.tenant, b.other} {
		err := b.store.CreateCredential(b.Context(), b.credential(tenant, "app"))
		b.same("field of a taken AppID", b.kind(err, muster.KindConflict).Field, "appId")
	}
	b.kind(b.store.CreateCredential(b.Context(), b.credential(b.id(), "new")), muster.KindNotFound)
	_, err := b.store.Credential(b.Context(), "new")
	b.kind(err, muster.KindNotFound)
	_, err = b.store.Credential(b.Context(), "APP")
	b.kind(err, muster.KindNotFound)
}

func testCredentialUpdate(b *bundle) {
	stored := b.credential(b.tenant, "app")
	b.ok(b.store.CreateCredential(b.Context(), stored))
	rotated := muster.Secret{Sealed: b.blob(keyVersion), CreatedAt: b.now.Add(time.Minute)}
	var seen muster.Credential
	got, err := b.store.UpdateCredential(b.Context(), b.tenant, "app", func(c *muster.Credential) error {
		seen = *c
		c.Name, c.Disabled, c.Scopes = "Renamed", true, muster.ScopeAdminister
		c.Secrets = append([]muster.Secret{rotated}, c.Secrets[0])
		c.AppID, c.Tenant = "elsewhere", b.other // its name is not to be edited
		return nil
	})
	b.ok(err)
	b.same("credential to change", &seen, stored)
	stored.Name, stored.Disabled, stored.Scopes = "Renamed", true, muster.ScopeAdminister
	stored.Secrets = []muster.Secret{rotated, stored.Secrets[0]}
	b.same("changed credential", got, stored)
	again, err := b.store.Credential(b.Context(), "app")
	b.ok(err)
	b.same("credential read again", again, stored)

	refused := errors.New("not today")
	_, err = b.store.UpdateCredential(b.Context(), b.tenant, "app", func(c *muster.Credential) error {
		c.Name, c.Secrets = "lost", nil
		return refused
	})
	if err != refused { //nolint:errorlint // as it is
		b.Errorf("error of change came back as %v", err)
	}
	unasked := func(*muster.Credential) error {
		b.Error("change was called for a credential that is not there")
		return nil
	}
	_, err = b.store.UpdateCredential(b.Context(), b.other, "app", unasked)
	b.kind(err, muster.KindNotFound)
	_, err = b.store.UpdateCredential(b.Context(), b.tenant, "none", unasked)
	b.kind(err, muster.KindNotFound)
	if _, err = b.store.UpdateCredential(b.Context(), b.tenant, "app", func(*muster.Credential) error { panic("change") }); err == nil {
		b.Error("a panic of change was a success")
	}
	again, err = b.store.Credential(b.Context(), "app")
	b.ok(err)
	b.same("credential after refusals", again, stored)
}
