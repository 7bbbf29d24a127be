package console_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"muster"
)

// screenshots has TestTheCompany store the pictures of the documents: go test ./console -run TheCompany -args -screenshots.
var screenshots = flag.Bool("screenshots", false, "have TestTheCompany store the pictures of docs/images")

// browserTime bounds a test in the browser, on a machine that is busy with others.
const browserTime = 3 * time.Minute

// chromium is the one process that all tests share; each has a profile of its own.
type chromium struct {
	once sync.Once
	ctx  context.Context
	stop func()
	err  error
}

var browser chromium

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(code)
}

// start starts Chromium, which scripts/need installs.
func (c *chromium) start() (context.Context, error) {
	c.once.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
			chromedp.WSURLReadTimeout(browserTime))
		allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(allocated)
		c.ctx, c.stop = ctx, func() { cancel(); end() }
		c.err = chromedp.Do(ctx)
	})
	return c.ctx, c.err
}

// tab is a page in the browser, with a profile of its own.
type tab struct {
	t   testing.TB
	ctx context.Context
	at  string

	mu       sync.Mutex
	troubles []string // what the browser complained about: blocked scripts, missing files, exceptions
}

// tab opens one. At its end the test fails if the browser complained about anything.
func (b *bundle) tab(t testing.TB) *tab {
	t.Helper()
	parent, err := browser.start()
	must(t, err)
	tb := &tab{t: t, at: b.server.URL}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	must(t, chromedp.Listen(ctx, tb.listen)) // opens the tab
	limited, stop := context.WithTimeout(ctx, browserTime)
	tb.ctx = limited
	t.Cleanup(func() {
		stop()
		cancel()
		tb.mu.Lock()
		defer tb.mu.Unlock()
		if len(tb.troubles) > 0 {
			t.Errorf("the browser complains:\n%s", strings.Join(tb.troubles, "\n"))
		}
	})
	tb.do(chromedp.EmulateViewport(wide, 900))
	return tb
}

// The widths of windows that are tried, in CSS pixels.
const (
	wide   = 1280
	narrow = 360
)

func (tb *tab) listen(event any) {
	trouble := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		// A status of a refusal is no trouble.
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "the server responded with a status of") {
			trouble = e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		trouble = e.ExceptionDetails.Text
	}
	if trouble != "" {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.troubles = append(tb.troubles, trouble)
	}
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.t.Fatalf("%v, at %s", err, tb.where())
	}
}

// eval gives the value of an expression on the page, promises awaited.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	value, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.t.Fatalf("%s: %v, at %s", expression, err, tb.where())
	}
	return value
}

// where says what the tab shows, for a person who reads why a test failed.
func (tb *tab) where() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.ctx), 10*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body?.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// open goes to a page of the console.
func (tb *tab) open(path string) {
	tb.t.Helper()
	tb.do(chromedp.Navigate(tb.at + path))
}

// waits until an expression is true on the page, or on one that comes after it.
func (tb *tab) waits(expression string) {
	tb.t.Helper()
	for {
		_, err := chromedp.Run(tb.ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingTimeout(browserTime)))
		switch {
		case err == nil:
			return
		case tb.ctx.Err() != nil:
			tb.t.Fatalf("%s: %v, at %s", expression, err, tb.where())
		}
		// Another page came in between.
	}
}

// sees waits until an element has the text among its own.
func (tb *tab) sees(selector, text string) {
	tb.t.Helper()
	tb.waits(fmt.Sprintf("[...document.querySelectorAll(%s)].some(e => e.innerText.includes(%s))", quoted(selector), quoted(text)))
}

// click clicks the first element that the selector means.
func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.do(chromedp.Click(chromedp.CSS(selector)))
}

// types types into a field, in the place of what is there.
func (tb *tab) types(selector, text string) {
	tb.t.Helper()
	tb.do(chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings can't fail
	}
	return string(text)
}

// signIn signs an operator in.
func (tb *tab) signIn(email string) {
	tb.t.Helper()
	tb.open("/console/sign-in")
	tb.types("#email", email)
	tb.types("#password", rightPassword)
	tb.click("button.main")
	tb.sees(".top .who", "Olga")
}

