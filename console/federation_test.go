package console_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
	"muster/console"
)

// fresh is the form of a new tenant's profile, with changes.
func fresh(changes ...string) url.Values {
	form := url.Values{"system.kind": {"local"}, "system.id": {"local"}, "row.action": {"CREATE"}}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

const federationPath = "/console/federation"

// profile reads the tenant's.
func (b *bundle) profile(t testing.TB) *muster.FederationProfile {
	t.Helper()
	p, err := b.store.FederationProfile(t.Context(), b.tenant.ID)
	must(t, err)
	return p
}

func TestAFederationProfileIsSet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.get(federationPath).is(http.StatusOK).has(`<option value="local" selected`, `name="mapping.condition"`, "None is stored.")
	form := url.Values{
		"system.kind": {"http"}, "system.id": {"people"}, "system.url": {"https://people.example.com/{account}"}, "system.allowPrivate": {"1"},
		"system.secret":     {"t0ken"},
		"mapping.condition": {"true &&\r\n  account != \"x\""}, "mapping.roles": {`["7"]`},
		"account.minLength": {"2"}, "account.maxLength": {"30"}, "account.characters": {"-"}, "limits.account": {"40"}, "limits.userName": {"21"},
		"limits.email": {"100"}, "limits.emailLocal": {"30"}, "limits.roles": {"5"},
	}
	v.submit(federationPath, federationPath, maps.Clone(form)).leadsTo(federationPath)
	want := &muster.FederationProfile{
		System:  &muster.IdentitySystem{ID: "people", Kind: muster.SystemHTTP, URL: "https://people.example.com/{account}", AllowPrivate: true},
		Mapping: &muster.MappingRule{Condition: "true &&\n  account != \"x\"", Roles: `["7"]`}, Account: muster.AccountRule{MinLength: 2, MaxLength: 30, Characters: "-"},
		Limits: muster.FederationLimits{Account: 40, UserName: 21, Email: 100, EmailLocal: 30, Roles: 5},
	}
	wantProfile := func(secret string) {
		t.Helper()
		got := b.profile(t)
		if got.System == nil || (got.System.Sealed != nil) != (secret != "") {
			t.Fatalf("the system is %+v, want the secret %q", got.System, secret)
		}
		if secret != "" {
			plain, err := b.config.Federation.Keyring.OpenSecret(got.System.Sealed, access.SourceBinding(b.tenant.ID))
			must(t, err)
			if string(plain) != secret {
				t.Errorf("the secret is %q, want %q", plain, secret)
			}
		}
		got.System.Sealed = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("profile (-want +got):\n%s", diff)
		}
	}
	wantProfile("t0ken")
	v.get(federationPath).has("is stored, and counts from the next row", "One is stored", `name="limits.roles" type="number" value="5"`, "account != &#34;x&#34;").hasNo("t0ken")

	form.Del("system.secret")
	v.submit(federationPath, federationPath, maps.Clone(form)).leadsTo(federationPath)
	wantProfile("t0ken") // it is kept
	form.Set("system.secret.none", "1")
	v.submit(federationPath, federationPath, maps.Clone(form)).leadsTo(federationPath)
	wantProfile("")

	v.submit(federationPath, federationPath, url.Values{"system.kind": {"none"}, "mapping.none": {"1"}, "mapping.email": {"wrong ("}}).leadsTo(federationPath)
	if diff := cmp.Diff(&muster.FederationProfile{}, b.profile(t)); diff != "" {
		t.Errorf("profile of nothing (-want +got):\n%s", diff)
	}
	v.get(federationPath).has(`<option value="none" selected`, `name="mapping.none" value="1" checked`)
	page, err := b.store.Audit(t.Context(), b.tenant.ID, muster.AuditQuery{Limit: 10, Action: "set-federation"})
	must(t, err)
	if len(page.Records) != 4 {
		t.Errorf("%d records", len(page.Records))
	}
}

