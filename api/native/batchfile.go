package native

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

// fileRows makes rows of a table's records.
type fileRows struct {
	terms   terms
	fields  []spreadsheet.Field
	mapping spreadsheet.Mapping
}

// row is what a record says; ok is false of the template's example, which nobody means. What is wrong with the record, or
// with one of its cells, becomes the row's fault, and the other cells count, so that they are in a list of failures.
func (f *fileRows) row(record *spreadsheet.Record) (row muster.Row, ok bool) {
	if record.Fault == nil && spreadsheet.IsExample(record.Cells, &f.mapping, f.fields) {
		return row, false
	}
	c := cells{row: &row}
	for i, field := range f.mapping.Fields {
		if field == "" || i >= len(record.Cells) {
			continue
		}
		cell := &record.Cells[i]
		if cell.Fault != nil {
			blame(&row, field, cell.Fault.Detail)
		}
		c.take(field, cell)
	}
	if record.Fault != nil {
		row.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Detail: record.Fault.Detail}
	}
	if c.capacity != nil || c.allocate != nil {
		setCapacity(&row, c.capacity, c.allocate)
	}
	setTexts(&row)
	setClear(&row, c.clear)
	f.terms.settle(&row, c.operation)
	return row, true
}

// cells are what a record's cells said so far.
type cells struct {
	row       *muster.Row
	operation string
	capacity  *int64
	allocate  *bool
	clear     []string
}

// take gives a cell's value to the field that its column holds. An empty cell says nothing.
func (c *cells) take(field string, cell *spreadsheet.Cell) {
	row := c.row
	if field == spreadsheet.FieldRoleIDs || field == spreadsheet.FieldClear {
		c.takeList(field, cell)
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
	if expected := c.takeWord(field, text); expected != "" {
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
func (c *cells) takeWord(field, text string) (expected string) {
	var err error
	switch field {
	case spreadsheet.FieldAction:
		c.operation = text
	case spreadsheet.FieldID:
		if c.row.ID, err = muster.ParseID(text); err != nil {
			return "An id that Muster gave is accepted, 1 to 19 digits."
		}
	case spreadsheet.FieldAdminLevel:
		level, err := strconv.Atoi(text)
		if err != nil {
			return "0, 1, 2 and 5 are accepted."
		}
		c.row.Level = levelOf(level)
		c.row.Set |= muster.FieldLevel
	case spreadsheet.FieldCapacityGB:
		gb, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "A whole number of GB is accepted, 0 for none."
		}
		c.capacity = &gb
	case spreadsheet.FieldAllocateCapacity:
		allocate, err := strconv.ParseBool(text)
		if err != nil {
			return "true and false are accepted."
		}
		c.allocate = &allocate
	case spreadsheet.FieldStatus:
		disabled := text == "disabled"
		if !disabled && text != "enabled" {
			return "enabled and disabled are accepted."
		}
		c.row.Disabled = disabled
		c.row.Set |= muster.FieldStatus
	}
	return ""
}

func (c *cells) takeList(field string, cell *spreadsheet.Cell) {
	size := len(cell.Text)
	for _, item := range cell.Items {
		size += len(item)
	}
	switch {
	case size > maxList:
		blame(c.row, field, fmt.Sprintf("At most %d bytes are accepted.", maxList))
	case cell.Fault != nil:
	case field == spreadsheet.FieldClear:
		c.clear = cell.List()
	default:
		if c.row.Roles = cell.List(); c.row.Roles != nil {
			c.row.Set |= muster.FieldRoles
		}
	}
}
