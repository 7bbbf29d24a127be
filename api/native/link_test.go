package native_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/api/native"
	"muster/password"
)

// imported is a tenant with a finished batch of six rows: users 0, 1 and 2 without password, 3 with one, a row that failed,
// and a repeat of the first.
func imported(t *testing.T) (p *provisioning, tenant, batch string, rows []native.BatchOutcome) {
	t.Helper()
	p = setupProvisioning(t)
	tenant = p.tenant(`{}`)
	made := call[native.Batch](p.installation, 202, "POST", tenant+"/batches", `{"operation":"create","match":"account","rows":[
		{"account":"ann","firstName":"Ann"},{"account":"bo","firstName":"Bo"},{"account":"cy","firstName":"Cy"},
		{"account":"di","firstName":"Di","password":"Correct-Horse7"},{"account":"no good","firstName":"X"},{"account":"ann","firstName":"Ann"}]}`)
	p.start()
	batch = tenant + "/batches/" + made.ID.String()
	return p, tenant, batch, p.rows(batch, 100)
}

// looks opens a link as its page does.
func (p *provisioning) looks(link string) (*access.Invited, error) {
	p.t.Helper()
	parts := strings.Split(strings.TrimPrefix(link, "https://muster.example/"), "/")
	tenant, err := muster.ParseID(parts[0])
	if err != nil || len(parts) != 2 {
		p.t.Fatalf("%q is no link: %v", link, err)
	}
	return p.config.Passwords.(*access.Activations).Look(p.t.Context(), tenant, parts[1], netip.Addr{})
}

func TestALinkForAUser(t *testing.T) {
	t.Parallel()
	p, tenant, _, rows := imported(t)
	path := tenant + "/users/" + rows[0].User.String()
	old := call[native.Link](p.installation, 201, "POST", path+"/link", `{}`)
	link := call[native.Link](p.installation, 201, "POST", path+"/link", `{"life":"90m"}`)
	if left := time.Until(link.ExpiresAt); left < 89*time.Minute || left > 90*time.Minute || link.User != rows[0].User {
		t.Errorf("link for %s with %s left, want %s and 90m", link.User, left, rows[0].User)
	}
	if left := time.Until(old.ExpiresAt); left < 71*time.Hour || left > 72*time.Hour {
		t.Errorf("a link has %s unless told otherwise, want 72h", left)
	}
	if invited, err := p.looks(link.Link); err != nil || invited.Name != "Ann" || invited.Reset {
		t.Errorf("the link opens for %+v, %v", invited, err)
	}
	if _, err := p.looks(old.Link); muster.KindOf(err) != muster.KindUnauthenticated {
		t.Errorf("the link before it: %v", err)
	}
	if r := p.send("POST", path+"/link", `{}`); r.Header.Get("Cache-Control") != "no-store" {
		t.Error("an answer with a link may be kept")
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", link, link, link, native.RowLink{Link: link}); strings.Contains(shown, "https:") {
		t.Errorf("a link prints: %s", shown)
	}
	for body, status := range map[string]int{`{"life":"soon"}`: 422, `{"life":"1s"}`: 422, `{"life":"721h"}`: 422, `{"life":7}`: 422} {
		if r := p.send("POST", path+"/link", body); r.StatusCode != status {
			t.Errorf("%s: %d, want %d", body, r.StatusCode, status)
		}
	}
	call[native.User](p.installation, 200, "PATCH", path, `{"disabled":true}`)
	if r := p.send("POST", path+"/link", `{}`); r.StatusCode != 409 {
		t.Errorf("a link for a disabled user: %d, want 409", r.StatusCode)
	}
	for _, nobody := range []string{tenant + "/users/77/link", "/tenants/77/users/" + rows[1].User.String() + "/link"} {
		if r := p.send("POST", nobody, `{}`); r.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", nobody, r.StatusCode)
		}
	}
}

func TestLinksForABatch(t *testing.T) {
	t.Parallel()
	p, tenant, batch, rows := imported(t)
	var links []native.RowLink
	for from, pages := 1, 0; from != 0; pages++ {
		page := call[native.RowLinks](p.installation, 201, "POST", batch+"/links", fmt.Sprintf(`{"from":%d,"limit":2}`, from))
		links = append(links, page.Links...)
		if from = page.Next; pages > 3 {
			t.Fatal("there is no end of pages")
		}
	}
	var got []int
	for _, l := range links {
		got = append(got, l.Row)
		if row := rows[l.Row-1]; l.User != row.User || l.Subject != row.Subject {
			t.Errorf("row %d has a link for %s, %q; want %s, %q", l.Row, l.User, l.Subject, row.User, row.Subject)
		}
		if _, err := p.looks(l.Link.Link); err != nil {
			t.Errorf("the link of row %d: %v", l.Row, err)
		}
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("links for rows %v, want those of the three users without password", got)
	}
	all := call[native.RowLinks](p.installation, 201, "POST", batch+"/links", `{"all":true}`)
	if len(all.Links) != 4 || all.Next != 0 {
		t.Errorf("%d links of all, next %d; want 4 and none", len(all.Links), all.Next)
	}
	for body, status := range map[string]int{`{"limit":1001}`: 422, `{"from":-1}`: 422, `{"limit":"x"}`: 422} {
		if r := p.send("POST", batch+"/links", body); r.StatusCode != status {
			t.Errorf("%s: %d, want %d", body, r.StatusCode, status)
		}
	}
	if r := p.send("POST", tenant+"/batches/77/links", `{}`); r.StatusCode != 404 {
		t.Errorf("a batch that is not there: %d, want 404", r.StatusCode)
	}
}

func TestResettingAPassword(t *testing.T) {
	t.Parallel()
	p, tenant, _, rows := imported(t)
	path := tenant + "/users/" + rows[3].User.String()
	opens := func(plain string) bool {
		t.Helper()
		id, err := muster.ParseID(strings.TrimPrefix(tenant, "/tenants/"))
		if err != nil {
			t.Fatal(err)
		}
		u, err := p.store.User(t.Context(), id, rows[3].User)
		if err != nil {
			t.Fatal(err)
		}
		ok, _, err := p.config.Passwords.(*access.Activations).Hasher.Verify(t.Context(), password.Interactive, u.PasswordHash, []byte(plain))
		return err == nil && ok
	}
	if !opens("Correct-Horse7") {
		t.Fatal("the imported password is not the user's")
	}
	if r := p.send("PUT", path+"/password", `{"password":"Another-Horse8","mustChange":true}`); r.StatusCode != 204 || !opens("Another-Horse8") {
		t.Errorf("setting a password: %d", r.StatusCode)
	}
	if u := call[native.User](p.installation, 200, "GET", path, ""); !u.MustChange || !u.HasPassword {
		t.Errorf("after setting one to be changed: %+v", u)
	}
	if r := p.send("PUT", path+"/password", `{"password":"short"}`); r.StatusCode != 422 || !opens("Another-Horse8") {
		t.Errorf("setting a short password: %d", r.StatusCode)
	}
	if r := p.send("PUT", path+"/password", `{}`); r.StatusCode != 204 {
		t.Errorf("taking the password away: %d", r.StatusCode)
	}
	if u := call[native.User](p.installation, 200, "GET", path, ""); u.MustChange || u.HasPassword {
		t.Errorf("after taking it away: %+v", u)
	}
	if r := p.send("PUT", tenant+"/users/77/password", `{}`); r.StatusCode != 404 {
		t.Errorf("nobody's password: %d, want 404", r.StatusCode)
	}
	if strings.Contains(p.log.String(), "Horse") {
		t.Error("a password is in the log")
	}
}
