package postgres

import (
	"context"
	"strings"
	"unicode"

	"muster"
	"muster/directory"
)

// Users is [directory.Store.Users].
func (s *Store) Users(ctx context.Context, tenant muster.ID, query directory.UserQuery) (*directory.UserPage, error) {
	var page directory.UserPage
	err := s.read(ctx, func(t *tx) error {
		known := false
		t.rows(func(row scanner) error {
			var taken muster.Usage
			var sequence int64
			known = true
			err := scanUsage(row, &taken, &sequence)
			page.Total = taken.Users
			return err
		}, selectUsage, tenant)
		var d *muster.Department
		if query.Department != 0 {
			t.department(&d, selectDepartment, tenant, query.Department)
		}
		if err := t.flush(); err != nil {
			return err
		}
		switch {
		case !known:
			return &muster.Error{Kind: muster.KindNotFound, Detail: noTenant}
		case query.Department != 0 && d == nil:
			return &muster.Error{Kind: muster.KindNotFound, Detail: noDepartment}
		}
		t.pageOf(&page, tenant, d, &query)
		return nil
	})
	if err != nil {
		return nil, explain("list users", err)
	}
	// Both parts of a page were asked for as if there were no other.
	page.Users = page.Users[:min(len(page.Users), query.Limit)]
	if query.After != (directory.UserMark{}) {
		page.Total = 0
	}
	return &page, nil
}

// pageOf queues the look-up of a page, and of how many users there are where that is not all of the tenant's, whose number is
// kept.
func (t *tx) pageOf(page *directory.UserPage, tenant muster.ID, d *muster.Department, q *directory.UserQuery) {
	var match []any // what some of the statements end with
	if q.Keyword != "" {
		match = []any{containing(q.Keyword)}
	}
	if q.Role != 0 {
		if q.After == (directory.UserMark{}) {
			t.row([]any{&page.Total}, countRoleUsers, tenant, q.Role)
		}
		t.users(&page.Users, pageRoleUsers, tenant, q.Role, q.After.User, q.Limit, q.Offset)
		return
	}
	if d == nil {
		list := allUsers[q.Keyword != ""]
		if list.count != 0 && q.After == (directory.UserMark{}) {
			t.row([]any{&page.Total}, list.count, append([]any{tenant}, match...)...)
		}
		t.users(&page.Users, list.page, append([]any{tenant, q.After.User, q.Limit, q.Offset}, match...)...)
		return
	}
	low, high := within(d.IDPath)
	if q.Direct {
		high = low + "0" // below are ids, which do not begin with it
	}
	list := usersByDepartment[q.Keyword != ""]
	if q.After == (directory.UserMark{}) {
		t.row([]any{&page.Total}, list.count, append([]any{tenant, low, high, 0}, match...)...)
	} else {
		t.users(&page.Users, list.rest, append([]any{tenant, low, high, q.After.Department, q.After.User, q.Limit}, match...)...)
	}
	t.users(&page.Users, list.page, append([]any{tenant, low, high, q.After.Department, q.Limit, q.Offset}, match...)...)
}

// listing is how a list of users is read.
type listing struct {
	page, rest statement // rest is of a list by department
	count      statement // 0: they are all of the tenant's, whose number is kept
}

var (
	allUsers          = map[bool]listing{false: {page: pageUsers}, true: {page: pageUsersMatching, count: countUsersMatching}}
	usersByDepartment = map[bool]listing{
		false: {pageUsersWithin, pageUsersOf, countUsersWithin},
		true:  {pageUsersMatchingWithin, pageUsersMatchingOf, countUsersMatchingWithin},
	}
)

// containing is a regular expression that finds texts which contain another, letter case aside. It spells out each letter's
// cases, since the database knows of them what its locale says.
func containing(keyword string) string {
	var b strings.Builder
	for _, r := range keyword {
		switch other := unicode.SimpleFold(r); {
		case other != r:
			b.WriteByte('[')
			b.WriteRune(r)
			for ; other != r; other = unicode.SimpleFold(other) {
				b.WriteRune(other)
			}
			b.WriteByte(']')
		case r < unicode.MaxASCII && !unicode.IsLetter(r) && !unicode.IsDigit(r):
			b.WriteByte('\\') // before what is no letter or digit, it means the character itself
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
