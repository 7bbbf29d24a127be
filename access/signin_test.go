package access_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/password"
)

// TestWhoIsMeantAtSignIn: the phone in any notation, else the account, else an e-mail that one enabled user has.
func TestWhoIsMeantAtSignIn(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	phone := p.add(t, muster.User{Phone: "+27 100 000 001"}, rightPassword)
	account := p.add(t, muster.User{Account: "Ann.Smith", Email: "shared@example.com"}, rightPassword)
	digits := p.add(t, muster.User{Account: "4471234567", Email: "Bob@Example.com"}, rightPassword)
	p.add(t, muster.User{Email: "shared@example.com"}, rightPassword)
	p.add(t, muster.User{Email: "once@example.com", Disabled: true}, rightPassword)
	once := p.add(t, muster.User{Email: "once@example.com"}, rightPassword)
	named := p.add(t, muster.User{Account: "bob@example.com"}, rightPassword)
	for name, want := range map[string]muster.ID{
		"+27100000001": phone, "0027-100-000-001": phone, " +27 100000001 ": phone, "27100000001": 0,
		"ann.smith": account, "ANN.SMITH\n": account, "ann smith": 0,
		"4471234567": digits, "447 123 4567": 0,
		"once@example.com": once, "ONCE@example.COM": once, "shared@example.com": 0, "nobody@example.com": 0,
		"bob@example.com": named,
	} {
		session, err := p.sessions().SignIn(t.Context(), p.request(name, rightPassword))
		if want == 0 {
			refused(t, err, muster.KindUnauthenticated)
			continue
		}
		must(t, err)
		if got := p.speaksFor(t, session.AccessToken); got != want || session.User.ID != want {
			t.Errorf("%q means user %s and gives the token of %s, want %s", name, session.User.ID, got, want)
		}
	}
	p.act(t, muster.ActionDelete, digits)
	p.add(t, muster.User{Phone: "4471234567"}, rightPassword)
	p.signIn(t, "447 123 4567", rightPassword)
}

