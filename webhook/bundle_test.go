package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"muster"
	"muster/access"
	"muster/provision"
	"muster/secret"
	"muster/store/sqlite"
	"muster/webhook"
)

// bundle is a tenant's webhooks on a store of their own, whose clock stands still until it is moved.
type bundle struct {
	dir     string
	clock   *clock
	store   *sqlite.Store
	keyring *secret.Keyring
	ids     *muster.IDSource
	service *webhook.Service
	tenant  muster.ID
	other   muster.ID
	logs    *lockedBuffer
}

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

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

var began = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// template is a folder with an installation of two tenants, of which every test gets a copy.
type template struct {
	dir           string
	tenant, other muster.ID
}

var makeTemplate = sync.OnceValues(func() (made template, err error) {
	ctx := context.Background()
	if made.dir, err = os.MkdirTemp("", "muster-webhook-"); err != nil {
		return made, err
	}
	store, err := sqlite.Open(ctx, made.dir, sqlite.Options{})
	if err != nil {
		return made, err
	}
	keyring, err := secret.Open(ctx, secret.Config{Master: made.dir + "/master.key"}, store)
	if err != nil {
		return made, errors.Join(err, store.Close())
	}
	now := func() time.Time { return began }
	ids, err := muster.NewIDSource(0, 0, now)
	tenants := &access.Service{Store: store, Keyring: keyring, IDs: ids, Now: now}
	for name, id := range map[string]*muster.ID{"first": &made.tenant, "other": &made.other} {
		if err == nil {
			var tenant *muster.Tenant
			if tenant, _, err = tenants.CreateTenant(ctx, access.NewTenant{Name: name}); err == nil {
				*id = tenant.ID
			}
		}
	}
	return made, errors.Join(err, keyring.Close(), store.Close())
})

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(cleanUp)) }

func cleanUp(code int) {
	if made, err := makeTemplate(); err == nil {
		_ = os.RemoveAll(made.dir) // of the temporary folder
	}
	os.Exit(code)
}

func setup(t *testing.T) *bundle {
	t.Helper()
	made, err := makeTemplate()
	must(t, err)
	b := &bundle{dir: t.TempDir() + "/data", tenant: made.tenant, other: made.other, clock: &clock{now: began}, logs: &lockedBuffer{}}
	must(t, os.CopyFS(b.dir, os.DirFS(made.dir)))
	must(t, os.Chmod(b.dir+"/master.key", 0o600))
	b.open(t)
	t.Cleanup(func() { must(t, b.keyring.Close()); must(t, b.store.Close()) })
	floor, err := b.store.IDFloor(t.Context())
	must(t, err)
	b.ids, err = muster.NewIDSource(0, floor, b.clock.Now)
	must(t, err)
	b.service = &webhook.Service{Store: b.store, Keyring: b.keyring, IDs: b.ids, Now: b.clock.Now, Allow: loopback}
	return b
}

func (b *bundle) open(t *testing.T) {
	t.Helper()
	var err error
	b.store, err = sqlite.Open(t.Context(), b.dir, sqlite.Options{Now: b.clock.Now})
	must(t, err)
	b.keyring, err = secret.Open(t.Context(), secret.Config{Master: b.dir + "/master.key"}, b.store)
	must(t, err)
}

// openKeyring gives the keys as another process of the installation holds them.
func (b *bundle) openKeyring(t *testing.T) *secret.Keyring {
	t.Helper()
	k, err := secret.Open(t.Context(), secret.Config{Master: b.dir + "/master.key"}, b.store)
	must(t, err)
	t.Cleanup(func() { must(t, k.Close()) })
	return k
}

// create makes a webhook of the first tenant.
func (b *bundle) create(t *testing.T, url string) webhook.Issued {
	t.Helper()
	issued, err := b.service.Create(t.Context(), b.tenant, webhook.New{URL: url})
	must(t, err)
	return issued
}

