package spreadsheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csvTable reads CSV.
type csvTable struct {
	csv   *csv.Reader
	in    *allowance
	shift int // lines before those that csv has
	at    int64
	row   int // the last that was read
	cols  []string
	cells []Cell
}

// allowance bounds what is read between two records: encoding/csv alone would read on to the end for a closing quote.
type allowance struct {
	r    io.Reader
	left int
	read int64
	last byte // that was read
}

var errNoEnd = errors.New("no end of a row")

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errNoEnd
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	a.read += int64(n)
	if n > 0 {
		a.last = p[n-1]
	}
	return n, err
}

// openCSV reads the header. head is what text has first.
func openCSV(text *bufio.Reader, head []byte, delimiter rune, layout *Layout) (table, error) {
	whole := len(head) < headSize
	hint, size := delimiterHint(head)
	head = head[size:]
	_, _ = text.Discard(size)
	guess, columns := guessDelimiter(head, whole)
	switch {
	case delimiter == 0 && hint != 0:
		guess = hint
	case delimiter == 0:
	case !validDelimiter(delimiter):
		return nil, &Error{Detail: "A quote, a line break and U+FFFD cannot stand between cells: a comma, a semicolon, TAB or | are usual."}
	case columns > 1 && countColumns(head, delimiter, whole) == 1:
		return nil, &Error{Row: 1, Detail: fmt.Sprintf("The delimiter is wrong: %s makes one column of the header, and %s would make %d.",
			delimiterName(delimiter), delimiterName(guess), columns)}
	default:
		guess = delimiter
	}
	layout.Delimiter = guess
	c := &csvTable{in: &allowance{r: text}}
	c.csv = csv.NewReader(c.in)
	c.csv.Comma = guess
	c.csv.FieldsPerRecord = -1
	c.csv.ReuseRecord = true
	if hint != 0 {
		c.shift = 1
	}
	return c, c.readHeader(head)
}

func (c *csvTable) readHeader(head []byte) error {
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(bytes.TrimRight(head, "\r"), '\r') >= 0 {
		return &Error{Row: 1, Detail: "The file's lines end in CR alone, as those of old Macs: save it as CSV UTF-8."}
	}
	record, err := c.read()
	if errors.Is(err, io.EOF) {
		return &Error{Detail: "The file is empty: a header and a row for each user are needed."}
	}
	if err != nil {
		return err
	}
	if record.Fault != nil {
		return &Error{Row: record.Row, Detail: "The header cannot be read. " + record.Fault.Detail}
	}
	c.cols, err = header(record.Row, record.Cells)
	return err
}

func (c *csvTable) names() []string { return c.cols }

func (c *csvTable) close() {}

func (c *csvTable) next() (Record, error) {
	record, err := c.read()
	if err != nil || record.Fault != nil {
		return record, err
	}
	if len(record.Cells) != len(c.cols) {
		relation := "fewer"
		if len(record.Cells) > len(c.cols) {
			relation = "more"
		}
		record.Cells = record.Cells[:min(len(record.Cells), MaxColumns)]
		record.Fault = &Fault{ReasonRagged, fmt.Sprintf("The row has %s cells than the header, which has %d: give it as many; "+
			"a cell that has a %s in it must stand in quotes.", relation, len(c.cols), delimiterName(c.csv.Comma))}
	}
	return record, nil
}

// read gives the next record that is not empty. It checks its cells, but not how many they are.
func (c *csvTable) read() (Record, error) {
	for {
		c.in.left = MaxLine
		fields, err := c.csv.Read()
		record := Record{Row: c.shift + c.row + 1}
		var syntax *csv.ParseError
		switch isSyntax := errors.As(err, &syntax); {
		case errors.Is(err, io.EOF):
			return record, io.EOF
		case isSyntax:
			if record.Row = c.shift + syntax.StartLine; syntax.Line != syntax.StartLine {
				return record, &Error{Row: record.Row, Detail: fmt.Sprintf("A cell of the row opens a quote that does not close as it should up to "+
					"line %d: double quotes within a cell, and close it with one before the delimiter or the end of the line.", c.shift+syntax.Line)}
			}
			if c.cutOff() {
				return record, &Error{Row: record.Row, Detail: "The file ends within this row, or a quote in it is in the wrong place: is the file cut off?"}
			}
			record.Fault = &Fault{ReasonQuotes, "A quote is in the wrong place: a cell that has quotes in it must stand in quotes, with those in it doubled."}
		case errors.Is(err, errNoEnd) || err == nil && c.csv.InputOffset()-c.at > MaxLine:
			return record, &Error{Row: record.Row, Detail: fmt.Sprintf("From here on no row ends within %d KiB: does a cell's closing quote miss?", MaxLine>>10)}
		case err != nil:
			return record, reading(err)
		default:
			line, _ := c.csv.FieldPos(0)
			record.Row = c.shift + line
		}
		c.at = c.csv.InputOffset()
		c.row = record.Row - c.shift
		if c.fill(fields) || record.Fault != nil {
			record.Cells = c.cells
			return record, nil
		}
	}
}

