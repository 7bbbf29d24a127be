package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// FileOptions say how a file of rows is read, and what becomes of each. The zero value finds everything out.
type FileOptions struct {
	Name         string // at most 255 bytes, such as the file's
	Operation    Operation
	Match        Key // mandatory, but for a preview
	OnExisting   OnExisting
	UpdateFields []string
	DepartmentID string
	DryRun       bool

	Format    string            // csv, xlsx or ndjson; "" finds out
	Delimiter string            // of CSV; "" is guessed
	Encoding  string            // of a text; "" takes UTF-8 and UTF-16
	Sheet     string            // of a workbook; "" is the first that is visible
	Columns   map[string]string // fields by columns' names or letters; "" leaves a column out. The others are guessed

	Source      string // makes the file the whole of a source: a dry run that would disable users whom it does not name
	Adopt       bool   // whether users of no source whom the file names become the source's
	MaxDisables int    // percent of the source's enabled users; 0 is 10
}

func (o *FileOptions) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"name": o.Name, "operation": string(o.Operation), "match": string(o.Match), "onExisting": string(o.OnExisting),
		"updateFields": strings.Join(o.UpdateFields, ","), "departmentId": o.DepartmentID, "format": o.Format, "delimiter": o.Delimiter,
		"encoding": o.Encoding, "sheet": o.Sheet, "source": o.Source,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, set := range map[string]bool{"dryRun": o.DryRun, "adopt": o.Adopt} {
		if set {
			query.Set(name, "true")
		}
	}
	if o.MaxDisables != 0 {
		query.Set("maxDisables", strconv.Itoa(o.MaxDisables))
	}
	for column, field := range o.Columns {
		query.Add("map", column+":"+field)
	}
	slices.Sort(query["map"])
	return query
}

// Upload submits a file of rows. It is sent as it is read, but for signing it is read once before: what cannot be read twice, as
// an [os.File] can, is kept in memory, 64 MiB at most. As [Batches.Create] it is safe against lost answers. A [*Problem] of
// status 422 says in Errors which columns are not understood, or where the file is broken; nothing of it was taken then.
func (b Batches) Upload(ctx context.Context, file io.Reader, o FileOptions) (*Batch, error) {
	batch := new(Batch)
	call := nativeCall{method: http.MethodPost, path: "/batches/upload", query: o.query(), header: idempotent()}
	return orNil(batch, b.c.sendFile(ctx, call, file, batch))
}

// Preview is how a file would be understood.
type Preview struct {
	Format    string           `json:"format"`
	Encoding  string           `json:"encoding"`
	Delimiter string           `json:"delimiter"`
	Sheet     string           `json:"sheet"`
	Sheets    []string         `json:"sheets"`
	Columns   []PreviewColumn  `json:"columns"`
	Problems  []PreviewProblem `json:"problems"` // for which the file would be refused
	Match     Key              `json:"match"`    // that was asked for, or that the file has; "": none
	Rows      int              `json:"rows"`     // that were looked at
	Complete  bool             `json:"complete"` // whether these are all
	Faults    []PreviewFault   `json:"faults"`   // the first rows that could not be read
}

// PreviewColumn is what a column was taken for.
type PreviewColumn struct {
	Column string `json:"column"` // its letter
	Name   string `json:"name"`   // in the header
	Field  string `json:"field"`  // what it holds; "": it is left out, or not understood
}

// PreviewProblem is what is wrong with a column.
type PreviewProblem struct {
	Kind   string `json:"kind"`   // unknown, repeated, missing, choice or useless
	Column string `json:"column"` // its letter; "" where one is missing
	Name   string `json:"name"`
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// PreviewFault is what is wrong with a row.
type PreviewFault struct {
	Row    int    `json:"row"` // in the file, from 1
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Preview shows how a file would be understood. Of a text its beginning is enough, a MiB, and more is not looked at.
func (b Batches) Preview(ctx context.Context, file io.Reader, o FileOptions) (*Preview, error) {
	p := new(Preview)
	call := nativeCall{method: http.MethodPost, path: "/batches/preview", query: o.query()}
	return orNil(p, b.c.sendFile(ctx, call, file, p))
}

// Template writes a table of users to be filled in, as csv or xlsx.
func (b Batches) Template(ctx context.Context, w io.Writer, format string) error {
	return b.c.download(ctx, w, "/templates/users."+url.PathEscape(format), nil)
}
