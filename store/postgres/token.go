package postgres

import (
	"context"
	"crypto/sha256"
	"time"

	"muster"
	"muster/access"
)

const noToken = "The token does not exist, or has expired."

// CreateTokens is [access.TokenStore.CreateTokens]. It takes no lock: a token changes nothing of the directory, and its holder
// does not wait for batches.
func (s *Store) CreateTokens(ctx context.Context, tenant muster.ID, tokens ...*access.Token) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		var stored *muster.Tenant
		t.tenantBy(&stored, selectTenant, tenant)
		if err := t.flush(); err != nil {
			return err
		}
		if _, err := found(stored, noTenant); err != nil {
			return err
		}
		t.insertTokens(tenant, tokens)
		return nil
	})
	return explain("create tokens", err)
}

func (t *tx) insertTokens(tenant muster.ID, tokens []*access.Token) {
	n := len(tokens)
	hashes, kinds, apps, secrets := make([][]byte, n), make([]int16, n), make([]string, n), make([]time.Time, n)
	users, epochs, families, lives := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	byHash := make(map[[sha256.Size]byte]*access.Token, n)
	for i, k := range tokens {
		hashes[i], kinds[i], apps[i], secrets[i] = k.Hash[:], int16(k.Kind), k.AppID, k.SecretAt
		users[i], epochs[i], families[i], lives[i] = int64(k.User), k.Epoch, int64(k.Family), int64(k.Life/time.Second)
		byHash[k.Hash] = k
	}
	t.exec(insertTokenIndex, tenant, hashes)
	t.rows(func(row scanner) error {
		var hash []byte
		var issued, expires time.Time
		if err := row.Scan(&hash, &issued, &expires); err != nil {
			return err
		}
		k := byHash[[sha256.Size]byte(hash)]
		k.IssuedAt, k.ExpiresAt = issued, expires
		return nil
	}, insertTokens, tenant, hashes, kinds, apps, secrets, users, epochs, families, lives)
}

// CredentialAndToken is [access.TokenStore.CredentialAndToken].
func (s *Store) CredentialAndToken(ctx context.Context, appID string, hash [sha256.Size]byte) (*muster.Credential, *access.Token, error) {
	var credential *muster.Credential
	var token *access.Token
	err := s.read(ctx, func(t *tx) error {
		var tenant muster.ID
		t.rows(func(row scanner) error { return row.Scan(&tenant) }, selectCredentialIndex, appID)
		if err := t.flush(); err != nil {
			return err
		}
		t.credential(&credential, tenant, appID)
		t.token(&token, tenant, hash)
		return nil
	})
	if err != nil {
		return nil, nil, explain("read a credential and a token", err)
	}
	return credential, token, nil
}

// token queues a look-up of a token, and leaves nil where there is none.
func (t *tx) token(token **access.Token, tenant muster.ID, hash [sha256.Size]byte) {
	t.rows(func(row scanner) error {
		k := &access.Token{Tenant: tenant, Hash: hash}
		err := row.Scan(&k.Kind, &k.AppID, &k.SecretAt, &k.User, &k.Epoch, &k.Family, &k.IssuedAt, &k.ExpiresAt)
		k.Life = k.ExpiresAt.Sub(k.IssuedAt)
		*token = k
		return err
	}, selectToken, tenant, hash[:])
}

// Token is [access.TokenStore.Token].
func (s *Store) Token(ctx context.Context, hash [sha256.Size]byte) (*access.Token, error) {
	var token *access.Token
	err := s.read(ctx, func(t *tx) error {
		var tenant muster.ID
		t.rows(func(row scanner) error { return row.Scan(&tenant) }, selectTokenIndex, hash[:])
		if err := t.flush(); err != nil {
			return err
		}
		t.token(&token, tenant, hash)
		return nil
	})
	if err != nil {
		return nil, explain("read a token", err)
	}
	return found(token, noToken)
}

// UseRefresh is [access.TokenStore.UseRefresh].
func (s *Store) UseRefresh(ctx context.Context, tenant muster.ID, hash [sha256.Size]byte, grace time.Duration, next ...*access.Token) error {
	known, stolen := false, false
	err := s.writeOutside(ctx, func(t *tx) error {
		var family muster.ID
		t.rows(func(row scanner) error {
			var late *bool // NULL: it was not used before
			known = true
			err := row.Scan(&family, &late)
			stolen = late != nil && *late
			return err
		}, selectRefresh, tenant, hash[:], access.TokenRefresh, grace.Microseconds())
		if err := t.flush(); err != nil || !known {
			return err
		}
		if stolen {
			var hashes [][]byte
			t.rows(scanHashes(&hashes), selectFamily, tenant, family)
			if err := t.flush(); err != nil {
				return err
			}
			t.deleteTokens(tenant, hashes)
			return nil
		}
		t.exec(useRefresh, tenant, hash[:])
		t.insertTokens(tenant, next)
		return nil
	})
	if err == nil && (stolen || !known) {
		err = &muster.Error{Kind: muster.KindNotFound, Detail: noToken}
	}
	return explain("use a refresh token", err)
}

// deleteTokens queues what deletes tokens, and what finds their tenant.
func (t *tx) deleteTokens(tenant muster.ID, hashes [][]byte) {
	t.exec(deleteTokens, tenant, hashes)
	t.exec(deleteTokenIndex, hashes)
}

func scanHashes(hashes *[][]byte) func(scanner) error {
	return func(row scanner) error {
		var hash []byte
		err := row.Scan(&hash)
		*hashes = append(*hashes, hash)
		return err
	}
}

// RefusedAttempts is [access.TokenStore.RefusedAttempts].
func (s *Store) RefusedAttempts(ctx context.Context, keys ...access.AttemptKey) ([]access.Attempts, error) {
	counted := make(map[access.AttemptKey]access.Attempts, len(keys))
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			var key []byte
			var a access.Attempts
			var left int64
			if err := row.Scan(&key, &a.Count, &left); err != nil {
				return err
			}
			a.Left = time.Duration(left) * time.Microsecond
			counted[access.AttemptKey(key)] = a
			return nil
		}, selectAttempts, attemptKeys(keys))
		return nil
	})
	attempts := make([]access.Attempts, len(keys))
	for i, key := range keys {
		attempts[i] = counted[key]
	}
	return attempts, explain("read refused attempts", err)
}

// CountRefusedAttempt is [access.TokenStore.CountRefusedAttempt].
func (s *Store) CountRefusedAttempt(ctx context.Context, window time.Duration, keys ...access.AttemptKey) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		t.exec(upsertAttempts, attemptKeys(keys), window.Microseconds())
		return nil
	})
	return explain("count a refused attempt", err)
}

func attemptKeys(keys []access.AttemptKey) [][]byte {
	list := make([][]byte, len(keys))
	for i := range keys {
		list[i] = keys[i][:]
	}
	return list
}
