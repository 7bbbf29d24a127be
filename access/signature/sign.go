package signature

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Signer signs requests for one credential. It may be used by several goroutines at once.
type Signer struct {
	Scheme  Scheme // zero: SchemeApp
	AppID   string
	Secret  []byte   `json:"-"`
	UserID  string   // sent and signed as X-User-Id; "" for none, which only a policy with UserOptional admits
	Headers []string // further headers to sign, in any case; the request must have each of them once
}

// Sign sets the scheme's date header, X-User-Id and Authorization, for the body that will be sent and the time now. It
// changes nothing but the headers, and those only where it succeeds. The query is signed as it stands in req.URL,
// where "+" is a plus: write a space as %20, which url.Values.Encode doesn't do. What Verify would refuse as
// malformed is an error here too.
func (s Signer) Sign(req *http.Request, body []byte, now time.Time) error {
	return s.SignSum(req, sha256.Sum256(body), now)
}

// SignSum is Sign for a body of which the caller has the SHA-256 alone, such as a file too large for memory.
func (s Signer) SignSum(req *http.Request, body [sha256.Size]byte, now time.Time) error {
	header := req.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	auth, err := s.sign(req, header, body, now)
	if err != nil {
		return fmt.Errorf("signature: signing the request: %w", err)
	}
	header.Set("Authorization", auth)
	req.Header = header
	return nil
}

func (s Signer) sign(req *http.Request, header http.Header, body [sha256.Size]byte, now time.Time) (string, error) {
	if len(s.Secret) == 0 {
		return "", errors.New("the secret is empty")
	}
	date := now.UTC().Format(dateLayout)
	auth, canonical, err := s.canonical(req, header, body, date)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, s.Secret)
	auth.signature = [sha256.Size]byte(sum(mac, stringToSign(auth.scheme, date, canonical)))
	value := auth.render()
	_, err = parseAuthorization(value)
	return value, err
}

// canonical sets the headers that a signature needs and returns the canonical request and all of the Authorization
// but the signature.
func (s Signer) canonical(req *http.Request, header http.Header, body [sha256.Size]byte, date string) (authorization, []byte, error) {
	auth := authorization{scheme: cmp.Or(s.Scheme, SchemeApp), appID: s.AppID}
	m := message{method: cmp.Or(req.Method, http.MethodGet)}
	if !isToken(m.method) {
		return auth, nil, errors.New("the method is not a token")
	}
	target, err := ParseTarget(req.URL.RequestURI())
	if err != nil {
		return auth, nil, err
	}
	m.query = target.Query.encode()
	f := form{host: cmp.Or(req.Host, req.URL.Host), path: target.Path}

	header.Set(auth.scheme.dateHeader(), date)
	names := append([]string{"host", auth.scheme.dateHeader()}, s.Headers...)
	if s.UserID != "" {
		header.Set(userHeader, s.UserID)
		names = append(names, userHeader)
	}
	if auth.names, err = parseNames(strings.Join(names, ";")); err != nil {
		return auth, nil, err
	}
	if m.fields, err = collect(auth.names, f.host, header); err != nil {
		return auth, nil, err
	}
	bodyHash := hex.EncodeToString(body[:])
	claimed, err := claimedHash(auth.scheme, header)
	if err != nil {
		return auth, nil, err
	}
	if claimed != "" && claimed != bodyHash {
		return auth, nil, fmt.Errorf("%s is not the hash of the body", contentHashHeader)
	}
	return auth, m.canonicalRequest(f, bodyHash), nil
}

// sum is the HMAC of text under the key that mac was made with.
func sum(mac hash.Hash, text string) []byte {
	mac.Reset()
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// String leaves the secret out, so that no format or log shows it.
func (s Signer) String() string {
	return fmt.Sprintf("%s signer of AppId %q", cmp.Or(s.Scheme, SchemeApp), s.AppID)
}

// GoString leaves the secret out.
func (s Signer) GoString() string { return s.String() }

// LogValue leaves the secret out.
func (s Signer) LogValue() slog.Value { return slog.StringValue(s.String()) }
