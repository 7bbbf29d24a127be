package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/console"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// TestAnInvitationBecomesASession walks the way of a new operator.
func TestAnInvitationBecomesASession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := b.signedIn(t, 0, muster.OperatorAdministrator)
	form := url.Values{"name": {"Ann"}, "email": {"Ann@example.com"}, "role": {"viewer"}, "tenant": {b.other.ID.String()}}
	invited := admin.submit("/console/operators", "/console/operators", form).is(http.StatusOK).has("Invitation of Ann", "shown this once")
	link := strings.TrimPrefix(invited.take(`<code id="link">([^<]+)</code>`), b.server.URL)

	ann := b.visitor(t)
	ann.get(link).is(http.StatusOK).has("Hello Ann.", `value="Ann@example.com"`)
	ann.post(link, url.Values{"password": {rightPassword}, "again": {"another"}}).is(http.StatusUnprocessableEntity).has("The two passwords differ.")
	ann.post(link, url.Values{"password": {"short"}, "again": {"short"}}).is(http.StatusUnprocessableEntity).has("12 to 128 characters")
	ann.post(link, url.Values{"password": {rightPassword}, "again": {rightPassword}}).leadsTo("/console/sign-in")
	ann.get("/console/sign-in").is(http.StatusOK).has("Your password is set")
	ann.get("/console/sign-in").hasNo("Your password is set")
	ann.get(link).is(http.StatusNotFound).has("unknown, has expired, or was used")
	ann.post(link, url.Values{"password": {rightPassword}, "again": {rightPassword}}).is(http.StatusNotFound)

	ann.signIn("ann@EXAMPLE.com")
	ann.get("/console/").is(http.StatusOK).has("What tenant other has", "in trouble")
	admin.get("/console/operators").has("Ann@example.com", "other")
}

func TestAnInvitationEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, first, err := b.operators.Invite(t.Context(), nil, access.NewOperator{Name: "Ann", Email: "ann@example.com", Role: muster.OperatorViewer})
	must(t, err)
	v := b.visitor(t)
	link := func(i access.Invitation) string { return console.InvitationLink("", i.Secret) }
	v.get(link(first)).is(http.StatusOK)
	_, second, err := b.operators.InviteAgain(t.Context(), nil, o.ID)
	must(t, err)
	v.get(link(first)).is(http.StatusNotFound)
	b.clock.Advance(access.InvitationLife - time.Millisecond)
	v.get(link(second)).is(http.StatusOK)
	b.clock.Advance(time.Millisecond)
	v.get(link(second)).is(http.StatusNotFound)
}

// TestCookies: what browsers are told about each cookie, by HTTPS and on the loopback.
func TestCookies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		transport console.Transport
		serve     func(http.Handler) *httptest.Server
		cookie    string
	}{
		"HTTPS":    {console.Encrypted, httptest.NewTLSServer, "__Host-muster="},
		"loopback": {console.Loopback, httptest.NewServer, "muster-dev="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := build(t, func(config *console.Config) { config.Transport = c.transport })
			b.server = c.serve(b.handler(t))
			t.Cleanup(b.server.Close)
			v := b.visitor(t)
			email := b.operator(t, 0, muster.OperatorViewer)
			in := v.post("/console/sign-in", url.Values{"email": {email}, "password": {rightPassword}}).leadsTo("/console/")
			set := in.header.Get("Set-Cookie")
			if !strings.HasPrefix(set, c.cookie) {
				t.Fatalf("the cookie is %s", set)
			}
			want := "; Path=/; HttpOnly; SameSite=Lax"
			if c.transport == console.Encrypted {
				want = "; Path=/; HttpOnly; Secure; SameSite=Lax"
			}
			if _, attributes, _ := strings.Cut(set, ";"); ";"+attributes != want {
				t.Errorf("the cookie's attributes are %q, want %q", ";"+attributes, want)
			}
			v.get("/console/").is(http.StatusOK)
		})
	}
}

func TestNobodySignsInWhereOthersCouldReadAlong(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *console.Config) { c.Transport = console.Plain })
	v := b.visitor(t)
	v.get("/console/sign-in").is(http.StatusOK).has("others could read along").hasNo(`type="password"`)
	email := b.operator(t, 0, muster.OperatorViewer)
	v.post("/console/sign-in", url.Values{"email": {email}, "password": {rightPassword}}).is(http.StatusForbidden)
	if v.cookie("muster-dev") != "" {
		t.Error("there is a session")
	}
}

