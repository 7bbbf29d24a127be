package console_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/console"
	"muster/provision"
	"muster/store/sqlite"
	"muster/store/transfer"
	"muster/webhook"
)

// texts says what a thing of a kind is called. Kinds have three letters.
type texts func(kind string) string

// world is a tenant that has one of everything, and what requests say of it.
type world struct {
	tenant *muster.Tenant
	text   texts
	said   map[string]string // what things are called, by kind
	params map[string]string // of paths, by name
	user   *muster.User
	role   *muster.Role
	dry    muster.ID // batches
	wait   muster.ID
}

// name says what a thing is called, and remembers it.
func (w *world) name(kind string) string {
	w.said[kind] = w.text(kind)
	return w.said[kind]
}

// fill gives the tenant one of everything.
func (b *bundle) fill(t testing.TB, tenant *muster.Tenant, text texts) *world {
	t.Helper()
	b.clock.Advance(time.Minute) // ids that are a tenant's own are another's neither
	w := &world{tenant: tenant, text: text, said: map[string]string{}, params: map[string]string{"tenant": tenant.ID.String()}}
	home := b.newDepartment(t, tenant.ID, 0, w.name("dep"))
	leaf := b.newDepartment(t, tenant.ID, home.ID, w.name("lea"))
	w.role = b.newRole(t, tenant.ID, w.name("rol"))
	w.user = b.newUser(t, tenant.ID, muster.Row{
		Set:     muster.FieldAccount | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname | muster.FieldDisplayName | muster.FieldRoles,
		Account: w.name("acc"), Email: w.name("eml") + "@example.com", FirstName: w.name("fst"), Surname: "Before", DisplayName: w.name("dsp"),
		Department: home.ID, Roles: []string{w.role.ID.String()},
	})
	appID, _ := b.newCredential(t, tenant.ID, w.name("cre"))
	o, invitation, err := b.operators.Invite(t.Context(), nil, access.NewOperator{
		Tenant: tenant.ID, Name: w.name("opr"), Email: tenant.Name + "@example.com", Role: muster.OperatorViewer,
	})
	must(t, err)
	made, err := b.config.Webhooks.Create(t.Context(), tenant.ID, webhook.New{Name: w.name("hok"), URL: "https://hr.example.com/" + w.name("url")})
	must(t, err)
	d, err := b.store.TestWebhook(t.Context(), tenant.ID, made.Hook.ID)
	must(t, err)
	b.settle(t, tenant.ID, webhook.Settlement{State: webhook.Failed, Status: http.StatusBadGateway, Problem: w.name("prb")})
	_, err = b.config.Federation.SetProfile(t.Context(), tenant.ID, &muster.FederationProfile{
		System:  &muster.IdentitySystem{ID: w.name("sys"), Kind: muster.SystemLocal},
		Mapping: &muster.MappingRule{DisplayName: `"""` + w.name("map") + `"""`},
	}, nil)
	must(t, err)
	settings := tenant.Settings
	settings.UserLimit = 1000
	_, err = b.config.Access.UpdateTenant(b.as(t, muster.AuditRecord{
		Tenant: tenant.ID, AppID: appID, Action: "change-tenant", Target: w.name("trg"),
	}), tenant.ID, access.TenantChange{Settings: &settings})
	must(t, err)

	good := muster.Row{
		Action: muster.ActionUpdate, Match: muster.KeyAccount, Account: w.user.Account, Surname: w.name("sur"),
		Set: muster.FieldAccount | muster.FieldSurname,
	}
	bad := muster.Row{
		Action: muster.ActionCreate, Match: muster.KeyAccount, Account: w.name("bac") + " x", Phone: w.name("bph"), Email: w.name("bem"),
		FirstName: w.name("bfs"), Surname: w.name("bsu"), DisplayName: w.name("bds"), DepartmentPath: "/" + w.name("bde"), Roles: []string{w.name("bro")},
		Set: muster.FieldAccount | muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname | muster.FieldDisplayName |
			muster.FieldDepartment | muster.FieldRoles,
	}
	gone := good
	gone.Account, gone.Surname = w.name("gon"), w.name("gsu")
	created := muster.Row{
		Action: muster.ActionCreate, Match: muster.KeyAccount, Account: w.name("new"), FirstName: "New", Set: muster.FieldAccount | muster.FieldFirstName,
	}
	failed := b.begun(t, tenant, provision.Submission{Name: w.name("bat"), AppID: appID, Rows: []muster.Row{good, bad, gone}}, true)
	b.begun(t, tenant, provision.Submission{
		Name: w.name("syn"), Source: &provision.Reconciliation{Name: w.name("src"), MaxDisables: 100}, Rows: []muster.Row{created},
	}, true)
	w.dry = b.begun(t, tenant, provision.Submission{Name: w.name("dry"), DryRun: true, Rows: []muster.Row{created, bad}}, true)
	w.user, err = b.store.User(t.Context(), tenant.ID, w.user.ID) // as the batch left him
	must(t, err)
	for name, value := range map[string]fmt.Stringer{
		"user": w.user.ID, "department": leaf.ID, "role": w.role.ID, "batch": failed, "operator": o.ID, "webhook": made.Hook.ID, "delivery": d.Event,
	} {
		w.params[name] = value.String()
	}
	w.params["appId"], w.params["secret"] = appID, invitation.Secret
	return w
}

