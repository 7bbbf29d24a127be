package storetest

import (
	"muster"
	"muster/directory"
	"muster/provision"
)

// found turns the pages of a search, some users at a time, and gives the ids of all whom it finds.
func (b *bundle) found(tenant muster.ID, by directory.SearchKey, prefix string, limit int) []muster.ID {
	b.Helper()
	q := directory.UserSearch{By: by, Prefix: prefix, Limit: limit}
	ids := []muster.ID{}
	for {
		page, err := b.store.SearchUsers(b.Context(), tenant, q)
		b.ok(err)
		if len(page.Users) > limit {
			b.Fatalf("a page of at most %d has %d", limit, len(page.Users))
		}
		for i := range page.Users {
			ids = append(ids, page.Users[i].ID)
		}
		if page.Next == nil {
			return ids
		}
		if *page.Next == q.After {
			b.Fatalf("the search does not go on from %+v", q.After)
		}
		q.After = *page.Next
	}
}

func testPrefixSearch(b *bundle) {
	home := b.root(b.tenant)
	users := make([]muster.User, 6)
	for i := range users {
		users[i] = muster.User{ID: b.id(), Level: muster.LevelCommon, Department: home.ID}
	}
	set := func(i int, account, phone, email, first, surname, display string) {
		u := &users[i]
		u.Account, u.AccountKey, u.Phone, u.PhoneKey, u.Email, u.EmailKey = account, account, phone, phone, email, email
		u.FirstName, u.Surname, u.DisplayName = first, surname, display
	}
	set(0, "ann", "+491", "x@one.org", "Ann", "Archer", "")
	set(1, "ann.b", "+4911", "same@x.org", "Bea", "Ann", "Ännchen  vom Berg")
	set(2, "anz", "+4912", "same@x.org", "", "", "李小龙")
	set(3, "bo", "491", "same@x.org", "Ann", "Archer", "ann archer") // whose display name is his name
	set(4, "", "", "", "", "", "")
	set(5, "q\x00b", "", "", "an\xff", "", "")
	b.planFor(b.tenant, nil, muster.Planned{Insert: users, Usage: muster.Usage{Users: 7, SystemAdmins: 1}})
	foreign := users[0]
	b.planFor(b.other, nil, muster.Planned{Insert: []muster.User{foreign}, Usage: muster.Usage{Users: 2, SystemAdmins: 1}})

	const account, phone, email, name = directory.SearchAccount, directory.SearchPhone, directory.SearchEmail, directory.SearchName
	for _, c := range []struct {
		by     directory.SearchKey
		prefix string
		want   []int
	}{
		{account, "ann", []int{0, 1}}, {account, "an", []int{0, 1, 2}}, {account, "q", []int{5}}, {account, "b", []int{3}},
		{account, "ann.b", []int{1}}, {account, "ann.bc", nil}, {account, "An", nil}, {account, "%", nil}, {account, "c", nil},
		{phone, "+491", []int{0, 1, 2}}, {phone, "+4912", []int{2}}, {phone, "491", []int{3}}, {phone, "+", []int{0, 1, 2}},
		{email, "same@", []int{1, 2, 3}}, {email, "same@x.org", []int{1, 2, 3}}, {email, "x", []int{0}},
		// By first name and surname, by surname alone, and whoever by several of his names once.
		{name, "ann", []int{1, 0, 3}}, {name, "ann a", []int{0, 3}}, {name, "arch", []int{0, 3}}, {name, "an", []int{1, 0, 3, 5}}, {name, "ännchen vom", []int{1}},
		{name, "bea ann", []int{1}}, {name, "李", []int{2}}, {name, "小", nil},
	} {
		want := []muster.ID{}
		for _, i := range c.want {
			want = append(want, users[i].ID)
		}
		for _, limit := range []int{1, 2, 100} {
			b.same(c.by.String()+" "+c.prefix, b.found(b.tenant, c.by, c.prefix, limit), want)
		}
	}
	page, err := b.store.SearchUsers(b.Context(), b.tenant, directory.UserSearch{By: account, Prefix: "ann.b", Limit: 1})
	b.ok(err)
	stored := *b.stored(b.tenant, users[1].ID)
	b.same("whole user", page.Users, []muster.User{stored})
	b.same("nothing of another tenant's", b.found(b.other, account, "bo", 10), []muster.ID{})
	b.same("nothing of no tenant's", b.found(b.id(), account, "a", 10), []muster.ID{})
}

// testNamesFollow: the index of names is what the users are, whatever becomes of them.
func testNamesFollow(b *bundle) {
	home := b.root(b.tenant)
	users := make([]muster.User, 3)
	for i := range users {
		users[i] = muster.User{ID: b.id(), Level: muster.LevelCommon, Department: home.ID, FirstName: "Old", Surname: "Name"}
	}
	ids := []muster.ID{users[0].ID, users[1].ID, users[2].ID}
	usage := muster.Usage{Users: 4, SystemAdmins: 1}
	b.planFor(b.tenant, nil, muster.Planned{Insert: users, Usage: usage})
	b.same("as made", b.found(b.tenant, directory.SearchName, "old", 10), ids)
	users[0].FirstName, users[0].DisplayName = "New", "Somebody"
	users[1].Disabled = true
	usage.Users--
	b.planFor(b.tenant, ids, muster.Planned{Update: users[:2], Delete: ids[2:], Usage: usage})
	for prefix, want := range map[string][]muster.ID{
		"old": ids[1:2], "new": ids[:1], "somebody": ids[:1], "name": ids[:2], "n": ids[:2],
	} {
		b.same("then by "+prefix, b.found(b.tenant, directory.SearchName, prefix, 1), want)
	}
	// Somebody else of the name, who has the place of the one who is gone.
	users[2].ID = b.id()
	usage.Users++
	b.planFor(b.tenant, nil, muster.Planned{Insert: users[2:], Usage: usage})
	b.same("and somebody else", b.found(b.tenant, directory.SearchName, "old", 10), []muster.ID{ids[1], users[2].ID})
}

// testDirectID: an id that no batch has is on record, too, so that none is made below it after a restart.
func testDirectID(b *bundle) {
	for range 2 {
		last := b.id()
		b.ok(b.store.Apply(b.Context(), b.tenant, nil, muster.Keys{}, func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
			return &provision.Writes{Planned: muster.Planned{Usage: shot.Usage}, Now: b.now, LastID: last}, nil
		}))
		floor, err := b.store.IDFloor(b.Context())
		b.ok(err)
		b.same("largest id on record", floor, last)
	}
}