// cutOff reports whether the row that was read is the last and has no end of a line.
func (c *csvTable) cutOff() bool {
	return c.csv.InputOffset() == c.in.read && c.in.last != '\n' && c.in.last != '\r'
}

// fill makes cells of fields, and reports whether there is anything in them. Empty ones beyond the header do not count: spreadsheets
// fill up with them.
func (c *csvTable) fill(fields []string) bool {
	for n := len(fields); n > len(c.cols) && fields[n-1] == ""; n-- {
		fields = fields[:n-1]
	}
	c.cells = c.cells[:0]
	filled := false
	for _, field := range fields[:min(len(fields), MaxColumns+1)] {
		var cell Cell
		if field != "" {
			cell.Text, cell.Fault = checkSheetText(Unescape(field))
			filled = true
		}
		c.cells = append(c.cells, cell)
	}
	return filled
}

// The delimiters that are guessed among. An earlier one is taken where a later one fits as well.
const delimiters = ",;\t|"

func delimiterName(r rune) string {
	switch r {
	case ',':
		return "comma"
	case ';':
		return "semicolon"
	case '\t':
		return "TAB"
	default:
		return string(r)
	}
}

func validDelimiter(r rune) bool {
	return r != '"' && r != '\r' && r != '\n' && r != lost && r != 0 && utf8.ValidRune(r)
}

// delimiterHint reads the line sep=; with which Excel tells itself the delimiter, and its size in bytes.
func delimiterHint(head []byte) (rune, int) {
	line, _, found := bytes.Cut(head, []byte("\n"))
	if !found || len(line) < len("sep=;") || !strings.EqualFold(string(line[:4]), "sep=") {
		return 0, 0
	}
	size := len(line) + 1
	line = bytes.TrimSuffix(line[4:], []byte("\r"))
	if r, n := utf8.DecodeRune(line); n == len(line) && validDelimiter(r) {
		return r, size
	}
	return 0, 0
}

// guessDelimiter takes the delimiter with which most of the first rows have as many cells as the header has, and of several
// the one that makes the most columns. columns is 1 if none makes more.
func guessDelimiter(head []byte, whole bool) (guess rune, columns int) {
	guess, columns = rune(delimiters[0]), 1
	best := 0.0
	for _, r := range delimiters {
		counts := sample(head, r, whole)
		if len(counts) == 0 || counts[0] < 2 {
			continue
		}
		alike := 0
		for _, n := range counts {
			if n == counts[0] {
				alike++
			}
		}
		share := float64(alike) / float64(len(counts))
		if share > best || share == best && counts[0] > columns {
			guess, columns, best = r, counts[0], share
		}
	}
	return guess, columns
}

func countColumns(head []byte, delimiter rune, whole bool) int {
	if counts := sample(head, delimiter, whole); len(counts) > 0 {
		return counts[0]
	}
	return 0
}

// sample is how many cells the first rows have. The last row of a head that is not the whole text may be cut off.
func sample(head []byte, delimiter rune, whole bool) []int {
	const rows = 32
	r := csv.NewReader(bytes.NewReader(head))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = delimiter, true, -1, true
	var counts []int
	for len(counts) < rows {
		fields, err := r.Read()
		if err != nil {
			break
		}
		counts = append(counts, len(fields))
	}
	if !whole && len(counts) > 1 && r.InputOffset() == int64(len(head)) {
		counts = counts[:len(counts)-1]
	}
	return counts
}
