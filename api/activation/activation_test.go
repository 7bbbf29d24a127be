package activation_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/api/activation"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
)

// bundle is the page of a real installation, with a user who has a link.
type bundle struct {
	*testing.T
	server *httptest.Server
	links  *access.Activations
	pool   *password.Pool
	store  *sqlite.Store
	tenant muster.ID
	user   muster.ID
	log    bytes.Buffer
}

var operator = muster.Actor{Level: muster.LevelSystemAdmin}

func setup(t *testing.T, user muster.User) *bundle {
	t.Helper()
	b := &bundle{T: t}
	dir := t.TempDir()
	b.must(sqlitetest.Make(dir))
	var err error
	b.store, err = sqlite.Open(t.Context(), dir, sqlite.Options{})
	b.must(err)
	t.Cleanup(func() { b.must(b.store.Close()) })
	keyring, err := secret.Open(t.Context(), secret.Config{Master: dir + "/master.key"}, b.store)
	b.must(err)
	t.Cleanup(func() { b.must(keyring.Close()) })
	ids, err := muster.NewIDSource(0, 0, time.Now)
	b.must(err)
	service := &access.Service{Store: b.store, Keyring: keyring, IDs: ids, Now: time.Now}
	tenant, _, err := service.CreateTenant(t.Context(), access.NewTenant{Name: "first"})
	b.must(err)
	b.tenant = tenant.ID
	b.pool, err = password.NewPool(password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}, 1)
	b.must(err)
	t.Cleanup(b.pool.Close)
	b.links = &access.Activations{Store: b.store, Keyring: keyring, Hasher: b.pool}

	b.user, err = ids.Next()
	b.must(err)
	user.ID, user.Department, user.Level = b.user, tenant.RootDepartment, muster.LevelCommon
	user.Phone, user.PhoneKey = "+27110000001", "+27110000001"
	outcome, err := provision.Direct{Store: b.store, Now: time.Now}.Change(t.Context(), b.tenant, muster.Entry{
		Action: muster.ActionCreate, Match: muster.KeyPhone, Actor: muster.LevelSystemAdmin, NewID: b.user, User: user,
		Set: muster.FieldPhone | muster.FieldFirstName | muster.FieldSurname | muster.FieldPassword | muster.FieldDepartment,
	})
	b.must(err)
	if outcome.Result != muster.Succeeded {
		t.Fatalf("the user was not made: %+v", outcome)
	}
	b.server = httptest.NewServer(activation.New(activation.Config{
		Links: b.links, Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
	}))
	t.Cleanup(b.server.Close)
	return b
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) link() string {
	b.Helper()
	links, err := b.links.Create(b.Context(), b.tenant, operator, []muster.ID{b.user}, 0)
	b.must(err)
	return activation.Link(b.server.URL, b.tenant, links[0].Secret)
}

// send answers with status and page, having looked at what every answer must have.
func (b *bundle) send(r *http.Request) (int, string) {
	b.Helper()
	answer, err := b.server.Client().Do(r)
	b.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	b.must(err)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if got := answer.Header.Get(name); got != want {
			b.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	return answer.StatusCode, string(body)
}

func (b *bundle) get(link string, header ...string) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, link, nil)
	b.must(err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.send(r)
}

func (b *bundle) post(link, first, again string, header ...string) (int, string) {
	b.Helper()
	form := url.Values{"password": {first}, "again": {again}}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, link, strings.NewReader(form.Encode()))
	b.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.send(r)
}

// opens reports whether the password is the user's.
func (b *bundle) opens(plain string) bool {
	b.Helper()
	u, err := b.store.User(b.Context(), b.tenant, b.user)
	b.must(err)
	if u.PasswordHash == "" {
		return false
	}
	ok, _, err := b.pool.Verify(b.Context(), password.Interactive, u.PasswordHash, []byte(plain))
	b.must(err)
	return ok
}

func (b *bundle) shows(what string, status, want int, page string, texts ...string) {
	b.Helper()
	if status != want {
		b.Errorf("%s: status %d, want %d", what, status, want)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.Errorf("%s: the page lacks %q:\n%s", what, text, page)
		}
	}
}

const good = "Correct horse 7"

func TestAUserSetsHisPasswordOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, muster.User{FirstName: "Ada", Surname: "Lovelace"})
	link := b.link()
	for range 2 { // looking uses nothing up: mail scanners do it
		status, page := b.get(link)
		b.shows("the page", status, http.StatusOK, page, "Activate your account", "Hello, Ada Lovelace.", `name="password"`, "8 to 128 characters")
	}
	status, page := b.post(link, good, good)
	b.shows("the answer", status, http.StatusOK, page, "Your password is set")
	if !b.opens(good) {
		t.Error("the password that was set is not the user's")
	}
	status, page = b.post(link, "Another horse 8", "Another horse 8")
	b.shows("a second use", status, http.StatusNotFound, page, "This link does not work")
	status, page = b.get(link)
	b.shows("the page after use", status, http.StatusNotFound, page, "This link does not work")
	if !b.opens(good) {
		t.Error("the second use changed the password")
	}
	status, page = b.get(b.link())
	b.shows("a link of who has a password", status, http.StatusOK, page, "Choose a new password")
}

