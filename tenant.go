package muster

import "time"

// Tenant is one organisation with a directory, limits and credentials of its own. Nothing of a tenant is visible to another.
type Tenant struct {
	ID             ID             `json:"id"`
	Name           string         `json:"name"`           // 1 to 64 characters, unique in the installation
	Host           string         `json:"host,omitempty"` // the host name, in lower case, by which its users reach it; "" or unique in the installation
	RootDepartment ID             `json:"rootDepartmentId"`
	Settings       TenantSettings `json:"settings"`
	CreatedAt      time.Time      `json:"createdAt"`
	KeyVersion     int            `json:"-"` // of the rules by which its users' keys are normalised; see KeyVersion
}

// KeyVersion is the version of the rules by which phones, accounts and e-mail addresses become keys. It is stored with
// each tenant when it is made: keys of one version need not equal those of another.
const KeyVersion = 1

// TenantSettings are what an administrator chooses for a tenant. The zero value is a usable default.
type TenantSettings struct {
	// PhoneRegion is the ISO 3166-1 alpha-2 region in which a phone without international prefix is read; "" reads no
	// region and keeps the bare digits. It cannot change once the tenant has users, since their keys depend on it.
	PhoneRegion string `json:"phoneRegion,omitempty"`
	// UniqueEmail makes e-mail a key: no two users of the tenant share one, case aside.
	UniqueEmail bool `json:"uniqueEmail,omitempty"`
	// UserLimit is the number of seats; 0 is no limit. Every user takes one, disabled or not, until he is deleted.
	UserLimit int64 `json:"userLimit,omitempty"`
	// PersonalSpaceGB is the quota that users' capacities are taken from, in GB; 0 is none to give.
	PersonalSpaceGB int64 `json:"personalSpaceGB,omitempty"`
	// Password is the rule for passwords in the clear; its zero value is the contract's default.
	Password PasswordRule `json:"password,omitzero"`
}

// PasswordRule bounds a password. Zero numbers stand for the defaults of the KooDrive contract, section 1: 8 to 128
// characters, at least 3 of lower case, upper case, digit and symbol.
type PasswordRule struct {
	MinLength  int `json:"minLength,omitempty"`
	MaxLength  int `json:"maxLength,omitempty"`
	MinClasses int `json:"minClasses,omitempty"`
}

// Usage is what a tenant has taken of its limits. It changes only under the tenant's lock.
type Usage struct {
	Users        int64 // seats taken
	CapacityGB   int64 // sum of the users' capacities
	SystemAdmins int64 // enabled users of LevelSystemAdmin
	QueuedRows   int64 // rows accepted and without outcome
	QueuedBytes  int64 // sealed bytes of those rows
}
