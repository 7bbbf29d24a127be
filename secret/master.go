package secret

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"
)

var (
	// ErrNoMaster says that the file of the master key is not there.
	ErrNoMaster = errors.New("the file is missing")

	// ErrWrongMaster says that a key in the database was wrapped by a master key other than those at hand.
	ErrWrongMaster = errors.New("not the master key that this database was sealed with")
)

// Master is the master key: it wraps keys that are kept in the database, and nothing else. It may hold several keys; the
// current one wraps, and all unwrap.
type Master struct {
	opaque
	file    string    // where the current key lives; "" if not in a file
	pending bool      // the file holds keys besides the current one: a rotation is not finished
	keepers []heldKey // the current one first
}

// heldKey is one key of a master.
type heldKey struct {
	id     string
	local  bool // the id is the key's own fingerprint, so that no other id can be meant
	keeper *secrets.Keeper
}

// OpenMaster opens the master key that ref names:
//
//   - a path, or file:///path: a key file, see [CreateMaster];
//   - base64key://<44 characters>: the key itself, 32 bytes in URL-safe base64, meant for tests;
//   - any other URL: a key service, if its gocloud.dev/secrets driver is linked in.
//
// References in previous are read only to unwrap, for a move from one master key to another. A missing file is
// [ErrNoMaster], and a file that others than its owner may read is refused; one of root's its group may read, unless this
// process is root's too. Errors quote no key.
func OpenMaster(ctx context.Context, ref string, previous ...string) (*Master, error) {
	m := new(Master)
	for i, ref := range append([]string{ref}, previous...) {
		keepers, file, err := openRef(ctx, ref)
		if err != nil {
			return nil, errors.Join(err, m.Close())
		}
		m.keepers = append(m.keepers, keepers...)
		if i == 0 {
			m.file, m.pending = file, file != "" && len(keepers) > 1
		}
	}
	return m, nil
}

// CreateMaster is OpenMaster for an installation that has no keys yet: a missing key file is made, with its folder, for
// its owner alone (0600) and safe against a power cut. Of several processes that try at once, one makes the key and all
// open it.
func CreateMaster(ctx context.Context, ref string, previous ...string) (*Master, error) {
	path, ok, err := filePath(ref)
	if err != nil {
		return nil, err
	}
	if ok {
		if _, err := createKeys(path); err != nil {
			return nil, err
		}
	}
	return OpenMaster(ctx, ref, previous...)
}

// ID names the current key. It is no secret.
func (m *Master) ID() string { return m.keepers[0].id }

// IDs names all keys, the current one first.
func (m *Master) IDs() []string {
	ids := make([]string, len(m.keepers))
	for i, k := range m.keepers {
		ids[i] = k.id
	}
	return ids
}

// Close lets go of connections to key services.
func (m *Master) Close() error {
	var errs []error
	for _, k := range m.keepers {
		errs = append(errs, k.keeper.Close())
	}
	return errors.Join(errs...)
}

// wrap wraps a key, bound to its purpose and version: what the database gives back under another does not unwrap.
func (m *Master) wrap(ctx context.Context, purpose KeyPurpose, version int, key *[KeySize]byte) ([]byte, error) {
	plain := append(keyHeader(purpose, version), key[:]...)
	defer Wipe(plain)
	wrapped, err := m.keepers[0].keeper.Encrypt(ctx, plain)
	if err != nil {
		return nil, fmt.Errorf("wrap key under master key %s: %w", m.ID(), err)
	}
	return wrapped, nil
}

// unwrap gives the key of a record.
func (m *Master) unwrap(ctx context.Context, r KeyRecord) (key [KeySize]byte, err error) {
	plain, err := m.decrypt(ctx, r)
	if err != nil {
		return key, fmt.Errorf("unwrap %s key %d: %w", r.Purpose, r.Version, err)
	}
	defer Wipe(plain)
	header := keyHeader(r.Purpose, r.Version)
	if len(plain) != len(header)+KeySize || !slices.Equal(plain[:len(header)], header) {
		return key, fmt.Errorf("unwrap %s key %d: its record holds another key: %w", r.Purpose, r.Version, ErrTampered)
	}
	copy(key[:], plain[len(header):])
	return key, nil
}

