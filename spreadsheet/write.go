package spreadsheet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// WriterOptions say what is written.
type WriterOptions struct {
	Format  Format // CSV, XLSX or NDJSON
	Columns []string
	// Mark writes a byte order mark in front of CSV. Without it Excel takes UTF-8 for the encoding of whose computer it is;
	// programs that read CSV mostly do not expect one.
	Mark bool
}

// sink writes rows in one format. Rows have a cell for each column.
type sink interface {
	write(cells []Cell) error
	close() error
}

// Writer writes a table, in memory that does not depend on how large it is. What it writes, a Reader reads as it was, with these
// exceptions: of CSV and XLSX a missing text is an empty one in the former and an empty one is missing in the latter, and a list is a
// text whose parts [Cell.List] tells apart; CR before LF is gone in CSV; what is too long is cut, and NUL and bytes that are not UTF-8
// become U+FFFD, none of which is accepted again.
type Writer struct {
	sink    sink
	columns int
	row     []Cell
}

// NewWriter writes the header, where the format has one.
func NewWriter(w io.Writer, o WriterOptions) (*Writer, error) {
	if len(o.Columns) == 0 || len(o.Columns) > MaxColumns {
		return nil, fmt.Errorf("spreadsheet: 1 to %d columns are accepted", MaxColumns)
	}
	writer := &Writer{columns: len(o.Columns)}
	var err error
	switch o.Format {
	case CSV:
		writer.sink, err = newCSVSink(w, &o)
	case XLSX:
		writer.sink, err = newXLSXSink(w, o.Columns)
	case NDJSON:
		writer.sink, err = newNDJSONSink(w, o.Columns)
	default:
		err = errors.New("spreadsheet: csv, xlsx and ndjson can be written")
	}
	return writer, err
}

// Write writes a row. Cells that it lacks are empty; more than there are columns are an error. A sheet that is full is an [*Error].
func (w *Writer) Write(cells []Cell) error {
	if len(cells) > w.columns {
		return fmt.Errorf("spreadsheet: a row of %d cells for %d columns", len(cells), w.columns)
	}
	w.row = append(w.row[:0], cells...)
	for len(w.row) < w.columns {
		w.row = append(w.row, Cell{Missing: true})
	}
	for i := range w.row {
		w.row[i].Text = clean(w.row[i].Text)
	}
	return w.sink.write(w.row)
}

// Close writes what is left, without which the file is not complete. It does not close the underlying writer.
func (w *Writer) Close() error { return w.sink.close() }

// clean makes a text that any format can hold.
func clean(text string) string {
	text, _ = fit(strings.ReplaceAll(strings.ToValidUTF8(text, string(lost)), "\x00", string(lost)))
	return text
}

// flat is a cell's text where there are no lists.
func (c *Cell) flat() string {
	if c.Items != nil {
		return clean(strings.Join(c.Items, ";"))
	}
	return c.Text
}

type csvSink struct {
	csv    *csv.Writer
	fields []string
}

func newCSVSink(w io.Writer, o *WriterOptions) (sink, error) {
	if o.Mark {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return nil, err
		}
	}
	s := &csvSink{csv: csv.NewWriter(w)}
	return s, s.write(Texts(o.Columns...))
}

func (s *csvSink) write(cells []Cell) error {
	s.fields = s.fields[:0]
	for i := range cells {
		s.fields = append(s.fields, Escape(lineFeeds(cells[i].flat())))
	}
	return s.csv.Write(s.fields)
}

// lineFeeds takes CR before LF away, as readers of CSV do; left in, it would be escaped at a text's beginning, and its escape
// not known again.
func lineFeeds(text string) string {
	if !strings.Contains(text, "\r\n") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i := range lines[1:] {
		lines[i] = strings.TrimRight(lines[i], "\r")
	}
	return strings.Join(lines, "\n")
}

func (s *csvSink) close() error {
	s.csv.Flush()
	return s.csv.Error()
}

type ndjsonSink struct {
	w     io.Writer
	names [][]byte
	line  bytes.Buffer
}

func newNDJSONSink(w io.Writer, columns []string) (sink, error) {
	s := &ndjsonSink{w: w}
	seen := map[string]bool{}
	for _, name := range columns {
		if name == "" || seen[name] {
			return nil, errors.New("spreadsheet: the columns of NDJSON have names, each its own")
		}
		seen[name] = true
		if err := s.value(name); err != nil {
			return nil, err
		}
		s.names = append(s.names, bytes.Clone(s.line.Bytes()))
		s.line.Reset()
	}
	return s, nil
}

func (s *ndjsonSink) write(cells []Cell) error {
	s.line.Reset()
	separator := byte('{')
	for i := range cells {
		c := &cells[i]
		if c.Missing {
			continue
		}
		s.line.WriteByte(separator)
		s.line.Write(s.names[i])
		s.line.WriteByte(':')
		var err error
		switch {
		case c.Items != nil:
			err = s.value(c.Items)
		case c.Number && isJSONInteger(c.Text):
			s.line.WriteString(c.Text)
		default:
			err = s.value(c.Text)
		}
		if err != nil {
			return err
		}
		separator = ','
	}
	if separator == '{' {
		s.line.WriteByte(separator)
	}
	s.line.WriteString("}\n")
	_, err := s.w.Write(s.line.Bytes())
	return err
}

// value appends a text or a list of texts.
func (s *ndjsonSink) value(v any) error {
	e := json.NewEncoder(&s.line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	s.line.Truncate(s.line.Len() - len("\n"))
	return nil
}

func (s *ndjsonSink) close() error { return nil }

// isJSONInteger reports whether a text is a whole number as JSON writes it.
func isJSONInteger(text string) bool {
	return json.Valid([]byte(text)) && strings.Trim(text, "-0123456789") == ""
}
