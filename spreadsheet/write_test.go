package spreadsheet_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster/spreadsheet"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "x": "x", "'": "'", "'x": "'x", "'s-Gravenhage": "'s-Gravenhage", "''": "''", "x=1": "x=1", "x =1": "x =1",
		"=1": "'=1", "+49": "'+49", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "=": "'=",
		"'=1": "''=1", "''=1": "'''=1", "'+49": "''+49",
	} {
		if got := spreadsheet.Escape(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := spreadsheet.Unescape(want); got != text {
			t.Errorf("%q is undone as %q, not %q", want, got, text)
		}
	}
}

// TestEscapingIsUndone: for every text, and so no two texts are one cell; and no cell is a formula.
func TestEscapingIsUndone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`'{0,4}[=+\-@\t\r]?'?.?`), rapid.String()).Draw(t, "text")
		cell := spreadsheet.Escape(text)
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			t.Fatalf("%q is a formula", cell)
		}
		if got := spreadsheet.Unescape(cell); got != text {
			t.Fatalf("%q, escaped as %q, is undone as %q", text, cell, got)
		}
	})
}

// TestWhatIsWrittenIsRead: every table comes back as it was, but for what Writer's comment says.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	for _, format := range []spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON} {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { roundTrip(t, format) })
		})
	}
}

