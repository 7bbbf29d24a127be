package console

import (
	"context"
	"io"
	"net/http"

	"muster/paced"
	"muster/spreadsheet"
	"muster/userfile"
)

// download answers with a file, whose name is without its ending. It is written as it goes, and breaks off where write fails, so that
// nobody takes what he has for the whole.
func (v *visit) download(name string, format spreadsheet.Format, write func(context.Context, io.Writer) error) error {
	h := v.w.Header()
	h.Set("Content-Type", userfile.ContentType(format))
	h.Set("Content-Disposition", `attachment; filename="`+name+"."+format.String()+`"`)
	w := paced.New(v.w, v.r).Writer(v.w)
	if err := write(v.ctx(), w); err != nil {
		if w.Err == nil && v.ctx().Err() == nil {
			v.Logger.ErrorContext(v.ctx(), "a file broke off", "error", err)
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}
