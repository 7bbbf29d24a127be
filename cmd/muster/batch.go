package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api/native"
)

type batchCmd struct {
	List     batchListCmd     `cmd:"" help:"List batches, the newest first."`
	Show     batchShowCmd     `cmd:"" help:"Show how a batch stands, and its outcomes by reason."`
	Rows     batchRowsCmd     `cmd:"" help:"List the outcomes that a batch's rows have by now."`
	Watch    batchWatchCmd    `cmd:"" help:"Follow a batch until every row has its outcome."`
	Cancel   batchCancelCmd   `cmd:"" help:"Do no more of a batch. What was done stays."`
	Retry    batchRetryCmd    `cmd:"" help:"Do the rows of a batch that failed once more, as a new batch."`
	Commit   batchCommitCmd   `cmd:"" help:"Do what a dry run predicted."`
	Failures batchFailuresCmd `cmd:"" help:"Write the rows of a batch that were not done to a file, to be mended and imported again."`
	Links    batchLinksCmd    `cmd:"" help:"Make links by which a batch's users set their passwords."`
}

// undone are the results of rows that were not done.
var undone = []string{muster.Failed.String(), muster.Cancelled.String()}

// batchFlags choose a batch.
type batchFlags struct {
	tenantFlags
	Batch string `arg:"" help:"Id of the batch, as import prints it."`
}

// call runs do with where the API has the batch.
func (f *batchFlags) call(ctx context.Context, p *printer, do func(api *nativeClient, batch string) error) error {
	return f.work(ctx, p, func(w *batchWork, id muster.ID) error { return do(w.api, w.path(id)) })
}

// work runs do with what follows the batch.
func (f *batchFlags) work(ctx context.Context, p *printer, do func(w *batchWork, id muster.ID) error) error {
	id, err := idFlag("batch", f.Batch)
	if err != nil {
		return err
	}
	return f.with(ctx, p, func(api *nativeClient, base string) error {
		return do(&batchWork{api: api, all: base + "/batches"}, id)
	})
}

type batchListCmd struct {
	lists
	tenantFlags
	State string `env:"-" placeholder:"STATE" help:"Only those of a state: waiting, checking, running, cancelling, refused, cancelled or finished."`
	Limit int    `env:"-" default:"20" placeholder:"N" help:"How many at most."`
}

