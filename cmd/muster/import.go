package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"muster"
	"muster/api/native"
)

type importCmd struct {
	fileFlags
	Operation    string   `env:"-" enum:"create,update,upsert,disable,enable,delete" default:"create" placeholder:"WHAT" help:"What becomes of each user whose row says nothing else: create, update, upsert, disable, enable or delete."`
	OnExisting   string   `env:"-" enum:",skip,update,fail" default:"" placeholder:"WHAT" help:"What becomes of a row that creates a user who exists: skip, update or fail. Default: skip."`
	UpdateFields []string `env:"-" placeholder:"FIELD" help:"The fields of existing users that may change; all if not given."`
	DryRun       bool     `env:"-" xor:"how" help:"Show what would become of each row, and change no user. It can be committed for a day."`
	Commit       bool     `env:"-" xor:"how" help:"Dry run first, show, ask, and then do it."`
	Yes          bool     `env:"-" short:"y" help:"With --commit: do not ask."`
	Follow       bool     `env:"-" help:"Wait until every row has its outcome. A dry run is waited for in any case, and so is everything while no server runs."`
	endFlags
	tenantFlags
}

func (c *importCmd) Help() string {
	return "Which column holds which field is guessed from the columns' names and shown; a column that is not understood is refused, and never " +
		"left out silently. A file that is broken anywhere changes nothing. Rows are counted without the header and empty lines.\n\n" +
		"Exit codes: 0 every row succeeded or was skipped, 2 the file or the command line is wrong, 3 rows failed, or the whole was refused."
}

// endFlags say what is done when a batch has ended.
type endFlags struct {
	Failures failuresFile `env:"-" placeholder:"FILE" help:"Write the rows that were not done to a file, with the reasons: .csv, .xlsx or .ndjson. It can be mended and imported again."`
}

func (c *importCmd) Run(ctx context.Context, p *printer) error {
	query := url.Values{"operation": {c.Operation}, "dryRun": {strconv.FormatBool(c.DryRun || c.Commit)}}
	if c.OnExisting != "" {
		query.Set("onExisting", c.OnExisting)
	}
	if len(c.UpdateFields) > 0 {
		query.Set("updateFields", strings.Join(c.UpdateFields, ","))
	}
	u := upload{tenantFlags: &c.tenantFlags, fileFlags: &c.fileFlags, failures: c.Failures, rehearse: c.DryRun || c.Commit, commit: c.Commit, yes: c.Yes,
		follow: c.Follow || c.Failures != ""}
	return u.run(ctx, p, query)
}

type reconcileCmd struct {
	fileFlags
	Source      string `env:"-" required:"" placeholder:"NAME" help:"What the file is the whole truth of: users that bear this name and are not in the file are disabled."`
	Adopt       bool   `env:"-" help:"Take over users that are in the file and bear no source's name yet. Else their rows fail."`
	MaxDisables int    `env:"-" default:"10" placeholder:"PERCENT" help:"Refuse the file if more of the source's enabled users would be disabled, 1 to 100."`
	Commit      bool   `env:"-" help:"Show what would be done, ask, and then do it. Without this nothing is done but to show it."`
	Yes         bool   `env:"-" short:"y" help:"With --commit: do not ask."`
	endFlags
	tenantFlags
}

func (c *reconcileCmd) Help() string {
	return "The file is the desired state of a source, such as a personnel system: users are added and updated by it, and users of that source who are " +
		"missing in it are disabled, last, and only if every row could be read. Administrators are never disabled so. It is always a dry run first, which " +
		"can be committed for a day.\n\n" +
		"Exit codes: 0 every row succeeded or was skipped, 2 the file or the command line is wrong, 3 rows failed, or the whole was refused."
}

func (c *reconcileCmd) Run(ctx context.Context, p *printer) error {
	const all = 100
	if c.MaxDisables < 1 || c.MaxDisables > all {
		return usagef("--max-disables is %d, 1 to %d are accepted", c.MaxDisables, all)
	}
	query := url.Values{"source": {c.Source}, "adopt": {strconv.FormatBool(c.Adopt)}, "maxDisables": {strconv.Itoa(c.MaxDisables)}}
	u := upload{tenantFlags: &c.tenantFlags, fileFlags: &c.fileFlags, failures: c.Failures, rehearse: true, commit: c.Commit, yes: c.Yes}
	return u.run(ctx, p, query)
}

// upload sends a file of users, and tells what became of them.
type upload struct {
	*tenantFlags
	*fileFlags
	failures failuresFile
	rehearse bool // it is a dry run
	commit   bool // which is committed then
	yes      bool // without a question
	follow   bool // to its end; dry runs always are
}

// run checks all that can be checked before it calls anybody.
func (u *upload) run(ctx context.Context, p *printer, query url.Values) error {
	if u.commit && !u.yes && u.File == "-" {
		return usagef("--commit asks on standard input, which is the file here: give --yes too")
	}
	if err := u.failures.check(); err != nil {
		return err
	}
	t, err := u.open(ctx, p.In)
	if err != nil {
		return err
	}
	t.show(p.Err)
	if err := t.usable(); err != nil {
		return err
	}
	for name, values := range u.query(t) {
		query[name] = values
	}
	return u.with(ctx, p, func(api *nativeClient, base string) error {
		if u.Department != "" {
			d, err := api.department(ctx, base, u.Department)
			if err != nil {
				return err
			}
			query.Set("departmentId", d.ID.String())
		}
		b, err := api.upload(ctx, base+"/batches/upload?"+query.Encode(), &t.source)
		if err != nil {
			return err
		}
		return u.end(ctx, p, &batchWork{api: api, all: base + "/batches"}, b)
	})
}

