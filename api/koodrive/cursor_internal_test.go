package koodrive

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster"
)

func TestCursorProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		task := muster.ID(rapid.Int64Min(1).Draw(t, "task"))
		other := muster.ID(rapid.Int64Min(1).Draw(t, "other"))
		row := rapid.IntRange(0, 1<<31-1).Draw(t, "row")
		cursor := formatCursor(task, row)
		if got, ok := parseCursor(task, cursor); !ok || got != row {
			t.Fatalf("cursor of row %d gives %d, %v", row, got, ok)
		}
		if _, ok := parseCursor(other, cursor); ok && other != task {
			t.Fatalf("the cursor of task %s is taken for task %s", task, other)
		}
		at := rapid.IntRange(0, len(cursor)-1).Draw(t, "at")
		letter := rapid.StringMatching(`[A-Za-z0-9_-]`).Draw(t, "letter")
		if altered := cursor[:at] + letter + cursor[at+1:]; altered != cursor {
			if _, ok := parseCursor(task, altered); ok {
				t.Fatalf("cursor %s, altered to %s, is taken", cursor, altered)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "0", "00", formatCursor(1, 0), formatCursor(1, 1000), formatCursor(1, 1)[:11] + "\n", strings.Repeat("A", 12)} {
		f.Add(int64(1), seed)
	}
	f.Fuzz(func(t *testing.T, task int64, cursor string) {
		row, ok := parseCursor(muster.ID(task), cursor)
		if ok && cursor != "" && cursor != "0" && formatCursor(muster.ID(task), row) != cursor {
			t.Fatalf("cursor %q is taken as row %d, whose cursor is %q", cursor, row, formatCursor(muster.ID(task), row))
		}
		if !ok && row != 0 {
			t.Fatalf("a refused cursor gives row %d", row)
		}
	})
}