// hold has no more turns, and one batch in each world that waits for one.
func (b *bundle) hold(t testing.TB, worlds ...*world) {
	t.Helper()
	b.gate.shut()
	for _, w := range worlds {
		w.wait = b.begun(t, w.tenant, provision.Submission{Name: w.name("wai"), Rows: users("waits")}, false)
	}
}

// begun submits a batch of the tenant, and waits for its end if it is to.
func (b *bundle) begun(t testing.TB, tenant *muster.Tenant, s provision.Submission, toEnd bool) muster.ID {
	t.Helper()
	s.Tenant, s.Contract, s.ActorLevel = tenant.ID, muster.ContractNative, muster.LevelSystemAdmin
	receipt, err := b.engine.Submit(t.Context(), s)
	must(t, err)
	for toEnd {
		batch, err := b.store.Batch(t.Context(), tenant.ID, receipt.Batch)
		must(t, err)
		if batch.Finished() {
			break
		}
		runtime.Gosched()
	}
	return receipt.Batch
}

// sample is what a request to a route says, beside the world's parameters.
type sample struct {
	params  map[string]string // in the place of the world's
	queries []url.Values      // of a page: what else is asked of it
	form    url.Values
	file    string // behind the form of an upload
}

// samples are what is said to routes, by pattern: to each that is posted to, as its own page would, and with success.
func (w *world) samples() map[string]sample {
	at := func(id muster.ID) map[string]string { return map[string]string{"batch": id.String()} }
	form := func(typed ...string) url.Values {
		f := url.Values{}
		for i := 0; i < len(typed); i += 2 {
			f.Set(typed[i], typed[i+1])
		}
		return f
	}
	home := "/" + w.said["dep"]
	user := func(account string, more ...string) url.Values {
		return form(append([]string{"account", account, "firstName", "Eve", "department", home, "adminLevel", "0", "capacityGB", "0",
			"roleIds", w.role.ID.String(), "role", w.said["rol"]}, more...)...)
	}
	file := w.text("hdr") + ",account,firstName\n" + w.text("cel") + ",fay,Fay\n"
	upload := form("key", "k", "operation", "create", "match", "account", "onExisting", "skip", "maxDisables", "10", "column-A", "-", "department", home)
	trial := fresh("mapping.displayName", `"""`+w.text("map")+`"""`, "row.userAccount", "fay.fox", "row.userName", w.text("row"), "row.roleIds", w.role.ID.String())
	id := w.params["user"]
	return map[string]sample{
		"GET /users": {queries: []url.Values{
			form("role", w.role.ID.String()), form("department", home), form("department", home, "direct", "1"), form("by", "account", "q", w.said["acc"]),
			form("by", "name", "q", w.said["sur"]), form("by", "email", "q", w.said["eml"]), form("q", w.said["fst"]),
		}},
		"GET /users/export.csv":                  {queries: []url.Values{form("role", w.role.ID.String()), form("department", home)}},
		"GET /users/new":                         {queries: []url.Values{form("department", home)}},
		"GET /users/{user}":                      {queries: []url.Values{form("behind", w.params["batch"]+"-5")}},
		"GET /departments":                       {queries: []url.Values{form("q", w.said["dep"]), form("after", w.said["dep"])}},
		"GET /roles":                             {queries: []url.Values{form("after", w.params["role"])}},
		"GET /credentials":                       {queries: []url.Values{form("after", w.params["appId"])}},
		"GET /batches":                           {queries: []url.Values{form("before", w.params["batch"]), form("state", "finished"), form("state", "waiting")}},
		"GET /batches/{batch}":                   {queries: []url.Values{form("result", "all"), form("result", "failed", "reason", "not-found"), form("result", "succeeded", "effect", "changed")}},
		"GET /webhooks/{webhook}":                {queries: []url.Values{form("before", w.params["delivery"])}},
		"GET /audit":                             {queries: []url.Values{form("who", id), form("target", "user "+id), form("before", w.params["delivery"])}},
		"GET /":                                  {queries: []url.Values{form("days", "90")}},
		"POST /sign-out":                         {},
		"POST /tenant":                           {form: form("tenant", w.tenant.ID.String())},
		"POST /account":                          {form: form("language", "en")},
		"POST /import":                           {form: upload, file: file},
		"POST /import/preview":                   {form: upload, file: file},
		"POST /batches/{batch}/cancel":           {params: at(w.wait)},
		"POST /batches/{batch}/retry":            {},
		"POST /batches/{batch}/commit":           {params: at(w.dry)},
		"POST /federation":                       {form: fresh("mapping.condition", "true")},
		"POST /federation/trial":                 {form: trial},
		"POST /users":                            {form: user("eve")},
		"POST /users/{user}":                     {form: user("ida", "seen", fmt.Sprint(w.user.UpdatedAt.UnixMilli()))},
		"POST /users/{user}/state":               {form: form("disabled", "1")},
		"POST /users/{user}/link":                {},
		"POST /users/{user}/removal":             {},
		"POST /departments":                      {form: form("name", "New", "parent", home)},
		"POST /departments/{department}":         {form: form("name", "Else", "parent", home)},
		"POST /departments/{department}/removal": {},
		"POST /roles":                            {form: form("name", "New")},
		"POST /roles/{role}":                     {form: form("name", "Else")},
		"POST /roles/{role}/removal":             {form: form("force", "1")},
		"POST /credentials":                      {form: form("name", "New", "scopes", "read")},
		"POST /credentials/{appId}/scopes":       {form: form("scopes", "read")},
		"POST /credentials/{appId}/state":        {form: form("disabled", "1")},
		"POST /credentials/{appId}/secret":       {form: form("overlap", "1")},
		"POST /webhooks":                         {form: form("name", "New", "url", "https://new.example.com/")},
		"POST /webhooks/{webhook}":               {form: form("name", "Else", "url", "https://else.example.com/")},
		"POST /webhooks/{webhook}/state":         {form: form("disabled", "1")},
		"POST /webhooks/{webhook}/secret":        {},
		"POST /webhooks/{webhook}/test":          {},
		"POST /webhooks/{webhook}/removal":       {},
		"POST /webhooks/{webhook}/deliveries/{delivery}/resend": {},
		"POST /operators":                       {form: form("name", "New", "email", "new@example.com", "role", "viewer", "tenant", w.tenant.ID.String())},
		"POST /operators/{operator}":            {form: form("name", "Else", "role", "administrator")},
		"POST /operators/{operator}/invitation": {},
		"POST /operators/{operator}/removal":    {},
		"POST /settings":                        {form: ownForm("password.minLength", "12")},
	}
}

