package koodrive_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"muster"
)

const preverifyPath = prefix + "/users/batchimport/preverify"

const selected = muster.ID(1575416580416769793) // of the document's example

// organised is a bundle whose tenant has departments, 100 GB to give, of which 30 are taken, and a system administrator:
//
//	first ─ Chosen ─┬─ Dept ─── Deep ─── Twice
//	                ├─ Other ── Twice
//	                └─ Chosen
//	      └ Elsewhere
func organised(t *testing.T) (b *bundle, token string) {
	t.Helper()
	b = setup(t)
	b.settle(t, b.tenant, muster.TenantSettings{PersonalSpaceGB: 100})
	b.addUser(t, b.tenant, muster.User{FirstName: "Has", Level: muster.LevelCommon, CapacityGB: 30})
	chosen := b.addDepartment(t, b.tenant, b.tenant.RootDepartment, "Chosen", selected)
	dept := b.addDepartment(t, b.tenant, chosen, "Dept", selected+1)
	deep := b.addDepartment(t, b.tenant, dept, "Deep", selected+2)
	b.addDepartment(t, b.tenant, deep, "Twice", selected+3)
	other := b.addDepartment(t, b.tenant, chosen, "Other", selected+4)
	b.addDepartment(t, b.tenant, other, "Twice", selected+5)
	b.addDepartment(t, b.tenant, chosen, "Chosen", selected+6)
	b.addDepartment(t, b.tenant, b.tenant.RootDepartment, "Elsewhere", selected+7)
	return b, b.administrator(t, b.tenant, muster.LevelSystemAdmin, 0)
}

func (b *bundle) preverify(t *testing.T, token, body string, change ...func(*http.Request)) *http.Response {
	t.Helper()
	return b.ask(t, token, http.MethodPost, preverifyPath, body, change...)
}

// importOf is a body with users in the department of the document's example.
func importOf(users ...string) string {
	return fmt.Sprintf(`{"curDeptId":%d,"users":[%s]}`, selected, strings.Join(users, ","))
}

func into(department string) string {
	return fmt.Sprintf(`{"targetDeptName":%q,"personalCapacity":0,"isAllocateCapacity":false}`, department)
}

func getting(capacity string) string {
	return fmt.Sprintf(`{"personalCapacity":%s,"isAllocateCapacity":true}`, capacity)
}

// The document's example of a request lacks a comma, which TestTheDocumentsRequest mends.
const (
	documentsRequest = `{ "curDeptId": 1575416580416769793 "users": [ { "targetDeptName": "Dept", "personalCapacity": 10, "isAllocateCapacity": true } ] }`
	mendedRequest    = `{ "curDeptId": 1575416580416769793, "users": [ { "targetDeptName": "Dept", "personalCapacity": 10, "isAllocateCapacity": true } ] }`
)

func TestTheDocumentsPreverification(t *testing.T) {
	t.Parallel()
	b, token := organised(t)
	golden(t, "preverify as documented and mended", b.preverify(t, token, mendedRequest))
	golden(t, "preverify as documented", b.preverify(t, token, documentsRequest))
}

// verdicts are how each user of a list is judged, and what stands in the reason.
func TestPreverifyJudgesUsers(t *testing.T) {
	t.Parallel()
	b, token := organised(t)
	reasons := []string{
		into("Nowhere"), into("Twice"), into("Elsewhere"), into("Dept//Deep"), into("/Dept"), into("Dept/"), into("/"),
		into("dept"), into("Deep/Twice"), into("first"),
		getting("101"), getting("71"), getting("0"), getting("-1"), getting("1048577"), getting("9223372036854775808"),
		getting("1.5"), getting("1e1"), getting(`"10"`), getting("null"), getting("{}"),
		`{"personalCapacity":1,"isAllocateCapacity":false}`, `{"personalCapacity":-1,"isAllocateCapacity":false}`,
		`{}`, `{"personalCapacity":0}`, `{"isAllocateCapacity":false}`, `{"personalCapacity":0,"isAllocateCapacity":"false"}`,
		`{"personalCapacity":0,"isAllocateCapacity":0}`, `{"targetDeptName":7,"personalCapacity":0,"isAllocateCapacity":false}`,
		into("\u202eDept"), into(strings.Repeat("n", 1000)), into("A/B/C/D/E/F/G"),
	}
	accepted := []string{
		into(""), into("Chosen"), into("Dept"), into("Deep"), into("Chosen/Dept"), into("Chosen/Dept/Deep"), into("Dept/Deep"),
		into("Dept/Deep/Twice"), into("Other/Twice"), into("Chosen/Chosen"), into(" Dept / Deep "),
		getting("70"), `{"targetDeptName":null,"personalCapacity":0,"isAllocateCapacity":false}`,
		`{"personalCapacity":-0,"isAllocateCapacity":false}`, `{"unknown":[{}],"personalCapacity":0,"isAllocateCapacity":false}`,
	}
	golden(t, "preverify every reason", b.preverify(t, token, importOf(reasons...)))
	golden(t, "preverify every reason in Chinese", b.preverify(t, token, importOf(reasons...), setHeader("language", "zh-CN")))
	golden(t, "preverify accepted", b.preverify(t, token, importOf(accepted...)))
	golden(t, "preverify accepted in Chinese", b.preverify(t, token, importOf(accepted[:2]...), setHeader("language", "zh-CN")))
}

