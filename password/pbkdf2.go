package password

import (
	"crypto/sha1" //nolint:gosec // not for new hashes
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/pbkdf2"
)

// pbkdf2Digest is the hash function within PBKDF2's HMAC.
type pbkdf2Digest struct {
	name string
	new  func() hash.Hash
	size int
	// most bounds the iterations, times the blocks of output that are made one after the other. It is 1.5 to 5 times what
	// the OWASP Password Storage Cheat Sheet asks for.
	most uint32
}

var pbkdf2Digests = [...]pbkdf2Digest{
	{"sha1", sha1.New, sha1.Size, 2_000_000},
	{"sha256", sha256.New, sha256.Size, 2_000_000},
	{"sha512", sha512.New, sha512.Size, 1_000_000},
}

// pbkdf2Hash is a PBKDF2 hash (RFC 8018).
type pbkdf2Hash struct {
	digest     pbkdf2Digest
	iterations uint32
	salt, tag  []byte
}

var (
	pbkdf2Salt = size{"salt", 1, 128}
	pbkdf2Tag  = size{"hash", 16, 64}
)

// String writes $pbkdf2-<digest>$i=<iterations>$<salt>$<hash>, both in base64 without padding, as a PHC string.
func (h pbkdf2Hash) String() string {
	return fmt.Sprintf("$pbkdf2-%s$i=%d$%s$%s", h.digest.name, h.iterations, raw.EncodeToString(h.salt), raw.EncodeToString(h.tag))
}

// parsePBKDF2 reads PHC strings, which have i=<iterations> or i=<iterations>,l=<bytes of hash>, and passlib's form, which has
// the number alone, a dot for base64's plus, and no digest's name for SHA-1.
func parsePBKDF2(s string) (stored, error) {
	parts, err := fields(s, "$pbkdf2-sha256$i=..$salt$hash")
	if err != nil {
		return nil, err
	}
	h := pbkdf2Hash{}
	name := strings.TrimPrefix(parts[1], "pbkdf2-")
	if parts[1] == "pbkdf2" {
		name = "sha1"
	}
	if h.digest, err = pbkdf2DigestOf(name); err != nil {
		return nil, err
	}
	iterations, length, stated := strings.Cut(strings.TrimPrefix(parts[2], "i="), ",l=")
	if h.iterations, err = number(iterations); err != nil {
		return nil, errors.New("want the iterations as i=.. or a number alone")
	}
	standard := strings.NewReplacer(".", "+")
	if h.salt, err = pbkdf2Salt.decode(raw, standard.Replace(parts[3])); err != nil {
		return nil, err
	}
	if h.tag, err = pbkdf2Tag.decode(raw, standard.Replace(parts[4])); err != nil {
		return nil, err
	}
	if stated && length != strconv.Itoa(len(h.tag)) {
		return nil, fmt.Errorf("a hash of %d bytes, which is not the length that it states", len(h.tag))
	}
	return h, h.check()
}

// parseDjango reads pbkdf2_<digest>$<iterations>$<salt>$<hash>, whose salt is text, and whose hash is in base64 with padding.
func parseDjango(s string) (stored, error) {
	parts, err := fields(s, "pbkdf2_sha256$iterations$salt$hash")
	if err != nil {
		return nil, err
	}
	h := pbkdf2Hash{salt: []byte(parts[2])}
	if h.digest, err = pbkdf2DigestOf(strings.TrimPrefix(parts[0], "pbkdf2_")); err != nil {
		return nil, err
	}
	if h.iterations, err = number(parts[1]); err != nil {
		return nil, errors.New("the iterations must be a whole number")
	}
	if err := pbkdf2Salt.check(h.salt); err != nil {
		return nil, err
	}
	if h.tag, err = pbkdf2Tag.decode(padded, parts[3]); err != nil {
		return nil, err
	}
	return h, h.check()
}

func pbkdf2DigestOf(name string) (pbkdf2Digest, error) {
	for _, d := range pbkdf2Digests {
		if d.name == name {
			return d, nil
		}
	}
	return pbkdf2Digest{}, errors.New("want sha1, sha256 or sha512")
}

func (h pbkdf2Hash) check() error {
	blocks := uint32(len(h.tag)+h.digest.size-1) / uint32(h.digest.size)
	return within(h.iterations, 1, h.digest.most/blocks, "iterations")
}

func (h pbkdf2Hash) matches(password []byte) bool {
	tag := pbkdf2.Key(password, h.salt, int(h.iterations), len(h.tag), h.digest.new)
	return subtle.ConstantTimeCompare(tag, h.tag) == 1
}

func (h pbkdf2Hash) memoryKiB() uint32 { return 0 }