// decrypt prefers the key that the record names. The name of a key service's key is only as good as its URL, which may
// have been written in another way when the record was made, so such keys are tried as well.
func (m *Master) decrypt(ctx context.Context, r KeyRecord) ([]byte, error) {
	var errs []error
	for _, k := range m.keepers {
		if k.id == r.MasterID {
			plain, err := k.keeper.Decrypt(ctx, r.Wrapped)
			if err != nil {
				return nil, fmt.Errorf("master key %s: %w", k.id, err)
			}
			return plain, nil
		}
	}
	for _, k := range m.keepers {
		if k.local {
			continue
		}
		plain, err := k.keeper.Decrypt(ctx, r.Wrapped)
		if err == nil {
			return plain, nil
		}
		errs = append(errs, fmt.Errorf("master key %s: %w", k.id, err))
	}
	errs = append(errs, fmt.Errorf("%w: it was wrapped by %s, and at hand is %s: put that key back, or name it as a previous one",
		ErrWrongMaster, r.MasterID, strings.Join(m.IDs(), ", ")))
	return nil, errors.Join(errs...)
}

func keyHeader(purpose KeyPurpose, version int) []byte {
	return Binding("muster key 1 "+string(purpose), int64(version))
}

// lock keeps others from changing the key file; there is nothing to lock at a key service.
func (m *Master) lock() (unlock func(), err error) {
	if m.file == "" {
		return func() {}, nil
	}
	return lockKeys(m.file)
}

func openRef(ctx context.Context, ref string) (keepers []heldKey, file string, err error) {
	path, ok, err := filePath(ref)
	if err != nil {
		return nil, "", err
	}
	if ok {
		keys, err := readKeys(path)
		for _, k := range slices.Backward(keys) {
			keepers = append(keepers, k.keeper())
		}
		return keepers, path, err
	}
	if encoded, ok := strings.CutPrefix(ref, localsecrets.Scheme+"://"); ok {
		key, err := parseLocalKey(encoded)
		if err != nil {
			return nil, "", fmt.Errorf("master key %s://: %w", localsecrets.Scheme, err)
		}
		return []heldKey{key.keeper()}, "", nil
	}
	scheme, _, _ := strings.Cut(ref, "://")
	if mux := secrets.DefaultURLMux(); !mux.ValidKeeperScheme(scheme) {
		return nil, "", fmt.Errorf("master key: no driver for %q: give a path, or a URL with one of file, %s",
			scheme, strings.Join(mux.KeeperSchemes(), ", "))
	}
	keeper, err := secrets.OpenKeeper(ctx, ref)
	if err != nil {
		return nil, "", fmt.Errorf("master key at %s: %w", scheme, err)
	}
	return []heldKey{{id: serviceID(scheme, ref), keeper: keeper}}, "", nil
}

func (k localKey) keeper() heldKey {
	return heldKey{id: k.id(), local: true, keeper: localsecrets.NewKeeper(k.key)}
}

// serviceID names the key at a URL, less its parameters, which say how to get there rather than which key it is. A hash,
// so that whatever a URL holds stays out of the database and of logs.
func serviceID(scheme, ref string) string {
	bare, _, _ := strings.Cut(ref, "?")
	sum := sha256.Sum256([]byte(bare))
	return scheme + "-" + hex.EncodeToString(sum[:8])
}

// filePath gives the path that ref names, with symbolic links followed, so that writing replaces what they point to; ok is
// false if ref is a URL of another scheme.
func filePath(ref string) (path string, ok bool, err error) {
	if ref == "" {
		return "", false, errors.New("master key: empty reference: give a path or a URL")
	}
	path = ref
	if strings.Contains(ref, "://") {
		if !strings.HasPrefix(ref, "file://") {
			return "", false, nil
		}
		u, err := url.Parse(ref)
		if err != nil || u.Host != "" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return "", false, errors.New("master key: a file URL must be file:///absolute/path")
		}
		path = u.Path
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	return path, true, nil
}
