package spreadsheet_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/spreadsheet"
)

const (
	officeSpace = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	mainSpace   = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
	sheetPart   = "xl/worksheets/sheet1.xml"
)

// parts are those of a workbook with a sheet, whose rows are given.
func parts(rows string) map[string]string {
	return map[string]string{
		"_rels/.rels": `<Relationships><Relationship Id="rId1" Type="` + officeSpace + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml": `<workbook xmlns="` + mainSpace + `" xmlns:r="` + officeSpace + `"><workbookPr/><sheets>` +
			`<sheet name="People" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Type="` + officeSpace + `/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="` + officeSpace + `/sharedStrings" Target="sharedStrings.xml"/>` +
			`<Relationship Id="rId3" Type="` + officeSpace + `/styles" Target="/xl/styles.xml"/></Relationships>`,
		"xl/sharedStrings.xml": `<sst xmlns="` + mainSpace + `"><si><t>zero</t></si><si><r><t>on</t></r><rPh sb="0" eb="1"><t>!</t></rPh><r><rPr/><t>e</t></r></si>` +
			`<si/><si><t>_x0041__x005F_x0042__xD83D__xDE00__xD83D_</t></si></sst>`,
		"xl/styles.xml": `<styleSheet xmlns="` + mainSpace + `"><cellXfs><xf numFmtId="0"/></cellXfs></styleSheet>`,
		sheetPart:       `<worksheet xmlns="` + mainSpace + `"><sheetData>` + rows + `</sheetData></worksheet>`,
	}
}

