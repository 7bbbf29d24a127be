package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/console"
	"muster/provision"
)

// grown gives the tenant 400 days, on each of which a user comes.
func (b *bundle) grown(t testing.TB) {
	t.Helper()
	direct := provision.Direct{Store: b.store, Now: b.clock.Now}
	for day := range 400 {
		if day > 0 {
			b.clock.Advance(24 * time.Hour)
		}
		id, err := b.operators.IDs.Next()
		must(t, err)
		e := muster.Entry{
			Action: muster.ActionCreate, Match: muster.KeyAccount, NewID: id, Actor: muster.LevelSystemAdmin,
			Set: muster.FieldAccount | muster.FieldDepartment | muster.FieldLevel,
		}
		e.User.Account, e.User.AccountKey = "u"+id.String(), "u"+id.String()
		e.User.Level, e.User.Department = muster.LevelCommon, b.tenant.RootDepartment
		o, err := direct.Change(t.Context(), b.tenant.ID, e)
		must(t, err)
		if o.Result != muster.Succeeded {
			t.Fatalf("a user could not be made: %+v", o)
		}
	}
}

func TestOverviewShowsHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	v.get("/console/").is(http.StatusOK).has("Users, by day", "Users: at first 1, at last 1, at most 1.", "2026-01-02", "Nothing is known yet.")
	b.grown(t)
	v = b.signedIn(t, b.tenant.ID, muster.OperatorViewer) // the session before has ended
	for days, wants := range map[string][]string{
		"":    {"Users, by day", "Day (UTC), from 2027-01-07 to 2027-02-05.", "Users: at first 372, at last 401, at most 401."},
		"90":  {"Users, by day", "Day (UTC), from 2026-11-08 to 2027-02-05."},
		"364": {"Users, by week", "Week from (UTC), from 2026-02-07 to 2027-01-30.", "at last 401"},
		"1e9": {"Users, by day", "from 2027-01-07 to"},
	} {
		a := v.get("/console/?days=" + days).is(http.StatusOK).has(wants...)
		if len(a.body) > 100_000 {
			t.Errorf("the page for %s days has %d bytes", days, len(a.body))
		}
	}
	b.signedIn(t, b.other.ID, muster.OperatorViewer).get("/console/").has("Users: at first 1, at last 1, at most 1.")
}

// TestWhoSeesTheInstallation: what its servers do is of all tenants, and no tenant's to see.
func TestWhoSeesTheInstallation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.clock.Now()
	b.config.Load.Add(console.Sample{At: now.Add(-time.Minute), Hashed: 10, Queued: map[muster.ID]int64{b.tenant.ID: 1234, b.other.ID: 777}})
	b.config.Load.Add(console.Sample{At: now, Hashed: 70, Queued: map[muster.ID]int64{b.tenant.ID: 1200, b.other.ID: 778}})
	own := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	all := b.signedIn(t, 0, muster.OperatorViewer)
	part := "/console/overview/now/" + b.tenant.ID.String()
	for _, at := range []string{"/console/", part} {
		own.get(at).is(http.StatusOK).has("Rows that wait: at first 1,234, at last 1,200, at most 1,234.").hasNo("Passwords", "777", "778", "node-a")
	}
	own.get("/console/").has("in trouble").hasNo("Room on the disk", "Database")
	all.get("/console/").has("Passwords a second: at first 1.0, at last 1.0, at most 1.0.", "Room on the disk", "node-a", "node-b", "not known")
	all.get(part).is(http.StatusOK).has("Passwords a second").hasNo("<html", "node-a")
	b.visitor(t).get(part).leadsTo("/console/sign-in?next=%2Foverview%2Fnow%2F" + b.tenant.ID.String())
}

// TestAnOpenPageKeepsNoSession: what it asks for by itself extends nothing, and a window of a tenant that is shown no more begins anew.
func TestAnOpenPageKeepsNoSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, 0, muster.OperatorViewer)
	part := fmt.Sprintf("/console/overview/now/%s", b.tenant.ID)
	for range 2 {
		b.clock.Advance(access.OperatorIdle/2 - time.Second)
		v.get(part).is(http.StatusOK)
	}
	b.clock.Advance(2 * time.Second)
	v.header.Set("HX-Request", "true")
	if a := v.get(part).is(http.StatusOK); a.header.Get("HX-Redirect") != "/console/sign-in" {
		t.Errorf("an idle session's part is %v %s", a.header, a.body)
	}

	w := b.signedIn(t, 0, muster.OperatorViewer)
	w.header.Set("HX-Request", "true")
	for _, tenant := range []string{b.other.ID.String(), "what"} {
		if a := w.get("/console/overview/now/" + tenant).is(http.StatusOK); a.header.Get("HX-Redirect") != "/console/" || strings.Contains(a.body, "Rows") {
			t.Errorf("a part of another tenant is %v %s", a.header, a.body)
		}
	}
}
