package password

import "strings"

// ParseImported reads a password hash that another system made, and gives the text in which it is to be stored, which
// [Hasher.Verify] reads: the same hash in one form for all its notations. Spaces around it and {CRYPT} in front, as LDAP
// has it, do not count. Any other hash is an error that wraps [ErrFormat]: it names the formats that are accepted, or what
// is wrong with one of these, and holds nothing of the hash. Nothing is computed.
//
// Accepted are, each with a limit on what verifying it costs:
//
//   - bcrypt, $2a$, $2b$ and $2y$, up to cost 13. A bcrypt hash is one of the first 72 bytes of a password, so whatever
//     follows them verifies; the hash that replaces it is of all that was shown.
//   - Argon2id and Argon2i, version 19, as PHC strings: within [MaxMemoryKiB], [MaxPasses], [MaxLanes] and [MaxWorkKiB].
//   - scrypt, as PHC string with ln, r and p, and in the form $s0$: N·r·p up to 2^20.
//   - Firebase's scrypt, $firescrypt$ln=<mem_cost>,r=<rounds>,p=1$<salt>$<hash>$<salt separator>$<signer key>: the same. The
//     signer key is not in the text that is to be stored.
//   - PBKDF2 with SHA-1, SHA-256 or SHA-512, as PHC string, in passlib's form ($pbkdf2-sha256$29000$..) and in Django's
//     (pbkdf2_sha256$..): up to 2,000,000 iterations, with SHA-512 1,000,000, and a fraction of that where the hash is
//     longer than the digest.
//   - SHA-1 and SHA-2 in LDAP's form, {SSHA}, {SSHA256}, {SSHA384} and {SSHA512}, and without salt {SHA} and so on.
//   - md5crypt, $1$ and $apr1$; SHA-crypt, $5$ and $6$, up to 700,000 rounds. No password of more than 128 bytes matches
//     these.
//
// At the limits a verification takes some half a second on one core: a sign-in that is refused takes no less, so that its
// time does not tell whose hash was imported.
func ParseImported(text string) (canonical string, err error) {
	h, err := parseStored(uncrypted(strings.TrimSpace(text)))
	if err != nil {
		return "", err
	}
	return h.String(), nil
}

// uncrypted takes LDAP's {CRYPT} off.
func uncrypted(s string) string {
	const scheme = "{CRYPT}"
	if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		return s[len(scheme):]
	}
	return s
}
