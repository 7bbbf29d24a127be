package spreadsheet

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The parts of a workbook with one sheet, other than the sheet (ECMA-376 part 1, annex A, and part 2).
const (
	xmlHead      = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainSpace    = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
	packageSpace = `http://schemas.openxmlformats.org/package/2006`
	officeSpace  = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	mainTypes    = `application/vnd.openxmlformats-officedocument.spreadsheetml.`

	sheetPart = "xl/worksheets/sheet1.xml"
	sheetName = "Users"
)

var workbookParts = [...]struct{ name, text string }{
	{"[Content_Types].xml", `<Types xmlns="` + packageSpace + `/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + mainTypes + `sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + mainTypes + `styles+xml"/>` +
		`<Override PartName="/` + sheetPart + `" ContentType="` + mainTypes + `worksheet+xml"/></Types>`},
	{"_rels/.rels", `<Relationships xmlns="` + packageSpace + `/relationships">` +
		`<Relationship Id="rId1" Type="` + officeSpace + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/workbook.xml", `<workbook xmlns="` + mainSpace + `" xmlns:r="` + officeSpace + `">` +
		`<sheets><sheet name="` + sheetName + `" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + packageSpace + `/relationships">` +
		`<Relationship Id="rId1" Type="` + officeSpace + `/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="` + officeSpace + `/styles" Target="styles.xml"/></Relationships>`},
	{"xl/styles.xml", `<styleSheet xmlns="` + mainSpace + `">` +
		`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
		`<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
		`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs>` +
		`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`},
}

// The styles: both are formatted as text, so that a phone that is typed over stays one.
const (
	styleText   = 1
	styleHeader = 2
)

// xlsxSink writes a workbook with one sheet, whose cells hold their texts themselves: texts that are shared would have to be
// kept until the end.
type xlsxSink struct {
	zip     *zip.Writer
	sheet   *bufio.Writer
	letters []string
	fields  []Field // whose prompts and values the columns get; none or one for each
	row     int
}

func newXLSXSink(w io.Writer, columns []string) (sink, error) {
	s := &xlsxSink{zip: zip.NewWriter(w)}
	for _, part := range workbookParts {
		if err := s.part(part.name, part.text); err != nil {
			return nil, err
		}
	}
	sheet, err := s.zip.Create(sheetPart)
	if err != nil {
		return nil, err
	}
	for i := range columns {
		s.letters = append(s.letters, Letter(i))
	}
	s.sheet = bufio.NewWriter(sheet)
	_, err = fmt.Fprintf(s.sheet, xmlHead+`<worksheet xmlns="`+mainSpace+`"><sheetViews><sheetView workbookViewId="0">`+
		`<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>`+
		`<cols><col min="1" max="%d" width="20" style="%d" customWidth="1"/></cols><sheetData>`, len(columns), styleText)
	if err != nil {
		return nil, err
	}
	header := Texts(columns...)
	for i := range header {
		header[i].Text = clean(header[i].Text)
	}
	return s, s.writeRow(header, styleHeader)
}

func (s *xlsxSink) part(name, text string) error {
	w, err := s.zip.Create(name)
	if err == nil {
		_, err = io.WriteString(w, xmlHead+text)
	}
	return err
}

func (s *xlsxSink) write(cells []Cell) error {
	if s.row > MaxXLSXRows { // the first is the header
		return &Error{Detail: fmt.Sprintf("A sheet holds at most %d rows: ask for CSV.", MaxXLSXRows)}
	}
	return s.writeRow(cells, styleText)
}

func (s *xlsxSink) writeRow(cells []Cell, style int) error {
	s.row++
	row := strconv.Itoa(s.row)
	s.strings(`<row r="`, row, `">`)
	for i := range cells {
		if text := cells[i].flat(); text != "" {
			tag := `<t>`
			if strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n\t") {
				tag = `<t xml:space="preserve">`
			}
			s.strings(`<c r="`, s.letters[i], row, `" s="`, strconv.Itoa(style), `" t="inlineStr"><is>`, tag, escapeXML(escapeTyped(text)), `</t></is></c>`)
		}
	}
	_, err := s.sheet.WriteString("</row>")
	return err
}

// strings writes to the sheet, whose errors stay until the next.
func (s *xlsxSink) strings(texts ...string) {
	for _, text := range texts {
		_, _ = s.sheet.WriteString(text)
	}
}

func (s *xlsxSink) close() error {
	s.strings(`</sheetData>`)
	s.validations()
	s.strings(`<ignoredErrors><ignoredError sqref="A1:`, s.letters[len(s.letters)-1], strconv.Itoa(MaxXLSXRows+1), `" numberStoredAsText="1"/></ignoredErrors></worksheet>`)
	if err := s.sheet.Flush(); err != nil {
		return err
	}
	return s.zip.Close()
}

// validations writes what people see who fill a column in, and the values that they choose from.
func (s *xlsxSink) validations() {
	if len(s.fields) == 0 {
		return
	}
	s.strings(`<dataValidations count="`, strconv.Itoa(len(s.fields)), `">`)
	for i := range s.fields {
		f := &s.fields[i]
		s.strings(`<dataValidation `)
		if len(f.Values) > 0 {
			s.strings(`type="list" showErrorMessage="1" `)
		}
		s.strings(`allowBlank="1" showInputMessage="1" promptTitle="`, escapeXML(short(f.Name, 32)), `" prompt="`, escapeXML(short(f.Help, 255)))
		s.strings(`" sqref="`, s.letters[i], `2:`, s.letters[i], strconv.Itoa(MaxXLSXRows+1), `"`)
		if len(f.Values) > 0 {
			s.strings(`><formula1>"`, escapeXML(strings.Join(f.Values, ",")), `"</formula1></dataValidation>`)
		} else {
			s.strings(`/>`)
		}
	}
	s.strings(`</dataValidations>`)
}

// short cuts a text to so many characters.
func short(text string, most int) string {
	for i := range text {
		if most--; most < 0 {
			return text[:i]
		}
	}
	return text
}

// escapeXML makes a text into one of XML: of what XML cannot hold, and of what looks like its escape, it makes _xHHHH_ (ECMA-376
// part 1, section 22.9.2.19).
func escapeXML(text string) string {
	plain := func(r rune) bool { return r >= ' ' && r != '&' && r != '<' && r != '>' && r != '"' && r < 0xFFFE }
	if strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 && !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, looksEscaped := escapedUnit(text[i:])
		switch {
		case looksEscaped:
			b.WriteString("_x005F_")
		case plain(r), r == '\n', r == '\t', r > 0xFFFF:
			b.WriteRune(r)
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		default:
			fmt.Fprintf(&b, "_x%04X_", r)
		}
	}
	return b.String()
}
