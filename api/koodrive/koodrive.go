// Package koodrive serves the KooDrive contract: batch provisioning (sections 1, 2 and 4), pre-verification (section 3), and
// sign-in, departments and users (section 5). It checks who calls, turns a request into a call of the domain, and what comes
// of it into the contract's codes (section 6). It knows no rule about users.
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
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/directory"
	"muster/provision"
)

const (
	// Prefix is where the paths of the contract begin, all but one.
	Prefix = "/koodrive/ose/v1"
	// TokenPath is where OAuth clients look for the token endpoint, which is below Prefix, too (RFC 6749, section 3.2).
	TokenPath = "/oauth2/token"

	createPath = Prefix + "/user/batchRegister/create"
	getPath    = Prefix + "/user/batchRegister/get"

	// DefaultMaxBody is the largest body accepted, in bytes (KooDrive contract, section 1).
	DefaultMaxBody = 4 << 20
	// maxSmallBody is the largest body of a call that brings no list, in bytes.
	maxSmallBody = 64 << 10
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

// Config is what a Handler stands on. Fields without a comment on their zero value are mandatory.
type Config struct {
	Verifier    *access.Verifier
	Submitter   Submitter
	Reader      Reader
	Sessions    *access.Sessions
	Tokens      *access.Tokens
	Snapshots   Snapshots
	Departments *directory.Departments
	Users       *directory.Users
	IDs         *muster.IDSource // of records of what is changed
	Logger      *slog.Logger     // takes the causes of internal errors, which no answer has

	// LinkAddress is the address of the page on which a user sets his password by a link.
	LinkAddress    func(tenant muster.ID, secret string) string
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Host count; nil is nobody's
	MaxBody        int64          // bytes; zero is DefaultMaxBody
}

// Handler serves everything below Prefix, and TokenPath. The request target is judged as it was received, so no
// [http.ServeMux] may stand before it that cleans paths by redirecting. The path that it routes by is r.URL.Path:
// [http.StripPrefix] may take off what a proxy left in front.
//
// It sets r.Pattern to the endpoint's method and path, for who logs or counts requests, and leaves it empty for others.
type Handler struct {
	Config
	endpoints []endpoint
	languages *languages
}

// endpoint is one method and path of the contract. A path that ends in {id} takes any one segment there.
type endpoint struct {
	method, path string
	// admit finds out who calls, and reads the body.
	admit func(w http.ResponseWriter, r *http.Request, to *request) error
	// serve gives the answer's data as JSON; nil is no data.
	serve func(ctx context.Context, r *request) ([]byte, error)
	scope muster.Scopes // that a credential needs; 0 where none is shown
	// action is what the audit trail calls a call that changes something, and target of what {id} is.
	action, target string
	shape          shape
	// other answers by itself, in the place of admit and serve.
	other http.HandlerFunc
}

// request is a request whose caller is known.
type request struct {
	Tenant *muster.Tenant
	Actor  muster.Actor
	AppID  string         // of the credential that signed, or with which the token was issued; "" if there is none
	Scopes muster.Scopes  // of the credential; all where a user called himself
	signed *access.Caller // of an endpoint that is signed
	called *visit         // of one that anybody may call

	query     signature.Query
	id        string // what stands in the place of {id}
	trace     string
	body      []byte
	tongue    tongue // of the answer
	challenge string // the schemes that the endpoint accepts
}

// New makes a Handler.
func New(c Config) *Handler {
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	h := &Handler{Config: c, languages: newLanguages()}
	h.endpoints = []endpoint{
		{method: http.MethodPost, path: createPath, admit: h.signed, serve: h.create, scope: muster.ScopeProvision, action: "create-batch"},
		{method: http.MethodGet, path: getPath, admit: h.signed, serve: h.get, scope: muster.ScopeRead},
		{method: http.MethodPost, path: Prefix + "/users/batchimport/preverify", admit: h.bearer, serve: h.preverify, scope: muster.ScopeProvision, shape: shapeDataLast},
		{method: http.MethodPost, path: Prefix + "/auth/login", admit: h.anybody, serve: h.login},
		{method: http.MethodPost, path: Prefix + "/auth/refreshToken", admit: h.anybody, serve: h.refresh},
		{method: http.MethodPost, path: Prefix + TokenPath, other: h.token},
		{method: http.MethodPost, path: TokenPath, other: h.token},
		{method: http.MethodPost, path: Prefix + "/departments", admit: h.bearer, serve: h.createDepartment, scope: muster.ScopeAdminister, action: "create-department"},
		{method: http.MethodGet, path: Prefix + "/departments/{id}", admit: h.bearer, serve: h.getDepartment, scope: muster.ScopeRead, shape: shapeTwice},
		{method: http.MethodPut, path: Prefix + "/departments/{id}", admit: h.bearer, serve: h.changeDepartment, scope: muster.ScopeAdminister, action: "change-department", target: "department"},
		{method: http.MethodDelete, path: Prefix + "/departments/{id}", admit: h.bearer, serve: h.deleteDepartment, scope: muster.ScopeAdminister, action: "delete-department", target: "department"},
		{method: http.MethodGet, path: Prefix + "/departmentList", admit: h.bearer, serve: h.listDepartments, scope: muster.ScopeRead, shape: shapeTwice},
		{method: http.MethodGet, path: Prefix + "/user/info", admit: h.bearer, serve: h.userInfo, scope: muster.ScopeRead},
		{method: http.MethodGet, path: Prefix + "/users/{id}", admit: h.bearer, serve: h.getUser, scope: muster.ScopeRead},
		{method: http.MethodPut, path: Prefix + "/users/{id}", admit: h.bearer, serve: h.changeUser, scope: muster.ScopeAdminister, action: "change-user", target: "user"},
		{method: http.MethodDelete, path: Prefix + "/users/{id}", admit: h.bearer, serve: h.deleteUser, scope: muster.ScopeAdminister, action: "delete-user", target: "user"},
		{method: http.MethodGet, path: Prefix + "/userList", admit: h.bearer, serve: h.listUsers, scope: muster.ScopeRead, shape: shapeTwice},
		{method: http.MethodGet, path: Prefix + "/service/quotaUsed", admit: h.bearer, serve: h.quotaUsed, scope: muster.ScopeRead},
	}
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	called := &request{trace: traceID(r, w.Header()), tongue: h.languages.of(r.Header)}
	w.Header().Set(traceHeader, called.trace)
	e, err := h.route(w, r, called)
	if err != nil {
		h.refuse(w, r, called, err)
		return
	}
	r.Pattern = e.method + " " + e.path
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case e.other != nil:
		e.other(w, r)
		return
	}
	err = e.admit(w, r, called)
	if err == nil && !called.Scopes.Has(e.scope) {
		err = lacks(e.scope)
	}
	ctx := r.Context()
	if err == nil && e.action != "" {
		ctx, err = h.recording(r, e, called)
	}
	var data []byte
	if err == nil {
		data, err = e.serve(ctx, called)
	}
	if err != nil {
		h.refuse(w, r, called, err)
		return
	}
	write(w, called.tongue, answers[e.shape.reply()], e.shape, data, "")
}

