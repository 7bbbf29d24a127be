package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
)

// as gives a context whose next write is recorded so.
func (b *bundle) as(t testing.TB, r muster.AuditRecord) context.Context {
	t.Helper()
	audit, err := muster.NewAudit(b.config.IDs, r)
	must(t, err)
	return muster.WithAudit(t.Context(), audit)
}

// record has something done to the tenant's settings that the trail tells of.
func (b *bundle) record(t testing.TB, r muster.AuditRecord) {
	t.Helper()
	settings := muster.TenantSettings{}
	_, err := b.config.Access.UpdateTenant(b.as(t, r), b.tenant.ID, access.TenantChange{Settings: &settings})
	must(t, err)
}

// TestTheTrailSaysWho did what: operators by name, and everybody else as what he is.
func TestTheTrailSaysWho(t *testing.T) {
	t.Parallel()
	b := setup(t)
	email := b.operator(t, b.tenant.ID, muster.OperatorAdministrator)
	me := b.byEmail(t, email)
	v := b.visitor(t)
	v.signIn(email)
	b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, AppID: "the-app", From: "192.0.2.7", Action: "create-batch", Target: probe, Detail: probe})
	b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, AppID: "the-app", User: 77, Action: "change-user", Target: "user 78"})
	b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, User: 79, Action: "delete-user"})
	b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, Operator: true, Action: "change-tenant"})
	b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, Operator: true, User: 99, Action: "change-role"})
	b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, Action: "disable-webhook"})
	b.record(t, muster.AuditRecord{Tenant: b.other.ID, Action: "foreign-action"})
	page := v.get("/console/audit").is(http.StatusOK).has(
		">"+me.Name+"</a>", "Application the-app</td>", "Application the-app for user 77", "User 79", "Somebody at the server itself", "Operator 99",
		"Muster by itself", "192.0.2.7", "&lt;script&gt;",
	).hasNo("<script>alert", "foreign-action", `value="installation"`)
	if newest, oldest := strings.Index(page.body, "disable-webhook"), strings.Index(page.body, "create-batch"); newest > oldest {
		t.Error("the oldest is above the newest")
	}
	v.header.Set("Accept-Language", "zh-CN")
	v.get("/console/audit").has("应用程序 the-app 代表用户 77", "Muster 自动执行")
}

func TestTheTrailIsSearched(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, 0, muster.OperatorAdministrator)
	v.get("/console/audit").is(http.StatusOK).has("Nothing has been done yet")
	for i, action := range []string{"first-day", "second-day", "third-day"} {
		b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, User: muster.ID(70 + i%2), Action: action, Target: "user 5"})
		b.clock.Advance(24 * time.Hour)
	}
	v.signIn(b.operator(t, 0, muster.OperatorAdministrator))
	all := []string{"first-day", "second-day", "third-day"}
	for query, want := range map[string]string{
		"":                                  "first-day second-day third-day",
		"since=2026-01-03":                  "second-day third-day",
		"until=2026-01-03":                  "first-day second-day",
		"since=2026-01-03&until=2026-01-03": "second-day",
		"action=third-day":                  "third-day",
		"who=70":                            "first-day third-day",
		"who=71&target=user+5":              "second-day",
		"target=user+6":                     "",
		"of=installation":                   "",
		"since=9999-12-31":                  "",
	} {
		a := v.get("/console/audit?" + query).is(http.StatusOK)
		for _, action := range all {
			if got := strings.Contains(a.body, ">"+action+"</a>"); got != strings.Contains(want, action) {
				t.Errorf("%s shows %s: %t", query, action, got)
			}
		}
		if want == "" && query != "of=installation" {
			a.has("No record matches")
		}
	}
	v.get("/console/audit?action=third-day&who=70").has(`value="third-day"`, `<option value="70" selected>Id 70`)
	v.get("/console/audit?of=installation").has(">sign-in</a>", `value="installation" selected`)
}

func TestSearchesOfTheTrailThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	for query, want := range map[string]string{
		"since=yesterday":                           `href="#since"`,
		"until=2026-02-30":                          `href="#until"`,
		"who=Ann":                                   `href="#who"`,
		"action=" + strings.Repeat("x", 65):         `href="#action"`,
		"action=%00":                                `href="#action"`,
		"target=" + strings.Repeat("x", 257):        `href="#target"`,
		"target=%ff":                                `href="#target"`,
		"who=" + url.QueryEscape(probe):             `href="#who"`,
		"since=" + url.QueryEscape(probe):           `href="#since"`,
		"target=ü&action=" + url.QueryEscape(probe): `value="ü"`,
	} {
		v.get("/console/audit?"+query).is(http.StatusUnprocessableEntity).has("Nothing was looked for:", want).hasNo("<script>alert")
	}
	v.get("/console/audit?before=x").is(http.StatusNotFound)
	v.get("/console/audit?of=installation").is(http.StatusNotFound)
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner} {
		b.signedIn(t, b.tenant.ID, role).get("/console/audit").is(http.StatusForbidden)
	}
}

// TestALongTrail is on pages of fifty, which keep what is looked for.
func TestALongTrail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const page = 50
	for range page + 1 {
		b.record(t, muster.AuditRecord{Tenant: b.tenant.ID, User: 70, Action: "change-tenant"})
	}
	v := b.signedIn(t, 0, muster.OperatorAdministrator)
	first := v.get("/console/audit?action=change-tenant&who=70").is(http.StatusOK).appears(">change-tenant</a>", page)
	if len(first.body) > 200<<10 {
		t.Errorf("the page has %d bytes", len(first.body))
	}
	next := strings.ReplaceAll(first.take(`rel="next" href="([^"]+)"`), "&amp;", "&")
	v.get(next).is(http.StatusOK).appears(">change-tenant</a>", 1).has(`value="change-tenant"`).hasNo(`rel="next"`)
}
