package native

import (
	"fmt"
	"io"

	"muster"
	"muster/userfile"
)

// NewBatch is the body that submits rows.
type NewBatch struct {
	Name         string     `json:"name,omitempty" maxLength:"255" doc:"what you call it, for lists"`
	Operation    string     `json:"operation,omitempty" enum:"create,update,upsert,disable,enable,delete" doc:"what becomes of every row that does not say so itself; absent where all do"`
	Match        string     `json:"match" enum:"account,phone,email,id" doc:"the field that tells who is meant; email only where the tenant has uniqueEmail"`
	OnExisting   string     `json:"onExisting,omitempty" enum:"skip,update,fail" doc:"what becomes of a row that creates and whose user exists; absent is skip, of upsert update"`
	UpdateFields []string   `json:"updateFields,omitempty" nullable:"false" doc:"the fields that rows may change of users who exist, by their names in a row; the others count for users who are made. Absent or empty is all that a row has"`
	Department   muster.ID  `json:"departmentId,omitempty" doc:"where users come who are made and name no department, and from where the others name theirs; absent is the root department"`
	DryRun       bool       `json:"dryRun,omitempty" doc:"give every row the outcome that it would have, and change nobody; can be committed for 24 hours"`
	Rows         []BatchRow `json:"rows" nullable:"false" minItems:"1" maxItems:"10000" doc:"done in this order"`
}

// Format prints no row, whatever the verb.
func (b NewBatch) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "new batch of %d rows", len(b.Rows))
}

// BatchRow is what becomes of a user. A field that breaks a rule fails its row alone. The field that the batch matches by is
// needed, and to make a user a firstName or a displayName; null and a text that is empty count as absent.
type BatchRow struct {
	Operation    string    `json:"operation,omitempty" enum:"create,update,upsert,disable,enable,delete" doc:"in place of the batch's"`
	ID           muster.ID `json:"id,omitempty" doc:"who is meant, where the batch matches by id"`
	Account      string    `json:"account,omitempty" nullable:"true" doc:"1 to 256 characters without spaces"`
	Phone        string    `json:"phone,omitempty" nullable:"true" doc:"5 to 20 digits, with + or 00 in front if international, spaces and dashes between"`
	Email        string    `json:"email,omitempty" nullable:"true" doc:"one address of at most 254 characters"`
	FirstName    string    `json:"firstName,omitempty" nullable:"true" doc:"at most 64 characters"`
	Surname      string    `json:"surname,omitempty" nullable:"true" doc:"at most 64 characters"`
	DisplayName  string    `json:"displayName,omitempty" nullable:"true" doc:"at most 64 characters"`
	Password     string    `json:"password,omitempty" nullable:"true" writeOnly:"true" doc:"by the tenant's rule; a user who is made without one waits for activation"`
	PasswordHash string    `json:"passwordHash,omitempty" nullable:"true" writeOnly:"true" doc:"instead of password: what another system made of it, as bcrypt, Argon2id or Argon2i, scrypt or Firebase's, PBKDF2, LDAP's {SSHA} and the like, md5crypt or SHA-crypt, in one text; replaced by a hash of Muster's own when the user first signs in"`
	AdminLevel   *int      `json:"adminLevel,omitempty" doc:"0 department administrator, 1 common user, 2 system administrator, 5 member with management permissions; a user who is made without one has 1"`
	RoleIDs      []string  `json:"roleIds,omitempty" nullable:"true" doc:"at most 256; an empty list takes all away"`
	Department   string    `json:"department,omitempty" nullable:"true" doc:"a department's name, or names joined by slashes, from the batch's department downwards"`
	CapacityGB   *int64    `json:"capacityGB,omitempty" doc:"1 to 1048576 to be taken from the tenant's personal space, or 0 for none; a user who is made without one has 0"`
	Allocate     *bool     `json:"allocateCapacity,omitempty" doc:"whether capacity is to be taken; false wants capacityGB 0, true 1 or more; absent is what capacityGB says"`
	Status       string    `json:"status,omitempty" enum:"enabled,disabled" doc:"whether the user may sign in; a user who is made without one may"`
	Clear        []string  `json:"clear,omitempty" nullable:"true" enum:"account,phone,email,firstName,surname,displayName" doc:"fields that are taken away from the user"`
}

// Format prints no field, whatever the verb.
func (BatchRow) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "row") }

// draft is what the wire's row says.
func (r *BatchRow) draft() userfile.Draft {
	row := muster.Row{
		ID: r.ID, Account: r.Account, Phone: r.Phone, Email: r.Email,
		FirstName: r.FirstName, Surname: r.Surname, DisplayName: r.DisplayName,
		Password: r.Password, PasswordHash: r.PasswordHash, Roles: r.RoleIDs, DepartmentPath: r.Department,
	}
	if r.RoleIDs != nil {
		row.Set |= muster.FieldRoles
	}
	if r.AdminLevel != nil {
		row.Set |= muster.FieldLevel
		row.Level = userfile.LevelOf(*r.AdminLevel)
	}
	if r.Status != "" {
		row.Set |= muster.FieldStatus
		row.Disabled = r.Status == "disabled"
	}
	return userfile.Draft{Row: row, Operation: r.Operation, CapacityGB: r.CapacityGB, Allocate: r.Allocate, Clear: r.Clear}
}
