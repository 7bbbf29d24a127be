package access_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/password"
)

func (p *people) operators() *access.Operators {
	return &access.Operators{
		Store: p.store, Keyring: p.keyring, Hasher: p.hasher, IDs: p.service.IDs, Now: p.clock.Now, Wait: p.waits.wait,
	}
}

const operatorPassword = "An operator's horse 9"

// operator makes one who has a password, by his invitation.
func (p *people) operator(t *testing.T, s *access.Operators, n access.NewOperator) *muster.Operator {
	t.Helper()
	_, i, err := s.Invite(t.Context(), nil, n)
	must(t, err)
	o, err := s.Accept(t.Context(), i.Secret, operatorPassword, here)
	must(t, err)
	return o
}

func (p *people) operatorSignIn(email, plain string) access.OperatorSignIn {
	return access.OperatorSignIn{Email: email, Password: plain, Address: here, Began: p.clock.Now()}
}

// TestNoSecretOfAnOperatorIsStored: of passwords, sessions and invitations nothing lies in the data folder, in whatever form.
func TestNoSecretOfAnOperatorIsStored(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	s := p.operators()
	_, used, err := s.Invite(t.Context(), nil, access.NewOperator{Name: "Visible Ann", Email: "ann@example.com", Role: muster.OperatorViewer})
	must(t, err)
	o, err := s.Accept(t.Context(), used.Secret, operatorPassword, here)
	must(t, err)
	session, _, err := s.SignIn(t.Context(), p.operatorSignIn("ann@example.com", operatorPassword))
	must(t, err)
	_, unused, err := s.InviteAgain(t.Context(), nil, o.ID)
	must(t, err)
	needles := map[string][]byte{
		"a password": []byte(operatorPassword), "a used invitation": []byte(used.Secret), "an invitation": []byte(unused.Secret), "a session": []byte(session),
	}
	for what, found := range p.find(t, needles, map[string][]byte{"a name": []byte("Visible Ann")}) {
		t.Errorf("%s lies in %s", what, found)
	}
	for what, v := range map[string]any{"invitation": unused, "sign-in": p.operatorSignIn("ann@example.com", operatorPassword)} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		text := fmt.Sprintf("%v %+v %#v %s %q %s", v, v, v, v, v, log.String())
		if strings.Contains(text, unused.Secret) || strings.Contains(text, operatorPassword) || strings.Contains(text, "ann@") {
			t.Errorf("an %s prints as %s", what, text)
		}
	}
}

// TestOneVerificationWhateverIsWrong: each sign-in takes one, so that its time tells nothing.
func TestOneVerificationWhateverIsWrong(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	s := p.operators()
	p.operator(t, s, access.NewOperator{Name: "Ann", Email: "ann@example.com", Role: muster.OperatorViewer})
	_, _, err := s.Invite(t.Context(), nil, access.NewOperator{Name: "Bob", Email: "bob@example.com", Role: muster.OperatorViewer})
	must(t, err)
	for n, email := range []string{"ann@example.com", "bob@example.com", "nobody@example.com", "no address"} {
		_, _, err := s.SignIn(t.Context(), p.operatorSignIn(email, "A guessed horse 7"))
		refused(t, err, muster.KindUnauthenticated)
		if p.hasher.verified != n+1 {
			t.Errorf("%q takes %d verifications", email, p.hasher.verified-n)
		}
		if waited := p.waits.taken(); len(waited) != 1 || waited[0] != 500*time.Millisecond {
			t.Errorf("%q waits for %v", email, waited)
		}
	}
}

// TestAnOperatorSlowedByStrangersSignsIn: guesses from many addresses at one operator slow him, and lock nobody out.
func TestAnOperatorSlowedByStrangersSignsIn(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	s := p.operators()
	p.operator(t, s, access.NewOperator{Name: "Ann", Email: "ann@example.com", Role: muster.OperatorViewer})
	for n := range 12 {
		guess := p.operatorSignIn(" ANN@example.com ", "A guessed horse 7")
		guess.Address = address(n)
		_, _, err := s.SignIn(t.Context(), guess)
		refused(t, err, muster.KindUnauthenticated)
	}
	p.waits.taken()
	_, _, err := s.SignIn(t.Context(), p.operatorSignIn("ann@example.com", operatorPassword))
	must(t, err)
	if waited := p.waits.taken(); len(waited) != 1 || waited[0] < 100*time.Millisecond {
		t.Errorf("the right password waits for %v", waited)
	}
}

// TestAnOutdatedHashIsMadeAnew, and ends no session.
func TestAnOutdatedHashIsMadeAnew(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	s := p.operators()
	o := p.operator(t, s, access.NewOperator{Name: "Ann", Email: "ann@example.com", Role: muster.OperatorViewer})
	old := hashed(t, password.Params{MemoryKiB: 72, Passes: 1, Lanes: 1}, operatorPassword)
	_, err := p.store.ChangeOperator(t.Context(), o.ID, func(o *muster.Operator, _ time.Time) error {
		o.PasswordHash = old
		return nil
	})
	must(t, err)
	session, _, err := s.SignIn(t.Context(), p.operatorSignIn("ann@example.com", operatorPassword))
	must(t, err)
	now, err := s.Session(t.Context(), session)
	must(t, err)
	if now.PasswordHash == old || now.PasswordHash == "" {
		t.Error("the hash is the old one")
	}
	_, _, err = s.SignIn(t.Context(), p.operatorSignIn("ann@example.com", operatorPassword))
	must(t, err)
}

func TestWhoMayInvite(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	s := p.operators()
	all := &muster.Operator{ID: 1, Role: muster.OperatorAdministrator}
	own := &muster.Operator{ID: 2, Tenant: p.tenant.ID, Role: muster.OperatorAdministrator}
	for name, c := range map[string]struct {
		by     *muster.Operator
		tenant muster.ID
		want   muster.Kind // KindInternal: he may
	}{
		"who reaches the installation, for it":  {nil, 0, muster.KindInternal},
		"the installation's, for it":            {all, 0, muster.KindInternal},
		"the installation's, for a tenant":      {all, p.tenant.ID, muster.KindInternal},
		"the installation's, for no tenant":     {all, 77, muster.KindNotFound},
		"a tenant's, for it":                    {own, p.tenant.ID, muster.KindInternal},
		"a tenant's, for the installation":      {own, 0, muster.KindForbidden},
		"a tenant's, for another":               {own, 77, muster.KindForbidden},
		"one who is no administrator, for him":  {&muster.Operator{Role: muster.OperatorProvisioner}, 0, muster.KindForbidden},
		"one who is of a tenant and has no job": {&muster.Operator{Tenant: p.tenant.ID}, p.tenant.ID, muster.KindForbidden},
	} {
		_, _, err := s.Invite(t.Context(), c.by, access.NewOperator{
			Tenant: c.tenant, Name: "Ann", Email: strings.NewReplacer(" ", ".", ",", "").Replace(name) + "@example.com", Role: muster.OperatorViewer,
		})
		if c.want != muster.KindInternal {
			refused(t, err, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for field, n := range map[string]access.NewOperator{
		"name": {Email: "x@example.com", Role: 1}, "email": {Name: "x", Email: "x", Role: 1}, "role": {Name: "x", Email: "x@example.com", Role: 4},
	} {
		_, _, err := s.Invite(t.Context(), nil, n)
		if e := refused(t, err, muster.KindInvalid); e.Field != field {
			t.Errorf("the fault is of %q, want %q", e.Field, field)
		}
	}
}
