package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

const (
	// KeySize is the length of every key in bytes: AES-256.
	KeySize = 32

	// BlockOverhead is by how many bytes a sealed block is longer than its plaintext: format, nonce and tag.
	BlockOverhead = 1 + gcmOverhead

	gcmOverhead = 12 + 16 // nonce and tag

	formatBlock = 0x10
)

// ErrTampered says that sealed data does not open: it was altered, or it belongs to another key, tenant, batch or
// purpose. Nothing of the plaintext is given out.
var ErrTampered = errors.New("sealed data does not open: it was altered, or it belongs elsewhere")

// DataKey seals payload blocks with AES-256-GCM under random 96-bit nonces. One key must seal no more than 2^32 blocks
// (NIST SP 800-38D, section 8.3): with one key to a batch of at most some thousand chunks that is out of reach.
//
// A DataKey is safe for concurrent use, but for Wipe, after which it must not be used.
type DataKey struct {
	opaque
	key  [KeySize]byte
	aead cipher.AEAD
}

// NewDataKey makes a random key.
func NewDataKey() *DataKey {
	k := new(DataKey)
	randomKey(&k.key)
	k.aead = newAEAD(k.key[:])
	return k
}

// dataKey makes a DataKey of raw, which the caller wipes.
func dataKey(raw []byte) (*DataKey, error) {
	if len(raw) != KeySize {
		return nil, fmt.Errorf("data key: %d bytes, want %d: %w", len(raw), KeySize, ErrTampered)
	}
	k := new(DataKey)
	copy(k.key[:], raw)
	k.aead = newAEAD(k.key[:])
	return k, nil
}

// Seal appends the sealed plaintext to dst. The block opens only with the same key and aad, see [Binding]. The storage
// of plaintext and of dst's spare capacity must not overlap.
func (k *DataKey) Seal(dst, plaintext, aad []byte) []byte {
	dst = append(dst, formatBlock)
	return k.aead.Seal(dst, nil, plaintext, aad)
}

// Open appends the plaintext of a block to dst. The error wraps [ErrTampered].
func (k *DataKey) Open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < BlockOverhead || sealed[0] != formatBlock {
		return nil, fmt.Errorf("payload block of %d bytes: %w", len(sealed), ErrTampered)
	}
	plaintext, err := k.aead.Open(dst, nil, sealed[1:], aad)
	if err != nil {
		return nil, fmt.Errorf("payload block of %d bytes: %w", len(sealed), ErrTampered)
	}
	return plaintext, nil
}

// Wipe overwrites the key. The key must not be in use, and must not be used again.
func (k *DataKey) Wipe() {
	Wipe(k.key[:])
	k.aead = nil
}

func randomKey(key *[KeySize]byte) {
	rand.Read(key[:]) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
}

// newAEAD makes a cipher that draws a nonce for each message and puts it first. It can fail for a key of a wrong length
// alone, and every caller has a [KeySize].
func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("secret: a key of wrong length")
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("secret: AES-GCM refuses AES")
	}
	return aead
}
