package storetest

import (
	"slices"

	"muster"
	"muster/directory"
)

// listed is the ids of a page of users, and how many there are on all pages.
func (b *bundle) listed(tenant muster.ID, q directory.UserQuery) ([]muster.ID, int64) {
	b.Helper()
	page, err := b.store.Users(b.Context(), tenant, q)
	b.ok(err)
	ids := []muster.ID{}
	for i := range page.Users {
		ids = append(ids, page.Users[i].ID)
	}
	return ids, page.Total
}

// turned is the ids of a list as its pages have them, each behind the one before.
func (b *bundle) turned(tenant muster.ID, q directory.UserQuery) []muster.ID {
	b.Helper()
	ids := []muster.ID{}
	for {
		page, err := b.store.Users(b.Context(), tenant, q)
		b.ok(err)
		if q.After != (directory.UserMark{}) {
			b.same("total behind the first page", page.Total, int64(0))
		}
		for i := range page.Users {
			ids = append(ids, page.Users[i].ID)
			q.After = directory.UserMark{Department: page.Users[i].Department, User: page.Users[i].ID}
		}
		if len(page.Users) < q.Limit {
			return ids
		}
	}
}

// testUserPages has departments whose ids are not in the order of the tree.
func testUserPages(b *bundle) {
	root := b.root(b.tenant)
	late := b.id()
	first := b.below(b.tenant, root, "z")[0]
	deep := b.below(b.tenant, first, "y")[0]
	second := root.Child(late, "x", b.now) // an older id than first's
	b.ok(b.change(b.tenant, directory.Writes{Insert: []muster.Department{second}}))
	homes := []muster.ID{first.ID, second.ID, deep.ID, first.ID, second.ID, deep.ID, deep.ID}
	users := make([]muster.User, len(homes))
	ids := make([]muster.ID, len(homes))
	for i := range users {
		users[i] = b.user()
		users[i].Department, ids[i] = homes[i], users[i].ID
	}
	role, other := b.id(), b.id()
	users[1].Roles, users[2].Roles, users[4].Roles = []muster.ID{role}, []muster.ID{other}, []muster.ID{other, role}
	users[6].Roles = []muster.ID{role}
	b.planFor(b.tenant, nil, muster.Planned{Insert: users, Usage: muster.Usage{Users: int64(len(users)) + 1, SystemAdmins: 1}})
	foreign := b.user()
	foreign.Department, foreign.Roles = first.ID, []muster.ID{role}
	b.planFor(b.other, nil, muster.Planned{Insert: []muster.User{foreign}, Usage: muster.Usage{Users: 2, SystemAdmins: 1}})
	admins, err := b.store.Administrators(b.Context(), b.tenant, 1)
	b.ok(err)
	at := func(places ...int) []muster.ID {
		some := []muster.ID{}
		for _, i := range places {
			some = append(some, ids[i])
		}
		return some
	}
	for name, c := range map[string]struct {
		q     directory.UserQuery
		want  []muster.ID
		total int64
	}{
		"all":                         {directory.UserQuery{Limit: 100}, append([]muster.ID{admins[0].ID}, ids...), 8},
		"all, a page":                 {directory.UserQuery{Offset: 2, Limit: 3}, at(1, 2, 3), 8},
		"all, no page":                {directory.UserQuery{Offset: 8, Limit: 3}, at(), 8},
		"of the root and below":       {directory.UserQuery{Department: root.ID, Limit: 100}, at(1, 4, 0, 3, 2, 5, 6), 7},
		"of the root alone":           {directory.UserQuery{Department: root.ID, Direct: true, Limit: 100}, at(), 0},
		"of one and below":            {directory.UserQuery{Department: first.ID, Limit: 100}, at(0, 3, 2, 5, 6), 5},
		"of one and below, a page":    {directory.UserQuery{Department: first.ID, Offset: 1, Limit: 2}, at(3, 2), 5},
		"of one alone":                {directory.UserQuery{Department: first.ID, Direct: true, Limit: 100}, at(0, 3), 2},
		"of one alone, a page":        {directory.UserQuery{Department: first.ID, Direct: true, Offset: 1, Limit: 2}, at(3), 2},
		"of a leaf":                   {directory.UserQuery{Department: deep.ID, Limit: 2}, at(2, 5), 3},
		"of a role":                   {directory.UserQuery{Role: role, Limit: 100}, at(1, 4, 6), 3},
		"of a role, a page":           {directory.UserQuery{Role: role, Offset: 1, Limit: 1}, at(4), 3},
		"of another role":             {directory.UserQuery{Role: other, Limit: 100}, at(2, 4), 2},
		"of no role":                  {directory.UserQuery{Role: first.ID, Limit: 100}, at(), 0},
		"of a leaf alone, behind all": {directory.UserQuery{Department: deep.ID, Direct: true, Offset: 9, Limit: 2}, at(), 3},
	} {
		got, total := b.listed(b.tenant, c.q)
		b.same(name, got, c.want)
		b.same(name+", counted", total, c.total)
		if c.q.Offset == 0 && c.q.Limit == 100 {
			c.q.Limit = 2
			b.same(name+", page by page", b.turned(b.tenant, c.q), c.want)
		}
	}
	page, err := b.store.Users(b.Context(), b.tenant, directory.UserQuery{Department: second.ID, Limit: 1})
	b.ok(err)
	b.same("whole user", page.Users, users[1:2])
	for _, c := range [][2]muster.ID{{b.tenant, b.id()}, {b.other, first.ID}, {b.id(), first.ID}, {b.id(), 0}} {
		for _, direct := range []bool{true, false} {
			_, err := b.store.Users(b.Context(), c[0], directory.UserQuery{Department: c[1], Direct: direct, Limit: 1})
			b.kind(err, muster.KindNotFound)
		}
	}
}

