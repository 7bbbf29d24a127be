package userfile

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/spreadsheet"
)

// MaxBytes bounds a file that is taken from anybody, in bytes.
const MaxBytes = 1 << 30

// OpenPatience is how long a workbook waits for others, of which few are in memory at a time.
const OpenPatience = 10 * time.Second

// ColumnUseless is the kind of a problem beside those that package spreadsheet knows: a column that would count for nothing.
const ColumnUseless spreadsheet.ProblemKind = "useless"

// Options say how a file is to be read.
type Options struct {
	spreadsheet.Options
	// Columns are the fields that columns hold, as [spreadsheet.GuessColumns] has them chosen; what is not said is guessed by the
	// names in the header.
	Columns map[string]string
}

// Reader makes rows of a file's records, in order. It is used by one goroutine at a time.
type Reader struct {
	Mapping spreadsheet.Mapping // of which Problems must be empty for the rows to be used

	terms   Terms
	fields  []spreadsheet.Field
	records *spreadsheet.Reader
}

// Open finds out what a file is and what its columns hold. Where too many workbooks are read it waits for OpenPatience, and gives
// KindUnavailable. The other errors are those of [spreadsheet.Open]. The Reader must be closed.
func Open(ctx context.Context, file io.Reader, o Options, t Terms) (*Reader, error) {
	waiting, cancel := context.WithTimeout(ctx, OpenPatience)
	defer cancel()
	records, err := spreadsheet.Open(waiting, file, o.Options)
	if err != nil {
		if waiting.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, &muster.Error{
				Kind: muster.KindUnavailable, RetryAfter: OpenPatience,
				Detail: "Other workbooks are being read, and few are at a time; try again, or send CSV or NDJSON.",
			}
		}
		return nil, err
	}
	r := &Reader{terms: t, fields: t.fields(), records: records}
	r.Mapping = spreadsheet.GuessColumns(records.Columns(), r.fields, o.Columns)
	t.judgeColumns(records.Columns(), &r.Mapping)
	return r, nil
}

// Preview says how the file was understood, before its rows are looked at.
func (r *Reader) Preview() *Preview {
	return &Preview{Layout: r.records.Layout(), Columns: slices.Clone(r.records.Columns()), Mapping: r.Mapping, Match: r.terms.Match}
}

// Close ends reading. It may be called twice.
func (r *Reader) Close() { r.records.Close() }

// Next gives the next row, and its number in the file. After the last it gives io.EOF; no other error means that the file is
// complete and sound.
func (r *Reader) Next() (row muster.Row, at int, err error) {
	row, record, err := r.next()
	return row, record.Row, err
}

// next gives the next row, and the record that it was made of, which is good until next is called again.
func (r *Reader) next() (row muster.Row, record spreadsheet.Record, err error) {
	for {
		if record, err = r.records.Next(); err != nil {
			return muster.Row{}, record, err
		}
		if row, ok := r.row(&record); ok {
			return row, record, nil
		}
	}
}

// Adder takes rows of a batch; [*provision.Upload] is one.
type Adder interface {
	Add(ctx context.Context, rows []muster.Row) error
}

// AddAll hands all rows to a batch as they are read.
func (r *Reader) AddAll(ctx context.Context, to Adder) error {
	for {
		row, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := to.Add(ctx, []muster.Row{row}); err != nil {
			return err
		}
	}
}

// fields are those that a file may have, of which some must be there.
func (t *Terms) fields() []spreadsheet.Field {
	fields := spreadsheet.UserFields()
	for i := range fields {
		f := &fields[i]
		f.Mandatory = f.Name == t.Match.String() || f.Name == spreadsheet.FieldAction && t.Operation == ""
	}
	return fields
}

// judgeColumns finds columns that would count for nothing. One of ids is judged row by row: the template and lists of failures
// have it, empty where users are matched otherwise.
func (t *Terms) judgeColumns(header []string, m *spreadsheet.Mapping) {
	if i := m.Column(spreadsheet.FieldAction); i >= 0 && t.Source != "" {
		m.Problems = append(m.Problems, spreadsheet.Problem{
			Kind: ColumnUseless, Column: i, Name: header[i], Field: spreadsheet.FieldAction,
			Detail: "Column " + spreadsheet.Letter(i) + " holds action, and the file of a source says who there is: leave the column out.",
		})
	}
}

// ParseColumns reads what a caller says of columns: Column:field, and Column: or Column:- for one that is left out.
func ParseColumns(list []string) (map[string]string, error) {
	chosen := make(map[string]string, len(list))
	for _, choice := range list {
		i := strings.LastIndexByte(choice, ':')
		if i < 1 {
			return nil, &muster.Error{Kind: muster.KindInvalid, Field: "map", Detail: "map must be Column:field, or Column: for one that is left out."}
		}
		column, field := choice[:i], choice[i+1:]
		if field == "-" {
			field = ""
		}
		if _, twice := chosen[column]; twice {
			return nil, &muster.Error{Kind: muster.KindInvalid, Field: "map", Detail: "map names a column twice."}
		}
		chosen[column] = field
	}
	return chosen, nil
}

// ParseDelimiter reads a delimiter: a character, or its name; 0, for "", is a guess.
func ParseDelimiter(name string) (rune, error) {
	switch strings.ToLower(name) {
	case "":
		return 0, nil
	case "comma":
		return ',', nil
	case "semicolon":
		return ';', nil
	case "tab":
		return '\t', nil
	case "pipe":
		return '|', nil
	}
	if runes := []rune(name); len(runes) == 1 {
		return runes[0], nil
	}
	return 0, &muster.Error{Kind: muster.KindInvalid, Field: "delimiter", Detail: "delimiter must be one character, or comma, semicolon, tab or pipe."}
}