func (c *batchListCmd) Run(ctx context.Context, p *printer) error {
	query := url.Values{}
	if c.State != "" {
		query.Set("state", c.State)
	}
	return c.with(ctx, p, func(api *nativeClient, base string) error {
		list := native.Batches{Batches: []native.Batch{}}
		err := pages(c.Limit, query, func(query string) (int, string, error) {
			var page native.Batches
			err := api.call(ctx, http.MethodGet, base+"/batches?"+query, nil, &page)
			list.Batches, list.Next = append(list.Batches, page.Batches...), page.Next
			return len(page.Batches), page.Next, err
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(list.Batches))
		for i := range list.Batches {
			b := &list.Batches[i]
			rows[i] = []string{
				b.ID.String(), stateOf(b), strconv.Itoa(b.Total), strconv.Itoa(b.Succeeded), strconv.Itoa(b.Skipped), strconv.Itoa(b.Failed),
				strconv.Itoa(b.Cancelled), stamp(b.AcceptedAt), b.Name,
			}
		}
		return p.list(list, "ID STATE ROWS SUCCEEDED SKIPPED FAILED CANCELLED ACCEPTED NAME", rows)
	})
}

// maxPage is the most that a page of the API has.
const maxPage = 1000

// pages asks for pages of a list until it has as many as limit, or all. next gives how many a page had, and the cursor of the
// next one.
func pages(limit int, query url.Values, next func(query string) (int, string, error)) error {
	if limit < 1 {
		return usagef("--limit is %d, want 1 or more", limit)
	}
	query = url.Values(http.Header(query).Clone())
	for left := limit; left > 0; {
		query.Set("limit", strconv.Itoa(min(left, maxPage)))
		n, cursor, err := next(query.Encode())
		if err != nil || cursor == "" { // a page may be empty, and others follow
			return err
		}
		left -= n
		query.Set("cursor", cursor)
	}
	return nil
}

func stateOf(b *native.Batch) string {
	if b.DryRun {
		return b.State + " dry run"
	}
	return b.State
}

type batchShowCmd struct{ batchFlags }

func (c *batchShowCmd) Run(ctx context.Context, p *printer) error {
	return c.call(ctx, p, func(api *nativeClient, batch string) error {
		var b native.Batch
		if err := api.call(ctx, http.MethodGet, batch, nil, &b); err != nil {
			return err
		}
		r, err := readReport(ctx, api, batch, &b)
		if err != nil {
			return err
		}
		return p.print(r, func(w io.Writer) {
			describeBatch(w, &b)
			if len(r.Reasons) > 0 {
				_, _ = fmt.Fprintln(w)
				table(w, reasonHeading, reasonRows(r.Reasons))
			}
		})
	})
}

func describeBatch(w io.Writer, b *native.Batch) {
	parent, origin := "", b.Origin
	if b.Parent != 0 {
		parent = b.Parent.String()
	}
	if origin == "none" {
		origin = ""
	}
	left := ""
	if b.Remaining != nil && b.FinishedAt.IsZero() {
		left = strconv.FormatInt(*b.Remaining, 10) + " s"
	}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	pairs(w,
		[2]string{"id", b.ID.String()},
		[2]string{"name", b.Name},
		[2]string{"state", stateOf(b)},
		[2]string{"rows", strconv.Itoa(b.Total)},
		[2]string{"succeeded", strconv.Itoa(b.Succeeded)},
		[2]string{"skipped", strconv.Itoa(b.Skipped)},
		[2]string{"failed", strconv.Itoa(b.Failed)},
		[2]string{"cancelled", number(b.Cancelled)},
		[2]string{"checked", number(b.Checked)},
		[2]string{"differing", number(b.Differing)},
		[2]string{"source", b.Source},
		[2]string{"disables withheld", number(b.Withheld)},
		[2]string{"made by", origin},
		[2]string{"made of", parent},
		[2]string{"accepted", stamp(b.AcceptedAt)},
		[2]string{"started", stamp(b.StartedAt)},
		[2]string{"finished", stamp(b.FinishedAt)},
		[2]string{"time left", left},
		[2]string{"can be committed until", stamp(b.HeldUntil)},
	)
}

type batchRowsCmd struct {
	lists
	batchFlags
	Failed bool   `env:"-" xor:"result" help:"Only rows that failed."`
	Result string `env:"-" xor:"result" placeholder:"RESULT" help:"Only rows with this result: succeeded, skipped, failed or cancelled."`
	Reason string `env:"-" placeholder:"REASON" help:"Only rows with this reason, such as exists."`
	From   int    `env:"-" default:"1" placeholder:"N" help:"Number of the row to begin with."`
	Limit  int    `env:"-" placeholder:"N" help:"How many at most; all if not given."`
}

func (c *batchRowsCmd) Run(ctx context.Context, p *printer) error {
	query := url.Values{}
	if c.Failed {
		c.Result = muster.Failed.String()
	}
	for name, value := range map[string]string{"result": c.Result, "reason": c.Reason} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return c.call(ctx, p, func(api *nativeClient, batch string) error {
		all := native.BatchRows{Rows: []native.BatchOutcome{}, Next: c.From}
		for all.Next != 0 && (c.Limit <= 0 || len(all.Rows) < c.Limit) {
			query.Set("from", strconv.Itoa(all.Next))
			query.Set("limit", strconv.Itoa(maxPage))
			if c.Limit > 0 {
				query.Set("limit", strconv.Itoa(min(maxPage, c.Limit-len(all.Rows))))
			}
			var page native.BatchRows
			if err := api.call(ctx, http.MethodGet, batch+"/rows?"+query.Encode(), nil, &page); err != nil {
				return err
			}
			all.Rows, all.Next = append(all.Rows, page.Rows...), page.Next
			if len(page.Rows) == 0 {
				break
			}
		}
		return p.list(all, "ROW RESULT USER SUBJECT REASON DETAIL", outcomeRows(all.Rows))
	})
}

func outcomeRows(outcomes []native.BatchOutcome) [][]string {
	rows := make([][]string, len(outcomes))
	for i := range outcomes {
		o := &outcomes[i]
		user := ""
		if o.User != 0 {
			user = o.User.String()
		}
		rows[i] = []string{strconv.Itoa(o.Row), o.Result, user, o.Subject, o.Reason, why(o)}
	}
	return rows
}

type batchWatchCmd struct {
	batchFlags
	endFlags
}

func (c *batchWatchCmd) Run(ctx context.Context, p *printer) error {
	if err := c.Failures.check(); err != nil {
		return err
	}
	return c.work(ctx, p, func(w *batchWork, id muster.ID) error {
		r, err := w.toEnd(ctx, p, &native.Batch{ID: id})
		if err != nil {
			return err
		}
		return w.finish(ctx, p, r, c.Failures)
	})
}

type batchCancelCmd struct{ batchFlags }

func (c *batchCancelCmd) Help() string {
	return "Rows that have no outcome yet are cancelled, in steps of a thousand. One that is finished stays as it is."
}

func (c *batchCancelCmd) Run(ctx context.Context, p *printer) error {
	return c.work(ctx, p, func(w *batchWork, id muster.ID) error {
		var b native.Batch
		if err := w.api.call(ctx, http.MethodPost, w.path(id)+"/cancel", nil, &b); err != nil {
			return err
		}
		if w.api.work != nil && b.FinishedAt.IsZero() {
			r, err := w.toEnd(ctx, p, &b)
			if err != nil {
				return err
			}
			b = r.Batch
		}
		return p.print(b, func(w io.Writer) { describeBatch(w, &b) })
	})
}

// again is what commands that make a batch of another one have in common.
type again struct {
	batchFlags
	endFlags
	Follow bool `env:"-" help:"Wait until every row has its outcome. While no server runs that is done in any case."`
}

func (c *again) make(ctx context.Context, p *printer, how string, body any) error {
	if err := c.Failures.check(); err != nil {
		return err
	}
	return c.work(ctx, p, func(w *batchWork, id muster.ID) error {
		var b native.Batch
		if err := w.api.call(ctx, http.MethodPost, w.path(id)+how, body, &b); err != nil {
			return err
		}
		if !c.Follow && c.Failures == "" && w.api.work == nil {
			return printAccepted(p, &b)
		}
		r, err := w.toEnd(ctx, p, &b)
		if err != nil {
			return err
		}
		return w.finish(ctx, p, r, c.Failures)
	})
}

type batchRetryCmd struct{ again }

func (c *batchRetryCmd) Help() string {
	return "The batch has to be finished. Asked for a second time, this gives the batch that was made the first time. A row whose password was erased " +
		"before it was needed fails with the reason password-needed: import it anew."
}

func (c *batchRetryCmd) Run(ctx context.Context, p *printer) error {
	return c.make(ctx, p, "/retry", nil)
}

type batchCommitCmd struct {
	again
	Force bool `env:"-" help:"Do it even if rows would not end as predicted."`
}

func (c *batchCommitCmd) Help() string {
	return "The rows of the dry run are planned once more. If the outcome of any would be another one, nothing is done, and the rows are told: exit code 3. " +
		"While the batch runs, a row whose prediction no longer holds fails with the reason changed-since-dry-run. --force drops both guards."
}

func (c *batchCommitCmd) Run(ctx context.Context, p *printer) error {
	return c.make(ctx, p, "/commit", native.Commit{Force: c.Force})
}

type batchFailuresCmd struct {
	batchFlags
	File   failuresFile `arg:"" help:"File to be made, for its owner alone: .csv, .xlsx or .ndjson."`
	Result []string     `env:"-" placeholder:"RESULT" default:"failed,cancelled" help:"Results of the rows to write: failed, skipped and cancelled."`
}

func (c *batchFailuresCmd) Help() string {
	return "The rows are as they were sent, in their order, without passwords, and with columns that say why: muster_row, muster_result, muster_reason, " +
		"muster_field and muster_detail, which import passes over."
}

func (c *batchFailuresCmd) Run(ctx context.Context, p *printer) error {
	kept := []string{muster.Failed.String(), muster.Skipped.String(), muster.Cancelled.String()}
	for _, result := range c.Result {
		if !slices.Contains(kept, result) {
			return usagef("--result %q is not one of %s, whose rows are kept", result, strings.Join(kept, ", "))
		}
	}
	if len(c.Result) == 0 {
		return usagef("--result: name one of %s", strings.Join(kept, ", "))
	}
	if err := c.File.check(); err != nil {
		return err
	}
	return c.call(ctx, p, func(api *nativeClient, batch string) error { return c.File.write(ctx, api, batch, c.Result) })
}
