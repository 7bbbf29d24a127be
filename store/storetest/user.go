package storetest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/provision"
)

func (b *bundle) stored(tenant, id muster.ID) *muster.User {
	b.Helper()
	user, err := b.store.User(b.Context(), tenant, id)
	b.ok(err)
	return user
}

func testWriteUsers(b *bundle) {
	kept, changed, gone := b.user(), b.user(), b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{
		Insert: []muster.User{kept, changed, gone}, Usage: muster.Usage{Users: 4, CapacityGB: 12, SystemAdmins: 1},
	}))
	b.same("usage", b.usage(b.tenant), muster.Usage{Users: 4, CapacityGB: 12, SystemAdmins: 1})
	before := b.now
	b.now = b.now.Add(time.Hour)
	rekeyed := changed
	rekeyed.Phone, rekeyed.PhoneKey, rekeyed.EmailKey = "+49 1", "+491", ""
	kept.FirstName, kept.Surname, kept.DisplayName, kept.PasswordHash = "Grace", "", "G. H.", "$other"
	kept.Level, kept.Disabled, kept.Department, kept.CapacityGB, kept.Roles = muster.LevelSystemAdmin, true, 1<<60, 7, nil
	kept.MustChangePassword, kept.TokenEpoch = false, kept.TokenEpoch+1
	kept.Account = strings.ToUpper(kept.Account) // the same key, written in another way
	b.ok(b.applyPlan(b.tenant, muster.Planned{
		Update: []muster.User{kept, rekeyed}, Release: []muster.ID{rekeyed.ID}, Delete: []muster.ID{gone.ID},
		Usage: muster.Usage{Users: 3, CapacityGB: 13, SystemAdmins: 1},
	}))
	kept.UpdatedAt, rekeyed.UpdatedAt = b.now, b.now
	b.same("updated user", b.stored(b.tenant, kept.ID), &kept)
	b.same("user with other keys", b.stored(b.tenant, rekeyed.ID), &rekeyed)
	b.same("time of creation", b.stored(b.tenant, kept.ID).CreatedAt, before)
	_, err := b.store.User(b.Context(), b.tenant, gone.ID)
	b.kind(err, muster.KindNotFound)
	b.same("usage after changes", b.usage(b.tenant), muster.Usage{Users: 3, CapacityGB: 13, SystemAdmins: 1})
	shot := b.snapshot(b.tenant, muster.Keys{
		Phones: []string{changed.PhoneKey, gone.PhoneKey}, Emails: []string{changed.EmailKey}, Accounts: []string{gone.AccountKey},
	})
	b.same("holders of old keys", len(shot.Users), 0)
}

func testSwapKeys(b *bundle) {
	x, y := b.user(), b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{x, y}}))
	x.Phone, x.PhoneKey, y.Phone, y.PhoneKey = y.Phone, y.PhoneKey, x.Phone, x.PhoneKey
	x.AccountKey, y.AccountKey = y.AccountKey, x.AccountKey
	b.ok(b.applyPlan(b.tenant, muster.Planned{Update: []muster.User{x, y}, Release: []muster.ID{x.ID, y.ID}}))
	b.same("one", b.stored(b.tenant, x.ID), &x)
	b.same("the other", b.stored(b.tenant, y.ID), &y)
}

func testPassKey(b *bundle) {
	old := b.user()
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{old}}))
	heir := b.user()
	heir.PhoneKey, heir.AccountKey = old.PhoneKey, old.AccountKey
	b.ok(b.applyPlan(b.tenant, muster.Planned{Delete: []muster.ID{old.ID}, Insert: []muster.User{heir}}))
	shot := b.snapshot(b.tenant, muster.Keys{Phones: []string{old.PhoneKey}})
	b.same("holders", shot.Users, []muster.User{heir})
}

