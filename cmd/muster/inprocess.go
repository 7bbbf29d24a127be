package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// inProcess sends requests to a handler without any network. Bodies stream both ways, as they do over one: an answer is
// there as soon as its header is, and nothing is kept.
type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	received := req.Clone(ctx)
	received.RequestURI = req.URL.RequestURI()
	received.Host = req.URL.Host
	if received.Body == nil {
		received.Body = http.NoBody
	}
	read, write := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: write, begun: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer received.Body.Close()
		defer w.end()
		t.handler.ServeHTTP(w, received)
	}()
	<-w.begun
	return &http.Response{
		Status:        http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.sent,
		Body:          &pipeBody{PipeReader: read, cancel: cancel, ended: ended},
		ContentLength: -1,
		Request:       req,
	}, nil
}

// pipeBody is the body of an answer that is being made. Closing it ends the handler, and waits until it has ended.
type pipeBody struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  <-chan struct{}
}

func (b *pipeBody) Close() error {
	b.cancel()
	err := b.PipeReader.Close()
	<-b.ended
	return err
}

// pipeWriter hands an answer over as it is made. It is used by one goroutine at a time, as every ResponseWriter.
type pipeWriter struct {
	header http.Header
	sent   http.Header // what header was when the status was written
	status int
	body   *io.PipeWriter
	begun  chan struct{} // closed when status and sent are there
	once   sync.Once
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	if status >= http.StatusContinue && status < http.StatusOK { // more is to come, of which nobody here is told
		return
	}
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Flush has the answer begin; what is written is never held back.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

// SetReadDeadline and SetWriteDeadline are there for handlers that lift a server's limits. There are none here.
func (w *pipeWriter) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is like SetReadDeadline.
func (w *pipeWriter) SetWriteDeadline(time.Time) error { return nil }

// errCutOff is an answer that its handler gave up.
var errCutOff = errors.New("the answer was cut off")

// end is the end of the handler, which may have given up as net/http lets it.
func (w *pipeWriter) end() {
	switch gone := recover(); gone {
	case nil:
		w.WriteHeader(http.StatusOK)
		_ = w.body.Close()
	case http.ErrAbortHandler:
		w.WriteHeader(http.StatusInternalServerError)
		_ = w.body.CloseWithError(errCutOff)
	default:
		panic(gone)
	}
}
