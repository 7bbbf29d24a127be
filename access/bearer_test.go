package access_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

func TestForWhomATokenSpeaks(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	for _, level := range []muster.AdminLevel{muster.LevelDepartmentAdmin, muster.LevelCommon, muster.LevelSystemAdmin, muster.LevelManager} {
		account := fmt.Sprint("user of level ", level)
		id := p.add(t, muster.User{Account: account, Level: level}, rightPassword)
		got, err := p.sessions().Authenticate(t.Context(), access.TenantHint{}, p.signIn(t, account, rightPassword).AccessToken)
		must(t, err)
		want := access.Principal{
			Tenant: p.tenant, Actor: muster.Actor{User: id, Level: level, Department: p.tenant.RootDepartment}, Scopes: muster.AllScopes,
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Error(diff)
		}
	}
	scopes := muster.ScopeRead | muster.ScopeAdminister
	_, err := p.service.ChangeCredential(t.Context(), p.tenant.ID, broughtAppID, access.CredentialChange{Scopes: &scopes})
	must(t, err)
	got, err := p.sessions().Authenticate(t.Context(), access.TenantHint{}, p.issue(t).Token)
	must(t, err)
	want := access.Principal{Tenant: p.tenant, Actor: muster.Actor{Level: muster.LevelSystemAdmin}, AppID: broughtAppID, Scopes: scopes}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
}

// TestWhatEndsAUsersTokens, and what does not. What ends the access token ends the refresh token, too.
func TestWhatEndsAUsersTokens(t *testing.T) {
	t.Parallel()
	type step func(*testing.T, *people, muster.ID)
	act := func(actions ...muster.Action) step {
		return func(t *testing.T, p *people, id muster.ID) {
			for _, a := range actions {
				p.act(t, a, id)
			}
		}
	}
	set := func(fields muster.FieldSet, to muster.User) step {
		return func(t *testing.T, p *people, id muster.ID) { p.set(t, id, fields, to) }
	}
	for _, tc := range []struct {
		name string
		step step
		good bool
	}{
		{"nothing", func(*testing.T, *people, muster.ID) {}, true},
		{"a name", set(muster.FieldFirstName, muster.User{FirstName: "Ann"}), true},
		{"disabled", act(muster.ActionDisable), false},
		{"disabled and enabled", act(muster.ActionDisable, muster.ActionEnable), false},
		{"enabled", act(muster.ActionEnable), true},
		{"deleted", act(muster.ActionDelete), false},
		{"another password", set(muster.FieldPassword, muster.User{PasswordHash: "another"}), false},
		{"another level", set(muster.FieldLevel, muster.User{Level: muster.LevelManager}), false},
		{"a reset", func(t *testing.T, p *people, id muster.ID) {
			must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, id, "", false))
		}, false},
		{"a link", func(t *testing.T, p *people, id muster.ID) { p.link(t, id) }, true},
		{"a password set by a link", func(t *testing.T, p *people, id muster.ID) {
			must(t, p.activations().SetPassword(t.Context(), p.tenant.ID, p.link(t, id).Secret, rightPassword, here))
		}, false},
		{"another sign-in", func(t *testing.T, p *people, _ muster.ID) { p.signIn(t, "ann", rightPassword) }, true},
		{"a wrong password", func(t *testing.T, p *people, _ muster.ID) {
			_, err := p.sessions().SignIn(t.Context(), p.request("ann", "guessed"))
			refused(t, err, muster.KindUnauthenticated)
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := setupPeople(t)
			ann := p.add(t, muster.User{Account: "ann", Level: muster.LevelSystemAdmin}, rightPassword)
			session := p.signIn(t, "ann", rightPassword)
			tc.step(t, p, ann)
			_, err := p.sessions().Authenticate(t.Context(), access.TenantHint{}, session.AccessToken)
			_, again := p.sessions().Refresh(t.Context(), access.TenantHint{}, session.RefreshToken)
			if tc.good {
				must(t, err)
				must(t, again)
				return
			}
			refused(t, err, muster.KindUnauthenticated)
			refused(t, again, muster.KindUnauthenticated)
		})
	}
}

// TestAUserWhoMoves keeps his token, and administers where he is now.
func TestAUserWhoMoves(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	sales := p.department(t, 0, "Sales")
	ann := p.add(t, muster.User{Account: "ann", Level: muster.LevelDepartmentAdmin}, rightPassword)
	session := p.signIn(t, "ann", rightPassword)
	p.set(t, ann, muster.FieldDepartment, muster.User{Department: sales})
	got, err := p.sessions().Authenticate(t.Context(), access.TenantHint{}, session.AccessToken)
	must(t, err)
	if got.Actor.Scope() != sales {
		t.Errorf("administers %s, want %s", got.Actor.Scope(), sales)
	}
}

func TestWhatEndsAnApplicationsToken(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	authenticate := func(token string) error {
		_, err := p.sessions().Authenticate(t.Context(), access.TenantHint{}, token)
		return err
	}
	r := p.ask()
	r.Life = access.ClientTokenLife
	issued, err := p.tokens().Issue(t.Context(), r)
	must(t, err)
	p.clock.Advance(1800*time.Second - time.Millisecond)
	must(t, authenticate(issued.Token))
	p.clock.Advance(time.Millisecond)
	refused(t, authenticate(issued.Token), muster.KindUnauthenticated)

	token := p.issue(t).Token
	_, err = p.service.ChangeCredential(t.Context(), p.tenant.ID, broughtAppID, access.CredentialChange{Disabled: new(true)})
	must(t, err)
	refused(t, authenticate(token), muster.KindUnauthenticated)
	_, err = p.service.ChangeCredential(t.Context(), p.tenant.ID, broughtAppID, access.CredentialChange{Disabled: new(false)})
	must(t, err)
	must(t, authenticate(token))
	_, err = p.service.RotateCredential(t.Context(), p.tenant.ID, broughtAppID, 0, "")
	must(t, err)
	refused(t, authenticate(token), muster.KindUnauthenticated)
}

