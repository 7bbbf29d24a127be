// Package spreadsheet reads and writes tables of users as people and programs send them: CSV, XLSX and NDJSON. Files are
// hostile until shown otherwise: whatever is read is bounded, nothing is ever written to a disk, and what a file holds is
// never part of an error's text.
//
// Reading tells two sorts of trouble apart. What is wrong with a file as a whole is an [*Error], and reading ends: nothing of
// the file may be used, also not what came before. What is wrong with one row is the row's own [Fault], or that of one of
// its cells, and reading goes on.
//
// XLSX is read and written by this package and not by a library. The one at hand, excelize, ends without an error where a sheet's
// XML is cut off, gives the result of a formula as if it were text, takes no notice of what a small tag or a nested one makes of memory,
// and puts large sheets into temporary files, read or written. The tests have it for a second opinion.
package spreadsheet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// What is accepted at most. The limits of a cell are Excel's own.
const (
	MaxRows     = 1_000_000 // rows of a CSV or NDJSON file, without the header and those that are empty
	MaxXLSXRows = 100_000   // rows of a sheet, likewise
	MaxColumns  = 256
	MaxCell     = 32_767   // characters, counted as Excel does: those beyond U+FFFF are two
	MaxName     = 256      // characters of a column's name
	MaxLine     = 1 << 20  // bytes of a row of CSV or a line of NDJSON, in UTF-8
	MaxUnzipped = 64 << 20 // bytes of all parts of an XLSX file together
	MaxZipped   = 32 << 20 // bytes of an XLSX file
)

// Format is a kind of file.
type Format uint8

// The formats. The zero Format lets [Open] find out.
const (
	Auto   Format = iota
	CSV           // RFC 4180; also with ; TAB or | between cells, and line breaks of any kind
	XLSX          // ECMA-376, also with macros, which are not looked at
	NDJSON        // a JSON object on each line
)

var formatNames = [...]string{"auto", "csv", "xlsx", "ndjson"}

func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return "unknown"
}

// ParseFormat reads a format's name: auto, csv, xlsx or ndjson.
func ParseFormat(name string) (Format, error) {
	for f, known := range formatNames {
		if name == known {
			return Format(f), nil
		}
	}
	return Auto, errors.New("spreadsheet: auto, csv, xlsx and ndjson are known formats")
}

// Options say what is known of a file before it is opened. The zero value finds everything out.
type Options struct {
	Format Format
	// Encoding is the name of a text's encoding by the WHATWG Encoding Standard, such as windows-1252 or gb18030. "" takes
	// UTF-8 and UTF-16 and refuses others. A byte order mark goes before it.
	Encoding string
	// Delimiter stands between the cells of CSV. 0 guesses among , ; TAB and |.
	Delimiter rune
	// Sheet names the sheet of an XLSX file. "" is the first that is visible.
	Sheet string
	// MaxRows lowers the number of rows that are accepted. 0 is the format's limit.
	MaxRows int
	// Limiter bounds how many XLSX files are read at a time. nil is no bound.
	Limiter *Limiter
}

// Layout is how a file was understood, to be shown to who sent it.
type Layout struct {
	Format    Format
	Encoding  string   // of CSV and NDJSON, such as utf-8
	Delimiter rune     // of CSV
	Sheet     string   // of XLSX: the one that is read
	Sheets    []string // of XLSX: all that are visible
}

// Record is a row of the table.
type Record struct {
	// Row is the row's number in the file, from 1: of XLSX the sheet's, of CSV that of the line on which it begins.
	Row int
	// Cells has one for each column, unless the row has a fault: then it has those that could be read, at most MaxColumns.
	// It is the reader's, and good until Next is called again; the texts in it are not bound by that.
	Cells []Cell
	// Fault is what is wrong with the row as a whole. Nothing may be done for such a row.
	Fault *Fault
}

// Cell is a value of a row.
type Cell struct {
	// Text is the value. Of a cell with a fault it is what people saw, as well as is known, so that they find it again:
	// cut to MaxCell characters, a date as ISO 8601, the last known result of a formula.
	Text string
	// Items are the elements where the value is a list, as NDJSON has; Text is "" then.
	Items []string
	// Missing says that there is no value at all, which is less than an empty text: NDJSON without the name or with null,
	// XLSX without a value. CSV cannot tell, and has empty texts.
	Missing bool
	// Number says that the file holds a number, of which leading zeros and a + would be lost.
	Number bool
	// Fault is what is wrong with the value. The cell must not be used; the others of the row may.
	Fault *Fault
}

// Format prints no value, whatever the verb: passwords are among them.
func (Cell) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "cell") }

// Format prints the row's number and no cell, whatever the verb.
func (r Record) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, "row %d", r.Row) }

// empty reports whether there is nothing in the cell.
func (c *Cell) empty() bool { return c.Text == "" && c.Items == nil && c.Fault == nil }

