package muster

import (
	"slices"
	"time"
)

// Operator is a person who uses the console: of one tenant, or of the installation. He is no user of a directory.
type Operator struct {
	ID       ID           `json:"id"`
	Tenant   ID           `json:"tenantId,omitempty"` // 0: of the installation, who sees every tenant
	Name     string       `json:"name"`
	Email    string       `json:"email,omitempty"` // what he signs in as, where Subject is ""
	EmailKey string       `json:"-"`               // the address in lower case, unique in the installation; "" if he signs in elsewhere
	Role     OperatorRole `json:"role"`
	Disabled bool         `json:"disabled"`
	// Subject is who he is to the identity provider where he signs in: its address, a space, and its name for him (OpenID
	// Connect Core 1.0, section 5.7); "" if he has a password here. It is unique in the installation.
	Subject string `json:"-"`
	// PasswordHash is as package password writes it; "" until he has set one, and where he signs in elsewhere.
	PasswordHash string      `json:"-"`
	Invitation   *Activation `json:"-"`                  // the link by which he sets his password; nil: he has none
	Language     string      `json:"language,omitempty"` // BCP 47; "" is what his browser asks for
	// Epoch counts what ends his sessions: another password, and being disabled. A session is worth something only while he
	// has the epoch in which it began.
	Epoch      int64     `json:"-"`
	CreatedAt  time.Time `json:"createdAt"`
	LastSeenAt time.Time `json:"lastSeenAt,omitzero"` // to the minute or so; zero: never
}

// EndSessions makes every session that the operator has worth nothing.
func (o *Operator) EndSessions() { o.Epoch++ }

// Sees reports whether what belongs to the tenant is the operator's to see; 0 is the installation itself.
func (o *Operator) Sees(tenant ID) bool { return o.Tenant == 0 || o.Tenant == tenant }

// OperatorRole is what an operator may do in the console. The numbers are stored; a larger one may all that a smaller one may.
type OperatorRole uint8

const (
	OperatorViewer        OperatorRole = 1 // looks
	OperatorProvisioner   OperatorRole = 2 // and handles batches; his role is called operator
	OperatorAdministrator OperatorRole = 3 // and changes everything else
)

// operatorRoles are the roles' names, by number.
var operatorRoles = [...]string{"", "viewer", "operator", "administrator"}

// String is the role's name: viewer, operator or administrator.
func (r OperatorRole) String() string {
	if int(r) < len(operatorRoles) {
		return operatorRoles[r]
	}
	return ""
}

// Scopes is what an operator of the role may do.
func (r OperatorRole) Scopes() Scopes {
	switch r {
	case OperatorViewer:
		return ScopeRead
	case OperatorProvisioner:
		return ScopeRead | ScopeProvision
	case OperatorAdministrator:
		return AllScopes
	default:
		return 0
	}
}

// ParseOperatorRole reads a role's name. KindInvalid, with Field "role", where it is none.
func ParseOperatorRole(name string) (OperatorRole, error) {
	if i := slices.Index(operatorRoles[:], name); i > 0 {
		return OperatorRole(i), nil
	}
	return 0, &Error{Kind: KindInvalid, Field: "role", Detail: "role must be viewer, operator or administrator."}
}

// MarshalText is the role's name.
func (r OperatorRole) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is [ParseOperatorRole].
func (r *OperatorRole) UnmarshalText(text []byte) (err error) {
	*r, err = ParseOperatorRole(string(text))
	return err
}
