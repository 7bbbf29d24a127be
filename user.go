package muster

import (
	"slices"
	"strings"
	"time"
)

// User is a person in a tenant's directory. Account, Phone and Email are kept as given beside the normalised key by
// which they are compared; an empty key is none.
type User struct {
	ID           ID         `json:"id"`
	Account      string     `json:"account,omitempty"`
	AccountKey   string     `json:"-"` // case-folded, unique in the tenant
	Phone        string     `json:"phone,omitempty"`
	PhoneKey     string     `json:"-"` // E.164 or bare digits, unique in the tenant
	Email        string     `json:"email,omitempty"`
	EmailKey     string     `json:"-"` // lower-cased, unique where the tenant says so
	FirstName    string     `json:"firstName,omitempty"`
	Surname      string     `json:"surname,omitempty"`
	DisplayName  string     `json:"displayName,omitempty"`
	PasswordHash string     `json:"-"` // as package password writes it; "" is an account that waits for activation
	Level        AdminLevel `json:"adminLevel"`
	Disabled     bool       `json:"disabled"`
	Department   ID         `json:"departmentId"`
	CapacityGB   int64      `json:"capacityGB"` // 0 to MaxCapacityGB
	Roles        []ID       `json:"roleIds,omitempty"`
	// MustChangePassword is set by a reset: the password opens nothing but the page where he sets another.
	MustChangePassword bool `json:"mustChangePassword,omitempty"`
	// Source is the system whose reconciliations made or adopted him; "" if none did.
	Source string `json:"source,omitempty"`
	// TokenEpoch counts what ends his tokens: a change of password, level or roles, and being disabled. A token is worth
	// something only while the user has the epoch in which it was issued.
	TokenEpoch int64     `json:"-"`
	CreatedAt  time.Time `json:"createdAt"`
	UpdatedAt  time.Time `json:"updatedAt"`
}

// MaxCapacityGB is the largest capacity of one user, in GB (KooDrive contract, section 3).
const MaxCapacityGB = 1_048_576

// AdminLevel is what a user may administer (KooDrive contract, section 5); the numbers are the contract's.
type AdminLevel uint8

const (
	LevelDepartmentAdmin AdminLevel = 0 // administers a department and those below it
	LevelCommon          AdminLevel = 1 // administers nothing
	LevelSystemAdmin     AdminLevel = 2 // administers the tenant
	LevelManager         AdminLevel = 5 // a member with management permissions
)

// Valid reports whether the level is one of the contract's four.
func (l AdminLevel) Valid() bool { return l <= LevelSystemAdmin || l == LevelManager }

// Above reports whether l has more power than other. The numbers are names, not an order: from least to most it goes
// common, department administrator, manager, system administrator.
func (l AdminLevel) Above(other AdminLevel) bool { return l.rank() > other.rank() }

func (l AdminLevel) rank() int {
	return slices.Index([]AdminLevel{LevelCommon, LevelDepartmentAdmin, LevelManager, LevelSystemAdmin}, l)
}

// MayProvision reports whether a user of the level may submit batches (KooDrive contract, section 4).
func (l AdminLevel) MayProvision() bool { return l == LevelSystemAdmin || l == LevelManager }

// Key is a field that tells one user of a tenant from another.
type Key uint8

const (
	KeyNone    Key = iota // the row names no existing user
	KeyID                 // the user's ID
	KeyAccount            // the account, case-folded
	KeyPhone              // the normalised phone
	KeyEmail              // the lower-cased e-mail
)

var keyNames = [...]string{KeyNone: "none", KeyID: "id", KeyAccount: "account", KeyPhone: "phone", KeyEmail: "email"}

func (k Key) String() string { return keyNames[k] }

// key is the user's value of a key other than KeyID; "" is none.
func (u *User) key(k Key) string {
	switch k {
	case KeyAccount:
		return u.AccountKey
	case KeyPhone:
		return u.PhoneKey
	case KeyEmail:
		return u.EmailKey
	default:
		return ""
	}
}

// Activation is a one-time link by which a user sets his password.
type Activation struct {
	Hash      []byte // SHA-256 of the link's secret
	ExpiresAt time.Time
}

// SignIn is what decides whether a user can sign in, as the store holds it at one moment.
type SignIn struct {
	User       User
	Activation *Activation // nil: he has no link
	Now        time.Time   // by the store's clock
}

// EndTokens makes every token that the user has worth nothing.
func (u *User) EndTokens() { u.TokenEpoch++ }

// endsTokens reports whether a change from u to next has to end the user's tokens (KooDrive contract, section 5).
func (u *User) endsTokens(next *User) bool {
	return u.PasswordHash != next.PasswordHash || u.Level != next.Level || next.Disabled && !u.Disabled || !slices.Equal(u.Roles, next.Roles)
}

// FoldName is the form by which names are searched: letter case does not count, nor how many spaces are between words.
func FoldName(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// NameKeys are what a search by name finds a user by the beginning of, folded as by [FoldName]. One that he does not have, or that is
// equal to one before, is "".
type NameKeys struct {
	Display string // of his display name
	Full    string // of his first name and surname in one
	Surname string
}

// NameKeys gives those of the user.
func (u *User) NameKeys() NameKeys {
	k := NameKeys{Display: FoldName(u.DisplayName), Full: FoldName(u.FirstName + " " + u.Surname), Surname: FoldName(u.Surname)}
	if k.Surname == k.Display || k.Surname == k.Full {
		k.Surname = ""
	}
	if k.Full == k.Display {
		k.Full = ""
	}
	return k
}

// All are the keys that he has.
func (k NameKeys) All() []string {
	all := make([]string, 0, 3)
	for _, key := range [...]string{k.Display, k.Full, k.Surname} {
		if key != "" {
			all = append(all, key)
		}
	}
	return all
}
