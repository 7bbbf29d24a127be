package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"muster"
	"muster/access"
	"muster/directory"
)

var systemAdmin = muster.Actor{Level: muster.LevelSystemAdmin}

// newUser makes a user of the tenant.
func (b *bundle) newUser(t testing.TB, tenant muster.ID, row muster.Row) *muster.User {
	t.Helper()
	if row.FirstName == "" {
		row.FirstName = "Ann"
	}
	if row.Account == "" && row.Phone == "" {
		id, err := b.config.IDs.Next()
		must(t, err)
		row.Account = "user" + id.String()
	}
	row.Set |= muster.FieldDepartment
	u, err := b.config.Users.Create(t.Context(), tenant, systemAdmin, row)
	must(t, err)
	return u
}

// user reads one as he is.
func (b *bundle) user(t testing.TB, id muster.ID) *muster.User {
	t.Helper()
	u, err := b.store.User(t.Context(), b.tenant.ID, id)
	must(t, err)
	return u
}

func (b *bundle) newDepartment(t testing.TB, tenant, parent muster.ID, name string) *muster.Department {
	t.Helper()
	d, err := b.config.Departments.Create(t.Context(), tenant, systemAdmin, directory.NewDepartment{Name: name, Parent: parent})
	must(t, err)
	return d
}

func (b *bundle) newRole(t testing.TB, tenant muster.ID, name string) *muster.Role {
	t.Helper()
	r, err := b.config.Roles.Create(t.Context(), tenant, access.NewRole{Name: name})
	must(t, err)
	return r
}

// userIn is a form that says what a user is, as his page has it.
func userIn(u *muster.User, department string) url.Values {
	form := url.Values{
		"account": {u.Account}, "phone": {u.Phone}, "email": {u.Email}, "firstName": {u.FirstName}, "surname": {u.Surname}, "displayName": {u.DisplayName},
		"department": {department}, "adminLevel": {fmt.Sprint(int(u.Level))}, "capacityGB": {fmt.Sprint(u.CapacityGB)},
		"seen": {fmt.Sprint(u.UpdatedAt.UnixMilli())},
	}
	for _, r := range u.Roles {
		form.Add("roleIds", r.String())
	}
	return form
}

func userAt(u *muster.User) string { return "/console/users/" + u.ID.String() }

func TestUsersAreSearched(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sales := b.newDepartment(t, b.tenant.ID, 0, "Sales")
	north := b.newDepartment(t, b.tenant.ID, sales.ID, "North")
	b.newUser(t, b.tenant.ID, muster.Row{Account: "ada", Phone: "+491510001", Email: "ada@example.com", FirstName: "Ada", Surname: "Lovelace", Department: sales.ID})
	b.newUser(t, b.tenant.ID, muster.Row{Account: "grace", Phone: "+491520002", FirstName: "Grace", Surname: "Hopper", Department: north.ID})
	b.newUser(t, b.other.ID, muster.Row{Account: "adam", FirstName: "Adam"})
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	for query, want := range map[string]string{
		"":                                       "Administrator,Ada Lovelace,Grace Hopper",
		"by=name&q=love":                         "Ada Lovelace",
		"q=ada":                                  "Ada Lovelace",
		"by=account&q=GR":                        "Grace Hopper",
		"by=phone&q=0049+151":                    "Ada Lovelace",
		"by=email&q=ada@":                        "Ada Lovelace",
		"by=name&q=nobody":                       "",
		"department=Sales":                       "Ada Lovelace,Grace Hopper",
		"department=/Sales/North":                "Grace Hopper",
		"department=Sales&direct=1":              "Ada Lovelace",
		"department=/&direct=1":                  "Administrator",
		"department=Sales/North&by=name&q=ada":   "",
		"department=Sales&q=gra":                 "Grace Hopper",
		"department=Sales&direct=1&by=name&q=gr": "",
	} {
		a := v.get("/console/users?" + query).is(http.StatusOK).hasNo("Adam")
		for _, name := range []string{"Administrator", "Ada Lovelace", "Grace Hopper"} {
			if got := strings.Contains(a.body, ">"+name+"</a>"); got != strings.Contains(","+want+",", ","+name+",") {
				t.Errorf("%s: %s is there: %t", query, name, got)
			}
		}
		if want == "" {
			a.has("Nobody was found.")
		}
	}
	v.get("/console/users").has("3 users", "/Sales/North").hasNo("Make a user", "Import users")
	for query, want := range map[string][2]string{
		"by=phone&q=x":                  {"q", "No phone begins so."},
		"q=" + strings.Repeat("x", 255): {"q", "at most 254 bytes"},
		"department=Nowhere":            {"department", "The department does not exist."},
		"department=a/b/c/d/e/f":        {"department", "at most 5 names"},
	} {
		if want[0] != "" {
			v.get("/console/users?"+query).is(http.StatusUnprocessableEntity).has(`id="`+want[0]+`-fault"`, want[1])
		}
	}
	v.get("/console/users?cursor=x").is(http.StatusUnprocessableEntity).has("of the same list")
	v.get("/console/users?role=x").is(http.StatusNotFound)
	v.get("/console/users?role=7").is(http.StatusNotFound)
}

func TestUsersPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sales := b.newDepartment(t, b.tenant.ID, 0, "Sales")
	role := b.newRole(t, b.tenant.ID, "Clerk")
	const users = 101
	for i := range users {
		b.newUser(t, b.tenant.ID, muster.Row{
			Account: fmt.Sprintf("clerk%03d", i), FirstName: "Clerk", Surname: fmt.Sprintf("N%03d", i), Department: sales.ID,
			Roles: []string{role.ID.String()}, Set: muster.FieldRoles,
		})
	}
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	for _, query := range []string{"q=clerk", "by=account&q=clerk", "department=Sales", "role=" + role.ID.String()} {
		seen := map[string]bool{}
		pages := 0
		for path := "/console/users?" + query; path != ""; pages++ {
			a := v.get(path).is(http.StatusOK)
			found := linked.FindAllStringSubmatch(a.body, -1)
			if len(found) > 50 || len(a.body) > 200<<10 {
				t.Fatalf("%s has %d users in %d bytes", path, len(found), len(a.body))
			}
			for _, f := range found {
				if seen[f[1]] {
					t.Errorf("%s: %s comes again", query, f[1])
				}
				seen[f[1]] = true
			}
			if path = ""; strings.Contains(a.body, `rel="next"`) {
				path = strings.ReplaceAll(a.take(`rel="next" href="([^"]+)"`), "&amp;", "&")
			}
		}
		if len(seen) != users || pages != 3 {
			t.Errorf("%s: %d users on %d pages", query, len(seen), pages)
		}
	}
	a := v.get("/console/users/export.csv?department=Sales").is(http.StatusOK).has("clerk000", "clerk100").hasNo("Administrator")
	if a.header.Get("Content-Disposition") != `attachment; filename="users.csv"` || strings.Count(a.body, "\n") != users+1 {
		t.Errorf("the file is %v\n%s", a.header, a.body)
	}
	v.get("/console/users/export.csv?department=Nowhere").is(http.StatusUnprocessableEntity)
}

// linked finds the links to users in a list.
var linked = regexp.MustCompile(`<th scope="row"><a href="/console/users/(\d+)"`)
