package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/provision"
)

// Batches is a page of a tenant's batches, the newest first.
type Batches struct {
	Batches []Batch `json:"batches" nullable:"false"`
	Next    string  `json:"nextCursor,omitempty" doc:"cursor of the next page; absent on the last. A page of those in one state may be shorter than asked for"`
}

// BatchRows is a page of a batch's outcomes, in list order.
type BatchRows struct {
	Rows []BatchOutcome `json:"rows" nullable:"false"`
	Next int            `json:"next,omitempty" doc:"from of the next page; absent once every row of the batch was given. Outcomes that are not there yet come later: an empty page has a next, too"`
}

// BatchReasons is how a batch's rows ended.
type BatchReasons struct {
	Reasons []BatchReason `json:"reasons" nullable:"false" doc:"by result, then by reason or effect"`
}

// BatchReason is how many rows ended in one way.
type BatchReason struct {
	Result string `json:"result" enum:"succeeded,failed,skipped,cancelled"`
	Reason string `json:"reason,omitempty" doc:"absent of rows that succeeded"`
	Effect string `json:"effect,omitempty" enum:"created,changed,unchanged,enabled,disabled,deleted" doc:"of rows that succeeded: what they did, or in a dry run would do"`
	Rows   int    `json:"rows"`
}

// BatchDifferences is a page of what a commit found to be otherwise than its dry run had predicted, in list order.
type BatchDifferences struct {
	Differences []BatchOutcome `json:"differences" nullable:"false" doc:"the outcomes that the rows get since their prediction does not hold; detail says what was predicted and what it would be now"`
	Next        int            `json:"next,omitempty" doc:"from of the next page; absent on the last"`
}

// batchList says which batches to list.
type batchList struct {
	Tenant pathID  `path:"tenant"`
	State  string  `query:"state" enum:"unfinished,waiting,checking,running,cancelling,refused,cancelled,finished" doc:"only batches in this state; unfinished is all with rows that have no outcome yet"`
	Cursor queryID `query:"cursor" doc:"a page's nextCursor"`
	Limit  int     `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"batches on a page"`
}

// rowList says which outcomes to list.
type rowList struct {
	Tenant pathID      `path:"tenant"`
	Batch  pathBatchID `path:"batch"`
	From   int         `query:"from" minimum:"1" maximum:"2000000" default:"1" doc:"number of the first row wanted"`
	Limit  int         `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows on a page"`
	Result string      `query:"result" enum:"succeeded,failed,skipped,cancelled" doc:"only rows that ended so"`
	Reason string      `query:"reason" maxLength:"64" doc:"only rows that did not succeed for this reason"`
}

// differenceList says which differences to list.
type differenceList struct {
	Tenant pathID      `path:"tenant"`
	Batch  pathBatchID `path:"batch"`
	From   int         `query:"from" minimum:"1" maximum:"2000000" default:"1" doc:"number of the first row wanted"`
	Limit  int         `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows on a page"`
}

