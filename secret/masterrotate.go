package secret

import (
	"context"
	"errors"
	"fmt"
)

// RotateMaster changes the master key. With a key file, a new key is added to it, the keys in the database are wrapped
// anew, and the old key is removed from the file, in this order; broken off at any point it loses nothing, and
// [Keyring.Resume] goes on. At a key service, whose keys are rotated by its own means, the keys in the database
// are wrapped anew, and so by the service's newest key.
//
// To move to another master key instead, open the Keyring with the new one as Master, the old one under Previous, and
// call Resume; the old one is not needed after that.
//
// A key file that this process may not write is managed by somebody else, who takes the old key out of it once the new one, below
// it, is everywhere; a new key is not added to it.
//
// Copies of the old key file open old copies of the database for ever: delete the former with the latter.
func (k *Keyring) RotateMaster(ctx context.Context) error {
	k.admin.Lock()
	defer k.admin.Unlock()
	if err := k.finishMaster(ctx, true); err != nil {
		return fmt.Errorf("rotate the master key: %w", err)
	}
	return nil
}

// finishMaster brings every record under the current master key, a new one if renew is set, and removes the others from
// the key file. A rotation that was broken off is finished first, so that the file holds two keys at most.
func (k *Keyring) finishMaster(ctx context.Context, renew bool) error {
	unlock, err := k.master.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := k.reopenMaster(ctx); err != nil {
		return err
	}
	file := k.master.file
	if file == "" {
		return k.rewrapKeys(ctx, renew)
	}
	if err := k.settleFile(ctx, file); err != nil || !renew {
		return err
	}
	keys, err := readKeys(file)
	if err != nil {
		return err
	}
	if err := writeKeys(file, append(keys, newLocalKey())); err != nil {
		return err
	}
	if err := k.reopenMaster(ctx); err != nil {
		return err
	}
	return k.settleFile(ctx, file)
}

// settleFile leaves the current key alone in the key file, once nothing needs the others.
func (k *Keyring) settleFile(ctx context.Context, file string) error {
	if err := k.rewrapKeys(ctx, false); err != nil {
		return err
	}
	keys, err := readKeys(file)
	if err != nil || len(keys) == 1 {
		return err
	}
	err = writeKeys(file, keys[len(keys)-1:])
	switch {
	case isReadOnly(err):
		return nil
	case err != nil:
		return err
	}
	return k.reopenMaster(ctx)
}

// rewrapKeys wraps every record that is not under the current master key by it, or each one if all is set, and returns
// nil only after reading that none is left.
func (k *Keyring) rewrapKeys(ctx context.Context, all bool) error {
	for {
		records, err := k.store.Keys(ctx)
		if err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		stale := records[:0]
		for _, r := range records {
			if all || r.MasterID != k.master.ID() {
				stale = append(stale, r)
			}
		}
		if len(stale) == 0 {
			return nil
		}
		for _, r := range stale {
			if err := k.rewrapKey(ctx, r); err != nil {
				return err
			}
		}
		all = false
	}
}

func (k *Keyring) rewrapKey(ctx context.Context, r KeyRecord) error {
	key, err := k.master.unwrap(ctx, r)
	if err != nil {
		return err
	}
	defer Wipe(key[:])
	wrapped, err := k.master.wrap(ctx, r.Purpose, r.Version, &key)
	if err != nil {
		return err
	}
	err = k.store.RewrapKey(ctx, r, wrapped, k.master.ID())
	if err != nil && !errors.Is(err, ErrKeyChanged) { // a changed record is looked at again
		return fmt.Errorf("store %s key %d: %w", r.Purpose, r.Version, err)
	}
	return nil
}