func TestASessionEndsToTheSecond(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, rightPassword)
	session := p.signIn(t, "ann", rightPassword)
	p.clock.Advance(1800*time.Second - time.Millisecond)
	if p.speaksFor(t, session.AccessToken) != ann {
		t.Error("ends before its time")
	}
	p.clock.Advance(time.Millisecond)
	if p.speaksFor(t, session.AccessToken) != 0 {
		t.Error("lives on at the second of its end")
	}
}

// TestBadTokensLookAlike: one answer, whatever is wrong with a token.
func TestBadTokensLookAlike(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	other, _, err := p.service.CreateTenant(t.Context(), access.NewTenant{Name: "second", Host: "second.example.com"})
	must(t, err)
	p.rehost(t, "first.example.com")
	p.add(t, muster.User{Account: "ann"}, rightPassword)
	session, app := p.signIn(t, "ann", rightPassword), p.issue(t)
	none := access.TenantHint{}
	var bearer, refresh []string
	try := func(hint access.TenantHint, token string) {
		_, err := p.sessions().Authenticate(t.Context(), hint, token)
		bearer = append(bearer, refused(t, err, muster.KindUnauthenticated).Error())
		_, err = p.sessions().Refresh(t.Context(), hint, token)
		refresh = append(refresh, refused(t, err, muster.KindUnauthenticated).Error())
	}
	for _, token := range []string{
		"", "x", "\x00", strings.Repeat("a", 1<<20), session.AccessToken[:47], session.AccessToken + " ", strings.ToUpper(session.AccessToken), "AT " + session.AccessToken,
	} {
		try(none, token)
	}
	for _, hint := range []access.TenantHint{
		{Host: "second.example.com"}, {Host: "second.example.com", ID: p.tenant.ID.String()}, {ID: other.ID.String()}, {ID: "7"}, {ID: "first"},
		{ID: "0" + p.tenant.ID.String()}, {Host: "nobodys.example.com", ID: other.ID.String()},
	} {
		for _, token := range []string{session.AccessToken, app.Token} {
			_, err := p.sessions().Authenticate(t.Context(), hint, token)
			bearer = append(bearer, refused(t, err, muster.KindUnauthenticated).Error())
		}
		_, err = p.sessions().Refresh(t.Context(), hint, session.RefreshToken)
		refresh = append(refresh, refused(t, err, muster.KindUnauthenticated).Error())
	}
	_, err = p.sessions().Authenticate(t.Context(), none, session.RefreshToken)
	bearer = append(bearer, refused(t, err, muster.KindUnauthenticated).Error())
	for _, token := range []string{session.AccessToken, app.Token} {
		_, err = p.sessions().Refresh(t.Context(), none, token)
		refresh = append(refresh, refused(t, err, muster.KindUnauthenticated).Error())
	}
	for _, answers := range [][]string{bearer, refresh} {
		for _, a := range answers {
			if a != answers[0] {
				t.Errorf("two answers: %q and %q", a, answers[0])
			}
		}
	}
	for _, hint := range []access.TenantHint{
		none, {Host: "first.example.com"}, {ID: p.tenant.ID.String()}, {Host: "first.example.com", ID: other.ID.String()},
		{Host: "nobodys.example.com"}, {Host: "nobodys.example.com", ID: p.tenant.ID.String()},
	} {
		_, err := p.sessions().Authenticate(t.Context(), hint, session.AccessToken)
		must(t, err)
		_, err = p.sessions().Refresh(t.Context(), hint, session.RefreshToken)
		must(t, err)
	}
}

// rehost gives the tenant a host.
func (p *people) rehost(t *testing.T, host string) {
	t.Helper()
	var err error
	p.tenant, err = p.service.UpdateTenant(t.Context(), p.tenant.ID, access.TenantChange{Host: &host})
	must(t, err)
}

// TestTheTenantOfASignIn: by host, else by X-Tenant-Id, else the only one, never by a search.
func TestTheTenantOfASignIn(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	find := func(host, id string) muster.ID {
		t.Helper()
		tenant, err := p.sessions().TenantOf(t.Context(), access.TenantHint{Host: host, ID: id})
		if err != nil {
			if e := refused(t, err, muster.KindInvalid); e.Field != "X-Tenant-Id" {
				t.Errorf("the field at fault is %q", e.Field)
			}
			return 0
		}
		return tenant.ID
	}
	first := p.tenant.ID
	if got := find("nobodys.example.com", ""); got != first {
		t.Errorf("the only tenant is %s, found %s", first, got)
	}
	second, _, err := p.service.CreateTenant(t.Context(), access.NewTenant{Name: "second", Host: "second.example.com"})
	must(t, err)
	for _, tc := range []struct {
		host, id string
		want     muster.ID
	}{
		{"second.example.com", "", second.ID},
		{"second.example.com", first.String(), second.ID},
		{"second.example.com", "nonsense", second.ID},
		{"nobodys.example.com", first.String(), first},
		{"", second.ID.String(), second.ID},
		{"", "", 0},
		{"nobodys.example.com", "", 0},
		{"", "7", 0},
		{"", "first", 0},
		{"", "-1", 0},
		{"", first.String() + "," + first.String(), 0},
	} {
		if got := find(tc.host, tc.id); got != tc.want {
			t.Errorf("host %q and id %q name %s, want %s", tc.host, tc.id, got, tc.want)
		}
	}
}
