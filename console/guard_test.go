package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"muster"
	"muster/access"
	"muster/console"
)

// posts are what changes something, as an administrator of the installation may do it to the operator.
func posts(operator string) map[string]url.Values {
	return map[string]url.Values{
		"/console/operators":                             {"name": {"Eve"}, "email": {"eve@example.com"}, "role": {"administrator"}, "tenant": {"0"}},
		"/console/operators/" + operator:                 {"name": {"Eve"}, "role": {"administrator"}, "disabled": {"1"}},
		"/console/operators/" + operator + "/invitation": {},
		"/console/operators/" + operator + "/removal":    {},
	}
}

// TestFormsOfOthersAreRefused: what another site sends, and what has no token, another session's or another tenant's.
func TestFormsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v, other := b.signedIn(t, 0, muster.OperatorAdministrator), b.signedIn(t, 0, muster.OperatorAdministrator)
	victim := b.byEmail(t, b.operator(t, 0, muster.OperatorViewer))
	foreign := other.get("/console/operators").token()
	own := v.get("/console/operators").token()
	before, err := b.operators.List(t.Context(), nil)
	must(t, err)
	paths := posts(victim.ID.String())
	paths["/console/tenant"] = url.Values{"tenant": {b.other.ID.String()}}
	paths["/console/account"] = url.Values{"language": {"zh-CN"}}
	for path, form := range paths {
		for name, token := range map[string]string{"none": "", "another session's": foreign, "a part": own[:20], "another": own + "x"} {
			form.Set("csrf", token)
			if a := v.post(path, form); a.status != http.StatusForbidden || !strings.Contains(a.body, "not of this session") {
				t.Errorf("%s with a token that is %s: %d", path, name, a.status)
			}
		}
		form.Set("csrf", own)
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			v.header.Set(name, value)
			if a := v.post(path, form); a.status != http.StatusForbidden || !strings.Contains(a.body, "another site") {
				t.Errorf("%s with %s: %d", path, name, a.status)
			}
			v.header.Del(name)
		}
	}
	v.header.Set("Sec-Fetch-Site", "cross-site")
	v.post("/console/sign-in", url.Values{}).is(http.StatusForbidden)
	v.header.Del("Sec-Fetch-Site")

	// A window still shows the tenant from before.
	v.submit("/console/", "/console/tenant", url.Values{"tenant": {b.other.ID.String()}}).leadsTo("/console/")
	form := paths["/console/operators"]
	form.Set("csrf", own)
	v.post("/console/operators", form).is(http.StatusForbidden)

	after, err := b.operators.List(t.Context(), nil)
	must(t, err)
	if len(after) != len(before) || b.byEmail(t, victim.Email).Role != muster.OperatorViewer {
		t.Error("operators were changed")
	}
	v.header.Set("X-CSRF-Token", v.get("/console/operators").token())
	form.Del("csrf")
	v.post("/console/operators", form).is(http.StatusOK) // a script says the token in a header
}

// TestRolesBound: who lacks the role neither finds nor changes anything, and is led nowhere that he may not go.
func TestRolesBound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	victim := b.byEmail(t, b.operator(t, 0, muster.OperatorViewer))
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner} {
		v := b.signedIn(t, 0, role)
		token := v.get("/console/").is(http.StatusOK).hasNo(`href="/console/operators"`).token()
		v.get("/console/operators").is(http.StatusForbidden).has("Your role does not allow this")
		v.get("/console/operators/" + victim.ID.String()).is(http.StatusForbidden)
		for path, form := range posts(victim.ID.String()) {
			form.Set("csrf", token)
			v.post(path, form).is(http.StatusForbidden)
		}
	}
	stranger := b.visitor(t)
	for path, form := range posts(victim.ID.String()) {
		stranger.post(path, form).leadsTo("/console/sign-in")
	}
	stranger.header.Set("HX-Request", "true")
	if a := stranger.get("/console/").is(http.StatusOK); a.header.Get("HX-Redirect") != "/console/sign-in" || a.body != "" {
		t.Errorf("a part of a page gets %v %s", a.header, a.body)
	}
	if all, err := b.operators.List(t.Context(), nil); err != nil || len(all) != 3 || b.byEmail(t, victim.Email).Epoch != victim.Epoch {
		t.Errorf("operators are %v, %v", all, err)
	}
}

