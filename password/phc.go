package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Limits on what a stored hash may ask of whoever verifies it. Hashes come from imports as well as from here, and their
// cost is the sender's choice.
const (
	MaxMemoryKiB = 256 << 10
	MaxPasses    = 20
	MaxLanes     = 16

	minSalt, maxSalt = 8, 64 // bytes; RFC 9106, section 3.1, recommends 16
	minTag, maxTag   = 16, 64
	maxPHC           = 512 // characters, twice what the limits above need
)

// ErrFormat says that a stored hash is not one that this package can verify. It names the part that is wrong, never the
// hash.
var ErrFormat = errors.New("not a supported password hash")

const argon2idPrefix = "$argon2id$"

// phc is an Argon2id hash taken apart.
type phc struct {
	params    Params
	salt, tag []byte
}

// String writes $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<tag>, both in base64 without padding.
func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("%sv=%d$m=%d,t=%d,p=%d$%s$%s", argon2idPrefix, argon2.Version,
		h.params.MemoryKiB, h.params.Passes, h.params.Lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.tag))
}

// parsePHC reads what String writes, and nothing that String would write in another way.
func parsePHC(s string) (phc, error) {
	if len(s) > maxPHC {
		return phc{}, fmt.Errorf("%w: %d characters, want at most %d", ErrFormat, len(s), maxPHC)
	}
	rest, ok := strings.CutPrefix(s, argon2idPrefix)
	if !ok {
		return phc{}, fmt.Errorf("%w: want one that begins with %s", ErrFormat, argon2idPrefix)
	}
	parts := strings.Split(rest, "$")
	if len(parts) != 4 {
		return phc{}, fmt.Errorf("%w: %d parts, want %sv=..$m=..,t=..,p=..$salt$hash", ErrFormat, len(parts)+1, argon2idPrefix)
	}
	if parts[0] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, fmt.Errorf("%w: want version v=%d", ErrFormat, argon2.Version)
	}
	var h phc
	var err error
	if h.params, err = parseParams(parts[1]); err != nil {
		return phc{}, err
	}
	if h.salt, err = parseBytes("salt", parts[2], minSalt, maxSalt); err != nil {
		return phc{}, err
	}
	if h.tag, err = parseBytes("hash", parts[3], minTag, maxTag); err != nil {
		return phc{}, err
	}
	return h, nil
}

func parseParams(s string) (Params, error) {
	fields := strings.Split(s, ",")
	if len(fields) != 3 {
		return Params{}, fmt.Errorf("%w: want parameters of the form m=<KiB>,t=<passes>,p=<lanes>", ErrFormat)
	}
	var values [3]uint32
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits { // no sign, no leading zero
			return Params{}, fmt.Errorf("%w: parameter %d must be %s and a whole number", ErrFormat, i+1, name)
		}
		values[i] = uint32(n)
	}
	if values[2] > MaxLanes {
		return Params{}, fmt.Errorf("%w: %d lanes, want 1 to %d", ErrFormat, values[2], MaxLanes)
	}
	p := Params{MemoryKiB: values[0], Passes: values[1], Lanes: uint8(values[2])}
	if err := p.check(); err != nil {
		return Params{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return p, nil
}

func parseBytes(what, s string, shortest, longest int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") { // the decoder passes over line ends
		return nil, fmt.Errorf("%w: the %s must be base64 without padding", ErrFormat, what)
	}
	if len(b) < shortest || len(b) > longest {
		return nil, fmt.Errorf("%w: a %s of %d bytes, want %d to %d", ErrFormat, what, len(b), shortest, longest)
	}
	return b, nil
}
