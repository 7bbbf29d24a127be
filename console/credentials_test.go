package console_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/console"
)

const probe = `"><script>alert(1)</script>`

// newCredential makes one, and gives its AppID and secret.
func (b *bundle) newCredential(t testing.TB, tenant muster.ID, name string) (appID, secret string) {
	t.Helper()
	made, err := b.config.Access.CreateCredential(t.Context(), tenant, access.NewCredential{Name: name})
	must(t, err)
	return made.Credential.AppID, made.Secret
}

// onlyCredential reads the one that the tenant has.
func (b *bundle) onlyCredential(t testing.TB, tenant muster.ID) *muster.Credential {
	t.Helper()
	all, err := b.config.Access.Credentials(t.Context(), tenant)
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("there are %d credentials", len(all))
	}
	return &all[0]
}

// trail lists what operators did to the tenant beside signing in, the newest first.
func (b *bundle) trail(t testing.TB, tenant muster.ID) []string {
	t.Helper()
	page, err := b.store.Audit(t.Context(), tenant, muster.AuditQuery{Limit: 100})
	must(t, err)
	var all []string
	for _, r := range page.Records {
		if !r.Operator || r.User == 0 || r.From != "127.0.0.1" || r.Tenant != tenant {
			t.Errorf("a record is %+v", r)
		}
		if r.Action == "sign-in" {
			continue
		}
		all = append(all, strings.Join(strings.Fields(r.Action+" "+r.Target+" "+r.Detail), " "))
	}
	return all
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("it is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// appears fails the test unless the page has the text so often.
func (a *answer) appears(text string, times int) *answer {
	a.t.Helper()
	if n := strings.Count(a.body, text); n != times {
		a.t.Fatalf("%q is there %d times, want %d:\n%s", text, n, times, a.body)
	}
	return a
}

// TestTheLifeOfACredential: made, shown, bounded, rotated, disabled and enabled, and its secrets on one page each.
func TestTheLifeOfACredential(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.get("/console/credentials").is(http.StatusOK).has("make its first credential")
	form := url.Values{"name": {probe}, "scopes": {"read", "provision"}}
	made := v.submit("/console/credentials", "/console/credentials", form).is(http.StatusOK).hasNo("<script>alert")
	c := b.onlyCredential(t, b.tenant.ID)
	first := made.take(`<code id="secret">([^<]+)</code>`)
	made.appears(first, 1).has("/oauth2/token", "muster profile add first --url &#39;"+b.server.URL+"&#39; --app-id="+c.AppID)
	if made.header.Get("Cache-Control") != "no-store" || c.Name != probe || c.Scopes != muster.ScopeRead|muster.ScopeProvision {
		t.Errorf("the answer has %v, and the credential is %+v", made.header, c)
	}
	at := "/console/credentials/" + c.AppID
	for _, page := range []string{"/console/credentials", at} {
		v.get(page).is(http.StatusOK).has(c.AppID, "&lt;script&gt;", "0 days old", "enabled").hasNo(first, "<script>alert")
	}

	b.clock.Advance(49 * time.Hour)
	v.signIn(b.operator(t, b.tenant.ID, muster.OperatorAdministrator))
	v.get("/console/credentials").has("2 days old").hasNo("the one before")
	rotated := v.submit(at, at+"/secret", url.Values{"overlap": {"24"}}).is(http.StatusOK).has("The secret before works until", "2026-01-05 04:04")
	second := rotated.take(`<code id="secret">([^<]+)</code>`)
	rotated.appears(second, 1).hasNo(first)
	if rotated.header.Get("Cache-Control") != "no-store" || second == first {
		t.Errorf("the answer has %v", rotated.header)
	}
	v.get("/console/credentials").has("0 days old", "the one before until", "2026-01-05 04:04").hasNo(first, second)
	b.clock.Advance(24 * time.Hour)
	v.signIn(b.operator(t, b.tenant.ID, muster.OperatorAdministrator))
	v.get(at).has("1 day old").hasNo("the one before", first, second)
	v.submit(at, at+"/secret", url.Values{"overlap": {"0"}}).is(http.StatusOK).hasNo("The secret before works")

	v.submit(at, at+"/scopes", url.Values{"scopes": {"administer"}}).leadsTo(at)
	v.get(at).has("The credential is changed.", `value="administer" checked`, "/api/v1/webhooks").hasNo("muster import", `value="read" checked`)
	v.submit(at, at+"/state", url.Values{"disabled": {"1"}}).leadsTo(at)
	v.get(at).has("The credential is disabled", "Enable it")
	if c := b.onlyCredential(t, b.tenant.ID); !c.Disabled || c.Scopes != muster.ScopeAdminister || len(c.Secrets) != 1 {
		t.Errorf("the credential is %+v", c)
	}
	v.submit(at, at+"/state", url.Values{}).leadsTo(at)
	v.get(at).has("The credential is enabled.", "Disable it")
	equal(t, b.trail(t, b.tenant.ID), []string{
		"change-credential appId " + c.AppID + " disabled", "change-credential appId " + c.AppID + " disabled",
		"change-credential appId " + c.AppID + " scopes", "rotate-credential appId " + c.AppID, "rotate-credential appId " + c.AppID,
		"create-credential appId " + c.AppID,
	})
	if strings.Contains(b.log.String(), first) || strings.Contains(b.log.String(), second) {
		t.Error("a secret is in the log")
	}
}

// TestCredentialsThatAreRefused change nothing, and what was typed stays.
func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, 0, muster.OperatorAdministrator)
	long := strings.Repeat("x", access.MaxName+1)
	for name, c := range map[string]struct {
		form url.Values
		want []string
	}{
		"name":     {url.Values{"name": {long}, "scopes": {"read"}}, []string{`href="#name"`, "1 to 64 characters", `value="` + long + `"`, `value="read" checked`}},
		"no scope": {url.Values{"name": {"kept"}}, []string{`href="#scopes"`, "Choose at least one", `value="kept"`}},
		"a scope":  {url.Values{"scopes": {"read", "everything"}}, []string{`href="#scopes"`, "must be of read, provision and administer"}},
	} {
		a := v.submit("/console/credentials", "/console/credentials", c.form).is(http.StatusUnprocessableEntity).has("Nothing was changed:").has(c.want...)
		if a.hasNo(`value="administer" checked`); !strings.Contains(a.body, `aria-invalid="true"`) {
			t.Errorf("%s: no field is marked", name)
		}
	}
	appID, secret := b.newCredential(t, b.tenant.ID, "kept")
	at := "/console/credentials/" + appID
	for _, hours := range []string{"", "-1", "1.5", "2161", "1h", "99999999999999999999"} {
		v.submit(at, at+"/secret", url.Values{"overlap": {hours}}).is(http.StatusUnprocessableEntity).
			has(`href="#overlap"`, "a whole number from 0 to 2160", `value="`+hours+`"`).hasNo(secret, `id="secret"`)
	}
	v.submit(at, at+"/scopes", url.Values{}).is(http.StatusUnprocessableEntity).has("Choose at least one")
	if c := b.onlyCredential(t, b.tenant.ID); len(c.Secrets) != 1 || c.Scopes != muster.AllScopes || c.Disabled {
		t.Errorf("the credential is %+v", c)
	}
	if all := b.trail(t, b.tenant.ID); all != nil {
		t.Errorf("the trail is %v", all)
	}
}

