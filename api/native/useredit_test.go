package native_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/api/native"
	"muster/spreadsheet"
)

// ask sends a request with headers, in pairs, to the operator's side.
func (in *installation) ask(method, path, body string, headers ...string) (status int, header http.Header, answer string) {
	in.t.Helper()
	r := httptest.NewRequestWithContext(in.t.Context(), method, native.Prefix+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	in.handler.ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.String()
}

func TestAUserIsMadeAndChangedByHimself(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme","settings":{"personalSpaceGB":10,"phoneRegion":"DE","userLimit":4}}`)
	base := "/tenants/" + tenant.ID.String()
	sales := call[native.Department](in, 201, "POST", base+"/departments", `{"name":"Sales"}`)
	north := call[native.Department](in, 201, "POST", base+"/departments", `{"name":"North","parentId":"`+sales.ID.String()+`"}`)
	role := call[native.Role](in, 201, "POST", base+"/roles", `{"name":"Editor"}`)
	all := base + "/users"
	status, header, _ := in.ask("POST", all, fmt.Sprintf(`{"account":"Ada","phone":"0151 1234567","email":"Ada@x.org","firstName":" Ada ","surname":"L",
		"displayName":"Ada L.","password":"Correct-Horse-7","adminLevel":5,"disabled":true,"departmentId":"%s","department":"North","capacityGB":4,"roleIds":["%s"]}`, sales.ID, role.ID))
	if status != 201 || !strings.HasPrefix(header.Get("Location"), native.Prefix+all+"/") || header.Get("Etag") == "" {
		t.Fatalf("made: %d %v", status, header)
	}
	one := strings.TrimPrefix(header.Get("Location"), native.Prefix)
	made := call[native.User](in, 200, "GET", one, "")
	want := native.User{
		ID: made.ID, Account: "Ada", Phone: "0151 1234567", Email: "Ada@x.org", FirstName: "Ada", Surname: "L", DisplayName: "Ada L.", Level: muster.LevelManager,
		Disabled: true, Department: north.ID, CapacityGB: 4, Roles: []muster.ID{role.ID}, HasPassword: true, CreatedAt: made.CreatedAt, UpdatedAt: made.UpdatedAt,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	changed := call[native.User](in, 200, "PATCH", one, fmt.Sprintf(`{"account":"lovelace","phone":"","email":"l@x.org","firstName":"","surname":"","displayName":"Countess",
		"departmentId":"%s","adminLevel":1,"capacityGB":10,"roleIds":[],"disabled":false}`, sales.ID))
	want = native.User{
		ID: made.ID, Account: "lovelace", Email: "l@x.org", DisplayName: "Countess", Level: muster.LevelCommon, Department: sales.ID, CapacityGB: 10,
		Roles: []muster.ID{}, HasPassword: true, CreatedAt: made.CreatedAt, UpdatedAt: changed.UpdatedAt,
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	small := call[native.User](in, 201, "POST", all, `{"phone":"+4915199","displayName":"Phone alone"}`)
	if small.Department != tenant.RootDepartmentID || small.Level != muster.LevelCommon || small.HasPassword || small.Disabled {
		t.Errorf("made of little: %+v", small)
	}
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"an account that somebody has":  {"POST", all, `{"account":"LOVELACE","firstName":"X"}`, 409, "already exists"},
		"a phone that somebody has":     {"POST", all, `{"account":"x","phone":"0049 15199","firstName":"X"}`, 409, "phone"},
		"no key":                        {"POST", all, `{"firstName":"X"}`, 422, "account"},
		"no name":                       {"POST", all, `{"account":"x"}`, 422, "firstName"},
		"a weak password":               {"POST", all, `{"account":"x","firstName":"X","password":"x"}`, 422, "password"},
		"no level":                      {"POST", all, `{"account":"x","firstName":"X","adminLevel":7}`, 422, "adminLevel"},
		"no department of the tenant's": {"POST", all, `{"account":"x","firstName":"X","departmentId":"9"}`, 404, "department"},
		"no such path":                  {"POST", all, `{"account":"x","firstName":"X","department":"Nowhere"}`, 404, "department"},
		"no role of the tenant's":       {"POST", all, `{"account":"x","firstName":"X","roleIds":["9"]}`, 422, "role"},
		"more than the space":           {"POST", all, `{"account":"x","firstName":"X","capacityGB":1}`, 409, "space"},
		"another's account":             {"PATCH", all + "/" + small.ID.String(), `{"account":"lovelace"}`, 409, "account"},
		"nothing to sign in with":       {"PATCH", all + "/" + small.ID.String(), `{"phone":""}`, 422, "phone"},
		"a space that is below nothing": {"PATCH", one, `{"capacityGB":-1}`, 422, "capacity"},
		"a name with a direction in it": {"PATCH", one, `{"surname":"a\u202eb"}`, 422, "surname"},
		"a password, which has a place": {"PATCH", one, `{"password":"x"}`, 422, "password"},
	} {
		if status, _, answer := in.ask(c.method, c.path, c.body); status != c.status || !strings.Contains(answer, c.want) {
			t.Errorf("%s: %d %s, want %d with %q", name, status, answer, c.status, c.want)
		}
	}
	if status, _, answer := in.ask("POST", all, `{"account":"y","firstName":"Y"}`); status != 201 {
		t.Errorf("the last seat: %d %s", status, answer)
	}
	if status, _, answer := in.ask("POST", all, `{"account":"z","firstName":"Z"}`); status != 409 || !strings.Contains(answer, "limit") {
		t.Errorf("no seat: %d %s", status, answer)
	}
}

// TestWhatChangedSinceIsNotOverwritten: the answer's tag names what it says, and a change depends on it where it is asked to.
func TestWhatChangedSinceIsNotOverwritten(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	one := "/tenants/" + tenant.ID.String() + "/users/" + tenant.Administrators[0].ID.String()
	_, header, first := in.ask("GET", one, "")
	tag := header.Get("Etag")
	if _, again, _ := in.ask("GET", one, ""); again.Get("Etag") != tag || !strings.HasPrefix(tag, `"`) {
		t.Errorf("the tag is %s, then %s", tag, again.Get("Etag"))
	}
	for value, want := range map[string]int{tag: 304, "W/" + tag: 304, "*": 304, `"x", ` + tag: 304, `"x"`: 200, "nonsense": 200, "": 200} {
		status, header, answer := in.ask("GET", one, "", "If-None-Match", value)
		if status != want || header.Get("Etag") != tag || status == 304 && answer != "" || status == 200 && answer != first {
			t.Errorf("If-None-Match %s: %d %s, want %d", value, status, answer, want)
		}
	}
	for _, c := range []struct {
		value string
		want  int
	}{{`"x"`, 412}, {"W/" + tag, 412}, {"nonsense", 422}, {`"x",` + tag, 200}, {tag, 412}, {"*", 200}, {"", 200}} {
		status, header, answer := in.ask("PATCH", one, fmt.Sprintf(`{"surname":"S%d"}`, len(c.value)), "If-Match", c.value)
		if status != c.want {
			t.Errorf("If-Match %s: %d %s, want %d", c.value, status, answer, c.want)
		}
		if _, now, _ := in.ask("GET", one, ""); status == 200 && (now.Get("Etag") != header.Get("Etag") || header.Get("Etag") == tag) {
			t.Errorf("If-Match %s: the answer's tag is %s, the user's %s", c.value, header.Get("Etag"), now.Get("Etag"))
		}
	}
	other := call[native.User](in, 201, "POST", "/tenants/"+tenant.ID.String()+"/users", `{"account":"x","firstName":"X"}`)
	gone := "/tenants/" + tenant.ID.String() + "/users/" + other.ID.String()
	_, header, _ = in.ask("GET", gone, "")
	if status, _, _ := in.ask("DELETE", gone, "", "If-Match", tag); status != 412 {
		t.Errorf("deleted with another's tag: %d", status)
	}
	if status, _, _ := in.ask("DELETE", gone, "", "If-Match", header.Get("Etag")); status != 200 {
		t.Errorf("deleted with his tag: %d", status)
	}
}

// TestOneOfThoseWhoChangeWhatTheyReadWins: the condition is looked at under the lock.
func TestOneOfThoseWhoChangeWhatTheyReadWins(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`)
	one := "/tenants/" + tenant.ID.String() + "/users/" + tenant.Administrators[0].ID.String()
	_, header, _ := in.ask("GET", one, "")
	var wait sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wait.Go(func() {
			statuses[i], _, _ = in.ask("PATCH", one, fmt.Sprintf(`{"surname":"S%d"}`, i), "If-Match", header.Get("Etag"))
		})
	}
	wait.Wait()
	counts := map[int]int{}
	for _, s := range statuses {
		counts[s]++
	}
	if counts[200] != 1 || counts[412] != len(statuses)-1 {
		t.Errorf("the answers are %v, want one 200 and else 412", counts)
	}
}

func TestUsersAreFoundByTheBeginning(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme","settings":{"phoneRegion":"DE"}}`)
	base := "/tenants/" + tenant.ID.String()
	sales := call[native.Department](in, 201, "POST", base+"/departments", `{"name":"Sales"}`)
	all := base + "/users"
	for i, u := range []string{
		`"account":"Ann","phone":"0151 100","firstName":"Ann","surname":"Archer"`,
		`"account":"ann.b","phone":"+49 151 200","firstName":"Bea","surname":"Ann"`,
		`"account":"bo","phone":"+44 20 7","email":"Bo@x.org","displayName":"Ännchen"`,
	} {
		if i == 1 {
			u += `,"departmentId":"` + sales.ID.String() + `"`
		}
		if i == 2 {
			u = strings.Replace(u, "+44 20 7", "+44 20 70", 1)
		}
		call[native.User](in, 201, "POST", all, "{"+u+"}")
	}
	for query, want := range map[string]string{
		"?account=AN": "Ann ann.b", "?account=ann.": "ann.b", "?phone=0151": "Ann ann.b", "?phone=%2B49%20151-1": "Ann", "?phone=0044": "bo", "?email=BO@": "bo",
		"?name=ann": "ann.b Ann", "?name=bea%20%20a": "ann.b", "?name=%C3%84nn": "bo", "?name=nobody": "", "?name=ann&limit=1": "ann.b Ann", "?account=a&limit=1": "Ann ann.b",
		"?name=ann&departmentId=" + sales.ID.String(): "ann.b", "?limit=1": " Ann ann.b bo", "?departmentId=" + tenant.RootDepartmentID.String() + "&limit=1": " Ann ann.b bo",
		"?direct=true&limit=1": " Ann bo", "?keyword=N&limit=1&departmentId=" + sales.ID.String(): "ann.b",
		"?keyword=N&limit=1": " Ann ann.b bo",
	} {
		var got []string
		for cursor := ""; ; {
			page := call[native.Users](in, 200, "GET", all+query+cursor, "")
			for _, u := range page.Users {
				got = append(got, u.Account)
			}
			if page.Next == "" {
				break
			}
			cursor = "&cursor=" + page.Next
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %q, want %q", query, text, want)
		}
	}
	page := call[native.Users](in, 200, "GET", all+"?name=ann&limit=1", "")
	in.wantProblem(t, "GET", all+"?name=bea&limit=1&cursor="+page.Next, "", 422, "another search")
	in.wantProblem(t, "GET", all+"?account=ann&cursor="+page.Next, "", 422, "nextCursor")
}

// TestAnExportIsReadBack: what is downloaded is what an upload reads, and no spreadsheet runs it.
func TestAnExportIsReadBack(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme","settings":{"personalSpaceGB":10}}`)
	base := "/tenants/" + tenant.ID.String()
	sales := call[native.Department](in, 201, "POST", base+"/departments", `{"name":"Sales"}`)
	north := call[native.Department](in, 201, "POST", base+"/departments", `{"name":"North","parentId":"`+sales.ID.String()+`"}`)
	role := call[native.Role](in, 201, "POST", base+"/roles", `{"name":"Editor"}`)
	u := call[native.User](in, 201, "POST", base+"/users", fmt.Sprintf(
		`{"account":"=cmd","phone":"+4915199","firstName":"-Ada","surname":"O'Hara, \"x\"","capacityGB":3,"disabled":true,"departmentId":"%s","roleIds":["%s"]}`, north.ID, role.ID))
	status, header, text := in.ask("GET", base+"/users/export.csv?departmentId="+sales.ID.String(), "")
	if status != 200 || !strings.Contains(header.Get("Content-Disposition"), "users.csv") || !strings.Contains(text, "'=cmd,'+4915199") {
		t.Fatalf("%d %v\n%s", status, header, text)
	}
	reader, err := spreadsheet.Open(t.Context(), strings.NewReader(text), spreadsheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	mapping := spreadsheet.GuessColumns(reader.Columns(), spreadsheet.UserFields(), nil)
	if len(mapping.Problems) > 0 {
		t.Errorf("columns are not understood: %+v", mapping.Problems)
	}
	record, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i, field := range mapping.Fields {
		got[field] = record.Cells[i].Text
	}
	want := map[string]string{
		"id": u.ID.String(), "account": "=cmd", "phone": "+4915199", "email": "", "firstName": "-Ada", "surname": `O'Hara, "x"`, "displayName": "",
		"department": "Sales/North", "capacityGB": "3", "adminLevel": "1", "roleIds": role.ID.String(), "status": "disabled",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if _, err := reader.Next(); err != io.EOF { //nolint:errorlint // as it is
		t.Errorf("there is more: %v", err)
	}
	in.wantProblem(t, "GET", base+"/users/export.csv?departmentId=9", "", 404, "department")
}