// sampleOf is what is said to a route. The test fails if nothing is there for one that is posted to.
func (w *world) sampleOf(t testing.TB, r console.Route) sample {
	t.Helper()
	s, found := w.samples()[r.Pattern]
	if !found && r.Method == http.MethodPost {
		t.Fatalf("%s has no sample: add what its page would send to world.samples", r.Pattern)
	}
	return s
}

var braces = regexp.MustCompile(`\{(\w+)\}`)

// path is the route's with the world's parameters, but for one that is another's.
func (w *world) path(t testing.TB, r console.Route, s sample, instead string, of *world) string {
	t.Helper()
	return braces.ReplaceAllStringFunc(r.Path, func(name string) string {
		name = strings.Trim(name, "{}")
		from, special := w, s.params
		if name == instead {
			from, special = of, of.sampleOf(t, r).params
		}
		value := special[name]
		if value == "" {
			value = from.params[name]
		}
		if value == "" {
			t.Fatalf("%s has a parameter %s that is not known: have bundle.fill make one", r.Pattern, name)
		}
		return url.PathEscape(value)
	})
}

// ask sends a route what its page would: a form, or one with a file.
func (v *visitor) ask(r console.Route, path string, s sample, token string) *answer {
	v.t.Helper()
	if r.Method == http.MethodGet {
		return v.get(path)
	}
	form := url.Values{}
	for name, values := range s.form {
		form[name] = slices.Clone(values)
	}
	if !r.Upload {
		form.Set("csrf", token)
		return v.post(path, form)
	}
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, values := range form {
		for _, value := range values {
			must(v.t, m.WriteField(name, value))
		}
	}
	part, err := m.CreateFormFile("file", "people.csv")
	must(v.t, err)
	_, err = io.WriteString(part, s.file)
	must(v.t, err)
	must(v.t, m.Close())
	return v.sendBody(path+"?csrf="+url.QueryEscape(token)+"&run=1", m.FormDataContentType(), &body)
}