// TestATenantsOperatorsSeeTheirTenantAlone: what another tenant has, and the installation, is not there.
func TestATenantsOperatorsSeeTheirTenantAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	mate := b.byEmail(t, b.operator(t, b.tenant.ID, muster.OperatorViewer))
	token := v.get("/console/").is(http.StatusOK).has("What tenant first has").hasNo("other", "Switch").token()
	v.get("/console/operators").is(http.StatusOK).has(mate.Email).hasNo("other", "An operator of the installation")
	for _, tenant := range []muster.ID{0, b.other.ID} {
		foreign := b.byEmail(t, b.operator(t, tenant, muster.OperatorViewer))
		v.get("/console/operators").hasNo(foreign.Email)
		v.get("/console/operators/" + foreign.ID.String()).is(http.StatusNotFound)
		for path, form := range posts(foreign.ID.String()) {
			form.Set("csrf", token)
			form.Set("tenant", tenant.String())
			if path != "/console/operators" {
				v.post(path, form).is(http.StatusNotFound)
			}
		}
		if now := b.byEmail(t, foreign.Email); now.Name != foreign.Name || now.Invitation != nil {
			t.Errorf("the operator of tenant %s was changed", tenant)
		}
		// Whatever the form says, who is invited is of the inviter's tenant.
		email := "made-by" + tenant.String() + "@example.com"
		v.post("/console/operators", url.Values{"csrf": {token}, "name": {"Eve"}, "email": {email}, "role": {"administrator"}, "tenant": {tenant.String()}}).
			is(http.StatusOK)
		if made := b.byEmail(t, email); made.Tenant != b.tenant.ID {
			t.Errorf("the invited one is of tenant %s", made.Tenant)
		}
	}
	v.post("/console/tenant", url.Values{"csrf": {token}, "tenant": {b.other.ID.String()}}).is(http.StatusNotFound)
	v.header.Set("Cookie", "muster-dev-tenant="+b.other.ID.String())
	v.get("/console/").is(http.StatusOK).has("What tenant first has")
	v.header.Del("Cookie")
	v.submit("/console/operators/"+mate.ID.String(), "/console/operators/"+mate.ID.String(), url.Values{"name": {"Mate"}, "role": {"operator"}}).
		leadsTo("/console/operators")
	if now := b.byEmail(t, mate.Email); now.Name != "Mate" || now.Role != muster.OperatorProvisioner {
		t.Errorf("the operator is %+v", now)
	}
}

func TestAnOperatorIsChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	email := b.operator(t, 0, muster.OperatorAdministrator)
	v := b.visitor(t)
	v.signIn(email)
	me, other := b.byEmail(t, email), b.byEmail(t, b.operator(t, b.other.ID, muster.OperatorViewer))
	at := "/console/operators/" + other.ID.String()
	v.submit(at, at, url.Values{"name": {" "}, "role": {"viewer"}}).is(http.StatusUnprocessableEntity).
		has("Nothing was changed:", `href="#name"`, "1 to 64 characters", `aria-invalid="true"`)
	v.submit(at, at, url.Values{"name": {"New"}, "role": {"king"}}).is(http.StatusUnprocessableEntity)
	v.submit(at, at, url.Values{"name": {"New"}, "role": {"viewer"}, "disabled": {"1"}}).leadsTo("/console/operators")
	v.get("/console/operators").has("The operator is changed.", "New", "disabled")
	v.submit(at, at, url.Values{"name": {"New"}, "role": {"viewer"}}).leadsTo("/console/operators")
	link := v.submit(at, at+"/invitation", url.Values{}).is(http.StatusOK).take(`<code id="link">([^<]+)</code>`)
	b.visitor(t).get(strings.TrimPrefix(link, b.server.URL)).is(http.StatusOK)
	v.submit(at, at+"/removal", url.Values{}).leadsTo("/console/operators")
	v.get(at).is(http.StatusNotFound)
	v.get("/console/operators/what").is(http.StatusNotFound)

	// Nobody locks himself out.
	own := "/console/operators/" + me.ID.String()
	token := v.get(own).has("This is you").token()
	for path, form := range posts(me.ID.String()) {
		form.Set("csrf", token)
		form.Set("role", "viewer")
		if path == own || strings.HasSuffix(path, "removal") {
			v.post(path, form).is(http.StatusConflict).has("Nobody changes his own role")
		}
	}
}

