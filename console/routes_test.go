package console_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/console"
)

// These tests go through the routes themselves: a route more is tried, or a test says by name what it misses.

// openRoutes let in who is not signed in. Everything else wants a session.
var openRoutes = []string{
	"GET /sign-in", "POST /sign-in", "GET /sign-in/provider", "GET /sign-in/callback", "GET /invitation/{secret}", "POST /invitation/{secret}",
}

// guardedRoutes are the others.
func guardedRoutes(t testing.TB) []console.Route {
	t.Helper()
	var guarded []console.Route
	for _, r := range console.Routes() {
		if r.Open != slices.Contains(openRoutes, r.Pattern) {
			t.Fatalf("%s is open: %t", r.Pattern, r.Open)
		}
		if !r.Open {
			guarded = append(guarded, r)
		}
	}
	return guarded
}

// plain calls things after their tenant and kind.
func plain(tenant *muster.Tenant) texts {
	return func(kind string) string { return tenant.Name + "-" + kind }
}

// TestNobodyGoesWhereHeMayNot: not without a session, nor with a role that has not what a route wants.
func TestNobodyGoesWhereHeMayNot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.fill(t, b.tenant, plain(b.tenant))
	b.hold(t, w)
	stranger := b.visitor(t)
	roles := map[muster.OperatorRole]*visitor{}
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner} {
		roles[role] = b.signedIn(t, b.tenant.ID, role)
	}
	had := b.kept(t, nil)
	for _, r := range guardedRoutes(t) {
		s := w.sampleOf(t, r)
		path := w.path(t, r, s, "", nil)
		a := stranger.ask(r, path, s, "x")
		if to := a.header.Get("Location"); r.Stream && a.status != http.StatusUnauthorized || !r.Stream && !strings.HasPrefix(to, "/console/sign-in") {
			t.Errorf("%s leads a stranger to %q: %d", r.Pattern, to, a.status)
		}
		a.tells(w, "", r.Pattern+" by a stranger")
		for role, v := range roles {
			if role.Scopes().Has(r.Scope) {
				continue
			}
			a := v.ask(r, path, s, v.get("/console/account").token())
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "Your role does not allow this") {
				t.Errorf("%s by a %s: %d", r.Pattern, role, a.status)
			}
			a.tells(w, "", r.Pattern+" by a "+role.String())
		}
		b.unchanged(t, nil, had, r.Pattern)
	}
}

// TestNoFormWithoutItsToken: none, a part of it, another session's, and that of a page which shows another tenant.
func TestNoFormWithoutItsToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.fill(t, b.tenant, plain(b.tenant))
	b.hold(t, w)
	v, other := b.signedIn(t, 0, muster.OperatorAdministrator), b.signedIn(t, 0, muster.OperatorAdministrator)
	show := func(tenant *muster.Tenant) string {
		v.submit("/console/account", "/console/tenant", url.Values{"tenant": {tenant.ID.String()}}).leadsTo("/console/")
		return v.get("/console/account").token()
	}
	tokens := map[string]string{"none": "", "another tenant's": show(b.other), "another session's": other.get("/console/account").token()}
	own := show(b.tenant)
	tokens["a part"], tokens["more"] = own[:len(own)-1], own+"x"
	had := b.kept(t, nil)
	for _, r := range guardedRoutes(t) {
		if r.Method == http.MethodGet {
			continue
		}
		s := w.sampleOf(t, r)
		for name, token := range tokens {
			a := v.ask(r, w.path(t, r, s, "", nil), s, token)
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "not of this session and tenant") {
				t.Errorf("%s with a token that is %s: %d", r.Pattern, name, a.status)
			}
		}
		b.unchanged(t, nil, had, r.Pattern)
	}
}

// passedOver are the fields that may name another tenant's things, and what they say means nothing.
var passedOver = []string{
	"POST /operators tenant",              // who is invited is of the inviter's tenant
	"POST /federation/trial row.roleIds",  // the page says that there is no such role
	"POST /federation/trial row.userName", // texts
	"POST /federation/trial mapping.displayName",
}

