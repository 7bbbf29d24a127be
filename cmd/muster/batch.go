package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"muster/api/native"
)

type batchCmd struct {
	Show  batchShowCmd  `cmd:"" help:"Show how a batch stands."`
	Rows  batchRowsCmd  `cmd:"" help:"List the outcomes that a batch's rows have by now."`
	Links batchLinksCmd `cmd:"" help:"Make links by which a batch's users set their passwords."`
}

// batchFlags choose a batch.
type batchFlags struct {
	localFlags
	tenantFlag
	Batch string `arg:"" help:"Id of the batch, as import prints it."`
}

// call runs do with where the API has the batch.
func (f *batchFlags) call(ctx context.Context, p *printer, do func(api *nativeClient, batch string) error) (err error) {
	id, err := idFlag("batch", f.Batch)
	if err != nil {
		return err
	}
	api, done, err := f.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := f.base(ctx, api)
	if err != nil {
		return err
	}
	return do(api, base+"/batches/"+id.String())
}

type batchShowCmd struct{ batchFlags }

func (c *batchShowCmd) Run(ctx context.Context, p *printer) error {
	return c.call(ctx, p, func(api *nativeClient, batch string) error {
		var b native.Batch
		if err := api.call(ctx, http.MethodGet, batch, nil, &b); err != nil {
			return err
		}
		return p.print(b, func(w io.Writer) { describeBatch(w, &b) })
	})
}

func describeBatch(w io.Writer, b *native.Batch) {
	pairs(w,
		[2]string{"id", b.ID.String()},
		[2]string{"state", b.State},
		[2]string{"rows", strconv.Itoa(b.Total)},
		[2]string{"succeeded", strconv.Itoa(b.Succeeded)},
		[2]string{"skipped", strconv.Itoa(b.Skipped)},
		[2]string{"failed", strconv.Itoa(b.Failed)},
		[2]string{"accepted", stamp(b.AcceptedAt)},
		[2]string{"finished", stamp(b.FinishedAt)},
	)
}

type batchRowsCmd struct {
	batchFlags
	Failed bool `env:"-" help:"Only rows that failed."`
}

func (c *batchRowsCmd) Run(ctx context.Context, p *printer) error {
	return c.batchFlags.call(ctx, p, func(api *nativeClient, batch string) error {
		all := native.BatchRows{Rows: []native.BatchOutcome{}, Next: 1}
		for {
			var page native.BatchRows
			if err := api.call(ctx, http.MethodGet, fmt.Sprintf("%s/rows?limit=1000&from=%d", batch, all.Next), nil, &page); err != nil {
				return err
			}
			all.Next = page.Next
			for _, o := range page.Rows {
				if !c.Failed || o.Result == "failed" {
					all.Rows = append(all.Rows, o)
				}
			}
			if page.Next == 0 || len(page.Rows) == 0 {
				break
			}
		}
		return p.print(all, func(w io.Writer) { listRows(w, all.Rows) })
	})
}

func listRows(w io.Writer, outcomes []native.BatchOutcome) {
	rows := make([][]string, len(outcomes))
	for i := range outcomes {
		o := &outcomes[i]
		user := ""
		if o.User != 0 {
			user = o.User.String()
		}
		rows[i] = []string{strconv.Itoa(o.Row), o.Result, user, o.Subject, o.Reason, why(o)}
	}
	table(w, "ROW RESULT USER SUBJECT REASON DETAIL", rows)
}
