package password

import (
	"crypto/sha1" //nolint:gosec // not for new hashes
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
	"slices"
	"strings"
)

// ldapScheme is a scheme of the attribute userPassword (RFC 2307, section 5.3, and what OpenLDAP added).
type ldapScheme struct {
	name   string
	new    func() hash.Hash
	size   int
	salted bool
}

var ldapSchemes = [...]ldapScheme{
	{"SHA", sha1.New, sha1.Size, false},
	{"SSHA", sha1.New, sha1.Size, true},
	{"SHA256", sha256.New, sha256.Size, false},
	{"SSHA256", sha256.New, sha256.Size, true},
	{"SHA384", sha512.New384, sha512.Size384, false},
	{"SSHA384", sha512.New384, sha512.Size384, true},
	{"SHA512", sha512.New, sha512.Size, false},
	{"SSHA512", sha512.New, sha512.Size, true},
}

// ldapHash is SHA-1 or SHA-2 of the password, followed by the salt if there is one.
type ldapHash struct {
	scheme    ldapScheme
	sum, salt []byte
}

// String writes {<scheme>}<sum and salt>, in base64 with padding.
func (h ldapHash) String() string {
	return "{" + h.scheme.name + "}" + base64.StdEncoding.EncodeToString(slices.Concat(h.sum, h.salt))
}

// parseLDAP reads what String writes, whatever the letter case of the scheme.
func parseLDAP(s string) (stored, error) {
	name, value, ok := strings.Cut(s[1:], "}")
	i := slices.IndexFunc(ldapSchemes[:], func(c ldapScheme) bool { return strings.EqualFold(c.name, name) })
	if !ok || i < 0 {
		return nil, errors.New("want {SSHA}, {SSHA256}, {SSHA384}, {SSHA512}, or the same without salt, {SHA} to {SHA512}")
	}
	scheme := ldapSchemes[i]
	want := size{"hash", scheme.size, scheme.size}
	if scheme.salted {
		const longestSalt = 64
		want = size{"hash with salt", scheme.size + 1, scheme.size + longestSalt}
	}
	b, err := want.decode(padded, value)
	if err != nil {
		return nil, err
	}
	return ldapHash{scheme: scheme, sum: b[:scheme.size], salt: b[scheme.size:]}, nil
}

func (h ldapHash) matches(password []byte) bool {
	d := h.scheme.new()
	_, _ = d.Write(password)
	_, _ = d.Write(h.salt)
	return subtle.ConstantTimeCompare(d.Sum(nil), h.sum) == 1
}

func (h ldapHash) memoryKiB() uint32 { return 0 }
