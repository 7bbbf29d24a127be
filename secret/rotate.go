package secret

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// rewrapStep is how many items a transaction of a rotation replaces: some milliseconds of the writer's time.
	rewrapStep = 200

	// rewrapPasses bounds how often a rotation looks for items again: those of a process that had not yet heard of the
	// new key while the pass before was under way.
	rewrapPasses = 4
)

// Rotation tells what a rotation did.
type Rotation struct {
	Active    int   // the key version that seals from now on
	Rewrapped int   // items that were sealed under older keys
	Deleted   []int // versions that are gone
	Kept      []int // versions that had to stay; the error says why
}

// Rotate makes a new key-encryption key, re-wraps all items under it in small transactions, and deletes the older keys.
//
// Broken off at any point, by a crash, an error or ctx, it loses nothing: the newest key is active, older ones open what
// is still under them, and [Keyring.Resume] goes on. Items that do not open are left under their key, which is kept;
// all others are re-wrapped before the error, that of the first such item, is returned. An error that wraps [ErrKeyInUse]
// says that another process still seals under an older key, which goes when that one calls [Keyring.Refresh].
func (k *Keyring) Rotate(ctx context.Context, items Rewrapper) (Rotation, error) {
	k.admin.Lock()
	defer k.admin.Unlock()
	err := k.addKeys(ctx, func(records []KeyRecord) []keyName {
		return []keyName{{PurposeWrap, newest(records) + 1}}
	})
	// Where another process rotated at the same moment, its key is as new as ours would have been.
	if err != nil && !errors.Is(err, ErrKeyExists) {
		return Rotation{Active: k.Active()}, fmt.Errorf("rotate keys: %w", err)
	}
	return k.finish(ctx, items)
}

// Resume finishes what a broken-off [Keyring.Rotate] or [Keyring.RotateMaster] left, and does nothing else. A server
// calls it when it has started.
func (k *Keyring) Resume(ctx context.Context, items Rewrapper) (Rotation, error) {
	k.admin.Lock()
	defer k.admin.Unlock()
	if err := k.finishMaster(ctx, false); err != nil {
		return Rotation{Active: k.Active()}, fmt.Errorf("finish rotation of the master key: %w", err)
	}
	return k.finish(ctx, items)
}

// Refresh loads keys that another process has added, and finishes a rotation that could not delete older ones while this process
// still sealed under them. Where several share the database, each calls it every minute or so.
func (k *Keyring) Refresh(ctx context.Context, items Rewrapper) (Rotation, error) {
	k.admin.Lock()
	defer k.admin.Unlock()
	return k.finish(ctx, items)
}

func newest(records []KeyRecord) int {
	version := 0
	for _, r := range records {
		if r.Purpose == PurposeWrap {
			version = max(version, r.Version)
		}
	}
	return version
}

// finish re-wraps whatever is under keys older than the newest, and deletes these.
func (k *Keyring) finish(ctx context.Context, items Rewrapper) (Rotation, error) {
	if err := k.load(ctx); err != nil {
		return Rotation{Active: k.Active()}, fmt.Errorf("rotate keys: %w", err)
	}
	done := Rotation{Active: k.Active()}
	older, err := k.olderKeys(ctx)
	if err != nil || len(older) == 0 {
		return done, err
	}
	broken, err := k.rewrapAll(ctx, items, &done)
	if err != nil {
		return done, fmt.Errorf("rotate keys: %w", err)
	}
	err = k.deleteKeys(ctx, older, &done)
	if broken.count > 0 {
		return done, fmt.Errorf("rotate keys: %d items do not open, the first is %s: delete them or put them back from a copy; key versions %v stay: %w",
			broken.count, broken.first, done.Kept, broken.err)
	}
	return done, err
}

func (k *Keyring) olderKeys(ctx context.Context) ([]int, error) {
	records, err := k.store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("rotate keys: read keys: %w", err)
	}
	var older []int
	for _, r := range records {
		if r.Purpose == PurposeWrap && r.Version < k.Active() {
			older = append(older, r.Version)
		}
	}
	slices.Sort(older)
	return older, nil
}

// deleteKeys deletes the versions, oldest first. One that is still in use does not keep the others.
func (k *Keyring) deleteKeys(ctx context.Context, versions []int, done *Rotation) error {
	var inUse error
	for _, version := range versions {
		err := k.store.DeleteKey(ctx, version)
		switch {
		case err == nil:
			done.Deleted = append(done.Deleted, version)
		case errors.Is(err, ErrKeyInUse):
			done.Kept = append(done.Kept, version)
			inUse = fmt.Errorf("rotate keys: version %d stays: %w", version, err)
		default:
			return fmt.Errorf("rotate keys: delete version %d: %w", version, err)
		}
	}
	return inUse
}

// brokenItems are those that a pass could not open.
type brokenItems struct {
	count int
	first string
	err   error
}

// rewrapAll passes over the items until a pass finds none that it could re-wrap.
func (k *Keyring) rewrapAll(ctx context.Context, items Rewrapper, done *Rotation) (broken brokenItems, err error) {
	for range rewrapPasses {
		var rewrapped int
		broken, rewrapped, err = k.rewrapPass(ctx, items)
		done.Rewrapped += rewrapped
		if err != nil || rewrapped == 0 {
			break
		}
	}
	return broken, err
}

func (k *Keyring) rewrapPass(ctx context.Context, items Rewrapper) (broken brokenItems, rewrapped int, err error) {
	ring := k.ring.Load()
	after := ""
	for {
		step, err := items.NextWrapped(ctx, ring.active, after, rewrapStep)
		if err != nil {
			return broken, rewrapped, fmt.Errorf("read items to re-wrap: %w", err)
		}
		if len(step) == 0 {
			return broken, rewrapped, nil
		}
		after = step[len(step)-1].Ref
		ready := step[:0]
		for _, item := range step {
			item.New, err = ring.rewrap(item.Old, item.AAD)
			if err == nil {
				ready = append(ready, item)
				continue
			}
			if broken.count == 0 {
				broken.first, broken.err = item.Ref, err
			}
			broken.count++
		}
		if len(ready) == 0 {
			continue
		}
		if err := items.ReplaceWrapped(ctx, ready); err != nil {
			return broken, rewrapped, fmt.Errorf("store re-wrapped items: %w", err)
		}
		rewrapped += len(ready)
	}
}
