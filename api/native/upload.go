package native

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/paced"
	"muster/provision"
	"muster/spreadsheet"
	"muster/userfile"
)

// MaxUpload bounds a file of rows, in bytes.
const MaxUpload = userfile.MaxBytes

// upload is a request whose body is a file, and says how it is read and what becomes of its rows.
type upload struct {
	Tenant       pathID   `path:"tenant"`
	Operation    string   `query:"operation" enum:"create,update,upsert,disable,enable,delete" doc:"what becomes of every row that does not say so itself, in a column action"`
	Match        string   `query:"match" enum:"account,phone,email,id" doc:"the field that tells who is meant; email only where the tenant has uniqueEmail. An upload needs it"`
	OnExisting   string   `query:"onExisting" enum:"skip,update,fail" doc:"what becomes of a row that creates and whose user exists; absent is skip, of upsert update"`
	UpdateFields []string `query:"updateFields" doc:"the fields that rows may change of users who exist; absent is all that the file has"`
	Department   queryID  `query:"departmentId" doc:"where users come who are made and name no department, and from where the others name theirs; absent is the root department"`
	Format       string   `query:"format" enum:"auto,csv,xlsx,ndjson" default:"auto" doc:"auto finds out by the content"`
	Delimiter    string   `query:"delimiter" doc:"between the cells of CSV: one character, or comma, semicolon, tab or pipe; absent is guessed"`
	Encoding     string   `query:"encoding" maxLength:"64" doc:"of a text, by the WHATWG Encoding Standard, such as windows-1252; absent takes UTF-8 and UTF-16"`
	Sheet        string   `query:"sheet" maxLength:"255" doc:"of a workbook; absent is the first that is visible"`
	Map          []string `query:"map,explode" maxItems:"512" doc:"Column:field says which field a column holds, where the column is its name or its letter; Column: leaves it out. What is not said is guessed by the names in the header"`
	Source       string   `query:"source" maxLength:"64" doc:"makes the file the whole of a source, with a dry run: users of the source whom it does not name would be disabled"`
	Adopt        bool     `query:"adopt" doc:"whether users of no source whom the file names become the source's"`
	MaxDisables  int      `query:"maxDisables" minimum:"1" maximum:"100" doc:"how many percent of the source's enabled users the file may disable; absent is 10"`
	DryRun       bool     `query:"dryRun" doc:"give every row the outcome that it would have, and change nobody; can be committed for 24 hours"`
	Name         string   `query:"name" maxLength:"255" doc:"what you call it, such as the file's name"`
	Key          string   `header:"Idempotency-Key" maxLength:"255" pattern:"^[!-~]+$" doc:"makes the request safe to send again for 24 hours: the same key, query and file give the first batch"`
	connection
}

func (a *api) addUploads(h huma.API) {
	const all = "/tenants/{tenant}/batches"
	send := streaming(provisions(operation("upload-batch", http.MethodPost, all+"/upload", "Submit a file of users to be provisioned", "Batches", http.StatusAccepted)))
	send.Description = "Up to 1,000,000 rows and 1 GiB of CSV or NDJSON, or a workbook (XLSX) of up to 100,000 rows. The file is refused as a whole, with 422 and errors, " +
		"if it is broken or if a column is not understood; a row that cannot be read fails alone."
	send.RequestBody = fileBody()
	huma.Register(h, send, func(ctx context.Context, in *upload) (*accepted, error) {
		id, err := a.upload(ctx, in)
		return a.accept(ctx, in.Tenant.id, id, err)
	})
	look := streaming(provisions(operation("preview-batch", http.MethodPost, all+"/preview", "See how a file would be understood", "Batches", http.StatusOK)))
	look.Description = "Takes the beginning of a file, of which a MiB is read, or a whole workbook. The answer has no cell's contents, and nothing is stored."
	look.RequestBody = fileBody()
	huma.Register(h, look, func(ctx context.Context, in *upload) (*answer[Preview], error) {
		p, err := a.preview(ctx, in)
		if err != nil {
			return nil, a.fileProblem(ctx, err)
		}
		return &answer[Preview]{Body: p}, nil
	})
}

// fileBody describes a request's body that is a file.
func fileBody() *huma.RequestBody {
	file := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"text/csv": file, "application/x-ndjson": file, "application/octet-stream": file,
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": file,
	}}
}

