package password

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/GehirnInc/crypt"
	"github.com/GehirnInc/crypt/apr1_crypt"
	"github.com/GehirnInc/crypt/md5_crypt"
	"github.com/GehirnInc/crypt/sha256_crypt"
	"github.com/GehirnInc/crypt/sha512_crypt"
)

// Limits on the costs of SHA-crypt, which hashes the password anew in each round: so its length counts as much. The most
// rounds that are in use are passlib's, 656,000.
const (
	minCryptRounds   = 1000
	maxCryptRounds   = 700_000
	maxCryptPassword = 128 // bytes
)

// cryptScheme is one of crypt(3), or Apache's of the same kind.
type cryptScheme struct {
	prefix string
	new    func() crypt.Crypter
	salt   int // the most characters
	sum    int // characters
	rounds bool
}

var cryptSchemes = [...]cryptScheme{
	{"$1$", md5_crypt.New, 8, 22, false},
	{"$apr1$", apr1_crypt.New, 8, 22, false},
	{"$5$", sha256_crypt.New, 16, 43, true},
	{"$6$", sha512_crypt.New, 16, 86, true},
}

// cryptHash is an md5crypt hash, or one of SHA-crypt (Ulrich Drepper, Unix crypt using SHA-256 and SHA-512, 0.6). No
// password of more than maxCryptPassword bytes matches it.
type cryptHash struct {
	scheme cryptScheme
	text   string
}

func (h cryptHash) String() string { return h.text }

// parseCrypt reads $6$<salt>$<hash> and, of SHA-crypt, $6$rounds=<number>$<salt>$<hash>.
func parseCrypt(s string) (stored, error) {
	var h cryptHash
	for _, scheme := range cryptSchemes {
		if strings.HasPrefix(s, scheme.prefix) {
			h = cryptHash{scheme: scheme, text: s}
		}
	}
	rest := strings.TrimPrefix(s, h.scheme.prefix)
	if after, ok := strings.CutPrefix(rest, "rounds="); ok && h.scheme.rounds {
		var digits string
		digits, rest, _ = strings.Cut(after, "$")
		n, err := number(digits)
		if err != nil {
			return nil, errors.New("the rounds must be a whole number")
		}
		if err := within(n, minCryptRounds, maxCryptRounds, "rounds"); err != nil {
			return nil, err
		}
	}
	salt, sum, ok := strings.Cut(rest, "$")
	if !ok {
		return nil, fmt.Errorf("want %ssalt$hash", h.scheme.prefix)
	}
	if err := (size{"salt", 1, h.scheme.salt}).check([]byte(salt)); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(salt, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the salt must be of ASCII characters without spaces")
	}
	if len(sum) != h.scheme.sum || strings.Trim(sum, cryptAlphabet) != "" {
		return nil, fmt.Errorf("the hash must be %d characters of %s", h.scheme.sum, "./0-9A-Za-z")
	}
	return h, nil
}

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// matches makes the hash anew of what stands before it. The library's own Verify takes a part of the hash for the salt where
// that is short and stands behind rounds.
func (h cryptHash) matches(password []byte) bool {
	if len(password) > maxCryptPassword {
		return false
	}
	setting := h.text[:strings.LastIndexByte(h.text, '$')]
	made, err := h.scheme.new().Generate(password, []byte(setting))
	return err == nil && subtle.ConstantTimeCompare([]byte(made), []byte(h.text)) == 1
}

func (h cryptHash) memoryKiB() uint32 { return 0 }