// forms are what changes something of an area, by path.
func credentialForms(appID string) map[string]url.Values {
	return map[string]url.Values{
		"/console/credentials/" + appID + "/scopes": {"scopes": {"read"}},
		"/console/credentials/" + appID + "/state":  {"disabled": {"1"}},
		"/console/credentials/" + appID + "/secret": {"overlap": {"0"}},
	}
}

// TestCredentialsOfOthers: another tenant's are not there, also for who sees both but looks at the other one.
func TestCredentialsOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	appID, _ := b.newCredential(t, b.other.ID, "foreign")
	for _, tenant := range []muster.ID{b.tenant.ID, 0} {
		v := b.signedIn(t, tenant, muster.OperatorAdministrator)
		token := v.get("/console/credentials").is(http.StatusOK).hasNo(appID, "foreign").token()
		for _, path := range []string{"/console/credentials/" + appID, "/console/credentials/nobody", "/console/credentials?after=" + appID} {
			v.get(path).is(http.StatusNotFound).hasNo("foreign")
		}
		for path, form := range credentialForms(appID) {
			form.Set("csrf", token)
			v.post(path, form).is(http.StatusNotFound)
		}
	}
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner} {
		v := b.signedIn(t, b.other.ID, role)
		token := v.get("/console/").is(http.StatusOK).hasNo(`href="/console/credentials"`).token()
		v.get("/console/credentials").is(http.StatusForbidden).hasNo(appID)
		v.get("/console/credentials/" + appID).is(http.StatusForbidden).hasNo("foreign")
		forms := credentialForms(appID)
		maps.Copy(forms, map[string]url.Values{"/console/credentials": {"scopes": {"read"}}})
		for path, form := range forms {
			form.Set("csrf", token)
			v.post(path, form).is(http.StatusForbidden)
		}
	}
	if c := b.onlyCredential(t, b.other.ID); c.Disabled || c.Scopes != muster.AllScopes || len(c.Secrets) != 1 {
		t.Errorf("the credential is %+v", c)
	}
}

// TestManyCredentials are on pages of fifty.
func TestManyCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const all = 51
	var last string
	for range all {
		b.clock.Advance(time.Millisecond)
		last, _ = b.newCredential(t, b.tenant.ID, "one of many")
	}
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	page := v.get("/console/credentials").is(http.StatusOK).appears("one of many", all-1).hasNo(last)
	v.get(page.take(`rel="next" href="([^"]+)"`)).is(http.StatusOK).appears("one of many", 1).has(last).hasNo(`rel="next"`)
}

// TestExamplesFitWhatACredentialMayDo, and are one word each where the address is odd.
func TestExamplesFitWhatACredentialMayDo(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *console.Config) { c.PublicURL = "http://it's.example" })
	name := "Köln & Söhne"
	_, err := b.config.Access.UpdateTenant(t.Context(), b.tenant.ID, access.TenantChange{Name: &name})
	must(t, err)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	for scopes, want := range map[muster.Scopes][]string{
		muster.ScopeRead:                         {"/api/v1/tenant"},
		muster.ScopeAdminister:                   {"/api/v1/webhooks"},
		muster.ScopeProvision:                    {"/api/v1/batches", "&#34;dryRun&#34;:true", "--no-check", "users.csv --profile K-ln---S-hne<"},
		muster.ScopeRead | muster.ScopeProvision: {"/api/v1/tenant", "users.csv --profile K-ln---S-hne --dry-run<"},
	} {
		made, err := b.config.Access.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{Scopes: scopes})
		must(t, err)
		page := v.get("/console/credentials/" + made.Credential.AppID).is(http.StatusOK).has(want...).has(`&#39;http://it&#39;\&#39;&#39;s.example/oauth2/token&#39;`)
		if !scopes.Has(muster.ScopeProvision) {
			page.hasNo("muster import")
		}
	}
}
