package console_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
	"muster/spreadsheet"
)

// importing is a form of the import as a page has it.
type importing struct {
	v      *visitor
	fields url.Values
	links  map[string]string // where its buttons lead
}

func (v *visitor) importing() *importing {
	v.t.Helper()
	page := v.get("/console/import").is(http.StatusOK)
	link := func(pattern string) string { return html.UnescapeString(page.take(pattern)) }
	return &importing{v: v,
		fields: url.Values{
			"key": {page.take(`name="key" value="([^"]+)"`)}, "operation": {"create"}, "match": {"account"}, "onExisting": {"skip"}, "maxDisables": {"10"},
		},
		links: map[string]string{
			"check": link(` action="([^"]+/import\?csrf[^"]+)"`), "run": link(`formaction="([^"]+run=1)"`), "look": link(`formaction="([^"]+/preview[^"]+)"`),
		},
	}
}

// set types into fields, in pairs of name and value.
func (i *importing) set(typed ...string) *importing {
	for k := 0; k < len(typed); k += 2 {
		i.fields.Set(typed[k], typed[k+1])
	}
	return i
}

// send sends the form by one of its buttons. A file without a name is none.
func (i *importing) send(button, name, content string) *answer {
	i.v.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for field, values := range i.fields {
		for _, value := range values {
			must(i.v.t, w.WriteField(field, value))
		}
	}
	part, err := w.CreateFormFile("file", name)
	must(i.v.t, err)
	_, err = io.WriteString(part, content)
	must(i.v.t, err)
	must(i.v.t, w.Close())
	return i.v.sendBody(i.links[button], w.FormDataContentType(), &body)
}

func (v *visitor) sendBody(path, contentType string, body io.Reader) *answer {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.at+path, body)
	must(v.t, err)
	for name, values := range v.header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", contentType)
	response, err := v.client.Do(r)
	must(v.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(v.t, err)
	return &answer{v.t, response.StatusCode, response.Header, string(text)}
}

// batch is what an answer leads to, once all of its rows have their outcomes.
func (b *bundle) batch(a *answer) *muster.Batch {
	a.t.Helper()
	a.is(http.StatusSeeOther)
	return b.finish(a.t, a.header.Get("Location"))
}

// outcomes are the results of a batch's rows, and the fields at fault.
func (b *bundle) outcomes(t testing.TB, id muster.ID) (list []string) {
	t.Helper()
	page, err := b.store.Outcomes(t.Context(), b.tenant.ID, id, provision.OutcomeQuery{Limit: 100})
	must(t, err)
	for i := range page.Outcomes {
		o := &page.Outcomes[i]
		list = append(list, strings.TrimSpace(o.Result.String()+" "+o.Subject+" "+o.Field))
	}
	return list
}

const people = "account,name,Shoe size\nann,Ann,38\nbob,Bob,44\n,Nobody,40\n"

