package storetest

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"muster"
)

// signIns reads the users' sign-ins.
func (b *bundle) signIns(tenant muster.ID, users ...muster.ID) []muster.SignIn {
	b.Helper()
	var all []muster.SignIn
	b.ok(b.store.ChangeSignIns(b.Context(), tenant, users, func(s *muster.SignIn) error {
		all = append(all, *s)
		return nil
	}))
	return all
}

// link gives the users links for so long by the store's clock.
func (b *bundle) link(tenant muster.ID, life time.Duration, users ...muster.ID) {
	b.Helper()
	b.ok(b.store.ChangeSignIns(b.Context(), tenant, users, func(s *muster.SignIn) error {
		s.Activation = &muster.Activation{Hash: []byte("hash of " + s.User.ID.String()), ExpiresAt: s.Now.Add(life)}
		return nil
	}))
}

// linked is which of the users have links.
func (b *bundle) linked(tenant muster.ID, users ...muster.ID) []muster.ID {
	b.Helper()
	linked := []muster.ID{}
	for _, s := range b.signIns(tenant, users...) {
		if s.Activation != nil {
			linked = append(linked, s.User.ID)
		}
	}
	return linked
}

func testSignIns(b *bundle) {
	x, y, foreign := b.user(), b.user(), b.user()
	b.planFor(b.tenant, nil, muster.Planned{Insert: []muster.User{x, y}})
	b.planFor(b.other, nil, muster.Planned{Insert: []muster.User{foreign}})
	asked := []muster.ID{y.ID, b.id(), foreign.ID, x.ID}
	all := b.signIns(b.tenant, asked...)
	b.same("sign-ins of the users that exist", []muster.User{all[0].User, all[1].User}, []muster.User{y, x})
	if len(all) != 2 || all[0].Activation != nil || all[1].Activation != nil || time.Since(all[0].Now).Abs() > time.Minute {
		b.Errorf("sign-ins of new users are %+v", all)
	}

	link := &muster.Activation{Hash: []byte{0, 1, 2, 0xff}, ExpiresAt: b.now.Add(72 * time.Hour)}
	b.ok(b.store.ChangeSignIns(b.Context(), b.tenant, asked, func(s *muster.SignIn) error {
		if s.User.ID == x.ID {
			s.Activation = link
			return nil
		}
		s.User.PasswordHash, s.User.MustChangePassword = "", false
		s.User.FirstName, s.User.Level, s.User.Disabled, s.User.ID = "Mallory", muster.LevelSystemAdmin, true, x.ID // not for here
		s.User.EndTokens()
		return nil
	}))
	y.PasswordHash, y.MustChangePassword, y.TokenEpoch = "", false, y.TokenEpoch+1
	b.same("user whose password is gone", b.stored(b.tenant, y.ID), &y)
	b.same("user with a link", b.stored(b.tenant, x.ID), &x)
	b.same("link", b.signIns(b.tenant, x.ID)[0].Activation, link)
	one, err := b.store.SignIn(b.Context(), b.tenant, x.ID)
	b.ok(err)
	b.same("sign-in", []any{one.User, one.Activation}, []any{x, link})
	if time.Since(one.Now).Abs() > time.Minute {
		b.Errorf("the time of a sign-in is %s", one.Now)
	}
	for _, c := range [][2]muster.ID{{b.tenant, foreign.ID}, {b.other, x.ID}, {b.tenant, b.id()}, {b.id(), x.ID}} {
		_, err := b.store.SignIn(b.Context(), c[0], c[1])
		b.kind(err, muster.KindNotFound)
	}

	link.Hash = []byte("a newer one")
	b.ok(b.store.ChangeSignIns(b.Context(), b.tenant, []muster.ID{x.ID, x.ID}, func(s *muster.SignIn) error {
		s.Activation.Hash, s.User.PasswordHash = link.Hash, s.User.PasswordHash+"+"
		return nil
	}))
	x.PasswordHash += "+" // once, though named twice
	b.same("newer link", b.signIns(b.tenant, x.ID)[0].Activation, link)
	b.same("user with a newer link", b.stored(b.tenant, x.ID), &x)

	fault := errors.New("no")
	for name, err := range map[string]error{"a fault": fault, "a refusal": &muster.Error{Kind: muster.KindConflict, Field: "password"}} {
		got := b.store.ChangeSignIns(b.Context(), b.tenant, []muster.ID{x.ID, y.ID}, func(s *muster.SignIn) error {
			s.User.PasswordHash, s.Activation = "changed", nil
			if s.User.ID == y.ID {
				return err
			}
			return nil
		})
		if got != err { //nolint:errorlint // as it is
			b.Errorf("%s of change comes back as %v", name, got)
		}
		b.same("user after "+name, b.stored(b.tenant, x.ID), &x)
		b.same("links after "+name, b.linked(b.tenant, x.ID, y.ID), []muster.ID{x.ID})
	}
	b.same("sign-ins of the other tenant's user", len(b.signIns(b.tenant, foreign.ID)), 0)
	b.kind(b.store.ChangeSignIns(b.Context(), b.id(), asked, func(*muster.SignIn) error { return fault }), muster.KindNotFound)
	b.same("sign-ins of nobody", len(b.signIns(b.tenant)), 0)
}