func TestASession(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	p.clock.Advance(123 * time.Millisecond)
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	first, second := p.signIn(t, "ann", rightPassword), p.signIn(t, "ann", rightPassword)
	seen := map[string]bool{}
	for _, s := range []*access.Session{first, second} {
		for _, token := range []string{s.AccessToken, s.RefreshToken} {
			if !regexp.MustCompile(`^[0-9a-f]{48}$`).MatchString(token) {
				t.Error("a token is not 48 hexadecimal digits, 192 bits")
			}
			seen[token] = true
		}
		if !s.IssuedAt.Equal(p.clock.Now().Truncate(time.Second)) || s.ExpiresAt.Sub(s.IssuedAt) != 1800*time.Second {
			t.Errorf("issued at %s, ends at %s", s.IssuedAt, s.ExpiresAt)
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d tokens of two sessions, want 4", len(seen))
	}
	if taken := p.waits.taken(); len(taken) != 0 {
		t.Errorf("a sign-in that succeeds waits for %s", taken)
	}
}

// TestRefusedSignInsLookAlike: neither the answer nor its time nor the work tells what was wrong.
func TestRefusedSignInsLookAlike(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	other, _, err := p.service.CreateTenant(t.Context(), access.NewTenant{Name: "second"})
	must(t, err)
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	p.add(t, muster.User{Account: "disabled", Disabled: true}, rightPassword)
	p.add(t, muster.User{Account: "inactive"}, "")
	p.addTo(t, other, muster.User{Account: "stranger"}, rightPassword)
	must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, p.add(t, muster.User{Account: "changing"}, ""), rightPassword, true))
	sessions := p.sessions()
	p.signIn(t, "ann", rightPassword)

	type seen struct {
		Error    string
		Calls    []string
		Verified int
		Waits    []time.Duration
	}
	var want *seen
	for _, tc := range []struct{ name, account, password string }{
		{"wrong password", "ann", "not the password"},
		{"no password", "ann", ""},
		{"part of the password", "ann", rightPassword[:5]},
		{"unknown", "nobody", rightPassword},
		{"nobody", "", rightPassword},
		{"endless", strings.Repeat("a", 100_000), rightPassword},
		{"not UTF-8", "ann\xff", rightPassword},
		{"control characters", "an\x00n", rightPassword},
		{"disabled", "disabled", rightPassword},
		{"without password", "inactive", ""},
		{"another tenant's", "stranger", rightPassword},
		{"who must change, wrong", "changing", "not the password"},
		{"the hash itself", "ann", p.user(t, p.admin.ID).PasswordHash},
	} {
		store := &sessionStore{SessionStore: p.store}
		sessions.Store = store
		p.hasher.verified = 0
		_, err := sessions.SignIn(t.Context(), p.request(tc.account, tc.password))
		got := seen{refused(t, err, muster.KindUnauthenticated).Error(), store.calls, p.hasher.verified, p.waits.taken()}
		if want == nil {
			want = &seen{got.Error, []string{"attempts", "snapshot", "count"}, 1, []time.Duration{500 * time.Millisecond}}
		}
		if diff := cmp.Diff(*want, got); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

// TestWhenARefusalComes: half a second after the request began, whatever was done since.
func TestWhenARefusalComes(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	for _, tc := range []struct {
		before, work time.Duration
		want         []time.Duration
	}{
		{0, 0, []time.Duration{500 * time.Millisecond}},
		{120 * time.Millisecond, 80 * time.Millisecond, []time.Duration{300 * time.Millisecond}},
		{0, 500 * time.Millisecond, nil},
		{time.Hour, 0, nil},
	} {
		r := p.request(fmt.Sprint("nobody", tc.before, tc.work), rightPassword)
		p.clock.Advance(tc.before)
		p.hasher.after = func() { p.clock.Advance(tc.work) }
		_, err := p.sessions().SignIn(t.Context(), r)
		refused(t, err, muster.KindUnauthenticated)
		if diff := cmp.Diff(tc.want, p.waits.taken()); diff != "" {
			t.Errorf("after %s and %s: %s", tc.before, tc.work, diff)
		}
	}
}

// TestWhoGoesAwayIsCounted, and gets no refusal before its time.
func TestWhoGoesAwayIsCounted(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		p.hasher.after = cancel
		sessions := p.sessions()
		sessions.Wait = nil
		if _, err := sessions.SignIn(ctx, p.request("ann", "guessed")); !errors.Is(err, context.Canceled) {
			t.Fatalf("error = %v, want the context's", err)
		}
	}
	p.hasher.after = nil
	_, err := p.sessions().SignIn(t.Context(), p.request("ann", rightPassword))
	refused(t, err, muster.KindOverloaded)
}

// TestTheWaitIsATimersWhereNoneIsGiven: it takes the time that is left, and no more.
func TestTheWaitIsATimersWhereNoneIsGiven(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	sessions := p.sessions()
	sessions.Wait = nil
	r := p.request("nobody", rightPassword)
	r.Began = p.clock.Now().Add(-499 * time.Millisecond)
	_, err := sessions.SignIn(t.Context(), r)
	refused(t, err, muster.KindUnauthenticated)
}

// TestBusyIsNoRefusal: who meets a full queue is told when to come again, and not counted.
func TestBusyIsNoRefusal(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	sessions := p.sessions()
	p.hasher.making = func() error { return password.ErrBusy }
	_, err := sessions.SignIn(t.Context(), p.request("ann", rightPassword))
	refused(t, err, muster.KindOverloaded)
	p.hasher.making = nil
	for range 11 {
		p.hasher.before = func() error { return password.ErrBusy }
		_, err := sessions.SignIn(t.Context(), p.request("ann", rightPassword))
		if e := refused(t, err, muster.KindOverloaded); e.RetryAfter != time.Second {
			t.Errorf("retry after %s, want 1s", e.RetryAfter)
		}
	}
	p.hasher.before = func() error { return password.ErrClosed }
	_, err = sessions.SignIn(t.Context(), p.request("ann", rightPassword))
	refused(t, err, muster.KindUnavailable)
	p.hasher.before = nil
	_, err = sessions.SignIn(t.Context(), p.request("ann", rightPassword))
	must(t, err)
}

