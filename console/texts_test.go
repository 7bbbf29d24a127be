package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"muster"
	"muster/access"
	"muster/console"
)

// hostile calls things so that a page which takes the name for markup, or for an address, shows it. What a kind does not accept is
// left out: departments have 20 characters and no slash, and addresses neither brackets nor spaces.
func hostile(kind string) string {
	const markup = `'"><script>pwned()</script><img/src=x/onerror=pwned()>{{7}}` // with the kind 62 of the 64 characters that names have
	switch kind {
	case "dep", "lea", "bde":
		return kind + `'"><b onclick=p>{`
	case "eml":
		return kind + `'onfocus='pwned{{7}}`
	case "hdr", "cel", "row", "prb", "bph", "bds", "src":
		return "javascript:pwned()//" + kind + `' onmouseover='pwned()'"><svg/onload=p()>`
	default:
		return kind + markup
	}
}

// beginning is as much of a text as each page shows that shows any of it.
func beginning(text string) string { return text[:min(len(text), 30)] }

// doc is a page as a browser understands it.
type doc struct {
	skeleton []string // elements with the names of their attributes
	texts    []string // and values of attributes
	strange  []string // what no page of the console has
}

// parsed reads a page by the rules of HTML.
func parsed(t testing.TB, body string) *doc {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	must(t, err)
	d := &doc{}
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			d.texts = append(d.texts, n.Data)
		case html.ElementNode:
			d.element(n)
		}
	}
	return d
}

func (d *doc) element(n *html.Node) {
	names := []string{n.Data}
	for _, a := range n.Attr {
		names, d.texts = append(names, a.Key), append(d.texts, a.Val)
		leads := slices.Contains([]string{"href", "src", "action", "formaction", "hx-get", "hx-post", "hx-sse:connect"}, a.Key)
		if strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"style", "srcdoc", "ping"}, a.Key) ||
			leads && !strings.HasPrefix(a.Val, "/console/") && !strings.HasPrefix(a.Val, "#") {
			d.strange = append(d.strange, fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val))
		}
	}
	if n.Data != "wbr" { // where a line may break
		d.skeleton = append(d.skeleton, strings.Join(names, " "))
	}
	scripted := n.Data == "script" && (n.FirstChild != nil || len(n.Attr) == 0)
	if scripted || slices.Contains([]string{"img", "iframe", "object", "embed", "style", "base", "template"}, n.Data) {
		d.strange = append(d.strange, "<"+n.Data+">")
	}
}

// TestStrangeThingsAreFound shows that the tests below would see what they look for.
func TestStrangeThingsAreFound(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"<p>" + hostile("acc"), `<p title="` + hostile("acc"), `<p title='` + hostile("acc"), `<p title=` + hostile("bph"), "<p>" + hostile("dep"),
		`<a href="` + hostile("row") + `">`, `<a href='//elsewhere.example/'>`, "<script>1</script>", `<p title='` + hostile("eml") + `'>`,
	} {
		if len(parsed(t, body).strange) == 0 {
			t.Errorf("nothing is found in %s", body)
		}
	}
	if found := parsed(t, `<!doctype html><script src="/console/assets/x.js"></script><a href="/console/users?q=on">`+html.EscapeString(hostile("acc"))).strange; found != nil {
		t.Errorf("found %v", found)
	}
}

// renamed gives a tenant another name.
func (b *bundle) renamed(t testing.TB, tenant *muster.Tenant, name string) *muster.Tenant {
	t.Helper()
	now, err := b.config.Access.UpdateTenant(t.Context(), tenant.ID, access.TenantChange{Name: &name})
	must(t, err)
	return now
}

// pagesOf are the addresses of all pages, by route, with what else is asked of each.
func (w *world) pagesOf(t testing.TB) (pages []string) {
	t.Helper()
	for _, r := range guardedRoutes(t) {
		if r.Method != http.MethodGet || r.Stream {
			continue
		}
		s := w.sampleOf(t, r)
		path := w.path(t, r, s, "", nil)
		pages = append(pages, path)
		for _, q := range s.queries {
			pages = append(pages, path+"?"+q.Encode())
		}
	}
	dry := "/console/batches/" + w.dry.String()
	return append(pages, dry, dry+"?result=all", "/console/batches/"+w.wait.String())
}

