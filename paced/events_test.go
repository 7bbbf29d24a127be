package paced_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"muster/paced"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	e := paced.New(w, nil).Events()
	for _, err := range []error{e.Send("", "<p>\r\n1\n</p>"), e.Beat(), e.Send("finished", "{}"), e.Send("over", "")} {
		if err != nil {
			t.Error(err)
		}
	}
	const want = "data: <p>\ndata: 1\ndata: </p>\n\n: \n\nevent: finished\ndata: {}\n\nevent: over\n\n"
	if got := w.Body.String(); got != want || !w.Flushed || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("%q, flushed %t, as %v", got, w.Flushed, w.Header())
	}
}

func TestAnAnswerThatIsHeldBack(t *testing.T) {
	t.Parallel()
	type held struct{ http.ResponseWriter }
	for w, want := range map[http.ResponseWriter]bool{
		held{}: false, httptest.NewRecorder(): true, unwrapping{held{httptest.NewRecorder()}, httptest.NewRecorder()}: true,
	} {
		if got := paced.New(w, nil).Flushes(); got != want {
			t.Errorf("that %T flushes is %t", w, got)
		}
	}
}

// unwrapping is a writer around another one, as those that count and log are.
type unwrapping struct {
	http.ResponseWriter
	inner http.ResponseWriter
}

func (u unwrapping) Unwrap() http.ResponseWriter { return u.inner }
