package console

import (
	"context"
	"net/http"
	"strings"

	"muster"
	"muster/access"
	"muster/paced"
	"muster/provision"
)

// followBatch sends the part of a batch's page that changes, whenever it does, and finished at the end. The stream ends at the
// latest when a session would without a request: following it is none.
func (v *visit) followBatch() error {
	id, err := v.pathID("batch")
	if err != nil {
		return err
	}
	to := &batchFollower{visit: v}
	read := func(ctx context.Context) (p *provision.Progress, err error) {
		if p, err = v.Engine.Progress(ctx, v.tenant.ID, id); err == nil {
			to.reasons, err = v.Batches.Reasons(ctx, v.tenant.ID, id)
		}
		return p, err
	}
	first, err := read(v.ctx())
	if err != nil {
		return err
	}
	connection := paced.New(v.w, v.r)
	if !connection.Flushes() {
		return &muster.Error{Kind: muster.KindUnavailable, Detail: "This connection holds back what is written until all is: open the page again."}
	}
	ctx, cancel := context.WithTimeout(v.ctx(), access.OperatorIdle)
	defer cancel()
	to.events = connection.Events()
	if err := provision.Follow(ctx, v.Stopping, first, read, to); err != nil {
		v.Logger.WarnContext(v.ctx(), "a batch cannot be followed any more", "error", err)
	}
	return nil
}

// batchFollower sends how a batch goes on as HTML.
type batchFollower struct {
	*visit
	events  *paced.Events
	reasons []provision.ReasonCount // as they were read with the progress
}

func (f *batchFollower) Changed(p *provision.Progress) error {
	var b strings.Builder
	if err := batchLive(f.visit, p, f.reasons).Render(f.ctx(), &b); err != nil {
		return err
	}
	if err := f.events.Send("", b.String()); err != nil || !p.Batch.Finished() {
		return err
	}
	return f.events.Send("finished", "")
}

func (f *batchFollower) Idle() error { return f.events.Beat() }

// refuseStream answers who wants to follow something with a part of a page: a script puts it in the place of what it cannot
// follow, or tries again later.
func (v *visit) refuseStream(err error) {
	status, said := v.refusal(err)
	var b strings.Builder
	if err := streamRefused(v, said).Render(v.ctx(), &b); err != nil {
		v.Logger.ErrorContext(v.ctx(), "a refusal could not be written", "error", err)
		status = http.StatusInternalServerError
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write([]byte(b.String())) // who has gone needs no answer
}