// A file is looked at, its columns are chosen, it is checked, and only then somebody is made.
func TestAFileIsImported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	form := v.importing()
	seen := form.send("look", "people.csv", people).is(http.StatusOK)
	seen.has("CSV in utf-8 with comma between cells.", "3 rows.", "1 thing is not understood", "No field is known by the name of column C",
		`<option value="account" selected>`, "Choose the file again", form.fields.Get("key"))

	// What is not understood is not left out unasked, and what was typed stays.
	form.set("department", "/", "source", "", "column-A", "account", "column-B", "displayName", "column-C", "")
	form.send("check", "people.csv", people).is(http.StatusUnprocessableEntity).has("No field is known by the name of column C", `id="department" name="department" type="text" value="/"`)
	form.set("column-C", "-", "department", "/Nowhere").send("check", "people.csv", people).is(http.StatusUnprocessableEntity).
		has("The department does not exist.", `type="hidden" name="column-A" value="account"`, `name="column-C" value="-"`)
	form.set("department", "")
	form.send("look", "people.csv", people).is(http.StatusOK).hasNo("not understood").has(`<option value="-" selected>`)

	checked := b.batch(form.send("check", "people.csv", people))
	if checked.Mode != muster.ModeDryRun || checked.Name != "people.csv" || checked.Contract != muster.ContractNative || checked.Total != 3 {
		t.Errorf("the dry run is %+v", checked)
	}
	if diff := cmp.Diff([]string{"succeeded ann", "succeeded bob", "failed  account"}, b.outcomes(t, checked.ID)); diff != "" {
		t.Error(diff)
	}
	done := b.batch(form.send("run", "people.csv", people))
	if done.Mode != muster.ModeRun || done.Succeeded != 2 || done.Failed != 1 {
		t.Errorf("the batch is %+v", done)
	}

	// The same form again is the same import; with something else in it, it is another.
	if again := b.batch(form.send("run", "people.csv", people)); again.ID != done.ID {
		t.Error("a form that was sent twice made two batches")
	}
	if other := b.batch(form.send("run", "people.csv", people+"cai,Cai,39\n")); other.ID == done.ID || other.Skipped != 2 || other.Succeeded != 1 {
		t.Errorf("another file made %+v", other)
	}
	if fresh := b.batch(v.importing().set("column-C", "-").send("run", "people.csv", people)); fresh.ID == done.ID || fresh.Skipped != 2 {
		t.Errorf("another form made %+v", fresh)
	}
	trail, err := b.store.Audit(t.Context(), b.tenant.ID, muster.AuditQuery{Limit: 100})
	must(t, err)
	uploads := 0
	for _, r := range trail.Records {
		if r.Action == "upload-batch" && r.Operator {
			uploads++
		}
	}
	if uploads != 4 {
		t.Errorf("%d uploads are recorded, want 4", uploads)
	}
}

func TestPastedRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	const rows = "用户名\t姓名\tcapacity\nann\tAnn\tten\nbob\tBob\t\n"
	form := v.importing().set("pasted", rows, "encoding", "gb18030", "sheet", "nowhere")
	form.send("look", "", "").is(http.StatusOK).has("with tab between cells", "Rows that would fail", "<mark>ten</mark>", "A whole number of GB is accepted", "用户名\t姓名", "bob\tBob").
		hasNo("Choose the file again")
	done := b.batch(form.send("run", "", ""))
	if done.Name != "Pasted rows" || done.Succeeded != 1 || done.Failed != 1 {
		t.Errorf("the batch is %+v", done)
	}
	form.send("run", "people.csv", people).is(http.StatusUnprocessableEntity).has("There is a file as well", "ann\tAnn")
	form.set("pasted", strings.Repeat(rows, 10_000)).send("look", "", "").is(http.StatusUnprocessableEntity).has("That is too much to be pasted", `name="key"`)
	form.set("pasted", " \n").send("check", "", "").is(http.StatusUnprocessableEntity).has("Choose a file, or paste rows.", `aria-describedby="file-hint file-fault"`)
}

func TestATemplateIsFilledIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	for ext, kind := range map[string]string{"csv": "text/csv", "xlsx": "spreadsheetml"} {
		template := v.get("/console/import/users." + ext).is(http.StatusOK)
		if got := template.header.Get("Content-Type") + template.header.Get("Content-Disposition"); !strings.Contains(got, kind) || !strings.Contains(got, `"users.`+ext+`"`) {
			t.Errorf("%s: %s", ext, got)
		}
		form := v.importing()
		form.send("look", "users."+ext, template.body).is(http.StatusOK).has(`<option value="allocateCapacity" selected>`, "0 rows.").hasNo("not understood")
		form.send("check", "users."+ext, template.body).is(http.StatusUnprocessableEntity).has("There are no rows: at least one is needed.")
	}
	var book bytes.Buffer
	w, err := spreadsheet.NewWriter(&book, spreadsheet.WriterOptions{Format: spreadsheet.XLSX, Columns: []string{"account", "name"}})
	must(t, err)
	must(t, w.Write(spreadsheet.Texts("ann", "Ann")))
	must(t, w.Close())
	sheet := v.importing().send("look", "book.xlsx", book.String()).is(http.StatusOK).has("of the workbook", "1 row.").take(`Sheet (\S+) of`)
	v.importing().set("sheet", "nowhere").send("check", "book.xlsx", book.String()).is(http.StatusUnprocessableEntity).has("There is no sheet of the name that is asked for; there is " + sheet)
	if done := b.batch(v.importing().set("sheet", sheet).send("run", "book.xlsx", book.String())); done.Succeeded != 1 {
		t.Errorf("the batch is %+v", done)
	}
}

