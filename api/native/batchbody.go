package native

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/paced"
)

// connection gives a handler what it streams from or to, past huma, which would have a whole body in memory. It is embedded
// in inputs of operations.
type connection struct {
	request *http.Request
	paced   *paced.Connection
	flushes bool // whether what is written can be made to leave at once
}

// Resolve is for huma, which calls it before the handler.
func (c *connection) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	c.request, c.paced, c.flushes = r, paced.New(w, r), flushes(w)
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
