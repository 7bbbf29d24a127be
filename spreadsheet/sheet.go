package spreadsheet

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A sheet's bounds (ECMA-376 part 1, section 18.3.1.73, and Excel's specifications).
const (
	maxSheetRow    = 1 << 20
	maxSheetColumn = 1 << 14
)

// sheetTable reads the rows of a sheet.
type sheetTable struct {
	name    string
	part    *part
	book    *workbook
	limiter *Limiter
	first   int // row of the header
	row     int // the last that was read
	filled  int // the last with something in it
	hidden  bool
	beyond  bool // the row has something beyond the header's columns
	cols    []string
	cells   []Cell
	text    []byte
	ended   bool
	closed  bool
}

func (t *sheetTable) readHeader() error {
	for {
		token, err := t.part.next()
		if errors.Is(err, io.EOF) {
			return &Error{Detail: "The sheet cannot be read as one with cells: open it, and save it anew."}
		}
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "sheetData" {
			break
		}
	}
	filled, err := t.nextFilled()
	switch {
	case err != nil:
		return err
	case !filled:
		return &Error{Detail: "The sheet " + strconv.Quote(t.name) + " is empty: a header and a row for each user are needed, in the first visible sheet or one that is named."}
	case t.beyond:
		return &Error{Row: t.row, Detail: fmt.Sprintf("The table has more than %d columns, which is the most that is accepted.", MaxColumns)}
	}
	t.first = t.row
	t.cols, err = header(t.row, t.cells)
	return err
}

func (t *sheetTable) names() []string { return t.cols }

func (t *sheetTable) close() {
	if t.closed {
		return
	}
	t.closed = true
	t.part.close()
	t.book, t.part = nil, nil
	t.limiter.release()
}

func (t *sheetTable) next() (Record, error) {
	filled, err := t.nextFilled()
	if err != nil {
		return Record{}, err
	}
	if !filled {
		return Record{}, t.finish()
	}
	record := Record{Row: t.row, Cells: t.cells}
	switch {
	case t.beyond:
		record.Fault = &Fault{ReasonRagged, fmt.Sprintf("There is something beyond the header's %d columns: name the column, or empty it.", len(t.cols))}
	case t.hidden:
		record.Fault = &Fault{ReasonHidden, "The row is hidden, perhaps by a filter: show it, or delete it."}
	}
	return record, nil
}

