package muster

import "slices"

// assign copies those of an entry's fields that are in the set.
func assign(u *User, e *Entry, set FieldSet) {
	from := &e.User
	if set.Has(FieldAccount) {
		u.Account, u.AccountKey = from.Account, from.AccountKey
	}
	if set.Has(FieldPhone) {
		u.Phone, u.PhoneKey = from.Phone, from.PhoneKey
	}
	if set.Has(FieldEmail) {
		u.Email, u.EmailKey = from.Email, from.EmailKey
	}
	if set.Has(FieldFirstName) {
		u.FirstName = from.FirstName
	}
	if set.Has(FieldSurname) {
		u.Surname = from.Surname
	}
	if set.Has(FieldDisplayName) {
		u.DisplayName = from.DisplayName
	}
	if set.Has(FieldPassword) {
		u.PasswordHash, u.MustChangePassword = from.PasswordHash, from.MustChangePassword
	}
	if set.Has(FieldLevel) {
		u.Level = from.Level
	}
	if set.Has(FieldDepartment) {
		u.Department = from.Department
	}
	if set.Has(FieldCapacity) {
		u.CapacityGB = from.CapacityGB
	}
	if set.Has(FieldRoles) {
		u.Roles = from.Roles
	}
	if set.Has(FieldStatus) {
		u.Disabled = from.Disabled
	}
}

func same(a, b *User) bool {
	return a.Account == b.Account && a.AccountKey == b.AccountKey && a.Phone == b.Phone && a.PhoneKey == b.PhoneKey &&
		a.Email == b.Email && a.EmailKey == b.EmailKey && a.FirstName == b.FirstName && a.Surname == b.Surname &&
		a.DisplayName == b.DisplayName && a.PasswordHash == b.PasswordHash && a.Level == b.Level &&
		a.Disabled == b.Disabled && a.Department == b.Department && a.CapacityGB == b.CapacityGB && slices.Equal(a.Roles, b.Roles) &&
		a.MustChangePassword == b.MustChangePassword && a.Source == b.Source && a.TokenEpoch == b.TokenEpoch
}
