package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRequestsInProcessAreAsOverANetwork(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.RequestURI != "/a/b%20c?d=e" || r.Host != "localhost" || string(body) != "sent" {
			t.Errorf("received %s for %s with %q", r.RequestURI, r.Host, body)
		}
		w.Header().Set("X-A", "b")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "ans")
		_, _ = io.WriteString(w, "wer")
	})
	caller := &http.Client{Transport: inProcess{handler}}
	answer, err := caller.Post("http://localhost/a/b%20c?d=e", "text/plain", strings.NewReader("sent"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "answer" || answer.StatusCode != http.StatusTeapot || answer.Header.Get("X-A") != "b" {
		t.Errorf("%d %q %v, %v", answer.StatusCode, body, answer.Header, err)
	}
}

// What a handler writes is there to be read before it is done, and what it reads comes as it is sent.
func TestBodiesInProcessStreamBothWays(t *testing.T) {
	t.Parallel()
	caller := &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}), control.Flush()); err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Late", "yes")
		buffer := make([]byte, 1)
		for {
			if _, err := r.Body.Read(buffer); err != nil {
				return
			}
			_, _ = w.Write(buffer)
		}
	})}}
	sent, send := io.Pipe()
	answer, err := caller.Post("http://localhost/", "text/plain", sent)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("X-Late") != "" {
		t.Error("a header that was set after the answer began is in it")
	}
	for _, c := range []byte("echo") {
		if _, err := send.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1)
		if _, err := io.ReadFull(answer.Body, got); err != nil || got[0] != c {
			t.Fatalf("%q came back as %q, %v", c, got, err)
		}
	}
	if err := send.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) > 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
}

// Who has read enough of an answer closes it, and knows then that nobody works on it any more.
func TestAnAnswerInProcessEndsWhenItIsClosed(t *testing.T) {
	t.Parallel()
	ended := false
	caller := &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first")
		<-r.Context().Done()
		if _, err := io.WriteString(w, "second"); err == nil {
			t.Error("something could be written that nobody reads")
		}
		ended = true
	})}}
	answer, err := caller.Get("http://localhost/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(answer.Body, make([]byte, len("first"))); err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || !ended {
		t.Errorf("the handler ended: %v, %v", ended, err)
	}
}

func TestAnAnswerInProcessCanBeCutOff(t *testing.T) {
	t.Parallel()
	caller := &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := caller.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); string(text) != "half" || !errors.Is(err, errCutOff) {
		t.Errorf("%q, %v", text, err)
	}
}
