package koodrive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
)

// answer is one line of the contract's table of codes (section 6). Where the contract names no code, it is the HTTP
// status.
type answer struct {
	status, code int
	msg          string // the documented sentence with which it begins
}

type reply uint8

const (
	replyInternal reply = iota // the zero reply, so that what nobody thought of is ours
	replySuccess
	replySuccessful
	replyBadRequest
	replyBadParameter
	replyNoResource
	replyUnauthenticated
	replyForbidden
	replyNoPath
	replyMethod
	replyConflict
	replyTooLarge
	replyOverloaded
	replyTooMany
	replyUnavailable
	replyMustChange
)

var answers = [...]answer{
	replyInternal:        {http.StatusInternalServerError, 13000201, "Internal invocation failed."},
	replySuccess:         {http.StatusOK, 0, "Success"},
	replySuccessful:      {http.StatusOK, 0, "Successful"},
	replyBadRequest:      {http.StatusBadRequest, 13000101, "Bad request."},
	replyBadParameter:    {http.StatusBadRequest, 13000102, "Verify parameters failed."},
	replyNoResource:      {http.StatusBadRequest, 13000309, "The resource does not exist."},
	replyUnauthenticated: {http.StatusUnauthorized, 401, "Authentication failed."},
	replyForbidden:       {http.StatusForbidden, 13000410, "No permission."},
	replyNoPath:          {http.StatusNotFound, 404, "There is no such path."},
	replyMethod:          {http.StatusMethodNotAllowed, 405, "The method is not allowed."},
	replyConflict:        {http.StatusConflict, 409, "The request conflicts with what is stored."},
	replyTooLarge:        {http.StatusRequestEntityTooLarge, 413, "The body is too large."},
	replyOverloaded:      {http.StatusTooManyRequests, 429, "Too much is queued."},
	replyTooMany:         {http.StatusTooManyRequests, 429, "Too many requests."},
	replyUnavailable:     {http.StatusServiceUnavailable, 503, "The request cannot be taken now."},
	replyMustChange:      {http.StatusForbidden, 403, "The password has to be changed."},
}

var replies = [...]reply{
	muster.KindInternal:        replyInternal,
	muster.KindInvalid:         replyBadParameter,
	muster.KindUnauthenticated: replyUnauthenticated,
	muster.KindForbidden:       replyForbidden,
	muster.KindNotFound:        replyNoResource,
	muster.KindConflict:        replyConflict,
	muster.KindOverloaded:      replyOverloaded,
	muster.KindUnavailable:     replyUnavailable,
}

// rowCode is what a row's reason becomes. Where it has a sentence of its own, that is the documented one, or a format that
// takes the detail.
type rowCode struct{ code, reason string }

var rowCodes = [...]rowCode{
	muster.ReasonNone:       {"13000201", ""},
	muster.ReasonExists:     {"40000009", "The user already exists."},
	muster.ReasonNotFound:   {"13000309", ""},
	muster.ReasonInvalid:    {"13000102", ""},
	muster.ReasonConflict:   {"13000102", ""},
	muster.ReasonNoSeat:     {"13000311", ""},
	muster.ReasonNoCapacity: {"13000311", ""},
	muster.ReasonForbidden:  {"13000102", ""},
	muster.ReasonInternal:   {"13000201", ""},
	muster.ReasonLastAdmin:  {"13000102", ""},
	muster.ReasonCancelled:  {"409", "Cancelled before it was applied."},

	muster.ReasonPasswordNeeded: {"13000102", ""}, // of a retry

	muster.ReasonNoDepartment:        {"13000309", noDepartment},
	muster.ReasonAmbiguousDepartment: {"13000102", ambiguousDepartment},
}

// The sentences about departments that have no detail of their own, since they name the department.
const (
	noDepartment        = "There is no department \"%s\" here: a name is accepted, or names joined by slashes, from the selected department downwards."
	ambiguousDepartment = "Several departments are called \"%s\" here: a path is accepted, with names joined by slashes, from the selected department downwards."
)

// codeOf is the code and reason of a row that failed or was skipped. The reason names the field at fault.
func codeOf(o *muster.Outcome, t tongue) (code, reason string) {
	line := rowCodes[muster.ReasonNone]
	if int(o.Reason) < len(rowCodes) && rowCodes[o.Reason].code != "" {
		line = rowCodes[o.Reason]
	}
	switch {
	case line.reason == "":
		return line.code, t.naming(o.Field, o.Detail)
	case strings.Contains(line.reason, "%s"):
		return line.code, t.sayf(line.reason, o.Detail)
	default:
		return line.code, t.say(line.reason)
	}
}

