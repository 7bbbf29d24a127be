package native

import (
	"context"

	"muster"
	"muster/spreadsheet"
	"muster/userfile"
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
	body, err := in.paced.Body(MaxUpload)
	if err != nil {
		return Preview{}, err
	}
	defer in.paced.Bound()
	t, err := a.fileTerms(ctx, in)
	if err != nil {
		return Preview{}, err
	}
	o, err := a.fileOptions(in)
	if err != nil {
		return Preview{}, err
	}
	p, err := userfile.Look(ctx, body, MaxUpload, o, t)
	if err != nil {
		return Preview{}, err
	}
	if p.Complete {
		if err := bodyHeld(ctx); err != nil {
			return Preview{}, err
		}
	}
	return previewOf(p), nil
}

func previewOf(p *userfile.Preview) Preview {
	wire := Preview{
		Format: p.Layout.Format.String(), Encoding: p.Layout.Encoding, Sheet: p.Layout.Sheet, Sheets: p.Layout.Sheets,
		Columns: make([]PreviewColumn, len(p.Columns)), Problems: make([]PreviewProblem, len(p.Mapping.Problems)),
		Rows: p.Rows, Complete: p.Complete, Faults: make([]PreviewFault, len(p.Faults)),
	}
	if p.Layout.Delimiter != 0 {
		wire.Delimiter = string(p.Layout.Delimiter)
	}
	if p.Match != muster.KeyNone {
		wire.Match = p.Match.String()
	}
	for i, name := range p.Columns {
		wire.Columns[i] = PreviewColumn{Column: spreadsheet.Letter(i), Name: name, Field: p.Mapping.Fields[i]}
	}
	for i, problem := range p.Mapping.Problems {
		wire.Problems[i] = PreviewProblem{Kind: string(problem.Kind), Name: problem.Name, Field: problem.Field, Detail: problem.Detail}
		if problem.Column >= 0 {
			wire.Problems[i].Column = spreadsheet.Letter(problem.Column)
		}
	}
	for i, f := range p.Faults {
		wire.Faults[i] = PreviewFault{Row: f.At, Field: f.Row.Fault.Field, Detail: f.Row.Fault.Detail}
	}
	return wire
}