func (b *bundle) id(t *testing.T) muster.ID {
	t.Helper()
	id, err := b.ids.Next()
	must(t, err)
	return id
}

// happen has users of a tenant, one if none are named, be created in one transaction, which the tenant's webhooks are told.
func (b *bundle) happen(t *testing.T, tenant muster.ID, users ...muster.ID) {
	t.Helper()
	must(t, b.store.Apply(t.Context(), tenant, nil, muster.Keys{}, func(s muster.Snapshot, _ []bool) (*provision.Writes, error) {
		w := &provision.Writes{Now: b.clock.Now(), Planned: muster.Planned{Usage: s.Usage}}
		if len(users) == 0 {
			users = []muster.ID{b.id(t)}
		}
		for _, id := range users {
			w.Planned.Insert = append(w.Planned.Insert, muster.User{ID: id, Level: muster.LevelCommon})
		}
		return w, nil
	}))
}

func (b *bundle) config() webhook.SenderConfig {
	return webhook.SenderConfig{
		Store: b.store, Keyring: b.keyring, IDs: b.ids, Now: b.clock.Now, Logger: slog.New(slog.NewTextHandler(b.logs, nil)),
		Registerer: prometheus.NewRegistry(), Allow: loopback, Every: 5 * time.Millisecond,
	}
}

// start starts a sender, which ends with the test if it is not stopped before. change changes what it stands on.
func (b *bundle) start(t *testing.T, change ...func(*webhook.SenderConfig)) (stop func()) {
	t.Helper()
	c := b.config()
	for _, f := range change {
		f(&c)
	}
	s, err := webhook.NewSender(c)
	must(t, err)
	s.Start()
	stop = sync.OnceFunc(func() { s.Stop(context.WithoutCancel(t.Context())) })
	t.Cleanup(stop)
	return stop
}

// deliveries waits until the deliveries to a webhook are as wanted, and gives them.
func (b *bundle) deliveries(t *testing.T, h *webhook.Hook, want func([]webhook.Delivery) bool) []webhook.Delivery {
	t.Helper()
	var all []webhook.Delivery
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		var err error
		all, err = b.store.Deliveries(t.Context(), h.Tenant, h.ID, 0, 100)
		must(t, err)
		if want(all) {
			return all
		}
	}
	t.Fatalf("the deliveries are still %+v", all)
	return nil
}

// settled waits until every delivery to the webhook was tried so often.
func (b *bundle) settled(t *testing.T, h *webhook.Hook, attempts int) []webhook.Delivery {
	t.Helper()
	return b.deliveries(t, h, func(all []webhook.Delivery) bool {
		for i := range all {
			if all[i].Attempts < attempts {
				return false
			}
		}
		return len(all) > 0
	})
}

// message is what a receiver gets.
type message struct {
	header http.Header
	body   string
	Type   string
	At     time.Time `json:"timestamp"`
	Tenant muster.ID `json:"tenantId"`
	Data   struct {
		Changes []webhook.Change
	}
}

// receiver is somebody else's server, which answers as told.
type receiver struct {
	*httptest.Server
	got chan message
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{got: make(chan message, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		m := message{header: q.Header, body: string(body)}
		if err != nil || json.Unmarshal(body, &m) != nil || q.Method != http.MethodPost {
			t.Errorf("%s with the body %q, %v", q.Method, body, err)
		}
		r.got <- m
		answer(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// next waits for a message.
func (r *receiver) next(t *testing.T) message {
	t.Helper()
	select {
	case m := <-r.got:
		return m
	case <-time.After(2 * time.Minute):
		t.Fatal("no message came")
		return message{}
	}
}

// signed reports whether one of a message's signatures is of the secret, as Standard Webhooks says (1.0, "Signature scheme").
func (m *message) signed(secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, m.header.Get("webhook-id")+"."+m.header.Get("webhook-timestamp")+"."+m.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, one := range strings.Split(m.header.Get("webhook-signature"), " ") {
		if one == want {
			return true
		}
	}
	return false
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
