package spreadsheet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"muster/spreadsheet"
)

// fuzzed reads whatever there is, and holds what is true of every file: it ends, each row has a place behind the last one's, its
// cells are as many as there are columns or it has a fault, and a cell without a fault is a text that can be stored.
func fuzzed(t *testing.T, file []byte, o spreadsheet.Options) (rows int) {
	reader, err := spreadsheet.Open(t.Context(), bytes.NewReader(file), o)
	if err != nil {
		checkError(t, err)
		return 0
	}
	defer reader.Close()
	columns := reader.Columns()
	if len(columns) > spreadsheet.MaxColumns {
		t.Fatalf("%d columns", len(columns))
	}
	last := 0
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			checkError(t, err)
			return rows
		}
		rows++
		if record.Row <= last {
			t.Fatalf("row %d after row %d", record.Row, last)
		}
		last = record.Row
		if record.Fault == nil && len(record.Cells) != len(columns) || len(record.Cells) > spreadsheet.MaxColumns {
			t.Fatalf("row %d has %d cells for %d columns", last, len(record.Cells), len(columns))
		}
		checkFault(t, record.Fault)
		filled := record.Fault != nil
		for i := range record.Cells {
			c := &record.Cells[i]
			checkFault(t, c.Fault)
			filled = filled || !c.Missing && c.Text != "" || c.Items != nil || c.Fault != nil
			if len(utf16.Encode([]rune(c.Text))) > spreadsheet.MaxCell {
				t.Fatalf("row %d has a text of %d bytes", last, len(c.Text))
			}
			if c.Fault == nil && (!utf8.ValidString(c.Text) || strings.ContainsAny(c.Text, "\x00\ufffd")) {
				t.Fatalf("row %d has %q", last, c.Text)
			}
			if c.Missing && (c.Text != "" || c.Items != nil || c.Fault != nil) {
				t.Fatalf("row %d: %+v", last, c)
			}
		}
		if !filled && reader.Layout().Format != spreadsheet.NDJSON {
			t.Fatalf("row %d is empty", last)
		}
	}
}

func checkError(t *testing.T, err error) {
	var e *spreadsheet.Error
	if !errors.As(err, &e) || !strings.HasSuffix(e.Detail, ".") || len(e.Detail) > 1000 || !utf8.ValidString(e.Detail) {
		t.Fatalf("%T %q", err, err)
	}
}

func checkFault(t *testing.T, f *spreadsheet.Fault) {
	if f != nil && (f.Reason == "" || !strings.HasSuffix(f.Detail, ".")) {
		t.Fatalf("%+v", f)
	}
}

func FuzzCSV(f *testing.F) {
	for _, file := range []string{
		"a,b\n1,2\n", "a;b\r\n\"x\r\ny\";\"\"\"\"\r\n", "\ufeffa\tb\n'=1\t2", "sep=|\na|b\n1|2\n", "a,b\n\"1,2\n3,4\n", "a,b\n1\x00,M\xfcller\n1.88E+12,2,3\n",
		"\xff\xfea\x00,\x00b\x00\n\x001\x00", "\xfe\xff\x00a\x00,\x00b\x00\n", "a\x00,\x00b\x00\n\x00", "a\rb\r", ",,\n,\n", "手机号,姓名\n1,本\n",
	} {
		f.Add([]byte(file), ',', "", true)
		f.Add([]byte(file), rune(0), "gb18030", true)
		f.Add([]byte(file), rune(0), "", false)
	}
	f.Fuzz(func(t *testing.T, file []byte, delimiter rune, encoding string, csv bool) {
		o := spreadsheet.Options{Delimiter: delimiter, Encoding: encoding}
		if csv {
			o.Format = spreadsheet.CSV
		}
		fuzzed(t, file, o)
	})
}

