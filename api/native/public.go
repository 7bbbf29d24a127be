package native

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/access"
	"muster/access/signature"
)

// Authentication finds out who calls the API from elsewhere.
type Authentication struct {
	Verifier *access.Verifier // whose policy has UserOptional: who holds a key pair may act for no user
	Sessions *access.Sessions
	// TrustedProxies are whose X-Forwarded-For and X-Forwarded-Host count; nil is nobody's.
	TrustedProxies []netip.Prefix
}

// challenge is what a 401 has to name: the schemes that are accepted (RFC 9110, section 11.6.1).
const challenge = string(signature.SchemeApp + ", " + signature.SchemeSDK + ", Bearer")

// admit lets a request in that says who calls, and that he may have the operation done: an application by its signature, and
// both it and a user by an access token. The request that it gives has the caller in its context, his tenant in the place of
// the path's, and a body that was proved along with it, or is while it is read (see [bodyHeld]).
func (a *public) admit(op *huma.Operation, w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	token, isBearer, err := bearerToken(r.Header)
	if err != nil {
		return nil, err
	}
	var who *access.Principal
	body := &body{rest: r.Body}
	if isBearer {
		who, err = a.Sessions.Authenticate(r.Context(), access.HintOf(r, a.TrustedProxies), token)
	} else {
		who, err = a.signed(op, w, r, body)
	}
	if err != nil {
		return nil, err
	}
	caller := &Caller{Actor: who.Actor, AppID: who.AppID, Scopes: who.Scopes & who.Actor.Level.Scopes()}
	if from := access.ClientAddress(r, a.TrustedProxies); from.IsValid() {
		caller.From = from.String()
	}
	if err := mayCall(op, caller); err != nil {
		return nil, err
	}
	r = r.WithContext(context.WithValue(withCaller(r.Context(), caller), bodyKey{}, body))
	r.Body = body
	r.SetPathValue("tenant", who.Tenant.ID.String())
	return r, nil
}

// signed proves a request. The body is read before, but for one that streams: whose it is has to be known before a gigabyte of it
// is taken in, and so the request announces the hash of it.
func (a *public) signed(op *huma.Operation, w http.ResponseWriter, r *http.Request, b *body) (*access.Principal, error) {
	pending, err := a.Verifier.Begin(r)
	if err != nil {
		return nil, err
	}
	if op.Metadata[metaStreams] == true {
		announced, ok := pending.Announced()
		if !ok {
			return nil, &muster.Error{
				Kind: muster.KindUnauthenticated, Field: "X-Sdk-Content-Sha256",
				Detail: "X-Sdk-Content-Sha256 must be the SHA-256 of the file in lower-case hexadecimal, whichever the scheme of the signature: it is read as it comes.",
			}
		}
		b.announced, b.hash = &announced, sha256.New()
		return pending.Identify(r.Context(), announced)
	}
	text, err := readBody(w, r, op.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	b.rest = io.NopCloser(bytes.NewReader(text))
	return pending.Identify(r.Context(), sha256.Sum256(text))
}

// errBody is a body beyond what the operation takes.
var errBody = huma.NewError(http.StatusRequestEntityTooLarge, "The body is too large.")

func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, errBody
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, errBody
	case err != nil:
		return nil, &muster.Error{Kind: muster.KindInvalid, Field: "body", Detail: "The body broke off before its end."}
	default:
		return text, nil
	}
}

// maxToken bounds a token, in bytes: ours have 48 characters at most.
const maxToken = 256

// bearerToken reads the token that a request brings (RFC 6750, section 2.1), if it brings one.
func bearerToken(header http.Header) (token string, ok bool, err error) {
	values := header.Values("Authorization")
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", false, unauthenticated("Authorization is missing: a signature by " + string(signature.SchemeApp) + " or " +
			string(signature.SchemeSDK) + " is accepted, and Bearer with an access token.")
	case len(values) > 1:
		return "", false, unauthenticated("Authorization occurs more than once; send it once.")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false, nil
	}
	token = strings.Trim(token, " ")
	if token == "" || len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", false, unauthenticated("Authorization must be Bearer, a space and an access token.")
	}
	return token, true, nil
}

func unauthenticated(detail string) error {
	return &muster.Error{Kind: muster.KindUnauthenticated, Detail: detail}
}

// roomOfJSON is how many times its size a body of JSON takes while it is checked.
const roomOfJSON = 4

// Room is how many bytes of memory a request may take for its body, for who bounds that of all together.
func Room(r *http.Request) int64 {
	const piece = 1 << 20 // of what streams
	size := r.ContentLength
	if size < 0 || size > MaxBatchBody { // sent in pieces, or too large to be read
		size = MaxBatchBody
	}
	if strings.HasSuffix(r.URL.Path, "/batches/upload") {
		return min(size, piece)
	}
	return roomOfJSON * size
}

// Busy answers a request that whoever stands before the handler has no room for now.
func Busy(w http.ResponseWriter, _ *http.Request) {
	const text = `{"title":"Service Unavailable","status":503,"detail":"The request cannot be taken now. Too many are being received; try again."}`
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, text) // who does not get the answer asks again
}