// TestProfilesAreRefusedBesideTheField: all that is wrong with expressions at once, with the place; what was typed stays, but a secret.
func TestProfilesAreRefusedBesideTheField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	before := b.profile(t)
	const private = "s3cret-of-the-system"
	for name, c := range map[string]struct {
		form url.Values
		want []string
	}{
		"rules": {
			fresh("mapping.condition", "true &&\r\n  nobody == 1", "mapping.email", `account + "<i>`, "mapping.roles", "account", "system.secret", private, "row.email", "kept@example.com"),
			[]string{
				`href="#mapping.condition"`, `href="#mapping.email"`, `href="#mapping.roles"`, "Line 2, column 3: undeclared reference to &#39;nobody&#39;",
				"<code>  <mark>n</mark>obody == 1</code>", "account + <mark>&#34;</mark>&lt;i&gt;", "string; list(string) is expected.", "kept@example.com",
			},
		},
		"figures": {fresh("limits.roles", "many", "account.minLength", "1e3"), []string{`id="limits.roles-fault"`, `id="account.minLength-fault"`, "A whole number"}},
		"the account rule": {
			fresh("account.minLength", "9", "account.maxLength", "3"), []string{`href="#account.minLength"`, "minLength from 1 to maxLength"},
		},
		"a limit":    {fresh("limits.email", "255"), []string{`id="limits.email-fault"`, "At most 254"}},
		"an address": {fresh("system.kind", "http", "system.url", "ftp://x/{account}"), []string{`id="system.url-fault"`, "https or http"}},
		"a kind":     {fresh("system.kind", "ldap"), []string{`id="system.kind-fault"`}},
		"a secret":   {fresh("system.kind", "http", "system.url", "https://x/{account}", "system.secret", "two words"), []string{`id="system.secret-fault"`, "printable ASCII"}},
	} {
		for _, path := range []string{federationPath, federationPath + "/trial"} {
			form := maps.Clone(c.form)
			form.Set("row.userAccount", "ann.example")
			a := v.submit(federationPath, path, form).is(http.StatusUnprocessableEntity).has(c.want...).hasNo(private, "two words", "trial-result")
			if !strings.Contains(a.body, "Nothing was changed:") {
				t.Errorf("%s: %s says nothing on top", name, path)
			}
		}
	}
	v.submit(federationPath, federationPath+"/trial", fresh("row.json", `{"action":"CREATE","nonsense":1}`)).is(http.StatusUnprocessableEntity).
		has(`id="row.json-fault"`, "&#34;nonsense&#34;:1")
	if diff := cmp.Diff(before, b.profile(t)); diff != "" {
		t.Errorf("the profile changed (-want +got):\n%s", diff)
	}
	if strings.Contains(b.log.String(), private) {
		t.Error("the log has the secret")
	}
}

// TestRowsAreTried by rules that are not stored, and nothing comes of it.
func TestRowsAreTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	before, days := b.profile(t), b.users(t)
	ann := []string{"row.userAccount", "Ann.Example", "row.userName", "Ann E", "row.email", "ann@example.com"}
	for name, c := range map[string]struct {
		form []string
		want []string
	}{
		"the default": {ann, []string{"would succeed", "one who is not there yet", "<dd>Ann.Example</dd>"}},
		"a name that a rule makes": {
			append([]string{"mapping.displayName", `userName + "<b>E</b>"`}, ann...), []string{"Ann E&lt;b&gt;E&lt;/b&gt;"},
		},
		"an edited rule": {
			append([]string{"mapping.account", "account.lowerAscii()", "mapping.email", `account + "@x.example"`}, ann...),
			[]string{"<dd>ann.example</dd>", "Ann.Example@x.example", "as they are"},
		},
		"JSON": {[]string{"row.json", `{"action":"CREATE","userAccount":"bo.example","userName":"Bo","email":"b@example.com","roleIds":[]}`}, []string{"would succeed", "<dd>bo.example</dd>"}},
		"not admitted": {
			append([]string{"mapping.condition", `email.endsWith("@other.example")`}, ann...),
			[]string{"would fail", "<code>60101060003</code>", "The mapping fails.", "The mapping rule does not admit the user"},
		},
		"a rule that fails for the row": {
			append([]string{"mapping.email", "\"x\" +\n  email.split(\"@\")[5]"}, ann...),
			[]string{"would fail", "60101000109", "at line 2, column 19", `<code>  email.split(&#34;@&#34;)<mark>[</mark>5]</code>`, `id="mapping.email-fault"`},
		},
		"no such role":   {append([]string{"row.roleIds", "77, 78"}, ann...), []string{"60101030013", "The transferred role ID 77 does not exist"}},
		"nobody":         {[]string{"row.action", "MODIFY", "row.userAccount", "ann.example"}, []string{"60101060007"}},
		"a short one":    {[]string{"account.minLength", "20", "row.userAccount", "ann.example", "row.userName", "A", "row.email", "a@example.com"}, []string{"60101020076"}},
		"rejected":       {[]string{"row.userAccount", "ann.example"}, []string{"would be refused", "resultCode", "100-209", "The whole list"}},
		"by a new limit": {append([]string{"limits.account", "3"}, ann...), []string{"100-205"}},
		"no rule":        {append([]string{"mapping.none", "1"}, ann...), []string{"60101000101"}},
		"no system":      {append([]string{"system.kind", "none"}, ann...), []string{"60101000102"}},
	} {
		a := v.submit(federationPath, federationPath+"/trial", fresh(c.form...)).is(http.StatusOK)
		for _, want := range c.want {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s: the page does not say %q", name, want)
			}
		}
		a.hasNo("<b>E</b>")
	}
	if diff := cmp.Diff(before, b.profile(t)); diff != "" || b.users(t) != days {
		t.Errorf("%d users, profile (-want +got):\n%s", b.users(t), diff)
	}
	v.header.Set("Accept-Language", "zh-CN")
	v.submit(federationPath, federationPath+"/trial", fresh(append([]string{"mapping.email", `email.split("@")[5]`}, ann...)...)).
		has("无法对此行求值，位于第 1 行，第 17 列", "映射规则未能由该行得到有效用户")
}

