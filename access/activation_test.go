package access_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/password"
)

const chosen = "Chosen horse 3"

func (p *people) setPassword(t *testing.T, link access.Link, plain string) error {
	t.Helper()
	return p.activations().SetPassword(t.Context(), p.tenant.ID, link.Secret, plain, here)
}

// TestALinkActivatesAUser: he sets his password once, and signs in.
func TestALinkActivatesAUser(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann", FirstName: "Ann", Surname: "Smith"}, "")
	link := p.link(t, ann)
	if !regexp.MustCompile(`^` + ann.String() + `-[A-Za-z0-9_-]{32}$`).MatchString(link.Secret) {
		t.Error("the link is not the user's id and 32 URL-safe characters, 192 bits of base64")
	}
	if link.User != ann || !link.ExpiresAt.Equal(p.clock.Now().Add(72*time.Hour)) {
		t.Errorf("%v, want one of user %s for 72 hours", link, ann)
	}
	for range 2 { // looking uses nothing up
		got, err := p.activations().Look(t.Context(), p.tenant.ID, link.Secret, here)
		must(t, err)
		if diff := cmp.Diff(&access.Invited{Tenant: p.tenant, Name: "Ann Smith"}, got); diff != "" {
			t.Error(diff)
		}
	}
	must(t, p.setPassword(t, link, chosen))
	refused(t, p.setPassword(t, link, chosen), muster.KindUnauthenticated)
	_, err := p.activations().Look(t.Context(), p.tenant.ID, link.Secret, here)
	refused(t, err, muster.KindUnauthenticated)
	p.signIn(t, "ann", chosen)
}

// TestALinkResetsAPassword: until it is used, the password there is stays good.
func TestALinkResetsAPassword(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann", DisplayName: "Dr. Ann"}, rightPassword)
	link := p.link(t, ann)
	p.signIn(t, "ann", rightPassword)
	got, err := p.activations().Look(t.Context(), p.tenant.ID, link.Secret, here)
	must(t, err)
	if diff := cmp.Diff(&access.Invited{Tenant: p.tenant, Name: "Dr. Ann", Reset: true}, got); diff != "" {
		t.Error(diff)
	}
	must(t, p.setPassword(t, link, chosen))
	_, err = p.sessions().SignIn(t.Context(), p.request("ann", rightPassword))
	refused(t, err, muster.KindUnauthenticated)
	p.signIn(t, "ann", chosen)
}

// TestALinkIsUsedOnce also by many at the same time: the one whose call succeeds has set his password.
func TestALinkIsUsedOnce(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	link := p.link(t, p.add(t, muster.User{Account: "ann"}, ""))
	activations := p.activations()
	const callers = 12
	var found sync.WaitGroup // all of them find a link that is good
	found.Add(callers)
	p.hasher.making = func() error { found.Done(); found.Wait(); return nil }
	type result struct {
		plain string
		err   error
	}
	results := make(chan result, callers)
	for i := range callers {
		go func() {
			plain := fmt.Sprint(chosen, i)
			results <- result{plain, activations.SetPassword(context.Background(), p.tenant.ID, link.Secret, plain, here)}
		}()
	}
	won := ""
	for range callers {
		r := <-results
		if r.err != nil {
			refused(t, r.err, muster.KindUnauthenticated)
			continue
		}
		if won != "" {
			t.Error("two calls set a password by one link")
		}
		won = r.plain
	}
	p.hasher.making = nil
	p.signIn(t, "ann", won)
}

