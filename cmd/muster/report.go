package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"muster"
	"muster/api/native"
	"muster/spreadsheet"
)

// report is what became of a batch, or would become of it.
type report struct {
	Batch       native.Batch          `json:"batch"`
	Reasons     []native.BatchReason  `json:"reasons,omitempty"`
	Failures    []native.BatchOutcome `json:"failures,omitempty"`    // the first rows that failed
	Differences []native.BatchOutcome `json:"differences,omitempty"` // of a commit that was refused: the first rows whose prediction did not hold
	DryRun      *report               `json:"dryRun,omitempty"`      // of the dry run that this committed
}

// shownFailures is how many rows that failed a report has.
const shownFailures = 10

// readReport gathers what became of a batch that is finished.
func readReport(ctx context.Context, api *nativeClient, path string, b *native.Batch) (*report, error) {
	r := &report{Batch: *b}
	var reasons native.BatchReasons
	if err := api.call(ctx, http.MethodGet, path+"/reasons", nil, &reasons); err != nil {
		return nil, err
	}
	r.Reasons = reasons.Reasons
	first := "?limit=" + strconv.Itoa(shownFailures)
	if b.Differing > 0 && b.Mode == muster.ModeRefused.String() {
		var page native.BatchDifferences
		if err := api.call(ctx, http.MethodGet, path+"/differences"+first, nil, &page); err != nil {
			return nil, err
		}
		r.Differences = page.Differences
		return r, nil
	}
	if b.Failed > 0 {
		var page native.BatchRows
		if err := api.call(ctx, http.MethodGet, path+"/rows"+first+"&result="+muster.Failed.String(), nil, &page); err != nil {
			return nil, err
		}
		r.Failures = page.Rows
	}
	return r, nil
}

// describe tells people.
func (r *report) describe(w io.Writer) {
	if len(r.Reasons) > 0 {
		table(w, reasonHeading, reasonRows(r.Reasons))
		_, _ = fmt.Fprintln(w)
	}
	for i := range r.Failures {
		_, _ = fmt.Fprintln(w, sentence(&r.Failures[i]))
	}
	for i := range r.Differences {
		_, _ = fmt.Fprintln(w, "now "+sentence(&r.Differences[i]))
	}
	if more := r.Batch.Failed - len(r.Failures); len(r.Failures) > 0 && more > 0 {
		_, _ = fmt.Fprintf(w, "... and %d more: muster batch failures %s FILE\n", more, r.Batch.ID)
	}
	if r.Batch.Withheld > 0 {
		_, _ = fmt.Fprintf(w, "%s that the file does not name would have been disabled, had every row been readable.\n", count(r.Batch.Withheld, "user"))
	}
	_, _ = fmt.Fprintln(w, r.summary())
}

// summary is the report in a sentence.
func (r *report) summary() string {
	b := &r.Batch
	would := [...]string{"succeeded", "skipped", "failed"}
	if b.DryRun {
		would = [...]string{"would succeed", "would be skipped", "would fail"}
	}
	text := fmt.Sprintf("%s: %d %s, %d %s, %d %s", count(b.Total, "row"), b.Succeeded, would[0], b.Skipped, would[1], b.Failed, would[2])
	if b.Cancelled > 0 {
		text += fmt.Sprintf(", %d cancelled", b.Cancelled)
	}
	switch {
	case b.Mode == muster.ModeRefused.String():
		return text + fmt.Sprintf(". Nothing was done: for %s the outcome would not be the one predicted.", count(b.Differing, "row"))
	case b.DryRun:
		return text + ". Nothing was done yet."
	default:
		return text + "."
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// verdict is the error of a batch that did not go well as a whole.
func (r *report) verdict() error {
	b := &r.Batch
	switch failed := "failed"; {
	case b.Mode == muster.ModeRefused.String():
		return refused{fmt.Errorf("the batch %s was refused, since the directory has changed; muster batch commit --force does what is still possible", b.ID)}
	case b.Failed > 0:
		if b.DryRun {
			failed = "would fail"
		}
		return refused{fmt.Errorf("%d of %d rows %s", b.Failed, b.Total, failed)}
	case b.Cancelled > 0:
		return refused{fmt.Errorf("%d of %d rows were cancelled", b.Cancelled, b.Total)}
	default:
		return nil
	}
}

const reasonHeading = "RESULT EFFECT/REASON ROWS"

func reasonRows(reasons []native.BatchReason) [][]string {
	rows := make([][]string, len(reasons))
	for i, r := range reasons {
		rows[i] = []string{r.Result, cmp.Or(r.Reason, r.Effect), strconv.Itoa(r.Rows)}
	}
	return rows
}

// sentence tells a person of a row that needs a look.
func sentence(o *native.BatchOutcome) string {
	if o.Detail == "" {
		return fmt.Sprintf("row %d %s", o.Row, o.Result)
	}
	return fmt.Sprintf("row %d %s: %s", o.Row, o.Result, why(o))
}

// why is the reason in words, with the field at fault in front.
func why(o *native.BatchOutcome) string {
	if o.Field == "" {
		return o.Detail
	}
	return o.Field + ": " + o.Detail
}

// failuresFile is the file into which the rows go that were not done.
type failuresFile string

// check refuses a name that cannot be written, before anything is done.
func (f failuresFile) check() error {
	if f == "" {
		return nil
	}
	if _, err := f.format(); err != nil {
		return err
	}
	if _, err := os.Lstat(string(f)); err == nil {
		return refused{fmt.Errorf("%s exists, and is not overwritten: name another file", string(f))}
	}
	return nil
}

// format is what the name's extension says.
func (f failuresFile) format() (spreadsheet.Format, error) {
	extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(string(f)), "."))
	format, err := spreadsheet.ParseFormat(extension)
	if err != nil || format == spreadsheet.Auto {
		return 0, usagef("%q is no file of failures: its name ends in .csv, .xlsx or .ndjson", string(f))
	}
	return format, nil
}

// write has the server write the rows of a batch with some results.
func (f failuresFile) write(ctx context.Context, api *nativeClient, batch string, results []string) error {
	format, err := f.format()
	if err != nil {
		return err
	}
	path := batch + "/failures." + format.String() + "?result=" + url.QueryEscape(strings.Join(results, ","))
	return writeFile(string(f), func(w io.Writer) error { return api.download(ctx, path, w) })
}

// download writes the answer to a GET as it comes.
func (c *nativeClient) download(ctx context.Context, path string, w io.Writer) error {
	answer, err := c.send(ctx, http.MethodGet, path, http.Header{}, requestBody{})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return unavailable{fmt.Errorf("read the answer: %w", err)}
	}
	return nil
}
