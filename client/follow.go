package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"
)

// silence is how long a stream of events may be silent: servers send something every 15 s.
const silence = time.Minute

// Follow gives a batch whenever it has changed, at first as it is, and ends with the finished one. It listens to the server's
// events, and asks again and again where these do not come through. An error ends it, and comes with a nil Batch.
func (b Batches) Follow(ctx context.Context, id string) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		over := false
		err := b.listen(ctx, id, func(batch *Batch) bool {
			over = !yield(batch, nil) || batch.Finished()
			return !over
		})
		switch {
		case over:
		case refusedWith(err, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound):
			yield(nil, err)
		case ctx.Err() != nil:
			yield(nil, fmt.Errorf("client: %w", ctx.Err()))
		default:
			b.ask(ctx, id, yield)
		}
	}
}

// Wait returns the batch once every row has its outcome.
func (b Batches) Wait(ctx context.Context, id string) (*Batch, error) {
	var last *Batch
	for batch, err := range b.Follow(ctx, id) {
		if err != nil {
			return nil, err
		}
		last = batch
	}
	return last, nil
}

// listen gives the events of a stream to each until that wants no more, or the stream ends.
func (b Batches) listen(ctx context.Context, id string, each func(*Batch) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := time.AfterFunc(silence, cancel)
	defer watch.Stop()
	answer, err := b.c.stream(ctx, nativeCall{method: http.MethodGet, path: batchAt(id) + "/events", header: http.Header{"Accept": {"text/event-stream"}}})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";"); kind != "text/event-stream" {
		return fmt.Errorf("%w: it is no stream of events", errAnswer)
	}
	lines := bufio.NewScanner(io.TeeReader(answer.Body, alive{watch}))
	lines.Buffer(nil, MaxAnswer)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue
		}
		batch := new(Batch)
		if err := json.Unmarshal([]byte(data), batch); err != nil {
			return fmt.Errorf("%w: %w", errAnswer, err)
		}
		if !each(batch) {
			return nil
		}
	}
	return errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}

// alive puts off the end of a stream that says something.
type alive struct{ *time.Timer }

func (a alive) Write(p []byte) (int, error) {
	a.Reset(silence)
	return len(p), nil
}

// ask reads the batch until it is finished, quickly while it changes.
func (b Batches) ask(ctx context.Context, id string, yield func(*Batch, error) bool) {
	pace := newPace()
	var last Batch
	for {
		batch, err := b.Get(ctx, id)
		if err != nil {
			yield(nil, err)
			return
		}
		now := *batch
		now.RemainingSeconds = nil
		changed := now != last
		if last = now; changed && !yield(batch, nil) || batch.Finished() {
			return
		}
		if err := pace.wait(ctx, changed); err != nil {
			yield(nil, err)
			return
		}
	}
}