func testUserSearch(b *bundle) {
	home := b.below(b.tenant, b.root(b.tenant), "home")[0]
	users := make([]muster.User, 7)
	for i := range users {
		users[i] = muster.User{ID: b.id(), Level: muster.LevelCommon, Department: home.ID}
	}
	users[0].Account = "zoe_1x0%"
	users[1].Phone = "+49 151 1x0"
	users[2].Email = "Zoe@Example.com"
	users[3].FirstName = "Zoë"
	users[4].Surname = "ÖZIL-zoe"
	users[5].DisplayName = "李小龙 [zoe]"
	users[6].Department, users[6].Surname = b.root(b.tenant).ID, `a\b*?`
	b.planFor(b.tenant, nil, muster.Planned{Insert: users, Usage: muster.Usage{Users: 8, SystemAdmins: 1}})
	foreign := users[0]
	b.planFor(b.other, nil, muster.Planned{Insert: []muster.User{foreign}, Usage: muster.Usage{Users: 2, SystemAdmins: 1}})
	for keyword, want := range map[string][]int{
		"zoe": {0, 2, 4, 5}, "ZOE": {0, 2, 4, 5}, "zoë": {3}, "ZOË": {3}, "özil": {4}, "Özil-Z": {4}, "小": {5}, "小李": {}, "1x0": {0, 1}, "1x0%": {0}, "e_1": {0},
		"z_e": {}, "%": {0}, "_": {0}, "[zoe]": {5}, "[z]": {}, `\`: {6}, `a\b`: {6}, "*": {6}, "b*?": {6}, "z*e": {}, "?": {6}, "E@EXAMPLE": {2}, "+49 1": {1}, "zoe\x00": {},
		"\x00": {}, "nobody": {}, "zoe@example.com.": {}, "]": {5}, "'": {},
	} {
		ids, within := []muster.ID{}, []muster.ID{}
		for _, i := range want {
			ids = append(ids, users[i].ID)
			if i != 6 {
				within = append(within, users[i].ID)
			}
		}
		got, total := b.listed(b.tenant, directory.UserQuery{Keyword: keyword, Limit: 100})
		b.same("users found by "+keyword, got, ids)
		b.same("number of users found by "+keyword, total, int64(len(ids)))
		b.same("users found page by page by "+keyword, b.turned(b.tenant, directory.UserQuery{Keyword: keyword, Limit: 2}), ids)
		for _, direct := range []bool{true, false} {
			got, total = b.listed(b.tenant, directory.UserQuery{Department: home.ID, Direct: direct, Keyword: keyword, Limit: 100})
			b.same("users of a department found by "+keyword, got, within)
			b.same("users of a department found page by page by "+keyword,
				b.turned(b.tenant, directory.UserQuery{Department: home.ID, Direct: direct, Keyword: keyword, Limit: 2}), within)
			b.same("number of users of a department found by "+keyword, total, int64(len(within)))
		}
	}
	for _, q := range []directory.UserQuery{{}, {Department: home.ID}} {
		q.Keyword, q.Offset, q.Limit = "Zoe", 1, 2
		got, total := b.listed(b.tenant, q)
		b.same("page of users found", got, []muster.ID{users[2].ID, users[4].ID})
		b.same("number of users found", total, int64(4))
	}
	_, err := b.store.Users(b.Context(), b.other, directory.UserQuery{Department: home.ID, Keyword: "zoe", Limit: 1})
	b.kind(err, muster.KindNotFound)
}

// testSnapshotDepartments has what a row may mean by a name or a path, and nothing else.
func testSnapshotDepartments(b *bundle) {
	root := b.root(b.tenant)
	top := b.below(b.tenant, root, "a", "b", "c")
	mid := b.below(b.tenant, top[0], "x", "y", "b")
	low := b.below(b.tenant, mid[0], "x", "q")
	more := append(b.below(b.tenant, top[1], "x", "y", "a"), b.below(b.tenant, top[2], "x")...)
	deep := b.below(b.tenant, more[2], "b")[0]
	foreign := b.below(b.other, b.root(b.other), "x")[0]
	ref := func(base muster.ID, path string) muster.DepartmentRef {
		return muster.DepartmentRef{Base: base, Path: path}
	}
	for name, c := range map[string]struct {
		ref   muster.DepartmentRef
		want  []muster.Department // beside the base
		among []muster.Department // two of which there are besides
	}{
		"base itself":                         {ref: ref(root.ID, "")},
		"base by its name":                    {ref: ref(top[0].ID, "a")},
		"root by its name":                    {ref: ref(root.ID, root.Name)},
		"child":                               {ref: ref(root.ID, "b"), want: top[1:2]},
		"child of the base's name":            {ref: ref(more[2].ID, "a")},
		"only one below":                      {ref: ref(root.ID, "q"), want: low[1:]},
		"one of several below":                {ref: ref(root.ID, "x"), among: []muster.Department{mid[0], low[0], more[0], more[3]}},
		"two below":                           {ref: ref(root.ID, "y"), want: []muster.Department{mid[1], more[1]}},
		"several, one of them a child":        {ref: ref(top[0].ID, "x"), want: mid[:1]},
		"elsewhere":                           {ref: ref(top[2].ID, "q")},
		"nowhere":                             {ref: ref(root.ID, "Q")},
		"path from a child":                   {ref: ref(root.ID, "a/x/q"), want: low[1:]},
		"path from the base":                  {ref: ref(top[0].ID, "a/x"), want: mid[:1]},
		"path from the base, and from within": {ref: ref(top[1].ID, "b/a/b"), want: []muster.Department{deep}},
		"path from below a child":             {ref: ref(root.ID, "x/q")},
		"path to nowhere":                     {ref: ref(root.ID, "a/x/nothing")},
		"path with strange characters":        {ref: ref(root.ID, "a\x00/\xff'\"\\<")},
		"name with strange characters":        {ref: ref(root.ID, "q\x00\xff")},
	} {
		base := b.department(b.tenant, c.ref.Base)
		shot := b.snapshot(b.tenant, muster.Keys{Departments: []muster.DepartmentRef{c.ref, c.ref}})
		outline, err := b.store.Outline(b.Context(), b.tenant, muster.Keys{Departments: []muster.DepartmentRef{c.ref}})
		b.ok(err)
		for _, got := range [][]muster.Department{shot.Departments, outline.Departments} {
			got = slices.Clone(got)
			ambiguous := 0
			got = slices.DeleteFunc(got, func(d muster.Department) bool {
				if slices.Contains(c.among, d) {
					ambiguous++
					return true
				}
				return false
			})
			b.same(name+": some of several", ambiguous, min(2, len(c.among)))
			b.same(name, sorted(got), sorted(append([]muster.Department{base}, c.want...)))
		}
	}
	for name, base := range map[string]muster.ID{"nothing": 0, "another tenant's": foreign.ID, "one that is nowhere": b.id()} {
		for _, path := range []string{"", "x", "a/x", "f"} {
			b.same(name, len(b.snapshot(b.tenant, muster.Keys{Departments: []muster.DepartmentRef{ref(base, path)}}).Departments), 0)
		}
	}
	b.same("no departments asked for", len(b.snapshot(b.tenant, muster.Keys{}).Departments), 0)
}

func sorted(departments []muster.Department) []muster.ID {
	ids := make([]muster.ID, len(departments))
	for i := range departments {
		ids[i] = departments[i].ID
	}
	slices.Sort(ids)
	return ids
}

// testSnapshotHomes: the departments of the users found.
func testSnapshotHomes(b *bundle) {
	made := b.below(b.tenant, b.root(b.tenant), "a", "b", "c")
	x, y, z := b.user(), b.user(), b.user()
	x.Department, y.Department, z.Department = made[0].ID, made[1].ID, made[1].ID
	b.planFor(b.tenant, nil, muster.Planned{Insert: []muster.User{x, y, z}})
	keys := muster.Keys{
		IDs: []muster.ID{x.ID}, Phones: []string{y.PhoneKey}, Accounts: []string{z.AccountKey},
		Departments: []muster.DepartmentRef{{Base: made[2].ID}, {Base: made[0].ID}},
	}
	b.same("departments without homes", sorted(b.snapshot(b.tenant, keys).Departments), sorted([]muster.Department{made[0], made[2]}))
	keys.Homes = true
	shot := b.snapshot(b.tenant, keys)
	b.same("departments with homes", sorted(shot.Departments), sorted(made))
	outline, err := b.store.Outline(b.Context(), b.tenant, keys)
	b.ok(err)
	b.same("departments of an outline with homes", sorted(outline.Departments), sorted(made))
	for i := range outline.Users {
		u := &outline.Users[i]
		b.same("department of a user in outline", u.Department, b.stored(b.tenant, u.ID).Department)
	}
	b.same("users in outline", idsOf(outline.Users), []muster.ID{x.ID, y.ID, z.ID})
	b.same("nothing of another tenant's", len(b.snapshot(b.other, keys).Departments), 0)
}
