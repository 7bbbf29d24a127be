package spreadsheet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"muster/spreadsheet"
)

// cells are texts that a cell can hold and that come back from any format as they were.
func cells() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`'{0,3}[=+\-@\t\r]?[a-z"',;|<>&\t\n]{0,5}`),
		rapid.StringMatching(`(_x[0-9A-Fa-f]{3,4}_?){0,3}|[\x01-\x1f]{0,3}| {0,2}x {0,2}`),
		rapid.StringMatching(`[äß本张😀𠮷\x{FFFE}\x{10FFFF}]{0,5}`),
		rapid.String(),
	).Filter(func(s string) bool {
		for _, r := range s {
			if r == 0 || r == '\ufffd' {
				return false
			}
		}
		return true
	})
}

// table reads all rows of a file, none of which may be at fault.
func table(t *rapid.T, file []byte, o spreadsheet.Options) (header []string, rows [][]spreadsheet.Cell) {
	reader, err := spreadsheet.Open(t.Context(), bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return reader.Columns(), rows
		}
		if err != nil || record.Fault != nil {
			t.Fatal(err, record.Fault)
		}
		rows = append(rows, append([]spreadsheet.Cell(nil), record.Cells...))
	}
}

// TestSheetsOfExcelizeAreRead: what another implementation writes is what this one reads.
func TestSheetsOfExcelizeAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := excelize.NewFile()
		defer f.Close()
		write := func(cell string, value any) {
			if err := f.SetCellValue("Sheet1", cell, value); err != nil {
				t.Fatal(err)
			}
		}
		write("A1", "text")
		write("B1", "number")
		write("C1", "truth")
		var want []string
		for row := 2; row < 2+rapid.IntRange(1, 5).Draw(t, "rows"); row++ {
			// excelize cuts off nothing but leaves spaces of formulas' results alone
			text := "x" + rapid.StringMatching(`[a-z &<>"äß本😀=+\-@_]{0,8}`).Draw(t, "text")
			number := rapid.Int64Range(-99_999_999_999, 99_999_999_999).Draw(t, "number")
			truth := rapid.Bool().Draw(t, "truth")
			write(fmt.Sprint("A", row), text)
			write(fmt.Sprint("B", row), number)
			write(fmt.Sprint("C", row), truth)
			want = append(want, fmt.Sprintf("%s|%d|%v", text, number, truth))
		}
		var b bytes.Buffer
		if err := f.Write(&b); err != nil {
			t.Fatal(err)
		}
		_, rows := table(t, b.Bytes(), spreadsheet.Options{})
		var got []string
		for _, row := range rows {
			for i := range row {
				if row[i].Fault != nil || row[i].Number != (i == 1) {
					t.Fatalf("%+v", row[i])
				}
			}
			got = append(got, fmt.Sprintf("%s|%s|%v", row[0].Text, row[1].Text, row[2].Text == "TRUE"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// TestExcelizeReadsOurSheets: what this implementation writes is what another one reads, as text and without formulas.
func TestExcelizeReadsOurSheets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 30).Draw(t, "columns")
		var b bytes.Buffer
		var want [][]string
		for row := range 1 + rapid.IntRange(0, 4).Draw(t, "rows") {
			want = append(want, make([]string, columns))
			for i := range want[row] {
				want[row][i] = "=" + rapid.StringMatching(`[a-z &<>"äß本😀=+\-@]{0,8}`).Draw(t, "cell")
			}
		}
		w, err := spreadsheet.NewWriter(&b, spreadsheet.WriterOptions{Format: spreadsheet.XLSX, Columns: want[0]})
		for _, row := range want[1:] {
			if err == nil {
				err = w.Write(spreadsheet.Texts(row...))
			}
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := excelize.OpenReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := f.GetRows("Users")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		kind, err := f.GetCellType("Users", "A1")
		formula, err2 := f.GetCellFormula("Users", "A1")
		if err != nil || err2 != nil || kind != excelize.CellTypeInlineString || formula != "" {
			t.Fatal(kind, formula, err, err2)
		}
	})
}
