package access

import (
	"context"
	"errors"
	"time"

	"muster"
	"muster/secret"
)

// Keyring seals the secrets of credentials; [*secret.Keyring] is one.
type Keyring interface {
	// SealSecret seals plaintext so that it opens only with the same aad.
	SealSecret(plaintext, aad []byte) []byte
	// OpenSecret opens what SealSecret made, into a buffer that the caller wipes. The error wraps [secret.ErrUnknownKey]
	// where Reload may help.
	OpenSecret(sealed, aad []byte) ([]byte, error)
	// Reload learns of keys that another process made.
	Reload(ctx context.Context) error
}

// Service makes and changes tenants and credentials. All fields are mandatory; it is safe for concurrent use.
//
// Its refusals are [*muster.Error]: KindInvalid for what breaks a rule, KindNotFound and KindConflict as [Store] gives
// them, KindUnavailable when the clock is not fit to make ids.
type Service struct {
	Store     Store
	Directory Changer
	Keyring   Keyring
	IDs       *muster.IDSource
	Now       func() time.Time
}

// SecretBinding is the additional data under which a credential's secrets are sealed: moved to another tenant or AppID,
// they do not open. Who re-wraps secrets for a key rotation needs it.
func SecretBinding(tenant muster.ID, appID string) []byte {
	return append(secret.Binding("credential", int64(tenant)), appID...)
}

// sealing seals and stores by way of do, and does it once more, with the keys loaded anew, if a rotation took the key away
// in between.
func sealing(ctx context.Context, keyring Keyring, do func() error) error {
	err := do()
	if !errors.Is(err, secret.ErrUnknownKey) {
		return err
	}
	if err := keyring.Reload(ctx); err != nil {
		return err
	}
	return do()
}