func testEnabledByEmail(b *bundle) {
	users := make([]muster.User, 4)
	for i := range users {
		users[i] = b.user()
		users[i].Email, users[i].EmailKey, users[i].Disabled = "Info@Example.com", "info@example.com", i == 0
	}
	other, foreign := b.user(), users[1]
	b.planFor(b.tenant, nil, muster.Planned{Insert: append(slices.Clone(users), other)})
	b.planFor(b.other, nil, muster.Planned{Insert: []muster.User{foreign}})
	holders := func(tenant muster.ID, email string, limit int) []muster.User {
		b.Helper()
		found, err := b.store.EnabledByEmail(b.Context(), tenant, email, limit)
		b.ok(err)
		slices.SortFunc(found, func(x, y muster.User) int { return cmp.Compare(x.ID, y.ID) })
		return found
	}
	b.same("enabled users of an e-mail", holders(b.tenant, "info@example.com", 9), users[1:])
	b.same("how many, with a limit", len(holders(b.tenant, "info@example.com", 2)), 2)
	b.same("the other tenant's", holders(b.other, "info@example.com", 2), []muster.User{foreign})
	b.same("users of an e-mail in other letters", len(holders(b.tenant, "Info@Example.com", 2)), 0)
	b.same("users of no e-mail", len(holders(b.tenant, "", 2)), 0)
}

func testActivationsEnd(b *bundle) {
	users := make([]muster.User, 6)
	var ids []muster.ID
	for i := range users {
		users[i] = b.user()
		ids = append(ids, users[i].ID)
	}
	twin := users[0]
	b.planFor(b.tenant, nil, muster.Planned{Insert: users})
	b.planFor(b.other, nil, muster.Planned{Insert: []muster.User{twin}})
	b.link(b.tenant, live, ids...)
	b.link(b.other, live, twin.ID)
	b.same("users with links", b.linked(b.tenant, ids...), ids)

	changed := users[1]
	changed.FirstName = "Changed"
	b.planFor(b.tenant, ids, muster.Planned{
		Update: []muster.User{users[0], changed}, Password: []muster.ID{users[0].ID}, Delete: []muster.ID{users[2].ID},
	})
	b.planFor(b.tenant, nil, muster.Planned{Insert: []muster.User{users[2]}}) // as a new one
	left := []muster.ID{ids[1], ids[3], ids[4], ids[5]}
	b.same("users with links after a password and a deletion", b.linked(b.tenant, ids...), left)
	b.ok(b.store.ChangeSignIns(b.Context(), b.tenant, ids[3:4], func(s *muster.SignIn) error { s.Activation = nil; return nil }))

	b.same("purged before the end", b.purge(b.tenant, b.now, 1), false)
	b.link(b.tenant, ended, ids[4:]...)
	b.link(b.other, ended, twin.ID)
	b.same("purged", []bool{b.purge(b.tenant, b.now, 1), b.purge(b.tenant, b.now, 1), b.purge(b.tenant, b.now, 1)}, []bool{true, true, false})
	b.same("users with links after a purge", b.linked(b.tenant, ids...), ids[1:2])
	b.same("users of the other tenant with links", b.linked(b.other, twin.ID), []muster.ID{twin.ID})
	b.link(b.tenant, live, ids[5])
	b.same("users with links at the end", b.linked(b.tenant, slices.Clone(ids)...), []muster.ID{ids[1], ids[5]})
}
