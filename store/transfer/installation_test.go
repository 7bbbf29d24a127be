package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/dispatch"
	"muster/mapping"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/store/postgres"
	"muster/store/sqlite"
	"muster/store/storetest"
)

// installation is what a server has open.
type installation struct {
	storetest.Store
	keyring  *secret.Keyring
	service  *access.Service
	sessions *access.Sessions
	engine   *provision.Engine
	close    func()
}

// halting is a store that stops applying after so many times, and says so.
type halting struct {
	provision.Store
	left   atomic.Int64
	halted chan struct{}
}

var errHalted = errors.New("halted")

func (h *halting) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	if h.left.Add(-1) < 0 {
		select {
		case h.halted <- struct{}{}:
		default:
		}
		return errHalted
	}
	return h.Store.Apply(ctx, tenant, chunks, keys, decide)
}

// begin opens an installation as a server does, and starts its engine.
func begin(t *testing.T, s storetest.Store, masterKey string, ids *muster.IDSource, over provision.Store, dispatcher provision.Dispatcher) *installation {
	t.Helper()
	in := &installation{Store: s}
	var err error
	in.keyring, err = secret.Open(t.Context(), secret.Config{Master: masterKey}, s)
	must(t, err)
	pool, err := password.NewPool(password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}, 2)
	must(t, err)
	in.service = &access.Service{Store: s, Directory: provision.Direct{Store: s, Now: time.Now}, Keyring: in.keyring, IDs: ids, Now: time.Now}
	in.sessions = &access.Sessions{Store: s, Keyring: in.keyring, Hasher: pool, Now: time.Now}
	in.engine, err = provision.New(provision.Config{
		Store: over, Keyring: in.keyring, Hasher: pool, IDs: ids, Dispatcher: dispatcher, Now: time.Now,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	must(t, err)
	must(t, in.engine.Start(t.Context()))
	in.close = func() {
		must(t, in.engine.Stop(context.WithoutCancel(t.Context())))
		pool.Close()
		must(t, in.keyring.Close())
		must(t, s.Close())
	}
	return in
}

// beginShared opens one on a database, as one of its nodes does.
func beginShared(t *testing.T, url, masterKey string) *installation {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, postgres.Options{Wake: dispatch.WakeIn})
	must(t, err)
	logger := slog.New(slog.DiscardHandler)
	dispatcher, err := dispatch.New(s.Pool(), dispatch.Options{Workers: 2, Logger: logger})
	must(t, err)
	ids := muster.NewReservedIDSource(time.Now)
	reserved, err := s.ReserveIDs(t.Context(), ids, time.Now, logger)
	must(t, err)
	in := begin(t, s, masterKey, ids, s, dispatcher)
	end := in.close
	in.close = func() {
		reserved.Close()
		end()
	}
	return in
}

// moving is what an installation is asked for before it is copied and after.
type moving struct {
	tenant *muster.Tenant
	signer signature.Signer
	role   *muster.Role
}

func (m *moving) submit(t *testing.T, in *installation, contract muster.Contract, rows []muster.Row) muster.ID {
	t.Helper()
	receipt, err := in.engine.Submit(t.Context(), provision.Submission{
		Tenant: m.tenant.ID, AppID: m.signer.AppID, ActorLevel: muster.LevelSystemAdmin, Contract: contract, Rows: rows,
	})
	must(t, err)
	return receipt.Batch
}

// outcomes waits until a batch is done and gives its counts, and of each row the user. Every row has one outcome.
func (m *moving) outcomes(t *testing.T, in *installation, contract muster.Contract, batch muster.ID) (counts [3]int, users []muster.ID) {
	t.Helper()
	for {
		page, err := in.BatchPage(t.Context(), m.tenant.ID, batch, contract, len(users), 1000)
		must(t, err)
		if len(page.Outcomes) == 0 && !page.Batch.Finished() {
			runtime.Gosched()
			continue
		}
		for i := range page.Outcomes {
			o := &page.Outcomes[i]
			if o.Row != len(users) || o.Result < muster.Succeeded || o.Result > muster.Skipped {
				t.Fatalf("outcome %+v in the place of row %d", o, len(users))
			}
			users = append(users, o.User)
			counts[o.Result-muster.Succeeded]++
		}
		b := &page.Batch
		if len(users) == b.Total && b.Finished() {
			if counted := [3]int{b.Succeeded, b.Failed, b.Skipped}; counted != counts {
				t.Errorf("the batch counted %v, its outcomes are %v", counted, counts)
			}
			return counts, users
		}
	}
}

