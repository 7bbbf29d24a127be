// Package userfile makes rows for the engine of files of users, and files of rows and of users. It says what a batch's terms and the
// cells of a column mean for a user, which package spreadsheet does not know; and it knows neither HTTP nor how its callers show
// what is wrong with a file.
//
// Its refusals are [*muster.Error], and [*spreadsheet.Error] of a file that is broken as a whole. What is wrong with a single row is
// the row's own fault.
package userfile

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"muster"
)

// Words are what a caller says of all rows of a batch, as said: "" is what was left out.
type Words struct {
	Operation    string
	Match        string // may be left out where it is still to be chosen
	OnExisting   string
	UpdateFields []string
	// Source makes the rows the whole of a source; Adopt and MaxDisables are of that alone.
	Source      string
	Adopt       bool
	MaxDisables int
}

// Terms are what a batch says of all of its rows.
type Terms struct {
	Operation  string            // "": every row says its own
	OnExisting muster.OnExisting // of rows that create
	Match      muster.Key        // KeyNone: it is still to be chosen
	Touch      muster.FieldSet   // the fields that may be changed of users who exist; 0 is all that a row has
	Department muster.ID         // where users come who are made, and from where rows name theirs
	Source     string            // of a reconciliation
	Adopt      bool
}

// ParseTerms reads what a caller says, and refuses what would fail every row. The department is left to [Terms.For].
func ParseTerms(w Words) (t Terms, err error) {
	t = Terms{Operation: w.Operation, Source: w.Source, Adopt: w.Adopt}
	switch {
	case w.Source == "" && (w.Adopt || w.MaxDisables != 0):
		return t, &muster.Error{Kind: muster.KindInvalid, Field: "source", Detail: "adopt and maxDisables are accepted with a source alone."}
	case w.Source != "" && w.Operation != "" && w.Operation != "upsert":
		return t, &muster.Error{Kind: muster.KindInvalid, Field: "operation", Detail: "operation must be upsert, or absent, with a source: the file says who there is."}
	case w.Source != "":
		t.Operation = "upsert"
	}
	if w.Match != "" {
		if t.Match, err = muster.ParseMatch(w.Match); err != nil {
			return t, err
		}
	}
	if t.OnExisting, err = muster.ParseOnExisting(w.OnExisting); err != nil {
		return t, err
	}
	if t.Touch, err = muster.ParseFields(w.UpdateFields); err != nil || t.Operation == "" {
		return t, err
	}
	_, implied, err := muster.ParseOperation(t.Operation)
	if implied == muster.UpdateExisting && w.OnExisting != "" && t.OnExisting != implied {
		err = &muster.Error{
			Kind: muster.KindInvalid, Field: "onExisting",
			Detail: "onExisting must be update, or absent, where operation is upsert: that updates users who exist.",
		}
	}
	return t, err
}

// For takes the tenant's root department, and refuses what would fail every row of that tenant.
func (t *Terms) For(tenant *muster.Tenant) error {
	if t.Match == muster.KeyEmail && !tenant.Settings.UniqueEmail {
		return &muster.Error{
			Kind: muster.KindInvalid, Field: "match",
			Detail: "match can be email only where the tenant has uniqueEmail: else it does not tell who is meant.",
		}
	}
	t.Department = tenant.RootDepartment
	return nil
}

// Draft is a row before a batch's terms complete it.
type Draft struct {
	Row        muster.Row // its texts; and its roles, level and status if Set has them
	Operation  string     // its own, in place of the batch's; "" is none
	CapacityGB *int64
	Allocate   *bool
	Clear      []string // names of fields that are taken away from the user
}

// Format prints no field, whatever the verb.
func (Draft) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "draft of a row") }

// Row completes a draft. What is wrong with it becomes the row's fault, unless it has one.
func (t *Terms) Row(d *Draft) muster.Row {
	row := d.Row
	if d.CapacityGB != nil || d.Allocate != nil {
		setCapacity(&row, d.CapacityGB, d.Allocate)
	}
	MarkTexts(&row)
	setClear(&row, d.Clear)
	t.settle(&row, d.Operation)
	return row
}

// settle completes a row by what the batch says, and by an operation of its own if it has one.
func (t *Terms) settle(row *muster.Row, operation string) {
	row.OnExisting, row.Match, row.Touch, row.Department, row.Source, row.Adopt = t.OnExisting, t.Match, t.Touch, t.Department, t.Source, t.Adopt
	action, implied, err := muster.ParseOperation(cmp.Or(operation, t.Operation))
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
	case row.ID != 0 && t.Match != muster.KeyID:
		blame(row, "id", "It is accepted only where the batch matches by id.")
	}
}

// blame gives a row a fault, unless it has one.
func blame(row *muster.Row, field, detail string) {
	if row.Fault == nil {
		row.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: field, Detail: detail}
	}
}

// MarkTexts marks the fields that a row has, of those that are absent when they are empty; the department never is, since
// the batch has one.
func MarkTexts(row *muster.Row) {
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

// setClear marks the fields that a row takes away. It comes after MarkTexts.
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
	if gb != nil {
		row.CapacityGB = *gb
	}
	row.Allocate = row.CapacityGB != 0
	if allocate != nil {
		row.Allocate = *allocate
	}
}

// LevelOf keeps a number that no level has from becoming one that has fewer bits.
func LevelOf(n int) muster.AdminLevel {
	const none = 255
	if n < 0 || n > none {
		return none
	}
	return muster.AdminLevel(n)
}
