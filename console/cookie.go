package console

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"muster"
)

// The cookies that the console sets.
const (
	sessionCookie = ""          // the secret of a session
	tenantCookie  = "-tenant"   // the id of the tenant that an operator of the installation looks at
	noticeCookie  = "-notice"   // what the next page says
	flowCookie    = "-provider" // the secret of a sign-in that is under way with the identity provider
)

// cookieName is the cookie's with its prefix. A browser takes one that begins with __Host- from this host alone, by HTTPS,
// and sends it nowhere else (RFC 6265bis, section 4.1.3.2).
func (c *console) cookieName(name string) string {
	if c.Transport == Encrypted {
		return "__Host-muster" + name
	}
	return "muster-dev" + name
}

// setCookie sets a cookie for life, or if that is 0 until the browser is closed.
func (v *visit) setCookie(name, value string, life time.Duration) {
	http.SetCookie(v.w, &http.Cookie{
		Name: v.cookieName(name), Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: v.Transport == Encrypted, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (v *visit) dropCookie(name string) {
	http.SetCookie(v.w, &http.Cookie{
		Name: v.cookieName(name), Path: "/", MaxAge: -1, Secure: v.Transport == Encrypted, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// notice is said once, on the page after.
type notice struct {
	Text  string `json:"text"`
	Alarm bool   `json:"alarm,omitempty"` // something went wrong
}

const noticeLife = time.Minute

func (v *visit) leaveNotice(n notice) {
	text, err := json.Marshal(n)
	if err != nil {
		panic("notice: " + err.Error()) // strings can't fail
	}
	v.setCookie(noticeCookie, base64.RawURLEncoding.EncodeToString(text), noticeLife)
}

// takeNotice reads what is to be said, and has the browser forget it. Parts of a page, and assets, leave it to the page.
func (v *visit) takeNotice() *notice {
	cookie, err := v.r.Cookie(v.cookieName(noticeCookie))
	if err != nil || v.r.Method != http.MethodGet || v.r.Header.Get("HX-Request") != "" {
		return nil
	}
	v.dropCookie(noticeCookie)
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return nil
	}
	var n notice
	if json.Unmarshal(text, &n) != nil || n.Text == "" {
		return nil
	}
	return &n
}

// chooseTenant finds whose things are shown: the tenant of a tenant's operator; of an operator of the installation the one
// that he chose, or the first.
func (v *visit) chooseTenant() error {
	if v.operator.Tenant != 0 {
		tenant, err := v.Tenants.Tenant(v.ctx(), v.operator.Tenant)
		v.tenant = tenant
		return err
	}
	all, err := v.Tenants.Tenants(v.ctx())
	if err != nil || len(all) == 0 {
		return err
	}
	v.tenant = &all[0]
	if cookie, err := v.r.Cookie(v.cookieName(tenantCookie)); err == nil {
		if id, err := muster.ParseID(cookie.Value); err == nil {
			if i := slices.IndexFunc(all, func(t muster.Tenant) bool { return t.ID == id }); i >= 0 {
				v.tenant = &all[i]
			}
		}
	}
	chosen := *v.tenant
	v.tenant = &chosen
	slices.SortFunc(all, func(a, b muster.Tenant) int { return cmp.Compare(a.Name, b.Name) })
	v.tenants = all
	return nil
}
