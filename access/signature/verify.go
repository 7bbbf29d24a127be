package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/netip"
	"time"
)

// Policy is what an installation knows about the way its clients reach it. The zero value serves clients that reach it
// directly.
type Policy struct {
	// Authorities are the public addresses beside the received Host that a client may have signed.
	Authorities []Authority
	// TrustedProxies are the peers whose X-Forwarded-Host and X-Forwarded-Proto count.
	TrustedProxies []netip.Prefix
	// UserOptional admits requests that don't sign X-User-Id, which the contract's profile wants and the vendor's
	// published example does not do.
	UserOptional bool
}

// Signed is a request whose target, Authorization and signed headers are well-formed. Nothing in it is proven before
// Verify.
type Signed struct {
	Scheme Scheme
	AppID  string    // 1 to MaxAppID visible ASCII characters
	UserID string    // the signed X-User-Id; "" only where the policy has UserOptional
	Date   time.Time // UTC, of the scheme's date header
	Target Target

	message   message
	announced string // X-Sdk-Content-Sha256, if it occurs once
	forms     []form
	date      string
	bodyHash  string // as X-Sdk-Content-Sha256 announces it, or ""
	signature [sha256.Size]byte
}

// Parse checks a request's target, its Authorization and that the signed headers are there, once each, and among them
// the scheme's date and X-User-Id. It reads Method, RequestURI, Host, Header, RemoteAddr and TLS, never the body. An
// error is an *Error: of status 400 for the target and the method, 401 for the rest.
func (p Policy) Parse(r *http.Request) (*Signed, error) {
	target, err := ParseTarget(r.RequestURI)
	if err != nil {
		return nil, err
	}
	if !isToken(r.Method) {
		return nil, malformed("The request method is not a token.")
	}
	auth, err := authorizationOf(r.Header)
	if err != nil {
		return nil, err
	}
	fields, err := collect(auth.names, r.Host, r.Header)
	if err != nil {
		return nil, err
	}
	s := &Signed{
		Scheme:    auth.scheme,
		AppID:     auth.appID,
		Target:    target,
		message:   message{method: r.Method, query: target.Query.encode(), fields: fields},
		signature: auth.signature,
	}
	if s.date, err = s.required(r.Header, s.Scheme.dateHeader()); err != nil {
		return nil, err
	}
	if s.Date, err = parseDate(s.Scheme.dateHeader(), s.date); err != nil {
		return nil, err
	}
	if s.UserID, err = s.required(r.Header, userHeader); err != nil && !p.UserOptional {
		return nil, err
	}
	if s.bodyHash, err = claimedHash(s.Scheme, r.Header); err != nil {
		return nil, err
	}
	if values := r.Header.Values(contentHashHeader); len(values) == 1 {
		s.announced = values[0]
	}
	_, hostSigned := s.message.value("host")
	s.forms = p.forms(r, target.Path, hostSigned)
	return s, nil
}

// required returns the value of a header that must be signed and not empty.
func (s *Signed) required(header http.Header, name string) (string, error) {
	value, signed := s.message.value(name)
	switch {
	case value != "":
		return value, nil
	case signed || len(header.Values(name)) == 0:
		return "", unauthorized("%s is missing.", name)
	default:
		return "", unauthorized("SignedHeaders must name %s.", name)
	}
}

func parseDate(header, value string) (time.Time, error) {
	date, err := time.Parse(dateLayout, value)
	// time.Parse takes fractions of a second that the layout doesn't have.
	if err != nil || len(value) != len(dateLayout) {
		return time.Time{}, unauthorized("%s must be UTC in the form yyyyMMdd'T'HHmmss'Z', such as %s.", header, dateLayout)
	}
	return date, nil
}

// CheckDate holds the request's date against the clock: at most maxAge old and at most leeway in the future. An error
// is an *Error with status 401 that names the skew.
func (s *Signed) CheckDate(now time.Time, maxAge, leeway time.Duration) error {
	clock := now.UTC().Format(dateLayout)
	// Instants are compared, not their distance: time.Time.Sub saturates at 292 years, and a date can say 9999.
	switch {
	case s.Date.Before(now.Add(-maxAge)):
		return unauthorized("%s is more than %s old; the server's clock says %s.", s.Scheme.dateHeader(), maxAge, clock)
	case s.Date.After(now.Add(leeway)):
		return unauthorized("%s is in the future; the server's clock says %s.", s.Scheme.dateHeader(), clock)
	}
	return nil
}

// Announced is the SHA-256 that the request announces its body to have, by X-Sdk-Content-Sha256 in lower-case hexadecimal. The
// header is of one scheme and understood with both. Nothing shows that the body has it but reading the body.
func (s *Signed) Announced() (body [sha256.Size]byte, ok bool) {
	if !isLowerHex(s.announced, sha256.Size) {
		return body, false
	}
	_, err := hex.Decode(body[:], []byte(s.announced))
	return body, err == nil
}

// Verify proves the request against the SHA-256 of its real body and the live secrets of its AppID, none where the
// AppID is unknown or disabled. It fails with ErrMismatch, and before that where the body is not the one that
// X-Sdk-Content-Sha256 announces, which says nothing about the AppID.
//
// However many of the at most MaxSecrets there are, whichever matches and whatever form of the request was signed, the
// same number of HMACs is computed and compared in constant time. (A secret over 64 bytes, which only a brought-along
// one can be, costs one or two more SHA-256 blocks.)
//
// The fingerprint is AppID and StringToSign: equal for two requests exactly if they are the same request signed for
// the same credential, also where different proxies passed them on. It is not secret, but is guessable from the
// request: store it under a keyed hash.
func (s *Signed) Verify(body [sha256.Size]byte, secrets ...[]byte) (fingerprint string, err error) {
	bodyHash := hex.EncodeToString(body[:])
	if s.bodyHash != "" && s.bodyHash != bodyHash {
		return "", unauthorized("%s is not the hash of the body.", contentHashHeader)
	}
	texts := make([]string, len(s.forms))
	for i, f := range s.forms {
		texts[i] = stringToSign(s.Scheme, s.date, s.message.canonicalRequest(f, bodyHash))
	}
	matched, at := 0, 0
	for i := range max(MaxSecrets, len(secrets)) {
		secret, live := make([]byte, sha256.Size), 0
		if i < len(secrets) && len(secrets[i]) > 0 {
			secret, live = secrets[i], 1
		}
		mac := hmac.New(sha256.New, secret)
		for j, text := range texts {
			equal := live & subtle.ConstantTimeCompare(sum(mac, text), s.signature[:])
			matched |= equal
			at = subtle.ConstantTimeSelect(equal, j, at)
		}
	}
	if matched == 0 {
		return "", ErrMismatch
	}
	return s.AppID + "\n" + texts[at], nil
}