// TestBadLinksLookAlike: one answer, whatever is wrong with a link, and to whatever is asked of it.
func TestBadLinksLookAlike(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	other, _, err := p.service.CreateTenant(t.Context(), access.NewTenant{Name: "second"})
	must(t, err)
	user := func(name string) muster.ID { return p.add(t, muster.User{Account: name}, "") }
	good, replaced, disabled, deleted, changed := p.link(t, user("a")), p.link(t, user("b")), p.link(t, user("c")), p.link(t, user("d")), p.link(t, user("e"))
	reset := p.link(t, user("f"))
	p.link(t, replaced.User)
	p.act(t, muster.ActionDisable, disabled.User)
	p.act(t, muster.ActionDelete, deleted.User)
	p.set(t, changed.User, muster.FieldPassword, muster.User{PasswordHash: "another"})
	must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, reset.User, "", false))
	without := user("g")
	links, err := p.activations().Create(t.Context(), p.tenant.ID, system, []muster.ID{without}, time.Minute)
	must(t, err)
	p.clock.Advance(time.Minute - time.Millisecond)
	_, err = p.activations().Look(t.Context(), p.tenant.ID, links[0].Secret, here)
	must(t, err)
	p.clock.Advance(time.Millisecond)

	_, random, _ := strings.Cut(good.Secret, "-")
	var answers []string
	for i, tc := range []struct {
		tenant muster.ID
		secret string
	}{
		{p.tenant.ID, links[0].Secret}, // its minute is over
		{p.tenant.ID, replaced.Secret}, {p.tenant.ID, disabled.Secret}, {p.tenant.ID, deleted.Secret},
		{p.tenant.ID, changed.Secret}, {p.tenant.ID, reset.Secret},
		{other.ID, good.Secret}, {7, good.Secret}, {0, good.Secret},
		{p.tenant.ID, ""}, {p.tenant.ID, "-"}, {p.tenant.ID, random}, {p.tenant.ID, "-" + random}, {p.tenant.ID, "0-" + random},
		{p.tenant.ID, "0" + good.Secret}, {p.tenant.ID, good.Secret + "x"}, {p.tenant.ID, good.Secret[:len(good.Secret)-1]},
		{p.tenant.ID, good.User.String()}, {p.tenant.ID, without.String() + "-" + random}, {p.tenant.ID, "7-" + random},
		{p.tenant.ID, strings.Repeat("9", 1<<20)}, {p.tenant.ID, "\x00"},
	} {
		from := address(i)
		_, err := p.activations().Look(t.Context(), tc.tenant, tc.secret, from)
		answers = append(answers, refused(t, err, muster.KindUnauthenticated).Error())
		err = p.activations().SetPassword(t.Context(), tc.tenant, tc.secret, chosen, from)
		answers = append(answers, refused(t, err, muster.KindUnauthenticated).Error())
		err = p.activations().SetPassword(t.Context(), tc.tenant, tc.secret, "weak", from) // the rule is no one else's to learn
		answers = append(answers, refused(t, err, muster.KindUnauthenticated).Error())
	}
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("two answers: %q and %q", a, answers[0])
		}
	}
	must(t, p.setPassword(t, good, chosen))
}

// TestAPasswordThatTheRuleRefuses leaves the link for another try.
func TestAPasswordThatTheRuleRefuses(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	settings := p.tenant.Settings
	settings.Password.MinLength = 12
	_, err := p.service.UpdateTenant(t.Context(), p.tenant.ID, access.TenantChange{Settings: &settings})
	must(t, err)
	ann := p.add(t, muster.User{Account: "ann", FirstName: "Annabel", Phone: "+27100000001", Email: "smith@example.com"}, "")
	link := p.link(t, ann)
	for _, plain := range []string{
		"", "Short 1.", "only lower case letters", "My annaBEL 1 horse", "My 27100000001 horse", "My Smith 1 horse", "bad \xff UTF-8 Text", strings.Repeat("Aa1.", 33),
	} {
		if e := refused(t, p.setPassword(t, link, plain), muster.KindInvalid); e.Field != "password" {
			t.Errorf("the field at fault is %q", e.Field)
		}
		if plain == "" {
			continue // takes the password away, in Reset
		}
		e := refused(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, plain, false), muster.KindInvalid)
		if e.Field != "password" {
			t.Errorf("the field at fault is %q", e.Field)
		}
	}
	must(t, p.setPassword(t, link, "A long horse 1"))
}

