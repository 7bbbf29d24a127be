package secret

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where the master key is; see [OpenMaster] for the forms of a reference.
type Config struct {
	Master   string   // the current master key
	Previous []string // master keys that may still wrap something
	// Existing is for an installation of several machines, to each of which its master key is brought: none is made.
	Existing bool
}

// Keyring holds the key-encryption keys, unwrapped once, and seals with the active one. It is safe for concurrent use:
// sealing and opening take no lock and ask no database, only loading and rotating keys does.
//
// Keys that rotation deletes stay in memory, to open what was read before, until the process ends.
type Keyring struct {
	opaque
	store KeyStore
	ring  atomic.Pointer[ring]

	admin  sync.Mutex // held while keys are loaded or rotated
	cfg    Config
	master *Master
}

// Open loads the keys that the store holds. If it holds none, this is a new installation: the master key's file is made
// if need be and not to be there already, then the first keys, and of several processes that try at once all come by the
// same ones. If it holds some, nothing is made: a missing master key is an error, since a new one would open nothing. So
// is one that these keys were not wrapped by: [ErrNoMaster] and [ErrWrongMaster].
//
// The caller closes the Keyring.
func Open(ctx context.Context, cfg Config, store KeyStore) (*Keyring, error) {
	k := &Keyring{store: store, cfg: cfg}
	records, err := store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	if len(records) == 0 {
		err = k.begin(ctx)
	} else {
		err = k.openMaster(ctx, records)
	}
	if err == nil {
		err = k.load(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

func (k *Keyring) openMaster(ctx context.Context, records []KeyRecord) error {
	master, err := OpenMaster(ctx, k.cfg.Master, k.cfg.Previous...)
	if errors.Is(err, ErrNoMaster) {
		return fmt.Errorf("the database holds keys wrapped by master key %s; put its file back from its copy: %w",
			records[0].MasterID, err)
	}
	k.master = master
	return err
}

// begin makes the first keys of an installation.
func (k *Keyring) begin(ctx context.Context) error {
	open := CreateMaster
	if k.cfg.Existing {
		open = OpenMaster
	}
	master, err := open(ctx, k.cfg.Master, k.cfg.Previous...)
	if err != nil {
		return err
	}
	k.master = master
	err = k.addKeys(ctx, func([]KeyRecord) []keyName { return []keyName{{PurposeWrap, 1}, {PurposeMAC, 1}} })
	if errors.Is(err, ErrKeyExists) {
		return nil // another process was first; load finds its keys
	}
	return err
}

type keyName struct {
	purpose KeyPurpose
	version int
}

// addKeys makes the keys that choose names, seeing the records there are. Nobody can remove the master key that wraps
// them before they are on record: the key file stays locked from reading it to storing them.
func (k *Keyring) addKeys(ctx context.Context, choose func([]KeyRecord) []keyName) error {
	unlock, err := k.master.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := k.reopenMaster(ctx); err != nil {
		return err
	}
	records, err := k.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	var added []KeyRecord
	for _, name := range choose(records) {
		record, err := k.newKey(ctx, name)
		if err != nil {
			return err
		}
		added = append(added, record)
	}
	if err := k.store.AddKeys(ctx, added...); err != nil {
		return fmt.Errorf("store new keys: %w", err)
	}
	return nil
}

func (k *Keyring) newKey(ctx context.Context, name keyName) (KeyRecord, error) {
	var key [KeySize]byte
	randomKey(&key)
	defer Wipe(key[:])
	wrapped, err := k.master.wrap(ctx, name.purpose, name.version, &key)
	if err != nil {
		return KeyRecord{}, err
	}
	return KeyRecord{
		Purpose:   name.purpose,
		Version:   name.version,
		Wrapped:   wrapped,
		MasterID:  k.master.ID(),
		CreatedAt: time.Now().UTC().Truncate(time.Second),
	}, nil
}

// reopenMaster reads the master key anew, since another process may have changed its file.
func (k *Keyring) reopenMaster(ctx context.Context) error {
	master, err := OpenMaster(ctx, k.cfg.Master, k.cfg.Previous...)
	if err != nil {
		return err
	}
	old := k.master
	k.master = master
	return old.Close()
}

// Reload loads keys that another process has added. Call it upon [ErrUnknownKey], and then try again.
func (k *Keyring) Reload(ctx context.Context) error {
	k.admin.Lock()
	defer k.admin.Unlock()
	return k.load(ctx)
}

// load is Reload for those who hold admin. A record under a master key that is not at hand may be the work of another
// process that is rotating the master key, so file and records are read once more while nobody can change the file.
func (k *Keyring) load(ctx context.Context) error {
	err := k.loadOnce(ctx)
	if !errors.Is(err, ErrWrongMaster) {
		return err
	}
	unlock, err := k.master.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := k.reopenMaster(ctx); err != nil {
		return err
	}
	return k.loadOnce(ctx)
}

func (k *Keyring) loadOnce(ctx context.Context) error {
	records, err := k.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	next := &ring{keys: make(map[int]cipher.AEAD)}
	hasMAC := false
	if current := k.ring.Load(); current != nil {
		next.mac, hasMAC = current.mac, true
		for version, aead := range current.keys {
			next.keys[version] = aead
		}
	}
	for _, r := range records {
		switch {
		case r.Purpose == PurposeMAC && !hasMAC:
			if next.mac, err = k.master.unwrap(ctx, r); err != nil {
				return err
			}
			hasMAC = true
		case r.Purpose == PurposeWrap:
			if err := k.addToRing(ctx, next, r); err != nil {
				return err
			}
		}
	}
	if !hasMAC || next.active == 0 {
		return fmt.Errorf("the database lacks the key-encryption key or the installation's %s key: "+
			"records were deleted; put the database back from its copy", PurposeMAC)
	}
	k.ring.Store(next)
	return nil
}

func (k *Keyring) addToRing(ctx context.Context, next *ring, r KeyRecord) error {
	next.active = max(next.active, r.Version)
	if _, ok := next.keys[r.Version]; ok {
		return nil
	}
	key, err := k.master.unwrap(ctx, r)
	if err != nil {
		return err
	}
	next.keys[r.Version] = newAEAD(key[:])
	Wipe(key[:])
	return nil
}

// Close lets go of the master key. What is sealed and opened with keys already loaded goes on working.
func (k *Keyring) Close() error {
	k.admin.Lock()
	defer k.admin.Unlock()
	if k.master == nil {
		return nil
	}
	return k.master.Close()
}

// Active is the version of the key-encryption key that seals now.
func (k *Keyring) Active() int { return k.ring.Load().active }

// WrapDataKey wraps a data key under the active key-encryption key, for storing. The blob takes 65 bytes and opens only
// with the same aad, see [Binding].
func (k *Keyring) WrapDataKey(key *DataKey, aad []byte) []byte {
	return k.ring.Load().seal(formatDataKey, key.key[:], aad)
}

// UnwrapDataKey opens what WrapDataKey made. The error wraps [ErrTampered], or [ErrUnknownKey], after which
// [Keyring.Reload] helps. The caller wipes the key when done.
func (k *Keyring) UnwrapDataKey(wrapped, aad []byte) (*DataKey, error) {
	raw, err := k.ring.Load().open(formatDataKey, wrapped, aad)
	if err != nil {
		return nil, fmt.Errorf("unwrap data key: %w", err)
	}
	defer Wipe(raw)
	return dataKey(raw)
}

// SealSecret seals a small secret under the active key-encryption key, for storing. It is meant for credentials' secrets:
// one key-encryption key must seal no more than 2^32 keys and secrets (NIST SP 800-38D, section 8.3).
func (k *Keyring) SealSecret(plaintext, aad []byte) []byte {
	return k.ring.Load().seal(formatSecret, plaintext, aad)
}

// OpenSecret opens what SealSecret made, into a buffer that the caller wipes. Errors are those of UnwrapDataKey.
func (k *Keyring) OpenSecret(sealed, aad []byte) ([]byte, error) {
	plaintext, err := k.ring.Load().open(formatSecret, sealed, aad)
	if err != nil {
		return nil, fmt.Errorf("open secret: %w", err)
	}
	return plaintext, nil
}

// MAC is a keyed hash of data: HMAC-SHA256 under a key derived for the purpose (HKDF-SHA256, RFC 5869) from the
// installation's own key. It stays the same through every rotation, and differs between installations.
func (k *Keyring) MAC(purpose string, data []byte) [sha256.Size]byte {
	key, err := hkdf.Key(sha256.New, k.ring.Load().mac[:], nil, "muster mac 1 "+purpose, KeySize)
	if err != nil {
		panic("secret: HKDF refuses 32 bytes") // its only limit is 255 hashes of output (RFC 5869, section 2.3)
	}
	defer Wipe(key)
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return [sha256.Size]byte(h.Sum(nil))
}
