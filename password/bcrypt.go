package password

import (
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Limits on the cost of bcrypt: one more takes twice as long.
const (
	minBcryptCost = 4
	maxBcryptCost = 13
)

// bcryptHash is the text of a bcrypt hash. It holds of a password what all implementations take, its first 72 bytes;
// a longer password verifies whatever follows them.
type bcryptHash string

// parseBcrypt reads $2b$<cost>$<22 characters of salt><31 of hash>, and the same after $2a$ and $2y$, which differ in
// nothing for passwords in UTF-8 of less than 256 bytes. $2x$ marks what an implementation got wrong, and is no format.
func parseBcrypt(s string) (stored, error) {
	const length, cost, salt, hash = 60, 4, 7, 29 // where each begins
	if len(s) != length || s[salt-1] != '$' {
		return nil, errors.New("want $2b$, two digits of cost, $, and 53 characters of salt and hash")
	}
	n, err := number(strings.TrimPrefix(s[cost:salt-1], "0"))
	if err != nil {
		return nil, errors.New("the cost must be two digits")
	}
	if err := within(n, minBcryptCost, maxBcryptCost, "cost"); err != nil {
		return nil, err
	}
	alphabet := base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)
	// The bits of a salt's last character that are none of its bytes are set by some implementations.
	if b, err := alphabet.DecodeString(s[salt:hash]); err != nil || len(b) != 16 {
		return nil, errors.New("the salt must be bcrypt's base64")
	}
	if b, err := alphabet.Strict().DecodeString(s[hash:]); err != nil || len(b) != 23 {
		return nil, errors.New("the hash must be bcrypt's base64")
	}
	return bcryptHash(s), nil
}

func (h bcryptHash) matches(password []byte) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), password) == nil
}

func (h bcryptHash) memoryKiB() uint32 { return 0 }

func (h bcryptHash) String() string { return string(h) }