// kept is what the database has, a text for each table; of a tenant alone if one is given. Sessions come and go, and are left out.
func (b *bundle) kept(t testing.TB, tenant *muster.Tenant) map[string]string {
	t.Helper()
	source, err := sqlite.OpenSource(t.Context(), b.dir)
	must(t, err)
	defer func() { must(t, source.Close()) }()
	all := map[string]string{}
	for _, table := range transfer.Tables() {
		if table.Name == "operator_sessions" || table.Name == "refused_attempts" {
			continue
		}
		of := slices.IndexFunc(table.Columns, func(c transfer.Column) bool { return c.Name == "tenant" || table.Name == "tenants" && c.Name == "id" })
		rows, err := source.Page(t.Context(), &table, nil, 1000)
		must(t, err)
		ids := slices.IndexFunc(table.Columns, func(c transfer.Column) bool { return c.Name == "last_id" }) // of whatever is stored
		for _, row := range rows {
			if ids >= 0 {
				row[ids] = 0
			}
			if tenant == nil || of >= 0 && row[of] == int64(tenant.ID) {
				all[table.Name] += fmt.Sprintln(row...)
			}
		}
	}
	return all
}

// unchanged fails the test if the database has something else than it had.
func (b *bundle) unchanged(t testing.TB, tenant *muster.Tenant, had map[string]string, by string) {
	t.Helper()
	has := b.kept(t, tenant)
	for _, table := range transfer.Tables() {
		if has[table.Name] != had[table.Name] {
			t.Errorf("%s changed the table %s", by, table.Name)
		}
	}
}

// tells fails the test if the page says what anything of a world is called, but for what was asked.
func (a *answer) tells(w *world, asked, by string) {
	a.t.Helper()
	body := html.UnescapeString(a.body)
	for _, name := range w.said {
		if strings.Contains(body, name) && !strings.Contains(asked, name) {
			a.t.Errorf("%s tells of %s", by, name)
		}
	}
}
