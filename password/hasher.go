package password

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Params are the costs of Argon2id. The zero value stands for [DefaultParams].
type Params struct {
	MemoryKiB uint32 // 8 for each lane to MaxMemoryKiB
	Passes    uint32 // 1 to MaxPasses, and with MemoryKiB to MaxWorkKiB
	Lanes     uint8  // 1 to MaxLanes; each takes a thread while a hash is made
}

// DefaultParams are 7 MiB, 5 passes and 1 lane: of the settings that the OWASP Password Storage Cheat Sheet holds equally
// strong, the one with the least memory, and the fastest by measurement.
func DefaultParams() Params { return Params{MemoryKiB: 7 << 10, Passes: 5, Lanes: 1} }

const (
	saltSize = 16 // bytes; RFC 9106, section 3.1
	tagSize  = 32
)

func (p Params) orDefault() Params {
	if p == (Params{}) {
		return DefaultParams()
	}
	return p
}

func (p Params) check() error {
	switch {
	case p.Lanes < 1 || p.Lanes > MaxLanes:
		return fmt.Errorf("%d lanes, want 1 to %d", p.Lanes, MaxLanes)
	case p.Passes < 1 || p.Passes > MaxPasses:
		return fmt.Errorf("%d passes, want 1 to %d", p.Passes, MaxPasses)
	case p.MemoryKiB < 8*uint32(p.Lanes) || p.MemoryKiB > MaxMemoryKiB: // RFC 9106, section 3.1
		return fmt.Errorf("%d KiB of memory, want %d to %d", p.MemoryKiB, 8*uint32(p.Lanes), MaxMemoryKiB)
	case p.MemoryKiB*p.Passes > MaxWorkKiB:
		return fmt.Errorf("%d passes over %d KiB, want at most %d KiB in all", p.Passes, p.MemoryKiB, MaxWorkKiB)
	}
	return nil
}

// Hasher makes and verifies hashes in the calling goroutine; see [Pool] for bounds. The zero value uses [DefaultParams].
type Hasher struct {
	Params Params // of new hashes; one setting for an installation
}

// Hash makes an Argon2id hash with a random salt of 16 bytes: $argon2id$v=19$m=7168,t=5,p=1$<22 characters>$<43 characters>.
// It fails only if Params are out of their limits.
func (h Hasher) Hash(password []byte) (string, error) {
	p := h.Params.orDefault()
	if err := p.check(); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
	tag := argon2.IDKey(password, salt, p.Passes, p.MemoryKiB, p.Lanes, tagSize)
	return argon2Hash{variant: argon2id, params: p, salt: salt, tag: tag}.String(), nil
}

// Verify reports whether encoded is a hash of password, and if so whether it is another than Hash makes now, by its format or
// its costs, so that the caller hashes the password anew and stores that. The formats are those of [ParseImported]. A hash
// that is malformed, of another format, or above the limits on costs is an error that wraps [ErrFormat]; nothing is
// computed for it.
func (h Hasher) Verify(encoded string, password []byte) (ok, needsUpgrade bool, err error) {
	stored, err := parseStored(encoded)
	if err != nil {
		return false, false, fmt.Errorf("verify password: %w", err)
	}
	ok = stored.matches(password)
	return ok, ok && outdated(stored, h.Params.orDefault()), nil
}