// nextFilled reads up to a row with something in it, and reports whether there is one.
func (t *sheetTable) nextFilled() (bool, error) {
	for !t.ended {
		token, err := t.part.next()
		if err != nil {
			return false, endless(err, t.part.name)
		}
		switch e := token.(type) {
		case xml.EndElement: // of the sheet's data: rows are read to their own
			t.ended = true
		case xml.StartElement:
			if e.Name.Local != "row" {
				err = t.part.skip()
			} else if err = t.readRow(&e); err == nil && t.filled == t.row {
				return true, nil
			}
			if err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// readRow reads a row's cells. There is something in it if filled is its number then.
func (t *sheetTable) readRow(start *xml.StartElement) error {
	row, err := t.row+1, error(nil)
	if r := attribute(start, "r"); r != "" {
		row, err = strconv.Atoi(r)
	}
	if err != nil || row <= t.row || row > maxSheetRow {
		return damaged(t.part.name)
	}
	t.row, t.beyond, t.hidden = row, false, attributeTrue(start, "hidden")
	t.cells = t.cells[:0]
	for range t.cols {
		t.cells = append(t.cells, Cell{Missing: true})
	}
	column := -1
	for outside := t.part.depth - 1; t.part.depth > outside; {
		token, err := t.part.next()
		if err != nil {
			return endless(err, t.part.name)
		}
		e, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case e.Name.Local != "c":
			err = t.part.skip()
		default:
			var cell Cell
			if column, err = columnAfter(column, attribute(&e, "r")); err != nil {
				return damaged(t.part.name)
			}
			if cell, err = t.readCell(&e); err == nil {
				t.put(column, cell)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// put takes a cell into the row.
func (t *sheetTable) put(column int, cell Cell) {
	if cell.empty() && column >= len(t.cols) {
		return
	}
	switch isHeader := t.first == 0; {
	case !isHeader && column >= len(t.cols), column >= MaxColumns:
		t.beyond = true
	default:
		for column >= len(t.cells) {
			t.cells = append(t.cells, Cell{Missing: true})
		}
		t.cells[column] = cell
	}
	if !cell.empty() {
		t.filled = t.row
	}
}

// columnAfter is the column of a cell: that of its reference, such as C7, or the next where it has none.
func columnAfter(last int, reference string) (int, error) {
	if reference == "" {
		return last + 1, nil
	}
	column := -1
	for _, c := range []byte(reference) {
		if c |= 0x20; c < 'a' || c > 'z' {
			break
		}
		if column = (column+1)*26 + int(c-'a'); column >= maxSheetColumn {
			break
		}
	}
	if column <= last || column >= maxSheetColumn {
		return 0, errors.New("spreadsheet: cells out of order")
	}
	return column, nil
}

// readCell reads a cell (ECMA-376 part 1, section 18.3.1.4).
func (t *sheetTable) readCell(start *xml.StartElement) (Cell, error) {
	var value, inline, formula string
	var hasInline, hasFormula bool
	for outside := t.part.depth - 1; t.part.depth > outside; {
		token, err := t.part.next()
		if err != nil {
			return Cell{}, endless(err, t.part.name)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch t.text = t.text[:0]; e.Name.Local {
		case "v":
			t.text, err = t.part.text(t.text)
			value = string(t.text)
		case "is":
			t.text, err = t.part.richText(t.text)
			inline, hasInline = unescapeXML(string(t.text)), true
		case "f":
			t.text, err = t.part.text(t.text)
			formula, hasFormula = string(t.text), true
		default:
			err = t.part.skip()
		}
		if err != nil {
			return Cell{}, err
		}
	}
	cell, err := t.value(attribute(start, "t"), attribute(start, "s"), value)
	if hasInline && attribute(start, "t") == "inlineStr" {
		cell = sheetText(inline)
	}
	if hasFormula && formula != "TRUE()" && formula != "FALSE()" { // as LibreOffice writes what is typed
		cell.Missing = false
		cell.Fault = &Fault{ReasonFormula, "The cell holds a formula: put its value in its place (copy, paste special, values)."}
	}
	return cell, err
}

// value makes a cell of what is stored in it.
func (t *sheetTable) value(kind, style, stored string) (Cell, error) {
	switch kind {
	case "inlineStr":
		return Cell{Missing: true}, nil
	case "str":
		return sheetText(unescapeXML(stored)), nil
	}
	if stored == "" {
		return Cell{Missing: true}, nil
	}
	switch kind {
	case "", "n":
		return t.book.number(strings.TrimSpace(stored), style), nil
	case "s":
		text, ok := t.book.strings.get(strings.TrimSpace(stored))
		if !ok {
			return Cell{}, damaged(t.part.name)
		}
		return sheetText(text), nil
	case "b":
		if stored == "1" {
			return Cell{Text: "TRUE"}, nil
		}
		return Cell{Text: "FALSE"}, nil
	}
	cell := sheetText(stored)
	switch kind {
	case "d":
		cell.Fault = &Fault{ReasonDate, "The cell holds a date: " + textColumn + "."}
	case "e":
		cell.Fault = &Fault{ReasonErrorCell, "The cell holds an error such as #N/A: put a value in its place."}
	default:
		return Cell{}, damaged(t.part.name)
	}
	return cell, nil
}

func sheetText(text string) (cell Cell) {
	cell.Text, cell.Fault = checkSheetText(Unescape(text))
	return cell
}

// finish looks at what follows the rows. Merged cells are told only there; all but the first of them are empty, so that
// rows that were given lack what people see.
func (t *sheetTable) finish() error {
	for {
		token, err := t.part.next()
		if err != nil {
			return err // EOF of a sheet that is sound
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "mergeCell" {
			from, to, _ := strings.Cut(attribute(&e, "ref"), ":")
			if column, row, merged := t.merged(from, to); merged {
				return &Error{Row: row, Column: Letter(column), Detail: "Cells are merged from here on: unmerge them, and fill each with what it means."}
			}
		}
	}
}

// merged reports whether a range covers several cells of the table, and where it begins.
func (t *sheetTable) merged(from, to string) (column, row int, merged bool) {
	left, top, ok1 := coordinates(from)
	right, bottom, ok2 := coordinates(to)
	if !ok1 || !ok2 || left == right && top == bottom {
		return 0, 0, false
	}
	return left, top, left < len(t.cols) && top <= t.filled && bottom >= t.first
}

func coordinates(reference string) (column, row int, ok bool) {
	reference = strings.ReplaceAll(reference, "$", "")
	letters := strings.TrimRight(reference, "0123456789")
	column, err := columnAfter(-1, letters)
	if err != nil || letters == "" {
		return 0, 0, false
	}
	row, err = strconv.Atoi(reference[len(letters):])
	return column, row, err == nil
}
