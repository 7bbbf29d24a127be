package sqlite

import (
	"context"
	"errors"

	"muster"
)

const noCredential = "The credential does not exist."

// CreateCredential is [access.Store.CreateCredential].
func (s *Store) CreateCredential(ctx context.Context, credential *muster.Credential) error {
	err := s.writer.small(ctx, func(c *conn) error {
		ctx := context.Background()
		if _, err := scanTenant(c.row(ctx, selectTenant, int64(credential.Tenant))); err != nil {
			return exists(err, noTenant)
		}
		if _, err := scanCredential(c.row(ctx, selectCredential, credential.AppID)); !isRefusal(err) {
			return taken(err, "appId", "A credential with this AppId exists.")
		}
		_, err := c.exec(insertCredential, int64(credential.Tenant), credential.AppID, credential.Name, credential.Disabled, int64(credential.Scopes),
			millis(credential.CreatedAt))
		if err != nil {
			return err
		}
		return writeSecrets(c, credential)
	})
	return explain("create a credential", err)
}

// Credential is [access.Store.Credential].
func (s *Store) Credential(ctx context.Context, appID string) (credential *muster.Credential, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		credential, err = findCredential(ctx, q, appID)
		return err
	})
	if err != nil {
		return nil, explain("read a credential", err)
	}
	return credential, nil
}

func findCredential(ctx context.Context, q querier, appID string) (*muster.Credential, error) {
	credential, err := readCredential(ctx, q, q.row(ctx, selectCredential, appID))
	if isRefusal(err) {
		// Whether somebody has an AppID must not be told by the time that the answer takes: look for secrets all the same.
		err = errors.Join(err, readSecrets(ctx, q, &muster.Credential{AppID: appID}))
	}
	return credential, err
}

// Credentials is [access.Store.Credentials].
func (s *Store) Credentials(ctx context.Context, tenant muster.ID) ([]muster.Credential, error) {
	var all []muster.Credential
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectTenantCredentials, int64(tenant))
		err = collect(rows, err, func(row scanner) error {
			credential, err := scanCredential(row)
			if err == nil {
				all = append(all, *credential)
			}
			return err
		})
		for i := range all {
			if err == nil {
				err = readSecrets(ctx, q, &all[i])
			}
		}
		return err
	})
	return all, explain("list credentials", err)
}

// UpdateCredential is [access.Store.UpdateCredential].
func (s *Store) UpdateCredential(ctx context.Context, tenant muster.ID, appID string, change func(*muster.Credential) error) (*muster.Credential, error) {
	var credential *muster.Credential
	var refused error
	err := s.writer.small(ctx, func(c *conn) (err error) {
		ctx := context.Background()
		credential, err = readCredential(ctx, c, c.row(ctx, selectTenantCredential, int64(tenant), appID))
		if err != nil {
			return err
		}
		if refused = change(credential); refused != nil {
			return refused
		}
		credential.Tenant, credential.AppID = tenant, appID // they are its name, and not to be edited
		if _, err := c.exec(updateCredential, credential.Name, credential.Disabled, int64(credential.Scopes), int64(tenant), appID); err != nil {
			return err
		}
		if _, err := c.exec(deleteSecrets, int64(tenant), appID); err != nil {
			return err
		}
		return writeSecrets(c, credential)
	})
	switch {
	case err == nil:
		return credential, nil
	case refused != nil:
		return nil, refused
	default:
		return nil, explain("update a credential", err)
	}
}

func readCredential(ctx context.Context, q querier, row scanner) (*muster.Credential, error) {
	credential, err := scanCredential(row)
	if err != nil {
		return nil, exists(err, noCredential)
	}
	return credential, readSecrets(ctx, q, credential)
}

func scanCredential(row scanner) (*muster.Credential, error) {
	var c muster.Credential
	err := row.Scan(&c.Tenant, &c.AppID, &c.Name, &c.Disabled, &c.Scopes, moment{&c.CreatedAt})
	return &c, err
}

func readSecrets(ctx context.Context, q querier, credential *muster.Credential) error {
	rows, err := q.query(ctx, selectSecrets, int64(credential.Tenant), credential.AppID)
	return collect(rows, err, func(row scanner) error {
		var s muster.Secret
		err := row.Scan(&s.Sealed, moment{&s.CreatedAt}, moment{&s.ExpiresAt})
		credential.Secrets = append(credential.Secrets, s)
		return err
	})
}

func writeSecrets(c *conn, credential *muster.Credential) error {
	for i, s := range credential.Secrets {
		version, err := versionOnRecord(c, s.Sealed)
		if err != nil {
			return err
		}
		_, err = c.exec(insertSecret, int64(credential.Tenant), credential.AppID, i, s.Sealed, version, millis(s.CreatedAt), orNever(s.ExpiresAt))
		if err != nil {
			return err
		}
	}
	return nil
}
