package native

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const (
	// bodyGrace and bodyRate say how long is waited for a body: its first bytes have a minute, which is prolonged by a second for
	// each so many bytes. Only the time counts in which nothing is there to be read.
	bodyGrace = time.Minute
	bodyRate  = 64 << 10

	// answerTime bounds writing an answer, or a piece of one that comes in pieces.
	answerTime = time.Minute
)

var (
	errTooLarge = errors.New("the body is larger than is accepted")
	errTooSlow  = errors.New("the body comes too slowly")
)

// connection gives a handler what it streams from or to, past huma, which would have a whole body in memory. It is embedded
// in inputs of operations.
type connection struct {
	request *http.Request
	control *http.ResponseController
	flushes bool // whether what is written can be made to leave at once
}

// Resolve is for huma, which calls it before the handler.
func (c *connection) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	c.request, c.control, c.flushes = r, http.NewResponseController(w), flushes(w)
	return nil
}

// flushes asks what [http.ResponseController] knows only once it flushes, which an answer has begun with.
func flushes(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// unbound lifts the server's bounds on how long reading the request and answering it may take together. Where a connection has
// no deadlines, as within a process, there is nothing to lift.
func (c *connection) unbound() {
	_ = c.control.SetReadDeadline(time.Time{})
	_ = c.control.SetWriteDeadline(time.Time{})
}

// bound gives what is written next a bound of its own.
func (c *connection) bound() { _ = c.control.SetWriteDeadline(time.Now().Add(answerTime)) }

// body is the request's, of at most limit bytes, as long as it comes at a pace.
func (c *connection) body(limit int64) (*pacedBody, error) {
	if c.request.ContentLength > limit {
		return nil, errTooLarge
	}
	c.unbound()
	return &pacedBody{of: c, left: limit}, nil
}

// pacedBody reads a body. Its errors are those of the body, and the two above.
type pacedBody struct {
	of     *connection
	left   int64
	read   int64
	waited time.Duration
}

func (b *pacedBody) Read(p []byte) (int, error) {
	start := time.Now()
	patience := bodyGrace + time.Duration(b.read/bodyRate)*time.Second - b.waited
	_ = b.of.control.SetReadDeadline(start.Add(patience))
	n, err := b.of.request.Body.Read(p[:min(int64(len(p)), b.left+1)])
	b.waited += time.Since(start)
	b.read += int64(n)
	switch b.left -= int64(n); {
	case b.left < 0:
		return 0, errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, errTooSlow
	case err != nil && !errors.Is(err, io.EOF) && b.of.request.Context().Err() != nil:
		return n, b.of.request.Context().Err()
	default:
		return n, err
	}
}
