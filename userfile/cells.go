package userfile

import (
	"fmt"
	"strconv"
	"strings"

	"muster"
	"muster/spreadsheet"
)

// maxText and maxList are the most bytes of a cell that become a field's value: more than any field can have, and little enough
// for a thousand rows of the longest cells to be in memory.
const (
	maxText = 2 << 10
	maxList = 8 << 10
)

// row is what a record says; ok is false of the template's example, which nobody means. What is wrong with the record, or
// with one of its cells, becomes the row's fault, and the other cells count, so that they are in a list of failures.
func (r *Reader) row(record *spreadsheet.Record) (row muster.Row, ok bool) {
	if record.Fault == nil && spreadsheet.IsExample(record.Cells, &r.Mapping, r.fields) {
		return row, false
	}
	var d Draft
	for i, field := range r.Mapping.Fields {
		if field == "" || i >= len(record.Cells) {
			continue
		}
		cell := &record.Cells[i]
		if cell.Fault != nil {
			blame(&d.Row, field, cell.Fault.Detail)
		}
		d.take(field, cell)
	}
	if record.Fault != nil {
		d.Row.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Detail: record.Fault.Detail}
	}
	return r.terms.Row(&d), true
}

// take gives a cell's value to the field that its column holds. An empty cell says nothing.
func (d *Draft) take(field string, cell *spreadsheet.Cell) {
	row := &d.Row
	if field == spreadsheet.FieldRoleIDs || field == spreadsheet.FieldClear {
		d.takeList(field, cell)
		return
	}
	text := cell.Text
	switch {
	case cell.Items != nil:
		blame(row, field, "It holds a list; one value is accepted.")
		return
	case len(text) > maxText:
		text = strings.ToValidUTF8(text[:maxText], "")
		blame(row, field, fmt.Sprintf("At most %d bytes are accepted.", maxText))
	}
	if to := textOf(row, field); to != nil {
		*to = text
		return
	}
	if text = strings.ToLower(strings.TrimSpace(text)); text == "" || cell.Fault != nil {
		return
	}
	if expected := d.takeWord(field, text); expected != "" {
		blame(row, field, expected)
	}
}

// textOf is where a row has a field that may be any text, nil for other fields.
func textOf(row *muster.Row, field string) *string {
	switch field {
	case spreadsheet.FieldAccount:
		return &row.Account
	case spreadsheet.FieldPhone:
		return &row.Phone
	case spreadsheet.FieldEmail:
		return &row.Email
	case spreadsheet.FieldFirstName:
		return &row.FirstName
	case spreadsheet.FieldSurname:
		return &row.Surname
	case spreadsheet.FieldDisplayName:
		return &row.DisplayName
	case spreadsheet.FieldPassword:
		return &row.Password
	case spreadsheet.FieldPasswordHash:
		return &row.PasswordHash
	case spreadsheet.FieldDepartment:
		return &row.DepartmentPath
	default:
		return nil
	}
}

// takeWord takes a value that is not just any text, and says what is accepted if it is none.
func (d *Draft) takeWord(field, text string) (expected string) {
	var err error
	switch field {
	case spreadsheet.FieldAction:
		d.Operation = text
	case spreadsheet.FieldID:
		if d.Row.ID, err = muster.ParseID(text); err != nil {
			return "An id that Muster gave is accepted, 1 to 19 digits."
		}
	case spreadsheet.FieldAdminLevel:
		level, err := strconv.Atoi(text)
		if err != nil {
			return "0, 1, 2 and 5 are accepted."
		}
		d.Row.Level = LevelOf(level)
		d.Row.Set |= muster.FieldLevel
	case spreadsheet.FieldCapacityGB:
		gb, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "A whole number of GB is accepted, 0 for none."
		}
		d.CapacityGB = &gb
	case spreadsheet.FieldAllocateCapacity:
		allocate, err := strconv.ParseBool(text)
		if err != nil {
			return "true and false are accepted."
		}
		d.Allocate = &allocate
	case spreadsheet.FieldStatus:
		disabled := text == "disabled"
		if !disabled && text != "enabled" {
			return "enabled and disabled are accepted."
		}
		d.Row.Disabled = disabled
		d.Row.Set |= muster.FieldStatus
	}
	return ""
}

func (d *Draft) takeList(field string, cell *spreadsheet.Cell) {
	size := len(cell.Text)
	for _, item := range cell.Items {
		size += len(item)
	}
	switch {
	case size > maxList:
		blame(&d.Row, field, fmt.Sprintf("At most %d bytes are accepted.", maxList))
	case cell.Fault != nil:
	case field == spreadsheet.FieldClear:
		d.Clear = cell.List()
	default:
		if d.Row.Roles = cell.List(); d.Row.Roles != nil {
			d.Row.Set |= muster.FieldRoles
		}
	}
}
