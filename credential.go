package muster

import "time"

// Credential is a key pair with which an application calls for one tenant. Its secret signs requests (HMAC), so the
// server must be able to read it: it is stored sealed, and shown to a person once, when it is made.
type Credential struct {
	Tenant    ID        `json:"tenantId"`
	AppID     string    `json:"appId"` // unique in the installation
	Name      string    `json:"name,omitempty"`
	Disabled  bool      `json:"disabled"`
	Scopes    Scopes    `json:"scopes"`
	Secrets   []Secret  `json:"secrets"` // one, or two during a rotation's overlap; the newest first
	CreatedAt time.Time `json:"createdAt"`
}

// Secret is one of a credential's sealed secrets.
type Secret struct {
	Sealed    []byte    `json:"-"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"` // zero: it does not expire
}

// Live gives the secrets that verify a signature at the time.
func (c *Credential) Live(now time.Time) []Secret {
	if c.Disabled {
		return nil
	}
	live := make([]Secret, 0, len(c.Secrets))
	for _, s := range c.Secrets {
		if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
			live = append(live, s)
		}
	}
	return live
}

// Scopes is what a caller may do, a bit each. None includes another.
type Scopes uint8

const (
	ScopeRead       Scopes = 1 << iota // see users, departments, roles, batches and their outcomes
	ScopeProvision                     // submit, cancel, retry and commit batches
	ScopeAdminister                    // change single users, departments, roles, credentials, webhooks, settings; read the audit trail

	AllScopes = ScopeRead | ScopeProvision | ScopeAdminister
)

// Has reports whether every scope of other is in s.
func (s Scopes) Has(other Scopes) bool { return s&other == other }
