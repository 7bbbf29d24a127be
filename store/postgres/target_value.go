package postgres

import (
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"muster/store/transfer"
)

// kept is a value as it is stored.
func kept(c *transfer.Column, value any) any {
	switch v := value.(type) {
	case string:
		if c.Kind == transfer.Text {
			return storable(v)
		}
	case []int64:
		if len(v) == 0 {
			return nil
		}
	case int64:
		if c.Optional && v == 0 {
			return nil
		}
	case []byte:
		switch {
		case len(v) > 0:
		case c.Optional:
			return nil
		default:
			return []byte{}
		}
	case time.Time:
		if c.Optional && v.IsZero() {
			return nil
		}
	}
	return value
}

// destination is what a value of the kind is scanned into, NULL or not.
func destination(kind transfer.Kind) any {
	switch kind {
	case transfer.Number:
		return new(pgtype.Int8)
	case transfer.Flag:
		return new(bool)
	case transfer.Text:
		return new(pgtype.Text)
	case transfer.JSON:
		return new(string)
	case transfer.Bytes:
		return new([]byte)
	case transfer.Time:
		return new(pgtype.Timestamptz)
	default:
		return new([]int64)
	}
}

// moved makes of what was scanned into a destination what every store makes of its own.
func moved(scanned any) any {
	switch v := scanned.(type) {
	case *pgtype.Int8:
		return v.Int64
	case *bool:
		return *v
	case *pgtype.Text:
		return stored(v.String)
	case *string:
		return *v
	case *[]byte:
		return *v
	case *pgtype.Timestamptz:
		return v.Time.UTC()
	case *[]int64:
		return *v
	default:
		panic(fmt.Sprintf("postgres: nothing is scanned into a %T", scanned))
	}
}

// pageText reads rows in the order of their keys, from the first or from behind one on. Its parameters are how many rows, and
// a key if it is behind one.
func pageText(t *transfer.Table, behind bool) string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = c.Name
		if c.Kind == transfer.JSON {
			columns[i] += "::text"
		}
	}
	text := "SELECT " + strings.Join(columns, ", ") + " FROM " + t.Name
	key := keyOf(t, ", ")
	if behind {
		parameters := make([]string, t.Key)
		for i := range parameters {
			parameters[i] = fmt.Sprintf("$%d", i+2)
		}
		text += " WHERE (" + key + ") > (" + strings.Join(parameters, ", ") + ")"
	}
	return text + " ORDER BY " + key + " LIMIT $1"
}

// lastText reads the key of the last row.
func lastText(t *transfer.Table) string {
	return "SELECT " + keyOf(t, ", ") + " FROM " + t.Name + " ORDER BY " + keyOf(t, " DESC, ") + " DESC LIMIT 1"
}

func keyOf(t *transfer.Table, separator string) string {
	names := make([]string, t.Key)
	for i := range names {
		names[i] = t.Columns[i].Name
	}
	return strings.Join(names, separator)
}
