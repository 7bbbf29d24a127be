package password

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"

	"golang.org/x/crypto/argon2"
)

// Limits on the costs of Argon2, of hashes that are made here as well as of those that come from elsewhere, whose cost is
// the sender's choice.
const (
	MaxMemoryKiB = 128 << 10 // 128 MiB
	MaxPasses    = 20
	MaxLanes     = 16
	// MaxWorkKiB bounds memory times passes, which is what takes time: 128 MiB in 4 passes, or 64 MiB in 8.
	MaxWorkKiB = 512 << 10
)

const argon2id, argon2i = "argon2id", "argon2i"

// argon2Hash is an Argon2id or Argon2i hash (RFC 9106) in the PHC string format.
type argon2Hash struct {
	variant   string // argon2id or argon2i
	params    Params
	salt, tag []byte
}

// String writes $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<tag>, both in base64 without padding.
func (h argon2Hash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", h.variant, argon2.Version,
		h.params.MemoryKiB, h.params.Passes, h.params.Lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.tag))
}

// parseArgon2 reads what String writes, and nothing that String would write in another way.
func parseArgon2(s string) (stored, error) {
	parts, err := fields(s, "$argon2id$v=19$m=..,t=..,p=..$salt$hash")
	if err != nil {
		return nil, err
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, fmt.Errorf("want version v=%d", argon2.Version)
	}
	h := argon2Hash{variant: parts[1]}
	if h.params, err = parseParams(parts[3]); err != nil {
		return nil, err
	}
	// RFC 9106, section 3.1, allows shorter salts and recommends 16 bytes.
	if h.salt, err = (size{"salt", 8, 64}).decode(raw, parts[4]); err != nil {
		return nil, err
	}
	if h.tag, err = (size{"hash", 16, 64}).decode(raw, parts[5]); err != nil {
		return nil, err
	}
	return h, nil
}

func parseParams(s string) (Params, error) {
	values, err := parameters(s, "m=", "t=", "p=")
	if err != nil {
		return Params{}, err
	}
	if values[2] > MaxLanes {
		return Params{}, fmt.Errorf("%d lanes, want 1 to %d", values[2], MaxLanes)
	}
	p := Params{MemoryKiB: values[0], Passes: values[1], Lanes: uint8(values[2])}
	return p, p.check()
}

func (h argon2Hash) matches(password []byte) bool {
	key := argon2.IDKey
	if h.variant == argon2i {
		key = argon2.Key
	}
	p := h.params
	tag := key(password, h.salt, p.Passes, p.MemoryKiB, p.Lanes, uint32(len(h.tag)))
	return subtle.ConstantTimeCompare(tag, h.tag) == 1
}

func (h argon2Hash) memoryKiB() uint32 { return h.params.MemoryKiB }

func (h argon2Hash) outdated(now Params) bool {
	return h.variant != argon2id || h.params != now || len(h.salt) < saltSize || len(h.tag) < tagSize
}
