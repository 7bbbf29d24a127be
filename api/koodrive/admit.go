package koodrive

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"muster"
	"muster/access"
	"muster/access/signature"
)

// signed admits who signed the request (KooDrive contract, section 4). It reads the body between the two halves of the
// check, so that what can be refused without it is.
func (h *Handler) signed(w http.ResponseWriter, r *http.Request, to *request) error {
	to.challenge = signatureChallenge
	pending, err := h.Verifier.Begin(r)
	if err != nil {
		var refused *muster.Error
		if errors.As(err, &refused) && refused.Kind == muster.KindInvalid {
			return &refusal{reply: replyBadRequest, detail: refused.Detail}
		}
		return err
	}
	if to.body, err = readBody(w, r, h.MaxBody); err != nil {
		return err
	}
	if to.signed, err = pending.Verify(r.Context(), to.body); err != nil {
		return err
	}
	to.Tenant, to.Actor, to.query = to.signed.Tenant, muster.Actor{User: to.signed.User, Level: to.signed.Level}, to.signed.Query
	to.AppID, to.Scopes = to.signed.AppID, to.signed.Scopes
	return nil
}

// bearer admits who holds an access token, a user's or an application's (KooDrive contract, section 3). Nobody else gets his
// body read.
func (h *Handler) bearer(w http.ResponseWriter, r *http.Request, to *request) error {
	to.challenge = bearerChallenge
	target, err := signature.ParseTarget(r.RequestURI)
	if err != nil {
		return &refusal{reply: replyBadRequest, detail: err.Error()}
	}
	token, err := bearerToken(r.Header)
	if err != nil {
		return err
	}
	principal, err := h.Sessions.Authenticate(r.Context(), access.HintOf(r, h.TrustedProxies), token)
	if err != nil {
		return err
	}
	to.Tenant, to.Actor, to.Scopes, to.query = principal.Tenant, principal.Actor, principal.Scopes, target.Query
	to.AppID = principal.AppID
	to.body, err = readBody(w, r, h.MaxBody)
	return err
}

// maxToken bounds a token, in bytes: ours have 48 characters at most.
const maxToken = 256

// bearerToken reads the token that a request brings: "Bearer token" (RFC 6750, section 2.1), "Bearer+token" as the
// contract's document writes it, or "AT token" and "AT+token", as it stands in the answer of a sign-in, which may also be
// written behind Bearer as a whole.
func bearerToken(header http.Header) (string, error) {
	values := header.Values("Authorization")
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", unauthenticated("Authorization is missing.")
	case len(values) > 1:
		return "", unauthenticated("Authorization occurs more than once; send it once.")
	}
	token, ok := cutScheme(values[0], "Bearer")
	if !ok {
		token = values[0]
	}
	bare, marked := cutScheme(token, accessMark)
	if marked {
		token = bare
	}
	if !ok && !marked || token == "" || len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", unauthenticated("Authorization must be Bearer, a space or a plus, and an access token; or the accessToken that a sign-in answered, as it is.")
	}
	return token, nil
}

// cutScheme takes a scheme and what stands between it and the token off. Its letter case does not count (RFC 9110, section
// 11.1).
func cutScheme(value, scheme string) (token string, ok bool) {
	if len(value) <= len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", false
	}
	switch rest := value[len(scheme):]; rest[0] {
	case '+':
		return rest[1:], true
	case ' ':
		return strings.TrimLeft(rest, " "), true
	default:
		return "", false
	}
}

func unauthenticated(detail string) error {
	return &muster.Error{Kind: muster.KindUnauthenticated, Detail: detail}
}

// What every 401 has to name: the schemes that are accepted (RFC 9110, section 11.6.1).
const (
	signatureChallenge = string(signature.SchemeApp + ", " + signature.SchemeSDK)
	bearerChallenge    = "Bearer"
)

// visit is a call of somebody who has not shown yet who he is.
type visit struct {
	hint    access.TenantHint
	address netip.Addr
	began   time.Time
}

// anybody admits everybody.
func (h *Handler) anybody(w http.ResponseWriter, r *http.Request, to *request) error {
	to.challenge = bearerChallenge
	to.called = &visit{
		hint: access.HintOf(r, h.TrustedProxies), address: access.ClientAddress(r, h.TrustedProxies), began: h.Sessions.Now(),
	}
	if _, err := signature.ParseTarget(r.RequestURI); err != nil {
		return &refusal{reply: replyBadRequest, detail: err.Error()}
	}
	var err error
	to.body, err = readBody(w, r, min(h.MaxBody, maxSmallBody))
	return err
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
