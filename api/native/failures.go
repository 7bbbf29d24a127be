package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/spreadsheet"
	"muster/userfile"
)

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
		Content:     map[string]*huma.MediaType{userfile.ContentType(format): {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
}

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
	list, err := userfile.FailuresOf(ctx, a.Engine, in.Tenant.id, in.Batch.id, results, format)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		fileHeader(hc, "failures-"+in.Batch.id.String(), format)
		w := in.paced.Writer(hc.BodyWriter())
		if err := list.Write(hc.Context(), w); err != nil {
			if w.Err == nil && hc.Context().Err() == nil {
				a.Logger.ErrorContext(ctx, "a list of failures broke off", "error", err)
			}
			panic(http.ErrAbortHandler) // so that nobody takes what he has for the whole
		}
	}}, nil
}

func fileHeader(hc huma.Context, name string, format spreadsheet.Format) {
	hc.SetHeader("Content-Type", userfile.ContentType(format))
	hc.SetHeader("Content-Disposition", `attachment; filename="`+name+"."+format.String()+`"`)
	hc.SetHeader("Cache-Control", "no-store")
	hc.SetStatus(http.StatusOK)
}
