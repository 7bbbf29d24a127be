package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"muster"
)

func departmentAt(d *muster.Department) string { return "/console/departments/" + d.ID.String() }

func (b *bundle) department(t testing.TB, id muster.ID) *muster.Department {
	t.Helper()
	d, err := b.store.Department(t.Context(), b.tenant.ID, id)
	must(t, err)
	return d
}

// spaces are what a template leaves between words.
var spaces = regexp.MustCompile(`\s+`)

func TestATreeOfDepartments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.store.UpdateTenant(t.Context(), func() *muster.Tenant { b.tenant.Settings.PersonalSpaceGB = 100; return b.tenant }()))
	sales := b.newDepartment(t, b.tenant.ID, 0, "Sales")
	north := b.newDepartment(t, b.tenant.ID, sales.ID, `N"><i>`)
	b.newUser(t, b.tenant.ID, muster.Row{Department: sales.ID, CapacityGB: 3, Allocate: true, Set: muster.FieldCapacity})
	for range 2 {
		b.newUser(t, b.tenant.ID, muster.Row{Department: north.ID, CapacityGB: 4, Allocate: true, Set: muster.FieldCapacity})
	}
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	for path, wants := range map[string][]string{
		"/console/departments":                                     {"first</a> 4 members (1 directly)", ">Sales</a> 3 members (1 directly)", "<summary>Below Sales</summary>"},
		departmentAt(sales):                                        {"N&#34;&gt;&lt;i&gt;</a> 2 members </span>", "<dd>11 GB</dd>", `href="/console/users?department=%2FSales&amp;direct=1">1</a>`},
		departmentAt(sales) + "/branch":                            {"N&#34;&gt;&lt;i&gt;</a> 2 members"},
		departmentAt(north):                                        {"<dd>8 GB</dd>", "Sales</a>", `aria-current="page">N&#34;&gt;&lt;i&gt;<`},
		"/console/departments?q=ale":                               {">/Sales</a>"},
		"/console/departments?q=%3CI%3E":                           {">/Sales/N&#34;&gt;&lt;i&gt;</a>"},
		"/console/departments?q=nowhere":                           {"No department has this in its name."},
		"/console/departments/" + b.tenant.RootDepartment.String(): {"<dd>11 GB</dd>", "<dd>/</dd>"},
	} {
		a := v.get(path).is(http.StatusOK).hasNo("<i>", "Make a department", "Rename")
		text := spaces.ReplaceAllString(strings.ReplaceAll(a.body, `<span class="hint">`, " "), " ")
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", path, want, text)
			}
		}
	}
	v.get("/console/departments?q=" + strings.Repeat("x", 255)).is(http.StatusUnprocessableEntity)
	v.get(departmentAt(sales) + "x").is(http.StatusNotFound)
}

func TestManyDepartmentsComeInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wide := b.newDepartment(t, b.tenant.ID, 0, strings.Repeat("𠀀", 20))
	const departments = 120
	for at := range 2 {
		paths := make([]string, departments/2)
		for i := range paths {
			paths[i] = fmt.Sprintf("%s/%s%03d/Below", wide.Name, strings.Repeat("𠀀", 17), i*2+at)
		}
		_, err := b.config.Departments.Import(t.Context(), b.tenant.ID, systemAdmin, paths)
		must(t, err)
	}
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	entry := regexp.MustCompile(`<a href="/console/departments/(\d+)">𠀀{17}\d{3}</a>`)
	for _, follow := range []string{`rel="next" href="([^"]+)"`, `hx-get="([^"]+after=[^"]+)"`} {
		seen := map[string]bool{}
		pages := 0
		for path := departmentAt(wide); path != ""; pages++ {
			a := v.get(path).is(http.StatusOK)
			if len(a.body) > 200<<10 {
				t.Errorf("%s has %d bytes", path, len(a.body))
			}
			for _, f := range entry.FindAllStringSubmatch(a.body, -1) {
				seen[f[1]] = true
			}
			path = ""
			if next := regexp.MustCompile(follow).FindStringSubmatch(a.body); next != nil {
				path = strings.ReplaceAll(next[1], "&amp;", "&")
			}
		}
		if len(seen) != departments || pages != 3 {
			t.Errorf("by %s: %d departments on %d pages", follow, len(seen), pages)
		}
	}
	v.get("/console/departments?q=Below").has(`rel="next"`)
}

func TestDepartmentsAreChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorAdministrator)
	v.submit("/console/departments", "/console/departments", url.Values{"name": {"Sales"}, "parent": {"/"}}).is(http.StatusSeeOther)
	sales, err := b.config.Departments.At(t.Context(), b.tenant.ID, systemAdmin, "Sales")
	must(t, err)
	north := b.newDepartment(t, b.tenant.ID, sales.ID, "North")
	root := b.department(t, b.tenant.RootDepartment)
	for name, c := range map[string]struct {
		page, path string
		form       url.Values
		status     int
		field      string
		says       string
	}{
		"a name that is taken":  {"/console/departments", "", url.Values{"name": {"Sales"}}, http.StatusConflict, "name", "has a department of this name"},
		"no name":               {"/console/departments", "", url.Values{"name": {" "}}, http.StatusUnprocessableEntity, "name", "cannot be that"},
		"a slash":               {"/console/departments", "", url.Values{"name": {"a/b"}}, http.StatusUnprocessableEntity, "name", "A slash is not accepted."},
		"no parent":             {"/console/departments", "", url.Values{"name": {"x"}, "parent": {"Nowhere"}}, http.StatusUnprocessableEntity, "parent", "does not exist"},
		"a move below itself":   {departmentAt(sales), "", url.Values{"name": {"Sales"}, "parent": {"Sales/North"}}, http.StatusConflict, "parent", "below itself"},
		"a move to nowhere":     {departmentAt(sales), "", url.Values{"name": {"Typed"}, "parent": {"Nowhere"}}, http.StatusUnprocessableEntity, "parent", `value="Typed"`},
		"a long name":           {departmentAt(sales), "", url.Values{"name": {strings.Repeat("x", 21)}, "parent": {"/"}}, http.StatusUnprocessableEntity, "name", "1 to 20 characters"},
		"deleting what is full": {departmentAt(sales), "/removal", url.Values{}, http.StatusConflict, "", "1 department directly below it"},
		"deleting the root":     {departmentAt(root), "/removal", url.Values{}, http.StatusConflict, "", "The root department cannot be deleted."},
	} {
		a := v.submit(c.page, c.page+c.path, c.form)
		if a.status != c.status || !strings.Contains(a.body, c.says) || c.field != "" && !strings.Contains(a.body, `id="`+c.field+`-fault"`) {
			t.Errorf("%s: %d\n%s", name, a.status, a.body)
		}
	}
	v.header.Set("Accept-Language", "zh-CN")
	v.submit(departmentAt(sales), departmentAt(sales)+"/removal", url.Values{}).is(http.StatusConflict).has("部门不为空：有 0 名成员和 1 个直属下级部门。请先移动或删除。")
	v.submit(departmentAt(north), departmentAt(north), url.Values{"name": {"South"}, "parent": {"/"}}).leadsTo(departmentAt(north))
	if now := b.department(t, north.ID); now.NamePath != "/South" {
		t.Errorf("it is %+v", now)
	}
	v.submit(departmentAt(root), departmentAt(root), url.Values{"name": {"All of us"}}).leadsTo(departmentAt(root))
	if now := b.department(t, root.ID); now.Name != "All of us" {
		t.Errorf("the root is %+v", now)
	}
	v.submit(departmentAt(north), departmentAt(north)+"/removal", url.Values{}).leadsTo(departmentAt(root))
	v.get(departmentAt(north)).is(http.StatusNotFound)
	equal(t, b.trail(t, b.tenant.ID), []string{
		"delete-department department " + north.ID.String(), "change-department department " + root.ID.String() + " name",
		"change-department department " + north.ID.String() + " name, parentId", "create-department department " + sales.ID.String(),
	})
}
