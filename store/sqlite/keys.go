package sqlite

import (
	"context"
	"fmt"

	"muster/secret"
)

// Keys is [secret.KeyStore.Keys].
func (s *Store) Keys(ctx context.Context) ([]secret.KeyRecord, error) {
	var records []secret.KeyRecord
	err := s.readers.read(ctx, func(q querier) (err error) {
		records, err = keyRecords(ctx, q)
		return err
	})
	return records, explain("read keys", err)
}

func keyRecords(ctx context.Context, q querier) ([]secret.KeyRecord, error) {
	var records []secret.KeyRecord
	rows, err := q.query(ctx, selectKeys)
	err = collect(rows, err, func(row scanner) error {
		var r secret.KeyRecord
		err := row.Scan(&r.Purpose, &r.Version, &r.Wrapped, &r.MasterID, moment{&r.CreatedAt})
		records = append(records, r)
		return err
	})
	return records, err
}

// AddKeys is [secret.KeyStore.AddKeys].
func (s *Store) AddKeys(ctx context.Context, records ...secret.KeyRecord) error {
	err := s.writer.small(ctx, func(c *conn) error {
		for _, r := range records {
			known, err := keyOnRecord(c, r.Purpose, r.Version)
			if err != nil {
				return err
			}
			if known {
				return fmt.Errorf("key %s of version %d: %w", r.Purpose, r.Version, secret.ErrKeyExists)
			}
			_, err = c.exec(insertKey, string(r.Purpose), r.Version, r.Wrapped, r.MasterID, millis(r.CreatedAt))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return explain("add keys", err)
}

// RewrapKey is [secret.KeyStore.RewrapKey].
func (s *Store) RewrapKey(ctx context.Context, old secret.KeyRecord, wrapped []byte, masterID string) error {
	err := s.writer.small(ctx, func(c *conn) error {
		n, err := c.exec(rewrapKey, wrapped, masterID, string(old.Purpose), old.Version, old.Wrapped)
		if err == nil && n == 0 {
			return fmt.Errorf("key %s of version %d: %w", old.Purpose, old.Version, secret.ErrKeyChanged)
		}
		return err
	})
	return explain("wrap a key anew", err)
}

// DeleteKey is [secret.KeyStore.DeleteKey].
func (s *Store) DeleteKey(ctx context.Context, version int) error {
	err := s.writer.small(ctx, func(c *conn) error {
		ctx := context.Background()
		tenants, err := tenantIDs(ctx, c)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			for _, use := range [...]statement{selectPayloadKeyUse, selectKeptKeyUse, selectSecretUse, selectProfileSecretUse, selectHookSecretUse} {
				var used bool
				if err := c.row(ctx, use, int64(tenant), version).Scan(&used); err != nil {
					return err
				}
				if used {
					return fmt.Errorf("version %d seals something of tenant %s: %w", version, tenant, secret.ErrKeyInUse)
				}
			}
		}
		_, err = c.exec(deleteKey, string(secret.PurposeWrap), version)
		return err
	})
	return explain("delete a key", err)
}

func keyOnRecord(c *conn, purpose secret.KeyPurpose, version int) (known bool, err error) {
	err = c.row(context.Background(), selectKeyVersion, string(purpose), version).Scan(&known)
	return known, err
}

// versionOnRecord is the version of the key that the blob is sealed under. It must be on record: a blob sealed just
// before a rotation, and stored just after it, could never be opened.
func versionOnRecord(c *conn, blob []byte) (int, error) {
	version, err := secret.KeyVersion(blob)
	if err != nil {
		return 0, err
	}
	known, err := keyOnRecord(c, secret.PurposeWrap, version)
	if err == nil && !known {
		err = fmt.Errorf("sealed under key version %d: %w", version, secret.ErrUnknownKey)
	}
	return version, err
}
