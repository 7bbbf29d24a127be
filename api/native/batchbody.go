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
}

// Resolve is for huma, which calls it before the handler.
func (c *connection) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	c.request, c.paced = r, paced.New(w, r)
	return nil
}
