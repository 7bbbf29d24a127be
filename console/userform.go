package console

import (
	"slices"
	"strconv"

	"muster"
)

// userForm is what was typed of a user.
type userForm struct {
	Account, Phone, Email, FirstName, Surname, DisplayName string
	Department                                             string // path of names; "" and "/" are the root
	Level                                                  string // number of the level
	CapacityGB                                             string
	Roles                                                  []string // ids
	Role                                                   string   // name of one more
	Seen                                                   string   // which state of the user the form showed; see seenOf

	Choice      roleChoice
	Departments []string // paths to choose from
}

// userFields are the form's fields, by the names that refusals use.
var userFields = []string{
	"account", "phone", "email", "firstName", "surname", "displayName", "department", "adminLevel", "capacityGB", "roleIds", "role",
}

// userForm reads the form.
func (v *visit) userForm() *userForm {
	return &userForm{
		Account: v.form("account"), Phone: v.form("phone"), Email: v.form("email"), FirstName: v.form("firstName"), Surname: v.form("surname"),
		DisplayName: v.form("displayName"), Department: v.form("department"), Level: v.form("adminLevel"), CapacityGB: v.form("capacityGB"),
		Roles: v.formAll("roleIds"), Role: v.form("role"), Seen: v.form("seen"),
	}
}

// formOf says what a user is.
func formOf(u *muster.User, home *muster.Department) *userForm {
	f := &userForm{
		Account: u.Account, Phone: u.Phone, Email: u.Email, FirstName: u.FirstName, Surname: u.Surname, DisplayName: u.DisplayName,
		Level: levelText(u.Level), CapacityGB: strconv.FormatInt(u.CapacityGB, 10),
	}
	if home != nil {
		f.Department = pathOf(home)
	}
	for _, id := range u.Roles {
		f.Roles = append(f.Roles, id.String())
	}
	return f
}

// seenOf tells a state of a user from others.
func seenOf(u *muster.User) string { return strconv.FormatInt(u.UpdatedAt.UnixMilli(), 10) }

func levelText(l muster.AdminLevel) string { return strconv.Itoa(int(l)) }

// rowOf is the form as a row that makes a user.
func (v *visit) rowOf(f *userForm) (row muster.Row, err error) {
	row = muster.Row{
		Account: f.Account, Phone: f.Phone, Email: f.Email, FirstName: f.FirstName, Surname: f.Surname, DisplayName: f.DisplayName,
		Set: muster.FieldDepartment,
	}
	for _, t := range f.texts(&row, &muster.User{}) {
		if t.typed != "" {
			row.Set |= t.field
		}
	}
	home, err := v.departmentAt("department", f.Department)
	if err != nil {
		return row, err
	}
	row.Department = home.ID
	return row, v.rest(f, &row, &muster.User{Level: muster.LevelCommon})
}

// changeOf is what the form changes of a user; department is nil where he stays. What it does not change is not in the row, and so
// stays whatever it is by then.
func (v *visit) changeOf(f *userForm, u *muster.User) (row muster.Row, department *muster.ID, err error) {
	for _, t := range f.texts(&row, u) {
		if t.typed != t.is {
			*t.to = t.typed
			row.Set |= t.field
		}
	}
	home, err := v.departmentAt("department", f.Department)
	if err != nil {
		return row, nil, err
	}
	if home.ID != u.Department {
		department = &home.ID
	}
	return row, department, v.rest(f, &row, u)
}

// typedText is a text of the form, beside what it is of the user.
type typedText struct {
	typed, is string
	to        *string // of the row
	field     muster.FieldSet
}

func (f *userForm) texts(row *muster.Row, u *muster.User) [6]typedText {
	return [...]typedText{
		{f.Account, u.Account, &row.Account, muster.FieldAccount}, {f.Phone, u.Phone, &row.Phone, muster.FieldPhone},
		{f.Email, u.Email, &row.Email, muster.FieldEmail}, {f.FirstName, u.FirstName, &row.FirstName, muster.FieldFirstName},
		{f.Surname, u.Surname, &row.Surname, muster.FieldSurname}, {f.DisplayName, u.DisplayName, &row.DisplayName, muster.FieldDisplayName},
	}
}

// rest adds to the row what is no text and other than it is of the user.
func (v *visit) rest(f *userForm, row *muster.Row, u *muster.User) error {
	level, err := strconv.ParseUint(f.Level, 10, 8)
	if err != nil || !muster.AdminLevel(level).Valid() {
		return &muster.Error{Kind: muster.KindInvalid, Field: "adminLevel", Detail: "Choose one of the levels."}
	}
	if row.Level = muster.AdminLevel(level); row.Level != u.Level {
		row.Set |= muster.FieldLevel
	}
	capacity := int64(0)
	if f.CapacityGB != "" {
		if capacity, err = strconv.ParseInt(f.CapacityGB, 10, 64); err != nil || capacity < 0 {
			return &muster.Error{Kind: muster.KindInvalid, Field: "capacityGB", Detail: "A whole number of GB is accepted, 0 for none."}
		}
	}
	if capacity != u.CapacityGB {
		row.CapacityGB, row.Allocate = capacity, capacity != 0
		row.Set |= muster.FieldCapacity
	}
	roles := slices.Clone(f.Roles)
	if f.Role != "" {
		role, err := v.Roles.Named(v.ctx(), v.tenant.ID, f.Role)
		switch {
		case muster.KindOf(err) == muster.KindNotFound:
			return &muster.Error{Kind: muster.KindInvalid, Field: "role", Detail: "The role does not exist."}
		case err != nil:
			return err
		}
		roles = append(roles, role.ID.String())
	}
	has := make([]string, len(u.Roles))
	for i, id := range u.Roles {
		has[i] = id.String()
	}
	if !slices.Equal(sorted(roles), sorted(has)) {
		row.Roles = roles
		row.Set |= muster.FieldRoles
	}
	return nil
}

// sorted gives the texts in order, each once.
func sorted(texts []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(texts)))
}
