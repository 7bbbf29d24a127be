package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"muster"
	"muster/provision"
	"muster/userfile"
)

// noBatches fails the test if anything was accepted.
func (b *bundle) noBatches(t testing.TB) {
	t.Helper()
	for _, tenant := range []muster.ID{b.tenant.ID, b.other.ID} {
		list, err := b.store.Batches(t.Context(), tenant, provision.BatchQuery{Limit: 10})
		must(t, err)
		if len(list) > 0 {
			t.Errorf("there are %d batches", len(list))
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	long := strings.Repeat("x", 300)
	for name, tc := range map[string]struct{ file, said string }{
		"empty":         {"\n\n", "The file is empty"},
		"a header":      {"account,name\n", "There are no rows"},
		"a document":    {"%PDF-1.7\n", "The file is a document"},
		"half a book":   {"PK\x03\x04" + long, "The workbook is damaged or cut off"},
		"no UTF-8":      {"account,name\nann,\xd5\xc5\xd5\xc5\xd5\xc5\n", "In row 2, byte 18: From here on the file is not UTF-8"},
		"an open quote": {"account,name\nann,Ann\nbob,\"Bob\ncai,Cai\n", "In row 3: A cell of the row opens a quote"},
		"JSON":          {`[{"account":"ann"}]`, "The file is a JSON array"},
		"a long name":   {"account," + long + "\nann,1\n", "In column B: A column&#39;s name has at most 256 characters"},
		"no column":     {"ann,Ann\nbob,Bob\n", "no column is known by its name; does the header row miss?"},
	} {
		said := v.importing().send("check", "people.csv", tc.file).is(http.StatusUnprocessableEntity).has(tc.said)
		if name != "no column" {
			said.has(`id="file-fault"`)
		}
	}
	v.header.Set("Accept-Language", "zh-CN")
	v.importing().send("check", "people.csv", "account,name\nann,Ann\nbob,\"Bob\ncai,Cai\n").is(http.StatusUnprocessableEntity).has("位于第 3 行：该行的一个单元格以引号开始，但到第 4 行")
	v.importing().send("look", "people.csv", "account,x\nann\n").is(http.StatusOK).has("列 B 的名称无法识别", "该行的单元格比标题行少", "账号")
	b.noBatches(t)
}

// Forms that no page sends are refused, and so are those that end before their time.
func TestFormsThatAreNoImport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	at := v.importing().links["check"]
	const kind, begin = "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name="
	const match, file = begin + "\"match\"\r\n\r\naccount\r\n", begin + "\"file\"; filename=\"a.csv\"\r\n\r\naccount,name\nann,Ann\r\n"
	const operation = begin + "\"operation\"\r\n\r\ncreate\r\n"
	for name, tc := range map[string]struct {
		kind, body string
		status     int
		said       string
	}{
		"a usual form":          {"application/x-www-form-urlencoded", "match=account", http.StatusUnprocessableEntity, "The form cannot be read"},
		"no boundary":           {"multipart/form-data", match + file + "--b--", http.StatusUnprocessableEntity, "The form cannot be read"},
		"another boundary":      {kind + "c", match + file + "--b--", http.StatusBadRequest, "The upload ended before the file did"},
		"no end":                {kind, operation + match + file, http.StatusBadRequest, "The upload ended before the file did"},
		"no file":               {kind, operation + match, http.StatusBadRequest, "The upload ended before the file did"},
		"a field behind it":     {kind, operation + file + match + "--b--", http.StatusUnprocessableEntity, "Choose what tells who is meant"},
		"two files":             {kind, operation + match + file + file + "--b--", http.StatusUnprocessableEntity, "The form cannot be read"},
		"too much before it":    {kind, operation + begin + "\"x\"\r\n\r\n" + strings.Repeat("x", 300_000) + "\r\n" + match + file + "--b--", http.StatusUnprocessableEntity, "too much"},
		"columns there are not": {kind, operation + match + begin + "\"column-ZZ\"\r\n\r\nemail\r\n" + file + "--b--", http.StatusUnprocessableEntity, "There is no column of the name or letter"},
		"fields there are not":  {kind, operation + match + begin + "\"column-A\"\r\n\r\n<i>\r\n" + file + "--b--", http.StatusUnprocessableEntity, "The field that is chosen for column A is not known"},
		"a name of no text":     {kind, operation + match + strings.Replace(file, "a.csv", "\xff\xfe.csv", 1) + "--b--", http.StatusSeeOther, ""},
		"nothing":               {kind, "", http.StatusBadRequest, "The upload ended before the file did"},
	} {
		t.Run(name, func(t *testing.T) {
			here := *v
			here.t = t
			here.sendBody(at, tc.kind, strings.NewReader(tc.body)).is(tc.status).has(tc.said)
		})
	}
	list, err := b.store.Batches(t.Context(), b.tenant.ID, provision.BatchQuery{Limit: 10})
	must(t, err)
	if len(list) != 1 || list[0].Name != ".csv" {
		t.Errorf("there are %d batches", len(list))
	}
	// What is too large is refused before it is read.
	unsent, end := io.Pipe()
	defer end.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.at+at, unsent)
	must(t, err)
	r.ContentLength, r.Header = userfile.MaxBytes*2, http.Header{"Content-Type": {kind}, "Accept-Language": {"en"}}
	refused, err := v.client.Transport.RoundTrip(withCookies(v, r))
	must(t, err)
	defer refused.Body.Close()
	text, err := io.ReadAll(refused.Body)
	must(t, err)
	if refused.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(text), "The file has more than 1,024 MiB") {
		t.Errorf("%d: %s", refused.StatusCode, text)
	}
}

