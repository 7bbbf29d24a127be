package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrFormat says that a hash is not one that this package can verify, or would cost too much to verify. It names the
// part that is wrong, never the hash.
var ErrFormat = errors.New("not a supported password hash")

// maxStored is the longest text of a hash, in characters: what the limits on salt and hash need is shorter.
const maxStored = 512

// stored is a hash taken apart.
type stored interface {
	// matches computes what the hash's parameters ask for, and compares in constant time.
	matches(password []byte) bool
	// memoryKiB is what matches takes at one time, 0 where that is next to nothing.
	memoryKiB() uint32
	// String writes the one text in which the hash is stored; parseStored reads it as the same hash.
	String() string
}

// format is a kind of hash, told by how its text begins.
type format struct {
	prefix string
	name   string
	parse  func(string) (stored, error)
}

var formats = [...]format{
	{"$argon2id$", "Argon2id", parseArgon2},
	{"$argon2i$", "Argon2i", parseArgon2},
	{"$2a$", "bcrypt", parseBcrypt},
	{"$2b$", "bcrypt", parseBcrypt},
	{"$2y$", "bcrypt", parseBcrypt},
	{"$scrypt$", "scrypt", parseScrypt},
	{"$s0$", "scrypt", parseScryptS0},
	{"$firescrypt$", "Firebase's scrypt", parseFirebaseExport},
	{"$firebase-scrypt$", "Firebase's scrypt", parseFirebase},
	{"$pbkdf2$", "PBKDF2", parsePBKDF2},
	{"$pbkdf2-", "PBKDF2", parsePBKDF2},
	{"pbkdf2_", "PBKDF2", parseDjango},
	{"{", "LDAP", parseLDAP},
	{"$1$", "md5crypt", parseCrypt},
	{"$apr1$", "md5crypt", parseCrypt},
	{"$5$", "SHA-crypt", parseCrypt},
	{"$6$", "SHA-crypt", parseCrypt},
}

// accepted lists the formats to who brings another.
const accepted = "bcrypt ($2a$, $2b$, $2y$), Argon2id or Argon2i ($argon2id$, $argon2i$), scrypt ($scrypt$, $s0$), Firebase's scrypt " +
	"($firescrypt$), PBKDF2 ($pbkdf2-sha256$, pbkdf2_sha256$ and so on), SHA-1 or SHA-2 in LDAP's form ({SSHA}, {SSHA512} and " +
	"so on), md5crypt ($1$, $apr1$), or SHA-crypt ($5$, $6$)"

// parseStored takes a hash apart, if its format is one of those above and its parameters are within their limits.
func parseStored(s string) (stored, error) {
	if len(s) > maxStored {
		return nil, fmt.Errorf("%w: %d characters, want at most %d", ErrFormat, len(s), maxStored)
	}
	for _, f := range formats {
		if !strings.HasPrefix(s, f.prefix) {
			continue
		}
		h, err := f.parse(s)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrFormat, f.name, err)
		}
		return h, nil
	}
	return nil, fmt.Errorf("%w: want %s", ErrFormat, accepted)
}

// outdated reports whether a hash is another than the ones made now.
func outdated(h stored, now Params) bool {
	ours, ok := h.(argon2Hash)
	return !ok || ours.outdated(now)
}

// fields cuts a hash at its dollar signs into as many parts as form has. form shows what is wanted.
func fields(s, form string) ([]string, error) {
	parts := strings.Split(s, "$")
	if want := strings.Count(form, "$") + 1; len(parts) != want {
		return nil, fmt.Errorf("%d parts, want %s", len(parts), form)
	}
	return parts, nil
}

// parameters reads numbers below 2^32 in the form name=number,name=number, in the order of the names.
func parameters(s string, names ...string) ([]uint32, error) {
	parts := strings.Split(s, ",")
	if len(parts) != len(names) {
		return nil, fmt.Errorf("want the parameters %s", strings.Join(names, "..,")+"..")
	}
	values := make([]uint32, len(names))
	for i, name := range names {
		digits, ok := strings.CutPrefix(parts[i], name)
		n, err := number(digits)
		if !ok || err != nil {
			return nil, fmt.Errorf("parameter %d must be %s and a whole number", i+1, name)
		}
		values[i] = n
	}
	return values, nil
}

// number reads a whole number without sign or leading zero.
func number(digits string) (uint32, error) {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != digits {
		return 0, errors.New("want a whole number below 4294967296")
	}
	return uint32(n), nil
}

// within checks a parameter against its limits.
func within(n, lowest, highest uint32, what string) error {
	if n < lowest || n > highest {
		return fmt.Errorf("%s %d, want %d to %d", what, n, lowest, highest)
	}
	return nil
}

// size is the length of a part of a hash, in bytes.
type size struct {
	what              string
	shortest, longest int
}

// raw and padded are base64 as PHC strings have it (without padding), and with padding.
var (
	raw    = base64.RawStdEncoding.Strict()
	padded = base64.StdEncoding.Strict()
)

// decode reads one part of a hash.
func (want size) decode(encoding *base64.Encoding, s string) ([]byte, error) {
	b, err := encoding.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") { // the decoder passes over line ends
		form := "base64 without padding"
		if encoding == padded {
			form = "base64 with padding"
		}
		return nil, fmt.Errorf("the %s must be %s", want.what, form)
	}
	return b, want.check(b)
}

func (want size) check(b []byte) error {
	if len(b) < want.shortest || len(b) > want.longest {
		return fmt.Errorf("a %s of %d bytes, want %d to %d", want.what, len(b), want.shortest, want.longest)
	}
	return nil
}