// recording gives the context of a call that changes something, which is recorded with the change.
func (h *Handler) recording(r *http.Request, e *endpoint, called *request) (context.Context, error) {
	record := muster.AuditRecord{Tenant: called.Tenant.ID, AppID: called.AppID, User: called.Actor.User, Action: e.action}
	if from := access.ClientAddress(r, h.TrustedProxies); from.IsValid() {
		record.From = from.String()
	}
	if e.target != "" {
		record.Target = e.target + " " + called.id
	}
	a, err := muster.NewAudit(h.IDs, record)
	if err != nil {
		return nil, err
	}
	return muster.WithAudit(r.Context(), a), nil
}

// lacks refuses a credential without the scope.
func lacks(scope muster.Scopes) error {
	return &muster.Error{Kind: muster.KindForbidden, Detail: fmt.Sprintf("This AppId lacks the scope %s.", strings.Join(scope.Names(), " "))}
}

// Busy answers a request that whoever stands before the Handler has no room for now.
func (h *Handler) Busy(w http.ResponseWriter, r *http.Request) {
	called := &request{trace: traceID(r, w.Header()), tongue: h.languages.of(r.Header)}
	w.Header().Set(traceHeader, called.trace)
	h.refuse(w, r, called, &refusal{reply: replyUnavailable, detail: "Too many are being received; try again.", after: time.Second})
}

// route finds the endpoint. A target that is malformed is refused as such whatever its path is.
func (h *Handler) route(w http.ResponseWriter, r *http.Request, to *request) (*endpoint, error) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	var found *endpoint
	var methods []string
	for i := range h.endpoints {
		e := &h.endpoints[i]
		id, ok := e.match(path)
		if !ok {
			continue
		}
		if r.Method == e.method || r.Method == http.MethodHead && e.method == http.MethodGet {
			to.id = id
			return e, nil
		}
		if found == nil {
			found = e
		}
		methods = append(methods, e.allow()...)
	}
	if found != nil {
		allow := strings.Join(append(methods, http.MethodOptions), ", ")
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			return found, nil
		}
		return nil, &refusal{reply: replyMethod, detail: "Accepted here: " + allow + "."}
	}
	if _, err := signature.ParseTarget(r.RequestURI); err != nil {
		return nil, &refusal{reply: replyBadRequest, detail: err.Error()}
	}
	return nil, &refusal{reply: replyNoPath}
}

// match reports whether the endpoint has the path, and what stands there in the place of {id}.
func (e *endpoint) match(path string) (id string, ok bool) {
	before, open := strings.CutSuffix(e.path, "{id}")
	if !open {
		return "", path == e.path
	}
	id, ok = strings.CutPrefix(path, before)
	return id, ok && id != "" && !strings.Contains(id, "/")
}

func (e *endpoint) allow() []string {
	if e.method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{e.method}
}