// zipped makes an archive of parts.
func zipped(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write([]byte(parts[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func workbookOf(t testing.TB, rows string) []byte {
	t.Helper()
	return zipped(t, parts(rows))
}

// texts is a row of texts.
func texts(row int, cells ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<row r="%d">`, row)
	for i, cell := range cells {
		fmt.Fprintf(&b, `<c r="%s%d" t="str"><v>%s</v></c>`, spreadsheet.Letter(i), row, cell)
	}
	return b.String() + "</row>"
}

const people = "xlsx \"People\" of [\"People\"]\n"

func TestSheet(t *testing.T) {
	t.Parallel()
	const damaged = "! The workbook is damaged or cut off, in its part xl/worksheets/sheet1.xml: open it, and save it anew.\n"
	const head = people + "[\"a\" \"b\"]\n"
	for name, tc := range map[string]struct{ rows, want string }{
		"strings of every kind": {
			texts(1, "a", "b", "c", "d") + `<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v> 1 </v></c><c r="C2" t="s"><v>2</v></c><c r="D2" t="s"><v>3</v></c></row>` +
				`<row r="3"><c r="A3" t="inlineStr"><is><t>x</t><rPh><t>!</t></rPh><r><t> y</t></r></is></c><c r="B3" t="inlineStr"/><c r="C3" t="str"><v/></c><c r="D3" t="str"><v>_x000D_z</v></c></row>`,
			people + "[\"a\" \"b\" \"c\" \"d\"]\n2: \"zero\" \"one\" \"\" \"A_x0042_😀�\"!\n" +
				"\tD character: Characters of the cell were lost in a conversion of the file: save it as UTF-8, or name its encoding.\n" +
				"3: \"x y\" - \"\" \"\\rz\"\n"},
		"no references": {
			`<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row><row><c/><c t="str"><v>1</v></c></row>`, head + "2: - \"1\"\n"},
		"some references": {
			`<row r="3"><c r="B3" t="str"><v>b</v></c><c t="str"><v>c</v></c></row><row><c r="b4"><v>1</v></c><c r="C4"><v>2</v></c></row>`,
			people + "[\"\" \"b\" \"c\"]\n4: - #\"1\" #\"2\"\n"},
		"booleans, errors, ISO dates": {
			texts(1, "a", "b", "c", "d") + `<row r="2"><c r="A2" t="b"><v>1</v></c><c r="B2" t="b"><v>0</v></c><c r="C2" t="e"><v>#DIV/0!</v></c><c r="D2" t="d"><v>2024-01-31</v></c></row>`,
			people + "[\"a\" \"b\" \"c\" \"d\"]\n2: \"TRUE\" \"FALSE\" \"#DIV/0!\"! \"2024-01-31\"!\n" +
				"\tC error-cell: The cell holds an error such as #N/A: put a value in its place.\n" +
				"\tD date: The cell holds a date: format the column as text, and type the value again.\n"},
		"formulas": {
			texts(1, "a", "b", "c") + `<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2" t="str"><f t="shared" si="0"/><v>x</v></c><c r="C2"><f>A1</f></c></row>`,
			people + "[\"a\" \"b\" \"c\"]\n2: #\"2\"! \"x\"! \"\"!\n" + strings.Repeat("\t? formula: The cell holds a formula: put its value in its place (copy, paste special, values).\n", 3)},
		"a formula in the header": {
			`<row r="1"><c r="A1"><f>1+1</f><v>2</v></c></row>`,
			"! row 1, column A: The header cannot be read. The cell holds a formula: put its value in its place (copy, paste special, values).\n"},
		"numbers in the header": {`<row r="1"><c r="A1"><v>2024</v></c></row>`, people + "[\"2024\"]\n"},
		"apostrophes of CSV":    {texts(1, "a", "b") + texts(2, "&apos;+49", "&apos;s"), head + "2: \"+49\" \"'s\"\n"},
		"floats as texts": {texts(1, "a", "b") + texts(2, "1.88E+12", "x"), head + "2: \"1.88E+12\"! \"x\"\n" +
			"\tA number: A spreadsheet turned a long number, such as a phone, into one like 1.88E+12, and its digits are lost: format the column as text, and type the value again.\n"},
		"hidden rows": {
			texts(1, "a", "b") + `<row r="2" hidden="1"><c r="A2"><v>1</v></c></row><row r="3" hidden="true"/>` + texts(4, "x", "y"),
			head + "2: #\"1\" -\n\thidden: The row is hidden, perhaps by a filter: show it, or delete it.\n4: \"x\" \"y\"\n"},
		"empty rows": {
			`<row r="1"/>` + texts(2, "a", "b") + texts(5, "", "") + `<row r="6"><c r="A6" s="4"/></row>` + texts(7, "x") + `<row r="1048576"><c r="A1048576" s="4"/></row>`,
			head + "7: \"x\" -\n"},
		"beyond the header": {
			texts(1, "a", "b") + `<row r="2"><c r="A2"><v>1</v></c><c r="XFD2"/></row><row r="3"><c r="A3"><v>1</v></c><c r="IX3"><v>2</v></c></row>`,
			head + "2: #\"1\" -\n3: #\"1\" -\n\tragged: There is something beyond the header's 2 columns: name the column, or empty it.\n"},
		"too many columns": {
			`<row r="1"><c r="A1"><v>1</v></c><c r="IW1"><v>2</v></c></row>`,
			"! row 1: The table has more than 256 columns, which is the most that is accepted.\n"},
		"as many as may be": {`<row r="1"><c r="IV1"><v>2</v></c></row>`, people + "[" + strings.Repeat(`"" `, 255) + "\"2\"]\n"},
		"an empty sheet":    {"", "! The sheet \"People\" is empty: a header and a row for each user are needed, in the first visible sheet or one that is named.\n"},
		"a sheet of blanks": {`<row r="7"><c r="A7" s="1"/></row>`, "! The sheet \"People\" is empty: a header and a row for each user are needed, in the first visible sheet or one that is named.\n"},
		"merged cells": {
			texts(1, "a", "b") + texts(2, "x", "y") + `<row r="3"><c r="A3"><v>1</v></c></row></sheetData><mergeCells><mergeCell ref="B2:B3"/></mergeCells><sheetData>`,
			head + "2: \"x\" \"y\"\n3: #\"1\" -\n! row 2, column B: Cells are merged from here on: unmerge them, and fill each with what it means.\n"},
		"merged cells in the header": {
			texts(1, "a", "") + `</sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells><sheetData>`,
			people + "[\"a\"]\n! row 1, column A: Cells are merged from here on: unmerge them, and fill each with what it means.\n"},
		"merged cells elsewhere": {
			texts(2, "a", "b") + texts(3, "x", "y") + `</sheetData><mergeCells><mergeCell ref="A1:B1"/><mergeCell ref="C2:C3"/><mergeCell ref="A4:B9"/><mergeCell ref="A3:A3"/><mergeCell ref="?"/></mergeCells><sheetData>`,
			head + "3: \"x\" \"y\"\n"},
		"a text that is not there":   {texts(1, "a", "b") + `<row r="2"><c r="A2" t="s"><v>4</v></c></row>`, head + damaged},
		"a negative text":            {texts(1, "a", "b") + `<row r="2"><c r="A2" t="s"><v>-1</v></c></row>`, head + damaged},
		"a type that there is not":   {texts(1, "a", "b") + `<row r="2"><c r="A2" t="x"><v>1</v></c></row>`, head + damaged},
		"rows out of order":          {texts(1, "a", "b") + texts(3, "x") + texts(2, "y"), head + "3: \"x\" -\n" + damaged},
		"a row twice":                {texts(1, "a", "b") + texts(1, "x"), head + damaged},
		"a row beyond all":           {texts(1, "a", "b") + texts(1048577, "x"), head + damaged},
		"a row that is no number":    {`<row r="one"/>`, damaged},
		"cells out of order":         {texts(1, "a", "b") + `<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>2</v></c></row>`, head + damaged},
		"a cell twice":               {texts(1, "a", "b") + `<row r="2"><c r="B2"><v>1</v></c><c r="B2"><v>2</v></c></row>`, head + damaged},
		"a column beyond all":        {texts(1, "a", "b") + `<row r="2"><c r="XFE2"><v>1</v></c></row>`, head + damaged},
		"a reference with no letter": {texts(1, "a", "b") + `<row r="2"><c r="12"><v>1</v></c></row>`, head + damaged},
		"cut off":                    {texts(1, "a", "b") + `<row r="2"><c r="A2"><v>1`, head + damaged},
		"a document type":            {`<!DOCTYPE x [<!ENTITY y "z">]>` + texts(1, "&y;"), damaged},
		"an entity":                  {texts(1, "a", "b") + texts(2, "&y;"), head + damaged},
		"things that nobody knows": {
			`<x:y xmlns:x="z"><c/></x:y>` + texts(1, "a", "b") + `<row r="2"><x/><c r="A2"><extLst><v>no</v></extLst><v>1</v></c><!-- c --><?p i?></row>`,
			head + "2: #\"1\" -\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := tc.want
			for _, column := range []string{"A", "B", "C"} {
				want = strings.Replace(want, "\t?", "\t"+column, 1)
			}
			if diff := cmp.Diff(want, readBytes(t, workbookOf(t, tc.rows), spreadsheet.Options{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	const (
		long    = "!A spreadsheet turned a long number"
		other   = "!The cell holds a number that is shown otherwise"
		date    = "!The cell holds a date"
		decimal = "!The cell holds a number that is not whole"
		none    = "!The cell should hold a number"
	)
	for _, tc := range []struct{ stored, format, want string }{
		{"0", "0", "0"},
		{"7", "", "7"},
		{"-7", "0", "-7"},
		{"7.0", "0", "7"},
		{"1.38001380e10", "0", "13800138000"},
		{"13800138000", "0", "13800138000"},
		{"99999999999", "0", "99999999999"},
		{"100000000000", "0", "1E+11" + long}, // General shows 1E+11
		{"491511234567", "0", "4.91511234567E+11" + long},
		{"491511234567", "49", "4.91511234567E+11" + long},
		{"491511234567", "General", "4.91511234567E+11" + long},
		{"491511234567", "1", "491511234567"},
		{"491511234567", "3", "491511234567"},
		{"491511234567", "0_ ", "491511234567"},
		{"491511234567", "0_);[Red]\\(0\\)", "491511234567"},
		{"491511234567", "[Black]#,##0.00;-0", "491511234567"},
		{"491511234567", "[$-804]0", "491511234567"},
		{"491511234567", "####\\ ####\\ ####", "491511234567"},
		{"491511234567", `"+"0`, "4.91511234567E+11" + other},
		{"491511234567", "[<=9999999]###-####;0", "4.91511234567E+11" + other},
		{"491511234567", "11", "4.91511234567E+11" + other},
		{"491511234567", "0.00E+00", "4.91511234567E+11" + other},
		{"491511234567", "0,", "4.91511234567E+11" + other}, // in thousands
		{"491511234567", "[$€-407]0", "4.91511234567E+11" + other},
		{"1", "9", "1E+00" + other},
		{"1", "0%", "1E+00" + other},
		{"1", "# ?/?", "1E+00" + other},
		{"1", ";;;", "1E+00" + other},
		{"1", "[", "1E+00" + other},
		{"1", "[]0", "1E+00" + other},
		{"1", "5", "1E+00" + other},
		{"999999999999999", "1", "999999999999999"},
		{"1000000000000000", "1", "1E+15" + long},
		{"11010519491231002", "1", "1.1010519491231002E+16" + long}, // 18 digits of which Excel keeps 15
		{"42", "00000", "00042"},
		{"-42", "00000", "-00042"},
		{"1234567", "00000", "1234567"},
		{"42", "0000000000000000", "4.2E+01" + other},
		{"42", "0.00", "42"},
		{"1.5", "0", "1.5" + decimal},
		{"1.5", "2", "1.5" + decimal},
		{"0.1", "9", "0.1" + decimal},
		{"1E300", "0", "1E+300" + long},
		{"45322", "14", "2024-01-31" + date},
		{"45322.75", "22", "2024-01-31T18:00:00" + date},
		{"0.5", "20", "12:00:00" + date},
		{"59", "14", "1900-02-28" + date},
		{"61", "14", "1900-03-01" + date},
		{"-1", "14", "-1" + date},
		{"2958466", "14", "2958466" + date},
		{"45322", "yyyy\"年\"m\"月\"d\"日\"", "2024-01-31" + date},
		{"45322", "[$-409]d-mmm-yy;@", "2024-01-31" + date},
		{"45322", "\"am\" d.m.", "2024-01-31" + date},
		{"0.5", "[h]:mm", "12:00:00" + date},
		{"45322", "31", "2024-01-31" + date},
		{"45322", "\"d\"0", "4.5322E+04" + other},
		{"x", "0", "x" + none},
		{"0x10", "0", "0x10" + none},
		{"1_0", "0", "1_0" + none},
		{"NaN", "0", "NaN" + none},
		{"Inf", "0", "Inf" + none},
		{"1e999", "0", "1e999" + none},
	} {
		all := parts(texts(1, "a") + `<row r="2"><c r="A2" s="1"><v>` + tc.stored + `</v></c></row>`)
		id := tc.format
		if strings.Trim(id, "0123456789") != "" || len(id) > 2 { // not a built-in format's number
			id = "164"
		}
		all["xl/styles.xml"] = fmt.Sprintf(`<styleSheet xmlns=%q><numFmts><numFmt numFmtId="164" formatCode="%s"/></numFmts>`+
			`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="14"/><xf numFmtId="%s"/></cellXfs><dxfs><xf/></dxfs></styleSheet>`,
			mainSpace, strings.NewReplacer(`"`, "&quot;", "<", "&lt;").Replace(tc.format), id)
		reader, err := spreadsheet.Open(t.Context(), bytes.NewReader(zipped(t, all)), spreadsheet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		record, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		text, detail, wrong := strings.Cut(tc.want, "!")
		got := record.Cells[0]
		switch {
		case !got.Number || got.Text != text || wrong != (got.Fault != nil):
			t.Errorf("%s as %s: got %+v, want %s", tc.stored, tc.format, got, tc.want)
		case wrong && !strings.HasPrefix(got.Fault.Detail, detail):
			t.Errorf("%s as %s: %s", tc.stored, tc.format, got.Fault.Detail)
		}
	}
}

func TestDatesFrom1904(t *testing.T) {
	t.Parallel()
	all := parts(texts(1, "a") + `<row r="2"><c r="A2"><v>0</v></c></row><row r="3"><c r="A3"><v>43860.25</v></c></row>`)
	all["xl/workbook.xml"] = strings.Replace(all["xl/workbook.xml"], "<workbookPr/>", `<workbookPr date1904="true"/>`, 1)
	all["xl/styles.xml"] = `<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>`
	const detail = "\tA date: The cell holds a date, which spreadsheets store as a number: format the column as text, and type the value again.\n"
	want := people + "[\"a\"]\n2: #\"1904-01-01\"!\n" + detail + "3: #\"2024-01-31T06:00:00\"!\n" + detail
	if diff := cmp.Diff(want, readBytes(t, zipped(t, all), spreadsheet.Options{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSheets: the first visible sheet is read, or one that is named.
func TestSheets(t *testing.T) {
	t.Parallel()
	all := parts(texts(1, "a"))
	all["xl/workbook.xml"] = `<workbook xmlns:r="` + officeSpace + `"><sheets><sheet name="Chart" r:id="rId9"/><sheet name="Hidden" state="hidden" r:id="rId8"/>` +
		`<sheet name="Deep" state="veryHidden" r:id="rId8"/><sheet name="Lost"/><sheet name="People" state="visible" r:id="rId1"/><sheet name="Others" r:id="rId8"/></sheets></workbook>`
	all["xl/_rels/workbook.xml.rels"] = `<Relationships><Relationship Id="rId1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet" Target="worksheets\Sheet1.XML"/>` +
		`<Relationship Id="rId9" Type="` + officeSpace + `/chartsheet" Target="chart.xml"/><Relationship Id="rId8" Type="` + officeSpace + `/worksheet" Target="worksheets/sheet2.xml"/></Relationships>`
	all["xl/worksheets/sheet2.xml"] = `<x:worksheet xmlns:x="` + mainSpace + `"><x:sheetData><x:row><x:c t="str"><x:v>b</x:v></x:c></x:row></x:sheetData></x:worksheet>`
	file := zipped(t, all)
	for sheet, want := range map[string]string{
		"":       "xlsx \"People\" of [\"People\" \"Others\"]\n[\"a\"]\n",
		"people": "xlsx \"People\" of [\"People\" \"Others\"]\n[\"a\"]\n",
		"Others": "xlsx \"Others\" of [\"People\" \"Others\"]\n[\"b\"]\n",
		"Hidden": "xlsx \"Hidden\" of [\"People\" \"Others\"]\n[\"b\"]\n",
		"Chart":  "! There is no sheet of the name that is asked for; there is People, Others.\n",
	} {
		if diff := cmp.Diff(want, readBytes(t, file, spreadsheet.Options{Sheet: sheet})); diff != "" {
			t.Errorf("%q: -want +got:\n%s", sheet, diff)
		}
	}
	all["xl/workbook.xml"] = `<workbook xmlns:r="` + officeSpace + `"><sheets><sheet name="Hidden" state="hidden" r:id="rId1"/></sheets></workbook>`
	for _, sheet := range []string{"", "Other"} {
		const want = "! The workbook has no visible sheet with cells: show the one that is meant.\n"
		if diff := cmp.Diff(want, readBytes(t, zipped(t, all), spreadsheet.Options{Sheet: sheet})); diff != "" {
			t.Errorf("%q: -want +got:\n%s", sheet, diff)
		}
	}
}
