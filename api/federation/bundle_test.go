package federation_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/api/federation"
	"muster/provision"
	"muster/secret"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	tokenPath  = "/apigovernance/api/oauth/tokenByAkSk"
	createPath = "/apiaccess/rest/cc-management/v1/federationUserMgmt/createTask"
	queryPath  = "/apiaccess/rest/cc-management/v1/federationUserMgmt/queryTask"

	appKey    = "the-client"
	appSecret = "a secret that the client holds"

	task = muster.ID(1659444411225432066) // of the document's example

	// documented is the document's own example of createTask.
	documented = `{
"federationUserList": [
{
"action": "CREATE",
"userAccount": "test0616",
"userName": "test0616name",
"email": "test0616@huawei.com",
"roleIds": ["1672380646005741634"]
},
{
"action": "MODIFY",
"userAccount": "test0616",
"userName": "test0616new",
"email": "test0616new@huawei.com"
},
{
"action": "DISABLE",
"userAccount": "test0616"
}
]
}`
	documentedQuery = `{
"taskId": "1659446191820726274"
}`
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)

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

// engine stands in for the engine: it takes note of what it gets and answers what it is told.
type engine struct {
	mu        sync.Mutex
	submitted []provision.Submission
	asked     []string
	batch     muster.Batch
	failures  []provision.Failure
	err       error
}

func (e *engine) Submit(_ context.Context, s provision.Submission) (provision.Receipt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.submitted = append(e.submitted, s)
	return provision.Receipt{Batch: task}, e.err
}

func (e *engine) Failures(_ context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.Batch, []provision.Failure, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, fmt.Sprintf("tenant %s batch %s contract %d from %d limit %d", tenant, batch, contract, from, limit))
	if e.err != nil {
		return nil, nil, e.err
	}
	b := e.batch
	return &b, e.failures, nil
}

// profiles are the store's, changed.
type profiles struct {
	federation.Profiles
	change func(*muster.FederationProfile)
	err    error
}

func (p *profiles) FederationProfile(ctx context.Context, tenant muster.ID) (*muster.FederationProfile, error) {
	if p.err != nil {
		return nil, p.err
	}
	profile, err := p.Profiles.FederationProfile(ctx, tenant)
	if err == nil && p.change != nil {
		p.change(profile)
	}
	return profile, err
}

// bundle is a handler on real credentials and tokens in a real database, before an engine of the test's.
type bundle struct {
	store    *sqlite.Store
	keyring  *secret.Keyring
	ids      *muster.IDSource
	records  *muster.IDSource // of the audit trail, so that it takes none of the others
	access   *access.Service
	tokens   *access.Tokens
	clock    *clock
	tenant   *muster.Tenant
	token    string
	engine   *engine
	profiles *profiles
	logs     *lockedBuffer
	handler  http.Handler
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{engine: &engine{}, logs: &lockedBuffer{}, clock: &clock{now: now}}
	b.open(t, b.clock.Now)
	b.handler = b.newHandler(b.engine)
	return b
}

func (b *bundle) open(t *testing.T, clock func() time.Time) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	must(t, sqlitetest.Make(dir))
	var err error
	b.store, err = sqlite.Open(ctx, dir, sqlite.Options{Now: clock})
	must(t, err)
	t.Cleanup(func() { must(t, b.store.Close()) })
	b.keyring, err = secret.Open(ctx, secret.Config{Master: filepath.Join(dir, "master.key")}, b.store)
	must(t, err)
	t.Cleanup(func() { must(t, b.keyring.Close()) })
	b.ids, err = muster.NewIDSource(0, 0, clock)
	must(t, err)
	b.records, err = muster.NewIDSource(1, 0, clock)
	must(t, err)
	b.access = &access.Service{Store: b.store, Keyring: b.keyring, IDs: b.ids, Now: clock}
	b.tokens = &access.Tokens{Store: b.store, Keyring: b.keyring, Now: clock}
	b.profiles = &profiles{Profiles: b.store}
	b.tenant, b.token = b.addTenant(t, "first", appKey)
}

func (b *bundle) newHandler(e federation.Engine) http.Handler {
	return federation.New(federation.Config{
		Tokens: b.tokens, Engine: e, Profiles: b.profiles, IDs: b.records, Logger: slog.New(slog.NewTextHandler(b.logs, nil)),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	})
}

// addTenant makes a tenant with a credential, and a token for it that lives an hour.
func (b *bundle) addTenant(t *testing.T, name, key string) (*muster.Tenant, string) {
	t.Helper()
	tenant, _, err := b.access.CreateTenant(t.Context(), access.NewTenant{Name: name})
	must(t, err)
	_, err = b.access.CreateCredential(t.Context(), tenant.ID, access.NewCredential{AppID: key, Secret: appSecret})
	must(t, err)
	issued, err := b.tokens.Issue(t.Context(), access.TokenRequest{AppID: key, Secret: appSecret, Life: access.MaxTokenLife})
	must(t, err)
	return tenant, issued.Token
}

// request makes a request with the tenant's token, as the server gets it.
func (b *bundle) request(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("X-APP-Key", appKey)
	r.Header.Set("Authorization", "Bearer "+b.token)
	return r
}

func (b *bundle) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	w.Header().Set("X-Traceid", "trace-1")
	b.handler.ServeHTTP(w, r)
	return w.Result()
}

// send posts a body with the tenant's token and gives status and answer.
func (b *bundle) send(t *testing.T, path, body string) (int, string) {
	t.Helper()
	return read(t, b.do(b.request(path, body)))
}

func read(t *testing.T, r *http.Response) (int, string) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	must(t, err)
	return r.StatusCode, string(body)
}

// dump writes an answer as it goes over the wire, headers by name.
func dump(t *testing.T, r *http.Response) string {
	t.Helper()
	status, body := read(t, r)
	var out strings.Builder
	fmt.Fprintf(&out, "%d\n", status)
	names := []string{}
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
	if length := r.Header.Get("Content-Length"); length != fmt.Sprint(len(body)) {
		t.Errorf("Content-Length is %s and the body has %d bytes", length, len(body))
	}
	return out.String() + "\n" + body + "\n"
}

// golden holds text against testdata/<name>.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".golden")
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
