package muster

import (
	"slices"
	"time"
)

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

// scopeNames are the scopes' names, by bit.
var scopeNames = [...]string{"read", "provision", "administer"}

// Names are the scopes by name: of read, provision and administer those that are in s, in this order.
func (s Scopes) Names() []string {
	names := make([]string, 0, len(scopeNames))
	for i, name := range scopeNames {
		if s.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// ParseScopes reads names as Names gives them, in any order. KindInvalid, with Field "scopes", where one is none.
func ParseScopes(names []string) (Scopes, error) {
	var s Scopes
	for _, name := range names {
		i := slices.Index(scopeNames[:], name)
		if i < 0 {
			return 0, &Error{Kind: KindInvalid, Field: "scopes", Detail: "scopes must be of read, provision and administer."}
		}
		s |= 1 << i
	}
	return s, nil
}

// Scopes is what a user of the level may do where he calls himself, within what he administers: a system administrator
// everything, a manager what concerns batches, a department administrator what concerns the users and departments that are
// his, a common user nothing.
func (l AdminLevel) Scopes() Scopes {
	switch l {
	case LevelSystemAdmin:
		return AllScopes
	case LevelManager:
		return ScopeRead | ScopeProvision
	case LevelDepartmentAdmin:
		return ScopeRead | ScopeAdminister
	default:
		return 0
	}
}
