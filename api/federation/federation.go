// Package federation serves federated user management: tokenByAkSk, createTask and queryTask (federation contract, sections
// 1 to 3 and 5). It checks who calls, what the contract has checked at once, turns a request into a call of the engine,
// and outcomes into the contract's codes.
//
// What the contract leaves open is decided here:
//
//   - A body that is not one well-formed JSON object, and a field of the wrong type, are 400. So are role ids that are
//     numbers in JSON: the contract has them as strings, and many a client rounds numbers of 19 digits.
//   - A list that is missing or null is empty. Elements beyond the hundredth are read only to see that they are JSON.
//   - On MODIFY a userName of "" is absent, as on DISABLE: no code refuses it, and nobody's name is empty.
//   - A role id is 1 to 64 digits; whether the tenant has it is found when the row is applied.
//   - An account may also hold the characters that the tenant's account rule adds.
//   - Names of fields are case-sensitive; unknown fields are ignored. Content-Type is not looked at.
//   - Every method but POST is 405.
//   - The scope of a token is "".
package federation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"muster"
	"muster/access"
	"muster/provision"
)

const (
	// TokenPrefix and TaskPrefix are where the paths of the contract begin.
	TokenPrefix = "/apigovernance/"
	TaskPrefix  = "/apiaccess/"

	tokenPath  = TokenPrefix + "api/oauth/tokenByAkSk"
	createPath = TaskPrefix + "rest/cc-management/v1/federationUserMgmt/createTask"
	queryPath  = TaskPrefix + "rest/cc-management/v1/federationUserMgmt/queryTask"

	// DefaultMaxBody is the largest body accepted, in bytes: five times what a hundred users take whose fields are all as
	// long as they may be, with every character escaped.
	DefaultMaxBody = 1 << 20
)

// Tokens gives tokens and knows them again; [*access.Tokens] is one.
type Tokens interface {
	Issue(ctx context.Context, r access.TokenRequest) (access.IssuedToken, error)
	Application(ctx context.Context, appID, token string) (*access.Application, error)
}

// Engine accepts batches and tells what became of them; [*provision.Engine] is one. When Submit returns nil the batch is
// durable. Failures gives a batch and those of its rows from position from on that did not succeed, in list order, at
// most limit, all of one moment; KindNotFound for a batch that is not there, another tenant's, or another contract's.
type Engine interface {
	Submit(ctx context.Context, s provision.Submission) (provision.Receipt, error)
	Failures(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.Batch, []provision.Failure, error)
}

// Profiles reads what a tenant has set for federated users.
type Profiles interface {
	FederationProfile(ctx context.Context, tenant muster.ID) (*muster.FederationProfile, error)
}

// Config is what a Handler stands on. Fields without a comment on their zero value are mandatory.
type Config struct {
	Tokens         Tokens
	Engine         Engine
	Profiles       Profiles
	IDs            *muster.IDSource // of records of what is accepted
	Logger         *slog.Logger     // takes the causes of internal errors, which no answer has
	TrustedProxies []netip.Prefix   // whose X-Forwarded-For counts; nil is nobody's
	MaxBody        int64            // bytes; zero is DefaultMaxBody
}

// Handler serves the contract's three paths, as r.URL.Path has them, and answers every other with 404.
//
// It sets r.Pattern to the endpoint's method and path, for who logs or counts requests, and leaves it empty for others.
type Handler struct {
	Config
	accepting accepting
	endpoints map[string]func(w http.ResponseWriter, r *http.Request) (any, error)
}

// New makes a Handler.
func New(c Config) *Handler {
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	h := &Handler{Config: c}
	h.endpoints = map[string]func(http.ResponseWriter, *http.Request) (any, error){
		tokenPath:  h.token,
		createPath: h.create,
		queryPath:  h.query,
	}
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if w.Header().Get(traceHeader) == "" {
		w.Header().Set(traceHeader, rand.Text())
	}
	data, err := h.answer(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, data)
}

// answer gives what is to be written as JSON.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	serve, known := h.endpoints[r.URL.Path]
	if !known {
		return nil, &refusal{reply: replyNoPath, detail: "Check the request path."}
	}
	r.Pattern = http.MethodPost + " " + r.URL.Path
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &refusal{reply: replyMethod, detail: "POST is accepted."}
	}
	return serve(w, r)
}

// traceHeader names a request in the answer and in logs; who wraps the handler may have set it.
const traceHeader = "X-Traceid"

// authenticate says for whom the request's token speaks. It reads no body.
func (h *Handler) authenticate(r *http.Request) (*access.Application, error) {
	key, err := single(r.Header, "X-APP-Key")
	if err != nil {
		return nil, err
	}
	authorization, err := single(r.Header, "Authorization")
	if err != nil {
		return nil, err
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, unauthenticated("Authorization must be Bearer, a space and the AccessToken that tokenByAkSk gave.")
	}
	application, err := h.Tokens.Application(r.Context(), key, token)
	switch {
	case err != nil:
		return nil, err
	case !application.Scopes.Has(muster.ScopeProvision):
		return nil, &muster.Error{Kind: muster.KindForbidden, Detail: "This key lacks the scope provision."}
	default:
		return application, nil
	}
}

// single is the value of a header that has to be there once.
func single(header http.Header, name string) (string, error) {
	switch values := header.Values(name); {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", unauthenticated(name + " is missing.")
	case len(values) > 1:
		return "", unauthenticated(name + " occurs more than once; send it once.")
	default:
		return values[0], nil
	}
}

func unauthenticated(detail string) error {
	return &muster.Error{Kind: muster.KindUnauthenticated, Detail: detail}
}

// firstRead bounds the memory set aside for a body on the word of its Content-Length alone, in bytes.
const firstRead = 64 << 10

func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > h.MaxBody {
		return nil, tooLarge(h.MaxBody)
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, firstRead)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, h.MaxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(h.MaxBody)
	case err != nil:
		return nil, badRequest("The body broke off before its end.")
	default:
		return body.Bytes(), nil
	}
}
