package console

import (
	"net/http"
	"strings"

	"muster"
)

// route is a page, or what a form does. All of them stand in [console.routes].
type route struct {
	pattern string // as [http.ServeMux] takes it, with a method, and a path below Prefix
	// scope is what the operator needs: none is to be signed in.
	scope muster.Scopes
	// open lets in who is not signed in.
	open bool
	// installation is for what is no tenant's, and so served where none is chosen, or none is there.
	installation bool
	// background is for what an open page asks for by itself: it keeps no session alive, and takes no notice from the page
	// that it is meant for.
	background bool
	// action is what the audit trail calls it; "" records nothing. Every route that changes what is stored has one.
	action string
	// upload leaves the body to the page, of whatever size; the form's token is then in the query.
	upload bool
	// stream is followed by a script, as server-sent events: a refusal of it is no page.
	stream bool
	page   func(*visit) error
}

// muxPattern is the pattern with Prefix.
func (r *route) muxPattern() string {
	method, path, _ := strings.Cut(r.pattern, " ")
	if path == "/" {
		path = "/{$}"
	}
	return method + " " + Prefix + path
}

// routes is everything that the console serves. Each page's file has a list of its own.
func (c *console) routes() []route {
	var all []route
	for _, some := range [][]route{
		signInRoutes(), overviewRoutes(), federationRoutes(),
		importRoutes(), batchRoutes(),
		userRoutes(), departmentRoutes(), roleRoutes(), quotaRoutes(),
		credentialRoutes(), webhookRoutes(), operatorRoutes(), auditRoutes(), settingsRoutes(),
	} {
		all = append(all, some...)
	}
	return all
}

// place is an entry of the navigation.
type place struct {
	path  string
	label string        // a key of the catalogue
	scope muster.Scopes // who lacks it does not see the entry
}

// places are all entries. Those whose page is not served are left out, and so is a group of which nothing is left.
func places() []struct {
	label  string
	places []place
} {
	type group = struct {
		label  string
		places []place
	}
	return []group{
		{"Work", []place{
			{"/", "Overview", muster.ScopeRead},
			{"/import", "Import", muster.ScopeProvision},
			{"/batches", "Batches", muster.ScopeRead},
		}},
		{"Directory", []place{
			{"/users", "Users", muster.ScopeRead},
			{"/departments", "Departments", muster.ScopeRead},
			{"/roles", "Roles", muster.ScopeRead},
			{"/quotas", "Quotas", muster.ScopeRead},
		}},
		{"Access", []place{
			{"/credentials", "Credentials", muster.ScopeAdminister},
			{"/federation", "Federation", muster.ScopeAdminister},
			{"/webhooks", "Webhooks", muster.ScopeAdminister},
			{"/operators", "Operators", muster.ScopeAdminister},
			{"/audit", "Audit trail", muster.ScopeAdminister},
			{"/settings", "Settings", muster.ScopeAdminister},
		}},
	}
}

// serve makes a route's handler.
func (c *console) serve(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		v := &visit{console: c, w: w, r: req, route: &r}
		v.words = c.wordsFor(nil, req)
		if err := v.run(); err != nil {
			v.refuse(err)
		}
	})
}

// run checks what a route wants of a request, and calls its page.
func (v *visit) run() error {
	if err := v.identify(); err != nil {
		return err
	}
	if !v.route.open {
		if v.operator == nil {
			return errSession
		}
		if !v.operator.Role.Scopes().Has(v.route.scope) {
			return errRole
		}
		if v.tenant == nil && !v.route.installation {
			return errNoTenant
		}
	}
	if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead {
		if err := v.checkForm(); err != nil {
			return err
		}
	}
	if v.route.action != "" {
		if err := v.recordAs(v.route.action); err != nil {
			return err
		}
	}
	return v.route.page(v)
}

// nowhere is the page of paths that nothing is at.
func (v *visit) nowhere() error {
	return &muster.Error{Kind: muster.KindNotFound, Detail: "There is no page at this address."}
}
