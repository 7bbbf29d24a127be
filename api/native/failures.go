package native

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/provision"
	"muster/spreadsheet"
)

// failurePage is how many rows of a list of failures are in memory at once.
const failurePage = 1000

// failureFiles are the content types of lists of failures and of templates, by what ends their names.
var contentTypes = map[spreadsheet.Format]string{
	spreadsheet.CSV:    "text/csv; charset=utf-8",
	spreadsheet.XLSX:   "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	spreadsheet.NDJSON: "application/x-ndjson",
}

// failureQuery asks for a list of failures.
type failureQuery struct {
	Tenant pathID      `path:"tenant"`
	Batch  pathBatchID `path:"batch"`
	Result []string    `query:"result" enum:"failed,skipped,cancelled" doc:"which rows, by how they ended; absent is failed and cancelled"`
	connection
}

func (a *api) addFailures(h huma.API) {
	for _, format := range [...]spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON} {
		ext := format.String()
		list := operation("download-failures-"+ext, http.MethodGet, "/tenants/{tenant}/batches/{batch}/failures."+ext,
			"Download the rows that did not succeed, to be mended and uploaded again", "Batches", http.StatusOK)
		list.Description = "The rows as they were sent, in their order, without passwords and their hashes, and in columns muster_row, muster_result, muster_reason, " +
			"muster_field and muster_detail why they did not succeed. An upload passes over these columns. Of a batch that is not finished these are the rows so far."
		list.Responses = fileResponse(format)
		huma.Register(h, list, func(ctx context.Context, in *failureQuery) (*huma.StreamResponse, error) {
			return a.failures(ctx, in, format)
		})
	}
}

// fileResponse describes an answer that is a file.
func fileResponse(format spreadsheet.Format) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "OK",
		Content:     map[string]*huma.MediaType{contentTypes[format]: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
}

// noteColumns tell of a row why it did not succeed.
var noteColumns = [...]string{"row", "result", "reason", "field", "detail"}

// failures begins a list, whose first page tells whether there is one.
func (a *api) failures(ctx context.Context, in *failureQuery, format spreadsheet.Format) (*huma.StreamResponse, error) {
	results := []muster.Result{muster.Failed, muster.Cancelled}
	if len(in.Result) > 0 {
		results = nil
		for _, name := range in.Result {
			result, err := resultNamed(name)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			results = append(results, result)
		}
	}
	next := func(ctx context.Context, from int) (*muster.Batch, []provision.Failure, error) {
		return a.Engine.FailuresOf(ctx, in.Tenant.id, in.Batch.id, results, from, failurePage)
	}
	batch, page, err := next(ctx, 0)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if rows := counted(batch, results); format == spreadsheet.XLSX && rows > spreadsheet.MaxXLSXRows {
		return nil, a.problem(ctx, &muster.Error{
			Kind: muster.KindInvalid, Field: "failures.xlsx",
			Detail: fmt.Sprintf("failures.xlsx has room for %d rows, and there are %d: take failures.csv.", spreadsheet.MaxXLSXRows, rows),
		})
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		in.unbound()
		fileHeader(hc, "failures-"+in.Batch.id.String(), format)
		w := &pacedWriter{w: hc.BodyWriter(), of: &in.connection}
		if err := writeFailures(hc.Context(), w, format, page, next); err != nil {
			if w.err == nil && hc.Context().Err() == nil {
				a.Logger.ErrorContext(ctx, "a list of failures broke off", "error", err)
			}
			panic(http.ErrAbortHandler) // so that nobody takes what he has for the whole
		}
	}}, nil
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

func fileHeader(hc huma.Context, name string, format spreadsheet.Format) {
	hc.SetHeader("Content-Type", contentTypes[format])
	hc.SetHeader("Content-Disposition", `attachment; filename="`+name+"."+format.String()+`"`)
	hc.SetHeader("Cache-Control", "no-store")
	hc.SetStatus(http.StatusOK)
}

// writeFailures writes a list page by page.
func writeFailures(
	ctx context.Context, w io.Writer, format spreadsheet.Format, page []provision.Failure,
	next func(ctx context.Context, from int) (*muster.Batch, []provision.Failure, error),
) error {
	var columns []string
	for _, note := range noteColumns {
		columns = append(columns, spreadsheet.NotePrefix+note)
	}
	for _, f := range spreadsheet.UserFields() {
		if f.Name != spreadsheet.FieldPasswordHash {
			columns = append(columns, f.Name)
		}
	}
	out, err := spreadsheet.NewWriter(w, spreadsheet.WriterOptions{Format: format, Columns: columns, Mark: true})
	if err != nil {
		return err
	}
	cells := make([]spreadsheet.Cell, len(columns))
	for {
		for i := range page {
			failureCells(&page[i], columns, cells)
			if err := out.Write(cells); err != nil {
				return err
			}
		}
		if len(page) < failurePage {
			return out.Close()
		}
		if _, page, err = next(ctx, page[len(page)-1].Outcome.Row+1); err != nil {
			return err
		}
	}
}

// failureCells fills a list's row. No cell is missing: who reads NDJSON wants every name in the first objects.
func failureCells(f *provision.Failure, columns []string, cells []spreadsheet.Cell) {
	o := outcomeOf(&f.Outcome)
	for i, text := range [len(noteColumns)]string{strconv.Itoa(o.Row), o.Result, o.Reason, o.Field, o.Detail} {
		cells[i] = spreadsheet.Cell{Text: text}
	}
	for i := len(noteColumns); i < len(columns); i++ {
		cells[i] = rowCell(&f.Row, columns[i])
	}
}

// rowCell is what a file has of a row's field, so that reading it makes the same row.
func rowCell(row *muster.Row, field string) (cell spreadsheet.Cell) {
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

// pacedWriter bounds how long each piece of an answer may take.
type pacedWriter struct {
	w   io.Writer
	of  *connection
	err error // that ended the connection
}

func (p *pacedWriter) Write(b []byte) (n int, err error) {
	p.of.bound()
	n, p.err = p.w.Write(b)
	return n, p.err
}
