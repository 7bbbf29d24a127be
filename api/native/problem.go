package native

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
)

var statuses = map[muster.Kind]int{
	muster.KindInternal:        http.StatusInternalServerError,
	muster.KindInvalid:         http.StatusUnprocessableEntity, // as huma answers what breaks the schema
	muster.KindUnauthenticated: http.StatusUnauthorized,
	muster.KindForbidden:       http.StatusForbidden,
	muster.KindNotFound:        http.StatusNotFound,
	muster.KindConflict:        http.StatusConflict,
	muster.KindOverloaded:      http.StatusTooManyRequests,
	muster.KindUnavailable:     http.StatusServiceUnavailable,
}

// problem is the one place where an error becomes a status. The cause of an internal error, and of
// trouble that goes away, goes to the log alone.
func (a *api) problem(ctx context.Context, err error) error {
	var told huma.StatusError
	if errors.As(err, &told) {
		return told
	}
	var refusal *muster.Error
	if !errors.As(err, &refusal) || refusal.Kind == muster.KindInternal {
		a.Logger.ErrorContext(ctx, "a request of the native API failed", "error", err)
		return huma.Error500InternalServerError("An internal error. The log of the process that holds the data folder has its cause.")
	}
	if refusal.Kind == muster.KindUnavailable && refusal.Err != nil {
		a.Logger.WarnContext(ctx, "a request of the native API failed", "error", err)
	}
	status := statuses[refusal.Kind]
	model := &huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: refusal.Detail}
	if refusal.Field != "" {
		model.Errors = []*huma.ErrorDetail{{Message: refusal.Detail, Location: refusal.Field}}
		// A sentence that stands alone says what it is about.
		if !strings.Contains(strings.ToLower(refusal.Detail), strings.ToLower(refusal.Field)) {
			model.Detail = refusal.Field + ": " + refusal.Detail
		}
	}
	if refusal.RetryAfter > 0 {
		seconds := int64((refusal.RetryAfter + time.Second - 1) / time.Second)
		return huma.ErrorWithHeaders(model, http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}})
	}
	return model
}
