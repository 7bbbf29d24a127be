package spreadsheet_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/spreadsheet"
)

// update writes the golden files anew; go test ./spreadsheet -update, and read the difference.
var update = flag.Bool("update", false, "write golden files")

// golden compares an answer with the file that holds it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// read opens a file and writes down everything that is read of it.
func read(t *testing.T, r io.Reader, o spreadsheet.Options) string {
	t.Helper()
	var b strings.Builder
	reader, err := spreadsheet.Open(t.Context(), r, o)
	if err != nil {
		return describe(err)
	}
	defer reader.Close()
	layout := reader.Layout()
	fmt.Fprint(&b, layout.Format)
	if layout.Encoding != "" {
		fmt.Fprintf(&b, " %s", layout.Encoding)
	}
	if layout.Delimiter != 0 {
		fmt.Fprintf(&b, " %q", layout.Delimiter)
	}
	if layout.Sheet != "" {
		fmt.Fprintf(&b, " %q of %q", layout.Sheet, layout.Sheets)
	}
	fmt.Fprintf(&b, "\n%q\n", reader.Columns())
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			b.WriteString(describe(err))
			return b.String()
		}
		fmt.Fprintf(&b, "%d:", record.Row)
		for i := range record.Cells {
			b.WriteString(" " + show(&record.Cells[i]))
		}
		b.WriteString("\n")
		if f := record.Fault; f != nil {
			fmt.Fprintf(&b, "\t%s: %s\n", f.Reason, f.Detail)
		}
		for i := range record.Cells {
			if f := record.Cells[i].Fault; f != nil {
				fmt.Fprintf(&b, "\t%s %s: %s\n", spreadsheet.Letter(i), f.Reason, f.Detail)
			}
		}
		if record.Fault == nil && len(record.Cells) != len(reader.Columns()) {
			t.Errorf("row %d has %d cells and no fault", record.Row, len(record.Cells))
		}
	}
}

func describe(err error) string {
	var e *spreadsheet.Error
	if !errors.As(err, &e) {
		return "not the file's: " + err.Error() + "\n"
	}
	return "! " + err.Error() + "\n"
}

func show(c *spreadsheet.Cell) string {
	text := fmt.Sprintf("%q", c.Text)
	if len(text) > 200 {
		text = text[:100] + "…" + text[len(text)-20:]
	}
	switch {
	case c.Items != nil:
		text = fmt.Sprintf("%q", c.Items)
	case c.Missing:
		text = "-"
	case c.Number:
		text = "#" + text
	}
	if c.Fault != nil {
		text += "!"
	}
	return text
}

func readBytes(t *testing.T, file []byte, o spreadsheet.Options) string {
	t.Helper()
	return read(t, bytes.NewReader(file), o)
}
