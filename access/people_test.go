package access_test

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/access"
	tree "muster/directory"
	"muster/mapping"
	"muster/password"
	"muster/provision"
)

// people is a bundle with users who sign in.
type people struct {
	*bundle
	hasher *hasher
	waits  *waits
	direct provision.Direct
}

func setupPeople(t testing.TB) *people {
	t.Helper()
	b := setup(t)
	pool, err := password.NewPool(password.Hasher{Params: cheap}, 2)
	must(t, err)
	t.Cleanup(pool.Close)
	return &people{
		bundle: b, hasher: &hasher{Hasher: pool}, waits: &waits{clock: b.clock}, direct: provision.Direct{Store: b.store, Now: b.clock.Now},
	}
}

var cheap = password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

// hasher watches what is asked of a real one, and lets something happen in between.
type hasher struct {
	access.Hasher
	mu       sync.Mutex
	verified int
	before   func() error // called before each verification
	after    func()       // called after each verification
	making   func() error // called before each hash is made
}

func (h *hasher) Verify(ctx context.Context, c password.Class, encoded string, plain []byte) (ok, upgrade bool, err error) {
	h.mu.Lock()
	h.verified++
	h.mu.Unlock()
	if c != password.Interactive {
		return false, false, fmt.Errorf("class %s", c)
	}
	if h.before != nil {
		if err := h.before(); err != nil {
			return false, false, err
		}
	}
	ok, upgrade, err = h.Hasher.Verify(ctx, c, encoded, plain)
	if h.after != nil {
		h.after()
	}
	return ok, upgrade, err
}

func (h *hasher) Hash(ctx context.Context, c password.Class, plain []byte) (string, error) {
	if c != password.Interactive {
		return "", fmt.Errorf("class %s", c)
	}
	if h.making != nil {
		if err := h.making(); err != nil {
			return "", err
		}
	}
	return h.Hasher.Hash(ctx, c, plain)
}

// waits moves the clock instead of waiting.
type waits struct {
	clock *clock
	mu    sync.Mutex
	of    []time.Duration
}

func (w *waits) wait(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of = append(w.of, d)
	if w.clock != nil {
		w.clock.Advance(d)
	}
	return ctx.Err()
}

// taken gives what was waited since it was asked last.
func (w *waits) taken() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.of
	w.of = nil
	return taken
}

func (p *people) sessions() *access.Sessions {
	return &access.Sessions{Store: p.store, Keyring: p.keyring, Hasher: p.hasher, Now: p.clock.Now, Wait: p.waits.wait}
}

func (p *people) activations() *access.Activations {
	return &access.Activations{Store: p.store, Keyring: p.keyring, Hasher: p.hasher}
}

const rightPassword = "Right horse 1"

// add makes a user of the tenant; what is not said of him is made up.
func (p *people) add(t *testing.T, u muster.User, plain string) muster.ID {
	t.Helper()
	return p.addTo(t, p.tenant, u, plain)
}

func (p *people) addTo(t *testing.T, tenant *muster.Tenant, u muster.User, plain string) muster.ID {
	t.Helper()
	id, err := p.service.IDs.Next()
	must(t, err)
	e := muster.Entry{Action: muster.ActionCreate, Match: muster.KeyID, Actor: muster.LevelSystemAdmin, NewID: id, User: u}
	e.User.ID = id
	e.Set = muster.FieldAccount | muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname |
		muster.FieldDisplayName | muster.FieldPassword | muster.FieldLevel | muster.FieldDepartment
	e.User.AccountKey = mapping.AccountKey(u.Account)
	if u.Phone != "" {
		var fault *muster.Fault
		if e.User.PhoneKey, fault = mapping.PhoneKey("phone", u.Phone, tenant.Settings.PhoneRegion); fault != nil {
			t.Fatal(fault.Detail)
		}
	}
	e.User.EmailKey = mapping.AccountKey(u.Email)
	if u.Department == 0 {
		e.User.Department = tenant.RootDepartment
	}
	if plain != "" {
		e.Password, e.User.PasswordHash = true, hashed(t, cheap, plain)
	}
	p.change(t, tenant, e)
	if u.Disabled {
		p.act(t, muster.ActionDisable, id)
	}
	return id
}

func hashed(t *testing.T, params password.Params, plain string) string {
	t.Helper()
	encoded, err := password.Hasher{Params: params}.Hash([]byte(plain))
	must(t, err)
	return encoded
}

func (p *people) change(t *testing.T, tenant *muster.Tenant, e muster.Entry) {
	t.Helper()
	outcome, err := p.direct.Change(t.Context(), tenant.ID, e)
	must(t, err)
	if outcome.Result != muster.Succeeded {
		t.Fatalf("a user is not changed: %s", outcome.Reason)
	}
}

// act disables, enables or deletes a user.
func (p *people) act(t *testing.T, a muster.Action, user muster.ID) {
	t.Helper()
	p.change(t, p.tenant, muster.Entry{Action: a, Match: muster.KeyID, Actor: muster.LevelSystemAdmin, User: muster.User{ID: user}})
}

// set changes fields of a user.
func (p *people) set(t *testing.T, user muster.ID, set muster.FieldSet, to muster.User) {
	t.Helper()
	to.ID = user
	p.change(t, p.tenant, muster.Entry{Action: muster.ActionUpdate, Match: muster.KeyID, Actor: muster.LevelSystemAdmin, Set: set, User: to})
}

func (p *people) user(t *testing.T, id muster.ID) *muster.User {
	t.Helper()
	u, err := p.store.User(t.Context(), p.tenant.ID, id)
	must(t, err)
	return u
}

// request signs in from here, now.
func (p *people) request(account, plain string) access.SignInRequest {
	return access.SignInRequest{Tenant: p.tenant, Account: account, Password: plain, Address: here, Began: p.clock.Now()}
}

func (p *people) signIn(t *testing.T, account, plain string) *access.Session {
	t.Helper()
	session, err := p.sessions().SignIn(t.Context(), p.request(account, plain))
	must(t, err)
	return session
}

// speaksFor is the user for whom an access token speaks, 0 if it is worth nothing.
func (p *people) speaksFor(t *testing.T, accessToken string) muster.ID {
	t.Helper()
	principal, err := p.sessions().Authenticate(t.Context(), access.TenantHint{}, accessToken)
	if err != nil {
		refused(t, err, muster.KindUnauthenticated)
		return 0
	}
	return principal.Actor.User
}

// address is the nth of many.
func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}) }

// department makes a department below another, 0 being the root.
func (p *people) department(t *testing.T, parent muster.ID, name string) muster.ID {
	t.Helper()
	id, err := p.service.IDs.Next()
	must(t, err)
	must(t, p.store.ChangeDepartments(t.Context(), p.tenant.ID, func(r tree.Reader) (*tree.Writes, error) {
		above, err := r.Department(cmp.Or(parent, p.tenant.RootDepartment))
		if err != nil {
			return nil, err
		}
		return &tree.Writes{Insert: []muster.Department{above.Child(id, name, p.clock.Now())}, LastID: id}, nil
	}))
	return id
}

// link makes one for a user.
func (p *people) link(t *testing.T, user muster.ID) access.Link {
	t.Helper()
	links, err := p.activations().Create(t.Context(), p.tenant.ID, system, []muster.ID{user}, 0)
	must(t, err)
	if len(links) != 1 {
		t.Fatalf("%d links for one user", len(links))
	}
	return links[0]
}
