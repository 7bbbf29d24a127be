package sqlite

import (
	"context"
	"crypto/sha256"
	"time"

	"muster"
	"muster/access"
)

// CreateToken is [access.TokenStore.CreateToken].
func (s *Store) CreateToken(ctx context.Context, t *access.Token) error {
	err := s.writer.small(ctx, func(c *conn) error {
		if _, err := scanTenant(c.row(context.Background(), selectTenant, int64(t.Tenant))); err != nil {
			return exists(err, noTenant)
		}
		_, err := c.exec(insertToken, int64(t.Tenant), t.Hash[:], int64(t.Kind), t.AppID, millis(t.SecretAt), millis(t.IssuedAt),
			millis(t.ExpiresAt))
		return err
	})
	return explain("create a token", err)
}

// Token is [access.TokenStore.Token].
func (s *Store) Token(ctx context.Context, tenant muster.ID, hash [sha256.Size]byte, now time.Time) (*access.Token, error) {
	t := access.Token{Tenant: tenant, Hash: hash}
	err := s.readers.read(ctx, func(q querier) error {
		err := q.row(ctx, selectToken, int64(tenant), hash[:], millis(now)).
			Scan(&t.Kind, &t.AppID, moment{&t.SecretAt}, moment{&t.IssuedAt}, moment{&t.ExpiresAt})
		return exists(err, "The token does not exist, or has expired.")
	})
	if err != nil {
		return nil, explain("read a token", err)
	}
	return &t, nil
}

// RefusedAttempts is [access.TokenStore.RefusedAttempts].
func (s *Store) RefusedAttempts(ctx context.Context, now time.Time, keys ...access.AttemptKey) ([]access.Attempts, error) {
	attempts := make([]access.Attempts, len(keys))
	err := s.readers.read(ctx, func(q querier) error {
		for i := range keys {
			err := q.row(ctx, selectAttempt, keys[i][:], millis(now)).Scan(&attempts[i].Count, moment{&attempts[i].Until})
			if err != nil && !isRefusal(err) { // nothing is counted
				return err
			}
		}
		return nil
	})
	return attempts, explain("read refused attempts", err)
}

// CountRefusedAttempt is [access.TokenStore.CountRefusedAttempt].
func (s *Store) CountRefusedAttempt(ctx context.Context, now, until time.Time, keys ...access.AttemptKey) error {
	err := s.writer.small(ctx, func(c *conn) error {
		for i := range keys {
			if _, err := c.exec(upsertAttempt, keys[i][:], millis(now), millis(until)); err != nil {
				return err
			}
		}
		return nil
	})
	return explain("count a refused attempt", err)
}
