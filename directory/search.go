package directory

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"muster"
	"muster/mapping"
)

// SearchKey is what users are searched by.
type SearchKey uint8

// The keys of a search.
const (
	SearchAccount SearchKey = iota + 1
	SearchPhone
	SearchEmail
	SearchName // display name, first name and surname in one, or surname
)

var searchKeys = [...]string{SearchAccount: "account", SearchPhone: "phone", SearchEmail: "email", SearchName: "name"}

func (k SearchKey) String() string { return searchKeys[k] }

// UserMark is a place in a list of users, behind which it goes on. The zero value is before all.
type UserMark struct {
	Key        string    // of a search: the key that the user was found by
	Department muster.ID // of a list by department
	User       muster.ID
}

// UserSearch asks for users by the beginning of a key, in the key's order.
type UserSearch struct {
	By         SearchKey
	Prefix     string    // as a person writes it, 1 to 254 bytes; to a store folded, as the key is
	Department muster.ID // 0: of the highest that the actor administers; of no meaning to a store
	After      UserMark
	Limit      int // 1 to MaxPage
}

// Bounds are the keys between which a search finds users: behind the place, and below the text.
func (q *UserSearch) Bounds() (behind UserMark, below string) {
	behind = q.After
	if behind == (UserMark{}) {
		behind.Key = q.Prefix
	}
	return behind, q.Prefix + string(utf8.MaxRune)
}

// UserMatches is a page of the users that a search finds. It may have fewer than asked for, or none, and others follow.
type UserMatches struct {
	Users []muster.User
	Next  *UserMark // After of the next page; nil if this is the last
	seen  int
	last  UserMark
}

// Add takes in a user whom a store found by the key. Who has several names that match is found by each, and taken by the first
// in order alone.
func (m *UserMatches) Add(q *UserSearch, key string, u *muster.User) {
	m.seen++
	m.last = UserMark{Key: key, User: u.ID}
	if m.seen == q.Limit {
		m.Next = &m.last
	}
	if q.By == SearchName && firstName(u, q.Prefix) != key {
		return
	}
	m.Users = append(m.Users, *u)
}

// firstName is the first of the user's names, in order, that begins so.
func firstName(u *muster.User, prefix string) (first string) {
	for _, name := range u.NameKeys().All() {
		if strings.HasPrefix(name, prefix) && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// maxScanned is how many users one search looks at whose departments it has to look at, too: few pages of a tenant's users, and
// no more where most are in other departments.
const maxScanned = 5 * MaxPage

// Search finds users whose key begins as the query says, whatever the letter case, and a phone however it is written from its
// beginning on. It costs the same whatever the number of users. Of who is not in the department asked for, or not administered
// by the actor, it tells nothing.
func (s *Users) Search(ctx context.Context, tenant muster.ID, actor muster.Actor, q UserSearch) (*UserMatches, error) {
	if err := checkPage("", q.Limit); err != nil {
		return nil, err
	}
	id, err := top(ctx, s.Store, tenant, actor, q.Department)
	if err != nil {
		return nil, err
	}
	d, err := administered(ctx, s.Store, tenant, actor, id)
	if err != nil {
		return nil, err
	}
	if q.Prefix, err = s.foldPrefix(ctx, tenant, &q); err != nil {
		return nil, err
	}
	if q.After != (UserMark{}) && !strings.HasPrefix(q.After.Key, q.Prefix) {
		return nil, refuse(muster.KindInvalid, "cursor", "cursor is of another search.")
	}
	if d.Parent == 0 {
		page, err := s.Store.SearchUsers(ctx, tenant, q)
		if err != nil {
			return nil, fmt.Errorf("search users: %w", err)
		}
		return page, nil
	}
	return s.searchWithin(ctx, tenant, d.ID, q)
}

// searchWithin leaves out who is not in the department or below it.
func (s *Users) searchWithin(ctx context.Context, tenant, department muster.ID, q UserSearch) (*UserMatches, error) {
	homes := map[muster.ID]bool{}
	found := &UserMatches{}
	wanted := q.Limit
	q.Limit = MaxPage
	for scanned := 0; scanned < maxScanned; scanned += q.Limit {
		page, err := s.Store.SearchUsers(ctx, tenant, q)
		if err != nil {
			return nil, fmt.Errorf("search users: %w", err)
		}
		for i := range page.Users {
			u := &page.Users[i]
			within, known := homes[u.Department]
			if !known {
				if within, err = s.isWithin(ctx, tenant, u.Department, department); err != nil {
					return nil, err
				}
				homes[u.Department] = within
			}
			if !within {
				continue
			}
			if found.Users = append(found.Users, *u); len(found.Users) == wanted {
				found.Next = &UserMark{Key: keyOf(&q, u), User: u.ID}
				return found, nil
			}
		}
		if found.Next = page.Next; page.Next == nil {
			break
		}
		q.After = *page.Next
	}
	return found, nil
}

// keyOf is the key that the user was found by.
func keyOf(q *UserSearch, u *muster.User) string {
	switch q.By {
	case SearchAccount:
		return u.AccountKey
	case SearchPhone:
		return u.PhoneKey
	case SearchEmail:
		return u.EmailKey
	default:
		return firstName(u, q.Prefix)
	}
}

func (s *Users) isWithin(ctx context.Context, tenant, id, top muster.ID) (bool, error) {
	d, err := s.Store.Department(ctx, tenant, id)
	switch {
	case muster.KindOf(err) == muster.KindNotFound:
		return false, nil // he was moved, and his department deleted, just now
	case err != nil:
		return false, fmt.Errorf("read a user's department: %w", err)
	default:
		return d.Within(top), nil
	}
}

// foldPrefix gives the beginning as the key has it.
func (s *Users) foldPrefix(ctx context.Context, tenant muster.ID, q *UserSearch) (prefix string, err error) {
	if len(q.Prefix) > maxKeyword {
		return "", refuse(muster.KindInvalid, q.By.String(), "%s must be at most %d bytes long.", q.By, maxKeyword)
	}
	switch q.By {
	case SearchPhone:
		t, err := s.Store.Tenant(ctx, tenant)
		if err != nil {
			return "", fmt.Errorf("search users: %w", err)
		}
		var broken *muster.Fault
		if prefix, broken = mapping.PhonePrefix(q.By.String(), q.Prefix, t.Settings.PhoneRegion); broken != nil {
			return "", refuse(muster.KindInvalid, q.By.String(), "No %s begins so. %s", q.By, broken.Detail)
		}
		return prefix, nil
	case SearchName:
		prefix = muster.FoldName(q.Prefix)
	case SearchAccount:
		prefix = mapping.AccountKey(strings.TrimSpace(q.Prefix))
	default:
		prefix = strings.ToLower(strings.TrimSpace(q.Prefix))
	}
	if prefix == "" {
		return "", refuse(muster.KindInvalid, q.By.String(), "%s must have at least one character.", q.By)
	}
	return prefix, nil
}