// TestOneRefusal: who may not sign in is told the same whatever was wrong, and waits as long.
func TestOneRefusal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.visitor(t)
	disabled := b.operator(t, 0, muster.OperatorViewer)
	yes := true
	_, err := b.operators.Change(t.Context(), nil, b.byEmail(t, disabled).ID, access.OperatorChange{Disabled: &yes})
	must(t, err)
	_, _, err = b.operators.Invite(t.Context(), nil, access.NewOperator{Name: "Ann", Email: "invited@example.com", Role: muster.OperatorViewer})
	must(t, err)
	enabled := b.operator(t, 0, muster.OperatorViewer)
	first := ""
	for name, form := range map[string]url.Values{
		"unknown": {"email": {"nobody@example.com"}, "password": {rightPassword}}, "disabled": {"email": {disabled}, "password": {rightPassword}},
		"invited": {"email": {"invited@example.com"}, "password": {""}}, "wrong": {"email": {enabled}, "password": {"Wrong horse 12"}},
		"no address": {"email": {"what"}, "password": {rightPassword}},
	} {
		began := b.clock.Now()
		refused := v.post("/console/sign-in", form).is(http.StatusUnauthorized).has("No enabled operator has this")
		if spent := b.clock.Now().Sub(began); spent != 500*time.Millisecond {
			t.Errorf("%s: the refusal takes %s", name, spent)
		}
		body := strings.ReplaceAll(refused.body, form.Get("email"), "address")
		if first == "" {
			first = body
		}
		if body != first {
			t.Errorf("%s: the refusal is another one:\n%s\n%s", name, body, first)
		}
	}
	if v.cookie("muster-dev") != "" {
		t.Error("there is a session")
	}
}

func TestGuessesAreThrottled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.visitor(t)
	email := b.operator(t, 0, muster.OperatorViewer)
	wrong := url.Values{"email": {email}, "password": {"wrong"}}
	for range 10 {
		v.post("/console/sign-in", wrong).is(http.StatusUnauthorized)
	}
	refused := v.post("/console/sign-in", url.Values{"email": {email}, "password": {rightPassword}}).is(http.StatusTooManyRequests)
	if refused.header.Get("Retry-After") == "" {
		t.Error("it is not said when to try again")
	}
	b.clock.Advance(time.Minute)
	v.signIn(email)

	for range 100 {
		v.get("/console/invitation/guess").is(http.StatusNotFound)
	}
	v.get("/console/invitation/guess").is(http.StatusTooManyRequests)
}

// TestSessionsEnd: after half an hour without a request, after twelve hours with any number, and at once by what ends them.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alive := func(v *visitor) bool {
		t.Helper()
		a := v.get("/console/")
		if a.status == http.StatusOK {
			return true
		}
		a.leadsTo("/console/sign-in")
		return false
	}
	idle := b.signedIn(t, 0, muster.OperatorViewer)
	b.clock.Advance(access.OperatorIdle - time.Millisecond)
	if !alive(idle) {
		t.Fatal("it ends before half an hour is over")
	}
	b.clock.Advance(access.OperatorIdle - time.Millisecond)
	if !alive(idle) {
		t.Fatal("a request does not extend it")
	}
	b.clock.Advance(access.OperatorIdle)
	if alive(idle) {
		t.Fatal("it outlives half an hour without request")
	}

	busy := b.signedIn(t, 0, muster.OperatorViewer)
	for began := b.clock.Now(); b.clock.Now().Before(began.Add(access.OperatorLife - access.OperatorIdle)); {
		b.clock.Advance(access.OperatorIdle - time.Second)
		if !alive(busy) {
			t.Fatalf("it ends after %s", b.clock.Now().Sub(began))
		}
	}
	b.clock.Advance(access.OperatorIdle - time.Second)
	if alive(busy) {
		t.Fatal("it outlives twelve hours")
	}

	out := b.signedIn(t, 0, muster.OperatorViewer)
	secret := out.cookie("muster-dev")
	out.submit("/console/account", "/console/sign-out", url.Values{}).leadsTo("/console/sign-in")
	if alive(out) {
		t.Fatal("it outlives the sign-out")
	}
	out.header.Set("Cookie", "muster-dev="+secret)
	if alive(out) {
		t.Fatal("the browser has forgotten it, and the server has not")
	}

	email := b.operator(t, 0, muster.OperatorViewer)
	disabled := b.visitor(t)
	disabled.signIn(email)
	yes := true
	_, err := b.operators.Change(t.Context(), nil, b.byEmail(t, email).ID, access.OperatorChange{Disabled: &yes})
	must(t, err)
	if alive(disabled) {
		t.Fatal("it outlives its operator")
	}
}

func TestSignInLeadsBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	email := b.operator(t, 0, muster.OperatorAdministrator)
	b.visitor(t).get("/console/operators?a=b").leadsTo("/console/sign-in?next=" + url.QueryEscape("/operators?a=b"))
	for next, want := range map[string]string{
		"/operators?a=b": "/console/operators?a=b", "": "/console/", "https://evil.example": "/console/", "//evil.example": "/console/",
		`/\evil.example`: `/console/`, "operators": "/console/", "/\nx": "/console/",
	} {
		v := b.visitor(t)
		v.get("/console/sign-in?next=" + url.QueryEscape(next)).is(http.StatusOK)
		v.post("/console/sign-in", url.Values{"email": {email}, "password": {rightPassword}, "next": {next}}).leadsTo(want)
	}
}
