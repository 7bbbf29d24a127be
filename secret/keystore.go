package secret

import (
	"context"
	"errors"
	"time"
)

// KeyPurpose says what a key in the database is for.
type KeyPurpose string

const (
	// PurposeWrap marks a key-encryption key. There is one for each version; the highest is active.
	PurposeWrap KeyPurpose = "wrap"

	// PurposeMAC marks the installation's key for keyed hashes, see [Keyring.MAC]. There is one, version 1, and it never
	// changes: what was hashed before a rotation is recognised after it.
	PurposeMAC KeyPurpose = "mac"
)

var (
	// ErrKeyExists says that a version is taken: another process added it first.
	ErrKeyExists = errors.New("the key version exists")

	// ErrKeyChanged says that a record is not what it was when it was read, or is gone.
	ErrKeyChanged = errors.New("the key record was changed by another process")

	// ErrKeyInUse says that something is still sealed under a key.
	ErrKeyInUse = errors.New("the key is in use")
)

// KeyRecord is a key as the database keeps it. The database alone opens nothing.
type KeyRecord struct {
	Purpose   KeyPurpose
	Version   int       // from 1; below 2^31
	Wrapped   []byte    // by the master key; at most 64 KiB, 104 with a local master key
	MasterID  string    // which master key wrapped it; no secret, at most 128 bytes
	CreatedAt time.Time // UTC, whole seconds
}

// KeyStore is the database's part in keeping keys. Its methods are safe for concurrent use, and what they wrote survives
// a power cut once they returned nil: rotation removes a master key on the strength of it.
//
// The store that keeps KeyRecords keeps what is sealed under them too, and has one duty there: it stores a wrapped data
// key or a sealed secret only if, in the same transaction, the key version that the blob names ([KeyVersion]) is on
// record, and else fails with an error that wraps [ErrUnknownKey]. A foreign key does it. Without this, a blob sealed
// just before a rotation and stored just after it could never be opened.
type KeyStore interface {
	// Keys lists all records as of one moment, in any order.
	Keys(ctx context.Context) ([]KeyRecord, error)

	// AddKeys stores new records, all or none. If purpose and version of one are taken, the error wraps [ErrKeyExists].
	AddKeys(ctx context.Context, records ...KeyRecord) error

	// RewrapKey sets Wrapped and MasterID of the record with old's purpose and version, if its Wrapped is still old's;
	// else the error wraps [ErrKeyChanged].
	RewrapKey(ctx context.Context, old KeyRecord, wrapped []byte, masterID string) error

	// DeleteKey deletes the key-encryption key of a version, unless a stored blob names it, which it finds out in the same
	// transaction: then the error wraps [ErrKeyInUse]. Deleting what is not there is no error.
	DeleteKey(ctx context.Context, version int) error
}

// WrappedItem is a wrapped data key or a sealed secret on its way through a rotation.
type WrappedItem struct {
	Ref string // the store's name for where the blob lives; errors quote it, so it holds no personal data
	AAD []byte // the binding it was sealed with
	Old []byte // the blob as read
	New []byte // the blob under the active key; empty when read
}

// Rewrapper gives rotation access to everything that is sealed under key-encryption keys.
type Rewrapper interface {
	// NextWrapped lists up to limit items whose key version is below olderThan and whose Ref is above after, ordered by
	// Ref bytewise. Refs are not empty; after "" is the beginning. No item is the end.
	NextWrapped(ctx context.Context, olderThan int, after string, limit int) ([]WrappedItem, error)

	// ReplaceWrapped sets to New, in one transaction, each item whose blob is still Old. The others were deleted or sealed
	// anew in the meantime; they are left as they are, and that is no error.
	ReplaceWrapped(ctx context.Context, items []WrappedItem) error

	// CountWrapped counts stored items by key version.
	CountWrapped(ctx context.Context) (map[int]int, error)
}