func FuzzNDJSON(f *testing.F) {
	for _, file := range []string{
		`{"a":"b","c":1,"d":true,"e":null,"f":["x"]}` + "\n" + `{"a":1.5,"c":{"d":[]},"c":1}`, "{}\n\n{\"\\u0061\":\"\\ud800\"}", `{"a":1}{`, "{\"a\":\"\xff\"}", "[]", `{"":1}`,
	} {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		fuzzed(t, file, spreadsheet.Options{Format: spreadsheet.NDJSON})
		line, _, _ := bytes.Cut(file, []byte("\n"))
		reader, err := spreadsheet.Open(t.Context(), bytes.NewReader(line), spreadsheet.Options{Format: spreadsheet.NDJSON, Encoding: "utf-8"})
		if err != nil {
			return
		}
		defer reader.Close()
		record, err := reader.Next()
		if err != nil || record.Fault != nil {
			return
		}
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
		var want map[string]any
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&want); err != nil || len(want) != len(record.Cells) {
			t.Fatalf("%d cells, and encoding/json has %d and %v", len(record.Cells), len(want), err)
		}
		for i, name := range reader.Columns() {
			if c := &record.Cells[i]; c.Fault == nil && !same(c, want[name]) {
				t.Fatalf("%q is %+v, and to encoding/json %v", name, c, want[name])
			}
		}
	})
}

// same reports whether a cell is what encoding/json reads.
func same(c *spreadsheet.Cell, want any) bool {
	switch want := want.(type) {
	case nil:
		return c.Missing
	case []any:
		return c.Items != nil && fmt.Sprint(c.Items) == fmt.Sprint(want)
	default:
		return c.Text == fmt.Sprint(want)
	}
}

// FuzzXLSX changes archives.
func FuzzXLSX(f *testing.F) {
	names, err := filepath.Glob("testdata/*.xls*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		if file, err := os.ReadFile(name); err == nil && filepath.Ext(name) != ".golden" {
			f.Add(file)
		}
	}
	f.Add(workbookOf(f, texts(1, "a", "b")+texts(2, "c", "d")))
	f.Fuzz(func(t *testing.T, file []byte) {
		fuzzed(t, file, spreadsheet.Options{Format: spreadsheet.XLSX})
	})
}

// FuzzSheet changes what is in an archive that is sound.
func FuzzSheet(f *testing.F) {
	all := parts("")
	for _, rows := range []string{
		texts(1, "a", "b") + texts(2, "c", "d"),
		`<row><c t="s"><v>1</v></c></row><row r="7" hidden="1"><c r="B7"><f>1</f><v>1.88E12</v></c></row>`,
		`<row><c t="inlineStr"><is><r><t>a</t></r></is></c></row></sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells><sheetData>`,
		`<row r="1"><c s="0"><v>45322.5</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="d"><v>2024-01-31</v></c></row>`,
	} {
		f.Add(rows, "General", all["xl/sharedStrings.xml"])
		f.Add(rows, `yyyy"年"`, `<sst><si><t>_xD83D__xDE00_</t><rPh><t>x</t></rPh></si><si/></sst>`)
	}
	f.Fuzz(func(t *testing.T, rows, format, shared string) {
		all := parts(rows)
		all["xl/sharedStrings.xml"] = shared
		all["xl/styles.xml"] = `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="` + strings.NewReplacer(`"`, "&quot;", "<", "&lt;", "&", "&amp;").Replace(format) +
			`"/></numFmts><cellXfs><xf numFmtId="164"/></cellXfs></styleSheet>`
		fuzzed(t, zipped(t, all), spreadsheet.Options{})
	})
}

func FuzzGuessColumns(f *testing.F) {
	for _, header := range []string{"phone\nname", "Handy\nTelefon\n手机号（必填）", "A\nB\n", "ﬁ\nß\n\u0301"} {
		f.Add(header, "phone", "email", "B", "")
	}
	f.Fuzz(func(t *testing.T, header, key1, field1, key2, field2 string) {
		checkMapping(t, strings.Split(header, "\n"), mandatory(spreadsheet.FieldPhone), map[string]string{key1: field1, key2: field2})
	})
}