func (a *api) addBatchPages(h huma.API) {
	const tag = "Batches"
	const all, one = "/tenants/{tenant}/batches", "/tenants/{tenant}/batches/{batch}"
	huma.Register(h, operation("list-batches", http.MethodGet, all, "List batches, the newest first", tag, http.StatusOK),
		func(ctx context.Context, in *batchList) (*answer[Batches], error) {
			page, err := a.listBatches(ctx, in)
			return reply(ctx, a, page, err)
		})
	huma.Register(h, operation("get-batch", http.MethodGet, one, "Read how a batch stands", tag, http.StatusOK),
		func(ctx context.Context, in *batchPath) (*answer[Batch], error) {
			p, err := a.Engine.Progress(ctx, in.Tenant.id, in.Batch.id)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			return &answer[Batch]{Body: progressOf(p)}, nil
		})
	huma.Register(h, operation("list-batch-rows", http.MethodGet, one+"/rows", "List the outcomes of a batch's rows", tag, http.StatusOK),
		func(ctx context.Context, in *rowList) (*answer[BatchRows], error) {
			page, err := a.listRows(ctx, in)
			return reply(ctx, a, page, err)
		})
	huma.Register(h, operation("count-batch-reasons", http.MethodGet, one+"/reasons", "Count a batch's rows by result, and by reason or effect", tag, http.StatusOK),
		func(ctx context.Context, in *batchPath) (*answer[BatchReasons], error) {
			counts, err := a.Batches.Reasons(ctx, in.Tenant.id, in.Batch.id)
			wire := BatchReasons{Reasons: make([]BatchReason, len(counts))}
			for i, c := range counts {
				wire.Reasons[i] = BatchReason{Result: c.Result.String(), Reason: c.Reason.String(), Effect: c.Effect.String(), Rows: c.Rows}
			}
			return reply(ctx, a, wire, err)
		})
	huma.Register(h, operation("list-batch-differences", http.MethodGet, one+"/differences", "List what a commit found to differ from its dry run", tag, http.StatusOK),
		func(ctx context.Context, in *differenceList) (*answer[BatchDifferences], error) {
			page, err := a.listDifferences(ctx, in)
			return reply(ctx, a, page, err)
		})
}

// unfinished is the state, of a list, of all batches that are not finished.
const unfinished = "unfinished"

func (a *api) listBatches(ctx context.Context, in *batchList) (Batches, error) {
	q, state := provision.BatchQuery{Before: in.Cursor.id, Limit: in.Limit}, muster.State(in.State)
	if in.State == unfinished {
		q.Unfinished, state = true, ""
	}
	page, next, err := provision.ListBatches(ctx, a.Batches, in.Tenant.id, q, state)
	if err != nil {
		return Batches{}, err
	}
	wire := Batches{Batches: make([]Batch, len(page))}
	for i := range page {
		wire.Batches[i] = batchOf(&page[i])
	}
	if next != 0 {
		wire.Next = next.String()
	}
	return wire, nil
}

func (a *api) listRows(ctx context.Context, in *rowList) (BatchRows, error) {
	q := provision.OutcomeQuery{From: in.From - 1, Limit: in.Limit}
	var err error
	if q.Result, err = resultNamed(in.Result); err != nil {
		return BatchRows{}, err
	}
	if q.Reason, err = reasonNamed(in.Reason); err != nil {
		return BatchRows{}, err
	}
	page, err := a.Batches.Outcomes(ctx, in.Tenant.id, in.Batch.id, q)
	if err != nil {
		return BatchRows{}, err
	}
	wire := rowsOf(page, in.From)
	if filtered := q.Result != 0 || q.Reason != muster.ReasonNone; filtered && len(page.Outcomes) < in.Limit {
		// None of the wanted is left of those that have their outcome.
		if wire.Next = max(in.From, page.Batch.Decided()+1); wire.Next > page.Batch.Total {
			wire.Next = 0
		}
	}
	return wire, nil
}

// rowsOf is a page that was read from a row on.
func rowsOf(page *muster.BatchPage, from int) BatchRows {
	wire := BatchRows{Rows: outcomesOf(page.Outcomes), Next: from}
	if n := len(page.Outcomes); n > 0 {
		wire.Next = page.Outcomes[n-1].Row + 2
	}
	if wire.Next > page.Batch.Total {
		wire.Next = 0
	}
	return wire
}

func (a *api) listDifferences(ctx context.Context, in *differenceList) (BatchDifferences, error) {
	if _, err := a.Batches.Batch(ctx, in.Tenant.id, in.Batch.id); err != nil {
		return BatchDifferences{}, err
	}
	list, err := a.Batches.Differences(ctx, in.Tenant.id, in.Batch.id, in.From-1, in.Limit)
	if err != nil {
		return BatchDifferences{}, err
	}
	wire := BatchDifferences{Differences: outcomesOf(list)}
	if n := len(list); n == in.Limit {
		wire.Next = list[n-1].Row + 2
	}
	return wire, nil
}
