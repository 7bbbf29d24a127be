package native

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"muster"
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

// terms are what a batch says of all of its rows.
type terms struct {
	operation string            // "": every row says its own
	existing  muster.OnExisting // of rows that create
	match     muster.Key
	touch     muster.FieldSet
	base      muster.ID // the department
	source    string    // of a reconciliation
	adopt     bool
}

// readTerms reads what a request says of all rows. It may leave out the match, where that is still to be chosen.
func readTerms(operation, match, existing string, updateFields []string) (t terms, err error) {
	t.operation = operation
	if match != "" {
		if t.match, err = muster.ParseMatch(match); err != nil {
			return t, err
		}
	}
	if t.existing, err = muster.ParseOnExisting(existing); err != nil {
		return t, err
	}
	if t.touch, err = muster.ParseFields(updateFields); err != nil || operation == "" {
		return t, err
	}
	_, implied, err := muster.ParseOperation(operation)
	if implied == muster.UpdateExisting && existing != "" && t.existing != implied {
		err = &muster.Error{
			Kind: muster.KindInvalid, Field: "onExisting",
			Detail: "onExisting must be update, or absent, where operation is upsert: that updates users who exist.",
		}
	}
	return t, err
}

// settle completes a row by what the batch says, and by an operation of its own if it has one.
func (t *terms) settle(row *muster.Row, operation string) {
	row.OnExisting, row.Match, row.Touch, row.Department, row.Source, row.Adopt = t.existing, t.match, t.touch, t.base, t.source, t.adopt
	action, implied, err := muster.ParseOperation(cmp.Or(operation, t.operation))
	if row.Action = action; implied == muster.UpdateExisting {
		row.OnExisting = implied
	}
	switch {
	case err != nil && operation == "":
		blame(row, "operation", "It is missing: neither the batch nor the row says what becomes of the user.")
	case err != nil:
		blame(row, "operation", "create, update, upsert, disable, enable and delete are accepted.")
	case row.Set.Has(muster.FieldStatus) && (action == muster.ActionDisable && !row.Disabled || action == muster.ActionEnable && row.Disabled):
		blame(row, "status", "It contradicts the operation.")
	case row.ID != 0 && t.match != muster.KeyID:
		blame(row, "id", "It is accepted only where the batch matches by id.")
	}
}

// blame gives a row a fault, unless it has one.
func blame(row *muster.Row, field, detail string) {
	if row.Fault == nil {
		row.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: field, Detail: detail}
	}
}

// row is what the wire's row says.
func (t *terms) row(r *BatchRow) muster.Row {
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
		row.Level = levelOf(*r.AdminLevel)
	}
	if r.CapacityGB != nil || r.Allocate != nil {
		setCapacity(&row, r.CapacityGB, r.Allocate)
	}
	if r.Status != "" {
		row.Set |= muster.FieldStatus
		row.Disabled = r.Status == "disabled"
	}
	setTexts(&row)
	setClear(&row, r.Clear)
	t.settle(&row, r.Operation)
	return row
}

// setTexts marks the fields that a row has, of those that are absent when they are empty; the department never is, since
// the batch has one.
func setTexts(row *muster.Row) {
	row.Set |= muster.FieldDepartment
	for _, f := range [...]struct {
		text  string
		field muster.FieldSet
	}{
		{row.Account, muster.FieldAccount}, {row.Phone, muster.FieldPhone}, {row.Email, muster.FieldEmail},
		{row.FirstName, muster.FieldFirstName}, {row.Surname, muster.FieldSurname}, {row.DisplayName, muster.FieldDisplayName},
		{row.Password, muster.FieldPassword}, {row.PasswordHash, muster.FieldPassword},
	} {
		if f.text != "" {
			row.Set |= f.field
		}
	}
}

// setClear marks the fields that a row takes away. It comes after setTexts.
func setClear(row *muster.Row, names []string) {
	fields, err := muster.ParseFields(names)
	switch {
	case err != nil || fields&^muster.Clearable != 0:
		blame(row, "clear", "These can be taken away: "+strings.Join(muster.Clearable.Names(), ", ")+".")
	case fields&row.Set != 0:
		blame(row, "clear", "The row has a value for a field that it takes away.")
	default:
		row.Set |= fields
	}
}

func setCapacity(row *muster.Row, gb *int64, allocate *bool) {
	row.Set |= muster.FieldCapacity
	set(&row.CapacityGB, gb)
	row.Allocate = row.CapacityGB != 0
	set(&row.Allocate, allocate)
}

// levelOf keeps a number that no level has from becoming one that has fewer bits.
func levelOf(n int) muster.AdminLevel {
	const none = 255
	if n < 0 || n > none {
		return none
	}
	return muster.AdminLevel(n)
}
