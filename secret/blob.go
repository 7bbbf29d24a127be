package secret

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// A blob is what a key-encryption key makes: a format byte, the key's version as 4 bytes, big endian, the nonce, the
// ciphertext and the tag. Format and version are authenticated too.
const (
	formatDataKey byte = 0x01 // a wrapped data key
	formatSecret  byte = 0x02 // a sealed secret

	blobHeader = 1 + 4

	// BlobOverhead is by how many bytes a wrapped key or a sealed secret is longer than its plaintext.
	BlobOverhead = blobHeader + gcmOverhead
)

// ErrUnknownKey says that something names a version of the key-encryption key that is not there: another process
// rotated the keys. Load them anew with [Keyring.Reload], then read the sealed thing or seal it again.
var ErrUnknownKey = errors.New("unknown version of the key-encryption key")

// KeyVersion tells which version of the key-encryption key a wrapped data key or sealed secret needs, without opening
// it. A store keeps it beside the blob, to find what a rotation has still to re-wrap.
func KeyVersion(blob []byte) (int, error) {
	_, version, err := parseBlob(blob)
	return version, err
}

func parseBlob(blob []byte) (format byte, version int, err error) {
	if len(blob) < BlobOverhead {
		return 0, 0, fmt.Errorf("blob of %d bytes, want %d or more: %w", len(blob), BlobOverhead, ErrTampered)
	}
	format = blob[0]
	if format != formatDataKey && format != formatSecret {
		return 0, 0, fmt.Errorf("blob of format %d, want %d or %d: %w", format, formatDataKey, formatSecret, ErrTampered)
	}
	version = int(binary.BigEndian.Uint32(blob[1:blobHeader]))
	if version == 0 {
		return 0, 0, fmt.Errorf("blob under key version 0: versions begin at 1: %w", ErrTampered)
	}
	return format, version, nil
}

// ring is an immutable set of key-encryption keys.
type ring struct {
	active int
	keys   map[int]cipher.AEAD
	mac    [KeySize]byte
}

func (r *ring) seal(format byte, plaintext, aad []byte) []byte {
	blob := make([]byte, blobHeader, BlobOverhead+len(plaintext))
	blob[0] = format
	binary.BigEndian.PutUint32(blob[1:], uint32(r.active))
	return r.keys[r.active].Seal(blob, nil, plaintext, bound(blob, aad))
}

// open gives the plaintext in a buffer of its own, for the caller to wipe.
func (r *ring) open(want byte, blob, aad []byte) ([]byte, error) {
	format, version, err := parseBlob(blob)
	if err != nil {
		return nil, err
	}
	if format != want {
		return nil, fmt.Errorf("blob of format %d, want %d: %w", format, want, ErrTampered)
	}
	key, ok := r.keys[version]
	if !ok {
		return nil, fmt.Errorf("blob under key version %d: %w", version, ErrUnknownKey)
	}
	plaintext, err := key.Open(nil, nil, blob[blobHeader:], bound(blob[:blobHeader], aad))
	if err != nil {
		return nil, fmt.Errorf("blob under key version %d: %w", version, ErrTampered)
	}
	return plaintext, nil
}

// rewrap seals what blob holds under the active key; the binding stays.
func (r *ring) rewrap(blob, aad []byte) ([]byte, error) {
	format, _, err := parseBlob(blob)
	if err != nil {
		return nil, err
	}
	plaintext, err := r.open(format, blob, aad)
	if err != nil {
		return nil, err
	}
	defer Wipe(plaintext)
	return r.seal(format, plaintext, aad), nil
}

func bound(header, aad []byte) []byte {
	b := make([]byte, 0, blobHeader+len(aad))
	b = append(b, header...)
	return append(b, aad...)
}