// refusal is a refusal for which the domain has no kind.
type refusal struct {
	reply  reply
	detail string
	data   []byte        // of the answer, as JSON; nil is none
	after  time.Duration // when to try again, of replies that say so
}

func (r *refusal) Error() string { return answers[r.reply].msg + " " + r.detail }

func tooLarge(limit int64) error {
	return &refusal{reply: replyTooLarge, detail: fmt.Sprintf("At most %d bytes are accepted.", limit)}
}

// badParameter refuses a request for a parameter or body that breaks a rule.
func badParameter(format string, args ...any) error {
	return &refusal{reply: replyBadParameter, detail: fmt.Sprintf(format, args...)}
}

// refuse writes the answer to a request that failed, and logs the cause if it is none of the caller's doing.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, to *request, err error) {
	kind, detail, after := classify(err, to.tongue)
	if r.Context().Err() != nil && errors.Is(err, context.Cause(r.Context())) {
		kind, detail = replyUnavailable, "" // the caller went away: nobody reads this, and nothing is wrong here
	} else if level, ours := severity(kind, err); ours {
		h.Logger.LogAttrs(r.Context(), level, "a request failed",
			slog.String("trace", to.trace), slog.String("route", r.Pattern), slog.Any("error", err))
	}
	if kind == replyOverloaded || kind == replyTooMany || kind == replyUnavailable {
		w.Header().Set("Retry-After", retryAfter(after))
	}
	if kind == replyUnauthenticated {
		w.Header().Set("WWW-Authenticate", to.challenge)
	}
	write(w, to.tongue, answers[kind], shapeData, dataOf(err), detail)
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

// classify gives what an error is answered with. The detail is in the language of the answer.
func classify(err error, t tongue) (kind reply, detail string, after time.Duration) {
	var here *refusal
	var domain *muster.Error
	switch {
	case errors.As(err, &here):
		return here.reply, t.say(here.detail), here.after
	case errors.As(err, &domain) && int(domain.Kind) < len(replies):
		kind = replies[domain.Kind]
	}
	if kind == replyInternal || kind == replyNoResource {
		return kind, "", 0 // says nothing of our insides, and nothing of what exists
	}
	return kind, sentence(t.naming(domain.Field, domain.Detail)), domain.RetryAfter
}

// sentence gives a detail a capital, unless it begins with a field's name in mixed case, and a full stop.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, "。") {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	if word, _, _ := strings.Cut(s, " "); word == strings.ToLower(word) && !strings.HasSuffix(word, ":") {
		s = string(unicode.ToUpper(first)) + s[size:]
	}
	return strings.TrimSuffix(s, ".") + "."
}

// retryAfter is a delay in whole seconds, 1 at least (RFC 9110, section 10.2.3).
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

func dataOf(err error) []byte {
	var here *refusal
	if errors.As(err, &here) {
		return here.data
	}
	return nil
}

// shape is how an answer is laid out.
type shape uint8

const (
	shapeData     shape = iota // data, if there is some, then code and msg, as most of the contract's examples have it
	shapeDataLast              // code and msg, then data, as section 3 has it
	// shapeTwice has what is in data beside it, too: the vendor's pages on these calls show no data.
	shapeTwice
)

func (s shape) reply() reply {
	if s == shapeDataLast {
		return replySuccessful // as section 3 has it
	}
	return replySuccess
}

// write writes the envelope.
func write(w http.ResponseWriter, t tongue, a answer, s shape, data []byte, detail string) {
	msg := t.join(t.say(a.msg), detail)
	b := make([]byte, 0, 2*len(data)+len(msg)+64)
	b = append(b, '{')
	if data != nil && s != shapeDataLast {
		b = append(b, `"data":`...)
		b = append(b, data...)
		b = append(b, ',')
	}
	if s == shapeTwice {
		b = append(b, data[1:len(data)-1]...) // an object's members
		b = append(b, ',')
	}
	b = append(b, `"code":`...)
	b = strconv.AppendInt(b, int64(a.code), 10)
	b = append(b, `,"msg":`...)
	b = appendString(b, msg)
	if s == shapeDataLast {
		b = append(b, `,"data":`...)
		b = append(b, data...)
	}
	b = append(b, '}')
	writeJSON(w, a.status, b)
}

func writeJSON(w http.ResponseWriter, status int, b []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(b)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who does not get it asks again
}

// appendString appends s as a JSON string. What is not UTF-8 in it, which no row and no sentence has, becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
