package transfer

import (
	"context"
	"errors"
	"testing"
)

// counting is a table of a column without end, or one that cannot be read from some row on.
type counting struct{ fault int64 }

var errFault = errors.New("the disk is broken")

func (c counting) Page(_ context.Context, _ *Table, after Row, limit int) ([]Row, error) {
	first := int64(0)
	if after != nil {
		first = after[0].(int64) + 1
	}
	if c.fault > 0 && first >= c.fault {
		return nil, errFault
	}
	rows := make([]Row, limit)
	for i := range rows {
		rows[i] = Row{first + int64(i)}
	}
	return rows, nil
}

// TestPagesThatAreCutOffAreNotTheEnd: who ranges over them would take that for the whole table.
func TestPagesThatAreCutOffAreNotTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reader counting
		cancel int64 // after so many rows; below 0 before there is one
		want   error
	}{
		"by a fault":            {counting{3 * pageRows}, 0, errFault},
		"by whoever called":     {counting{}, 3 * pageRows, context.Canceled},
		"before there was one":  {counting{}, -1, context.Canceled},
		"by who wants no more":  {counting{}, 0, nil},
		"at once, by the fault": {counting{1}, 0, errFault},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel < 0 {
				cancel()
			}
			var rows int64
			var last error
			for page, err := range pages(ctx, c.reader, &Table{Name: "numbers", Key: 1}, nil) {
				if last != nil {
					t.Fatal("an error was not the last")
				}
				if last = err; err != nil {
					continue
				}
				for _, row := range page {
					if row[0] != rows {
						t.Fatalf("row %v comes at place %d", row[0], rows)
					}
					rows++
				}
				if rows == c.cancel {
					cancel()
				}
				if c.want == nil && rows == 2*pageRows {
					break
				}
			}
			if !errors.Is(last, c.want) {
				t.Errorf("after %d rows: %v, want %v", rows, last, c.want)
			}
		})
	}
}
