package native

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/provision"
	"muster/userfile"
)

const (
	// MaxBatch is the most rows of a batch that comes as JSON.
	MaxBatch = 10_000
	// MaxBatchBody bounds the body that submits a batch as JSON, in bytes.
	MaxBatchBody = 16 << 20
)

// Engine runs batches; [*provision.Engine] is one. What it says of its methods holds here.
type Engine interface {
	Submit(ctx context.Context, s provision.Submission) (provision.Receipt, error)
	Begin(ctx context.Context, s provision.Submission) (*provision.Upload, error)
	Commit(ctx context.Context, f provision.Followup, force bool) (provision.Receipt, error)
	Retry(ctx context.Context, f provision.Followup) (provision.Receipt, error)
	Cancel(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error)
	Progress(ctx context.Context, tenant, batch muster.ID) (*provision.Progress, error)
	FailuresOf(ctx context.Context, tenant, batch muster.ID, results []muster.Result, from, limit int) (*muster.Batch, []provision.Failure, error)
}

// BatchReader reads batches; [provision.BatchStore] says how.
type BatchReader interface {
	Batch(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error)
	Batches(ctx context.Context, tenant muster.ID, q provision.BatchQuery) ([]muster.Batch, error)
	Outcomes(ctx context.Context, tenant, batch muster.ID, q provision.OutcomeQuery) (*muster.BatchPage, error)
	Reasons(ctx context.Context, tenant, batch muster.ID) ([]provision.ReasonCount, error)
	Differences(ctx context.Context, tenant, batch muster.ID, from, limit int) ([]muster.Outcome, error)
}

// accepted answers a submission.
type accepted struct {
	Location string `header:"Location" doc:"where to read how the batch stands"`
	Body     Batch
}

// pathBatchID is a batch's id in a path.
type pathBatchID struct{ pathID }

// Schema is for huma.
func (p pathBatchID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the batch's id"
	return s
}

// batchPath names a batch.
type batchPath struct {
	Tenant pathID      `path:"tenant"`
	Batch  pathBatchID `path:"batch"`
}

// submission is a request that submits a batch.
type submission struct {
	Tenant pathID `path:"tenant"`
	Key    string `header:"Idempotency-Key" maxLength:"255" pattern:"^[!-~]+$" doc:"makes the request safe to send again for 24 hours: the same key and body give the first batch"`
	Body   NewBatch

	RawBody []byte
}

// Commit is the body that commits a dry run.
type Commit struct {
	Force bool `json:"force,omitempty" doc:"run the rows whatever becomes of them now. Else all of them are planned again first, and nobody is changed if one would have another outcome than predicted"`
}

func (a *api) addBatches(h huma.API) {
	const tag = "Batches"
	const all, one = "/tenants/{tenant}/batches", "/tenants/{tenant}/batches/{batch}"
	submit := provisions(operation("create-batch", http.MethodPost, all, "Submit users to be provisioned", tag, http.StatusAccepted))
	submit.MaxBodyBytes = MaxBatchBody
	huma.Register(h, submit, func(ctx context.Context, in *submission) (*accepted, error) {
		id, err := a.submit(ctx, in)
		return a.accept(ctx, in.Tenant.id, id, err)
	})
	huma.Register(h, provisions(operation("cancel-batch", http.MethodPost, one+"/cancel", "Cancel the rows of a batch that have no outcome yet", tag, http.StatusOK)),
		func(ctx context.Context, in *batchPath) (*answer[Batch], error) {
			b, err := a.Engine.Cancel(ctx, in.Tenant.id, in.Batch.id)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			return &answer[Batch]{Body: batchOf(b)}, nil
		})
	huma.Register(h, provisions(operation("retry-batch", http.MethodPost, one+"/retry", "Run the rows of a batch again that failed", tag, http.StatusAccepted)),
		func(ctx context.Context, in *batchPath) (*accepted, error) {
			receipt, err := a.Engine.Retry(ctx, followup(ctx, in))
			return a.accept(ctx, in.Tenant.id, receipt.Batch, err)
		})
	huma.Register(h, provisions(operation("commit-batch", http.MethodPost, one+"/commit", "Run the rows of a dry run", tag, http.StatusAccepted)),
		func(ctx context.Context, in *struct {
			Tenant pathID      `path:"tenant"`
			Batch  pathBatchID `path:"batch"`
			Body   *Commit
		}) (*accepted, error) {
			force := in.Body != nil && in.Body.Force
			receipt, err := a.Engine.Commit(ctx, followup(ctx, &batchPath{in.Tenant, in.Batch}), force)
			return a.accept(ctx, in.Tenant.id, receipt.Batch, err)
		})
	a.addBatchPages(h)
	a.addUploads(h)
	a.addEvents(h)
	a.addFailures(h)
	a.addTemplates(h)
}