// What the form says of all rows counts, and what cannot be is said beside its field.
func TestWhatBecomesOfRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	b.batch(v.importing().send("run", "a.csv", "account,name,phone\nann,Ann,+4915100000001\nbob,Bob,+4915100000002\n"))
	for name, tc := range map[string]struct {
		typed []string
		file  string
		want  []string
	}{
		"skipped":     {nil, "account,name\nann,Anna\n", []string{"skipped ann"}},
		"updated":     {[]string{"onExisting", "update"}, "account,name\nann,Anna\n", []string{"succeeded ann"}},
		"failing":     {[]string{"onExisting", "fail"}, "account,name\nann,Anna\n", []string{"failed ann"}},
		"upserted":    {[]string{"operation", "upsert", "onExisting", "skip"}, "account,name\nann,Anna\ncai,Cai\n", []string{"succeeded ann", "succeeded cai"}},
		"by phone":    {[]string{"operation", "update", "match", "phone"}, "phone,name\n+49 151 00000002,Bo\n", []string{"succeeded +49 151 00000002"}},
		"row by row":  {[]string{"operation", ""}, "account,name,action\nann,,disable\ndan,Dan,create\n", []string{"succeeded ann", "succeeded dan"}},
		"semicolons":  {[]string{"delimiter", "semicolon"}, "account;name\ndan;Dan\n", []string{"succeeded dan"}},
		"an encoding": {[]string{"encoding", "gb18030"}, "account,name\ndan,\xd5\xc5\n", []string{"succeeded dan"}},
		"a source":    {[]string{"operation", "upsert", "source", "hr", "adopt", "1", "maxDisables", "50"}, "account,name\nann,Anna\n", []string{"succeeded ann"}},
		"no adoption": {[]string{"operation", "upsert", "source", "hr"}, "account,name\nann,Anna\n", []string{"failed ann"}},
		"department":  {[]string{"department", "/"}, "account,name\ndan,Dan\n", []string{"succeeded dan"}},
	} {
		checked := b.batch(v.importing().set(tc.typed...).send("check", "a.csv", tc.file))
		if diff := cmp.Diff(tc.want, b.outcomes(t, checked.ID)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if wanted := strings.Contains(fmt.Sprint(tc.typed), "source"); wanted != (checked.Source == "hr") {
			t.Errorf("%s: the source is %q", name, checked.Source)
		}
	}
	for name, tc := range map[string]struct {
		typed []string
		field string
		said  string
	}{
		"no match":            {[]string{"match", ""}, "match", "Choose what tells who is meant."},
		"no such match":       {[]string{"match", "shoe"}, "match", "match must be"},
		"an address":          {[]string{"match", "email"}, "match", "only where the tenant has uniqueEmail"},
		"no such operation":   {[]string{"operation", "promote"}, "operation", "operation must be"},
		"no such rule":        {[]string{"onExisting", "cry"}, "onExisting", "onExisting must be"},
		"an unknown place":    {[]string{"department", "Sales/North"}, "department", "The department does not exist."},
		"an impossible place": {[]string{"department", strings.Repeat("x/", 500)}, "department", ""},
		"a source that makes": {[]string{"source", "hr"}, "operation", "With a source, choose to create or update"},
		"too long a source":   {[]string{"operation", "upsert", "source", strings.Repeat("x", 65)}, "source", "source must be 1 to"},
		"no percentage":       {[]string{"operation", "upsert", "source", "hr", "maxDisables", "many"}, "maxDisables", "maxDisables must be 1 to 100 percent."},
		"zero percent":        {[]string{"operation", "upsert", "source", "hr", "maxDisables", "0"}, "maxDisables", "maxDisables must be 1 to 100 percent."},
		"a long delimiter":    {[]string{"delimiter", "::"}, "delimiter", "delimiter must be one character"},
	} {
		form := v.importing().set(tc.typed...)
		refused := form.send("check", "a.csv", "account,name\nann,Ann\n").is(http.StatusUnprocessableEntity).has(`id="`+tc.field+`-fault"`, tc.said, form.fields.Get("key"))
		if folded := !strings.Contains(refused.body, "<details open>"); folded && strings.Contains("delimiter source maxDisables", tc.field) {
			t.Errorf("%s: what is wrong is folded away", name)
		}
	}
}
