package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/paced"
	"muster/provision"
	"muster/spreadsheet"
	"muster/userfile"
)

func importRoutes() []route {
	routes := []route{
		{pattern: "GET /import", scope: muster.ScopeProvision, page: (*visit).newImport},
		{pattern: "POST /import", scope: muster.ScopeProvision, action: "upload-batch", upload: true, page: (*visit).importFile},
		{pattern: "POST /import/preview", scope: muster.ScopeProvision, upload: true, page: (*visit).previewImport},
	}
	for _, format := range [...]spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX} {
		routes = append(routes, route{
			pattern: "GET /import/users." + format.String(), scope: muster.ScopeProvision,
			page: func(v *visit) error {
				return v.download("users", format, func(_ context.Context, w io.Writer) error {
					return spreadsheet.WriteTemplate(w, format, spreadsheet.UserFields())
				})
			},
		})
	}
	return routes
}

// The names of the form's fields that more than one place needs. The file is the last one, since it is read as it comes.
const (
	importFileField   = "file"
	importPastedField = "pasted" // rows from a spreadsheet
	importKeyField    = "key"    // makes a form that is sent twice one import
	columnPrefix      = "column-"
	leaveOut          = "-" // of a column
)

// importFields are those that a refusal is shown beside.
var importFields = []string{
	importFileField, importPastedField, rowsField, "operation", "match", "onExisting", "department", "delimiter", "encoding", "sheet", "source", "maxDisables",
}

// importForm is what was chosen and typed, how the file was understood, and what is wrong.
type importForm struct {
	values  url.Values
	faults  faults
	preview *userfile.Preview // nil: nothing was read yet
	sent    bool              // a file was sent, which has to be chosen again where no script keeps it

	departments []string // to choose from
}

func (f *importForm) value(name string) string { return f.values.Get(name) }

// more reports whether anything was chosen, or is wrong, that is folded away at first.
func (f *importForm) more() bool {
	for _, name := range [...]string{"delimiter", "encoding", "sheet", "source", "adopt"} {
		if f.value(name) != "" || f.faults[name] != "" {
			return true
		}
	}
	return f.faults["maxDisables"] != ""
}

// chosenColumns are the fields that say what columns hold, of a form whose file was not come to.
func (f *importForm) chosenColumns() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if strings.HasPrefix(name, columnPrefix) && f.value(name) != "" && len(names) < spreadsheet.MaxColumns {
			names = append(names, name)
		}
	}
	return names
}

func (v *visit) newImport() error { return v.showImport(http.StatusOK, &importForm{}) }

// showImport answers with the page, of which the form's script takes what has changed.
func (v *visit) showImport(status int, f *importForm) error {
	if f.value(importKeyField) == "" { // nothing was typed, or nothing could be read
		f.values = url.Values{
			importKeyField: {rand.Text()}, "operation": {"create"}, "match": {muster.KeyAccount.String()}, "onExisting": {"skip"}, "maxDisables": {"10"},
		}
	}
	var err error
	if f.departments, err = v.departmentChoice(); err != nil {
		return err
	}
	return v.show(status, importPage(v, f))
}

// previewImport shows how a file would be understood, by its beginning.
func (v *visit) previewImport() error {
	f := &importForm{}
	status := http.StatusOK
	err := v.receive(f, func(u *upload) error {
		t, o, err := v.importTerms(u)
		if err != nil {
			return err
		}
		f.preview, err = userfile.Look(v.ctx(), u.file, userfile.MaxBytes, o, t)
		return err
	})
	if err != nil {
		if f.faults, status, err = v.importFaults(f, err); err != nil {
			return err
		}
	}
	return v.showImport(status, f)
}

