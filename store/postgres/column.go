package postgres

import (
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"muster"
)

// encode makes of a statement's arguments what is stored, in place.
func encode(args []any) []any {
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			args[i] = storable(v)
		case []string:
			args[i] = storables(v)
		case muster.ID:
			args[i] = int64(v)
		case []muster.ID:
			args[i] = numbers(v)
		case time.Time:
			args[i] = stamp(v)
		case []time.Time:
			args[i] = stamps(v)
		}
	}
	return args
}

// scanner is a row of an answer. It scans what encode made, and NULL as nothing: an empty text, the zero time.
type scanner interface{ Scan(dest ...any) error }

// decoder is a scanner.
type decoder struct{ row scanner }

func (d decoder) Scan(dest ...any) error {
	for i, to := range dest {
		switch to := to.(type) {
		case *string:
			dest[i] = text{to}
		case *time.Time:
			dest[i] = moment{to}
		}
	}
	return d.row.Scan(dest...)
}

// stamp is how a time is stored: to the millisecond, as everywhere in Muster.
func stamp(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

func stamps(list []time.Time) []time.Time {
	all := make([]time.Time, len(list))
	for i, t := range list {
		all[i] = stamp(t)
	}
	return all
}

// orNull stores the zero time as NULL.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

type moment struct{ to *time.Time }

func (m moment) ScanTimestamptz(v pgtype.Timestamptz) error {
	*m.to = v.Time
	if v.Valid {
		*m.to = v.Time.UTC()
	}
	return nil
}

// PostgreSQL's text holds no zero byte and nothing but UTF-8, which what a caller sends may: it is in outcomes as it was
// sent. A byte that cannot be in text is stored as escape, a character that nobody sends (a noncharacter of Unicode), and two
// hexadecimal digits; so are the bytes of escape itself.
const escape = "\uffff"

// storable is text as it is stored.
func storable(s string) string {
	if strings.IndexByte(s, 0) < 0 && !strings.Contains(s, escape) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == 0 || r == '\uffff' || r == utf8.RuneError && n == 1 {
			for _, c := range []byte(s[:n]) {
				b.WriteString(escape)
				b.WriteString(hex.EncodeToString([]byte{c}))
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// stored is the text that was stored as s.
func stored(s string) string {
	if !strings.Contains(s, escape) {
		return s
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, escape)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		c, err := hex.DecodeString(after[:min(2, len(after))])
		if err != nil || len(c) == 0 { // storable did not make it
			b.WriteString(escape)
			s = after
			continue
		}
		b.Write(c)
		s = after[2:]
	}
}

type text struct{ to *string }

func (t text) ScanText(v pgtype.Text) error {
	*t.to = stored(v.String)
	return nil
}

func storables(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = storable(s)
	}
	return all
}

// numbers are ids as an array of the database's.
func numbers(ids []muster.ID) []int64 {
	list := make([]int64, len(ids))
	for i, id := range ids {
		list[i] = int64(id)
	}
	return list
}

// arrayLiteral is a list of ids as PostgreSQL writes an array, "" if there are none. Lists of different lengths cannot
// stand in an array beside each other, but as text they can.
func arrayLiteral(ids []muster.ID) string {
	if len(ids) == 0 {
		return ""
	}
	var b strings.Builder
	for i, id := range ids {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(id.String())
	}
	b.WriteByte('}')
	return b.String()
}
