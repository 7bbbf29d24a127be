package directory

import (
	"encoding/base64"
	"encoding/binary"

	"muster"
)

// UserList is a kind of list of users. A place in one means nothing in another, so a cursor begins with it.
type UserList byte

// The lists that are no searches; see [SearchKey.List] for these.
const (
	ListByID         UserList = 'a'
	ListByDepartment UserList = 'd'
)

// List is the list that a search by the key gives.
func (k SearchKey) List() UserList { return 'A' + UserList(k) }

// ListOf is the list that the query gives to the actor.
func (q *UserQuery) ListOf(actor muster.Actor) UserList {
	if q.Department != 0 || actor.Scope() != 0 || q.Direct {
		return ListByDepartment
	}
	return ListByID
}

// Next is the place behind the page that the query gave, as After takes it; nil if that was the last.
func (p *UserPage) Next(q *UserQuery) *UserMark {
	n := len(p.Users)
	if n < q.Limit || n == 0 {
		return nil
	}
	last := &p.Users[n-1]
	return &UserMark{Department: last.Department, User: last.ID}
}

// maxCursor bounds a cursor, in bytes of its text: it holds one key of a user.
const maxCursor = 2048

// Cursor is a place in the list as text of [A-Za-z0-9_-]; "" where there is none. Who lists users gets it back as it is.
func (l UserList) Cursor(m *UserMark) string {
	if m == nil {
		return ""
	}
	b := []byte{byte(l)}
	b = binary.AppendUvarint(b, uint64(m.User))
	b = binary.AppendUvarint(b, uint64(m.Department))
	return base64.RawURLEncoding.EncodeToString(append(b, m.Key...))
}

// Parse reads what Cursor made for the same list; "" is the beginning. KindInvalid, with Field "cursor", for anything else.
func (l UserList) Parse(cursor string) (m UserMark, err error) {
	refusal := refuse(muster.KindInvalid, "cursor", "cursor must be nextCursor of the page before, of the same list.")
	if cursor == "" {
		return m, nil
	}
	b, malformed := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if malformed != nil || len(cursor) > maxCursor || len(b) == 0 || b[0] != byte(l) {
		return m, refusal
	}
	b = b[1:]
	for _, id := range [...]*muster.ID{&m.User, &m.Department} {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<63-1 {
			return UserMark{}, refusal
		}
		*id, b = muster.ID(v), b[n:]
	}
	if m.Key = string(b); m.User == 0 {
		return UserMark{}, refusal
	}
	return m, nil
}
