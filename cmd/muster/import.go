package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/api/native"
)

type importCmd struct {
	localFlags
	tenantFlag
	Department string `env:"-" placeholder:"ID|PATH" help:"Department in which users are made, and from which a row's department leads on; the root if not given."`
	Match      string `env:"-" enum:"account,phone,email" default:"phone" placeholder:"KEY" help:"Field that tells who is meant: account, phone, or email where the tenant has --unique-email."`
	OnExisting string `env:"-" enum:"skip,fail" default:"skip" placeholder:"WHAT" help:"What becomes of a row whose user exists: skip or fail."`
	Follow     bool   `env:"-" help:"Wait for the outcomes; print those of rows that fail or are skipped, and a summary. While no server runs that is done in any case."`
	File       string `arg:"" type:"path" help:"File with a JSON array of objects, or with one object after the other (NDJSON); - for standard input."`
}

// batchReport is what became of an import.
type batchReport struct {
	Batches   []native.Batch        `json:"batches"`
	Rows      int                   `json:"rows"`
	Succeeded int                   `json:"succeeded"`
	Failed    int                   `json:"failed"`
	Skipped   int                   `json:"skipped"`
	Outcomes  []native.BatchOutcome `json:"outcomes"` // of rows that failed or were skipped; Row is the number in the file
}

func (c *importCmd) Run(ctx context.Context, p *printer) (err error) {
	rows, err := c.read(p.In)
	if err != nil {
		return err
	}
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := c.base(ctx, api)
	if err != nil {
		return err
	}
	batch := native.NewBatch{Operation: "create", Match: c.Match, OnExisting: c.OnExisting}
	if c.Department != "" {
		d, err := api.department(ctx, base, c.Department)
		if err != nil {
			return err
		}
		batch.Department = d.ID
	}
	report := &batchReport{Rows: len(rows), Outcomes: []native.BatchOutcome{}}
	if err := report.submit(ctx, api, base+"/batches", &batch, rows); err != nil {
		return err
	}
	if api.work != nil {
		c.Follow = true
		if err := api.work(ctx); err != nil {
			return err
		}
	}
	if !c.Follow {
		return p.print(report, report.describeBatches)
	}
	if err := report.follow(ctx, api, base+"/batches", p); err != nil {
		return err
	}
	if err := p.print(report, report.summarise); err != nil {
		return err
	}
	if report.Failed > 0 {
		return refused{fmt.Errorf("%d of %d rows failed", report.Failed, report.Rows)}
	}
	return nil
}

const (
	maxImportRows  = 100_000
	maxImportBytes = 256 << 20
)

// read gives the file's rows as they are, each known to be one: a mistake in the last is found before anything is done.
func (c *importCmd) read(stdin io.Reader) ([]json.RawMessage, error) {
	source := stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, usagef("file: %w", err)
		}
		defer f.Close()
		source = f
	}
	limited := &io.LimitedReader{R: source, N: maxImportBytes + 1}
	rows, err := readRows(limited)
	switch {
	case limited.N <= 0:
		return nil, usagef("file: want at most %d MiB; import it in parts", maxImportBytes>>20)
	case err != nil:
		return nil, usagef("file: %w", err)
	default:
		return rows, nil
	}
}

// readRows reads a list of objects, or objects up to the end. A byte order mark in front is passed over.
func readRows(r io.Reader) (rows []json.RawMessage, err error) {
	text := bufio.NewReader(r)
	const mark = "\ufeff"
	if front, err := text.Peek(len(mark)); err == nil && string(front) == mark {
		_, _ = text.Discard(len(mark))
	}
	d := jsontext.NewDecoder(text)
	list := d.PeekKind() == jsontext.KindBeginArray
	if list {
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
	}
	for !list || d.PeekKind() != jsontext.KindEndArray {
		if kind := d.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
			return nil, fmt.Errorf("row %d is not an object", len(rows)+1)
		}
		value, err := d.ReadValue()
		if !list && errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
		}
		var row native.BatchRow
		if err := jsonv2.Unmarshal(value, &row, jsonv2.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, mistake(err))
		}
		if len(rows) == maxImportRows {
			return nil, fmt.Errorf("want at most %d rows; import them in parts", maxImportRows)
		}
		rows = append(rows, json.RawMessage(value.Clone()))
	}
	if list {
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
			return nil, errors.New("something follows the list")
		}
	}
	if len(rows) == 0 {
		return nil, errors.New("it has no rows")
	}
	return rows, nil
}

