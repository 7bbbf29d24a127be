package native

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster/paced"
	"muster/provision"
)

// eventQuery asks for a batch's events.
type eventQuery struct {
	Tenant pathID      `path:"tenant"`
	Batch  pathBatchID `path:"batch"`
	connection
}

func (a *api) addEvents(h huma.API) {
	events := operation("follow-batch", http.MethodGet, "/tenants/{tenant}/batches/{batch}/events", "Follow a batch by server-sent events", "Batches", http.StatusOK)
	events.Description = "Event progress comes at once and whenever the batch has changed, at most 4 times a second, and finished, after which the stream ends, " +
		"when every row has its outcome; the data of both is the batch. The stream also ends when the server stops: follow again, or read the batch."
	events.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	huma.Register(h, events, func(ctx context.Context, in *eventQuery) (*huma.StreamResponse, error) {
		read := func(ctx context.Context) (*provision.Progress, error) {
			return a.Engine.Progress(ctx, in.Tenant.id, in.Batch.id)
		}
		if !in.paced.Flushes() {
			return nil, huma.Error501NotImplemented("This connection holds back what is written until all is: read the batch instead.")
		}
		first, err := read(ctx)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			if err := provision.Follow(hc.Context(), a.Stopping, first, read, &follower{in.paced.Events()}); err != nil {
				a.Logger.WarnContext(ctx, "a batch cannot be followed any more", "error", err)
			}
		}}, nil
	})
}

// follower sends how a batch goes on.
type follower struct{ to *paced.Events }

func (f *follower) Changed(p *provision.Progress) error {
	name := "progress"
	if p.Batch.Finished() {
		name = "finished"
	}
	data, err := json.Marshal(progressOf(p))
	if err != nil {
		return err
	}
	return f.to.Send(name, string(data))
}

func (f *follower) Idle() error { return f.to.Beat() }
