package transfer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryColumnIsCompared has one value of a page differ, a row too few, and one too many.
func TestEveryColumnIsCompared(t *testing.T) {
	t.Parallel()
	other := map[Kind]any{
		Number: int64(99), Flag: true, Text: "hush", JSON: `{"hush":1}`, Bytes: []byte("hush"), Time: time.UnixMicro(1), IDs: []int64{1},
	}
	for _, table := range Tables() {
		page := make([]Row, 4)
		for i := range page {
			for at, c := range table.Columns {
				value := c.Kind.Nothing()
				if at < table.Key {
					value = map[Kind]any{Number: int64(2 * i), Text: fmt.Sprint(2 * i), Bytes: []byte{byte(2 * i)}}[c.Kind]
				}
				page[i] = append(page[i], value)
			}
		}
		if err := compare(&table, page, page); err != nil {
			t.Errorf("a page differs from itself: %v", err)
		}
		if err := compare(&table, nil, nil); err != nil {
			t.Errorf("nothing differs from itself: %v", err)
		}
		for i, row := range page {
			for at, c := range table.Columns[table.Key:] {
				changed := slices.Clone(page)
				changed[i] = slices.Clone(row)
				changed[i][table.Key+at] = other[c.Kind]
				wantDifference(t, &table, row, "has another "+c.Name, compare(&table, page, changed))
			}
			less := slices.Delete(slices.Clone(page), i, i+1)
			wantDifference(t, &table, row, missing, compare(&table, page, less))
			wantDifference(t, &table, row, surplus, compare(&table, less, page))
		}
	}
}

func wantDifference(t *testing.T, table *Table, row Row, what string, err error) {
	t.Helper()
	var key []string
	for i := range table.Key {
		format := "%s %v"
		if table.Columns[i].Kind == Bytes {
			format = "%s %x"
		}
		key = append(key, fmt.Sprintf(format, table.Columns[i].Name, row[i]))
	}
	var d *Difference
	if !errors.As(err, &d) || *d != (Difference{Table: table.Name, Key: strings.Join(key, ", "), What: what}) || strings.Contains(d.Error(), "hush") {
		t.Errorf("%v, want that in %s the row with %s %s", err, table.Name, key, what)
	}
}
