package muster

import "slices"

// assign copies the fields that the entry sets.
func assign(u *User, e *Entry) {
	from := &e.User
	if e.Set.Has(FieldAccount) {
		u.Account, u.AccountKey = from.Account, from.AccountKey
	}
	if e.Set.Has(FieldPhone) {
		u.Phone, u.PhoneKey = from.Phone, from.PhoneKey
	}
	if e.Set.Has(FieldEmail) {
		u.Email, u.EmailKey = from.Email, from.EmailKey
	}
	if e.Set.Has(FieldFirstName) {
		u.FirstName = from.FirstName
	}
	if e.Set.Has(FieldSurname) {
		u.Surname = from.Surname
	}
	if e.Set.Has(FieldDisplayName) {
		u.DisplayName = from.DisplayName
	}
	if e.Set.Has(FieldPassword) {
		u.PasswordHash, u.MustChangePassword = from.PasswordHash, from.MustChangePassword
	}
	if e.Set.Has(FieldLevel) {
		u.Level = from.Level
	}
	if e.Set.Has(FieldDepartment) {
		u.Department = from.Department
	}
	if e.Set.Has(FieldCapacity) {
		u.CapacityGB = from.CapacityGB
	}
	if e.Set.Has(FieldRoles) {
		u.Roles = from.Roles
	}
}

func same(a, b *User) bool {
	return a.Account == b.Account && a.AccountKey == b.AccountKey && a.Phone == b.Phone && a.PhoneKey == b.PhoneKey &&
		a.Email == b.Email && a.EmailKey == b.EmailKey && a.FirstName == b.FirstName && a.Surname == b.Surname &&
		a.DisplayName == b.DisplayName && a.PasswordHash == b.PasswordHash && a.Level == b.Level &&
		a.Disabled == b.Disabled && a.Department == b.Department && a.CapacityGB == b.CapacityGB && slices.Equal(a.Roles, b.Roles) &&
		a.MustChangePassword == b.MustChangePassword && a.TokenEpoch == b.TokenEpoch
}
