package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"muster"
	"muster/access/signature"
	"muster/secret"
)

const (
	// DefaultOverlap is for how long the old secret goes on living beside the new one unless told otherwise.
	DefaultOverlap = 24 * time.Hour
	// MaxOverlap bounds an overlap: a secret on its way out should be out some day.
	MaxOverlap = 90 * 24 * time.Hour

	// MinSecret and MaxSecret bound a secret that is brought along, in bytes.
	MinSecret = 8
	MaxSecret = 256

	appIDLength = 20 // characters of base32: 100 random bits, so that none is ever made twice
	secretBytes = 30 // random ones; 40 characters of base64, 240 bits
)

// NewCredential describes a credential to be made.
type NewCredential struct {
	Name   string        // 0 to MaxName characters
	AppID  string        // 1 to 128 of [A-Za-z0-9._-], unique in the installation; "" makes one
	Secret string        // MinSecret to MaxSecret printable ASCII characters; "" makes one
	Scopes muster.Scopes // 0 is all
}

// Issued is a credential with its newest secret in the clear, which is never to be had again. It prints without it.
type Issued struct {
	Credential *muster.Credential
	Secret     string
}

// Format leaves the secret out, whatever the verb.
func (i Issued) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "credential %s with its secret", i.Credential.AppID)
}

// LogValue leaves the secret out.
func (i Issued) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// CreateCredential makes a credential of the tenant.
func (s *Service) CreateCredential(ctx context.Context, tenant muster.ID, n NewCredential) (Issued, error) {
	if n.Name != "" {
		if err := checkName("name", n.Name); err != nil {
			return Issued{}, err
		}
	}
	appID := cmp.Or(n.AppID, rand.Text()[:appIDLength])
	if err := checkAppID(appID); err != nil {
		return Issued{}, err
	}
	plain, err := secretOr(n.Secret)
	if err != nil {
		return Issued{}, err
	}
	if _, err := s.Tenant(ctx, tenant); err != nil {
		return Issued{}, err
	}
	now := s.now()
	c := &muster.Credential{Tenant: tenant, AppID: appID, Name: n.Name, Scopes: cmp.Or(n.Scopes, muster.AllScopes), CreatedAt: now}
	muster.AuditTarget(ctx, "appId", appID)
	err = sealing(ctx, s.Keyring, func() error {
		c.Secrets = []muster.Secret{s.seal(tenant, appID, plain, now)}
		return s.Store.CreateCredential(ctx, c)
	})
	if err != nil {
		return Issued{}, fmt.Errorf("create credential: %w", err)
	}
	return Issued{Credential: c, Secret: plain}, nil
}

// Credentials lists the tenant's credentials by creation.
func (s *Service) Credentials(ctx context.Context, tenant muster.ID) ([]muster.Credential, error) {
	credentials, err := s.Store.Credentials(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	return credentials, nil
}

// RotateCredential gives the credential another secret, newSecret or if that is "" one made for it. The secret before
// it lives on for the overlap, from 0, which ends it at once, to MaxOverlap. One still older ends at once in any case:
// no more than two live.
func (s *Service) RotateCredential(ctx context.Context, tenant muster.ID, appID string, overlap time.Duration, newSecret string) (Issued, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Issued{}, invalid("overlap", "overlap must be from 0 to %d hours.", MaxOverlap/time.Hour)
	}
	plain, err := secretOr(newSecret)
	if err != nil {
		return Issued{}, err
	}
	now := s.now()
	var c *muster.Credential
	err = sealing(ctx, s.Keyring, func() (err error) {
		next := s.seal(tenant, appID, plain, now)
		c, err = s.Store.UpdateCredential(ctx, tenant, appID, func(c *muster.Credential) error {
			c.Secrets = rotated(c.Secrets, next, now, overlap)
			return nil
		})
		return err
	})
	if err != nil {
		return Issued{}, fmt.Errorf("rotate credential: %w", err)
	}
	return Issued{Credential: c, Secret: plain}, nil
}

// rotated puts next before the newest of the secrets, which are the newest first.
func rotated(secrets []muster.Secret, next muster.Secret, now time.Time, overlap time.Duration) []muster.Secret {
	if overlap == 0 || len(secrets) == 0 {
		return []muster.Secret{next}
	}
	old := secrets[0]
	if end := now.Add(overlap); old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
		old.ExpiresAt = end
	}
	return append(make([]muster.Secret, 0, signature.MaxSecrets), next, old)
}

// CredentialChange says what to change of a credential; nil leaves a part as it is.
type CredentialChange struct {
	Disabled *bool          // while it is disabled nothing it signs is accepted
	Scopes   *muster.Scopes // at least one
}

// ChangeCredential disables the credential or enables it again, or lets it do other things. Its tokens, too, are worth no more
// from now on.
func (s *Service) ChangeCredential(ctx context.Context, tenant muster.ID, appID string, change CredentialChange) (*muster.Credential, error) {
	switch {
	case change == (CredentialChange{}):
		return nil, invalid("", "There is nothing to change: disabled and scopes are accepted.")
	case change.Scopes != nil && *change.Scopes == 0:
		return nil, invalid("scopes", "scopes must have at least one of read, provision and administer.")
	}
	c, err := s.Store.UpdateCredential(ctx, tenant, appID, func(c *muster.Credential) error {
		if change.Disabled != nil {
			c.Disabled = *change.Disabled
		}
		if change.Scopes != nil {
			c.Scopes = *change.Scopes
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("change credential: %w", err)
	}
	return c, nil
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

func (s *Service) seal(tenant muster.ID, appID, plain string, now time.Time) muster.Secret {
	plaintext := []byte(plain)
	defer secret.Wipe(plaintext)
	return muster.Secret{Sealed: s.Keyring.SealSecret(plaintext, SecretBinding(tenant, appID)), CreatedAt: now}
}

// secretOr checks a secret that was brought along, or makes one.
func secretOr(brought string) (string, error) {
	if brought == "" {
		random := make([]byte, secretBytes)
		defer secret.Wipe(random)
		rand.Read(random) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
		return base64.RawURLEncoding.EncodeToString(random), nil
	}
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	if len(brought) < MinSecret || len(brought) > MaxSecret || strings.ContainsFunc(brought, unprintable) {
		return "", invalid("secret", "secret must be %d to %d printable ASCII characters.", MinSecret, MaxSecret)
	}
	return brought, nil
}

func checkAppID(appID string) error {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	}
	if appID == "" || len(appID) > signature.MaxAppID || strings.ContainsFunc(appID, other) {
		return invalid("appId", "appId must be 1 to %d letters, digits, dots, underscores or hyphens.", signature.MaxAppID)
	}
	return nil
}