// testManyUsers writes and finds as many users as one Apply may have, more than any list of a statement.
func testManyUsers(b *bundle) {
	const n = muster.ChunkRows
	a := b.acceptance(b.tenant, n, n)
	b.accept(a)
	works := b.next(createLane(b.tenant), n)
	b.ok(b.store.Apply(b.Context(), b.tenant, chunksOf(works), muster.Keys{}, func(s muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := b.decideAll(works, muster.Succeeded)(s, live)
		for i := range w.Planned.Insert {
			u := &w.Planned.Insert[i]
			u.AccountKey, u.EmailKey = "a"+u.ID.String(), "e"+u.ID.String()
		}
		return w, err
	}))
	var keys muster.Keys
	var want []muster.ID
	for i := range n {
		id := a.Chunks[0].FirstUser + muster.ID(i)
		want = append(want, id)
		keys.IDs = append(keys.IDs, id)
		keys.Phones = append(keys.Phones, "+"+id.String())
		keys.Accounts = append(keys.Accounts, "a"+id.String())
		keys.Emails = append(keys.Emails, "e"+id.String())
	}
	for name, keys := range map[string]muster.Keys{
		"ids": {IDs: keys.IDs}, "phones": {Phones: keys.Phones}, "accounts": {Accounts: keys.Accounts}, "e-mails": {Emails: keys.Emails}, "all": keys,
	} {
		b.same("holders of "+name, idsOf(b.snapshot(b.tenant, keys).Users), want)
	}
	b.same("outcomes", len(b.page(b.tenant, a.Batch.ID).Outcomes), n)

	update := b.snapshot(b.tenant, muster.Keys{IDs: want}).Users
	var release []muster.ID
	for i := range update {
		update[i].FirstName = "Changed"
		if i%2 == 0 {
			update[i].PhoneKey = "++" + update[i].ID.String()
			release = append(release, update[i].ID)
		}
	}
	b.ok(b.applyPlan(b.tenant, muster.Planned{Update: update, Release: release}))
	got := b.snapshot(b.tenant, muster.Keys{IDs: want}).Users
	byID := func(x, y muster.User) int { return cmp.Compare(x.ID, y.ID) }
	slices.SortFunc(got, byID)
	slices.SortFunc(update, byID)
	for i := range update {
		update[i].UpdatedAt = b.now
	}
	b.same("users after changes", got, update)
	b.ok(b.applyPlan(b.tenant, muster.Planned{Delete: want[1:]}))
	b.same("users after deletes", idsOf(b.snapshot(b.tenant, muster.Keys{IDs: want}).Users), want[:1])
}

func idsOf(users []muster.User) []muster.ID {
	ids := make([]muster.ID, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	slices.Sort(ids)
	return ids
}

func testSnapshot(b *bundle) {
	x, y, z := b.user(), b.user(), b.user()
	y.EmailKey, y.Email = x.EmailKey, x.Email // no rule of the store's
	x.AccountKey = "'; DROP TABLE users; --\x00\u202e𝔘"
	b.ok(b.applyPlan(b.tenant, muster.Planned{Insert: []muster.User{x, y, z}}))
	for name, c := range map[string]struct {
		keys muster.Keys
		want []muster.ID
	}{
		"nothing":              {muster.Keys{}, []muster.ID{}},
		"nobody":               {muster.Keys{IDs: []muster.ID{1}, Phones: []string{"+0"}, Accounts: []string{"x"}, Emails: []string{"y"}}, []muster.ID{}},
		"one by all keys":      {muster.Keys{IDs: []muster.ID{z.ID}, Phones: []string{z.PhoneKey}, Accounts: []string{z.AccountKey}, Emails: []string{z.EmailKey}}, []muster.ID{z.ID}},
		"a key repeated":       {muster.Keys{IDs: []muster.ID{z.ID, z.ID}, Phones: []string{z.PhoneKey, z.PhoneKey}}, []muster.ID{z.ID}},
		"an e-mail of two":     {muster.Keys{Emails: []string{x.EmailKey}}, []muster.ID{x.ID, y.ID}},
		"strange characters":   {muster.Keys{Accounts: []string{x.AccountKey}}, []muster.ID{x.ID}},
		"a key cut at a zero":  {muster.Keys{Accounts: []string{"'; DROP TABLE users; --"}}, []muster.ID{}},
		"another kind of key":  {muster.Keys{Accounts: []string{z.PhoneKey}}, []muster.ID{}},
		"each by another kind": {muster.Keys{IDs: []muster.ID{z.ID}, Phones: []string{x.PhoneKey}, Accounts: []string{y.AccountKey}}, []muster.ID{x.ID, y.ID, z.ID}},
	} {
		b.same(name, idsOf(b.snapshot(b.tenant, c.keys).Users), c.want)
		outline, err := b.store.Outline(b.Context(), b.tenant, c.keys)
		b.ok(err)
		b.same(name+", in outline", idsOf(outline.Users), c.want)
	}
	outline, err := b.store.Outline(b.Context(), b.tenant, muster.Keys{Phones: []string{z.PhoneKey}, Accounts: []string{z.AccountKey}})
	b.ok(err)
	b.same("the outline's usage", outline.Usage, b.usage(b.tenant))
	b.same("the outline of a user", outline.Users, []muster.User{
		{ID: z.ID, PhoneKey: z.PhoneKey, AccountKey: z.AccountKey, Level: muster.LevelCommon},
	})
	_, err = b.store.Outline(b.Context(), b.id(), muster.Keys{})
	b.kind(err, muster.KindNotFound)
	shot := b.snapshot(b.tenant, muster.Keys{IDs: []muster.ID{z.ID}})
	b.same("holder", shot.Users, []muster.User{z})
	_, err = b.store.Snapshot(b.Context(), b.id(), muster.Keys{})
	b.kind(err, muster.KindNotFound)
}
