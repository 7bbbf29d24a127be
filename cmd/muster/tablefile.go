package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"muster/spreadsheet"
)

// fileFlags choose a file of users, and say how it is to be read where that cannot be found out.
type fileFlags struct {
	File       string   `arg:"" type:"path" help:"CSV, XLSX, NDJSON, or a JSON array of objects; - for standard input."`
	Map        []string `env:"-" sep:"none" placeholder:"COLUMN=FIELD" help:"What a column holds, whatever its name; may be repeated. A column's letter is as good as its name."`
	Ignore     []string `env:"-" sep:"none" placeholder:"COLUMN" help:"Leave a column out; may be repeated."`
	Format     string   `env:"-" enum:"auto,csv,xlsx,ndjson,json" default:"auto" placeholder:"FORMAT" help:"csv, xlsx, ndjson or json."`
	Encoding   string   `env:"-" placeholder:"NAME" help:"Encoding of the text if it is neither UTF-8 nor UTF-16, such as windows-1252 or gb18030."`
	Delimiter  string   `env:"-" placeholder:"CHARACTER" help:"What stands between the cells of CSV: one character, or tab."`
	Sheet      string   `env:"-" placeholder:"NAME" help:"Sheet of the workbook; the first one that is visible if not given."`
	Match      string   `env:"-" enum:"account,phone,email,id" default:"phone" placeholder:"KEY" help:"Field that tells who is meant: account, phone, id, or email where the tenant has --unique-email."`
	Department string   `env:"-" placeholder:"ID|PATH" help:"Department in which users are made, and from which a row's department leads on; the root if not given."`
	Name       string   `env:"-" placeholder:"NAME" help:"What to call the batch; the file's name if not given."`
}

// formatJSONArray is what no file is sent as: its objects go out as lines of NDJSON.
const formatJSONArray = "json"

// tableFile is a file of users that was understood.
type tableFile struct {
	source
	name    string
	layout  spreadsheet.Layout
	columns []string
	mapping spreadsheet.Mapping
	chosen  map[string]string
}

// open reads the file's header, and refuses what is no table.
func (f *fileFlags) open(ctx context.Context, stdin io.Reader) (t *tableFile, err error) {
	t = &tableFile{name: filepath.Base(f.File)}
	if f.File == "-" {
		t.name = "standard input"
	}
	if t.chosen, err = f.choices(); err != nil {
		return nil, err
	}
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	if t.source, err = openSource(f.File, f.Format == formatJSONArray, stdin); err != nil {
		return nil, usagef("file: %w", err)
	}
	if t.array {
		options.Format = spreadsheet.NDJSON
	}
	beginning, err := t.peek()
	if err != nil {
		return nil, usagef("file: %w", err)
	}
	defer closing(beginning.Close, &err)
	reader, err := spreadsheet.Open(ctx, beginning, options)
	if err != nil {
		return nil, fileError(err)
	}
	defer reader.Close()
	t.layout, t.columns = reader.Layout(), slices.Clone(reader.Columns())
	fields := spreadsheet.UserFields()
	for i := range fields {
		fields[i].Mandatory = fields[i].Name == f.Match
	}
	t.mapping = spreadsheet.GuessColumns(t.columns, fields, t.chosen)
	return t, nil
}

// fileError is a wrong command line if the file is at fault.
func fileError(err error) error {
	var table *spreadsheet.Error
	var list *arrayError
	switch {
	case errors.As(err, &list):
		return usagef("file: %w", list)
	case errors.As(err, &table):
		return usagef("file: %w", table)
	default:
		return fmt.Errorf("file: %w", err)
	}
}

// choices are fields' names by columns' names.
func (f *fileFlags) choices() (map[string]string, error) {
	chosen := map[string]string{}
	for _, choice := range f.Map {
		i := strings.LastIndexByte(choice, '=')
		if i <= 0 || i == len(choice)-1 {
			return nil, usagef("--map %q is not of the form COLUMN=FIELD", choice)
		}
		chosen[choice[:i]] = choice[i+1:]
	}
	for _, column := range f.Ignore {
		if _, twice := chosen[column]; twice {
			return nil, usagef("the column %q is mapped and ignored", column)
		}
		chosen[column] = ""
	}
	return chosen, nil
}

