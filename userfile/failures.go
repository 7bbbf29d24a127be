package userfile

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"muster"
	"muster/provision"
	"muster/spreadsheet"
)

// failurePage is how many rows of a list of failures are in memory at once.
const failurePage = 1000

// noteColumns tell of a row why it did not succeed.
var noteColumns = [...]string{"row", "result", "reason", "field", "detail"}

// FailureReader reads rows that did not succeed; [*provision.Engine] is one.
type FailureReader interface {
	FailuresOf(ctx context.Context, tenant, batch muster.ID, results []muster.Result, from, limit int) (*muster.Batch, []provision.Failure, error)
}

// Failures is a list of rows of a batch that did not succeed, as they were sent, with why they did not: a file that can be mended and
// read again.
type Failures struct {
	format spreadsheet.Format
	page   []provision.Failure
	next   func(ctx context.Context, from int) (*muster.Batch, []provision.Failure, error)
}

// FailuresOf begins a list of the rows that ended in one of some ways. It refuses (KindInvalid) a sheet that has no room for them.
func FailuresOf(
	ctx context.Context, from FailureReader, tenant, batch muster.ID, results []muster.Result, format spreadsheet.Format,
) (*Failures, error) {
	f := &Failures{format: format}
	f.next = func(ctx context.Context, row int) (*muster.Batch, []provision.Failure, error) {
		return from.FailuresOf(ctx, tenant, batch, results, row, failurePage)
	}
	of, page, err := f.next(ctx, 0)
	if err != nil {
		return nil, err
	}
	if rows := counted(of, results); format == spreadsheet.XLSX && rows > spreadsheet.MaxXLSXRows {
		return nil, &muster.Error{
			Kind: muster.KindInvalid, Field: "failures.xlsx",
			Detail: fmt.Sprintf("failures.xlsx has room for %d rows, and there are %d: take failures.csv.", spreadsheet.MaxXLSXRows, rows),
		}
	}
	f.page = page
	return f, nil
}

// counted is how many of a batch's rows ended in one of some ways so far.
func counted(b *muster.Batch, results []muster.Result) (n int) {
	by := map[muster.Result]int{muster.Failed: b.Failed, muster.Skipped: b.Skipped, muster.Cancelled: b.Cancelled}
	for _, r := range results {
		n += by[r]
		delete(by, r)
	}
	return n
}

// Write writes the list page by page, once. The rows have neither passwords nor their hashes.
func (f *Failures) Write(ctx context.Context, w io.Writer) error {
	columns := failureColumns()
	out, err := spreadsheet.NewWriter(w, spreadsheet.WriterOptions{Format: f.format, Columns: columns, Mark: true})
	if err != nil {
		return err
	}
	cells := make([]spreadsheet.Cell, len(columns))
	for {
		for i := range f.page {
			failureCells(&f.page[i], columns, cells)
			if err := out.Write(cells); err != nil {
				return err
			}
		}
		if len(f.page) < failurePage {
			return out.Close()
		}
		if _, f.page, err = f.next(ctx, f.page[len(f.page)-1].Outcome.Row+1); err != nil {
			return err
		}
	}
}

func failureColumns() []string {
	var columns []string
	for _, note := range noteColumns {
		columns = append(columns, spreadsheet.NotePrefix+note)
	}
	for _, f := range spreadsheet.UserFields() {
		if f.Name != spreadsheet.FieldPasswordHash {
			columns = append(columns, f.Name)
		}
	}
	return columns
}

// failureCells fills a list's row. No cell is missing: who reads NDJSON wants every name in the first objects.
func failureCells(f *provision.Failure, columns []string, cells []spreadsheet.Cell) {
	o := &f.Outcome
	reason := ""
	if o.Reason != muster.ReasonNone {
		reason = o.Reason.String()
	}
	field, detail := Explain(o)
	for i, text := range [len(noteColumns)]string{strconv.Itoa(o.Row + 1), o.Result.String(), reason, field, detail} {
		cells[i] = spreadsheet.Cell{Text: text}
	}
	for i := len(noteColumns); i < len(columns); i++ {
		cells[i] = Cell(&f.Row, columns[i])
	}
}

// Explain says why a row did not succeed: the field at fault, by its name in files, "" if it is none; and a sentence.
func Explain(o *muster.Outcome) (field, detail string) {
	field, detail = o.Field, o.Detail
	if field == "personalCapacity" { // KooDrive's name of it
		field = spreadsheet.FieldCapacityGB
	}
	switch o.Reason { //nolint:exhaustive // the others' details are sentences
	case muster.ReasonNoDepartment:
		detail = fmt.Sprintf("There is no department %q here.", detail)
	case muster.ReasonAmbiguousDepartment:
		detail = fmt.Sprintf("Several departments are called %q: name one by its path.", detail)
	case muster.ReasonRoleNotFound:
		detail = "The tenant has no role " + strings.TrimSpace(detail) + "."
	}
	return field, detail
}

// Cell is what a file has of a row's field, so that reading it makes the same row. Passwords and their hashes are among them.
func Cell(row *muster.Row, field string) (cell spreadsheet.Cell) {
	if text := textOf(row, field); text != nil {
		cell.Text = *text
		return cell
	}
	switch {
	case field == spreadsheet.FieldAction:
		cell.Text = row.Operation()
	case field == spreadsheet.FieldID && row.ID != 0:
		cell.Text = row.ID.String()
	case field == spreadsheet.FieldAdminLevel && row.Set.Has(muster.FieldLevel):
		cell.Text = strconv.Itoa(int(row.Level))
	case field == spreadsheet.FieldCapacityGB && row.Set.Has(muster.FieldCapacity):
		cell.Text = strconv.FormatInt(row.CapacityGB, 10)
	case field == spreadsheet.FieldAllocateCapacity && row.Set.Has(muster.FieldCapacity) && row.Allocate != (row.CapacityGB != 0):
		cell.Text = strconv.FormatBool(row.Allocate)
	case field == spreadsheet.FieldRoleIDs && row.Set.Has(muster.FieldRoles):
		cell.Items = append([]string{}, row.Roles...)
	case field == spreadsheet.FieldStatus && row.Set.Has(muster.FieldStatus):
		if cell.Text = "enabled"; row.Disabled {
			cell.Text = "disabled"
		}
	case field == spreadsheet.FieldClear:
		cell.Items = cleared(row)
	}
	return cell
}

// cleared are the fields that a row takes away; nil if none.
func cleared(row *muster.Row) (names []string) {
	for _, name := range (row.Set & muster.Clearable).Names() {
		if text := textOf(row, name); text != nil && *text == "" {
			names = append(names, name)
		}
	}
	return names
}
