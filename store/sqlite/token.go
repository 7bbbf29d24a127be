package sqlite

import (
	"context"
	"crypto/sha256"
	"time"

	"muster"
	"muster/access"
)

const noToken = "The token does not exist, or has expired."

// CreateTokens is [access.TokenStore.CreateTokens].
func (s *Store) CreateTokens(ctx context.Context, tenant muster.ID, tokens ...*access.Token) error {
	err := s.writer.small(ctx, func(c *conn) error {
		if _, err := scanTenant(c.row(context.Background(), selectTenant, int64(tenant))); err != nil {
			return exists(err, noTenant)
		}
		return insertTokens(c, tenant, tokens, s.now())
	})
	return explain("create tokens", err)
}

func insertTokens(c *conn, tenant muster.ID, tokens []*access.Token, now time.Time) error {
	for _, t := range tokens {
		t.IssuedAt = now.UTC().Truncate(time.Second)
		t.ExpiresAt = t.IssuedAt.Add(t.Life)
		_, err := c.exec(insertToken, int64(tenant), t.Hash[:], int64(t.Kind), t.AppID, millis(t.SecretAt), orNoID(t.User), t.Epoch,
			orNoID(t.Family), millis(t.IssuedAt), millis(t.ExpiresAt))
		if err != nil {
			return err
		}
	}
	return nil
}

// Token is [access.TokenStore.Token].
func (s *Store) Token(ctx context.Context, hash [sha256.Size]byte) (*access.Token, error) {
	var t *access.Token
	err := s.readers.read(ctx, func(q querier) (err error) {
		t, err = s.token(ctx, q, hash)
		return err
	})
	if err != nil {
		return nil, explain("read a token", err)
	}
	return t, nil
}

func (s *Store) token(ctx context.Context, q querier, hash [sha256.Size]byte) (*access.Token, error) {
	t := access.Token{Hash: hash}
	err := q.row(ctx, selectToken, hash[:], millis(s.now())).
		Scan(&t.Tenant, &t.Kind, &t.AppID, moment{&t.SecretAt}, &t.User, &t.Epoch, &t.Family, moment{&t.IssuedAt}, moment{&t.ExpiresAt})
	t.Life = t.ExpiresAt.Sub(t.IssuedAt)
	return &t, exists(err, noToken)
}

// CredentialAndToken is [access.TokenStore.CredentialAndToken].
func (s *Store) CredentialAndToken(ctx context.Context, appID string, hash [sha256.Size]byte) (*muster.Credential, *access.Token, error) {
	var credential *muster.Credential
	var token *access.Token
	err := s.readers.read(ctx, func(q querier) (err error) {
		if credential, err = findCredential(ctx, q, appID); err != nil && !isRefusal(err) {
			return err
		}
		if isRefusal(err) {
			credential = nil
		}
		if token, err = s.token(ctx, q, hash); err != nil && !isRefusal(err) {
			return err
		}
		if isRefusal(err) || credential == nil || token.Tenant != credential.Tenant {
			token = nil
		}
		return nil
	})
	if err != nil {
		return nil, nil, explain("read a credential and a token", err)
	}
	return credential, token, nil
}

// UseRefresh is [access.TokenStore.UseRefresh].
func (s *Store) UseRefresh(ctx context.Context, tenant muster.ID, hash [sha256.Size]byte, grace time.Duration, next ...*access.Token) error {
	var refused error
	err := s.writer.small(ctx, func(c *conn) error {
		now := s.now()
		var family muster.ID
		var used time.Time
		err := c.row(context.Background(), selectRefresh, int64(tenant), hash[:], int64(access.TokenRefresh), millis(now)).
			Scan(&family, moment{&used})
		if err != nil {
			return exists(err, noToken)
		}
		if !used.IsZero() && !now.Before(used.Add(grace)) {
			// The deletion stands, so that this is no error of the transaction.
			refused = &muster.Error{Kind: muster.KindNotFound, Detail: noToken}
			_, err := c.exec(deleteFamily, int64(tenant), int64(family))
			return err
		}
		if _, err := c.exec(useRefresh, millis(now), int64(tenant), hash[:]); err != nil {
			return err
		}
		return insertTokens(c, tenant, next, now)
	})
	if err == nil {
		err = refused
	}
	return explain("use a refresh token", err)
}

// RefusedAttempts is [access.TokenStore.RefusedAttempts].
func (s *Store) RefusedAttempts(ctx context.Context, keys ...access.AttemptKey) ([]access.Attempts, error) {
	attempts := make([]access.Attempts, len(keys))
	err := s.readers.read(ctx, func(q querier) error {
		now := millis(s.now())
		for i := range keys {
			var until int64
			err := q.row(ctx, selectAttempt, keys[i][:], now).Scan(&attempts[i].Count, &until)
			if isRefusal(err) { // nothing is counted
				continue
			}
			if err != nil {
				return err
			}
			attempts[i].Left = time.Duration(until-now) * time.Millisecond
		}
		return nil
	})
	return attempts, explain("read refused attempts", err)
}

// CountRefusedAttempt is [access.TokenStore.CountRefusedAttempt].
func (s *Store) CountRefusedAttempt(ctx context.Context, window time.Duration, keys ...access.AttemptKey) error {
	err := s.writer.small(ctx, func(c *conn) error {
		now := s.now()
		for i := range keys {
			if _, err := c.exec(upsertAttempt, keys[i][:], millis(now), millis(now.Add(window))); err != nil {
				return err
			}
		}
		return nil
	})
	return explain("count a refused attempt", err)
}
