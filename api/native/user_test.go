package native_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/api/native"
	"muster/provision"
)

// newUser makes a user as a batch does.
func (in *installation) newUser(tenant muster.ID, u muster.User) {
	in.t.Helper()
	outcome, err := provision.Direct{Store: in.store, Now: time.Now}.Change(in.t.Context(), tenant, muster.Entry{
		Action: muster.ActionCreate, Match: muster.KeyID, OnExisting: muster.FailExisting, Actor: muster.LevelSystemAdmin, NewID: u.ID, User: u,
		Set: muster.FieldAccount | muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname | muster.FieldLevel |
			muster.FieldDepartment | muster.FieldPassword,
	})
	if err != nil || outcome.Result != muster.Succeeded {
		in.t.Fatalf("%+v, %v", outcome, err)
	}
}

func accounts(page native.Users) string {
	var all []string
	for _, u := range page.Users {
		all = append(all, u.Account)
	}
	return fmt.Sprint(strings.Join(all, " "), " of ", page.Total)
}

func TestTheLifeOfAUser(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	base := "/tenants/" + tenant.ID.String()
	call[native.Department](in, 201, "POST", base+"/departments", `{"name":"Sales","id":"4001"}`)
	const secret = "$argon2id$of-ada"
	in.newUser(tenant.ID, muster.User{
		ID: 5001, Account: "Ada", AccountKey: "ada", Phone: "+27 100", PhoneKey: "+2710000001", FirstName: "Ada", Surname: "L", Level: muster.LevelCommon,
		Department: tenant.RootDepartmentID, PasswordHash: secret,
	})
	in.newUser(tenant.ID, muster.User{
		ID: 5002, Account: "Bob", AccountKey: "bob", Email: "Bob@x.org", EmailKey: "bob@x.org", Level: muster.LevelManager, Department: 4001,
	})
	all, one := base+"/users", base+"/users/5001"
	ada := call[native.User](in, 200, "GET", one, "")
	want := native.User{
		ID: 5001, Account: "Ada", Phone: "+27 100", FirstName: "Ada", Surname: "L", Level: muster.LevelCommon, Department: tenant.RootDepartmentID,
		Roles: []muster.ID{}, HasPassword: true, CreatedAt: ada.CreatedAt, UpdatedAt: ada.UpdatedAt,
	}
	if diff := cmp.Diff(want, ada); diff != "" || ada.CreatedAt.IsZero() {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	admin := tenant.Administrators[0].ID.String()
	for query, want := range map[string]string{
		"":                   "Ada Bob  of 3",
		"?departmentId=4001": "Bob of 1",
		"?direct=true":       "Ada  of 2",
		"?keyword=AD":        "Ada  of 2", // the Administrator among them
		"?account=aDA":       "Ada of 0",  // a search counts nobody
		"?account=nobody":    " of 0",
		"?phone=" + url.QueryEscape("0027-10000001"):            "Ada of 0",
		"?exact=true&phone=" + url.QueryEscape("0027-10000001"): "Ada of 0",
		"?exact=true&account=ad":                                " of 0",
		"?email=BOB@x.org":                                      "Bob of 0",
	} {
		if got := accounts(call[native.Users](in, 200, "GET", all+query, "")); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	text, err := io.ReadAll(in.send("GET", all, "").Body)
	if err != nil || !json.Valid(text) || strings.Contains(string(text), secret) {
		t.Errorf("the list tells a hash, or is none: %s, %v", text, err)
	}

	changed := call[native.User](in, 200, "PATCH", one, `{"departmentId":"4001","adminLevel":2,"disabled":true}`)
	if changed.Department != 4001 || changed.Level != muster.LevelSystemAdmin || !changed.Disabled {
		t.Errorf("changed %+v", changed)
	}
	call[native.User](in, 200, "PATCH", one, `{"disabled":false}`)
	if gone := call[native.User](in, 200, "DELETE", all+"/"+admin, ""); gone.ID.String() != admin {
		t.Errorf("deleted %+v", gone)
	}
	if left := call[native.Tenant](in, 200, "GET", base, ""); left.Usage.Users != 2 || left.Administrators[0].ID != 5001 {
		t.Errorf("left: %+v", left)
	}
}

func TestUsersThatAreRefused(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	other := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"other"}`)
	all := "/tenants/" + tenant.ID.String() + "/users"
	admin, foreign := all+"/"+tenant.Administrators[0].ID.String(), all+"/"+other.Administrators[0].ID.String()
	for i, email := range []string{"two@x.org", "two@x.org"} {
		in.newUser(tenant.ID, muster.User{ID: muster.ID(5001 + i), Email: email, EmailKey: email, Department: tenant.RootDepartmentID, Level: muster.LevelCommon})
	}
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"one who is not":             {"GET", all + "/9", "", 404, "user does not exist"},
		"another tenant's":           {"GET", foreign, "", 404, "user does not exist"},
		"a change of another's":      {"PATCH", foreign, `{"disabled":true}`, 404, "user does not exist"},
		"a delete of another's":      {"DELETE", foreign, "", 404, "user does not exist"},
		"no id":                      {"GET", all + "/ada", "", 422, "user"},
		"nothing to change":          {"PATCH", admin, `{}`, 422, "nothing to change"},
		"an unknown level":           {"PATCH", admin, `{"adminLevel":3}`, 422, "0, 1, 2 and 5 are accepted"},
		"a level of another size":    {"PATCH", admin, `{"adminLevel":258}`, 422, "adminLevel"},
		"a department that is not":   {"PATCH", admin, `{"departmentId":"9"}`, 404, "department does not exist"},
		"department 0":               {"PATCH", admin, `{"departmentId":"0"}`, 404, "department does not exist"},
		"another's department":       {"PATCH", admin, `{"departmentId":"` + other.RootDepartmentID.String() + `"}`, 404, "department does not exist"},
		"the last administrator":     {"PATCH", admin, `{"disabled":true}`, 409, "last enabled system administrator"},
		"the last, demoted":          {"PATCH", admin, `{"adminLevel":1}`, 409, "last enabled system administrator"},
		"the last, deleted":          {"DELETE", admin, "", 409, "last enabled system administrator"},
		"an unknown field":           {"PATCH", admin, `{"phone":"1"}`, 422, "phone"},
		"no phone":                   {"GET", all + "?exact=true&phone=ada", "", 422, "5 to 20 digits"},
		"no e-mail":                  {"GET", all + "?exact=true&email=ada", "", 422, "name@domain"},
		"an e-mail of two":           {"GET", all + "?exact=true&email=two@x.org", "", 409, "Several users"},
		"no phone begins so":         {"GET", all + "?phone=ada", "", 422, "1 to 20 digits"},
		"two keys":                   {"GET", all + "?phone=1&name=ada", "", 422, "one is accepted"},
		"exactly a name":             {"GET", all + "?name=ada&exact=true", "", 422, "account, phone or email"},
		"a search with a keyword":    {"GET", all + "?name=ada&keyword=x", "", 422, "departmentId, cursor and limit"},
		"no cursor":                  {"GET", all + "?cursor=x", "", 422, "nextCursor"},
		"a cursor of another list":   {"GET", all + "?name=ada&cursor=YQEA", "", 422, "nextCursor"},
		"nobody's name":              {"PATCH", admin, `{"firstName":""}`, 422, "name"},
		"users of no department":     {"GET", all + "?departmentId=9", "", 404, "department does not exist"},
		"an offset below zero":       {"GET", all + "?offset=1", "", 422, "offset"},
		"a page too large":           {"GET", all + "?limit=1001", "", 422, "limit"},
		"no tenant":                  {"GET", "/tenants/9/users", "", 404, "tenant does not exist"},
		"no tenant, by phone":        {"GET", "/tenants/9/users?phone=12345", "", 404, "tenant does not exist"},
		"a host that is none":        {"PATCH", "/tenants/" + tenant.ID.String(), `{"host":"http://x"}`, 422, "host"},
		"a new tenant's of the kind": {"POST", "/tenants", `{"name":"x","host":"a b"}`, 422, "host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in.wantProblem(t, c.method, c.path, c.body, c.status, c.want)
		})
	}
}