func person(i int) muster.Row {
	return muster.Row{
		Action: muster.ActionCreate, Set: muster.FieldFirstName | muster.FieldPhone | muster.FieldPassword,
		FirstName: fmt.Sprintf("User %d", i), Phone: fmt.Sprintf("27%09d", i), Password: fmt.Sprintf("Secret!%x-%x", i, i*7919),
	}
}

// without makes rows of people that bring no password.
func without(from, to int) []muster.Row {
	var rows []muster.Row
	for i := from; i < to; i++ {
		r := person(i)
		r.Set, r.Password = r.Set&^muster.FieldPassword, ""
		rows = append(rows, r)
	}
	return rows
}

func federated(accounts ...string) []muster.Row {
	var rows []muster.Row
	for _, account := range accounts {
		rows = append(rows, muster.Row{
			Action: muster.ActionCreate, Set: muster.FieldAccount | muster.FieldEmail, Account: account, Email: account + "@example.org",
		})
	}
	return rows
}

const sourceSecret = "what-the-identity-system-wants"

// identitySystem is a tenant's, which answers who knows its secret.
func identitySystem(t *testing.T) muster.FederationProfile {
	t.Helper()
	system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+sourceSecret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":%q,"name":"somebody"}`, r.URL.Path)
	}))
	t.Cleanup(system.Close)
	return muster.FederationProfile{
		System:  &muster.IdentitySystem{ID: "hr", Kind: muster.SystemHTTP, URL: system.URL + "/{account}", AllowPrivate: true},
		Mapping: &muster.MappingRule{DisplayName: `source.name`},
	}
}

func (m *moving) signIn(t *testing.T, in *installation, phone, shown string) (*access.Session, error) {
	t.Helper()
	return in.sessions.SignIn(t.Context(), access.SignInRequest{
		Tenant: m.tenant, Account: phone, Password: shown, Address: netip.MustParseAddr("192.0.2.1"), Began: time.Now(),
	})
}

// prepare makes a tenant and gives it all that is to go on working.
func prepare(t *testing.T, in *installation) *moving {
	t.Helper()
	tenant, admin, err := in.service.CreateTenant(t.Context(), access.NewTenant{Name: "tenant", Host: "users.example.org"})
	must(t, err)
	issued, err := in.service.CreateCredential(t.Context(), tenant.ID, access.NewCredential{Name: "client"})
	must(t, err)
	roles := &access.Roles{Store: in.Store, IDs: in.service.IDs, Now: time.Now}
	role, err := roles.Create(t.Context(), tenant.ID, access.NewRole{Name: "reader"})
	must(t, err)
	profile, given := identitySystem(t), sourceSecret
	f := &access.Federation{Store: in.Store, Keyring: in.keyring, Check: mapping.CheckProfile}
	_, err = f.SetProfile(t.Context(), tenant.ID, &profile, &given)
	must(t, err)
	return &moving{tenant: tenant, role: role, signer: signature.Signer{AppID: issued.Credential.AppID, Secret: []byte(issued.Secret), UserID: admin.ID.String()}}
}