// TestLinksForMany: in the order asked for, once each, of those who are there and enabled.
func TestLinksForMany(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	var users []muster.ID
	for i := range 4 {
		users = append(users, p.add(t, muster.User{Account: fmt.Sprint("user", i), Disabled: i == 2}, ""))
	}
	create := func(users []muster.ID, life time.Duration) ([]access.Link, error) {
		return p.activations().Create(t.Context(), p.tenant.ID, system, users, life)
	}
	links, err := create([]muster.ID{users[3], 7, users[2], users[0], users[3], users[1]}, time.Hour)
	must(t, err)
	var got []muster.ID
	for _, l := range links {
		got = append(got, l.User)
		if !l.ExpiresAt.Equal(p.clock.Now().Add(time.Hour)) {
			t.Errorf("a link for an hour ends at %s", l.ExpiresAt)
		}
		must(t, p.setPassword(t, l, chosen))
	}
	if diff := cmp.Diff([]muster.ID{users[3], users[0], users[1]}, got); diff != "" {
		t.Error(diff)
	}
	_, err = create(nil, 0)
	refused(t, err, muster.KindInvalid)
	_, err = create(make([]muster.ID, 1001), 0)
	refused(t, err, muster.KindInvalid)
	links, err = create(make([]muster.ID, 1000), 0)
	must(t, err)
	if len(links) != 0 {
		t.Errorf("%d links of nobody", len(links))
	}
	for _, life := range []time.Duration{-1, time.Minute - 1, 30*24*time.Hour + 1} {
		_, err := create(users, life)
		refused(t, err, muster.KindInvalid)
	}
	_, err = p.activations().Create(t.Context(), 7, system, users, 0)
	refused(t, err, muster.KindNotFound)
}

// TestWhoMakesLinksForWhom: who can make a link for somebody, or reset his password, can become him.
func TestWhoMakesLinksForWhom(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	sales := p.department(t, 0, "Sales")
	north, legal := p.department(t, sales, "North"), p.department(t, 0, "Legal")
	users := map[string]muster.ID{}
	for name, u := range map[string]muster.User{
		"common in Sales":  {Department: sales, Level: muster.LevelCommon},
		"common in North":  {Department: north, Level: muster.LevelCommon},
		"common in Legal":  {Department: legal, Level: muster.LevelCommon},
		"common in root":   {Level: muster.LevelCommon},
		"admin of North":   {Department: north, Level: muster.LevelDepartmentAdmin},
		"manager in North": {Department: north, Level: muster.LevelManager},
		"system in North":  {Department: north, Level: muster.LevelSystemAdmin},
	} {
		u.Account = name
		users[name] = p.add(t, u, rightPassword)
	}
	for _, tc := range []struct {
		name  string
		actor muster.Actor
		want  []string
	}{
		{"an application", muster.Actor{Level: muster.LevelSystemAdmin}, []string{
			"common in Sales", "common in North", "common in Legal", "common in root", "admin of North", "manager in North", "system in North",
		}},
		{"admin of Sales", muster.Actor{Level: muster.LevelDepartmentAdmin, Department: sales}, []string{"common in Sales", "common in North", "admin of North"}},
		{"admin of North", muster.Actor{Level: muster.LevelDepartmentAdmin, Department: north}, []string{"common in North", "admin of North"}},
		{"admin of root", muster.Actor{Level: muster.LevelDepartmentAdmin, Department: p.tenant.RootDepartment}, []string{
			"common in Sales", "common in North", "common in Legal", "common in root", "admin of North",
		}},
		{"manager", muster.Actor{Level: muster.LevelManager, Department: north}, nil},
		{"common", muster.Actor{Level: muster.LevelCommon, Department: north}, nil},
	} {
		may := map[muster.ID]bool{}
		for _, name := range tc.want {
			may[users[name]] = true
		}
		for name, id := range users {
			links, err := p.activations().Create(t.Context(), p.tenant.ID, tc.actor, []muster.ID{id}, 0)
			must(t, err)
			if got := len(links) == 1; got != may[id] {
				t.Errorf("%s makes a link for %s: %v, want %v", tc.name, name, got, may[id])
			}
			err = p.activations().Reset(t.Context(), p.tenant.ID, tc.actor, id, chosen, false)
			if !may[id] {
				refused(t, err, muster.KindForbidden)
			} else if err != nil {
				t.Errorf("%s resets the password of %s: %v", tc.name, name, err)
			}
		}
	}
}