// end does what is to be done once the file was accepted.
func (u *upload) end(ctx context.Context, p *printer, w *batchWork, b *native.Batch) error {
	if !u.rehearse && !u.follow && w.api.work == nil {
		return printAccepted(p, b)
	}
	r, err := w.toEnd(ctx, p, b)
	if err != nil {
		return err
	}
	if !u.rehearse {
		return w.finish(ctx, p, r, u.failures)
	}
	if !u.commit || r.Batch.Succeeded == 0 {
		err := w.finish(ctx, p, r, u.failures)
		if r.Batch.Succeeded > 0 && p.format == formatText {
			_, _ = fmt.Fprintf(p.Out, "To do it, by %s: muster batch commit %s\n", stamp(r.Batch.HeldUntil), r.Batch.ID)
		}
		return err
	}
	return u.doIt(ctx, p, w, r)
}

// printAccepted prints which batch to ask about.
func printAccepted(p *printer, b *native.Batch) error {
	return p.print(report{Batch: *b}, func(w io.Writer) { table(w, "BATCH ROWS", [][]string{{b.ID.String(), strconv.Itoa(b.Total)}}) })
}

// doIt shows what a dry run said, asks, and commits it.
func (u *upload) doIt(ctx context.Context, p *printer, w *batchWork, rehearsal *report) error {
	if p.format == formatText || !u.yes {
		out := p.Out
		if p.format != formatText {
			out = p.Err
		}
		rehearsal.describe(out)
	}
	if !u.yes && !agreed(p) {
		return refused{fmt.Errorf("nothing was done; muster batch commit %s still does it", rehearsal.Batch.ID)}
	}
	var b native.Batch
	if err := w.api.call(ctx, http.MethodPost, w.path(rehearsal.Batch.ID)+"/commit", native.Commit{}, &b); err != nil {
		return err
	}
	r, err := w.toEnd(ctx, p, &b)
	if err != nil {
		return err
	}
	r.DryRun = rehearsal
	return w.finish(ctx, p, r, u.failures)
}

// agreed asks a person whether to go on. No answer is no.
func agreed(p *printer) bool {
	_, _ = fmt.Fprint(p.Err, "Do it? y/N ")
	line, _ := bufio.NewReader(p.In).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

// octets is what files are sent as: what they are is found out.
const octets = "application/octet-stream"

// upload sends a file, and gives the batch that was made of it.
func (c *nativeClient) upload(ctx context.Context, path string, s *source) (*native.Batch, error) {
	body, err := s.body(c.own)
	if err != nil {
		return nil, err
	}
	// The key has it sent again safely where a connection breaks before the answer. It is sent once the server wants it: one that
	// refuses does so before.
	header := http.Header{"Content-Type": {octets}, "Idempotency-Key": {rand.Text()}, "Expect": {"100-continue"}}
	answer, err := c.send(ctx, http.MethodPost, path, header, body)
	if wrong := s.broken.Load(); wrong != nil { // which is why the sending ended, whatever the server made of that
		if err == nil {
			_ = answer.Body.Close()
		}
		return nil, fileError(wrong)
	}
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var b native.Batch
	return &b, readAnswer(answer, &b)
}

// batchWork follows batches.
type batchWork struct {
	api     *nativeClient
	all     string // where the API has the tenant's batches
	working bool   // this process does what is queued
}

func (w *batchWork) path(batch muster.ID) string { return w.all + "/" + batch.String() }

// toEnd has this process do what is queued if no server does, watches the batch to its end, and gathers what became of it.
func (w *batchWork) toEnd(ctx context.Context, p *printer, b *native.Batch) (*report, error) {
	if w.api.work != nil && !w.working {
		if err := w.api.work(ctx); err != nil {
			return nil, err
		}
		w.working = true
	}
	bar := newProgress(ctx, p.Err)
	defer bar.done()
	path := w.path(b.ID)
	last, err := w.api.follow(ctx, path, bar.show)
	bar.done()
	var r *report
	if err == nil {
		r, err = readReport(ctx, w.api, path, last)
	}
	if err != nil {
		return nil, fmt.Errorf("the rows are accepted, and what became of them could not be read (muster batch watch %s): %w", b.ID, err)
	}
	return r, nil
}

// finish prints a report, writes the file of failures if one is wanted and there are any, and gives the verdict.
func (w *batchWork) finish(ctx context.Context, p *printer, r *report, failures failuresFile) error {
	if err := p.print(r, r.describe); err != nil {
		return err
	}
	if n := r.Batch.Failed + r.Batch.Cancelled; failures != "" && n > 0 {
		if err := failures.write(ctx, w.api, w.path(r.Batch.ID), undone); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(p.Err, "%s written to %s\n", count(n, "row"), string(failures))
	}
	return r.verdict()
}
