package transfer

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Difference is where source and target are not the same. It names a row by its key, of which no part is personal data, and
// says nothing of what stands in it.
type Difference struct {
	Table string
	Key   string // of the row
	What  string
}

func (d *Difference) Error() string {
	return fmt.Sprintf("source and target differ: in table %s the row with %s %s", d.Table, d.Key, d.What)
}

const (
	missing = "is in the source and not in the target"
	surplus = "is in the target and not in the source"
)

// check reads a table from both sides and compares it, and gives how many rows it has.
func (c *copying) check(ctx context.Context, t *Table) (n int64, err error) {
	var last Row
	for page, err := range pages(ctx, c.source, t, nil) {
		if err != nil {
			return 0, err
		}
		copied, err := c.target.Page(ctx, t, last, len(page))
		if err != nil {
			return 0, err
		}
		if err := compare(t, page, copied); err != nil {
			return 0, err
		}
		last = page[len(page)-1]
		n += int64(len(page))
		c.advance(t, int64(len(page)))
	}
	beyond, err := c.target.Page(ctx, t, last, 1)
	if err != nil {
		return 0, err
	}
	return n, compare(t, nil, beyond)
}

// compare finds the first difference between a page of the source and what the target has in its place.
func compare(t *Table, page, copied []Row) error {
	for i, row := range page {
		if i == len(copied) {
			return t.differ(row, missing)
		}
		switch at := t.differing(row, copied[i]); {
		case at < 0:
			continue
		case at >= t.Key:
			return t.differ(row, "has another "+t.Columns[at].Name)
		case before(row[at], copied[i][at]):
			return t.differ(row, missing)
		default:
			return t.differ(copied[i], surplus)
		}
	}
	if len(copied) > len(page) {
		return t.differ(copied[len(page)], surplus)
	}
	return nil
}

// before tells the order of values of a key.
func before(a, b any) bool {
	switch a := a.(type) {
	case int64:
		return a < b.(int64)
	case string:
		return a < b.(string)
	default:
		return bytes.Compare(a.([]byte), b.([]byte)) < 0
	}
}

// differing is the first column in which two rows are not the same, -1 if they are.
func (t *Table) differing(a, b Row) int {
	for i := range t.Columns {
		if !same(a[i], b[i]) {
			return i
		}
	}
	return -1
}

// same compares values of one kind.
func same(a, b any) bool {
	switch a := a.(type) {
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case []int64:
		b, ok := b.([]int64)
		return ok && slices.Equal(a, b)
	default:
		return a == b
	}
}

func (t *Table) differ(row Row, what string) error {
	var key strings.Builder
	for i := range t.Key {
		if i > 0 {
			key.WriteString(", ")
		}
		verb := "%s %v"
		if t.Columns[i].Kind == Bytes {
			verb = "%s %x"
		}
		_, _ = fmt.Fprintf(&key, verb, t.Columns[i].Name, row[i])
	}
	return &Difference{Table: t.Name, Key: key.String(), What: what}
}
