package sqlite

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"muster"
)

// millis is how a time is stored: milliseconds since 1970, UTC; the zero time as 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// orNever stores the zero time as NULL, which stands in no index of times.
func orNever(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// moment scans a stored time.
type moment struct{ to *time.Time }

func (m moment) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*m.to = time.Time{}
	case int64:
		*m.to = timeOf(v)
	default:
		return fmt.Errorf("a time is stored as a %T", value)
	}
	return nil
}

// orNull stores empty text as NULL, which takes no room and, for a key, no place in its index.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// text scans a text that may be NULL.
type text struct{ to *string }

func (t text) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*t.to = ""
	case string:
		*t.to = v
	default:
		return fmt.Errorf("a text is stored as a %T", value)
	}
	return nil
}

// orNoID stores no id as NULL.
func orNoID(id muster.ID) any {
	if id == 0 {
		return nil
	}
	return int64(id)
}

// orNullIDs stores ids as a JSON array of numbers, none as NULL.
func orNullIDs(ids []muster.ID) any {
	if len(ids) == 0 {
		return nil
	}
	return string(jsonIDs(ids))
}

func jsonIDs(ids []muster.ID) []byte {
	b := make([]byte, 0, 2+20*len(ids))
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	return append(b, ']')
}

// jsonPairs is a JSON array of the chunks' [batch, first row].
func jsonPairs(chunks []muster.Chunk) []byte {
	b := make([]byte, 0, 2+32*len(chunks))
	b = append(b, '[')
	for i := range chunks {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(chunks[i].Batch), 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(chunks[i].FirstRow), 10)
		b = append(b, ']')
	}
	return append(b, ']')
}

// ids scans what orNullIDs stored.
type ids struct{ to *[]muster.ID }

func (s ids) Scan(value any) error {
	*s.to = nil
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		var numbers []int64
		if err := json.Unmarshal([]byte(v), &numbers); err != nil {
			return fmt.Errorf("a list of ids is stored as something else: %w", err)
		}
		for _, n := range numbers {
			*s.to = append(*s.to, muster.ID(n))
		}
		return nil
	default:
		return fmt.Errorf("a list of ids is stored as a %T", value)
	}
}
