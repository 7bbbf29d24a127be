package console

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"muster"
	"muster/access"
)

// maxForm bounds a form that is no upload, in bytes.
const maxForm = 256 << 10

// visit is one request on its way through the console, and what every page knows.
type visit struct {
	*console
	words
	w     http.ResponseWriter
	r     *http.Request
	route *route

	operator *muster.Operator // nil: nobody is signed in
	secret   string           // of the session
	tenant   *muster.Tenant   // whose things are shown; nil: there is none
	tenants  []muster.Tenant  // among which the operator may choose, by name
	notice   *notice          // what the request before left to be said
}

var (
	errSession  = &muster.Error{Kind: muster.KindUnauthenticated, Detail: "The session has ended: sign in again."}
	errRole     = &muster.Error{Kind: muster.KindForbidden, Detail: "Your role does not allow this: ask an administrator."}
	errNoTenant = &muster.Error{Kind: muster.KindNotFound, Detail: "There is no tenant to show: create one on the command line, with muster tenant create."}
	errToken    = &muster.Error{
		Kind: muster.KindForbidden, Detail: "The form is not of this session and tenant, and nothing was changed: open the page again and send it anew.",
	}
	errForm = &muster.Error{Kind: muster.KindInvalid, Detail: "The form cannot be read, or is too large."}
)

// identify finds out whose session it is, and whose things are to be shown.
func (v *visit) identify() error {
	session := v.Operators.Session
	if v.route.background {
		session = v.Operators.Glance
	} else {
		v.notice = v.takeNotice()
	}
	cookie, err := v.r.Cookie(v.cookieName(sessionCookie))
	if err != nil || cookie.Value == "" {
		return nil
	}
	operator, err := session(v.r.Context(), cookie.Value)
	switch {
	case muster.KindOf(err) == muster.KindUnauthenticated:
		v.dropCookie(sessionCookie)
		return nil
	case err != nil:
		return err
	}
	v.operator, v.secret = operator, cookie.Value
	v.words = v.wordsFor(operator, v.r)
	return v.chooseTenant()
}

// ctx is the request's.
func (v *visit) ctx() context.Context { return v.r.Context() }

// path is the address of a page of the console, such as /users, or of an asset.
func (v *visit) path(parts ...string) string { return v.base + Prefix + strings.Join(parts, "") }

// publicURL is where others find the server, without a slash at its end: as it was told, or where the browser found it.
func (v *visit) publicURL() string {
	switch {
	case v.PublicURL != "":
		return v.PublicURL
	case v.Transport == Encrypted:
		return "https://" + v.r.Host
	default:
		return "http://" + v.r.Host
	}
}

// link is path as templates want it.
func (v *visit) link(parts ...string) templ.SafeURL { return templ.SafeURL(v.path(parts...)) }

// may reports whether the operator has the scope, so that pages show what can be done and nothing else.
func (v *visit) may(scope muster.Scopes) bool {
	return v.operator != nil && v.operator.Role.Scopes().Has(scope)
}

// address is the client's.
func (v *visit) address() netip.Addr { return access.ClientAddress(v.r, v.TrustedProxies) }

// form gives a field as it was sent, without spaces around it. Passwords are read with [visit.secretField].
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

func (v *visit) secretField(name string) string { return v.r.PostForm.Get(name) }

// formAll gives all values of a field, such as the boxes that are checked.
func (v *visit) formAll(name string) []string { return v.r.PostForm[name] }

// pathID reads an id in the path; KindNotFound where there is none to read.
func (v *visit) pathID(name string) (muster.ID, error) {
	id, err := muster.ParseID(v.r.PathValue(name))
	if err != nil {
		return 0, v.nowhere()
	}
	return id, nil
}

// show answers with a page.
func (v *visit) show(status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(v.ctx(), &b); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.Tag())
	v.w.Header().Add("Vary", "Accept-Language, Cookie")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // who has gone needs no answer
	return nil
}

// goTo answers with the address of a page of the console, and something to be said there, "" being nothing. What is said is
// in the operator's language already.
func (v *visit) goTo(path, said string) error {
	if said != "" {
		v.leaveNotice(notice{Text: said})
	}
	return v.redirect(v.path(path))
}

func (v *visit) redirect(to string) error {
	if v.r.Header.Get("HX-Request") != "" { // a script would follow the redirect and put the page into a part of this one
		v.w.Header().Set("HX-Redirect", to)
		v.w.WriteHeader(http.StatusOK)
		return nil
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// csrf is the token of forms. It is of the session and of the tenant that is shown: a form in a window that still shows
// another tenant changes nothing of this one.
func (v *visit) csrf() string {
	tenant := muster.ID(0)
	if v.tenant != nil {
		tenant = v.tenant.ID
	}
	mac := hmac.New(sha256.New, []byte(v.secret))
	mac.Write([]byte("form of tenant " + tenant.String()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

const (
	csrfField  = "csrf"
	csrfHeader = "X-CSRF-Token"
)

// checkForm reads a form, and refuses one that is not of this session. Where nobody is signed in the origin alone is
// checked, before.
func (v *visit) checkForm() error {
	shown := v.r.Header.Get(csrfHeader)
	if v.route.upload {
		if shown == "" {
			shown = v.r.URL.Query().Get(csrfField)
		}
	} else {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
		if err := v.r.ParseForm(); err != nil {
			return errForm
		}
		if shown == "" {
			shown = v.r.PostForm.Get(csrfField)
		}
	}
	if v.route.open {
		return nil
	}
	if !hmac.Equal([]byte(shown), []byte(v.csrf())) {
		return errToken
	}
	return nil
}

// recordAs has the next write recorded in the audit trail.
func (v *visit) recordAs(action string) error {
	record := muster.AuditRecord{Operator: true, Action: action, Target: v.target()}
	if a := v.address(); a.IsValid() {
		record.From = a.String()
	}
	if v.operator != nil {
		record.User, record.Tenant = v.operator.ID, v.operator.Tenant
	}
	if v.tenant != nil && !v.route.installation {
		record.Tenant = v.tenant.ID
	}
	audit, err := muster.NewAudit(v.IDs, record)
	if err != nil {
		return err
	}
	v.r = v.r.WithContext(muster.WithAudit(v.ctx(), audit))
	return nil
}

// target names what the path names, such as operator 12, or webhook 12 delivery 34. What is neither an id nor an AppID is left
// out: it may be a secret.
func (v *visit) target() string {
	var named []string
	for _, rest, more := strings.Cut(v.route.pattern, "{"); more; _, rest, more = strings.Cut(rest, "{") {
		name, _, _ := strings.Cut(rest, "}")
		value := v.r.PathValue(name)
		if _, err := muster.ParseID(value); err == nil || name == "appId" {
			named = append(named, name+" "+value)
		}
	}
	return strings.Join(named, " ")
}

// local reports whether a page of the console is meant, which alone a sign-in may lead to.
func local(path string) bool {
	u, err := url.Parse(path)
	return err == nil && u.Scheme == "" && u.Host == "" && !strings.ContainsAny(path, "\\\r\n") && strings.HasPrefix(u.Path, "/") &&
		!strings.HasPrefix(path, "//")
}
