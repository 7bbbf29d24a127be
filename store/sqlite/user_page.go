package sqlite

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
	err := s.readers.read(ctx, func(q querier) error {
		taken, _, err := usage(ctx, q, tenant)
		if err != nil {
			return err
		}
		var low, high string
		if query.Department != 0 {
			d, err := scanDepartment(q.row(ctx, selectDepartment, int64(tenant), int64(query.Department)))
			if err != nil {
				return exists(err, noDepartment)
			}
			if low, high = within(d.IDPath); query.Direct {
				high = low + "0" // below are ids, which do not begin with it
			}
		}
		if query.Role != 0 {
			return roleUsers(ctx, q, tenant, &query, &page)
		}
		match := containing(query.Keyword)
		list := userListOf(&query)
		args := []any{
			int64(tenant), match.like, match.glob, low, high, query.Limit, query.Offset, int64(query.After.User), int64(query.After.Department),
		}
		if query.After == (directory.UserMark{}) {
			page.Total = taken.Users
			if list.counted {
				if err := q.row(ctx, list.count, args...).Scan(&page.Total); err != nil {
					return err
				}
			}
		} else if query.Department != 0 {
			// What is left of the department in which the page before ended, if it is still one of those.
			if err := list.read(ctx, q, list.rest, &page, args); err != nil {
				return err
			}
			args[limitArg] = query.Limit - len(page.Users)
		}
		return list.read(ctx, q, list.page, &page, args)
	})
	if err != nil {
		return nil, explain("list users", err)
	}
	return &page, nil
}

// roleUsers reads a page of those who have a role.
func roleUsers(ctx context.Context, q querier, tenant muster.ID, query *directory.UserQuery, page *directory.UserPage) error {
	role := int64(query.Role)
	if query.After == (directory.UserMark{}) {
		if err := q.row(ctx, countRoleUsers, int64(tenant), role).Scan(&page.Total); err != nil {
			return err
		}
	}
	args := []any{int64(tenant), role, int64(query.After.User), query.Limit, query.Offset}
	return userList{}.read(ctx, q, pageRoleUsers, page, args)
}

// limitArg is where among the arguments of every list its limit is.
const limitArg = 5

// userList is how a list of users is read.
type userList struct {
	page    statement
	rest    statement // of a list by department
	counted bool      // by count; else they are all of the tenant's, whose number is kept
	count   statement
}

func (userList) read(ctx context.Context, q querier, by statement, page *directory.UserPage, args []any) error {
	rows, err := q.query(ctx, by, args...)
	return collect(rows, err, func(row scanner) error {
		var u muster.User
		err := scanUser(row, &u)
		page.Users = append(page.Users, u)
		return err
	})
}

func userListOf(q *directory.UserQuery) userList {
	switch {
	case q.Department == 0 && q.Keyword == "":
		return userList{page: pageUsers}
	case q.Department == 0:
		return userList{page: pageUsersMatching, counted: true, count: countUsersMatching}
	case q.Keyword == "":
		return userList{pageUsersWithin, pageUsersOf, true, countUsersWithin}
	default:
		return userList{pageUsersMatchingWithin, pageUsersMatchingOf, true, countUsersMatchingWithin}
	}
}

// pattern finds texts that contain another, letter case aside, by two functions of SQLite. LIKE is fast, but knows the
// cases of ASCII alone: other letters that have two cases it lets pass, and GLOB, which is slow, sees to what passed.
type pattern struct{ like, glob string }

func containing(keyword string) pattern {
	if strings.ContainsRune(keyword, 0) { // where a pattern ends, and what no text contains
		return pattern{"%", ""}
	}
	var like, glob strings.Builder
	like.WriteByte('%')
	glob.WriteByte('*')
	for _, r := range keyword {
		switch other := unicode.SimpleFold(r); {
		case strings.ContainsRune(`%_\`, r):
			like.WriteRune('\\')
			like.WriteRune(r)
		case other == r || r < unicode.MaxASCII:
			like.WriteRune(r)
		default:
			like.WriteByte('_')
		}
		glob.WriteByte('[')
		glob.WriteRune(r)
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			glob.WriteRune(other)
		}
		glob.WriteByte(']')
	}
	like.WriteByte('%')
	glob.WriteByte('*')
	return pattern{like.String(), glob.String()}
}