// importFile makes a batch of a file, or a dry run unless the address has run=1.
func (v *visit) importFile() error {
	f := &importForm{}
	var batch muster.ID
	err := v.receive(f, func(u *upload) (err error) {
		batch, err = v.provision(f, u)
		return err
	})
	if err != nil {
		wrong, status, err := v.importFaults(f, err)
		if err != nil {
			return err
		}
		f.faults = wrong
		return v.showImport(status, f)
	}
	return v.goTo("/batches/"+batch.String(), "")
}

// errColumns is for a file whose columns are not all understood, as the form's preview says.
var errColumns = errors.New("the file's columns are not all understood")

// provision hands the rows of a file to the engine as they come, and gives the batch that they are.
func (v *visit) provision(f *importForm, u *upload) (muster.ID, error) {
	t, o, err := v.importTerms(u)
	if err != nil {
		return 0, err
	}
	if t.Match == muster.KeyNone {
		return 0, &muster.Error{Kind: muster.KindInvalid, Field: "match", Detail: "Choose what tells who is meant."}
	}
	s := provision.Submission{
		Tenant: v.tenant.ID, ActorLevel: muster.LevelSystemAdmin, Contract: muster.ContractNative,
		Name: u.batchName(v.T("Pasted rows")), DryRun: v.r.URL.Query().Get("run") == "",
	}
	if t.Source != "" {
		most, err := strconv.Atoi(v.form("maxDisables"))
		if err != nil || most < 1 {
			most = -1 // is refused
		}
		s.Source = &provision.Reconciliation{Name: t.Source, Adopt: t.Adopt, MaxDisables: most}
	}
	digest := sha256.New()
	reader, err := userfile.Open(v.ctx(), io.TeeReader(u.file, digest), o, t)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	if len(reader.Mapping.Problems) > 0 {
		f.preview = reader.Preview()
		return 0, errColumns
	}
	batch, err := v.Engine.Begin(v.ctx(), s)
	if err != nil {
		return 0, err
	}
	defer batch.Discard(context.WithoutCancel(v.ctx()))
	if err := reader.AddAll(v.ctx(), batch); err != nil {
		return 0, err
	}
	if err := u.end(); err != nil {
		return 0, err
	}
	// The very same form makes one batch, however often it is sent; one that was changed in between makes another.
	_, _ = io.WriteString(digest, "\n"+strconv.FormatBool(s.DryRun)+"\n"+s.Name+"\n"+v.r.PostForm.Encode()) // a hash has no error
	sum := digest.Sum(nil)
	scope := strings.Join([]string{"console", "import", v.operator.ID.String(), v.form(importKeyField), string(sum)}, "\n")
	batch.SetIdempotency(&provision.Idempotency{Key: []byte(scope), Body: sum})
	receipt, err := batch.Accept(v.ctx())
	return receipt.Batch, err
}

// importTerms reads what the form says of all rows, and how the file is to be read.
func (v *visit) importTerms(u *upload) (t userfile.Terms, o userfile.Options, err error) {
	w := userfile.Words{Operation: v.form("operation"), Match: v.form("match"), Source: v.form("source")}
	if w.Operation == "create" || w.Operation == "" {
		w.OnExisting = v.form("onExisting")
	}
	if w.Source != "" {
		w.Adopt = v.form("adopt") != ""
		if w.Operation != "upsert" {
			return t, o, &muster.Error{Kind: muster.KindInvalid, Field: "operation", Detail: "With a source, choose to create or update: the file says who there is."}
		}
	}
	if t, err = userfile.ParseTerms(w); err != nil {
		return t, o, err
	}
	if err = t.For(v.tenant); err != nil {
		return t, o, err
	}
	if at := v.form("department"); at != "" {
		d, err := v.departmentAt("department", at)
		if err != nil {
			return t, o, err
		}
		t.Department = d.ID
	}
	o.Columns = map[string]string{}
	for name := range v.r.PostForm {
		letter, found := strings.CutPrefix(name, columnPrefix)
		switch field := v.form(name); {
		case !found || field == "":
		case field == leaveOut:
			o.Columns["#"+letter] = ""
		default:
			o.Columns["#"+letter] = field
		}
	}
	o.Limiter = v.Workbooks
	if u.name != "" { // what is pasted comes in the page's encoding
		o.Encoding, o.Sheet = v.form("encoding"), v.form("sheet")
	}
	o.Delimiter, err = userfile.ParseDelimiter(v.form("delimiter"))
	return t, o, err
}