// TestPreverifyRunsLimitsDown: a user takes what is left after those above him, and one who fails takes nothing.
func TestPreverifyRunsLimitsDown(t *testing.T) {
	t.Parallel()
	b, token := organised(t) // 70 GB left; three users, with the administrators
	usage, err := b.store.Snapshot(t.Context(), b.tenant.ID, muster.Keys{})
	must(t, err)
	b.settle(t, b.tenant, muster.TenantSettings{PersonalSpaceGB: 100, UserLimit: usage.Usage.Users + 3})
	for name, tc := range map[string]struct {
		users []string
		want  string
	}{
		"capacity": {[]string{getting("40"), getting("31"), getting("30"), getting("1")}, "0101"},
		"seats":    {[]string{into(""), into(""), into("Nowhere"), getting("71"), into(""), into("")}, "001101"},
	} {
		got := ""
		for _, verdict := range strings.Split(text(t, b.preverify(t, token, importOf(tc.users...))), `"isSuccess":`)[1:] {
			got += verdict[:1]
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	after, err := b.store.Snapshot(t.Context(), b.tenant.ID, muster.Keys{})
	must(t, err)
	if after.Usage != usage.Usage {
		t.Errorf("usage went from %+v to %+v", usage.Usage, after.Usage)
	}
}

func TestPreverifyRefusesTheWholeRequest(t *testing.T) {
	t.Parallel()
	b, token := organised(t)
	one := into("")
	with := func(id string) string { return `{"curDeptId":` + id + `,"users":[` + one + `]}` }
	for _, tc := range []struct{ name, body string }{
		{"curDeptId missing", `{"users":[` + one + `]}`},
		{"curDeptId null", with("null")},
		{"curDeptId no decimal string", with(`"0x10"`)},
		{"curDeptId empty", with(`""`)},
		{"curDeptId with a space", with(`" 1575416580416769793"`)},
		{"curDeptId a float", with("1.5")},
		{"curDeptId with a fraction of nothing", with("1575416580416769793.0")},
		{"curDeptId with exponent", with("1e3")},
		{"curDeptId negative", with("-1")},
		{"curDeptId negative as string", with(`"-1"`)},
		{"curDeptId zero", with("0")},
		{"curDeptId 2 to the 63rd", with("9223372036854775808")},
		{"curDeptId beyond", with(`"99999999999999999999999999"`)},
		{"curDeptId true", with("true")},
		{"curDeptId a list", with("[1575416580416769793]")},
		{"curDeptId twice", `{"curDeptId":1,"curDeptId":2,"users":[` + one + `]}`},
		{"users missing", fmt.Sprintf(`{"curDeptId":%d}`, selected)},
		{"users null", fmt.Sprintf(`{"curDeptId":%d,"users":null}`, selected)},
		{"users empty", importOf()},
		{"users an object", fmt.Sprintf(`{"curDeptId":%d,"users":{}}`, selected)},
		{"users with a string", importOf(one, `"x"`)},
		{"users with null", importOf(one, "null")},
		{"users of 1001", importOf(strings.Repeat(one+",", 1000) + one)},
		{"users with a name twice", importOf(one, `{"personalCapacity":0,"personalCapacity":0}`)},
		{"preverify empty body", ""},
		{"preverify with something after it", importOf(one) + "{}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			answer := b.preverify(t, token, tc.body)
			golden(t, tc.name, answer)
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status = %d, want 400", answer.StatusCode)
			}
		})
	}
}