// TestAnotherTenantsThingsAreNotThere: an administrator names them in each place where something is named, alone among his own.
func TestAnotherTenantsThingsAreNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own, foreign := b.fill(t, b.tenant, plain(b.tenant)), b.fill(t, b.other, plain(b.other))
	b.hold(t, own, foreign)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	token := v.get("/console/account").token()
	for _, r := range guardedRoutes(t) {
		s, theirs := own.sampleOf(t, r), foreign.sampleOf(t, r)
		had := map[*muster.Tenant]map[string]string{nil: b.kept(t, nil), b.other: b.kept(t, b.other)}
		for _, found := range braces.FindAllStringSubmatch(r.Path, -1) {
			a := v.ask(r, own.path(t, r, s, found[1], foreign), s, token)
			// The part of the overview that asks for itself anew sends a window of another tenant to its own.
			if a.status != http.StatusNotFound && !(r.Pattern == "GET /overview/now/{tenant}" && a.header.Get("Location") == "/console/") {
				t.Errorf("%s with another tenant's %s: %d", r.Pattern, found[1], a.status)
			}
			a.tells(foreign, "", r.Pattern+" with their "+found[1])
		}
		path := own.path(t, r, s, "", nil)
		for field := range theirs.form {
			if slices.Equal(theirs.form[field], s.form[field]) {
				continue
			}
			mixed := s
			mixed.form = maps.Clone(s.form)
			mixed.form[field] = theirs.form[field]
			a := v.ask(r, path, mixed, token)
			if a.status < http.StatusBadRequest && !slices.Contains(passedOver, r.Pattern+" "+field) {
				t.Errorf("%s with another tenant's %s: %d", r.Pattern, field, a.status)
			}
			a.tells(foreign, theirs.form.Get(field), r.Pattern+" with their "+field)
		}
		for i, q := range theirs.queries {
			for field := range q {
				mixed := url.Values{}
				maps.Copy(mixed, s.queries[i])
				mixed[field] = q[field]
				v.get(path+"?"+mixed.Encode()).tells(foreign, q.Get(field), r.Pattern+" with their "+field)
			}
		}
		only := (*muster.Tenant)(nil)
		if r.Pattern == "POST /operators" {
			only = b.other
		}
		b.unchanged(t, only, had[only], r.Pattern)
	}
}

// TestAnotherTenantIsNotChosen: an administrator does everything that there is to do, says each time by cookie, address and form
// that he does it to another tenant, and does it to his own. It shows, too, that what the tests above are refused is in order but for
// what they try, and that every route records what it changes.
func TestAnotherTenantIsNotChosen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own, foreign := b.fill(t, b.tenant, plain(b.tenant)), b.fill(t, b.other, plain(b.other))
	b.hold(t, own, foreign)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	token := v.get("/console/account").token()
	v.header.Set("Cookie", "muster-dev-tenant="+b.other.ID.String())
	had := b.kept(t, b.other)
	routes := guardedRoutes(t)
	last := func(r console.Route) int { // what there is no going back from
		switch {
		case r.Pattern == "POST /sign-out":
			return 2
		case strings.HasSuffix(r.Path, "/removal"), strings.HasSuffix(r.Path, "/state"):
			return 1
		default:
			return 0
		}
	}
	slices.SortStableFunc(routes, func(a, b console.Route) int { return last(a) - last(b) })
	for _, r := range routes {
		if r.Stream {
			continue // it goes on for as long as the batch
		}
		s := own.sampleOf(t, r)
		path := own.path(t, r, s, "", nil)
		if r.Method == http.MethodGet {
			a := v.get(path + "?tenant=" + b.other.ID.String())
			a.is(http.StatusOK).tells(foreign, "", r.Pattern)
			continue
		}
		before := b.kept(t, b.tenant)
		if !s.form.Has("tenant") || r.Pattern == "POST /operators" {
			s.form = maps.Clone(s.form)
			if s.form == nil {
				s.form = url.Values{}
			}
			s.form.Set("tenant", b.other.ID.String())
		}
		a := v.ask(r, path, s, token)
		if a.status != http.StatusOK && a.status != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", r.Pattern, a.status, a.body)
		}
		a.tells(foreign, "", r.Pattern)
		if r.Action == "" {
			b.unchanged(t, b.tenant, before, r.Pattern)
		} else if records := strings.TrimPrefix(b.kept(t, b.tenant)["audit_records"], before["audit_records"]); !strings.Contains(records, r.Action) {
			t.Errorf("%s left the records %q", r.Pattern, records)
		}
	}
	b.unchanged(t, b.other, had, "all of it")
}
