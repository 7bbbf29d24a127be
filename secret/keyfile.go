package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"gocloud.dev/secrets/localsecrets"
)

// maxKeyFile bounds a key file in bytes; one key takes 80.
const maxKeyFile = 16 << 10

const keyFileHeading = `# Muster's master key. Everything that the database holds sealed is lost without it: keep a copy in a safe place,
# apart from the copies of the database. The last line is in use; one above it is left of an unfinished rotation.
`

// localKey is a master key that this process holds itself.
type localKey struct {
	opaque
	key [KeySize]byte
}

func newLocalKey() localKey {
	var k localKey
	randomKey(&k.key)
	return k
}

// id names the key without telling anything about it: 64 bits of a hash over 256 random bits.
func (k localKey) id() string {
	sum := sha256.Sum256(append([]byte("muster master key\x00"), k.key[:]...))
	return "mk-" + hex.EncodeToString(sum[:8])
}

// parseKeyFile reads the lines of a key file, `<id> base64key://<32 bytes in URL-safe base64>`, oldest first. Blank lines
// and lines that begin with # do not count. Errors name the line and never quote it.
func parseKeyFile(data []byte) ([]localKey, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("more than %d bytes: this is not a master key file", maxKeyFile)
	}
	var keys []localKey
	seen := make(map[string]bool)
	number := 0
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, err := parseKeyLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if seen[key.id()] {
			return nil, fmt.Errorf("line %d: key %s stands there twice", number, key.id())
		}
		seen[key.id()] = true
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it: put the installation's key file back from its copy")
	}
	return keys, nil
}

func parseKeyLine(line []byte) (localKey, error) {
	fields := strings.Fields(string(line))
	if len(fields) != 2 {
		return localKey{}, fmt.Errorf("%d fields, want two: <id> %s://<key>", len(fields), localsecrets.Scheme)
	}
	encoded, ok := strings.CutPrefix(fields[1], localsecrets.Scheme+"://")
	if !ok {
		return localKey{}, fmt.Errorf("the second field must begin with %s://", localsecrets.Scheme)
	}
	key, err := parseLocalKey(encoded)
	if err != nil {
		return localKey{}, err
	}
	if key.id() != fields[0] {
		return localKey{}, fmt.Errorf("id and key do not belong together (the key's id is %s): the line was damaged or mistyped",
			key.id())
	}
	return key, nil
}

func parseLocalKey(encoded string) (localKey, error) {
	raw, err := base64.URLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != KeySize {
		Wipe(raw)
		return localKey{}, fmt.Errorf("the key must be %d bytes in URL-safe base64 with padding, 44 characters", KeySize)
	}
	var k localKey
	copy(k.key[:], raw)
	Wipe(raw)
	return k, nil
}

func formatKeyFile(keys []localKey) []byte {
	b := []byte(keyFileHeading)
	for _, k := range keys {
		b = append(b, k.id()...)
		b = append(b, " "+localsecrets.Scheme+"://"...)
		b = base64.URLEncoding.AppendEncode(b, k.key[:])
		b = append(b, '\n')
	}
	return b
}
