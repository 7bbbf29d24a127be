package koodrive_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/api/koodrive"
	"muster/directory"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	createPath = "/koodrive/ose/v1/user/batchRegister/create"
	getPath    = "/koodrive/ose/v1/user/batchRegister/get"

	appID     = "the-client"
	appSecret = "a secret that the client holds"
	trace     = "trace-1"

	task = muster.ID(1895065728646757504)
	user = muster.ID(1505084218764547200)

	oneUser = `{"userList":[{"firstname":"A","phone":"0027100000001"}]}`
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// engine stands in for the engine and the store's batches: it takes note of what it gets and answers what it is told.
type engine struct {
	mu        sync.Mutex
	submitted []provision.Submission
	asked     []string
	page      muster.BatchPage
	err       error
}

func (e *engine) Submit(_ context.Context, s provision.Submission) (provision.Receipt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.submitted = append(e.submitted, s)
	return provision.Receipt{Batch: task}, e.err
}

func (e *engine) BatchPage(_ context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, fmt.Sprintf("tenant %s batch %s contract %d from %d limit %d", tenant, batch, contract, from, limit))
	if e.err != nil {
		return nil, e.err
	}
	page := e.page
	page.Outcomes = page.Outcomes[min(from, len(page.Outcomes)):min(from+limit, len(page.Outcomes))]
	return &page, nil
}

// bundle is a handler on real credentials in a real database, before an engine of the test's.
type bundle struct {
	store    *sqlite.Store
	keyring  *secret.Keyring
	ids      *muster.IDSource
	records  *muster.IDSource // of the audit trail, so that it takes none of the others
	access   *access.Service
	verifier *access.Verifier
	tenant   *muster.Tenant
	signer   signature.Signer
	sessions *access.Sessions
	waited   []time.Duration // what sign-ins would have waited
	engine   *engine
	logs     *lockedBuffer
	handler  http.Handler
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupAt(t, func() time.Time { return now })
}

func setupAt(t *testing.T, clock func() time.Time) *bundle {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	b := &bundle{engine: &engine{}, logs: &lockedBuffer{}}
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
	direct := provision.Direct{Store: b.store, Now: clock}
	b.access = &access.Service{Store: b.store, Directory: direct, Keyring: b.keyring, IDs: b.ids, Now: clock}
	b.verifier = &access.Verifier{Directory: b.store, Keyring: b.keyring, Now: clock, Leeway: signature.Leeway}
	pool, err := password.NewPool(password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}, 2)
	must(t, err)
	t.Cleanup(pool.Close)
	b.sessions = &access.Sessions{Store: b.store, Keyring: b.keyring, Hasher: pool, Now: clock, Wait: b.wait}
	b.tenant, b.signer = b.addTenant(t, "first", appID)
	b.handler = b.newHandler(b.engine, b.engine)
	return b
}

func (b *bundle) wait(ctx context.Context, d time.Duration) error {
	b.waited = append(b.waited, d)
	return ctx.Err()
}

func (b *bundle) newHandler(s koodrive.Submitter, r koodrive.Reader) http.Handler {
	return koodrive.New(koodrive.Config{
		Verifier: b.verifier, Submitter: s, Reader: r, Sessions: b.sessions, Snapshots: b.store,
		Tokens:      &access.Tokens{Store: b.store, Keyring: b.keyring, Now: b.sessions.Now},
		Departments: &directory.Departments{Store: b.store, IDs: b.ids, Now: b.sessions.Now},
		Users:       &directory.Users{Store: b.store, Changer: b.direct()},
		IDs:         b.records,
		Logger:      slog.New(slog.NewTextHandler(b.logs, nil)),
		LinkAddress: func(tenant muster.ID, secret string) string {
			return "https://users.example.org/activate/" + tenant.String() + "/" + secret
		},
	})
}

func (b *bundle) direct() provision.Direct {
	return provision.Direct{Store: b.store, Now: b.sessions.Now}
}

// addTenant makes a tenant with an administrator, whose id the first one brings along, and a credential.
func (b *bundle) addTenant(t *testing.T, name, appID string) (*muster.Tenant, signature.Signer) {
	t.Helper()
	n := access.NewTenant{Name: name}
	if b.tenant == nil {
		n.AdminID = user
	}
	tenant, admin, err := b.access.CreateTenant(t.Context(), n)
	must(t, err)
	_, err = b.access.CreateCredential(t.Context(), tenant.ID, access.NewCredential{AppID: appID, Secret: appSecret})
	must(t, err)
	return tenant, signature.Signer{AppID: appID, Secret: []byte(appSecret), UserID: admin.ID.String()}
}

// request makes a signed request as the server gets it.
func (b *bundle) request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	return signed(t, b.signer, method, target, body)
}

func signed(t *testing.T, s signature.Signer, method, target, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("X-Traceid", trace)
	must(t, s.Sign(r, []byte(body), now))
	return r
}

func (b *bundle) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w.Result()
}

// dump writes an answer as it goes over the wire, headers by name.
func dump(t *testing.T, r *http.Response) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "%d\n", r.StatusCode)
	names := []string{}
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
	body, err := io.ReadAll(r.Body)
	must(t, err)
	if length := r.Header.Get("Content-Length"); length != "" && length != fmt.Sprint(len(body)) {
		t.Errorf("Content-Length is %s and the body has %d bytes", length, len(body))
	}
	out.WriteString("\n")
	out.Write(body)
	out.WriteString("\n")
	return out.String()
}

// secrets are what no two answers have in common.
var secrets = regexp.MustCompile(`("(?:accessToken|refreshToken|access_token|passwordUrl)":"(?:AT |[^"]*/)?)[A-Za-z0-9_-]+"`)

// golden holds an answer against testdata/<name>.golden.
func golden(t *testing.T, name string, r *http.Response) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".golden")
	got := secrets.ReplaceAllString(dump(t, r), `$1<secret>"`)
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
