// Package activation is the page on which a user sets his password by a one-time link. It needs no script, loads nothing from
// elsewhere, and names nobody but the user to himself.
package activation

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strconv"

	"golang.org/x/text/language"

	"muster"
	"muster/access"
)

// Prefix is where the page's paths begin. A link is Prefix, the tenant's id, a slash, and the link's secret.
const Prefix = "/activate/"

// Link is the address of a link below a public URL that has no slash at its end.
func Link(publicURL string, tenant muster.ID, secret string) string {
	return publicURL + Prefix + tenant.String() + "/" + secret
}

// maxForm bounds the form, in bytes: a password of 1,024 characters, each of them escaped.
const maxForm = 16 << 10

//go:embed assets
var assets embed.FS

// Links looks links up and sets passwords by them; [*access.Activations] is one.
type Links interface {
	Look(ctx context.Context, tenant muster.ID, linkSecret string, address netip.Addr) (*access.Invited, error)
	SetPassword(ctx context.Context, tenant muster.ID, linkSecret, newPassword string, address netip.Addr) error
}

// Config is what the page stands on. Links and Logger are mandatory.
type Config struct {
	Links          Links
	Logger         *slog.Logger   // takes the causes of internal errors
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts
}

type page struct {
	Config
	template *template.Template
	matcher  language.Matcher
}

// New makes the handler. It serves paths below Prefix alone.
func New(c Config) http.Handler {
	p := &page{
		Config:   c,
		template: template.Must(template.ParseFS(assets, "assets/page.html")),
		matcher:  language.NewMatcher([]language.Tag{language.AmericanEnglish, language.SimplifiedChinese}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix+"style.css", style)
	mux.HandleFunc("GET "+Prefix+"{tenant}/{secret}", p.show)
	mux.HandleFunc("POST "+Prefix+"{tenant}/{secret}", p.set)
	return guarded(http.NewCrossOriginProtection().Handler(mux))
}

// guarded keeps the link out of caches, of frames, and of the Referer header (OWASP, Forgot Password Cheat Sheet).
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "assets/style.css")
}

// content is what the page shows.
type content struct {
	Words  *words
	Name   string
	Rule   string // what is accepted
	Fault  string // why the password was not
	Form   bool
	Title  string
	Notice string // instead of a form
}

func (p *page) show(w http.ResponseWriter, r *http.Request) {
	said := p.words(r)
	invited, err := p.Links.Look(r.Context(), tenantOf(r), r.PathValue("secret"), p.address(r))
	if err != nil {
		p.refuse(w, r, said, err)
		return
	}
	p.write(w, r, http.StatusOK, form(said, invited, ""))
}

func form(said *words, invited *access.Invited, fault string) *content {
	c := &content{Words: said, Name: invited.Name, Form: true, Title: said.Activate, Fault: fault}
	if invited.Reset {
		c.Title = said.Reset
	}
	c.Rule = said.rule(invited.Tenant.Settings.Password)
	return c
}

func (p *page) set(w http.ResponseWriter, r *http.Request) {
	said := p.words(r)
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.write(w, r, http.StatusBadRequest, &content{Words: said, Title: said.Trouble, Notice: said.Again})
		return
	}
	tenant, secret := tenantOf(r), r.PathValue("secret")
	invited, err := p.Links.Look(r.Context(), tenant, secret, p.address(r))
	if err != nil {
		p.refuse(w, r, said, err)
		return
	}
	password := r.PostForm.Get("password")
	if password != r.PostForm.Get("again") {
		p.write(w, r, http.StatusUnprocessableEntity, form(said, invited, said.Differ))
		return
	}
	err = p.Links.SetPassword(r.Context(), tenant, secret, password, p.address(r))
	switch {
	case muster.KindOf(err) == muster.KindInvalid:
		p.write(w, r, http.StatusUnprocessableEntity, form(said, invited, said.fault(err)))
	case err != nil:
		p.refuse(w, r, said, err)
	default:
		p.write(w, r, http.StatusOK, &content{Words: said, Title: said.Done, Notice: said.SignIn})
	}
}

// refuse answers what no form helps against.
func (p *page) refuse(w http.ResponseWriter, r *http.Request, said *words, err error) {
	c := &content{Words: said, Title: said.Trouble, Notice: said.Again}
	status := http.StatusInternalServerError
	switch muster.KindOf(err) {
	case muster.KindUnauthenticated, muster.KindNotFound:
		status, c.Title, c.Notice = http.StatusNotFound, said.Gone, said.AskAnew
	case muster.KindOverloaded:
		status, c.Notice = http.StatusTooManyRequests, said.Wait
	case muster.KindUnavailable:
		status = http.StatusServiceUnavailable
	default:
		p.Logger.ErrorContext(r.Context(), "a link could not be judged", "error", err)
	}
	var refusal *muster.Error
	if errors.As(err, &refusal) && refusal.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
	}
	p.write(w, r, status, c)
}

func (p *page) write(w http.ResponseWriter, r *http.Request, status int, c *content) {
	var b bytes.Buffer
	if err := p.template.Execute(&b, c); err != nil {
		p.Logger.ErrorContext(r.Context(), "a page could not be written", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", c.Words.Language)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who has gone needs no answer
}

// tenantOf reads the tenant in the path; 0, which no tenant has, where there is none to read.
func tenantOf(r *http.Request) muster.ID {
	id, err := muster.ParseID(r.PathValue("tenant"))
	if err != nil {
		return 0
	}
	return id
}

func (p *page) address(r *http.Request) netip.Addr { return access.ClientAddress(r, p.TrustedProxies) }

func (p *page) words(r *http.Request) *words {
	_, index := language.MatchStrings(p.matcher, r.Header.Get("Accept-Language"))
	return &tongues[index]
}
