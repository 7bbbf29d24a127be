package postgres

import (
	"context"

	"muster"
)

const noCredential = "The credential does not exist."

// CreateCredential is [access.Store.CreateCredential].
func (s *Store) CreateCredential(ctx context.Context, credential *muster.Credential) error {
	err := s.write(ctx, credential.Tenant, func(t *tx) error {
		versions, err := t.keyVersions(sealedBlobs(credential.Secrets)...)
		if err != nil {
			return err
		}
		var free int64
		t.count(&free, insertCredentialIndex, credential.AppID, credential.Tenant)
		if err := t.flush(); err != nil {
			return err
		}
		if free == 0 {
			return conflict("appId", "A credential with this AppId exists.")
		}
		if err := versions.onRecord(); err != nil {
			return err
		}
		t.exec(insertCredential, credential.Tenant, credential.AppID, credential.Name, credential.Disabled, int16(credential.Scopes), credential.CreatedAt)
		writeSecrets(t, credential, versions)
		return nil
	})
	return explain("create a credential", err)
}

// Credential is [access.Store.Credential]. Whether somebody has an AppID must not be told by the time that the answer takes:
// where nobody has, it looks for a credential and its secrets all the same.
func (s *Store) Credential(ctx context.Context, appID string) (*muster.Credential, error) {
	var credential *muster.Credential
	err := s.read(ctx, func(t *tx) error {
		var tenant muster.ID
		t.rows(func(row scanner) error { return row.Scan(&tenant) }, selectCredentialIndex, appID)
		if err := t.flush(); err != nil {
			return err
		}
		t.credential(&credential, tenant, appID)
		return nil
	})
	if err != nil {
		return nil, explain("read a credential", err)
	}
	return found(credential, noCredential)
}

// credential queues a look-up of a credential with its secrets, and leaves nil where there is none.
func (t *tx) credential(credential **muster.Credential, tenant muster.ID, appID string) {
	t.rows(func(row scanner) (err error) {
		*credential, err = scanCredential(row)
		return err
	}, selectCredential, tenant, appID)
	t.rows(func(row scanner) error {
		var s muster.Secret
		err := row.Scan(&s.Sealed, &s.CreatedAt, &s.ExpiresAt)
		(*credential).Secrets = append((*credential).Secrets, s)
		return err
	}, selectSecrets, tenant, appID)
}

// Credentials is [access.Store.Credentials].
func (s *Store) Credentials(ctx context.Context, tenant muster.ID) ([]muster.Credential, error) {
	var all []muster.Credential
	secrets := make(map[string][]muster.Secret) // by AppID
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			credential, err := scanCredential(row)
			if err == nil {
				all = append(all, *credential)
			}
			return err
		}, selectCredentials, tenant)
		t.rows(func(row scanner) error {
			var appID string
			var position, version int
			var s muster.Secret
			err := row.Scan(&appID, &position, &version, &s.Sealed, &s.CreatedAt, &s.ExpiresAt)
			secrets[appID] = append(secrets[appID], s)
			return err
		}, selectTenantSecrets, tenant)
		return nil
	})
	for i := range all {
		all[i].Secrets = secrets[all[i].AppID]
	}
	return all, explain("list credentials", err)
}

// UpdateCredential is [access.Store.UpdateCredential].
func (s *Store) UpdateCredential(ctx context.Context, tenant muster.ID, appID string, change func(*muster.Credential) error) (*muster.Credential, error) {
	var credential *muster.Credential
	err := s.write(ctx, tenant, func(t *tx) error {
		t.credential(&credential, tenant, appID)
		if err := t.flush(); err != nil {
			return err
		}
		if credential == nil {
			return &muster.Error{Kind: muster.KindNotFound, Detail: noCredential}
		}
		if err := edit(change, credential); err != nil {
			return err
		}
		credential.Tenant, credential.AppID = tenant, appID // they are its name, and not to be edited
		versions, err := t.keyVersions(sealedBlobs(credential.Secrets)...)
		if err != nil {
			return err
		}
		t.exec(updateCredential, tenant, appID, credential.Name, credential.Disabled, int16(credential.Scopes))
		t.exec(deleteSecrets, tenant, appID)
		if err := t.flush(); err != nil {
			return err
		}
		if err := versions.onRecord(); err != nil {
			return err
		}
		writeSecrets(t, credential, versions)
		return nil
	})
	if err != nil {
		return nil, explainRefused("update a credential", err)
	}
	return credential, nil
}

func scanCredential(row scanner) (*muster.Credential, error) {
	var c muster.Credential
	err := row.Scan(&c.Tenant, &c.AppID, &c.Name, &c.Disabled, &c.Scopes, &c.CreatedAt)
	return &c, err
}

func sealedBlobs(secrets []muster.Secret) [][]byte {
	var sealed [][]byte
	for _, s := range secrets {
		sealed = append(sealed, s.Sealed)
	}
	return sealed
}

func writeSecrets(t *tx, credential *muster.Credential, versions *keyVersions) {
	for i, s := range credential.Secrets {
		t.exec(insertSecret, credential.Tenant, credential.AppID, i, s.Sealed, versions.of[i], s.CreatedAt, orNull(s.ExpiresAt))
	}
}
