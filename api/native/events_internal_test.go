package native

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/paced"
)

// followed is what follow writes of a batch that is as at says at each moment, and when it ended.
func followed(t *testing.T, ctx context.Context, a *api, at func(since time.Duration) (Batch, error)) (text string, took time.Duration, err error) {
	t.Helper()
	start := time.Now()
	read := func(context.Context) (Batch, error) { return at(time.Since(start)) }
	first, err := read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	err = a.follow(ctx, first, read, &eventStream{w: w, connection: paced.New(w, nil)})
	return w.Body.String(), time.Since(start), err
}

// At most 4 events a second are sent, each when something happened, and a comment where nothing does.
func TestEventsComeAtAPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text, took, err := followed(t, t.Context(), &api{}, func(since time.Duration) (Batch, error) {
			b := Batch{Total: 100}
			switch { // a row each 10 ms for a second, then nothing for a minute, then all at once
			case since < time.Second:
				b.Succeeded = int(since / (10 * time.Millisecond))
			case since < time.Minute:
				b.Succeeded = 99
			default:
				b.Succeeded, b.FinishedAt = 100, time.Unix(1, 0)
			}
			return b, nil
		})
		events, comments, ends := strings.Count(text, "event: progress\ndata: {"), strings.Count(text, ": \n\n"), strings.Count(text, "event: finished\ndata: {")
		if err != nil || events < 4 || events > 6 || comments < 3 || comments > 4 || ends != 1 || !strings.HasSuffix(text, "}\n\n") {
			t.Errorf("%d events, %d comments and %d ends, %v, of\n%s", events, comments, ends, err, text)
		}
		if took < time.Minute || took > time.Minute+idleEvery {
			t.Errorf("it took %s", took)
		}
	})
}

// A stream ends when nobody follows any more, when the server stops, and when the batch cannot be read.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		waiting := func(time.Duration) (Batch, error) { return Batch{Total: 1}, nil }
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, took, err := followed(t, ctx, &api{}, waiting); err != nil || took != 10*time.Second {
			t.Errorf("its follower gone, it ended after %s, %v", took, err)
		}
		stopping := make(chan struct{})
		timer := time.AfterFunc(20*time.Second, func() { close(stopping) })
		defer timer.Stop()
		text, took, err := followed(t, t.Context(), &api{Config: Config{Stopping: stopping}}, waiting)
		if err != nil || took != 20*time.Second || strings.Contains(text, "finished") {
			t.Errorf("the server stopping, it ended after %s, %v: %s", took, err, text)
		}
		trouble := errors.New("trouble")
		_, _, err = followed(t, t.Context(), &api{}, func(since time.Duration) (Batch, error) {
			if since > time.Second {
				return Batch{}, trouble
			}
			return Batch{Total: 1}, nil
		})
		if !errors.Is(err, trouble) {
			t.Errorf("the batch gone, it ended with %v", err)
		}
	})
}

func TestAnAnswerThatIsHeldBack(t *testing.T) {
	t.Parallel()
	type held struct{ http.ResponseWriter }
	if flushes(held{}) || !flushes(httptest.NewRecorder()) || !flushes(unwrapping{held{httptest.NewRecorder()}, httptest.NewRecorder()}) {
		t.Error("it is not known what leaves at once")
	}
}

// unwrapping is a writer around another one, as those that count and log are.
type unwrapping struct {
	http.ResponseWriter
	inner http.ResponseWriter
}

func (u unwrapping) Unwrap() http.ResponseWriter { return u.inner }
