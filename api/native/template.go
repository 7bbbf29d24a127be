package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster/spreadsheet"
)

// templateQuery asks for a table to be filled in.
type templateQuery struct {
	Tenant pathID `path:"tenant"`
}

func (a *api) addTemplates(h huma.API) {
	for _, format := range [...]spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX} {
		ext := format.String()
		template := operation("download-template-"+ext, http.MethodGet, "/tenants/{tenant}/templates/users."+ext,
			"Download a table of users to be filled in", "Batches", http.StatusOK)
		template.Description = "It has a column for each field and an example, which an upload passes over."
		template.Responses = fileResponse(format)
		huma.Register(h, template, func(context.Context, *templateQuery) (*huma.StreamResponse, error) {
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				fileHeader(hc, "users", format)
				if err := spreadsheet.WriteTemplate(hc.BodyWriter(), format, spreadsheet.UserFields()); err != nil {
					panic(http.ErrAbortHandler)
				}
			}}, nil
		})
	}
}
