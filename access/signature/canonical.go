package signature

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// field is one signed header: its lower-case name and its trimmed value.
type field struct {
	name, value string
}

// message is what the canonical forms of one request have in common.
type message struct {
	method string
	query  string // canonical
	fields []field
}

// form is how the client may have seen what a proxy can change on the way. host is "" where it was not signed.
type form struct {
	host, path string
}

// collect looks up the signed headers. A header that is missing or occurs twice can't have been signed in one way
// only, so both are refused with status 401.
func collect(names []string, host string, header http.Header) ([]field, error) {
	fields := make([]field, 0, len(names))
	size := 0
	for _, name := range names {
		values := header.Values(name)
		if name == "host" && host != "" {
			// net/http keeps Host out of the header map.
			values = []string{host}
		}
		switch {
		case len(values) == 0:
			return nil, unauthorized("SignedHeaders names %s, which the request does not have.", name)
		case len(values) > 1:
			return nil, unauthorized("The signed header %s occurs more than once; send it once.", name)
		case strings.ContainsAny(values[0], "\r\n\x00"):
			// net/http lets none through; from elsewhere a line break would forge further header lines.
			return nil, unauthorized("The signed header %s holds a line break or a zero byte.", name)
		}
		value := strings.Trim(values[0], " \t")
		if size += len(name) + len(value); size > MaxSignedBytes {
			return nil, unauthorized("The signed headers are longer than %d bytes together.", MaxSignedBytes)
		}
		fields = append(fields, field{name: name, value: value})
	}
	return fields, nil
}

// canonicalRequest is the CanonicalRequest of contract section 4 for one form. bodyHash is lower-case hex.
func (m message) canonicalRequest(f form, bodyHash string) []byte {
	b := make([]byte, 0, 512)
	b = append(b, m.method...)
	b = append(b, '\n')
	b = append(b, f.path...)
	b = append(b, '\n')
	b = append(b, m.query...)
	b = append(b, '\n')
	for _, h := range m.fields {
		b = append(b, h.name...)
		b = append(b, ':')
		if h.name == "host" {
			b = append(b, f.host...)
		} else {
			b = append(b, h.value...)
		}
		b = append(b, '\n')
	}
	for i, h := range m.fields {
		if i == 0 {
			b = append(b, '\n')
		} else {
			b = append(b, ';')
		}
		b = append(b, h.name...)
	}
	b = append(b, '\n')
	return append(b, bodyHash...)
}

// value is that of a signed header, or "".
func (m message) value(name string) (value string, signed bool) {
	for _, h := range m.fields {
		if strings.EqualFold(h.name, name) {
			return h.value, true
		}
	}
	return "", false
}

// stringToSign is the StringToSign of contract section 4; date is used by the SDK scheme alone.
func stringToSign(scheme Scheme, date string, canonicalRequest []byte) string {
	sum := sha256.Sum256(canonicalRequest)
	lines := string(scheme) + "\n"
	if scheme == SchemeSDK {
		lines += date + "\n"
	}
	return lines + hex.EncodeToString(sum[:])
}

// claimedHash returns the body hash that an SDK request announces, or "". The scheme lets a client announce instead of
// the hash that the body is not signed; the contract does not.
func claimedHash(scheme Scheme, header http.Header) (string, error) {
	values := header.Values(contentHashHeader)
	if scheme != SchemeSDK || len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !isLowerHex(values[0], sha256.Size) {
		return "", unauthorized("%s must occur once and be the body's SHA-256 in lower-case hexadecimal; an unsigned body is not accepted.", contentHashHeader)
	}
	return values[0], nil
}
