package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"muster"
	"muster/outbound"
	"muster/secret"
)

// Keyring seals secrets; [*secret.Keyring] is one.
type Keyring interface {
	// SealSecret seals plaintext so that it opens only with the same aad.
	SealSecret(plaintext, aad []byte) []byte
	// OpenSecret opens what SealSecret made, into a buffer that the caller wipes. The error wraps [secret.ErrUnknownKey]
	// where Reload may help.
	OpenSecret(sealed, aad []byte) ([]byte, error)
	// Reload learns of keys that another process made.
	Reload(ctx context.Context) error
}

// Service makes and changes webhooks. All fields but Allow are mandatory; it is safe for concurrent use. Its refusals are
// [*muster.Error]: KindInvalid for what breaks a rule, and those of [Store].
type Service struct {
	Store   Store
	Keyring Keyring
	IDs     *muster.IDSource
	Now     func() time.Time
	// Allow are networks whose addresses are called although they are not public, and by HTTP without TLS, too.
	Allow []netip.Prefix
	// Anywhere says that it is not known here which addresses are called: a URL is judged when something is sent.
	Anywhere bool
}

// New describes a webhook to be made.
type New struct {
	Name   string // 0 to 64 characters
	URL    string // see [Service.Create]
	Types  Types
	Secret string // whsec_ and MinSecret to MaxSecret bytes in base64; "" makes one
}

// Format leaves the secret out, whatever the verb.
func (n New) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "new webhook "+n.Name) }

// Issued is a webhook with its newest secret in the clear, which is never to be had again. It prints without it.
type Issued struct {
	Hook   *Hook
	Secret string
}

// Format leaves the secret out, whatever the verb.
func (i Issued) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "webhook %s with its secret", i.Hook.ID)
}

// Create makes a webhook of the tenant. Its URL is one of https, or of http where that leads to a network of Allow.
func (s *Service) Create(ctx context.Context, tenant muster.ID, n New) (Issued, error) {
	if err := s.check(n.Name, n.URL); err != nil {
		return Issued{}, err
	}
	key, err := keyOr(n.Secret)
	if err != nil {
		return Issued{}, err
	}
	defer secret.Wipe(key)
	h := &Hook{Tenant: tenant, Name: n.Name, URL: n.URL, Types: n.Types, CreatedAt: s.now()}
	if h.ID, err = s.IDs.Next(); err != nil {
		return Issued{}, err
	}
	muster.AuditTarget(ctx, "webhook", h.ID.String())
	err = s.sealing(ctx, func() error {
		h.Secrets = []muster.Secret{s.seal(h.Tenant, h.ID, key)}
		return s.Store.CreateWebhook(ctx, h)
	})
	if err != nil {
		return Issued{}, fmt.Errorf("create webhook: %w", err)
	}
	return Issued{Hook: h, Secret: formatSecret(key)}, nil
}

// Patch changes the parts of a webhook that it has.
type Patch struct {
	Name     *string
	URL      *string
	Types    *Types
	Disabled *bool
}

// Change changes a webhook. One that is enabled again begins to count anew for how long its deliveries have failed.
func (s *Service) Change(ctx context.Context, tenant, id muster.ID, p Patch) (*Hook, error) {
	h, err := s.Store.UpdateWebhook(ctx, tenant, id, func(h *Hook) error {
		set(&h.Name, p.Name)
		set(&h.URL, p.URL)
		set(&h.Types, p.Types)
		if p.Disabled != nil && *p.Disabled != h.Disabled {
			h.Disabled, h.Reason, h.FailingSince = *p.Disabled, "", time.Time{}
		}
		return s.check(h.Name, h.URL)
	})
	if err != nil {
		return nil, fmt.Errorf("change webhook: %w", err)
	}
	return h, nil
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// Rotate gives a webhook another secret, newSecret or if that is "" one made for it. For [Overlap] messages are signed
// with the one before, too; one still older ends at once.
func (s *Service) Rotate(ctx context.Context, tenant, id muster.ID, newSecret string) (Issued, error) {
	key, err := keyOr(newSecret)
	if err != nil {
		return Issued{}, err
	}
	defer secret.Wipe(key)
	var h *Hook
	err = s.sealing(ctx, func() (err error) {
		next := s.seal(tenant, id, key)
		h, err = s.Store.UpdateWebhook(ctx, tenant, id, func(h *Hook) error {
			if len(h.Secrets) == 0 {
				return errors.New("a webhook has no secret")
			}
			old := h.Secrets[0]
			old.ExpiresAt = next.CreatedAt.Add(Overlap)
			h.Secrets = []muster.Secret{next, old}
			return nil
		})
		return err
	})
	if err != nil {
		return Issued{}, fmt.Errorf("rotate a webhook's secret: %w", err)
	}
	return Issued{Hook: h, Secret: formatSecret(key)}, nil
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

func (s *Service) seal(tenant, id muster.ID, key []byte) muster.Secret {
	return muster.Secret{Sealed: s.Keyring.SealSecret(key, SecretBinding(tenant, id)), CreatedAt: s.now()}
}

// sealing seals and stores by way of do, and does it once more, with the keys loaded anew, if a rotation took the key away
// in between.
func (s *Service) sealing(ctx context.Context, do func() error) error {
	err := do()
	if !errors.Is(err, secret.ErrUnknownKey) {
		return err
	}
	if err := s.Keyring.Reload(ctx); err != nil {
		return err
	}
	return do()
}

// keyOr reads a secret that was brought along, or makes one.
func keyOr(brought string) ([]byte, error) {
	if brought != "" {
		return parseSecret(brought)
	}
	key := make([]byte, secretSize)
	rand.Read(key) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
	return key, nil
}

// maxName is the most characters of a name.
const maxName = 64

func (s *Service) check(name, address string) error {
	unprintable := func(r rune) bool { return r < ' ' || r == utf8.RuneError }
	if utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, unprintable) {
		return invalid("name", "name must be at most %d characters.", maxName)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil, len(address) > MaxURL, u.Host == "", u.Hostname() == "", u.User != nil, u.Fragment != "", strings.ContainsFunc(address, unfit):
		return invalid("url", "url must be an absolute URL of at most %d bytes, without user and fragment.", MaxURL)
	case u.Scheme != "https" && u.Scheme != "http":
		return invalid("url", "url must be one of https.")
	case s.Anywhere:
		return nil
	case u.Scheme == "http" && len(s.Allow) == 0:
		return invalid("url", "url must be one of https: this server calls nothing by http, which --webhook-allow has it do within networks.")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !policyOf(u.Scheme, s.Allow).Permits(a) {
		return invalid("url", "url must lead to a public address: this server calls no other one but those of --webhook-allow.")
	}
	return nil
}

func unfit(r rune) bool { return r <= ' ' || r > '~' }

// policyOf says what is called by a scheme: without TLS nothing but what is allowed by name.
func policyOf(scheme string, allow []netip.Prefix) outbound.Policy {
	return outbound.Policy{Public: scheme == "https", Allow: allow}
}
