package mapping

import (
	"cmp"
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

// native applies the rules of Muster's own rows: those of the KooDrive contract, section 1, where fields are the same. The
// row says by which key a user is meant and what becomes of one who exists. Texts that are empty count as absent, but one
// that Set has is taken away from a user who is updated. A user is made in the batch's department and as a common user where
// the row does not say otherwise; one who exists stays what he is.
func (m *Mapper) native(row *muster.Row, e *muster.Entry) {
	e.Match, e.OnExisting, e.Source, e.Adopt = row.Match, row.OnExisting, row.Source, row.Adopt
	counting := m.counting(row)
	for _, step := range [...]func(*muster.Row, *muster.Entry) *muster.Fault{
		m.nativeMatch, m.nativeKeys, nativeNames, nativePower, m.nativePlace, m.nativePassword, nativeClears,
	} {
		if e.Fault = step(&counting, e); e.Fault != nil {
			return
		}
	}
	e.OnCreate |= keyField(row.Match) // it names him, in whatever notation
	switch {
	case row.Touch != 0:
		e.OnCreate |= ^row.Touch
	case row.Source != "":
		e.OnCreate |= muster.FieldPassword // a first one, which every reconciliation would bring back
	}
	if e.OnCreate &= e.Set; row.Action != muster.ActionCreate {
		e.Set, e.OnCreate = e.Set&^e.OnCreate, 0
	}
}

// counting is the row without what does not count for its action, and is thus not judged either: beside the key, all may for
// one that creates, what it may touch for one that updates, and nothing for the others.
func (m *Mapper) counting(sent *muster.Row) muster.Row {
	row := *sent
	row.Department = cmp.Or(row.Department, m.tenant.RootDepartment)
	var counts muster.FieldSet
	switch {
	case row.Action == muster.ActionCreate, row.Action == muster.ActionUpdate && row.Touch == 0:
		return row
	case row.Action == muster.ActionUpdate:
		counts = row.Touch
	}
	counts |= keyField(row.Match)
	row.Set &= counts
	for _, t := range texts(&row) {
		if !counts.Has(t.field) {
			*t.text = ""
		}
	}
	return row
}

type text struct {
	field muster.FieldSet
	text  *string
}

func texts(row *muster.Row) [9]text {
	return [...]text{
		{muster.FieldAccount, &row.Account},
		{muster.FieldPhone, &row.Phone},
		{muster.FieldEmail, &row.Email},
		{muster.FieldFirstName, &row.FirstName},
		{muster.FieldSurname, &row.Surname},
		{muster.FieldDisplayName, &row.DisplayName},
		{muster.FieldPassword, &row.Password},
		{muster.FieldPassword, &row.PasswordHash},
		{muster.FieldDepartment, &row.DepartmentPath},
	}
}

// nativeClears sets those empty texts that the row takes away from a user who exists.
func nativeClears(row *muster.Row, e *muster.Entry) *muster.Fault {
	if row.Action == muster.ActionCreate && row.OnExisting != muster.UpdateExisting {
		return nil
	}
	for _, t := range texts(row) {
		if *t.text == "" {
			e.Set |= row.Set & t.field & muster.Clearable
		}
	}
	return nil
}

// keyField is the field that a match key is; 0 for an id, which is none.
func keyField(k muster.Key) muster.FieldSet {
	switch k { //nolint:exhaustive // the others are no fields
	case muster.KeyAccount:
		return muster.FieldAccount
	case muster.KeyPhone:
		return muster.FieldPhone
	case muster.KeyEmail:
		return muster.FieldEmail
	default:
		return 0
	}
}

// nativeMatch refuses a row that does not say who is meant.
func (m *Mapper) nativeMatch(row *muster.Row, e *muster.Entry) *muster.Fault {
	var missing bool
	switch row.Match {
	case muster.KeyID:
		e.User.ID, missing = row.ID, row.ID == 0
		if row.Action == muster.ActionCreate {
			e.NoCreate = &faultNoID
		}
	case muster.KeyAccount:
		missing = strings.TrimSpace(row.Account) == ""
	case muster.KeyPhone:
		missing = row.Phone == ""
	case muster.KeyEmail:
		if !m.tenant.Settings.UniqueEmail {
			return invalid("email", "It does not tell this tenant's users apart: set uniqueEmail, or match by account, phone or id.")
		}
		missing = row.Email == ""
	default:
		return invalid("match", "account, phone, email and id are accepted.")
	}
	if missing {
		return invalid(row.Match.String(), "It is missing, and is what tells who is meant.")
	}
	return nil
}

// faultNoID fails rows that would have to make users with ids of their callers' choice.
var faultNoID = muster.Fault{
	Reason: muster.ReasonNotFound, Field: "id", Detail: "No user has this id, and a new one gets one of Muster's own: match by another key to create.",
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
	if row.Action != muster.ActionCreate || u.FirstName != "" || u.DisplayName != "" {
		return nil
	}
	fault := invalid("firstName", "A firstName or a displayName is needed.")
	if row.OnExisting != muster.UpdateExisting {
		return fault
	}
	if e.NoCreate == nil {
		e.NoCreate = fault
	}
	return nil
}

// nativePower is what the user may do: his level and roles, and whether he may sign in at all.
func nativePower(row *muster.Row, e *muster.Entry) *muster.Fault {
	if row.Set.Has(muster.FieldLevel) {
		if !row.Level.Valid() {
			return invalid("adminLevel", "0, 1, 2 and 5 are accepted.")
		}
		e.User.Level = row.Level
		e.Set |= muster.FieldLevel
	}
	if row.Set.Has(muster.FieldStatus) {
		e.User.Disabled = row.Disabled
		e.Set |= muster.FieldStatus
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

// nativePlace is where the user belongs and the capacity that he gets. The department from which rows lead on is for a new
// user alone, unless the row leads on.
func (m *Mapper) nativePlace(row *muster.Row, e *muster.Entry) *muster.Fault {
	if Allocate(row, e); e.Fault != nil {
		return e.Fault
	}
	switch named := strings.TrimSpace(row.DepartmentPath) != ""; {
	case row.Set.Has(muster.FieldDepartment) && named:
		return nil
	case row.Action != muster.ActionCreate:
		e.Set &^= muster.FieldDepartment
		return nil
	case !row.Set.Has(muster.FieldDepartment):
		e.User.Department = m.tenant.RootDepartment
	}
	e.Set |= muster.FieldDepartment
	e.OnCreate |= muster.FieldDepartment
	return nil
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
