package native

import (
	"bufio"
	"context"
	"errors"
	"io"

	"muster"
	"muster/spreadsheet"
)

const (
	// previewBytes is how much of a text is looked at.
	previewBytes = 1 << 20
	// previewRows is how many rows are, of a workbook, too.
	previewRows = 10_000
	// previewFaults is how many rows at fault are told.
	previewFaults = 20
)

// Preview is how a file would be understood. It has nothing of what is in the file's cells, but the names of its columns.
type Preview struct {
	Format    string           `json:"format" enum:"csv,xlsx,ndjson"`
	Encoding  string           `json:"encoding,omitempty" doc:"of a text"`
	Delimiter string           `json:"delimiter,omitempty" doc:"between the cells of CSV"`
	Sheet     string           `json:"sheet,omitempty" doc:"of a workbook: the one that is read"`
	Sheets    []string         `json:"sheets,omitempty" doc:"of a workbook: all that are visible"`
	Columns   []PreviewColumn  `json:"columns" nullable:"false"`
	Problems  []PreviewProblem `json:"problems" nullable:"false" doc:"for which the file would be refused"`
	Match     string           `json:"match,omitempty" enum:"account,phone,email,id" doc:"a field that could tell who is meant, of those that the file has; the one asked for if it was"`
	Rows      int              `json:"rows" doc:"that were looked at"`
	Complete  bool             `json:"complete" doc:"whether these are all of the file's"`
	Faults    []PreviewFault   `json:"faults" nullable:"false" doc:"the first rows that could not be read, which would fail"`
}

// PreviewColumn is what a column was taken for.
type PreviewColumn struct {
	Column string `json:"column" doc:"its letter" example:"A"`
	Name   string `json:"name" doc:"in the header"`
	Field  string `json:"field,omitempty" doc:"what it holds; absent if it is left out or not understood"`
}

// PreviewProblem is what is wrong with a column.
type PreviewProblem struct {
	Kind   string `json:"kind" enum:"unknown,repeated,missing,choice,useless" doc:"unknown: no field is known by its name; repeated: another column holds the field; missing: no column holds a field that is needed; choice: map names what there is not; useless: the field does not count here"`
	Column string `json:"column,omitempty" doc:"its letter; absent where one is missing"`
	Name   string `json:"name,omitempty" doc:"in the header, or in map"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

// PreviewFault is what is wrong with a row.
type PreviewFault struct {
	Row    int    `json:"row" doc:"in the file, from 1"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

func (a *api) preview(ctx context.Context, in *upload) (Preview, error) {
	body, err := in.body(MaxUpload)
	if err != nil {
		return Preview{}, err
	}
	defer in.bound()
	t, err := a.fileTerms(ctx, in)
	if err != nil {
		return Preview{}, err
	}
	file := beginning(body)
	reader, rows, err := a.openFile(ctx, file, in, t)
	if err != nil {
		return Preview{}, err
	}
	defer reader.Close()
	if rows.terms.match == muster.KeyNone {
		rows.terms.match = matchable(&rows.mapping)
	}
	if rows.terms.operation == "" && rows.mapping.Column(spreadsheet.FieldAction) < 0 {
		rows.terms.operation = "create" // that one is missing is told once, of the columns
	}
	p := previewOf(reader, rows)
	p.Complete, err = p.look(reader, rows)
	if err == nil && p.Complete {
		err = bodyHeld(ctx)
	}
	if cut := file.N == 0; cut {
		var broken *spreadsheet.Error
		if p.Complete = false; errors.As(err, &broken) {
			err = nil // a row is broken where the beginning ends
		}
	}
	return p, err
}

// beginning is as much of a file as is looked at: a workbook as a whole, since its directory is at its end.
func beginning(body io.Reader) *io.LimitedReader {
	in := bufio.NewReader(body)
	limit := int64(previewBytes)
	if head, err := in.Peek(len(zipMagic)); err == nil && string(head) == zipMagic {
		limit = MaxUpload
	}
	return &io.LimitedReader{R: in, N: limit}
}

// zipMagic is how the archive begins that a workbook is.
const zipMagic = "PK"

// matchable is a key of which there is a column, KeyNone if there is none.
func matchable(m *spreadsheet.Mapping) muster.Key {
	for _, key := range [...]muster.Key{muster.KeyID, muster.KeyAccount, muster.KeyPhone, muster.KeyEmail} {
		if m.Column(key.String()) >= 0 {
			return key
		}
	}
	return muster.KeyNone
}

// previewOf says how a file was understood.
func previewOf(reader *spreadsheet.Reader, rows *fileRows) Preview {
	layout := reader.Layout()
	p := Preview{
		Format: layout.Format.String(), Encoding: layout.Encoding, Sheet: layout.Sheet, Sheets: layout.Sheets,
		Columns: []PreviewColumn{}, Problems: []PreviewProblem{}, Faults: []PreviewFault{},
	}
	if layout.Delimiter != 0 {
		p.Delimiter = string(layout.Delimiter)
	}
	if match := rows.terms.match; match != muster.KeyNone {
		p.Match = match.String()
	}
	for i, name := range reader.Columns() {
		p.Columns = append(p.Columns, PreviewColumn{Column: spreadsheet.Letter(i), Name: name, Field: rows.mapping.Fields[i]})
	}
	for _, problem := range rows.mapping.Problems {
		told := PreviewProblem{Kind: string(problem.Kind), Name: problem.Name, Field: problem.Field, Detail: problem.Detail}
		if problem.Column >= 0 {
			told.Column = spreadsheet.Letter(problem.Column)
		}
		p.Problems = append(p.Problems, told)
	}
	return p
}

// look reads the first rows, and reports whether they are all.
func (p *Preview) look(reader *spreadsheet.Reader, rows *fileRows) (complete bool, err error) {
	for p.Rows < previewRows {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		row, ok := rows.row(&record)
		if !ok {
			continue
		}
		p.Rows++
		if row.Fault != nil && len(p.Faults) < previewFaults {
			p.Faults = append(p.Faults, PreviewFault{Row: record.Row, Field: row.Fault.Field, Detail: row.Fault.Detail})
		}
	}
	return false, nil
}