// users is how many the tenant has.
func (b *bundle) users(t testing.TB) int64 {
	t.Helper()
	shot, err := b.store.Snapshot(t.Context(), b.tenant.ID, muster.Keys{})
	must(t, err)
	return shot.Usage.Users
}

// TestATrialTakesTheSecretToItsHostAlone: what is stored goes nowhere else, whatever address is typed.
func TestATrialTakesTheSecretToItsHostAlone(t *testing.T) {
	t.Parallel()
	shown := make(chan string, 10)
	system := func() *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			shown <- r.Header.Get("Authorization")
			_, _ = w.Write([]byte(`{"id": 17, "name": "Ann of the system"}`))
		}))
		t.Cleanup(s.Close)
		return s
	}
	own, foreign := system(), system()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	form := func(at string, changes ...string) url.Values {
		return fresh(append([]string{
			"system.kind", "http", "system.url", at + "/{account}", "system.allowPrivate", "1", "mapping.displayName", "source.name",
			"row.userAccount", "ann.example", "row.userName", "x", "row.email", "ann@example.com",
		}, changes...)...)
	}
	v.submit(federationPath, federationPath, form(own.URL, "system.secret", "t0ken")).leadsTo(federationPath)
	trial := federationPath + "/trial"
	v.submit(federationPath, trial, form(own.URL)).is(http.StatusOK).has("would succeed", "Ann of the system")
	v.submit(federationPath, trial, form(foreign.URL)).is(http.StatusUnprocessableEntity).has(`id="system.secret-fault"`)
	v.submit(federationPath, trial, form(foreign.URL, "system.secret", "0ther")).is(http.StatusOK).has("would succeed").hasNo("0ther")
	v.submit(federationPath, trial, form(foreign.URL, "system.secret.none", "1")).is(http.StatusOK)
	for _, want := range []string{"Bearer t0ken", "Bearer 0ther", ""} {
		if got := <-shown; got != want {
			t.Errorf("a system was shown %q, want %q", got, want)
		}
	}
}

func TestWhoMayFederate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner} {
		v := b.signedIn(t, b.tenant.ID, role)
		token := v.get("/console/").hasNo(`href="/console/federation"`).token()
		v.get(federationPath).is(http.StatusForbidden)
		for _, path := range []string{federationPath, federationPath + "/trial"} {
			v.post(path, fresh("csrf", token)).is(http.StatusForbidden)
		}
	}
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	for _, path := range []string{federationPath, federationPath + "/trial"} {
		v.post(path, fresh()).is(http.StatusForbidden)
	}
	v.submit(federationPath, federationPath, fresh("mapping.email", `"own"`)).leadsTo(federationPath)
	b.signedIn(t, b.other.ID, muster.OperatorAdministrator).get(federationPath).is(http.StatusOK).hasNo("own&#34;")
}

// TestARuleIsMendedInABrowser: a wrong rule, the mark, the mended rule, and the user that it makes; and an overview that is open stays new.
func TestARuleIsMendedInABrowser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tb := b.tab(t)
	tb.signIn(b.operator(t, b.tenant.ID, muster.OperatorAdministrator))
	tb.sees("h1", "Overview")
	now := b.clock.Now()
	for ago := 50; ago >= 0; ago-- {
		b.config.Load.Add(console.Sample{At: now.Add(-time.Duration(ago) * time.Minute), Queued: map[muster.ID]int64{b.tenant.ID: int64(ago * 1700)}})
	}
	const poll = `document.querySelector("#now").dispatchEvent(new CustomEvent("every"))`
	eval[bool](tb, poll)
	tb.sees("#queue", "These figures as a table")
	tb.accessible()
	eval[bool](tb, `document.querySelector("#queue details").open = true`)
	b.config.Load.Add(console.Sample{At: now.Add(1), Queued: map[muster.ID]int64{b.tenant.ID: 434343}})
	b.clock.Advance(1)
	eval[bool](tb, poll)
	tb.sees("#queue td", "434,343") // in a table that is still open

	tb.click(`nav.side a[href="/console/federation"]`)
	tb.sees("h1", "Federation")
	const email = `[name="mapping.email"]`
	tb.do(chromedp.SendKeys(chromedp.CSS(email), "account +\n  nobody.name"))
	tb.types(`[name="row.userAccount"]`, "ann.example")
	tb.types(`[name="row.userName"]`, "Ann")
	tb.types(`[name="row.email"]`, "ann@example.com")
	tb.click("#try")
	tb.sees(`[id="mapping.email-fault"]`, "Line 2, column 3:")
	tb.sees(".marked mark", "n")
	tb.waits(`document.activeElement.name === "mapping.email"`)
	tb.accessible()
	tb.types(email, `account + "@example.org"`)
	tb.click("#try")
	tb.sees("#mapped", "ann.example@example.org")
	tb.waits(`document.activeElement.id === "trial-result"`)
	tb.accessible()
	if p := b.profile(t); p.Mapping.Email != "" || b.users(t) != 1 {
		t.Errorf("a trial stored the rule %q, or made users: %d", p.Mapping.Email, b.users(t))
	}
	tb.click("button.main")
	tb.sees("[role=status]", "The federation profile is stored")
}
