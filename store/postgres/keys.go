package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster/secret"
)

// Keys is [secret.KeyStore.Keys].
func (s *Store) Keys(ctx context.Context) ([]secret.KeyRecord, error) {
	var records []secret.KeyRecord
	err := s.read(ctx, func(t *tx) error {
		t.keyRecords(&records)
		return nil
	})
	return records, explain("read keys", err)
}

func (t *tx) keyRecords(records *[]secret.KeyRecord) {
	t.rows(func(row scanner) error {
		var r secret.KeyRecord
		err := row.Scan(&r.Purpose, &r.Version, &r.Wrapped, &r.MasterID, &r.CreatedAt)
		*records = append(*records, r)
		return err
	}, selectKeys)
}

// AddKeys is [secret.KeyStore.AddKeys].
func (s *Store) AddKeys(ctx context.Context, records ...secret.KeyRecord) error {
	n := len(records)
	purposes, masters := make([]string, n), make([]string, n)
	versions, wrapped, created := make([]int32, n), make([][]byte, n), make([]time.Time, n)
	for i, r := range records {
		purposes[i], versions[i], wrapped[i], masters[i], created[i] = string(r.Purpose), int32(r.Version), r.Wrapped, r.MasterID, r.CreatedAt
	}
	err := s.writeOutside(ctx, func(t *tx) error {
		var added int64
		t.count(&added, insertKeys, purposes, versions, wrapped, masters, created)
		if err := t.flush(); err != nil {
			return err
		}
		if added < int64(n) {
			return fmt.Errorf("%d of %d keys: %w", int64(n)-added, n, secret.ErrKeyExists)
		}
		return nil
	})
	return explain("add keys", err)
}

// RewrapKey is [secret.KeyStore.RewrapKey].
func (s *Store) RewrapKey(ctx context.Context, old secret.KeyRecord, wrapped []byte, masterID string) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		var n int64
		t.count(&n, rewrapKey, string(old.Purpose), old.Version, old.Wrapped, wrapped, masterID)
		if err := t.flush(); err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("key %s of version %d: %w", old.Purpose, old.Version, secret.ErrKeyChanged)
		}
		return nil
	})
	return explain("wrap a key anew", err)
}

// DeleteKey is [secret.KeyStore.DeleteKey].
func (s *Store) DeleteKey(ctx context.Context, version int) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		t.exec(lockKeys)
		tenants, err := t.tenantIDs()
		if err != nil {
			return err
		}
		uses := [...]statement{selectPayloadKeyUse, selectKeptKeyUse, selectSecretUse, selectProfileSecretUse, selectHookSecretUse}
		used := make([]bool, len(tenants)*len(uses))
		for i, tenant := range tenants {
			for k, use := range uses {
				t.row([]any{&used[i*len(uses)+k]}, use, tenant, version)
			}
		}
		if err := t.flush(); err != nil {
			return err
		}
		if i := slices.Index(used, true); i >= 0 {
			return fmt.Errorf("version %d seals something of tenant %s: %w", version, tenants[i/len(uses)], secret.ErrKeyInUse)
		}
		t.exec(deleteKey, string(secret.PurposeWrap), version)
		return nil
	})
	return explain("delete a key", err)
}

// keyVersions are those of the keys that blobs are sealed under. They must be on record: a blob sealed just before a
// rotation, and stored just after it, could never be opened.
type keyVersions struct {
	of    []int32 // in the blobs' order
	known []int32
}

// keyVersions queues a look-up of the blobs' versions; none of these is deleted before the transaction ends.
func (t *tx) keyVersions(blobs ...[]byte) (*keyVersions, error) {
	v := &keyVersions{of: make([]int32, len(blobs))}
	for i, blob := range blobs {
		version, err := secret.KeyVersion(blob)
		if err != nil {
			return nil, err
		}
		v.of[i] = int32(version)
	}
	t.exec(lockKeysShared)
	t.rows(func(row scanner) error {
		var version int32
		err := row.Scan(&version)
		v.known = append(v.known, version)
		return err
	}, selectKeyVersions, string(secret.PurposeWrap), v.of)
	return v, nil
}

// onRecord judges what the look-up found, after the flush.
func (v *keyVersions) onRecord() error {
	for _, version := range v.of {
		if !slices.Contains(v.known, version) {
			return fmt.Errorf("sealed under key version %d: %w", version, secret.ErrUnknownKey)
		}
	}
	return nil
}
