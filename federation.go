package muster

// FederationProfile is how a tenant takes in users that another system knows (federation contract, section 4). Zero
// limits stand for the contract's defaults.
type FederationProfile struct {
	// System is the third-party identity system; nil is none, and every row fails with ReasonNoSystem.
	System *IdentitySystem `json:"system,omitempty"`
	// Mapping makes users of rows; nil is none, and every row fails with ReasonNoMapping.
	Mapping *MappingRule     `json:"mapping,omitempty"`
	Account AccountRule      `json:"account,omitzero"`
	Limits  FederationLimits `json:"limits,omitzero"`
}

// DefaultFederationProfile is a new tenant's: the local identity system, and the mapping that takes fields as they are.
func DefaultFederationProfile() FederationProfile {
	return FederationProfile{System: &IdentitySystem{ID: "local", Kind: SystemLocal}, Mapping: &MappingRule{}}
}

const (
	// SystemLocal knows of a user what the row says.
	SystemLocal = "local"
	// SystemHTTP is asked for each user: GET URL with the account, answered in JSON.
	SystemHTTP = "http"
)

// IdentitySystem is where users come from.
type IdentitySystem struct {
	ID           string `json:"id"`                     // 1 to 64 characters, the tenant's own name for it
	Kind         string `json:"kind"`                   // SystemLocal or SystemHTTP
	URL          string `json:"url,omitempty"`          // SystemHTTP: https or http, with {account} where the account belongs
	AllowPrivate bool   `json:"allowPrivate,omitempty"` // SystemHTTP: the address may be a loopback, link-local or private one
	Sealed       []byte `json:"-"`                      // SystemHTTP: the bearer secret sent along, sealed; nil if none
}

// MappingRule is a set of CEL expressions over a row's fields (and the identity system's answer); "" is the identity:
// the row's own field, and true for Condition. The compile step and its limits are package mapping's.
type MappingRule struct {
	Condition   string `json:"condition,omitempty"`   // bool: admits the user
	Account     string `json:"account,omitempty"`     // string
	DisplayName string `json:"displayName,omitempty"` // string
	Email       string `json:"email,omitempty"`       // string
	Roles       string `json:"roles,omitempty"`       // list of strings
}

// AccountRule is what a tenant demands of accounts beyond the contract's synchronous checks. Zero numbers are 6 and 50;
// Characters "" is letters, digits and @ . - _.
type AccountRule struct {
	MinLength  int    `json:"minLength,omitempty"`
	MaxLength  int    `json:"maxLength,omitempty"`
	Characters string `json:"characters,omitempty"` // accepted beside ASCII letters and digits, each one ASCII punctuation; "" is @.-_
}

// FederationLimits bound a row's fields as createTask checks them (federation contract, section 2). Zero is the default.
type FederationLimits struct {
	Account    int `json:"account,omitempty"`    // characters; 50
	UserName   int `json:"userName,omitempty"`   // characters; 20
	Email      int `json:"email,omitempty"`      // characters; 254
	EmailLocal int `json:"emailLocal,omitempty"` // characters before the @; 64
	Roles      int `json:"roles,omitempty"`      // number of role ids; 20
}