// TestAnInstallationGoesOnWhereItIsCopiedTo: what was under way on SQLite comes to its end on PostgreSQL, and what was given
// out there is good here.
func TestAnInstallationGoesOnWhereItIsCopiedTo(t *testing.T) {
	t.Parallel()
	dir, url := t.TempDir(), server.Database(t, "")
	key := filepath.Join(dir, "master.key")
	folder, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	must(t, err)
	halt := &halting{Store: folder, halted: make(chan struct{}, 1)}
	halt.left.Store(1 << 30)
	ahead := func() time.Time { return time.Now().Add(muster.MaxClockLead - time.Second) } // of the clock that goes on making ids
	ids, err := muster.NewIDSource(0, 0, ahead)
	must(t, err)
	in := begin(t, folder, key, ids, halt, provision.NewLocal(2))
	m := prepare(t, in)

	faulty := append([]muster.Row{person(0), person(1)}, without(2, 20)...)
	faulty[7].Phone = "none"
	done := m.submit(t, in, muster.ContractKooDrive, faulty)
	if counts, _ := m.outcomes(t, in, muster.ContractKooDrive, done); counts != [3]int{19, 1, 0} {
		t.Fatalf("the first batch has %v", counts)
	}
	session, err := m.signIn(t, in, "27000000000", person(0).Password)
	must(t, err)
	_, before, err := in.engine.Failures(t.Context(), m.tenant.ID, done, muster.ContractKooDrive, 0, 10)
	must(t, err)

	halt.left.Store(1)
	half := m.submit(t, in, muster.ContractKooDrive, append(without(100, 3100), person(3100)))
	<-halt.halted
	ordered := m.submit(t, in, muster.ContractFederation, federated("ann.one", "bob.two"))
	again := m.submit(t, in, muster.ContractKooDrive, without(50, 150))
	in.close()
	if page := m.page(t, dir, half); page.Batch.Succeeded == 0 || page.Batch.Finished() {
		t.Fatalf("the batch is to be half done, and is %+v", page)
	}

	_, err = copyAll(t.Context(), dir, url, postgres.Options{}, silent)
	must(t, err)
	in = beginShared(t, url, key)
	defer in.close()

	counts, users := m.outcomes(t, in, muster.ContractKooDrive, half)
	if counts != [3]int{3001, 0, 0} {
		t.Errorf("the half done batch ended with %v", counts)
	}
	seen := make(map[muster.ID]bool)
	for _, user := range users {
		seen[user] = true
	}
	if len(seen) != len(users) {
		t.Errorf("%d users were made of %d rows", len(seen), len(users))
	}
	if counts, _ := m.outcomes(t, in, muster.ContractKooDrive, again); counts != [3]int{50, 0, 50} {
		t.Errorf("the batch that waited ended with %v", counts)
	}
	if counts, _ := m.outcomes(t, in, muster.ContractFederation, ordered); counts != [3]int{2, 0, 0} {
		t.Errorf("the federated task ended with %v", counts)
	}
	if fresh := m.wantWorking(t, in, session); fresh <= half || fresh <= again || fresh <= ordered {
		t.Errorf("the id %s is not above those of before", fresh)
	}
	_, after, err := in.engine.Failures(t.Context(), m.tenant.ID, done, muster.ContractKooDrive, 0, 10)
	if diff := cmp.Diff(before, after); err != nil || diff != "" || len(after) != 1 || after[0].Row.FirstName != "User 7" {
		t.Errorf("failures, %v (-before +after)\n%s", err, diff)
	}
}

// page reads a batch in a folder that no server has.
func (m *moving) page(t *testing.T, dir string, batch muster.ID) *muster.BatchPage {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	must(t, err)
	page, err := s.BatchPage(t.Context(), m.tenant.ID, batch, muster.ContractKooDrive, 0, 1)
	must(t, err)
	must(t, s.Close())
	return page
}

// wantWorking uses what was made before the copy, and makes something new, of which it gives the id.
func (m *moving) wantWorking(t *testing.T, in *installation, session *access.Session) muster.ID {
	t.Helper()
	for _, i := range []int{0, 1, 3100} {
		if _, err := m.signIn(t, in, person(i).Phone, person(i).Password); err != nil {
			t.Errorf("user %d signs in: %v", i, err)
		}
	}
	if _, err := m.signIn(t, in, person(1).Phone, "another"); muster.KindOf(err) != muster.KindUnauthenticated {
		t.Errorf("a wrong password: %v", err)
	}
	principal, err := in.sessions.Authenticate(t.Context(), access.TenantHint{}, session.AccessToken)
	if err != nil || principal.Actor.User != session.User.ID {
		t.Errorf("the token of before is for %+v, %v", principal, err)
	}
	if tenant, err := in.TenantAt(t.Context(), "users.example.org"); err != nil || tenant.ID != m.tenant.ID {
		t.Errorf("the tenant's host leads to %+v, %v", tenant, err)
	}
	request := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("body"))
	must(t, m.signer.Sign(request, []byte("body"), time.Now()))
	verifier := &access.Verifier{Directory: in.Store, Keyring: in.keyring, Now: time.Now, Leeway: signature.Leeway}
	pending, err := verifier.Begin(request)
	must(t, err)
	if caller, err := pending.Verify(t.Context(), []byte("body")); err != nil || caller.Tenant.ID != m.tenant.ID {
		t.Errorf("a signed request is %+v, %v", caller, err)
	}
	if role, err := in.RoleNamed(t.Context(), m.tenant.ID, "reader"); err != nil || role.ID != m.role.ID {
		t.Errorf("the role is %+v, %v", role, err)
	}
	fresh := m.submit(t, in, muster.ContractKooDrive, append(without(5000, 5010), without(0, 5)...))
	if counts, _ := m.outcomes(t, in, muster.ContractKooDrive, fresh); counts != [3]int{10, 0, 5} {
		t.Errorf("a new batch ended with %v", counts)
	}
	if _, err := in.keyring.Rotate(t.Context(), in.Store); err != nil {
		t.Errorf("rotate the keys: %v", err)
	}
	return fresh
}