// importFaults says what is wrong with the form or its file, as faultsOf does.
func (v *visit) importFaults(f *importForm, err error) (faults, int, error) {
	field := importFileField
	if strings.TrimSpace(f.value(importPastedField)) != "" {
		field = importPastedField
	}
	var broken *spreadsheet.Error
	switch {
	case errors.Is(err, errColumns):
		return faults{"columns": v.T("Not all columns are understood, and none is left out unasked: choose what they hold.")}, http.StatusUnprocessableEntity, nil
	case errors.As(err, &broken):
		return faults{field: v.fileError(broken)}, http.StatusUnprocessableEntity, nil
	case errors.Is(err, paced.ErrTooLarge):
		return faults{field: v.T("The file has more than %s MiB: send it in parts.", v.number(userfile.MaxBytes>>20))}, http.StatusRequestEntityTooLarge, nil
	case errors.Is(err, paced.ErrTooSlow):
		return faults{field: v.T("The file comes too slowly: at least %s KiB a second are accepted.", v.number(paced.Rate>>10))}, http.StatusRequestTimeout, nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled):
		return faults{field: v.T("The upload ended before the file did; nothing of it was taken.")}, http.StatusBadRequest, nil
	}
	wrong, status, err := v.faultsOf(err, importFields...)
	if said := wrong[rowsField]; said != "" {
		wrong = faults{field: said}
	}
	return wrong, status, err
}

// rowsField is the rows' name in a refusal of the engine.
const rowsField = "rows"

// fileError says what is wrong with a file, and where.
func (v *visit) fileError(e *spreadsheet.Error) string {
	var at []string
	if e.Row > 0 {
		at = append(at, v.T("row %s", strconv.Itoa(e.Row)))
	}
	if e.Column != "" {
		at = append(at, v.T("column %s", e.Column))
	}
	if e.Byte > 0 {
		at = append(at, v.T("byte %s", v.number(e.Byte)))
	}
	said := v.sentence(e.Detail)
	if len(at) == 0 {
		return said
	}
	return v.T("In %s: %s", strings.Join(at, ", "), said)
}

// importColumn is a column of a file, and what it is taken for.
type importColumn struct {
	Letter, Name string
	Value        string // a field, leaveOut, or "" if it is not understood
	Fault        string
}

// importColumns are those of the file that was read.
func (v *visit) importColumns(f *importForm) []importColumn {
	list := make([]importColumn, len(f.preview.Columns))
	for i, name := range f.preview.Columns {
		list[i] = importColumn{Letter: spreadsheet.Letter(i), Name: shortened(name), Value: cmp.Or(f.preview.Mapping.Fields[i], leaveOut)}
	}
	for _, p := range f.preview.Mapping.Problems {
		if p.Column >= 0 {
			c := &list[p.Column]
			c.Fault, c.Value = v.sentence(p.Detail), cmp.Or(p.Field, f.value(columnPrefix+c.Letter))
		}
	}
	return list
}

// importProblems is what is wrong with the columns beside what is wrong with one of them.
func (v *visit) importProblems(p *userfile.Preview) (list []string) {
	for _, problem := range p.Mapping.Problems {
		if problem.Column < 0 {
			list = append(list, v.sentence(problem.Detail))
		}
	}
	return list
}

// shortest is how many characters of a text are shown where others stand beside it.
const shortest = 80

// shortened is a text of anybody's where there is little room.
func shortened(text string) string {
	runes := 0
	for i := range text {
		if runes++; runes > shortest {
			return text[:i] + "…"
		}
	}
	return text
}
