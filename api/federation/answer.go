package federation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/api/strictjson"
)

// status is one line of the contract's transport errors (section 5). resultCode is the HTTP status.
type status struct {
	code     int
	sentence string // with which resultMessage begins
}

type reply uint8

const (
	replyInternal reply = iota // the zero reply, so that what nobody thought of is ours
	replyBadRequest
	replyUnauthenticated
	replyForbidden
	replyNoPath
	replyMethod
	replyStillAccepting
	replyTooLarge
	replyOtherBody
	replyOverloaded
	replyUnavailable
)

var statuses = [...]status{
	replyInternal:        {http.StatusInternalServerError, "Internal system error."},
	replyBadRequest:      {http.StatusBadRequest, "Incorrect request."},
	replyUnauthenticated: {http.StatusUnauthorized, "Unauthorized operation."},
	replyForbidden:       {http.StatusForbidden, "The operation is not permitted."},
	replyNoPath:          {http.StatusNotFound, "The requested content is not found."},
	replyMethod:          {http.StatusMethodNotAllowed, "The method is not allowed."},
	replyStillAccepting:  {http.StatusConflict, "The request conflicts with an earlier one."},
	replyTooLarge:        {http.StatusRequestEntityTooLarge, "The body is too large."},
	replyOtherBody:       {http.StatusUnprocessableEntity, "The request conflicts with an earlier one."},
	replyOverloaded:      {http.StatusTooManyRequests, "Too many requests."},
	replyUnavailable:     {http.StatusServiceUnavailable, "The request cannot be taken now."},
}

// replies maps kinds of errors. KindNotFound is no caller's doing: the only thing that he names is a task, and queryTask
// has a code for that.
var replies = [...]reply{
	muster.KindInternal:        replyInternal,
	muster.KindInvalid:         replyBadRequest,
	muster.KindUnauthenticated: replyUnauthenticated,
	muster.KindForbidden:       replyForbidden,
	muster.KindNotFound:        replyInternal,
	muster.KindConflict:        replyOtherBody,
	muster.KindOverloaded:      replyOverloaded,
	muster.KindUnavailable:     replyUnavailable,
}

// refusal is a refusal for which the domain has no kind.
type refusal struct {
	reply  reply
	detail string
}

func (r *refusal) Error() string { return statuses[r.reply].sentence + " " + r.detail }

func badRequest(format string, args ...any) error {
	return &refusal{reply: replyBadRequest, detail: fmt.Sprintf(format, args...)}
}

func tooLarge(limit int64) error {
	return &refusal{reply: replyTooLarge, detail: fmt.Sprintf("At most %d bytes are accepted.", limit)}
}

// rejection is a request that is understood and refused with one of the contract's codes, by HTTP status 200.
type rejection struct {
	code    string
	message string // for the caller alone: it may name an account
}

func (r *rejection) Error() string { return "rejected with code " + r.code }

// result is an answer of a code and a message alone.
type result struct {
	ResultCode    string `json:"resultCode"`
	ResultMessage string `json:"resultMessage"`
}

// refuse writes the answer to a request that failed, and logs the cause if it is none of the caller's doing.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var rejected *rejection
	if errors.As(err, &rejected) {
		write(w, http.StatusOK, result{rejected.code, rejected.message})
		return
	}
	kind, detail, after := classify(err)
	if r.Context().Err() != nil && errors.Is(err, context.Cause(r.Context())) {
		kind, detail = replyUnavailable, "" // the caller went away: nobody reads this, and nothing is wrong here
	} else if level, ours := severity(kind, err); ours {
		h.Logger.LogAttrs(r.Context(), level, "a request failed",
			slog.String("trace", w.Header().Get(traceHeader)), slog.String("route", r.Pattern), slog.Any("error", err))
	}
	if kind == replyStillAccepting || kind == replyOverloaded || kind == replyUnavailable {
		w.Header().Set("Retry-After", retryAfter(after))
	}
	if kind == replyUnauthenticated {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, section 11.6.1, asks for one
	}
	message := statuses[kind].sentence
	if detail != "" {
		message += " " + detail
	}
	write(w, statuses[kind].code, result{strconv.Itoa(statuses[kind].code), message})
}

// severity tells whether the log should have the cause, and how grave it is: a fault of ours is an error, trouble of what we
// stand on a warning, since it goes away. A refusal without a cause says all that there is to say.
func severity(kind reply, err error) (level slog.Level, ours bool) {
	var domain *muster.Error
	switch {
	case kind == replyInternal:
		return slog.LevelError, true
	case kind == replyUnavailable && errors.As(err, &domain):
		return slog.LevelWarn, domain.Err != nil
	default:
		return 0, false
	}
}

func classify(err error) (kind reply, detail string, after time.Duration) {
	var here *refusal
	var malformed *strictjson.Error
	var domain *muster.Error
	switch {
	case errors.As(err, &here):
		return here.reply, here.detail, 0
	case errors.As(err, &malformed):
		return replyBadRequest, malformed.Detail, 0
	case errors.As(err, &domain) && int(domain.Kind) < len(replies):
		kind = replies[domain.Kind]
	}
	if kind == replyInternal {
		return kind, "", 0 // says nothing of our insides
	}
	return kind, domain.Detail, domain.RetryAfter
}

// retryAfter is a delay in whole seconds, 1 at least (RFC 9110, section 10.2.3).
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

func write(w http.ResponseWriter, code int, data any) {
	// What is not UTF-8, which no row and no sentence has, becomes U+FFFD. Nothing else in the answers can fail.
	body, err := json.Marshal(data, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(fmt.Sprintf("marshal an answer of type %T: %v", data, err))
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(body) //nolint:gosec // JSON with every string quoted, and nosniff; who does not get it asks again
}