// TestAnOldHashIsUpgraded at the next sign-in, and no token ends by that.
func TestAnOldHashIsUpgraded(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, rightPassword)
	before := p.signIn(t, "ann", rightPassword)
	old := hashed(t, password.Params{MemoryKiB: 128, Passes: 2, Lanes: 1}, rightPassword)
	p.rewrite(t, ann, func(u *muster.User) { u.PasswordHash = old })

	sessions := p.sessions()
	_, err := sessions.SignIn(t.Context(), p.request("ann", "not the password"))
	refused(t, err, muster.KindUnauthenticated)
	p.hasher.making = func() error { return password.ErrBusy }
	if _, err := sessions.SignIn(t.Context(), p.request("ann", rightPassword)); err != nil {
		t.Errorf("a sign-in fails since its hash cannot be made anew: %v", err)
	}
	if p.user(t, ann).PasswordHash != old {
		t.Error("a hash was replaced by a wrong password, or by none")
	}
	p.hasher.making = nil
	p.signIn(t, "ann", rightPassword)
	now := p.user(t, ann).PasswordHash
	if ok, outdated, err := (password.Hasher{Params: cheap}).Verify(now, []byte(rightPassword)); !ok || outdated || err != nil {
		t.Errorf("the new hash: right = %v, outdated = %v, %v", ok, outdated, err)
	}
	if p.speaksFor(t, before.AccessToken) != ann {
		t.Error("the upgrade ended a token")
	}
	p.signIn(t, "ann", rightPassword)
	if p.user(t, ann).PasswordHash != now {
		t.Error("a hash was made anew twice")
	}
}

// rewrite changes what a user signs in with, as nobody else does.
func (p *people) rewrite(t *testing.T, user muster.ID, change func(*muster.User)) {
	t.Helper()
	must(t, p.store.ChangeSignIns(t.Context(), p.tenant.ID, []muster.ID{user}, func(in *muster.SignIn) error {
		change(&in.User)
		return nil
	}))
}

// TestAPasswordSetMeanwhile is not overwritten by an upgrade, and what was given for the one before is worth nothing.
func TestAPasswordSetMeanwhile(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, "")
	old := hashed(t, password.Params{MemoryKiB: 128, Passes: 2, Lanes: 1}, rightPassword)
	p.rewrite(t, ann, func(u *muster.User) { u.PasswordHash = old })
	const other = "Other horse 2"
	sessions := p.sessions()
	_, err := sessions.SignIn(t.Context(), p.request("nobody", rightPassword)) // makes the decoy
	refused(t, err, muster.KindUnauthenticated)
	reset := func() {
		p.hasher.making, p.hasher.after = nil, nil
		must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, other, false))
	}
	p.hasher.making = func() error { reset(); return nil }
	session, err := sessions.SignIn(t.Context(), p.request("ann", rightPassword))
	must(t, err)
	if p.speaksFor(t, session.AccessToken) != 0 {
		t.Error("a token of a password that was changed while it was shown is good")
	}
	p.signIn(t, "ann", other)

	p.hasher.after = reset
	session = p.signIn(t, "ann", other)
	if p.speaksFor(t, session.AccessToken) != 0 {
		t.Error("a token given while the password was reset is good")
	}
	_, err = sessions.Refresh(t.Context(), access.TenantHint{}, session.RefreshToken)
	refused(t, err, muster.KindUnauthenticated)
}

