// Package console is the web pages on which operators see and change what Muster does. They are rendered on the server, need
// nothing from elsewhere, and work without script as far as that is possible.
//
// A page is a [route]: the handler checks the session, the operator's role and the form's token before it calls it, and maps
// the error that it returns. Templates are in the .templ files, of which make generate makes Go.
//
// A page more takes a file with its routes, which [console.routes] lists, and its handlers, methods of [visit]; a template
// that begins with layout; words in Chinese, in a file that [chinese] joins; and tests. The navigation leads to it once
// its route is served.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/language"

	"muster"
	"muster/access"
	"muster/directory"
	"muster/provision"
	"muster/spreadsheet"
	"muster/webhook"
)

// Prefix is where all paths of the console begin.
const Prefix = "/console"

// InvitationLink is the address of the page where an operator sets his password, below a public URL that has no slash at its
// end.
func InvitationLink(publicURL, secret string) string {
	return publicURL + Prefix + "/invitation/" + secret
}

// Tenants reads tenants.
type Tenants interface {
	Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error)
	Tenants(ctx context.Context) ([]muster.Tenant, error)
}

// Engine does what is to be done with batches; [*provision.Engine] is one.
type Engine interface {
	Begin(ctx context.Context, s provision.Submission) (*provision.Upload, error)
	Commit(ctx context.Context, f provision.Followup, force bool) (provision.Receipt, error)
	Retry(ctx context.Context, f provision.Followup) (provision.Receipt, error)
	Cancel(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error)
	Progress(ctx context.Context, tenant, batch muster.ID) (*provision.Progress, error)
	Answers(ctx context.Context, tenant, batch muster.ID, q provision.OutcomeQuery) (*muster.Batch, []provision.Failure, error)
	FailuresOf(ctx context.Context, tenant, batch muster.ID, results []muster.Result, from, limit int) (*muster.Batch, []provision.Failure, error)
}

// Batches reads batches of a tenant, and what it has taken of its limits; [provision.BatchStore] says how.
type Batches interface {
	Batch(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error)
	Batches(ctx context.Context, tenant muster.ID, q provision.BatchQuery) ([]muster.Batch, error)
	Outcomes(ctx context.Context, tenant, batch muster.ID, q provision.OutcomeQuery) (*muster.BatchPage, error)
	Successor(ctx context.Context, tenant, parent muster.ID, origin muster.Origin) (muster.ID, error)
	Reasons(ctx context.Context, tenant, batch muster.ID) ([]provision.ReasonCount, error)
	Differences(ctx context.Context, tenant, batch muster.ID, from, limit int) ([]muster.Outcome, error)
	History(ctx context.Context, tenant, user muster.ID, behind provision.HistoryCursor, limit int) ([]provision.UserOutcome, error)
	Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error)
	// Days gives what days brought the tenant, the earliest first: from the day of since on, or from the last one before that
	// of which anything is known. Days that brought nothing are left out.
	Days(ctx context.Context, tenant muster.ID, since time.Time) ([]muster.Day, error)
}

// Audit reads the trail of what was done.
type Audit interface {
	Audit(ctx context.Context, tenant muster.ID, q muster.AuditQuery) (*muster.AuditPage, error)
}

// Health is a thing that must be in order for a server to do its work.
type Health struct {
	Name string // such as database or disk
	OK   bool
}

// Config is what the console stands on. All fields without a word on their zero value are mandatory.
type Config struct {
	Operators   *access.Operators
	Tenants     Tenants
	Access      *access.Service
	Departments *directory.Departments
	Users       *directory.Users
	Roles       *access.Roles
	Links       *access.Activations // by which users set their passwords
	Federation  *access.Federation
	Trier       Trier
	Webhooks    *webhook.Service
	Engine      Engine
	Batches     Batches
	Audit       Audit
	Health      func(r *http.Request) []Health // of this server
	Nodes       func(ctx context.Context) ([]muster.Node, error)
	Load        *Load            // of this server
	IDs         *muster.IDSource // of audit records
	Now         func() time.Time
	Logger      *slog.Logger // takes the causes of internal errors, which no page shows

	// LinkAddress is the address of the page on which a user sets his password by a link.
	LinkAddress func(tenant muster.ID, secret string) string
	// Workbooks bounds how many XLSX files are in memory at a time, whichever side they come from; nil is no bound.
	Workbooks *spreadsheet.Limiter
	// Stopping is closed when the server begins to stop: answers that go on for as long as a batch does end then. nil never is.
	Stopping <-chan struct{}

	// PublicURL is where browsers find the server, without a slash at its end; "" is wherever they found it. A path of it
	// stands in front of all links.
	PublicURL      string
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts
	Transport      Transport
	Provider       *Provider // where operators may sign in as well; nil: nowhere
}

// Transport is how browsers reach the console. The zero value is the safe one.
type Transport int

const (
	Encrypted Transport = iota // by HTTPS
	Loopback                   // by plain HTTP, from this machine alone
	Plain                      // by plain HTTP over a network, where nobody is let in: others could read along
)

type console struct {
	Config
	base   string // path in front of Prefix
	pages  map[string]bool
	match  language.Matcher
	assets *assetFiles
}

// New makes the handler. It serves paths below Prefix alone. The error says what is wrong with the configuration.
func New(c Config) (http.Handler, error) {
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, err
	}
	h := &console{
		Config: c, base: strings.TrimRight(public.Path, "/"), pages: map[string]bool{},
		match: language.NewMatcher(tongueTags()), assets: readAssets(),
	}
	guard := http.NewCrossOriginProtection()
	if public.Host != "" {
		if err := guard.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
			return nil, err
		}
	}
	guard.SetDenyHandler(http.HandlerFunc(h.crossOrigin))
	mux := http.NewServeMux()
	mux.Handle("GET "+Prefix+"/assets/", h.assets)
	for _, r := range h.routes() {
		if path, ok := strings.CutPrefix(r.pattern, "GET "); ok {
			h.pages[path] = true
		}
		mux.Handle(r.muxPattern(), h.serve(r))
	}
	mux.Handle(Prefix+"/", h.serve(route{pattern: "GET /", open: true, page: (*visit).nowhere}))
	return guarded(guard.Handler(mux)), nil
}

// guarded keeps pages out of caches and frames, and has browsers load nothing from elsewhere and run no script that is not a
// file of ours (OWASP Content Security Policy Cheat Sheet).
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
			"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
