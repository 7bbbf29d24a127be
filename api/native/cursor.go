package native

import (
	"encoding/base64"
	"encoding/binary"

	"muster"
	"muster/directory"
)

// The kinds of lists of users, which a cursor begins with, so that none is taken for one of another list. Those of searches are
// their keys.
const (
	cursorAll        byte = 'a'
	cursorDepartment byte = 'd'
)

// maxCursor bounds a cursor, in bytes of its text: it holds one key of a user.
const maxCursor = 2048

// userCursor is a place in a list of users as text. Who lists users gets it back as it is.
func userCursor(kind byte, m directory.UserMark) string {
	b := []byte{kind}
	b = binary.AppendUvarint(b, uint64(m.User))
	b = binary.AppendUvarint(b, uint64(m.Department))
	return base64.RawURLEncoding.EncodeToString(append(b, m.Key...))
}

// parseUserCursor reads what userCursor made for a list of the kind; "" is the beginning.
func parseUserCursor(kind byte, text string) (m directory.UserMark, err error) {
	refusal := &muster.Error{Kind: muster.KindInvalid, Field: "cursor", Detail: "cursor must be nextCursor of the page before, of the same list."}
	if text == "" {
		return m, nil
	}
	b, malformed := base64.RawURLEncoding.Strict().DecodeString(text)
	if malformed != nil || len(text) > maxCursor || len(b) == 0 || b[0] != kind {
		return m, refusal
	}
	b = b[1:]
	for _, id := range [...]*muster.ID{&m.User, &m.Department} {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<63-1 {
			return directory.UserMark{}, refusal
		}
		*id, b = muster.ID(v), b[n:]
	}
	if m.Key = string(b); m.User == 0 {
		return directory.UserMark{}, refusal
	}
	return m, nil
}