// TestWhoMustChangeHisPassword gets a link instead of tokens, if he knows the one he has.
func TestWhoMustChangeHisPassword(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, "")
	must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, rightPassword, true))
	_, err := p.sessions().SignIn(t.Context(), p.request("ann", rightPassword))
	var change *access.MustChangeError
	if !errors.As(err, &change) || muster.KindOf(err) != muster.KindForbidden {
		t.Fatalf("error = %v, want a *MustChangeError of KindForbidden", err)
	}
	if ends := p.clock.Now().Add(10 * time.Minute); !change.Link.ExpiresAt.Equal(ends) || change.Link.User != ann {
		t.Errorf("%v, want one of user %s until %s", change.Link, ann, ends)
	}
	if taken := p.waits.taken(); len(taken) != 0 {
		t.Errorf("waits for %s", taken)
	}
	const chosen = "Chosen horse 3"
	must(t, p.activations().SetPassword(t.Context(), p.tenant.ID, change.Link.Secret, chosen, here))
	p.signIn(t, "ann", chosen)

	// Changed, and thereby not to be changed any more, while he signs in: what he showed is wrong by now.
	must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, rightPassword, true))
	p.hasher.after = func() {
		p.hasher.after = nil
		must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, chosen, true))
	}
	_, err = p.sessions().SignIn(t.Context(), p.request("ann", rightPassword))
	refused(t, err, muster.KindUnauthenticated)
	if p.waits.taken() == nil {
		t.Error("the refusal does not wait")
	}
}

func TestTroubleIsNoRefusalOfASignIn(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	broken := errors.New("the disk is on fire")
	ann := p.add(t, muster.User{Account: "ann@example.com"}, rightPassword)
	session := p.signIn(t, "ann@example.com", rightPassword)
	for _, at := range []string{"attempts", "snapshot", "e-mail", "count", "create", "token", "user", "change"} {
		sessions := p.sessions()
		sessions.Store = &sessionStore{SessionStore: p.store, failAt: at, err: broken}
		r := p.request("ann@example.com", rightPassword)
		switch at {
		case "count":
			r.Password = "guessed"
		case "e-mail":
			r.Account = "bob@example.com"
		case "change":
			must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, rightPassword, true))
		}
		_, err := sessions.SignIn(t.Context(), r)
		if at == "token" || at == "user" {
			_, err = sessions.Authenticate(t.Context(), access.TenantHint{}, session.AccessToken)
			if _, err := sessions.Refresh(t.Context(), access.TenantHint{}, session.RefreshToken); !errors.Is(err, broken) {
				t.Errorf("%s: error of Refresh = %v, want the store's own", at, err)
			}
		}
		if !errors.Is(err, broken) || muster.KindOf(err) != muster.KindInternal {
			t.Errorf("%s: error = %v, want the store's own", at, err)
		}
	}
}

// TestSignInsStayOutOfPrint: nothing that is printed or logged holds a token, a password, or who signs in.
func TestSignInsStayOutOfPrint(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, rightPassword)
	session := p.signIn(t, "ann", rightPassword)
	must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, rightPassword, true))
	_, err := p.sessions().SignIn(t.Context(), p.request("ann", rightPassword))
	var change *access.MustChangeError
	if !errors.As(err, &change) {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, v := range []any{*session, session, p.request("ann", rightPassword), change.Link, &change.Link, err, fmt.Errorf("wrapped: %w", err), change} {
		logger.Info("one", "value", v)
		_, _ = fmt.Fprintf(&log, "%v %+v %#v %s %q %d\n", v, v, v, v, v, v)
	}
	for what, s := range map[string]string{
		"access token": session.AccessToken, "refresh token": session.RefreshToken, "password": rightPassword, "account": "ann",
		"link": change.Link.Secret,
	} {
		if strings.Contains(log.String(), s) {
			t.Errorf("the %s is in %q", what, log.String())
		}
	}
}

var system = muster.Actor{Level: muster.LevelSystemAdmin}