func TestPreverifyTakesOneToAThousandUsers(t *testing.T) {
	t.Parallel()
	b, token := organised(t)
	for _, n := range []int{1, 1000} {
		body := text(t, b.preverify(t, token, importOf(strings.Repeat(into("Dept")+",", n-1)+into("Nowhere"))))
		if strings.Count(body, `{"isSuccess":0}`) != n-1 || strings.Count(body, `"isSuccess":1`) != 1 {
			t.Errorf("%d users: %.200s", n, body)
		}
	}
}

// TestPreverifyFindsTheDepartmentByItsExactID: neighbours that a float cannot tell apart are two departments.
func TestPreverifyFindsTheDepartmentByItsExactID(t *testing.T) {
	t.Parallel()
	b, token := organised(t)
	for id, want := range map[string]string{
		"1575416580416769793": "0", `"1575416580416769793"`: "0", // Chosen has Dept below it
		"1575416580416769794":   "0", // Dept is Dept
		"1575416580416769795":   "1", // Deep has none
		`"1575416580416769795"`: "1",
	} {
		body := text(t, b.preverify(t, token, `{"users":[`+into("Dept")+`],"curDeptId":`+id+`}`))
		if !strings.Contains(body, `"isSuccess":`+want) {
			t.Errorf("%s: %s", id, body)
		}
	}
}

// TestPreverifyKeepsToScopes: who may select which department, and that unknown ones and other tenants' are one.
func TestPreverifyKeepsToScopes(t *testing.T) {
	t.Parallel()
	b, system := organised(t)
	stranger, _ := b.addTenant(t, "second", "other-client")
	const unknown, foreign = muster.ID(42), selected + 100
	b.addDepartment(t, stranger, stranger.RootDepartment, "Theirs", foreign)
	tokens := map[string]string{
		"system":  system,
		"chosen":  b.administrator(t, b.tenant, muster.LevelDepartmentAdmin, selected),
		"dept":    b.administrator(t, b.tenant, muster.LevelDepartmentAdmin, selected+1),
		"root":    b.administrator(t, b.tenant, muster.LevelDepartmentAdmin, 0),
		"common":  b.administrator(t, b.tenant, muster.LevelCommon, selected),
		"manager": b.administrator(t, b.tenant, muster.LevelManager, selected),
	}
	const ok, forbidden, none = http.StatusOK, http.StatusForbidden, http.StatusBadRequest
	for _, tc := range []struct {
		who  string
		base muster.ID
		want int
	}{
		{"system", selected, ok}, {"system", b.tenant.RootDepartment, ok}, {"system", selected + 7, ok},
		{"system", unknown, none}, {"system", foreign, none}, {"system", stranger.RootDepartment, none},
		{"root", selected + 7, ok}, {"root", foreign, none},
		{"chosen", selected, ok}, {"chosen", selected + 1, ok}, {"chosen", selected + 3, ok},
		{"chosen", selected + 7, forbidden}, {"chosen", b.tenant.RootDepartment, forbidden}, {"chosen", unknown, none}, {"chosen", foreign, none},
		{"dept", selected + 1, ok}, {"dept", selected, forbidden}, {"dept", selected + 4, forbidden},
		{"common", selected, forbidden}, {"manager", selected, forbidden}, {"manager", b.tenant.RootDepartment, forbidden},
		{"common", unknown, forbidden}, {"manager", foreign, forbidden},
	} {
		answer := b.preverify(t, tokens[tc.who], fmt.Sprintf(`{"curDeptId":%d,"users":[%s]}`, tc.base, into("")))
		if answer.StatusCode != tc.want {
			t.Errorf("%s in %s: status %d, want %d", tc.who, tc.base, answer.StatusCode, tc.want)
			continue
		}
		switch tc.want {
		case forbidden:
			golden(t, "preverify forbidden", answer)
		case none:
			golden(t, "no resource", answer)
		}
	}
}

// TestPreverifyForAnApplication: it acts as a system administrator does.
func TestPreverifyForAnApplication(t *testing.T) {
	t.Parallel()
	b, _ := organised(t)
	token := b.applicationToken(t)
	if answer := b.preverify(t, "", mendedRequest, setHeader("Authorization", "Bearer "+token)); answer.StatusCode != http.StatusOK {
		t.Error(dump(t, answer))
	}
}