// upload hands the rows of a file to the engine as they come, and gives the batch that they are.
func (a *api) upload(ctx context.Context, in *upload) (muster.ID, error) {
	if in.Match == "" {
		return 0, &muster.Error{Kind: muster.KindInvalid, Field: "match", Detail: "match must be account, phone, email or id: it tells who is meant."}
	}
	body, err := in.paced.Body(MaxUpload)
	if err != nil {
		return 0, err
	}
	defer in.paced.Bound()
	var digest hash.Hash
	var file io.Reader = body
	if in.Key != "" {
		digest = sha256.New()
		file = io.TeeReader(body, digest)
	}
	reader, err := a.openFile(ctx, file, in)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	if err := refuseColumns(&reader.Mapping); err != nil {
		return 0, err
	}
	s := submissionOf(ctx, in.Tenant.id)
	s.Name, s.DryRun = in.Name, in.DryRun
	if in.Source != "" {
		s.Source = &provision.Reconciliation{Name: in.Source, Adopt: in.Adopt, MaxDisables: in.MaxDisables}
	}
	u, err := a.Engine.Begin(ctx, s)
	if err != nil {
		return 0, err
	}
	defer u.Discard(context.WithoutCancel(ctx))
	if err := reader.AddAll(ctx, u); err != nil {
		return 0, err
	}
	if err := bodyHeld(ctx); err != nil {
		return 0, err
	}
	if digest != nil {
		u.SetIdempotency(idempotency(ctx, "upload", in.Key, digest.Sum([]byte(in.request.URL.Query().Encode()+"\n"))))
	}
	receipt, err := u.Accept(ctx)
	return receipt.Batch, err
}

// openFile finds out what a file is and what its columns hold.
func (a *api) openFile(ctx context.Context, file io.Reader, q *upload) (*userfile.Reader, error) {
	t, err := a.fileTerms(ctx, q)
	if err != nil {
		return nil, err
	}
	o, err := a.fileOptions(q)
	if err != nil {
		return nil, err
	}
	return userfile.Open(ctx, file, o, t)
}

// fileTerms reads what a query says of all rows, and refuses what would fail every one of them.
func (a *api) fileTerms(ctx context.Context, q *upload) (t userfile.Terms, err error) {
	t, err = userfile.ParseTerms(userfile.Words{
		Operation: q.Operation, Match: q.Match, OnExisting: q.OnExisting, UpdateFields: q.UpdateFields,
		Source: q.Source, Adopt: q.Adopt, MaxDisables: q.MaxDisables,
	})
	if err != nil {
		return t, err
	}
	return t, a.settleTerms(ctx, q.Tenant.id, &t, q.Department.id)
}

// fileOptions reads what a query says of the file.
func (a *api) fileOptions(q *upload) (o userfile.Options, err error) {
	if o.Columns, err = userfile.ParseColumns(q.Map); err != nil {
		return o, err
	}
	o.Options = spreadsheet.Options{Encoding: q.Encoding, Sheet: q.Sheet, Limiter: a.Workbooks}
	if o.Format, err = spreadsheet.ParseFormat(q.Format); err != nil {
		return o, err // the schema admits none
	}
	o.Delimiter, err = userfile.ParseDelimiter(q.Delimiter)
	return o, err
}

// refuseColumns is the refusal of a header that is not understood as a whole; nil if it is.
func refuseColumns(m *spreadsheet.Mapping) error {
	if len(m.Problems) == 0 {
		return nil
	}
	model := &huma.ErrorModel{
		Status: http.StatusUnprocessableEntity, Title: http.StatusText(http.StatusUnprocessableEntity),
		Detail: "The file's columns are not all understood, and none is left out unasked: see errors, and say with map what they are.",
	}
	for _, p := range m.Problems {
		at := "header"
		if p.Column >= 0 {
			at = "column " + spreadsheet.Letter(p.Column)
		}
		detail := &huma.ErrorDetail{Message: p.Detail, Location: at}
		if p.Name != "" {
			detail.Value = p.Name
		}
		model.Errors = append(model.Errors, detail)
	}
	return model
}

// fileProblem is problem for requests whose body is a file.
func (a *api) fileProblem(ctx context.Context, err error) error {
	var broken *spreadsheet.Error
	var told huma.StatusError
	switch {
	case errors.As(err, &told):
		return err
	case errors.Is(err, paced.ErrTooLarge):
		return huma.NewError(http.StatusRequestEntityTooLarge, fmt.Sprintf("The file has more than %d MiB: send it in parts.", MaxUpload>>20))
	case errors.Is(err, paced.ErrTooSlow):
		return huma.NewError(http.StatusRequestTimeout, fmt.Sprintf("The file comes too slowly: at least %d KiB a second are accepted.", paced.Rate>>10))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled):
		return huma.NewError(http.StatusBadRequest, "The request ended before the file did; nothing of it was taken.")
	case !errors.As(err, &broken):
		return a.problem(ctx, err)
	}
	at := "file"
	if where, _, found := strings.Cut(broken.Error(), ": "+broken.Detail); found {
		at = where
	}
	return &huma.ErrorModel{
		Status: http.StatusUnprocessableEntity, Title: http.StatusText(http.StatusUnprocessableEntity), Detail: broken.Error(),
		Errors: []*huma.ErrorDetail{{Message: broken.Detail, Location: at}},
	}
}

// idempotency is what makes a request safe to send again, under a key of its caller's for one endpoint.
func idempotency(ctx context.Context, endpoint, key string, body []byte) *provision.Idempotency {
	c := callerOf(ctx)
	scope := strings.Join([]string{"native", endpoint, hex.EncodeToString([]byte(c.AppID)), c.Actor.User.String(), key}, "\n")
	return &provision.Idempotency{Key: []byte(scope), Body: body}
}
