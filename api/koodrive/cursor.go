package koodrive

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"muster"
)

// A cursor is 12 characters of URL-safe base64: the position of the page's first row in 4 bytes, big endian, and 5 bytes
// of a hash that binds it to its task. The hash keeps mistakes out, not attacks: a cursor that someone makes up for his
// own task does what one of ours does.
const (
	cursorPosition = 4
	cursorCheck    = 5
)

func formatCursor(task muster.ID, row int) string {
	var raw [cursorPosition + cursorCheck]byte
	binary.BigEndian.PutUint32(raw[:], uint32(row))
	check := cursorSum(task, raw[:cursorPosition])
	copy(raw[cursorPosition:], check[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// parseCursor gives the position of the page's first row. Absent, which is "", and "0" are the first page.
func parseCursor(task muster.ID, cursor string) (row int, ok bool) {
	if cursor == "" || cursor == "0" {
		return 0, true
	}
	var raw [cursorPosition + cursorCheck]byte
	if len(cursor) != base64.RawURLEncoding.EncodedLen(len(raw)) {
		return 0, false
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(cursor)); err != nil {
		return 0, false
	}
	if [cursorCheck]byte(raw[cursorPosition:]) != cursorSum(task, raw[:cursorPosition]) {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(raw[:])), true
}

func cursorSum(task muster.ID, position []byte) [cursorCheck]byte {
	text := binary.BigEndian.AppendUint64([]byte("koodrive cursor "), uint64(task))
	sum := sha256.Sum256(append(text, position...))
	return [cursorCheck]byte(sum[:])
}
