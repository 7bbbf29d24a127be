package console_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/api/federation"
	"muster/console"
	"muster/directory"
	"muster/mapping"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/spreadsheet"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
	"muster/webhook"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// wait moves the clock instead of waiting.
func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

// bundle is a console on a real SQLite database with two tenants, served over HTTP.
type bundle struct {
	clock     *clock
	dir       string // of the database
	store     *sqlite.Store
	operators *access.Operators
	engine    *provision.Engine
	gate      *gate // before the engine's turns
	tenant    *muster.Tenant
	other     *muster.Tenant
	config    console.Config
	log       *lines
	server    *httptest.Server
}

// lines are what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// gate holds up turns while it is shut.
type gate struct {
	provision.Dispatcher
	mu    sync.Mutex
	open  chan struct{} // closed while turns may begin
	turns int           // that came, whether they were held up or not
	came  *sync.Cond    // another one did
}

// shut holds up the turns that begin from now on, until what it returns is called.
func (g *gate) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := make(chan struct{})
	g.open = held
	return func() { close(held) }
}

// count is how many turns came so far.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turns
}

// another waits until more turns came than those: there is one at a time, so that the one before is over.
func (g *gate) another(turns int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.turns == turns {
		g.came.Wait()
	}
}

func (g *gate) Run(ctx context.Context, d provision.Duties) {
	turn := d.Turn
	d.Turn = func(ctx context.Context, lane muster.LaneRef, slice *provision.Slice) (bool, error) {
		g.mu.Lock()
		open := g.open
		g.turns++
		g.came.Broadcast()
		g.mu.Unlock()
		select {
		case <-open:
			return turn(ctx, lane, slice)
		case <-ctx.Done():
			return true, nil
		}
	}
	g.Dispatcher.Run(ctx, d)
}

// cheap is what hashing costs in tests.
var cheap = password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

// setup serves a console by plain HTTP on the loopback, unless changes make something else of it.
func setup(t testing.TB, changes ...func(*console.Config)) *bundle {
	t.Helper()
	b := build(t, changes...)
	b.server = httptest.NewServer(b.handler(t))
	t.Cleanup(b.server.Close)
	return b
}

// build makes the installation and the configuration.
func build(t testing.TB, changes ...func(*console.Config)) *bundle {
	t.Helper()
	dir := t.TempDir()
	b := &bundle{dir: dir, clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, log: &lines{}}
	must(t, sqlitetest.Make(dir))
	var err error
	b.store, err = sqlite.Open(t.Context(), dir, sqlite.Options{Now: b.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, b.store.Close()) })
	keyring, err := secret.Open(t.Context(), secret.Config{Master: dir + "/master.key"}, b.store)
	must(t, err)
	t.Cleanup(func() { must(t, keyring.Close()) })
	ids, err := muster.NewIDSource(0, 0, b.clock.Now)
	must(t, err)
	pool, err := password.NewPool(password.Hasher{Params: cheap}, 2)
	must(t, err)
	t.Cleanup(pool.Close)
	service := &access.Service{
		Store: b.store, Directory: provision.Direct{Store: b.store, Now: b.clock.Now}, Keyring: keyring, IDs: ids, Now: b.clock.Now,
	}
	b.tenant, _, err = service.CreateTenant(t.Context(), access.NewTenant{Name: "first"})
	must(t, err)
	b.other, _, err = service.CreateTenant(t.Context(), access.NewTenant{Name: "other"})
	must(t, err)
	b.operators = &access.Operators{Store: b.store, Keyring: keyring, Hasher: pool, IDs: ids, Now: b.clock.Now, Wait: b.clock.wait}
	b.gate = &gate{Dispatcher: provision.NewLocal(1), open: make(chan struct{})}
	b.gate.came = sync.NewCond(&b.gate.mu)
	close(b.gate.open)
	b.engine, err = provision.New(provision.Config{
		Store: b.store, Keyring: keyring, Hasher: pool, IDs: ids, Dispatcher: b.gate, Now: b.clock.Now,
		Logger: slog.New(slog.NewTextHandler(b.log, nil)), Registerer: prometheus.NewRegistry(),
	})
	must(t, err)
	must(t, b.engine.Start(t.Context()))
	t.Cleanup(func() { must(t, b.engine.Stop(context.WithoutCancel(t.Context()))) })
	links := &access.Activations{Store: b.store, Keyring: keyring, Hasher: pool}
	b.config = console.Config{
		Operators: b.operators, Tenants: b.store, Access: service, IDs: ids, Now: b.clock.Now, Transport: console.Loopback,
		Departments: &directory.Departments{Store: b.store, IDs: ids, Now: b.clock.Now},
		Users: &directory.Users{
			Store: b.store, Changer: provision.Direct{Store: b.store, Now: b.clock.Now}, IDs: ids, Hash: links.HashNew,
		},
		Roles: &access.Roles{Store: b.store, IDs: ids, Now: b.clock.Now}, Links: links,
		Federation: &access.Federation{Store: b.store, Keyring: keyring, Check: mapping.CheckProfile},
		Trier:      &federation.Trier{Profiles: b.store, Engine: b.engine},
		Webhooks:   &webhook.Service{Store: b.store, Keyring: keyring, IDs: ids, Now: b.clock.Now},
		Engine:     b.engine, Batches: b.store, Audit: b.store, Workbooks: spreadsheet.NewLimiter(1),
		LinkAddress: func(tenant muster.ID, secret string) string {
			return "https://muster.example/" + tenant.String() + "/" + secret
		},
		Health: func(*http.Request) []console.Health {
			return []console.Health{{Name: "database", OK: true}, {Name: "disk"}}
		},
		Nodes: func(context.Context) ([]muster.Node, error) {
			return []muster.Node{{Number: 3, Name: "node-a", Since: b.clock.Now(), HeardAt: b.clock.Now(), OK: true}, {Number: 4, Name: "node-b"}}, nil
		},
		Load:   &console.Load{},
		Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	}
	for _, change := range changes {
		change(&b.config)
	}
	return b
}

