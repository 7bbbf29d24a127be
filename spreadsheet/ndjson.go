package spreadsheet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// ndjsonTable reads objects, one on each line.
type ndjsonTable struct {
	text   *bufio.Reader
	line   []byte
	row    int
	cols   []string
	column map[string]int // by name
	cells  []Cell
}

// openNDJSON takes the names of all objects in head as columns: whatever comes later in the text must have its names there.
func openNDJSON(text *bufio.Reader, head []byte) (table, error) {
	t := &ndjsonTable{text: text, column: map[string]int{}}
	objects := 0
	for line := range bytes.Lines(head) {
		if line[len(line)-1] != '\n' && len(head) == headSize && objects > 0 {
			break // it may be cut off
		}
		var names []string
		fault := object(line, func(name string, _ []byte) *Fault {
			names = append(names, name)
			return nil
		})
		if fault != nil {
			continue // its row says so
		}
		objects++
		if err := t.add(names); err != nil {
			return nil, err
		}
	}
	if objects == 0 {
		return nil, &Error{Row: 1, Detail: "No line holds a JSON object; one on each line is accepted, such as " + `{"phone":"+491711234567","firstName":"Anna"}.`}
	}
	t.cells = make([]Cell, len(t.cols))
	return t, nil
}

func (t *ndjsonTable) add(names []string) error {
	for _, name := range names {
		if _, known := t.column[name]; known {
			continue
		}
		if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName {
			return &Error{Detail: fmt.Sprintf("A name in one of the first objects is empty or has more than %d characters.", MaxName)}
		}
		t.column[name] = len(t.cols)
		t.cols = append(t.cols, name)
	}
	return nil
}

func (t *ndjsonTable) names() []string { return t.cols }

func (t *ndjsonTable) close() {}

func (t *ndjsonTable) next() (Record, error) {
	for {
		fits, err := t.readLine()
		if err != nil {
			return Record{}, err
		}
		if !fits {
			return Record{Row: t.row, Fault: &Fault{ReasonTooLong, fmt.Sprintf("The line has more than %d bytes, which is the most that is accepted.", MaxLine)}}, nil
		}
		if len(bytes.TrimSpace(t.line)) == 0 {
			continue
		}
		for i := range t.cells {
			t.cells[i] = Cell{Missing: true}
		}
		number := 0
		fault := object(t.line, func(name string, value []byte) *Fault {
			number++
			i, known := t.column[name]
			if !known {
				return &Fault{ReasonUnknown, fmt.Sprintf("Name %d of the object is in none of the first objects, which say what columns there are: give it to the first, with null if need be.", number)}
			}
			t.cells[i] = jsonCell(value)
			return nil
		})
		return Record{Row: t.row, Cells: t.cells, Fault: fault}, nil
	}
}

// readLine reads a line, and reports whether it is short enough to be kept.
func (t *ndjsonTable) readLine() (fits bool, err error) {
	t.line = t.line[:0]
	size := 0
	for {
		piece, err := t.text.ReadSlice('\n')
		if size += len(piece); size <= MaxLine+len("\r\n") {
			t.line = append(t.line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil, errors.Is(err, io.EOF) && size > 0:
			t.row++
			return len(bytes.TrimRight(t.line, "\r\n")) <= MaxLine && size <= MaxLine+len("\r\n"), nil
		case errors.Is(err, io.EOF):
			return false, io.EOF
		default:
			return false, reading(err)
		}
	}
}

// object reads a line that holds one object, and calls member for each of its names.
func object(line []byte, member func(name string, value []byte) *Fault) *Fault {
	line = bytes.TrimSpace(line)
	switch {
	case !utf8.Valid(line):
		return &Fault{ReasonCharacter, "The line is not UTF-8, which JSON must be (RFC 8259, section 8.1)."}
	case !json.Valid(line) || line[0] != '{':
		return &Fault{ReasonJSON, "The line is not a JSON object; one on each line is accepted."}
	}
	seen := map[string]bool{}
	rest := line[1:]
	for {
		rest = bytes.TrimLeft(rest, jsonSpace+",")
		if rest[0] == '}' {
			return nil
		}
		raw, after := cutValue(rest)
		value, after := cutValue(bytes.TrimLeft(after, jsonSpace+":"))
		name := unquote(raw)
		if seen[name] {
			return &Fault{ReasonTwice, fmt.Sprintf("Name %d of the object is one that it has before; names must be unique.", len(seen)+1)}
		}
		seen[name] = true
		if fault := member(name, value); fault != nil {
			return fault
		}
		rest = after
	}
}

const jsonSpace = " \t\r\n"

// cutValue cuts a value off JSON that is known to be valid and begins with it.
func cutValue(text []byte) (value, rest []byte) {
	depth, quoted := 0, false
	for i := 0; ; i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 { // the end of what the value is in
				return text[:i], text[i:]
			}
		case depth == 0 && (c == ',' || c == ':' || c <= ' '):
			return text[:i], text[i:]
		}
		if !quoted && depth == 0 && (text[i] == '"' || text[i] == '}' || text[i] == ']') {
			return text[:i+1], text[i+1:]
		}
	}
}

// unquote gives the text of a string of JSON that is known to be valid.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return string(lost)
	}
	return text
}

// jsonCell makes a cell of a value.
func jsonCell(value []byte) (cell Cell) {
	switch value[0] {
	case '"':
		cell.Text, cell.Fault = checkText(unquote(value))
	case 'n':
		cell.Missing = true
	case 't', 'f':
		cell.Text = string(value)
	case '[':
		return jsonList(value)
	case '{':
		return wrongType(value)
	default:
		if len(bytes.Trim(value, "-0123456789")) > 0 {
			return wrongType(value)
		}
		if cell.Text, cell.Fault = checkText(string(value)); cell.Fault == nil {
			cell.Number = true
		}
	}
	return cell
}

func jsonList(value []byte) Cell {
	cell := Cell{Items: []string{}}
	rest := value[1:]
	for {
		rest = bytes.TrimLeft(rest, jsonSpace+",")
		switch rest[0] {
		case ']':
			return cell
		case '"':
		default:
			return wrongType(value)
		}
		var raw []byte
		raw, rest = cutValue(rest)
		text, fault := checkText(unquote(raw))
		if fault != nil {
			return Cell{Text: text, Fault: fault}
		}
		cell.Items = append(cell.Items, text)
	}
}

func wrongType(value []byte) Cell {
	text, _ := fit(string(value))
	return Cell{Text: text, Fault: &Fault{ReasonType, "A text, a whole number without exponent, true, false, null or a list of texts is accepted, and no object within an object."}}
}