// mistake says what is wrong with a row in a person's words.
func mistake(err error) error {
	var wrong *jsonv2.SemanticError
	if !errors.As(err, &wrong) {
		return err
	}
	field := strings.TrimPrefix(string(wrong.JSONPointer), "/")
	if errors.Is(err, jsonv2.ErrUnknownName) {
		return fmt.Errorf("there is no field %q", field)
	}
	return fmt.Errorf("%s is of another type than it should be", field)
}

// importBatch is a [native.NewBatch] whose rows are as they were read.
type importBatch struct {
	*native.NewBatch
	Rows []json.RawMessage `json:"rows"`
}

// submit hands the rows in, in as few batches as they fit into.
func (r *batchReport) submit(ctx context.Context, api *nativeClient, path string, like *native.NewBatch, rows []json.RawMessage) error {
	for done := 0; done < len(rows); {
		n := fitting(rows[done:])
		var batch native.Batch
		err := api.call(ctx, http.MethodPost, path, importBatch{like, rows[done : done+n]}, &batch)
		switch {
		case err != nil && done > 0:
			return fmt.Errorf("rows 1 to %d are accepted, further ones are not: %w", done, err)
		case err != nil:
			return err
		}
		r.Batches = append(r.Batches, batch)
		done += n
	}
	return nil
}

// fitting is how many of the rows a batch can take, one at least.
func fitting(rows []json.RawMessage) int {
	const frame = 1 << 10 // bytes of the body beside its rows, more than there are
	size := frame
	for i, row := range rows {
		if size += len(row) + len(","); i > 0 && (i == native.MaxBatch || size > native.MaxBatchBody) {
			return i
		}
	}
	return len(rows)
}

// follow gathers all outcomes as they come, and tells people at once of those that need a look.
func (r *batchReport) follow(ctx context.Context, api *nativeClient, path string, p *printer) error {
	first := 0
	for i := range r.Batches {
		b := &r.Batches[i]
		one := path + "/" + b.ID.String()
		err := followRows(ctx, api, one, func(o native.BatchOutcome) {
			if o.Result == muster.Succeeded.String() {
				return
			}
			o.Row += first
			r.Outcomes = append(r.Outcomes, o)
			if p.format == formatText {
				_, _ = fmt.Fprintln(p.Out, sentence(&o))
			}
		})
		if err == nil {
			err = api.call(ctx, http.MethodGet, one, nil, b)
		}
		if err != nil {
			return fmt.Errorf("the rows are accepted, and their outcomes could not be read (muster batch show %s): %w", b.ID, err)
		}
		r.Succeeded, r.Failed, r.Skipped = r.Succeeded+b.Succeeded, r.Failed+b.Failed, r.Skipped+b.Skipped
		first += b.Total
	}
	return nil
}

// The pause before outcomes are asked for again that are not there yet grows from the first to the last.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// followRows calls each for every outcome of a batch, in order, until the last is there.
func followRows(ctx context.Context, api *nativeClient, batch string, each func(native.BatchOutcome)) error {
	pause := firstPause
	for from := 1; from > 0; {
		var page native.BatchRows
		if err := api.call(ctx, http.MethodGet, fmt.Sprintf("%s/rows?limit=1000&from=%d", batch, from), nil, &page); err != nil {
			return err
		}
		for _, o := range page.Rows {
			each(o)
		}
		if from = page.Next; len(page.Rows) > 0 {
			pause = firstPause
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, lastPause)
	}
	return nil
}

// sentence tells a person of a row that needs a look.
func sentence(o *native.BatchOutcome) string {
	return fmt.Sprintf("row %d %s: %s", o.Row, o.Result, why(o))
}

// why is the reason in words, with the field at fault in front.
func why(o *native.BatchOutcome) string {
	if o.Field == "" {
		return o.Detail
	}
	return o.Field + ": " + o.Detail
}

func (r *batchReport) describeBatches(w io.Writer) {
	rows := make([][]string, len(r.Batches))
	for i := range r.Batches {
		rows[i] = []string{r.Batches[i].ID.String(), fmt.Sprint(r.Batches[i].Total)}
	}
	table(w, "BATCH ROWS", rows)
}

func (r *batchReport) summarise(w io.Writer) {
	noun := "rows"
	if r.Rows == 1 {
		noun = "row"
	}
	_, _ = fmt.Fprintf(w, "%d %s: %d succeeded, %d skipped, %d failed.\n", r.Rows, noun, r.Succeeded, r.Skipped, r.Failed)
}