// TestTextsStayTexts: a tenant in which everything is called so that it would become markup has the very pages of one that is called
// plainly, element by element; each of the names stands somewhere as a text; and no form gives anything else back.
func TestTextsStayTexts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	model := b.fill(t, b.tenant, plain(b.tenant))
	w := b.fill(t, b.other, hostile)
	b.hold(t, model, w)
	w.tenant = b.renamed(t, b.other, w.name("ten"))
	like, v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator), b.signedIn(t, b.other.ID, muster.OperatorAdministrator)
	missing := maps.Clone(w.said)
	plainPages := model.pagesOf(t)
	for i, page := range w.pagesOf(t) {
		a := v.get(page).is(http.StatusOK)
		if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			if !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") {
				t.Errorf("%s is neither a page nor a file: %v", page, a.header)
			}
			continue
		}
		is, want := parsed(t, a.body), parsed(t, like.get(plainPages[i]).is(http.StatusOK).body)
		if is.strange != nil || !slices.Equal(is.skeleton, want.skeleton) {
			t.Errorf("%s has %v, and these elements:\n%v\nbut %s has\n%v", page, is.strange, is.skeleton, plainPages[i], want.skeleton)
		}
		maps.DeleteFunc(missing, func(_, name string) bool {
			return slices.ContainsFunc(is.texts, func(text string) bool { return strings.Contains(text, beginning(name)) })
		})
	}
	for kind, name := range missing {
		t.Errorf("no page shows %s: %s", kind, name)
	}
	w.formsStayTexts(t, v)
}

// formsStayTexts sends each form with each of its fields, and then all of them, made hostile.
func (w *world) formsStayTexts(t testing.TB, v *visitor) {
	t.Helper()
	token := v.get("/console/account").token()
	for _, r := range guardedRoutes(t) {
		if r.Method == http.MethodGet || strings.HasSuffix(r.Path, "/sign-out") {
			continue
		}
		s := w.sampleOf(t, r)
		path := w.path(t, r, s, "", nil)
		all := url.Values{}
		for field := range s.form {
			all[field] = []string{hostile("row")}
		}
		for field := range all {
			one := s
			one.form = maps.Clone(s.form)
			one.form[field] = all[field]
			w.staysText(v.ask(r, path, one, token), r, field)
		}
		s.form = all
		if len(all) > 0 {
			w.staysText(v.ask(r, path, s, token), r, "every field")
		}
	}
}

func (w *world) staysText(a *answer, r console.Route, field string) {
	a.t.Helper()
	if a.status >= http.StatusInternalServerError {
		a.t.Errorf("%s with a hostile %s: %d", r.Pattern, field, a.status)
	}
	if strange := parsed(a.t, a.body).strange; strange != nil {
		a.t.Errorf("%s with a hostile %s has %v", r.Pattern, field, strange)
	}
}

// TestNothingRunsInABrowser opens every page of that tenant in a real one, which complains of each script that it was to run, and finds
// nothing serious in its structure either.
func TestNothingRunsInABrowser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.fill(t, b.tenant, hostile)
	b.hold(t, w)
	w.tenant = b.renamed(t, b.tenant, hostile("ten"))
	tb := b.tab(t)
	tb.signIn(b.operator(t, 0, muster.OperatorAdministrator))
	for _, page := range w.pagesOf(t) {
		if strings.Contains(page, "?") || strings.Contains(page[strings.LastIndex(page, "/"):], ".") {
			continue // the page again, with others of its rows, or a file
		}
		tb.open(page)
		if n := eval[int](tb, `document.querySelectorAll("img, iframe, script:not([src^='/console/assets/']), [onerror], [onload], [onfocus], [onmouseover]").length`); n != 0 {
			t.Errorf("%s has %d elements of a name", page, n)
		}
		if eval[bool](tb, `document.doctype !== null`) { // else it is a part of one
			tb.sound(page)
		}
	}
}
