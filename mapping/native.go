package mapping

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster"
	"muster/password"
)

const (
	maxNativeAccount = maxLimit // characters: as long as a tenant may let federated accounts become
	maxNativeRoles   = maxLimit
)

// native applies the rules of Muster's own import rows: those of the KooDrive contract, section 1, where fields are the
// same. The batch says by which key a user is meant and what becomes of one who exists. A user is made in the root
// department and as a common user where the row does not say otherwise; fields that are empty count as absent.
func (m *Mapper) native(row *muster.Row, e *muster.Entry) {
	e.Match, e.OnExisting = row.Match, row.OnExisting
	for _, step := range [...]func(*muster.Row, *muster.Entry) *muster.Fault{
		m.nativeMatch, m.nativeKeys, nativeNames, nativePower, m.nativePlace, m.nativePassword,
	} {
		if e.Fault = step(row, e); e.Fault != nil {
			return
		}
	}
}

// nativeMatch refuses a row that does not say who is meant.
func (m *Mapper) nativeMatch(row *muster.Row, _ *muster.Entry) *muster.Fault {
	var missing bool
	switch row.Match {
	case muster.KeyAccount:
		missing = strings.TrimSpace(row.Account) == ""
	case muster.KeyPhone:
		missing = row.Phone == ""
	case muster.KeyEmail:
		if !m.tenant.Settings.UniqueEmail {
			return invalid("email", "It does not tell this tenant's users apart: set uniqueEmail, or match by account or phone.")
		}
		missing = row.Email == ""
	default:
		return invalid("match", "account, phone and email are accepted.")
	}
	if missing {
		return invalid(row.Match.String(), "It is missing, and is what tells who is meant.")
	}
	return nil
}

func (m *Mapper) nativeKeys(row *muster.Row, e *muster.Entry) (fault *muster.Fault) {
	u := &e.User
	if u.Account = strings.TrimSpace(row.Account); u.Account != "" {
		if fault = nativeAccount(u.Account); fault != nil {
			return fault
		}
		u.AccountKey = AccountKey(u.Account)
		e.Set |= muster.FieldAccount
	}
	if row.Phone != "" {
		u.Phone = row.Phone
		if u.PhoneKey, fault = PhoneKey("phone", row.Phone, m.tenant.Settings.PhoneRegion); fault != nil {
			return fault
		}
		e.Set |= muster.FieldPhone
	}
	if row.Email != "" {
		u.Email = row.Email
		if u.EmailKey, fault = EmailKey("email", row.Email); fault != nil {
			return fault
		}
		e.Set |= muster.FieldEmail
	}
	return nil
}

func nativeAccount(account string) *muster.Fault {
	if utf8.RuneCountInString(account) > maxNativeAccount {
		return invalid("account", fmt.Sprintf("1 to %d characters are accepted.", maxNativeAccount))
	}
	if strings.ContainsFunc(account, func(r rune) bool { return unicode.IsSpace(r) || controls(r) }) {
		return invalid("account", "Spaces, control and text-direction characters are not accepted.")
	}
	return nil
}

// nativeNames takes people who have a first name as well as accounts that have a display name alone.
func nativeNames(row *muster.Row, e *muster.Entry) *muster.Fault {
	u := &e.User
	for _, name := range [...]struct {
		field string
		set   muster.FieldSet
		sent  string
		to    *string
	}{
		{"firstName", muster.FieldFirstName, row.FirstName, &u.FirstName},
		{"surname", muster.FieldSurname, row.Surname, &u.Surname},
		{"displayName", muster.FieldDisplayName, row.DisplayName, &u.DisplayName},
	} {
		var fault *muster.Fault
		if *name.to, fault = Name(name.field, name.sent, 0, maxName); fault != nil {
			return fault
		}
		if *name.to != "" {
			e.Set |= name.set
		}
	}
	if u.FirstName == "" && u.DisplayName == "" {
		return invalid("firstName", "A firstName or a displayName is needed.")
	}
	return nil
}

// nativePower is what the user may do: his level and roles.
func nativePower(row *muster.Row, e *muster.Entry) *muster.Fault {
	if row.Set.Has(muster.FieldLevel) {
		if !row.Level.Valid() {
			return invalid("adminLevel", "0, 1, 2 and 5 are accepted.")
		}
		e.User.Level = row.Level
		e.Set |= muster.FieldLevel
	}
	if !row.Set.Has(muster.FieldRoles) {
		return nil
	}
	if len(row.Roles) > maxNativeRoles {
		return invalid("roleIds", fmt.Sprintf("At most %d are accepted.", maxNativeRoles))
	}
	e.User.Roles = make([]muster.ID, 0, len(row.Roles))
	for _, text := range row.Roles {
		id, err := muster.ParseID(text)
		if err != nil {
			return invalid("roleIds", "Ids of roles are accepted, 1 to 19 digits each.")
		}
		if !slices.Contains(e.User.Roles, id) {
			e.User.Roles = append(e.User.Roles, id)
		}
	}
	e.Set |= muster.FieldRoles
	return nil
}

// nativePlace is where the user belongs and the capacity that he gets.
func (m *Mapper) nativePlace(row *muster.Row, e *muster.Entry) *muster.Fault {
	Allocate(row, e)
	if !e.Set.Has(muster.FieldDepartment) {
		e.User.Department = m.tenant.RootDepartment
		e.Set |= muster.FieldDepartment
	}
	return e.Fault
}

func (m *Mapper) nativePassword(row *muster.Row, e *muster.Entry) *muster.Fault {
	if row.Password == "" && row.PasswordHash == "" {
		return nil
	}
	e.Password = true
	e.Set |= muster.FieldPassword
	switch {
	case row.PasswordHash == "":
		return Password("password", &m.tenant.Settings, row.Password, &e.User)
	case row.Password != "":
		return invalid("passwordHash", "It is accepted instead of a password, not with one.")
	}
	var err error
	if e.User.PasswordHash, err = password.ParseImported(row.PasswordHash); err != nil {
		return invalid("passwordHash", "It is "+err.Error()+".")
	}
	return nil
}