func roundTrip(t *rapid.T, format spreadsheet.Format) {
	columns := []string{"=key", "'note", "+list", "number"}
	options := spreadsheet.WriterOptions{Format: format, Columns: columns, Mark: rapid.Bool().Draw(t, "mark")}
	var b bytes.Buffer
	w, err := spreadsheet.NewWriter(&b, options)
	if err != nil {
		t.Fatal(err)
	}
	var want [][]spreadsheet.Cell
	for n := range rapid.IntRange(1, 5).Draw(t, "rows") {
		row := []spreadsheet.Cell{
			{Text: "k"}, // a row without anything is none
			{Text: cells().Draw(t, "text")},
			{Items: rapid.SliceOfN(rapid.StringMatching(`[a-z0-9]{1,3}`), 1, 3).Draw(t, "list")},
			{Text: rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})`).Draw(t, "number"), Number: true},
		}
		if n > 0 && rapid.Bool().Draw(t, "missing") { // the first row of NDJSON names the columns
			row[1] = spreadsheet.Cell{Missing: true}
		}
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
		want = append(want, row)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	header, rows := table(t, b.Bytes(), spreadsheet.Options{Format: format})
	if diff := cmp.Diff(columns, header); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows of %d", len(rows), len(want))
	}
	for i, row := range rows {
		for j := range row {
			if f := row[j].Fault; f != nil && f.Reason != spreadsheet.ReasonNumber { // a text may well be 1E+10
				t.Fatal(i, j, f)
			}
			text := want[i][j].Text
			if format == spreadsheet.CSV {
				text = regexp.MustCompile(`\r+\n`).ReplaceAllString(text, "\n")
			}
			if want[i][j].Items == nil && row[j].Text != text {
				t.Fatalf("row %d: %q for %q", i, row[j].Text, text)
			}
			missing := want[i][j].Missing && format == spreadsheet.NDJSON || text == "" && want[i][j].Items == nil && format == spreadsheet.XLSX
			if row[j].Missing != missing || format == spreadsheet.NDJSON && row[j].Number != want[i][j].Number {
				t.Fatalf("row %d: %+v for %+v", i, row[j], want[i][j])
			}
		}
		if diff := cmp.Diff(want[i][2].Items, row[2].List()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

func write(t *testing.T, o spreadsheet.WriterOptions, rows ...[]spreadsheet.Cell) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := spreadsheet.NewWriter(&b, o)
	for _, row := range rows {
		if err == nil {
			err = w.Write(row)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWritten(t *testing.T) {
	t.Parallel()
	rows := [][]spreadsheet.Cell{
		spreadsheet.Texts("+49151", "Anna \"A\"\nSmith, x", "'s", ""),
		{{Text: "5", Number: true}, {Items: []string{"a", "<b>"}}, {Items: []string{}}, {Missing: true}},
		{{Text: "007", Number: true}, {Text: "M\xfcller\x00\r"}},
		{},
	}
	columns := []string{"phone", "=name", "c", "d"}
	for format, want := range map[spreadsheet.Format]string{
		spreadsheet.CSV: "phone,'=name,c,d\n'+49151,\"Anna \"\"A\"\"\nSmith, x\",'s,\n5,a;<b>,,\n007,\"M�ller�\r\",,\n,,,\n",
		spreadsheet.NDJSON: `{"phone":"+49151","=name":"Anna \"A\"\nSmith, x","c":"'s","d":""}` + "\n" + `{"phone":5,"=name":["a","<b>"],"c":[]}` + "\n" +
			`{"phone":"007","=name":"M` + "\ufffd" + `ller` + "\ufffd" + `\r"}` + "\n{}\n",
	} {
		if diff := cmp.Diff(want, string(write(t, spreadsheet.WriterOptions{Format: format, Columns: columns}, rows...))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", format, diff)
		}
	}
	golden(t, "written.xlsx", unzipped(t, write(t, spreadsheet.WriterOptions{Format: spreadsheet.XLSX, Columns: columns}, rows...)))
	if got := write(t, spreadsheet.WriterOptions{Format: spreadsheet.CSV, Columns: columns, Mark: true}); !bytes.HasPrefix(got, []byte("\xef\xbb\xbfphone")) {
		t.Errorf("no byte order mark: %q", got)
	}
}

// unzipped is what is in an archive, a line for each element.
func unzipped(t *testing.T, file []byte) string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, entry := range archive.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("-- " + entry.Name + " --\n" + strings.ReplaceAll(string(text), "><", ">\n<") + "\n")
	}
	return b.String()
}

// TestWhatCannotBeWritten: what a format cannot hold is cut or marked so that it is not accepted again, or refused.
func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, format := range []spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON} {
		o := spreadsheet.WriterOptions{Format: format, Columns: []string{"a", "b"}}
		got := readBytes(t, write(t, o, spreadsheet.Texts("x", strings.Repeat("y", spreadsheet.MaxCell+1))), spreadsheet.Options{})
		if !strings.Contains(got, "\tB character: ") {
			t.Errorf("%s: a cell that was cut is accepted: %.300s", format, got)
		}
		w, err := spreadsheet.NewWriter(io.Discard, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(spreadsheet.Texts("1", "2", "3")); err == nil {
			t.Errorf("%s: a cell too many is written", format)
		}
	}
	for name, o := range map[string]spreadsheet.WriterOptions{
		"no format":                {Columns: []string{"a"}},
		"no columns":               {Format: spreadsheet.CSV},
		"too many columns":         {Format: spreadsheet.CSV, Columns: make([]string, spreadsheet.MaxColumns+1)},
		"NDJSON without name":      {Format: spreadsheet.NDJSON, Columns: []string{"a", ""}},
		"NDJSON with a name twice": {Format: spreadsheet.NDJSON, Columns: []string{"a", "a"}},
	} {
		if _, err := spreadsheet.NewWriter(io.Discard, o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestErrorsOfWritingComeBack: a disk that is full does not go unnoticed.
func TestErrorsOfWritingComeBack(t *testing.T) {
	t.Parallel()
	for _, format := range []spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON} {
		whole := len(write(t, spreadsheet.WriterOptions{Format: format, Columns: []string{"a"}, Mark: true}, spreadsheet.Texts("x")))
		for room := 0; room < whole; room += 1 + whole/40 {
			disk := &fullDisk{room: room}
			w, err := spreadsheet.NewWriter(disk, spreadsheet.WriterOptions{Format: format, Columns: []string{"a"}, Mark: true})
			if err == nil {
				err = w.Write(spreadsheet.Texts("x"))
			}
			if err == nil {
				err = w.Close()
			}
			if !errors.Is(err, errFull) {
				t.Fatalf("%s with room for %d bytes of %d: %v", format, room, whole, err)
			}
		}
	}
}

var errFull = errors.New("full")

type fullDisk struct{ room int }

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	if d.room -= n; n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestASheetHoldsSoManyRows(t *testing.T) {
	t.Parallel()
	w, err := spreadsheet.NewWriter(io.Discard, spreadsheet.WriterOptions{Format: spreadsheet.XLSX, Columns: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	row := spreadsheet.Texts("x")
	for range spreadsheet.MaxXLSXRows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	var e *spreadsheet.Error
	if err := w.Write(row); !errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}