func withCookies(v *visitor, r *http.Request) *http.Request {
	for _, c := range v.client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return r
}

func TestWhoImports(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	form := v.importing()
	viewer := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	for _, path := range []string{"/console/import", "/console/import/users.csv"} {
		viewer.get(path).is(http.StatusForbidden).has("Your role does not allow this")
	}
	stranger := b.signedIn(t, b.other.ID, muster.OperatorAdministrator)
	for _, button := range []string{"check", "run", "look"} {
		at := form.links[button]
		bare, _, _ := strings.Cut(at, "?")
		for name, tc := range map[string]struct {
			who    *visitor
			at     string
			status int
		}{
			"nobody":             {b.visitor(t), at, http.StatusSeeOther},
			"a viewer":           {viewer, at, http.StatusForbidden},
			"another's operator": {stranger, at, http.StatusForbidden},
			"without the token":  {v, bare, http.StatusForbidden},
			"a wrong token":      {v, bare + "?csrf=x", http.StatusForbidden},
		} {
			theirs := &importing{v: tc.who, fields: form.fields, links: map[string]string{button: tc.at}}
			if got := theirs.send(button, "people.csv", "account,name\nann,Ann\n"); got.status != tc.status {
				t.Errorf("%s, %s: %d, want %d", button, name, got.status, tc.status)
			}
		}
		theirs := &importing{v: v, fields: form.fields, links: form.links}
		v.header["Sec-Fetch-Site"] = []string{"cross-site"}
		theirs.send(button, "people.csv", "account,name\nann,Ann\n").is(http.StatusForbidden).has("The form came from another site")
		delete(v.header, "Sec-Fetch-Site")
	}
	b.noBatches(t)
}

// What a file holds, and what it is called, is text wherever a page shows it.
func TestAFileIsText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	const probe = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	quoted := `"` + strings.ReplaceAll(probe, `"`, `""`) + `"`
	for _, typed := range []url.Values{
		{}, {"department": {probe}}, {"delimiter": {probe}}, {"encoding": {probe}}, {"sheet": {probe}}, {"source": {probe}}, {"maxDisables": {probe}},
		{"operation": {probe}}, {"match": {probe}}, {"onExisting": {probe}}, {"key": {probe}}, {"column-A": {probe}}, {"pasted": {probe + ",account\nx,y"}},
	} {
		for _, button := range []string{"look", "check"} {
			form := v.importing()
			for name, values := range typed {
				form.fields[name] = values
			}
			form.send(button, probe, "account,capacity,"+quoted+","+probe[2:]+"\n"+quoted+","+quoted+",1,2\n").hasNo("<script>alert", "<img")
		}
	}
	v.importing().send("look", "people.csv", "account,password,"+quoted+"\nann,1.88E+12,"+quoted+"\n"+quoted+",x\n").is(http.StatusOK).
		has("&lt;script&gt;", "its digits are lost").hasNo("<script>alert", "1.88E+12<")
	b.noBatches(t)
}

// The widest table, of names that nobody knows, makes no page over 200 KB.
func TestTheWidestTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	names := make([]string, 256)
	for i := range names {
		names[i] = fmt.Sprintf("%d %s", i, strings.Repeat("x", 200))
	}
	form := v.importing().set("column-A", "account", "column-IV", "displayName")
	file := strings.Join(names, ",") + "\nann" + strings.Repeat(",", 255) + "Ann\n"
	page := form.send("look", "people.csv", file).is(http.StatusOK).has(`name="column-IV" id="column-IV" value="displayName" list="fields"`, `<datalist id="fields">`)
	if size := len(page.body); size > 200<<10 {
		t.Errorf("the page has %d bytes", size)
	}
	for i := 1; i < 255; i++ {
		letter := page.take(fmt.Sprintf(`(?s)<th scope="row">([A-Z]+)</th> ?<td[^>]*>%d x`, i))
		form.set("column-"+letter, "-")
	}
	if done := b.batch(form.send("run", "people.csv", file)); done.Succeeded != 1 {
		t.Errorf("the batch is %+v", done)
	}
}
