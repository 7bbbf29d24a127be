// Package signature makes and verifies the two HMAC request signatures of the KooDrive contract (section 4):
// HMAC-SHA256, the application scheme, and SDK-HMAC-SHA256, the vendor's generic gateway scheme.
//
// It is pure: it reads no clock, no body and no store. A server verifies in phases, so that all that can be refused
// cheaply is refused before the body is read:
//
//	signed, err := policy.Parse(r)                                   // target, Authorization, signed headers
//	err = signed.CheckDate(now, signature.MaxAge, signature.Leeway)  // clock
//	secrets := ...                                                   // of signed.AppID; none where unknown or disabled
//	body := ...                                                      // bounded by the caller
//	print, err := signed.Verify(sha256.Sum256(body), secrets...)     // the same work with and without secrets
//
// Every refusal is an *Error whose text may be sent to the client as it is. A client signs with Signer.
package signature

import (
	"fmt"
	"net/http"
	"time"
)

// Limits on what a request may ask to be looked at. They bound the work that an unauthenticated caller can cause: each
// form of the request that Verify tries hashes at most MaxTarget + MaxSignedBytes, and a bit more.
const (
	MaxTarget        = 8192  // bytes of the request target; RFC 9110 section 4.1 asks for at least 8000
	MaxAuthorization = 4096  // bytes of the Authorization header's value
	MaxAppID         = 128   // bytes of an AppId or access key
	MaxSignedHeaders = 32    // names in SignedHeaders
	MaxSignedBytes   = 16384 // bytes of names and values of the signed headers together
	MaxAuthorities   = 8     // public URLs of one installation
)

// Defaults of the clock rule (contract section 4): a date is at most MaxAge old, and at most Leeway in the future.
const (
	MaxAge = 15 * time.Minute
	Leeway = 5 * time.Second
)

// MaxSecrets is how many secrets of one credential may be live at once: two, while one replaces the other.
const MaxSecrets = 2

// Scheme is a signature scheme, under the name that begins the Authorization header and the string to sign.
type Scheme string

// The schemes of contract section 4.
const (
	SchemeApp Scheme = "HMAC-SHA256"
	SchemeSDK Scheme = "SDK-HMAC-SHA256"
)

// idPart is the name of the Authorization part that carries the AppId.
func (s Scheme) idPart() string {
	if s == SchemeSDK {
		return "Access"
	}
	return "AppId"
}

// dateHeader is the header that the scheme takes the date from; the other scheme's is ignored.
func (s Scheme) dateHeader() string {
	if s == SchemeSDK {
		return "X-Sdk-Date"
	}
	return "X-Date"
}

const (
	userHeader        = "X-User-Id"
	contentHashHeader = "X-Sdk-Content-Sha256"
	dateLayout        = "20060102T150405Z"
)

// Error is a refusal. Reason is a sentence for the client: it names what helps an honest one, and holds no secret and
// nothing that the request did not carry, the server's clock apart.
type Error struct {
	Status int // 400 for a malformed target, else 401
	Reason string
}

func (e *Error) Error() string { return e.Reason }

// ErrMismatch is the one answer to a wrong signature, an unknown AppId and a disabled one (contract section 4).
var ErrMismatch = &Error{Status: http.StatusUnauthorized, Reason: "The AppId or the signature is wrong."}

func malformed(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, args...)}
}

func unauthorized(format string, args ...any) *Error {
	return &Error{Status: http.StatusUnauthorized, Reason: fmt.Sprintf(format, args...)}
}
