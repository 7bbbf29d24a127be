package access_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/secret"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
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

// bundle is an installation on a real SQLite database, with a tenant, its administrator and a key pair brought along.
type bundle struct {
	dir      string
	store    *sqlite.Store
	keyring  *secret.Keyring
	clock    *clock
	service  *access.Service
	verifier *access.Verifier
	tenant   *muster.Tenant
	admin    *muster.User
	signer   signature.Signer
}

const (
	broughtAppID  = "app.of-1_client"
	broughtSecret = "a secret that the client holds"
)

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{dir: t.TempDir(), clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	must(t, sqlitetest.Make(b.dir))
	var err error
	b.store, err = sqlite.Open(t.Context(), b.dir, sqlite.Options{Now: b.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, b.store.Close()) })
	b.keyring = b.openKeyring(t)
	ids, err := muster.NewIDSource(0, 0, b.clock.Now)
	must(t, err)
	b.service = &access.Service{Store: b.store, Keyring: b.keyring, IDs: ids, Now: b.clock.Now}
	b.verifier = &access.Verifier{Directory: b.store, Keyring: b.keyring, Now: b.clock.Now, Leeway: signature.Leeway}
	b.tenant, b.admin, err = b.service.CreateTenant(t.Context(), access.NewTenant{Name: "first"})
	must(t, err)
	_, err = b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{AppID: broughtAppID, Secret: broughtSecret})
	must(t, err)
	b.signer = signature.Signer{AppID: broughtAppID, Secret: []byte(broughtSecret), UserID: b.admin.ID.String()}
	return b
}

// openKeyring gives the keys as another process of the installation holds them.
func (b *bundle) openKeyring(t testing.TB) *secret.Keyring {
	t.Helper()
	k, err := secret.Open(t.Context(), secret.Config{Master: b.dir + "/master.key"}, b.store)
	must(t, err)
	t.Cleanup(func() { must(t, k.Close()) })
	return k
}

const target = "/koodrive/ose/v1/user/batchRegister/create?b=2&a=1"

// signed makes a request as the server gets it, signed now, and lets changes alter it after that.
func (b *bundle) signed(t *testing.T, s signature.Signer, body string, changes ...func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, bytes.NewReader([]byte(body)))
	must(t, s.Sign(r, []byte(body), b.clock.Now()))
	for _, change := range changes {
		change(r)
	}
	return r
}

// verify does both phases, over the body given.
func verify(v *access.Verifier, r *http.Request, body string) (*access.Caller, error) {
	pending, err := v.Begin(r)
	if err != nil {
		return nil, err
	}
	return pending.Verify(r.Context(), []byte(body))
}

// refused fails the test unless err is a refusal of the kind.
func refused(t *testing.T, err error, kind muster.Kind) *muster.Error {
	t.Helper()
	var e *muster.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error = %v, want a *muster.Error of kind %d", err, kind)
	}
	return e
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func withAppID(s signature.Signer, appID string) signature.Signer {
	s.AppID = appID
	return s
}

func withSecret(s signature.Signer, plain string) signature.Signer {
	s.Secret = []byte(plain)
	return s
}

func withUser(s signature.Signer, id any) signature.Signer {
	s.UserID = fmt.Sprint(id)
	return s
}