func (f *fileFlags) options() (o spreadsheet.Options, err error) {
	o = spreadsheet.Options{Encoding: f.Encoding, Sheet: f.Sheet}
	if f.Format != formatJSONArray {
		if o.Format, err = spreadsheet.ParseFormat(f.Format); err != nil {
			return o, usageError{err}
		}
	}
	switch {
	case f.Delimiter == "":
	case strings.EqualFold(f.Delimiter, "tab"):
		o.Delimiter = '\t'
	case utf8.RuneCountInString(f.Delimiter) == 1:
		o.Delimiter, _ = utf8.DecodeRuneInString(f.Delimiter)
	default:
		return o, usagef("--delimiter is one character, or tab")
	}
	return o, nil
}

// query says the same to the server.
func (f *fileFlags) query(t *tableFile) url.Values {
	q := url.Values{"match": {f.Match}, "name": {f.Name}, "encoding": {f.Encoding}, "sheet": {f.Sheet}}
	if f.Name == "" && f.File != "-" {
		q.Set("name", cut(t.name, maxBatchName))
	}
	q.Set("format", t.layout.Format.String())
	if f.Delimiter != "" {
		q.Set("delimiter", f.Delimiter)
	}
	for column, field := range t.chosen {
		q.Add("map", column+":"+field)
	}
	slices.Sort(q["map"])
	for name := range q {
		if q.Get(name) == "" {
			q.Del(name)
		}
	}
	return q
}

// maxBatchName is the most bytes of a batch's name.
const maxBatchName = 255

// cut gives as many whole characters of a text as fit into so many bytes.
func cut(text string, most int) string {
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// show tells a person how the file was understood.
func (t *tableFile) show(w io.Writer) {
	l := &t.layout
	how := []string{strings.ToUpper(l.Format.String())}
	switch l.Format { //nolint:exhaustive // JSON is UTF-8 mostly, and there is nothing else to say
	case spreadsheet.CSV:
		how = append(how, l.Encoding, fmt.Sprintf("%q between cells", l.Delimiter))
	case spreadsheet.XLSX:
		how = append(how, fmt.Sprintf("sheet %q", l.Sheet))
	}
	_, _ = fmt.Fprintf(w, "%s: %s\n", t.name, strings.Join(how, ", "))
	problems := map[int]spreadsheet.ProblemKind{}
	for _, p := range t.mapping.Problems {
		problems[p.Column] = p.Kind
	}
	rows := make([][]string, 0, len(t.columns))
	for i, name := range t.columns {
		field := t.mapping.Fields[i]
		switch kind, wrong := problems[i]; {
		case wrong:
			field = "? (" + string(kind) + ")"
		case field == "" && name == "":
			continue
		case field == "":
			field = "-"
		}
		rows = append(rows, []string{spreadsheet.Letter(i), name, field})
	}
	table(w, "COLUMN NAME FIELD", rows)
}

// usable refuses a file of which a column is not understood: none is left out unless a person says so.
func (t *tableFile) usable() error {
	if len(t.mapping.Problems) == 0 {
		return nil
	}
	details := make([]string, len(t.mapping.Problems))
	for i, p := range t.mapping.Problems {
		details[i] = p.Detail
		if p.Name != "" {
			details[i] = fmt.Sprintf("%q: %s", p.Name, p.Detail)
		}
	}
	var names []string
	for _, field := range spreadsheet.UserFields() {
		names = append(names, field.Name)
	}
	return usagef("the columns cannot be used as they are: %s\nName a column's field with --map COLUMN=FIELD, or leave it out with --ignore COLUMN. Fields are %s",
		strings.Join(details, "\n"), strings.Join(names, ", "))
}