func (b *bundle) handler(t testing.TB) http.Handler {
	t.Helper()
	h, err := console.New(b.config)
	must(t, err)
	return h
}

const rightPassword = "Right horse 12"

// operator makes one who has a password, and gives his e-mail address. Tenant 0 is the installation.
func (b *bundle) operator(t testing.TB, tenant muster.ID, role muster.OperatorRole) string {
	t.Helper()
	id, err := b.operators.IDs.Next()
	must(t, err)
	email := "o" + id.String() + "@example.com"
	_, i, err := b.operators.Invite(t.Context(), nil, access.NewOperator{Tenant: tenant, Name: "Olga " + id.String(), Email: email, Role: role})
	must(t, err)
	_, err = b.operators.Accept(t.Context(), i.Secret, rightPassword, loopback)
	must(t, err)
	return email
}

// byEmail reads an operator.
func (b *bundle) byEmail(t testing.TB, email string) *muster.Operator {
	t.Helper()
	o, err := b.store.OperatorByEmail(t.Context(), email)
	must(t, err)
	return o
}

// visitor is a browser without scripts: it keeps cookies and follows no redirect.
type visitor struct {
	t      testing.TB
	at     string
	client *http.Client
	header http.Header
}

func (b *bundle) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := *b.server.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t: t, at: b.server.URL, client: &client, header: http.Header{"Accept-Language": {"en"}}}
}

// signedIn is a visitor with a session of a new operator.
func (b *bundle) signedIn(t testing.TB, tenant muster.ID, role muster.OperatorRole) *visitor {
	t.Helper()
	v := b.visitor(t)
	v.signIn(b.operator(t, tenant, role))
	return v
}

func (v *visitor) signIn(email string) {
	v.t.Helper()
	v.post("/console/sign-in", url.Values{"email": {email}, "password": {rightPassword}}).leadsTo("/console/")
}

// answer is a page as it came.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

func (v *visitor) get(path string) *answer {
	v.t.Helper()
	return v.send(http.MethodGet, path, nil)
}

// post sends a form as a page of the console would, without its token.
func (v *visitor) post(path string, form url.Values) *answer {
	v.t.Helper()
	return v.send(http.MethodPost, path, form)
}

// submit sends a form with the token that the page has.
func (v *visitor) submit(page, path string, form url.Values) *answer {
	v.t.Helper()
	form.Set("csrf", v.get(page).is(http.StatusOK).token())
	return v.post(path, form)
}

func (v *visitor) send(method, path string, form url.Values) *answer {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.at+path, body)
	must(v.t, err)
	for name, values := range v.header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := v.client.Do(r)
	must(v.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(v.t, err)
	return &answer{v.t, response.StatusCode, response.Header, string(text)}
}

// cookie is the value of a cookie that the visitor has, "" if he has none.
func (v *visitor) cookie(name string) string {
	v.t.Helper()
	at, err := url.Parse(v.at)
	must(v.t, err)
	for _, c := range v.client.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("the status is %d, want %d:\n%s", a.status, status, a.body)
	}
	return a
}

// leadsTo fails the test unless the answer is a redirect there.
func (a *answer) leadsTo(path string) *answer {
	a.t.Helper()
	a.is(http.StatusSeeOther)
	if got := a.header.Get("Location"); got != path {
		a.t.Fatalf("it leads to %q, want %q", got, path)
	}
	return a
}

func (a *answer) has(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Fatalf("it does not say %q:\n%s", text, a.body)
		}
	}
	return a
}

func (a *answer) hasNo(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Fatalf("it says %q:\n%s", text, a.body)
		}
	}
	return a
}

// take gives what the pattern's group finds.
func (a *answer) take(pattern string) string {
	a.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(a.body)
	if found == nil {
		a.t.Fatalf("nothing is like %s:\n%s", pattern, a.body)
	}
	return found[1]
}

func (a *answer) token() string {
	a.t.Helper()
	return a.take(`name="csrf" value="([^"]+)"`)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