// accept answers with a batch that was accepted.
func (a *api) accept(ctx context.Context, tenant, id muster.ID, err error) (*accepted, error) {
	var b *muster.Batch
	if err == nil {
		b, err = a.Batches.Batch(ctx, tenant, id)
	}
	if err != nil {
		return nil, a.fileProblem(ctx, err)
	}
	return &accepted{Location: locationOf(ctx, tenant, "/batches/"+id.String()), Body: batchOf(b)}, nil
}

// submissionOf is what a batch of the caller's is before its rows.
func submissionOf(ctx context.Context, tenant muster.ID) provision.Submission {
	c := callerOf(ctx)
	return provision.Submission{Tenant: tenant, AppID: c.AppID, Actor: c.Actor.User, ActorLevel: c.Actor.Level, Contract: muster.ContractNative}
}

// followup is a batch of which the caller wants another made.
func followup(ctx context.Context, of *batchPath) provision.Followup {
	c := callerOf(ctx)
	return provision.Followup{Tenant: of.Tenant.id, Batch: of.Batch.id, AppID: c.AppID, Actor: c.Actor.User, ActorLevel: c.Actor.Level}
}

func (a *api) submit(ctx context.Context, in *submission) (muster.ID, error) {
	b := &in.Body
	t, err := userfile.ParseTerms(userfile.Words{Operation: b.Operation, Match: b.Match, OnExisting: b.OnExisting, UpdateFields: b.UpdateFields})
	if err != nil {
		return 0, err
	}
	if err := a.settleTerms(ctx, in.Tenant.id, &t, b.Department); err != nil {
		return 0, err
	}
	for i := range b.Rows {
		if t.Operation == "" && b.Rows[i].Operation == "" {
			return 0, &muster.Error{
				Kind: muster.KindInvalid, Field: fmt.Sprintf("body.rows[%d].operation", i),
				Detail: "Neither the batch nor the row says what becomes of the user: create, update, upsert, disable, enable and delete are accepted.",
			}
		}
	}
	s := submissionOf(ctx, in.Tenant.id)
	s.Name, s.DryRun, s.Rows = b.Name, b.DryRun, make([]muster.Row, len(b.Rows))
	for i := range b.Rows {
		draft := b.Rows[i].draft()
		s.Rows[i] = t.Row(&draft)
	}
	if in.Key != "" {
		s.Idempotency = idempotency(ctx, "batches", in.Key, in.RawBody)
	}
	receipt, err := a.Engine.Submit(ctx, s)
	return receipt.Batch, err
}

// settleTerms completes what is said of all rows by what the tenant has, and refuses what would fail every one of them.
func (a *api) settleTerms(ctx context.Context, tenant muster.ID, t *userfile.Terms, department muster.ID) error {
	of, err := a.Access.Tenant(ctx, tenant)
	if err != nil {
		return err
	}
	if err := t.For(of); err != nil || department == 0 {
		return err
	}
	d, err := a.Departments.Get(ctx, tenant, actorOf(ctx), department)
	if err != nil {
		return err
	}
	t.Department = d.ID
	return nil
}
