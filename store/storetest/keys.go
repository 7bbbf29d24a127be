package storetest

import (
	"bytes"
	"cmp"
	"slices"

	"muster"
	"muster/access"
	"muster/provision"
	"muster/secret"
	"muster/webhook"
)

func (b *bundle) keys() []secret.KeyRecord {
	b.Helper()
	records, err := b.store.Keys(b.Context())
	b.ok(err)
	slices.SortFunc(records, func(x, y secret.KeyRecord) int {
		return cmp.Or(cmp.Compare(x.Purpose, y.Purpose), cmp.Compare(x.Version, y.Version))
	})
	return records
}

func (b *bundle) key(purpose secret.KeyPurpose, version int) secret.KeyRecord {
	return secret.KeyRecord{
		Purpose: purpose, Version: version, Wrapped: b.blob(version), MasterID: "mk-1", CreatedAt: b.now.Truncate(1e9),
	}
}

func testKeys(b *bundle) {
	first := b.keys()
	mac, wrap := b.key(secret.PurposeMAC, 1), b.key(secret.PurposeWrap, 2)
	b.ok(b.store.AddKeys(b.Context(), mac, wrap))
	b.same("keys", b.keys(), append([]secret.KeyRecord{mac}, append(first, wrap)...))
	b.is(b.store.AddKeys(b.Context(), b.key(secret.PurposeWrap, 3), b.key(secret.PurposeWrap, 2)), secret.ErrKeyExists)
	b.same("keys after a refusal", len(b.keys()), 3)

	b.ok(b.store.RewrapKey(b.Context(), wrap, []byte("anew"), "mk-2"))
	b.is(b.store.RewrapKey(b.Context(), wrap, []byte("late"), "mk-3"), secret.ErrKeyChanged)
	b.is(b.store.RewrapKey(b.Context(), b.key(secret.PurposeWrap, 9), []byte("none"), "mk-3"), secret.ErrKeyChanged)
	wrap.Wrapped, wrap.MasterID = []byte("anew"), "mk-2"
	b.same("key wrapped anew", b.keys()[2], wrap)

	b.ok(b.store.DeleteKey(b.Context(), 2))
	b.ok(b.store.DeleteKey(b.Context(), 2))
	b.same("keys after a delete", b.keys(), append([]secret.KeyRecord{mac}, first...))

	// A key stays while a payload key, a kept key or a secret is sealed under it.
	b.setProfile(b.other, b.profile())
	b.is(b.store.DeleteKey(b.Context(), keyVersion), secret.ErrKeyInUse)
	b.setProfile(b.other, muster.FederationProfile{})
	a := b.acceptance(b.other, 1, 1)
	b.accept(a)
	b.is(b.store.DeleteKey(b.Context(), keyVersion), secret.ErrKeyInUse)
	b.finish(b.other, a.Batch.ID, muster.Failed, 1)
	b.is(b.store.DeleteKey(b.Context(), keyVersion), secret.ErrKeyInUse)
	for b.purge(b.other, b.now.AddDate(1, 0, 0), 10) {
	}
	b.ok(b.store.CreateCredential(b.Context(), b.credential(b.other, "app")))
	b.is(b.store.DeleteKey(b.Context(), keyVersion), secret.ErrKeyInUse)
	_, err := b.store.UpdateCredential(b.Context(), b.other, "app", func(c *muster.Credential) error { c.Secrets = nil; return nil })
	b.ok(err)
	b.ok(b.store.DeleteKey(b.Context(), keyVersion))
	b.same("keys at the end", b.keys(), []secret.KeyRecord{mac})
}

// sealed is what was sealed under the first key, by the binding that it must come with.
func (b *bundle) sealed() map[string][]byte {
	b.Helper()
	want := make(map[string][]byte)
	for _, tenant := range []muster.ID{b.tenant, b.other} {
		for range 3 {
			a := b.acceptance(tenant, 1, 1)
			b.accept(a)
			want[string(provision.PayloadKeyBinding(tenant, a.Batch.ID))] = a.PayloadKey
			want[string(provision.KeptKeyBinding(tenant, a.Batch.ID))] = a.KeptKey
		}
		failed := b.acceptance(tenant, 1, 1)
		b.accept(failed)
		b.finish(tenant, failed.Batch.ID, muster.Failed, 1)
		want[string(provision.KeptKeyBinding(tenant, failed.Batch.ID))] = failed.KeptKey
		profile := b.profile()
		b.setProfile(tenant, profile)
		want[string(access.SourceBinding(tenant))] = profile.System.Sealed
		for range 3 {
			h := b.newHook(tenant)
			want[string(webhook.SecretBinding(tenant, h.ID))] = h.Secrets[0].Sealed
		}
		for _, suffix := range []string{"", "-2", "/x"} { // AppIDs whose order is not that of what they begin
			c := b.credential(tenant, "app"+tenant.String()+suffix)
			c.Secrets = c.Secrets[:1]
			b.ok(b.store.CreateCredential(b.Context(), c))
			want[string(access.SecretBinding(tenant, c.AppID))] = c.Secrets[0].Sealed
		}
	}
	return want
}

// rewrapAll walks over everything under older versions and gives what there was; if asked to, it wraps it under version 2.
func (b *bundle) rewrapAll(limit int, replace bool) map[string][]byte {
	b.Helper()
	got := make(map[string][]byte)
	for after := ""; ; {
		items, err := b.store.NextWrapped(b.Context(), 2, after, limit)
		b.ok(err)
		if len(items) == 0 {
			return got
		}
		if len(items) > limit {
			b.Fatalf("%d items, more than %d", len(items), limit)
		}
		for i := range items {
			if items[i].Ref <= after {
				b.Fatalf("%q comes after %q", items[i].Ref, after)
			}
			after = items[i].Ref
			got[string(items[i].AAD)] = items[i].Old
			items[i].New = b.blob(2)
		}
		if replace {
			b.ok(b.store.ReplaceWrapped(b.Context(), items))
		}
	}
}

func testRewrap(b *bundle) {
	want := b.sealed()
	b.same("items under the first key", b.wrappedItems(1), len(want))
	none, err := b.store.NextWrapped(b.Context(), 1, "", 100)
	b.ok(err)
	b.same("items under older keys", len(none), 0)

	late, err := b.store.NextWrapped(b.Context(), 2, "", 100)
	b.ok(err)
	for i := range late {
		late[i].New = b.blob(2)
	}
	b.is(b.store.ReplaceWrapped(b.Context(), late), secret.ErrUnknownKey)
	b.ok(b.store.AddKeys(b.Context(), b.key(secret.PurposeWrap, 2)))
	for _, limit := range []int{1, 4, 100} {
		b.same("items that are left as they are, by pieces", b.rewrapAll(limit, false), want)
	}
	b.same("items, by pieces of 4", b.rewrapAll(4, true), want)
	b.same("items under the first key at the end", b.wrappedItems(1), 0)
	b.same("items under the second key", b.wrappedItems(2), len(want))

	b.ok(b.store.ReplaceWrapped(b.Context(), late)) // too late: each is another one now
	for _, w := range b.next(createLane(b.tenant), 100) {
		for i := range late {
			if bytes.Equal(w.PayloadKey, late[i].New) || bytes.Equal(w.KeptKey, late[i].New) {
				b.Errorf("%s was replaced though it had changed", late[i].Ref)
			}
		}
	}
	b.ok(b.store.DeleteKey(b.Context(), 1))
}