// List gives the elements of a list: Items, or the parts of Text between commas, semicolons, | and line breaks. Spaces
// around a part do not count, nor do parts that are empty.
func (c *Cell) List() []string {
	if c.Items != nil {
		return c.Items
	}
	var list []string
	for part := range strings.FieldsFuncSeq(c.Text, func(r rune) bool { return strings.ContainsRune(",;|\n\r，；、", r) }) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// Texts makes cells of texts.
func Texts(texts ...string) []Cell {
	cells := make([]Cell, len(texts))
	for i, text := range texts {
		cells[i].Text = text
	}
	return cells
}

// Letter names a column as spreadsheets do: 0 is A, 26 is AA.
func Letter(column int) string {
	var name []byte
	for column++; column > 0; column = (column - 1) / 26 {
		name = append([]byte{byte('A' + (column-1)%26)}, name...)
	}
	return string(name)
}

// table is a file of one format. Its errors are [*Error]s or those of the underlying reader, wrapped.
type table interface {
	// names are the header's cells, without spaces around.
	names() []string
	// next gives the next row that is not empty, and [io.EOF] after the last.
	next() (Record, error)
	close()
}

// Reader reads the rows of a file in order. It is used by one goroutine at a time.
type Reader struct {
	layout Layout
	table  table
	max    int
	rows   int
	err    error // what ended reading
}

// Open finds out what a file is and reads its header. It waits for the Limiter if the file is XLSX, until ctx is done; then all
// of the file is read into memory. Who accepts files from strangers bounds the time that reading r may take.
//
// Its error is an [*Error] if the file is at fault, and otherwise r's or ctx's, wrapped. The Reader must be closed.
func Open(ctx context.Context, r io.Reader, o Options) (*Reader, error) {
	in := bufio.NewReaderSize(r, headSize)
	head, err := in.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, reading(err)
	}
	format, err := binaryFormat(head, o.Format)
	if err != nil {
		return nil, err
	}
	reader := &Reader{layout: Layout{Format: format}, max: MaxRows}
	if format == XLSX {
		reader.max = MaxXLSXRows
		reader.table, err = openXLSX(ctx, in, &o, &reader.layout)
	} else {
		reader.table, err = openText(in, head, &o, &reader.layout)
	}
	if err != nil {
		return nil, err
	}
	if o.MaxRows > 0 {
		reader.max = min(reader.max, o.MaxRows)
	}
	if err := checkNames(reader.table.names()); err != nil {
		reader.table.close()
		return nil, err
	}
	return reader, nil
}

// Layout says how the file was understood.
func (r *Reader) Layout() Layout { return r.layout }

// Columns are the names in the header, as they are but for spaces around them. A column in the midst of others may have
// none; a row that has something in it has a fault. Those of NDJSON are the names in its first 64 KiB.
func (r *Reader) Columns() []string { return r.table.names() }

// Next gives the next row that is not empty. After the last it gives [io.EOF]; no other error means that the file is complete and
// sound. The others are as Open's, and stay.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return Record{}, r.err
	}
	record, err := r.table.next()
	if err == nil && r.rows == r.max {
		err = &Error{Row: record.Row, Detail: fmt.Sprintf("At most %d rows are accepted: send the others in a file of their own.", r.max)}
	}
	if err != nil {
		r.err = err
		return Record{}, err
	}
	r.rows++
	if record.Fault == nil {
		record.Fault = nameless(r.table.names(), record.Cells)
	}
	return record, nil
}

// Close ends reading and lets go of the memory and the Limiter. It may be called twice.
func (r *Reader) Close() {
	r.table.close()
	if r.err == nil {
		r.err = errors.New("spreadsheet: the reader is closed")
	}
}

// nameless is the fault of a row that has something in a column without a name: nobody could say what it is.
func nameless(names []string, cells []Cell) *Fault {
	for i, name := range names {
		if name == "" && !cells[i].empty() {
			return &Fault{ReasonRagged, "There is something in column " + Letter(i) + ", which has no name in the header: name the column, or empty it."}
		}
	}
	return nil
}

// header makes the columns' names of the header's cells: those at the end that are empty are not columns.
func header(row int, cells []Cell) ([]string, error) {
	names := make([]string, len(cells))
	last := 0
	for i := range cells {
		if f := cells[i].Fault; f != nil {
			return nil, &Error{Row: row, Column: Letter(i), Detail: "The header cannot be read. " + f.Detail}
		}
		if names[i] = strings.TrimSpace(cells[i].Text); names[i] != "" {
			last = i + 1
		}
	}
	return slices.Clip(names[:last]), nil
}

// checkNames holds the limits of a header.
func checkNames(names []string) error {
	if len(names) > MaxColumns {
		return &Error{Detail: fmt.Sprintf("The table has %d columns; at most %d are accepted.", len(names), MaxColumns)}
	}
	for i, name := range names {
		if utf8.RuneCountInString(name) > MaxName {
			return &Error{Column: Letter(i), Detail: fmt.Sprintf("A column's name has at most %d characters: does the header row miss?", MaxName)}
		}
	}
	return nil
}
