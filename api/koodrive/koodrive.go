// Package koodrive serves batch provisioning by the KooDrive contract, sections 1, 2, 4 and 6: it checks who calls, turns a
// request into a call of the engine, and outcomes into the contract's codes. It knows no rule about users.
//
// What the contract leaves open is decided here:
//
//   - One slash at the end of a path is tolerated, since every path is signed with one.
//   - HEAD is answered as GET is, without the body; it is signed as HEAD. OPTIONS needs no signature and gives 204 with
//     Allow. Other methods are 405 and other paths 404, in the contract's envelope.
//   - A malformed request target is 13000101; a parameter or body that breaks a rule is 13000102.
//   - nextPageCursor stands between registerList and code.
//   - Every sentence of an answer follows the language header; names of fields and headers stay as they are.
//   - Content-Type is not looked at.
package koodrive

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/provision"
)

const (
	// Prefix is where every path of the contract begins.
	Prefix = "/koodrive/ose/v1"

	createPath = Prefix + "/user/batchRegister/create"
	getPath    = Prefix + "/user/batchRegister/get"

	// DefaultMaxBody is the largest body accepted, in bytes (KooDrive contract, section 1).
	DefaultMaxBody = 4 << 20
)

// Submitter accepts batches; [*provision.Engine] is one. When Submit returns nil the batch is durable.
type Submitter interface {
	Submit(ctx context.Context, s provision.Submission) (provision.Receipt, error)
}

// Reader reads batches. Batch and outcomes of one page are of one moment; from is the position of the first row wanted
// and limit the most rows. KindNotFound for a batch that is not there, another tenant's, or another contract's.
type Reader interface {
	BatchPage(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error)
}

// Config is what a Handler stands on. All fields but MaxBody are mandatory.
type Config struct {
	Verifier  *access.Verifier
	Submitter Submitter
	Reader    Reader
	Logger    *slog.Logger // takes the causes of internal errors, which no answer has
	MaxBody   int64        // bytes; zero is DefaultMaxBody
}

// Handler serves everything below Prefix. The request target is judged as it was received, so no [http.ServeMux] may
// stand before it that cleans paths by redirecting. The path that it routes by is r.URL.Path: [http.StripPrefix] may take
// off what a proxy left in front.
//
// It sets r.Pattern to the endpoint's method and path, for who logs or counts requests, and leaves it empty for others.
type Handler struct {
	Config
	endpoints []endpoint
	languages *languages
}

// endpoint is one method and path of the contract. serve gives the answer's data as JSON.
type endpoint struct {
	method, path string
	serve        func(ctx context.Context, r *request) ([]byte, error)
}

// request is a request whose signature holds.
type request struct {
	*access.Caller
	trace  string
	body   []byte
	tongue tongue // of the answer
}

// New makes a Handler.
func New(c Config) *Handler {
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	h := &Handler{Config: c, languages: newLanguages()}
	h.endpoints = []endpoint{
		{http.MethodPost, createPath, h.create},
		{http.MethodGet, getPath, h.get},
	}
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	trace := traceID(r, w.Header())
	w.Header().Set(traceHeader, trace)
	t := h.languages.of(r.Header)
	data, err := h.answer(w, r, trace, t)
	switch {
	case err != nil:
		h.refuse(w, r, trace, t, err)
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	default:
		write(w, t, answers[replySuccess], data, "")
	}
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, trace string, t tongue) (data []byte, err error) {
	e, err := h.route(w, r)
	if err != nil {
		return nil, err
	}
	r.Pattern = e.method + " " + e.path
	if r.Method == http.MethodOptions {
		return nil, nil
	}
	caller, body, err := h.authenticate(w, r)
	if err != nil {
		return nil, err
	}
	return e.serve(r.Context(), &request{Caller: caller, trace: trace, body: body, tongue: t})
}

// route finds the endpoint. A target that is malformed is refused as such whatever its path is.
func (h *Handler) route(w http.ResponseWriter, r *http.Request) (*endpoint, error) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	for i := range h.endpoints {
		e := &h.endpoints[i]
		if e.path != path {
			continue
		}
		switch {
		case r.Method == e.method, r.Method == http.MethodHead && e.method == http.MethodGet:
			return e, nil
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", e.allow())
			return e, nil
		}
		w.Header().Set("Allow", e.allow())
		return nil, &refusal{reply: replyMethod, detail: "Accepted here: " + e.allow() + "."}
	}
	if _, err := signature.ParseTarget(r.RequestURI); err != nil {
		return nil, &refusal{reply: replyBadRequest, detail: err.Error()}
	}
	return nil, &refusal{reply: replyNoPath}
}

func (e *endpoint) allow() string {
	if e.method == http.MethodGet {
		return "GET, HEAD, OPTIONS"
	}
	return e.method + ", OPTIONS"
}

// authenticate reads the body between the two halves of the check, so that what can be refused without it is.
func (h *Handler) authenticate(w http.ResponseWriter, r *http.Request) (*access.Caller, []byte, error) {
	pending, err := h.Verifier.Begin(r)
	if err != nil {
		var refused *muster.Error
		if errors.As(err, &refused) && refused.Kind == muster.KindInvalid {
			return nil, nil, &refusal{reply: replyBadRequest, detail: refused.Detail}
		}
		return nil, nil, err
	}
	body, err := readBody(w, r, h.MaxBody)
	if err != nil {
		return nil, nil, err
	}
	caller, err := pending.Verify(r.Context(), body)
	return caller, body, err
}

// firstRead bounds the memory set aside for a body on the word of its Content-Length alone, in bytes: enough for the usual
// thousand users. What is beyond is set aside as it comes.
const firstRead = 256 << 10

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, firstRead)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		return nil, &refusal{reply: replyBadRequest, detail: "The body broke off before its end."}
	default:
		return body.Bytes(), nil
	}
}

// traceHeader names a request in the answer and in logs. It never refuses one (KooDrive contract, section 1).
const traceHeader = "X-Traceid"

// traceID is the request's own if it is of a harmless form, else what stands in the answer's header already, else a new one.
func traceID(r *http.Request, answer http.Header) string {
	if id := r.Header.Get(traceHeader); harmless(id) {
		return id
	}
	if id := answer.Get(traceHeader); id != "" {
		return id
	}
	return rand.Text()
}

func harmless(id string) bool {
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return id != "" && len(id) <= 128
}
