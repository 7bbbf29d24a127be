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
	return &page, nil
}

// pageOf queues the look-up of a page, and of how many users there are where that is not all of the tenant's, whose number is
// kept.
func (t *tx) pageOf(page *directory.UserPage, tenant muster.ID, d *muster.Department, q *directory.UserQuery) {
	total, users := []any{&page.Total}, &page.Users
	var low, high string
	if d != nil {
		if low, high = within(d.IDPath); q.Direct {
			high = low + "0" // below are ids, which do not begin with it
		}
	}
	switch match := containing(q.Keyword); {
	case d == nil && q.Keyword == "":
		t.users(users, pageUsers, tenant, q.Limit, q.Offset)
	case d == nil:
		t.row(total, countUsersMatching, tenant, match)
		t.users(users, pageUsersMatching, tenant, match, q.Limit, q.Offset)
	case q.Keyword == "":
		t.row(total, countUsersWithin, tenant, low, high)
		t.users(users, pageUsersWithin, tenant, low, high, q.Limit, q.Offset)
	default:
		t.row(total, countUsersMatchingWithin, tenant, low, high, match)
		t.users(users, pageUsersMatchingWithin, tenant, low, high, match, q.Limit, q.Offset)
	}
}

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