func TestResets(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann"}, rightPassword)
	reset := func(plain string, mustChange bool) {
		t.Helper()
		must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, plain, mustChange))
	}
	signIn := func(plain string) error {
		_, err := p.sessions().SignIn(t.Context(), p.request("ann", plain))
		return err
	}
	session := p.signIn(t, "ann", rightPassword)
	reset(chosen, false)
	if p.speaksFor(t, session.AccessToken) != 0 {
		t.Error("a token outlives a reset")
	}
	refused(t, signIn(rightPassword), muster.KindUnauthenticated)
	must(t, signIn(chosen))
	reset("", true)
	refused(t, signIn(chosen), muster.KindUnauthenticated)
	refused(t, signIn(""), muster.KindUnauthenticated)
	if u := p.user(t, ann); u.PasswordHash != "" || u.MustChangePassword {
		t.Error("a password that was taken away is there, or is to be changed")
	}
	must(t, p.setPassword(t, p.link(t, ann), rightPassword))
	must(t, signIn(rightPassword))
	reset(chosen, true)
	var change *access.MustChangeError
	if err := signIn(chosen); !errors.As(err, &change) {
		t.Fatalf("error = %v, want a *MustChangeError", err)
	}
	reset(chosen, true)
	refused(t, p.setPassword(t, change.Link, rightPassword), muster.KindUnauthenticated)
	must(t, p.setPassword(t, p.link(t, ann), rightPassword)) // any link will do
	must(t, signIn(rightPassword))

	refused(t, p.activations().Reset(t.Context(), p.tenant.ID, system, 7, chosen, false), muster.KindNotFound)
	refused(t, p.activations().Reset(t.Context(), 7, system, ann, chosen, false), muster.KindNotFound)
	p.hasher.making = func() error { p.hasher.making = nil; p.act(t, muster.ActionDelete, ann); return nil }
	refused(t, p.activations().Reset(t.Context(), p.tenant.ID, system, ann, chosen, false), muster.KindNotFound)
}

// TestAUserWhoRisesMeanwhile is out of reach for who may not change him any more.
func TestAUserWhoRisesMeanwhile(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "ann", Level: muster.LevelCommon}, rightPassword)
	actor := muster.Actor{Level: muster.LevelDepartmentAdmin, Department: p.tenant.RootDepartment}
	p.hasher.making = func() error {
		p.hasher.making = nil
		p.set(t, ann, muster.FieldLevel, muster.User{Level: muster.LevelSystemAdmin})
		return nil
	}
	refused(t, p.activations().Reset(t.Context(), p.tenant.ID, actor, ann, chosen, false), muster.KindForbidden)
	p.signIn(t, "ann", rightPassword)
}

// TestWrongLinksAreThrottled by address, and right ones with them.
func TestWrongLinksAreThrottled(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	link := p.link(t, p.add(t, muster.User{Account: "ann"}, ""))
	look := func(secret string, from netip.Addr) error {
		_, err := p.activations().Look(t.Context(), p.tenant.ID, secret, from)
		return err
	}
	for range 101 {
		must(t, look(link.Secret, here))
	}
	for i := range 50 {
		refused(t, look(link.Secret+"x", here), muster.KindUnauthenticated)
		err := p.activations().SetPassword(t.Context(), p.tenant.ID, fmt.Sprint(i+1, "-x"), chosen, here)
		refused(t, err, muster.KindUnauthenticated)
	}
	if e := refused(t, look(link.Secret, here), muster.KindOverloaded); e.RetryAfter != time.Minute {
		t.Errorf("retry after %s, want 1m", e.RetryAfter)
	}
	refused(t, p.setPassword(t, link, chosen), muster.KindOverloaded)
	must(t, look(link.Secret, address(1)))
	p.clock.Advance(time.Minute)
	must(t, p.setPassword(t, link, chosen))
}

func TestBusyLeavesTheLink(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	link := p.link(t, p.add(t, muster.User{Account: "ann"}, ""))
	p.hasher.making = func() error { return password.ErrBusy }
	if e := refused(t, p.setPassword(t, link, chosen), muster.KindOverloaded); e.RetryAfter != time.Second {
		t.Errorf("retry after %s, want 1s", e.RetryAfter)
	}
	p.hasher.making = nil
	must(t, p.setPassword(t, link, chosen))
}

func TestTroubleIsNoRefusalOfALink(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	broken := errors.New("the disk is on fire")
	link := p.link(t, p.add(t, muster.User{Account: "ann"}, ""))
	for _, at := range []string{"attempts", "sign-in", "count", "change"} {
		activations := p.activations()
		activations.Store = &sessionStore{SessionStore: p.store, failAt: at, err: broken}
		secret := link.Secret
		if at == "count" {
			secret += "x"
		}
		err := activations.SetPassword(t.Context(), p.tenant.ID, secret, chosen, here)
		if !errors.Is(err, broken) || muster.KindOf(err) != muster.KindInternal {
			t.Errorf("%s: error = %v, want the store's own", at, err)
		}
	}
	must(t, p.setPassword(t, link, chosen))
}