// TestWhatOperatorsDoIsRecorded with their ids, and nothing that is refused.
func TestWhatOperatorsDoIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	email := b.operator(t, 0, muster.OperatorAdministrator)
	v := b.visitor(t)
	v.post("/console/sign-in", url.Values{"email": {email}, "password": {"wrong"}}).is(http.StatusUnauthorized)
	v.signIn(email)
	b.clock.Advance(access.OperatorIdle / 2) // the next request extends the session
	form := url.Values{"name": {"Ann"}, "email": {"ann@example.com"}, "role": {"viewer"}, "tenant": {b.tenant.ID.String()}}
	v.submit("/console/operators", "/console/operators", form).is(http.StatusOK)
	v.submit("/console/operators", "/console/operators", form).is(http.StatusConflict)
	me, ann := b.byEmail(t, email), b.byEmail(t, "ann@example.com")
	page, err := b.store.Audit(t.Context(), 0, muster.AuditQuery{Limit: 10})
	must(t, err)
	var got []string
	for _, r := range page.Records {
		if r.User != me.ID || !r.Operator || r.From != "127.0.0.1" || r.AppID != "" {
			t.Errorf("a record is %+v", r)
		}
		got = append(got, r.Action+" "+r.Target)
	}
	if want := "invite-operator operator " + ann.ID.String() + ", sign-in "; strings.Join(got, ", ") != want {
		t.Errorf("the trail is %q, want %q", got, want)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.visitor(t)
	for accepted, want := range map[string]string{
		"": `lang="en"`, "de": `lang="en"`, "zh": `lang="zh-CN"`, "en-GB, zh;q=0.9": `lang="en"`, "zh-Hans-CN": `lang="zh-CN"`,
	} {
		v.header.Set("Accept-Language", accepted)
		v.get("/console/sign-in").is(http.StatusOK).has(want)
	}
	v.header.Set("Accept-Language", "zh-CN")
	v.get("/console/sign-in").has("登录", "密码")
	v.post("/console/sign-in", url.Values{"email": {"x@example.com"}, "password": {"y"}}).has("没有使用此邮箱和密码的已启用操作员。")
	email := b.operator(t, 0, muster.OperatorViewer)
	v.signIn(email)
	v.get("/console/").has("概览")
	v.submit("/console/account", "/console/account", url.Values{"language": {"en"}}).leadsTo("/console/account")
	v.get("/console/account").has("Your settings are stored.", `lang="en"`)
	v.get("/console/").has("Overview")
	v.submit("/console/account", "/console/account", url.Values{"language": {strings.Repeat("x", 36)}}).is(http.StatusUnprocessableEntity)
}

// TestPagesKeepOthersOut looks at what every answer tells browsers.
func TestPagesKeepOthersOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.visitor(t)
	for _, path := range []string{"/console/sign-in", "/console/", "/console/nowhere", "/console/invitation/x", "/console/assets/console.css"} {
		h := v.get(path).header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
				"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
	}
	v.get("/console/nowhere").is(http.StatusNotFound).has("There is no page")
	style := v.get("/console/sign-in").take(`href="(/console/assets/console.css\?v=[^"]+)"`)
	a := v.get(style).is(http.StatusOK)
	if a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style has %v", a.header)
	}
	for _, path := range []string{"/console/assets/nothing.js", "/console/assets/", "/console/assets/x/console.css"} {
		v.get(path).is(http.StatusNotFound)
	}
}

// TestAPathInFront: a proxy that serves the console below a path finds it in all links, and nowhere else.
func TestAPathInFront(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *console.Config) { c.PublicURL = "http://localhost/muster" })
	v := b.visitor(t)
	email := b.operator(t, 0, muster.OperatorAdministrator)
	v.get("/console/").leadsTo("/muster/console/sign-in")
	v.get("/console/sign-in").has(`action="/muster/console/sign-in"`, `"/muster/console/assets/console.css?`)
	v.post("/console/sign-in", url.Values{"email": {email}, "password": {rightPassword}, "next": {"/operators"}}).leadsTo("/muster/console/operators")
	form := url.Values{"name": {"Ann"}, "email": {"ann@example.com"}, "role": {"viewer"}, "tenant": {"0"}}
	v.submit("/console/operators", "/console/operators", form).has(">http://localhost/muster/console/invitation/").hasNo(`"/console/`)
}

// TestTroubleIsSaidWithoutItsCause, which the log has.
func TestTroubleIsSaidWithoutItsCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, 0, muster.OperatorViewer)
	must(t, b.store.Close())
	v.get("/console/").is(http.StatusInternalServerError).has("Something went wrong").hasNo("sqlite")
	if log := b.log.String(); !strings.Contains(log, "sqlite") || strings.Contains(log, v.cookie("muster-dev")) {
		t.Errorf("the log says %s", log)
	}
}

func TestAForeignNoticeIsText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.visitor(t)
	for _, value := range []string{"", "!", "e30", "eyJ0ZXh0IjoiPHNjcmlwdD4ifQ"} { // the last one: {"text":"<script>"}
		v.header.Set("Cookie", "muster-dev-notice="+value)
		v.get("/console/sign-in").is(http.StatusOK).hasNo("role=\"status\"><script>")
	}
}
