package spreadsheet_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"muster/spreadsheet"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	const cut = "save it as CSV UTF-8, as an Excel workbook (.xlsx), or as NDJSON, an object on each line.\n"
	for name, tc := range map[string]struct {
		file    string
		options spreadsheet.Options
		want    string
	}{
		"comma": {
			file: "phone,name\n+49151,Anna\n13800138000,本·张\n",
			want: `csv utf-8 ','
["phone" "name"]
2: "+49151" "Anna"
3: "13800138000" "本·张"
`},
		"semicolon with commas in cells": {
			file: "phone;name;GB\n1;Smith, Anna;1,5\n2;Jones, Ben;2,5\n",
			want: `csv utf-8 ';'
["phone" "name" "GB"]
2: "1" "Smith, Anna" "1,5"
3: "2" "Jones, Ben" "2,5"
`},
		"TAB": {
			file: "phone\tname\n1\tSmith, Anna\n",
			want: `csv utf-8 '\t'
["phone" "name"]
2: "1" "Smith, Anna"
`},
		"pipe": {
			file: "phone|name\n1|Smith, Anna\n",
			want: `csv utf-8 '|'
["phone" "name"]
2: "1" "Smith, Anna"
`},
		"delimiter in quotes does not count": {
			file: "\"a;b;c\",name\n\"1;2;3\",Anna\n",
			want: `csv utf-8 ','
["a;b;c" "name"]
2: "1;2;3" "Anna"
`},
		"one column": {
			file: "phone\n+49151\n",
			want: `csv utf-8 ','
["phone"]
2: "+49151"
`},
		"header alone": {
			file: "phone,name",
			want: `csv utf-8 ','
["phone" "name"]
`},
		"delimiter named": {
			file: "phone~name\n1~a,b\n", options: spreadsheet.Options{Delimiter: '~'},
			want: `csv utf-8 '~'
["phone" "name"]
2: "1" "a,b"
`},
		"wrong delimiter named": {
			file: "phone,name\n1,a\n", options: spreadsheet.Options{Delimiter: ';'},
			want: "! row 1: The delimiter is wrong: semicolon makes one column of the header, and comma would make 2.\n"},
		"impossible delimiter": {
			file: "phone,name\n", options: spreadsheet.Options{Delimiter: '"'},
			want: "! A quote, a line break and U+FFFD cannot stand between cells: a comma, a semicolon, TAB or | are usual.\n"},
		"Excel's own hint": {
			file: "sep=|\r\nphone,name|x\r\n1|2\r\n",
			want: `csv utf-8 '|'
["phone,name" "x"]
3: "1" "2"
`},
		"CRLF, also in quotes, and quotes doubled": {
			file: "name,note\r\n\"Anna \"\"A\"\"\",\"two\r\nlines, and\n\nmore\"\r\nBen,\"\"\r\n",
			want: `csv utf-8 ','
["name" "note"]
2: "Anna \"A\"" "two\nlines, and\n\nmore"
6: "Ben" ""
`},
		"CR alone": {
			file: "name,note\rAnna,1\rBen,2\r",
			want: "! row 1: The file's lines end in CR alone, as those of old Macs: save it as CSV UTF-8.\n"},
		"byte order mark": {
			file: "\ufeffphone,name\n1,a\n",
			want: `csv utf-8 ','
["phone" "name"]
2: "1" "a"
`},
		"ragged": {
			file: "a,b,c\n1,2\n1,2,3\n1,2,3,4\n1,2,3,,,\n",
			want: `csv utf-8 ','
["a" "b" "c"]
2: "1" "2"
	ragged: The row has fewer cells than the header, which has 3: give it as many; a cell that has a comma in it must stand in quotes.
3: "1" "2" "3"
4: "1" "2" "3" "4"
	ragged: The row has more cells than the header, which has 3: give it as many; a cell that has a comma in it must stand in quotes.
5: "1" "2" "3"
`},
		"empty rows": {
			file: "\n\na,b\n\n1,2\n,\n  \n\"\",\"\"\n3,4\n,,,\n\n",
			want: `csv utf-8 ','
["a" "b"]
5: "1" "2"
7: "  "
	ragged: The row has fewer cells than the header, which has 2: give it as many; a cell that has a comma in it must stand in quotes.
9: "3" "4"
`},
		"columns without name": {
			file: "a,,c,,\n1,,3\n1,2,3\n",
			want: `csv utf-8 ','
["a" "" "c"]
2: "1" "" "3"
3: "1" "2" "3"
	ragged: There is something in column B, which has no name in the header: name the column, or empty it.
`},
		"quotes in wrong places": {
			file: "a,b\nAnna \"A\",1\n\"Ben\"x,2\nCleo,3\n",
			want: `csv utf-8 ','
["a" "b"]
2:
	quotes: A quote is in the wrong place: a cell that has quotes in it must stand in quotes, with those in it doubled.
3:
	quotes: A quote is in the wrong place: a cell that has quotes in it must stand in quotes, with those in it doubled.
4: "Cleo" "3"
`},
		"a file cut off within quotes": {
			file: "phone,name\n1,Anna\n2,\"Be",
			want: `csv utf-8 ','
["phone" "name"]
2: "1" "Anna"
! row 3: The file ends within this row, or a quote in it is in the wrong place: is the file cut off?
`},
		"a quote that closes in another row": {
			file: "a,b\n1,2\n\"Anna,1\nBen,\"2\"\nCleo,3\n",
			want: `csv utf-8 ','
["a" "b"]
2: "1" "2"
! row 3: A cell of the row opens a quote that does not close as it should up to line 4: double quotes within a cell, and close it with one before the delimiter or the end of the line.
`},
		"a quote that never closes": {
			file: "a,b\n1,2\n\"Anna,1\nBen,2\n",
			want: `csv utf-8 ','
["a" "b"]
2: "1" "2"
! row 3: A cell of the row opens a quote that does not close as it should up to line 4: double quotes within a cell, and close it with one before the delimiter or the end of the line.
`},
		"a quote in the header": {
			file: "a\"b,c\n1,2\n",
			want: "! row 1: The header cannot be read. A quote is in the wrong place: a cell that has quotes in it must stand in quotes, with those in it doubled.\n"},
		"NUL": {
			file: "a,b\n1,x\x00y\n2,z\n",
			want: `csv utf-8 ','
["a" "b"]
2: "1" "x\x00y"!
	B character: The cell holds a NUL character: take it out.
3: "2" "z"
`},
		"NUL in the header": {
			file: "a,b\x00\n1,x\n",
			want: "! row 1, column B: The header cannot be read. The cell holds a NUL character: take it out.\n"},
		"phones turned into floats": {
			file: "phone,name\n1.88E+12,a\n\"1,88E+12\",b\n4E+10,c\n-2.5E+100,d\n1.88e12,not by Excel\nE+12,E+\n12E+12,1.E+12\n",
			want: `csv utf-8 ','
["phone" "name"]
2: "1.88E+12"! "a"
	A number: A spreadsheet turned a long number, such as a phone, into one like 1.88E+12, and its digits are lost: format the column as text, and type the value again.
3: "1,88E+12"! "b"
	A number: A spreadsheet turned a long number, such as a phone, into one like 1.88E+12, and its digits are lost: format the column as text, and type the value again.
4: "4E+10"! "c"
	A number: A spreadsheet turned a long number, such as a phone, into one like 1.88E+12, and its digits are lost: format the column as text, and type the value again.
5: "-2.5E+100"! "d"
	A number: A spreadsheet turned a long number, such as a phone, into one like 1.88E+12, and its digits are lost: format the column as text, and type the value again.
6: "1.88e12" "not by Excel"
7: "E+12" "E+"
8: "12E+12" "1.E+12"
`},
		"formulas escaped": {
			file: "'=a,b\n'+49151,'@x\n'''-1,'s-Gravenhage\n+49151,'\n",
			want: `csv utf-8 ','
["=a" "b"]
2: "+49151" "@x"
3: "''-1" "'s-Gravenhage"
4: "+49151" "'"
`},
		"too long a cell": {
			file: "a,b\n" + strings.Repeat("x", spreadsheet.MaxCell) + ",1\n" + strings.Repeat("ä", spreadsheet.MaxCell+1) + ",2\n" + strings.Repeat("😀", spreadsheet.MaxCell/2+1) + ",3\n",
			want: `csv utf-8 ','
["a" "b"]
2: "` + strings.Repeat("x", 99) + "…" + strings.Repeat("x", 19) + `" "1"
3: "` + strings.Repeat("ä", 49) + "\xc3…" + strings.Repeat("ä", 8) + `�"! "2"
	A too-long: The cell has more than 32767 characters, which is the most that is accepted.
4: "` + strings.Repeat("😀", 24) + "\xf0\x9f\x98…" + strings.Repeat("😀", 4) + `�"! "3"
	A too-long: The cell has more than 32767 characters, which is the most that is accepted.
`},
		"too long a row": {
			file: "a,b\n1,2\n" + strings.Repeat(strings.Repeat("x", 100)+",", 10500) + "\n",
			want: `csv utf-8 ','
["a" "b"]
2: "1" "2"
! row 3: From here on no row ends within 1024 KiB: does a cell's closing quote miss?
`},
		"too many columns": {
			file: strings.Repeat("a,", spreadsheet.MaxColumns) + "b\n",
			want: "! The table has 257 columns; at most 256 are accepted.\n"},
		"as many columns as may be": {
			file: strings.Repeat("a,", spreadsheet.MaxColumns-1) + "b,,\n",
			want: "csv utf-8 ','\n[" + strings.Repeat(`"a" `, 255) + "\"b\"]\n"},
		"too long a name": {
			file: "a," + strings.Repeat("b", spreadsheet.MaxName+1) + "\n",
			want: "! column B: A column's name has at most 256 characters: does the header row miss?\n"},
		"too many rows": {
			file: "a,b\n1,2\n3,4\n5,6\n", options: spreadsheet.Options{MaxRows: 2},
			want: `csv utf-8 ','
["a" "b"]
2: "1" "2"
3: "3" "4"
! row 4: At most 2 rows are accepted: send the others in a file of their own.
`},
		"empty":         {want: "! The file is empty: a header and a row for each user are needed.\n"},
		"blank":         {file: "\ufeff\r\n\r\n", want: "! The file is empty: a header and a row for each user are needed.\n"},
		"PDF":           {file: "%PDF-1.7", want: "! The file is a document or an archive, not a table: " + cut},
		"gzip":          {file: "\x1f\x8b\x08", want: "! The file is a document or an archive, not a table: " + cut},
		"HTML as .xls":  {file: "\r\n<html><table>", want: "! row 1: The file is HTML or XML, whatever its name ends in: open it in a spreadsheet, and save it as an Excel workbook (.xlsx) or as CSV UTF-8.\n"},
		"a zip as CSV":  {file: "PK\x03\x04", options: spreadsheet.Options{Format: spreadsheet.CSV}, want: "! The file is a workbook or an archive, not csv: say xlsx, or " + cut},
		"CSV as XLSX":   {file: "a,b\n", options: spreadsheet.Options{Format: spreadsheet.XLSX}, want: "! The file is no XLSX workbook: save it as an Excel workbook (.xlsx) or as CSV UTF-8.\n"},
		"brace as CSV":  {file: "{a},b\n1,2\n", options: spreadsheet.Options{Format: spreadsheet.CSV}, want: "csv utf-8 ','\n[\"{a}\" \"b\"]\n2: \"1\" \"2\"\n"},
		"a JSON array":  {file: `[{"a":1}]`, want: "! row 1: The file is a JSON array: write its objects without [ and ], each on a line of its own (NDJSON).\n"},
		"unknown label": {file: "a,b\n", options: spreadsheet.Options{Encoding: "klingon"}, want: "! The encoding that is named is not known: names of the WHATWG Encoding Standard are, such as utf-8, utf-16le, windows-1252 and gb18030.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tc.file), iotest.DataErrReader(iotest.HalfReader(strings.NewReader(tc.file)))} {
				if diff := cmp.Diff(tc.want, read(t, r, tc.options)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

// TestARowIsBoundedWhereverItStands: what is read ahead of a row neither shortens nor lengthens what it may have.
func TestARowIsBoundedWhereverItStands(t *testing.T) {
	t.Parallel()
	cell := strings.Repeat("x", 32_000)
	most := strings.Repeat(cell+",", 32)
	most += strings.Repeat("y", spreadsheet.MaxLine-len(most)-1) + "\n" // MaxLine bytes with its end
	header := strings.Repeat("a,", 32) + "b\n"
	for before := range 5000 {
		if before%617 != 0 {
			continue
		}
		file := header + strings.Repeat("1"+strings.Repeat(",", 32)+"\n", before)
		reader, err := spreadsheet.Open(t.Context(), strings.NewReader(file+most+"x"+most), spreadsheet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		for range before + 1 {
			if record, err := reader.Next(); err != nil || record.Fault != nil {
				t.Fatal(record.Row, err, record.Fault)
			}
		}
		var e *spreadsheet.Error
		if _, err := reader.Next(); !errors.As(err, &e) || e.Row != before+3 {
			t.Fatalf("a row of a byte more: %v", err)
		}
	}
}

// TestErrorsOfTheSourceComeBack: a connection that breaks is not the file's fault, and never its end.
func TestErrorsOfTheSourceComeBack(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, beginning := range map[string]string{
		"at once":      "",
		"in the head":  "a,b\n1,2\n",
		"after it":     "a,b\n" + strings.Repeat("1,2\n", 30_000),
		"in quotes":    "a,b\n" + strings.Repeat("1,2\n", 30_000) + "\"",
		"NDJSON":       `{"a":1}` + "\n" + strings.Repeat(`{"a":1}`+"\n", 30_000),
		"in an object": `{"a":1}` + "\n" + strings.Repeat(`{"a":1}`+"\n", 30_000) + "{",
		"XLSX":         "PK\x03\x04" + strings.Repeat("x", 100_000),
		"UTF-16":       "\xff\xfea\x00,\x00b\x00\n\x00" + strings.Repeat("1\x00,\x002\x00\n\x00", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader, err := spreadsheet.Open(t.Context(), io.MultiReader(strings.NewReader(beginning), iotest.ErrReader(broken)), spreadsheet.Options{})
			if err == nil {
				defer reader.Close()
			}
			for err == nil {
				_, err = reader.Next()
			}
			var e *spreadsheet.Error
			if !errors.Is(err, broken) || errors.As(err, &e) {
				t.Errorf("got %v", err)
			}
			if reader != nil {
				if _, again := reader.Next(); !errors.Is(again, broken) {
					t.Errorf("then got %v", again)
				}
			}
		})
	}
}

// TestNothingPrintsWhatAFileHolds: passwords are in it.
func TestNothingPrintsWhatAFileHolds(t *testing.T) {
	t.Parallel()
	record := spreadsheet.Record{Row: 7, Cells: []spreadsheet.Cell{{Text: "secret", Items: []string{"secret"}}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb+verb+verb, record, &record, record.Cells); strings.Contains(got, "secret") || strings.Contains(got, "736563") {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

func TestAClosedReader(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"a,b\n1,2\n", `{"a":1}`, string(workbookOf(t, `<row><c t="str"><v>a</v></c></row><row><c t="str"><v>1</v></c></row>`))} {
		reader, err := spreadsheet.Open(t.Context(), strings.NewReader(file), spreadsheet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		reader.Close()
		if _, err := reader.Next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a closed reader gives %v", err)
		}
	}
}
