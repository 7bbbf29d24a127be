package mapping

import (
	"strings"

	"muster"
	"muster/password"
)

// kooDrive applies the field rules of the KooDrive contract, section 1. The user is meant by his phone, lands in the root
// department as a common user, and an existing one is a skip.
func (m *Mapper) kooDrive(row *muster.Row, e *muster.Entry) {
	e.Match, e.OnExisting = muster.KeyPhone, muster.SkipExisting
	e.Set = row.Set | muster.FieldDepartment | muster.FieldLevel
	u := &e.User
	u.Department, u.Level = m.tenant.RootDepartment, muster.LevelCommon
	region := m.tenant.Settings.PhoneRegion
	if u.FirstName, e.Fault = Name("firstname", row.FirstName, 1, maxName); e.Fault != nil {
		return
	}
	if u.Surname, e.Fault = Name("surname", row.Surname, 0, maxName); e.Fault != nil {
		return
	}
	u.Phone = row.Phone
	if u.PhoneKey, e.Fault = PhoneKey("phone", row.Phone, region); e.Fault != nil {
		return
	}
	if row.Email != "" {
		u.Email = row.Email
		if u.EmailKey, e.Fault = EmailKey("email", row.Email); e.Fault != nil {
			return
		}
	}
	if row.Password != "" {
		e.Password = true
		e.Fault = Password("password", &m.tenant.Settings, row.Password, u)
	} else {
		e.Set &^= muster.FieldPassword
	}
}

// Password checks a user's new password by his tenant's rule (KooDrive contract, section 1, field password).
func Password(field string, settings *muster.TenantSettings, secret string, u *muster.User) *muster.Fault {
	rule := settings.Password
	policy := password.Policy{MinLength: rule.MinLength, MaxLength: rule.MaxLength, MinClasses: rule.MinClasses}
	local, _, _ := strings.Cut(u.Email, "@")
	err := policy.Check(secret, password.Subject{
		Phone: u.Phone, Names: []string{u.FirstName, u.Surname, u.DisplayName, u.Account}, EmailLocal: local,
	})
	if err != nil {
		return invalid(field, "It "+strings.TrimPrefix(err.Error(), "password ")+".")
	}
	return nil
}
