package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"muster"
	"muster/api/native"
	"muster/directory"
)

type departmentImportCmd struct {
	tenantFlags
	File string `arg:"" type:"path" help:"File with a path from below the root on each line, such as Sales/North; - for standard input."`
}

// importReport is what became of an import.
type importReport struct {
	Departments int            `json:"departments"` // made
	Made        int            `json:"made"`        // lines for which some were
	Existed     int            `json:"existed"`     // lines for which all were there
	Failed      int            `json:"failed"`      // lines for which nothing was done
	Lines       []importedLine `json:"lines"`       // those that are not blank
}

// importedLine is what became of a line.
type importedLine struct {
	Line       int       `json:"line"` // from 1
	Result     string    `json:"result"`
	Department muster.ID `json:"departmentId,omitempty"`
	Made       int       `json:"made,omitempty"`
	Detail     string    `json:"detail,omitempty"`
}

func (c *departmentImportCmd) Run(ctx context.Context, p *printer) (err error) {
	source := p.In
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return usagef("file: %w", err)
		}
		defer f.Close()
		source = f
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	report := importReport{Lines: []importedLine{}}
	lines := newPathReader(source)
	for {
		paths, numbers, err := lines.next(directory.MaxImport)
		if err != nil {
			return fmt.Errorf("file: %w", err)
		}
		if len(paths) == 0 {
			break
		}
		var done native.DepartmentsImported
		if err := api.call(ctx, http.MethodPost, base+"/departments/import", native.DepartmentImport{Paths: paths}, &done); err != nil {
			return fmt.Errorf("lines before %d are imported, further ones are not: %w", numbers[0], err)
		}
		report.add(numbers, done.Paths)
	}
	if err := p.print(&report, report.describe); err != nil {
		return err
	}
	if report.Failed > 0 {
		return refused{fmt.Errorf("%d of %d paths were not imported; a corrected file may hold the others again", report.Failed, len(report.Lines))}
	}
	return nil
}

func (r *importReport) add(numbers []int, done []native.DepartmentImported) {
	for i, d := range done {
		switch d.Result {
		case native.ImportMade:
			r.Made++
		case native.ImportExisted:
			r.Existed++
		default:
			r.Failed++
		}
		r.Departments += d.Made
		r.Lines = append(r.Lines, importedLine{Line: numbers[i], Result: d.Result, Department: d.Department, Made: d.Made, Detail: d.Detail})
	}
}

// describe leaves out the lines that went well.
func (r *importReport) describe(w io.Writer) {
	for _, l := range r.Lines {
		if l.Detail != "" {
			_, _ = fmt.Fprintf(w, "line %d: %s\n", l.Line, l.Detail)
		}
	}
	pairs(w,
		[2]string{"departments made", strconv.Itoa(r.Departments)},
		[2]string{"paths made", strconv.Itoa(r.Made)},
		[2]string{"paths there already", strconv.Itoa(r.Existed)},
		[2]string{"paths that failed", strconv.Itoa(r.Failed)},
	)
}

// pathReader reads paths, the lines of a text that are not blank, in memory that does not depend on what the text holds.
type pathReader struct {
	text *bufio.Reader
	line int
}

func newPathReader(r io.Reader) *pathReader {
	return &pathReader{text: bufio.NewReaderSize(r, 2*directory.MaxPath)} // room for the spaces around a path
}

// next gives at most so many paths with the numbers of their lines, from 1; none at the end.
func (r *pathReader) next(most int) (paths []string, numbers []int, err error) {
	for len(paths) < most {
		path, err := r.read()
		if errors.Is(err, io.EOF) {
			return paths, numbers, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if path != "" {
			paths, numbers = append(paths, path), append(numbers, r.line)
		}
	}
	return paths, numbers, nil
}

// read gives a line without spaces around. Of one that is too long to be a path it gives as much as is too long.
func (r *pathReader) read() (string, error) {
	line, more, err := r.text.ReadLine()
	if err != nil {
		return "", err
	}
	r.line++
	if r.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff")) // the byte order mark that spreadsheets write
	}
	if !more {
		line = bytes.TrimSpace(line)
	}
	path := string(line[:min(len(line), directory.MaxPath+1)])
	for more && err == nil {
		_, more, err = r.text.ReadLine()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return path, err
}
