package native

import (
	"fmt"
	"io"

	"muster"
	"muster/userfile"
)

// NewUser is the body that makes a user. He needs a firstName or a displayName, and an account, a phone or, where the tenant has
// uniqueEmail, an email that nobody else has. What is empty counts as absent.
type NewUser struct {
	Account        string      `json:"account,omitempty" doc:"1 to 256 characters without spaces"`
	Phone          string      `json:"phone,omitempty" doc:"5 to 20 digits, with + or 00 in front if international, spaces and dashes between"`
	Email          string      `json:"email,omitempty" doc:"one address of at most 254 characters"`
	FirstName      string      `json:"firstName,omitempty" doc:"at most 64 characters"`
	Surname        string      `json:"surname,omitempty" doc:"at most 64 characters"`
	DisplayName    string      `json:"displayName,omitempty" doc:"at most 64 characters"`
	Password       string      `json:"password,omitempty" writeOnly:"true" doc:"by the tenant's rule; a user who is made without one waits for activation"`
	PasswordHash   string      `json:"passwordHash,omitempty" writeOnly:"true" doc:"instead of password: what another system made of it"`
	Level          *int        `json:"adminLevel,omitempty" doc:"0 department administrator, 1 common user, 2 system administrator, 5 manager; absent is 1"`
	Disabled       bool        `json:"disabled,omitempty"`
	Department     muster.ID   `json:"departmentId,omitempty" doc:"absent is the root department, of a department administrator his own"`
	DepartmentPath string      `json:"department,omitempty" doc:"a department's name, or names joined by slashes, from departmentId downwards"`
	CapacityGB     int64       `json:"capacityGB,omitempty" doc:"to be taken from the tenant's personal space, at most 1048576"`
	Roles          []muster.ID `json:"roleIds,omitempty" nullable:"false" doc:"at most 256"`
}

// Format prints no field, whatever the verb.
func (NewUser) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "new user") }

func (n *NewUser) row() muster.Row {
	row := muster.Row{
		Account: n.Account, Phone: n.Phone, Email: n.Email, FirstName: n.FirstName, Surname: n.Surname, DisplayName: n.DisplayName,
		Password: n.Password, PasswordHash: n.PasswordHash, Disabled: n.Disabled, Department: n.Department, DepartmentPath: n.DepartmentPath,
		Set: muster.FieldDepartment | muster.FieldStatus,
	}
	if n.Level != nil {
		row.Set |= muster.FieldLevel
		row.Level = userfile.LevelOf(*n.Level)
	}
	if n.CapacityGB != 0 {
		row.Set |= muster.FieldCapacity
		row.CapacityGB, row.Allocate = n.CapacityGB, true
	}
	if n.Roles != nil {
		setRoles(&row, n.Roles)
	}
	userfile.MarkTexts(&row)
	return row
}

// UserPatch changes the parts of a user that it has, all of them or none.
type UserPatch struct {
	Account     *string            `json:"account,omitempty" doc:"empty takes it away"`
	Phone       *string            `json:"phone,omitempty" doc:"empty takes it away"`
	Email       *string            `json:"email,omitempty" doc:"empty takes it away"`
	FirstName   *string            `json:"firstName,omitempty" doc:"empty takes it away"`
	Surname     *string            `json:"surname,omitempty" doc:"empty takes it away"`
	DisplayName *string            `json:"displayName,omitempty" doc:"empty takes it away"`
	Department  *muster.ID         `json:"departmentId,omitempty"`
	Level       *muster.AdminLevel `json:"adminLevel,omitempty" doc:"0 department administrator, 1 common user, 2 system administrator, 5 manager"`
	CapacityGB  *int64             `json:"capacityGB,omitempty" doc:"taken from the tenant's personal space"`
	Roles       *[]muster.ID       `json:"roleIds,omitempty" doc:"in the place of those that he has"`
	Disabled    *bool              `json:"disabled,omitempty"`
}

// Format prints no field, whatever the verb.
func (UserPatch) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "change of a user") }

// row is the patch but for the department, which a row names otherwise.
func (p *UserPatch) row() (row muster.Row) {
	for _, f := range [...]struct {
		text  *string
		to    *string
		field muster.FieldSet
	}{
		{p.Account, &row.Account, muster.FieldAccount}, {p.Phone, &row.Phone, muster.FieldPhone}, {p.Email, &row.Email, muster.FieldEmail},
		{p.FirstName, &row.FirstName, muster.FieldFirstName}, {p.Surname, &row.Surname, muster.FieldSurname},
		{p.DisplayName, &row.DisplayName, muster.FieldDisplayName},
	} {
		if f.text != nil {
			*f.to = *f.text
			row.Set |= f.field
		}
	}
	if p.Level != nil {
		row.Level = *p.Level
		row.Set |= muster.FieldLevel
	}
	if p.CapacityGB != nil {
		row.CapacityGB, row.Allocate = *p.CapacityGB, *p.CapacityGB != 0
		row.Set |= muster.FieldCapacity
	}
	if p.Roles != nil {
		setRoles(&row, *p.Roles)
	}
	if p.Disabled != nil {
		row.Disabled = *p.Disabled
		row.Set |= muster.FieldStatus
	}
	return row
}

func setRoles(row *muster.Row, ids []muster.ID) {
	row.Set |= muster.FieldRoles
	for _, id := range ids {
		row.Roles = append(row.Roles, id.String())
	}
}
