package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/crypto/scrypt"
)

// Limits on the costs of scrypt. N·r·p bounds both its time and, at 128 bytes of N·r, its memory: 128 MiB. It admits all
// settings that the OWASP Password Storage Cheat Sheet lists, the largest of which is N=2^17, r=8, p=1.
const (
	maxScryptWork = 1 << 20
	maxScryptLogN = 20
	maxScryptR    = 32
	maxScryptP    = 16
)

// scryptCost are the costs of scrypt (RFC 7914, section 2).
type scryptCost struct {
	logN, r, p uint32
}

func (c scryptCost) check() error {
	if err := within(c.logN, 1, maxScryptLogN, "ln"); err != nil {
		return err
	}
	if err := within(c.r, 1, maxScryptR, "r"); err != nil {
		return err
	}
	if err := within(c.p, 1, maxScryptP, "p"); err != nil {
		return err
	}
	if work := uint64(c.r) * uint64(c.p) << c.logN; work > maxScryptWork {
		return fmt.Errorf("a product N·r·p of %d, want at most %d", work, maxScryptWork)
	}
	return nil
}

// key is nil only for costs that check refuses.
func (c scryptCost) key(password, salt []byte, length int) []byte {
	key, err := scrypt.Key(password, salt, 1<<c.logN, int(c.r), int(c.p), length)
	if err != nil {
		return nil
	}
	return key
}

func (c scryptCost) memoryKiB() uint32 { return c.r << c.logN / 8 }

// scryptHash is an scrypt hash (RFC 7914).
type scryptHash struct {
	scryptCost
	salt, tag []byte
}

var (
	scryptSalt = size{"salt", 1, 128}
	scryptTag  = size{"hash", 16, 64}
)

// String writes $scrypt$ln=<logarithm of N>,r=..,p=..$<salt>$<hash>, both in base64 without padding, as passlib does.
func (h scryptHash) String() string {
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", h.logN, h.r, h.p, raw.EncodeToString(h.salt), raw.EncodeToString(h.tag))
}

func parseScrypt(s string) (stored, error) {
	parts, err := fields(s, "$scrypt$ln=..,r=..,p=..$salt$hash")
	if err != nil {
		return nil, err
	}
	values, err := parameters(parts[2], "ln=", "r=", "p=")
	if err != nil {
		return nil, err
	}
	return newScryptHash(scryptCost{values[0], values[1], values[2]}, raw, parts[3], parts[4])
}

// parseScryptS0 reads $s0$<hexadecimal number>$<salt>$<hash>, both in base64 with padding, as the Java library of
// com.lambdaworks and libscrypt write it. The number is logN·65536 + r·256 + p.
func parseScryptS0(s string) (stored, error) {
	parts, err := fields(s, "$s0$costs$salt$hash")
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(parts[2], 16, 24)
	if err != nil {
		return nil, errors.New("the costs must be at most six hexadecimal digits")
	}
	return newScryptHash(scryptCost{uint32(n >> 16), uint32(n >> 8 & 0xff), uint32(n & 0xff)}, padded, parts[3], parts[4])
}

func newScryptHash(cost scryptCost, encoding *base64.Encoding, salt, tag string) (stored, error) {
	if err := cost.check(); err != nil {
		return nil, err
	}
	h := scryptHash{scryptCost: cost}
	var err error
	if h.salt, err = scryptSalt.decode(encoding, salt); err != nil {
		return nil, err
	}
	if h.tag, err = scryptTag.decode(encoding, tag); err != nil {
		return nil, err
	}
	return h, nil
}

func (h scryptHash) matches(password []byte) bool {
	return subtle.ConstantTimeCompare(h.key(password, h.salt, len(h.tag)), h.tag) == 1
}

// firebaseHash is a hash of Firebase Authentication (github.com/firebase/scrypt): the project's signer key, encrypted by
// AES-256 in counter mode, from 0, under a key that scrypt makes of the password. What is kept is the key stream: the hash
// and the signer key, one added to the other. So it takes neither to verify a password, and the signer key, which is a
// secret of the project that the users come from, is stored nowhere.
type firebaseHash struct {
	scryptCost
	salt, stream []byte // the salt with the project's separator behind it
}

// String writes $firebase-scrypt$ln=<mem_cost>,r=<rounds>$<salt>$<stream>, both in base64 without padding.
func (h firebaseHash) String() string {
	return fmt.Sprintf("$firebase-scrypt$ln=%d,r=%d$%s$%s", h.logN, h.r, raw.EncodeToString(h.salt), raw.EncodeToString(h.stream))
}

// parseFirebase reads what String writes.
func parseFirebase(s string) (stored, error) {
	parts, err := fields(s, "$firebase-scrypt$ln=..,r=..$salt$stream")
	if err != nil {
		return nil, err
	}
	values, err := parameters(parts[2], "ln=", "r=")
	if err != nil {
		return nil, err
	}
	h := firebaseHash{scryptCost: scryptCost{values[0], values[1], 1}}
	if err := h.check(); err != nil {
		return nil, err
	}
	if h.salt, err = scryptSalt.decode(raw, parts[3]); err != nil {
		return nil, err
	}
	if h.stream, err = scryptTag.decode(raw, parts[4]); err != nil {
		return nil, err
	}
	return h, nil
}

// parseFirebaseExport reads a hash as `firebase auth:export` gives it, together with the project's parameters, in Ory
// Kratos' form: $firescrypt$ln=<mem_cost>,r=<rounds>,p=1$<salt>$<hash>$<salt separator>$<signer key>, all four in base64
// with padding.
func parseFirebaseExport(s string) (stored, error) {
	parts, err := fields(s, "$firescrypt$ln=mem_cost,r=rounds,p=1$salt$hash$separator$signerKey")
	if err != nil {
		return nil, err
	}
	values, err := parameters(parts[2], "ln=", "r=", "p=")
	if err != nil {
		return nil, err
	}
	if err := within(values[2], 1, 1, "p"); err != nil {
		return nil, err
	}
	h := firebaseHash{scryptCost: scryptCost{values[0], values[1], values[2]}}
	if err := h.check(); err != nil {
		return nil, err
	}
	var decoded [4][]byte
	for i, want := range [...]size{{"salt", 1, 64}, scryptTag, {"salt separator", 0, 64}, {"signer key", 16, 64}} {
		if decoded[i], err = want.decode(padded, parts[3+i]); err != nil {
			return nil, err
		}
	}
	tag, key := decoded[1], decoded[3]
	if len(tag) != len(key) {
		return nil, fmt.Errorf("a hash of %d bytes, want as many as the signer key has, %d", len(tag), len(key))
	}
	h.salt, h.stream = slices.Concat(decoded[0], decoded[2]), make([]byte, len(tag))
	subtle.XORBytes(h.stream, tag, key)
	return h, nil
}

func (h firebaseHash) matches(password []byte) bool {
	const keySize = 32 // AES-256
	block, err := aes.NewCipher(h.key(password, h.salt, keySize))
	if err != nil {
		return false
	}
	stream := make([]byte, len(h.stream))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(stream, stream)
	return subtle.ConstantTimeCompare(stream, h.stream) == 1
}
