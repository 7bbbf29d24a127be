package koodrive

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"muster"
	"muster/access"
)

// The error codes of a token endpoint (RFC 6749, sections 5.2 and, for trouble of ours, 4.1.2.1).
const (
	oauthInvalidRequest   = "invalid_request"
	oauthInvalidClient    = "invalid_client"
	oauthInvalidScope     = "invalid_scope"
	oauthUnsupportedGrant = "unsupported_grant_type"
	oauthUnavailable      = "temporarily_unavailable"
	oauthServerError      = "server_error"
)

// oauthError is a refusal by the token endpoint. The description is ASCII, as it has to be.
type oauthError struct {
	status            int
	code, description string
	after             time.Duration // when to try again; of status 429 and 503
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func badGrant(code, description string) *oauthError {
	return &oauthError{status: http.StatusBadRequest, code: code, description: description}
}

// token is the token endpoint of OAuth 2.0, for the client credentials grant alone (RFC 6749, section 4.4): a key pair's id
// and secret are the client's. Its answers are those of the RFC, in English, and none of the contract's envelope.
func (h *Handler) token(w http.ResponseWriter, r *http.Request) {
	issued, err := h.grant(w, r)
	w.Header().Set("Pragma", "no-cache") // RFC 6749, section 5.1
	if err != nil {
		h.refuseGrant(w, r, err)
		return
	}
	var o object
	o.text("access_token", issued.Token)
	o.text("token_type", "Bearer")
	o.number("expires_in", int64(issued.ExpiresAt.Sub(issued.IssuedAt)/time.Second))
	writeJSON(w, http.StatusOK, o.end())
}

func (h *Handler) grant(w http.ResponseWriter, r *http.Request) (*access.IssuedToken, error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return nil, badGrant(oauthInvalidRequest, "Parameters belong into the body, not into the query.")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, badGrant(oauthInvalidRequest, "The Content-Type must be application/x-www-form-urlencoded.")
	}
	body, err := readBody(w, r, min(h.MaxBody, maxSmallBody))
	if err != nil {
		return nil, err
	}
	form, err := parseForm(body)
	if err != nil {
		return nil, err
	}
	if err := form.check(); err != nil {
		return nil, err
	}
	id, secret, err := form.client(r)
	if err != nil {
		return nil, err
	}
	issued, err := h.Tokens.Issue(r.Context(), access.TokenRequest{
		AppID: id, Secret: secret, Life: access.SessionLife, Address: access.ClientAddress(r, h.TrustedProxies),
	})
	if err != nil {
		return nil, err
	}
	return &issued, nil
}

// grantForm are the parameters of a request for a token, each there once.
type grantForm map[string]string

func parseForm(body []byte) (grantForm, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil || !utf8.Valid(body) {
		return nil, badGrant(oauthInvalidRequest, "The body is not application/x-www-form-urlencoded in UTF-8.")
	}
	form := make(grantForm, len(values))
	for name, all := range values {
		if len(all) > 1 {
			return nil, badGrant(oauthInvalidRequest, "A parameter occurs more than once.")
		}
		if all[0] != "" { // without a value it counts as omitted (RFC 6749, section 3.2)
			form[name] = all[0]
		}
	}
	return form, nil
}

func (f grantForm) check() error {
	switch f["grant_type"] {
	case "client_credentials":
	case "":
		return badGrant(oauthInvalidRequest, "grant_type is missing: client_credentials is accepted.")
	default:
		return badGrant(oauthUnsupportedGrant, "client_credentials is the one grant_type accepted.")
	}
	if f["scope"] != "" {
		return badGrant(oauthInvalidScope, "There are no scopes here: leave scope out.")
	}
	return nil
}

// client reads who asks, from the header (client_secret_basic) or the body (client_secret_post), and not from both (RFC 6749,
// section 2.3).
func (f grantForm) client(r *http.Request) (id, secret string, err error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		if f["client_id"] == "" || f["client_secret"] == "" {
			return "", "", noClient()
		}
		return f["client_id"], f["client_secret"], nil
	}
	if f["client_secret"] != "" {
		return "", "", badGrant(oauthInvalidRequest, "The client proves itself twice: by Authorization and by client_secret. Use one.")
	}
	name, password, ok := r.BasicAuth()
	if !ok || len(values) > 1 {
		return "", "", noClient()
	}
	id, badID := url.QueryUnescape(name)
	secret, badSecret := url.QueryUnescape(password)
	switch {
	case badID != nil || badSecret != nil || id == "" || secret == "":
		return "", "", noClient()
	case f["client_id"] != "" && f["client_id"] != id:
		return "", "", badGrant(oauthInvalidRequest, "client_id is not the one in Authorization.")
	}
	return id, secret, nil
}

func noClient() *oauthError {
	return &oauthError{
		status: http.StatusUnauthorized, code: oauthInvalidClient,
		description: "The client must prove itself by Authorization: Basic, or by client_id and client_secret in the body.",
	}
}

// refuseGrant writes the answer to a request for a token that failed, and logs the cause if it is none of the caller's doing.
func (h *Handler) refuseGrant(w http.ResponseWriter, r *http.Request, err error) {
	e := grantError(err)
	if e.status >= http.StatusInternalServerError && r.Context().Err() == nil {
		h.Logger.LogAttrs(r.Context(), slog.LevelError, "a request failed",
			slog.String("trace", w.Header().Get(traceHeader)), slog.String("route", r.Pattern), slog.Any("error", err))
	}
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="muster", charset="UTF-8"`)
	}
	if e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter(e.after))
	}
	var o object
	o.text("error", e.code)
	if e.description != "" {
		o.text("error_description", strings.NewReplacer(`"`, `'`, `\`, `/`).Replace(e.description))
	}
	writeJSON(w, e.status, o.end())
}

// grantError gives an error the code and status that it is answered with.
func grantError(err error) *oauthError {
	var own *oauthError
	var here *refusal
	var domain *muster.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &here):
		return &oauthError{status: answers[here.reply].status, code: oauthInvalidRequest, description: here.detail}
	case errors.As(err, &domain):
		switch domain.Kind {
		case muster.KindUnauthenticated:
			return &oauthError{status: http.StatusUnauthorized, code: oauthInvalidClient, description: domain.Detail}
		case muster.KindOverloaded:
			return &oauthError{
				status: http.StatusTooManyRequests, code: oauthUnavailable, description: domain.Detail, after: domain.RetryAfter,
			}
		case muster.KindUnavailable:
			return &oauthError{status: http.StatusServiceUnavailable, code: oauthUnavailable, after: domain.RetryAfter}
		default: // nothing else that a client could mend is said of a key pair
		}
	}
	return &oauthError{status: http.StatusInternalServerError, code: oauthServerError}
}
