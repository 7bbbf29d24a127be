package signature

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// authorization is the Authorization header taken apart.
type authorization struct {
	scheme    Scheme
	appID     string
	names     []string // of the signed headers: lower case, sorted, each once
	signature [sha256.Size]byte
}

// render gives the header in the form that the contract shows for the scheme.
func (a authorization) render() string {
	separator := ","
	if a.scheme == SchemeSDK {
		separator = ", "
	}
	return string(a.scheme) + " " + a.scheme.idPart() + "=" + a.appID +
		separator + "SignedHeaders=" + strings.Join(a.names, ";") +
		separator + "Signature=" + hex.EncodeToString(a.signature[:])
}

func authorizationOf(header http.Header) (authorization, error) {
	switch values := header.Values("Authorization"); len(values) {
	case 0:
		return authorization{}, unauthorized("Authorization is missing.")
	case 1:
		return parseAuthorization(values[0])
	default:
		return authorization{}, unauthorized("Authorization occurs more than once; send it once.")
	}
}

// parseAuthorization reads "<scheme> <id>=...,SignedHeaders=...,Signature=...": the three parts in any order, each
// once, optional white space around the commas.
func parseAuthorization(value string) (authorization, error) {
	var a authorization
	if len(value) > MaxAuthorization {
		return a, unauthorized("Authorization is longer than %d bytes.", MaxAuthorization)
	}
	name, rest, _ := strings.Cut(strings.Trim(value, " \t"), " ")
	a.scheme = Scheme(name)
	if a.scheme != SchemeApp && a.scheme != SchemeSDK {
		return a, unauthorized("Authorization must begin with %s or %s.", SchemeApp, SchemeSDK)
	}
	parts, err := splitParts(a.scheme, rest)
	if err != nil {
		return a, err
	}
	a.appID = parts[0]
	if !validAppID(a.appID) {
		return a, unauthorized("%s in Authorization must be 1 to %d visible ASCII characters.", a.scheme.idPart(), MaxAppID)
	}
	if a.names, err = parseNames(parts[1]); err != nil {
		return a, err
	}
	if !isLowerHex(parts[2], len(a.signature)) {
		return a, unauthorized("Signature in Authorization must be %d lower-case hexadecimal digits.", 2*len(a.signature))
	}
	_, err = hex.Decode(a.signature[:], []byte(parts[2]))
	return a, err
}

// splitParts returns the values of the id, SignedHeaders and Signature.
func splitParts(scheme Scheme, s string) (values [3]string, err error) {
	wanted := [3]string{scheme.idPart(), "SignedHeaders", "Signature"}
	var seen [3]bool
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(strings.Trim(part, " \t"), "=")
		i := slices.Index(wanted[:], name)
		if i < 0 {
			return values, unauthorized("Authorization must be made of %s, %s and %s, and nothing else.", wanted[0], wanted[1], wanted[2])
		}
		if seen[i] {
			return values, unauthorized("%s occurs more than once in Authorization.", name)
		}
		values[i], seen[i] = value, true
	}
	if i := slices.Index(seen[:], false); i >= 0 {
		return values, unauthorized("%s is missing in Authorization.", wanted[i])
	}
	return values, nil
}

// parseNames reads the list of signed headers, which a client may send in any case and order, into the one form that
// is signed.
func parseNames(list string) ([]string, error) {
	names := strings.Split(list, ";")
	if len(names) > MaxSignedHeaders {
		return nil, unauthorized("SignedHeaders names more than %d headers.", MaxSignedHeaders)
	}
	for i, name := range names {
		if !isToken(name) {
			return nil, unauthorized("SignedHeaders must be header names joined by semicolons.")
		}
		names[i] = strings.ToLower(name)
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		return nil, unauthorized("SignedHeaders names a header more than once.")
	}
	return names, nil
}

func validAppID(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ',' {
			return false
		}
	}
	return s != "" && len(s) <= MaxAppID
}

// isLowerHex reports whether s is n bytes in lower-case hexadecimal.
func isLowerHex(s string, n int) bool {
	return len(s) == 2*n && strings.Trim(s, "0123456789abcdef") == ""
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2, as methods and header names are.
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}
