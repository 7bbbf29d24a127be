package native

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster/paced"
)

const (
	// eventEvery is the least time between two events of a batch, and idleEvery the most between two looks at it.
	eventEvery = 250 * time.Millisecond
	idleEvery  = 2 * time.Second
	// heartbeat is how long a stream is silent at most: shorter than proxies wait for.
	heartbeat = 15 * time.Second
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
		read := func(ctx context.Context) (Batch, error) {
			p, err := a.Engine.Progress(ctx, in.Tenant.id, in.Batch.id)
			if err != nil {
				return Batch{}, err
			}
			return progressOf(p), nil
		}
		if !in.flushes {
			return nil, huma.Error501NotImplemented("This connection holds back what is written until all is: read the batch instead.")
		}
		first, err := read(ctx)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			in.paced.Unbound()
			hc.SetHeader("Content-Type", "text/event-stream")
			hc.SetHeader("Cache-Control", "no-store")
			hc.SetHeader("X-Accel-Buffering", "no") // nginx would keep events back
			hc.SetStatus(http.StatusOK)
			s := &eventStream{w: hc.BodyWriter(), connection: in.paced}
			if err := a.follow(hc.Context(), first, read, s); err != nil {
				a.Logger.WarnContext(ctx, "a batch cannot be followed any more", "error", err)
			}
		}}, nil
	})
}

// follow sends a batch's events until it is finished, or ctx or the server ends. Its error is that of reading the batch.
func (a *api) follow(ctx context.Context, b Batch, read func(context.Context) (Batch, error), to *eventStream) error {
	sent := Batch{}
	pause, silent := eventEvery, time.Duration(0)
	for {
		switch over := !b.FinishedAt.IsZero(); {
		case over:
			_ = to.event("finished", &b)
			return nil
		case !sameBatch(&sent, &b):
			if to.event("progress", &b) != nil {
				return nil // who followed has gone
			}
			sent, pause, silent = b, eventEvery, 0
		case silent >= heartbeat:
			if to.comment() != nil {
				return nil
			}
			silent = 0
		default:
			pause = min(2*pause, idleEvery)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-a.Stopping:
		}
		timer.Stop()
		silent += pause
		if ctx.Err() != nil || isClosed(a.Stopping) {
			return nil
		}
		var err error
		if b, err = read(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// sameBatch reports whether nothing happened to a batch; that time passes is nothing.
func sameBatch(a, b *Batch) bool {
	x, y := *a, *b
	x.Remaining, y.Remaining = nil, nil
	return x == y
}

// eventStream writes server-sent events (WHATWG HTML, section 9.2), each of which leaves at once.
type eventStream struct {
	w          io.Writer
	connection *paced.Connection
}

func (s *eventStream) event(name string, b *Batch) error {
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return s.write("event: " + name + "\ndata: " + string(data) + "\n\n")
}

// comment shows proxies that the stream lives.
func (s *eventStream) comment() error { return s.write(": \n\n") }

func (s *eventStream) write(text string) error {
	s.connection.Bound()
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.connection.Flush()
}