func TestAPasswordThatIsNotAcceptedKeepsTheLink(t *testing.T) {
	t.Parallel()
	b := setup(t, muster.User{FirstName: "Ada"})
	link := b.link()
	status, page := b.post(link, "short", "short")
	b.shows("a short one", status, http.StatusUnprocessableEntity, page, `role="alert"`, "8 to 128 characters", `aria-invalid="true"`)
	status, page = b.post(link, good, good+"x")
	b.shows("two that differ", status, http.StatusUnprocessableEntity, page, "The two passwords are not the same.")
	if strings.Contains(page, good) {
		t.Error("the page repeats the password")
	}
	status, page = b.post(link, "short", "short", "Accept-Language", "zh-Hans-CN,zh;q=0.9,en;q=0.5")
	b.shows("a short one in Chinese", status, http.StatusUnprocessableEntity, page, `lang="zh-CN"`, "该密码不符合要求。", "8 到 128 个字符")
	status, page = b.post(link, strings.Repeat("x", 20<<10), "")
	b.shows("more than a form holds", status, http.StatusBadRequest, page, "Nothing was changed.")
	status, _ = b.post(link, good, good)
	if status != http.StatusOK || !b.opens(good) {
		t.Errorf("the link was used up: status %d", status)
	}
}

func TestLinksThatAreNotGood(t *testing.T) {
	t.Parallel()
	b := setup(t, muster.User{FirstName: "Ada"})
	old := b.link()
	link := b.link()
	_, unknown := b.get(b.server.URL + activation.Prefix + "1/2-" + strings.Repeat("x", 32))
	for name, bad := range map[string]string{
		"one replaced by a newer one": old,
		"of another tenant":           activation.Link(b.server.URL, b.tenant+1, link[strings.LastIndex(link, "/")+1:]),
		"no tenant":                   strings.Replace(link, b.tenant.String(), "tenant", 1),
		"no secret":                   link[:strings.LastIndex(link, "-")],
		"a changed secret":            link + "x",
	} {
		status, page := b.get(bad)
		b.shows(name, status, http.StatusNotFound, page, "This link does not work")
		if page != unknown {
			t.Errorf("%s can be told from a link that never was", name)
		}
		if status, _ = b.post(bad, good, good); status != http.StatusNotFound || b.opens(good) {
			t.Errorf("%s sets the password: %d", name, status)
		}
	}
	if strings.Contains(b.log.String(), "level=ERROR") {
		t.Errorf("the log has errors:\n%s", b.log.String())
	}
}

func TestGuessingIsThrottled(t *testing.T) {
	t.Parallel()
	b := setup(t, muster.User{FirstName: "Ada"})
	status, page := 0, ""
	for range 200 {
		if status, page = b.get(b.server.URL + activation.Prefix + "1/1-guess"); status != http.StatusNotFound {
			break
		}
	}
	b.shows("the attempt too many", status, http.StatusTooManyRequests, page, "Wait a minute")
}

func TestOtherSitesCannotPost(t *testing.T) {
	t.Parallel()
	b := setup(t, muster.User{FirstName: "Ada"})
	link := b.link()
	if status, _ := b.post(link, good, good, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden || b.opens(good) {
		t.Errorf("another site's form: %d", status)
	}
	if status, _ := b.post(link, good, good, "Origin", "https://elsewhere.example"); status != http.StatusForbidden || b.opens(good) {
		t.Errorf("another origin's form: %d", status)
	}
	if status, _ := b.post(link, good, good, "Sec-Fetch-Site", "same-origin"); status != http.StatusOK || !b.opens(good) {
		t.Errorf("the page's own form: %d", status)
	}
}

// Names are what an import brings: they must not become markup.
func TestNamesAreText(t *testing.T) {
	t.Parallel()
	b := setup(t, muster.User{FirstName: `<script>alert(1)</script>`, Surname: `"><img src=x onerror=alert(1)>`})
	status, page := b.get(b.link())
	b.shows("the page", status, http.StatusOK, page, "&lt;script&gt;")
	if strings.Contains(page, "<script>") || strings.Contains(page, "<img") {
		t.Errorf("a name is markup:\n%s", page)
	}
}

func TestTheStyleIsServed(t *testing.T) {
	t.Parallel()
	b := setup(t, muster.User{FirstName: "Ada"})
	status, page := b.get(b.server.URL + activation.Prefix + "style.css")
	b.shows("the style", status, http.StatusOK, page, "light-dark(")
}