// finding is what axe says of a rule that a page breaks.
type finding struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

var axe = sync.OnceValues(func() ([]byte, error) { return os.ReadFile(filepath.Join("testdata", "axe.min.js")) })

// accessible fails the test if axe finds anything serious on the page that is shown, in light or dark, wide or narrow, or if
// it is wider than a window.
func (tb *tab) accessible() {
	tb.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		tb.prefers(scheme)
		for _, width := range []int64{wide, narrow} {
			tb.do(chromedp.EmulateViewport(width, 900))
			tb.sound(fmt.Sprintf("%s, %d wide", scheme, width))
		}
	}
	tb.prefers("")
	tb.do(chromedp.EmulateViewport(wide, 900))
}

// sound does so for the window as it is.
func (tb *tab) sound(as string) {
	tb.t.Helper()
	source, err := axe()
	must(tb.t, err)
	if !eval[bool](tb, `"axe" in window`) {
		eval[int](tb, string(source)+";0")
	}
	for _, f := range eval[[]finding](tb, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`) {
		if f.Impact == "serious" || f.Impact == "critical" {
			detail, _ := json.MarshalIndent(f.Nodes, "", "  ") // it was JSON
			tb.t.Errorf("%s: %s: %s\n%s\nat %s", as, f.ID, f.Help, detail, tb.where())
		}
	}
	if over := eval[int](tb, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		tb.t.Errorf("%s: the page is %d wider, at %s", as, over, tb.where())
	}
}

// prefers has the browser ask for light or dark; "" leaves it as it was.
func (tb *tab) prefers(scheme string) {
	tb.t.Helper()
	params := emulation.SetEmulatedMediaParams{}
	if scheme != "" {
		params.Features = []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	}
	_, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, params)
	must(tb.t, err)
}

// TestFromInvitationToOverview goes the way of a new operator in a browser: an administrator invites, the new one sets a
// password, signs in, and sees the overview.
func TestFromInvitationToOverview(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := b.tab(t)
	admin.open("/console/sign-in")
	admin.accessible()
	admin.signIn(b.operator(t, 0, muster.OperatorAdministrator))
	admin.sees("h1", "Overview")
	admin.accessible()
	admin.click(`nav.side a[href="/console/operators"]`)
	admin.sees("h1", "Operators")
	admin.accessible()

	// What is wrong is said beside the field, and what was typed stays.
	const name = "Ann <b>Smith</b>"
	admin.types("#name", name)
	admin.types("#email", "ann@nowhere@")
	eval[bool](admin, `document.querySelector("#email").form.noValidate = true`)
	admin.click("section button.main")
	admin.sees("#email-fault", "name@domain")
	admin.accessible()
	if typed, focused := eval[string](admin, `document.querySelector("#name").value`), eval[string](admin, `document.activeElement.id`); typed != name || focused != "email" {
		t.Errorf("the name is %q and the focus on %q", typed, focused)
	}
	admin.types("#email", "ann@example.com")
	admin.click("section button.main")
	admin.sees("h1", "Invitation of "+name)
	admin.accessible()
	link := eval[string](admin, `document.querySelector("#link").innerText`)

	ann := b.tab(t)
	ann.open(strings.TrimPrefix(link, b.server.URL))
	ann.sees("main", "Hello "+name)
	ann.accessible()
	ann.types("#password", rightPassword)
	ann.types("#again", rightPassword)
	ann.click("button.main")
	ann.sees("[role=status]", "Your password is set")
	ann.types("#email", "ann@example.com")
	ann.types("#password", rightPassword)
	ann.click("button.main")
	ann.sees(".who", name)
	ann.sees("h1", "Overview")
	if n := eval[int](ann, `document.querySelectorAll('nav.side a[href="/console/operators"]').length`); n != 0 {
		t.Error("a viewer is led to the operators")
	}

	// Times are the reader's own.
	admin.open("/console/operators")
	admin.waits(`[...document.querySelectorAll("time")].every(e => e.title.endsWith("UTC") && !e.innerText.includes("UTC"))`)
	ann.click(".who form button")
	ann.sees("[role=status]", "You are signed out.")
}
