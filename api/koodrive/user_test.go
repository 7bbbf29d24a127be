package koodrive_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"muster"
)

const userListPath = prefix + "/userList"

func userPath(id muster.ID) string { return prefix + "/users/" + id.String() }

// peopled is organised, with users: one in each of some departments, and one of another tenant.
func peopled(t *testing.T) (b *bundle, token string, foreign muster.ID) {
	t.Helper()
	b, token = organised(t)
	b.addUser(t, b.tenant, with(ada, func(u *muster.User) { u.Department, u.CapacityGB = selected+1, 5 }))
	b.addUser(t, b.tenant, muster.User{ID: ada.ID + 1, DisplayName: "Bo the \"Great\"", Phone: "27100000002", Level: muster.LevelCommon, Department: selected + 7, Disabled: true})
	stranger, _ := b.addTenant(t, "second", "other-client")
	foreign = b.addUser(t, stranger, muster.User{ID: ada.ID + 2, FirstName: "St", Phone: "27100000003", Level: muster.LevelCommon})
	return b, token, foreign
}

func with(u muster.User, change func(*muster.User)) muster.User {
	change(&u)
	return u
}

func TestUsers(t *testing.T) {
	t.Parallel()
	b, token, _ := peopled(t)
	bo := ada.ID + 1
	chinese := setHeader("language", "zh-CN")
	// In this order: each sees what those before it did.
	for _, tc := range []struct {
		name, method, target, body string
		change                     []func(*http.Request)
	}{
		{name: "info by id", method: "GET", target: infoPath + "?userId=" + ada.ID.String()},
		{name: "info by id", method: "GET", target: infoPath + "?phone=27100000002&userId=" + ada.ID.String()}, // userId wins
		{name: "info by id", method: "GET", target: infoPath + "?phone=0027100000001"},
		{name: "info by phone in Chinese", method: "GET", target: infoPath + "?phone=27100000002", change: []func(*http.Request){chinese}},
		{name: "info of oneself", method: "GET", target: infoPath},
		{name: "info by a phone that is none", method: "GET", target: infoPath + "?phone=27x"},
		{name: "info by a phone that is none in Chinese", method: "GET", target: infoPath + "?phone=27x", change: []func(*http.Request){chinese}},
		{name: "info by two phones", method: "GET", target: infoPath + "?phone=1&phone=2"},
		{name: "info by an id that is none", method: "GET", target: infoPath + "?userId=1e3"},
		{name: "no resource", method: "GET", target: infoPath + "?phone=27100000009"},
		{name: "user", method: "GET", target: userPath(ada.ID)},
		{name: "user disabled", method: "GET", target: userPath(bo)},
		{name: "user changed", method: "PUT", target: userPath(bo), body: `{"deptId":` + selected.String() + `,"role":0,"status":0}`},
		{name: "user after that", method: "GET", target: userPath(bo)},
		{name: "user changed", method: "PUT", target: userPath(bo), body: `{"deptId":"` + (selected + 7).String() + `","role":"1","status":"1","unknown":{}}`},
		{name: "user disabled", method: "GET", target: userPath(bo)},
		{name: "users of all", method: "GET", target: userListPath + "?offset=0&limit=100"},
		{name: "users of a department", method: "GET", target: userListPath + "?deptId=" + selected.String() + "&isDirect=false"},
		{name: "users of a department alone", method: "GET", target: userListPath + "?deptId=" + selected.String() + "&isDirect=true"},
		{name: "users second page", method: "GET", target: userListPath + "?offset=1&limit=1"},
		{name: "users past the end", method: "GET", target: userListPath + "?offset=2147483647"},
		{name: "users by keyword", method: "GET", target: userListPath + "?keyWord=EXAMPLE.org"},
		{name: "quota", method: "GET", target: prefix + "/service/quotaUsed"},
		{name: "user changed", method: "DELETE", target: userPath(bo)},
		{name: "no resource", method: "DELETE", target: userPath(bo)},
		{name: "no resource", method: "PUT", target: userPath(bo), body: `{"status":0}`},
		{name: "no resource", method: "PUT", target: userPath(ada.ID), body: `{"deptId":"42"}`},
		{name: "user with a bad role", method: "PUT", target: userPath(ada.ID), body: `{"role":3}`},
		{name: "user with a bad role", method: "PUT", target: userPath(ada.ID), body: `{"role":1.0}`},
		{name: "user with a bad role in Chinese", method: "PUT", target: userPath(ada.ID), body: `{"role":-1}`, change: []func(*http.Request){chinese}},
		{name: "user with a bad status", method: "PUT", target: userPath(ada.ID), body: `{"status":7}`},
		{name: "user with true as status", method: "PUT", target: userPath(ada.ID), body: `{"status":true}`},
		{name: "user with a bad deptId", method: "PUT", target: userPath(ada.ID), body: `{"deptId":9223372036854775808}`},
		{name: "user unchanged", method: "PUT", target: userPath(ada.ID), body: `{"role":null}`},
		{name: "user unchanged in Chinese", method: "PUT", target: userPath(ada.ID), body: `{}`, change: []func(*http.Request){chinese}},
		{name: "user without body", method: "PUT", target: userPath(ada.ID)},
		{name: "users with limit 0", method: "GET", target: userListPath + "?limit=0"},
		{name: "users with limit 101", method: "GET", target: userListPath + "?limit=101"},
		{name: "users with a negative offset", method: "GET", target: userListPath + "?offset=-1"},
		{name: "users with a bad isDirect", method: "GET", target: userListPath + "?isDirect=1"},
		{name: "users with deptId twice", method: "GET", target: userListPath + "?deptId=1&deptId=1"},
		{name: "users of a deptId that is none", method: "GET", target: userListPath + "?deptId=-1"},
		{name: "keyWord too long", method: "GET", target: userListPath + "?keyWord=" + strings.Repeat("k", 255)},
	} {
		golden(t, tc.name, b.ask(t, token, tc.method, tc.target, tc.body, tc.change...))
	}
	if logs := b.logs.String(); logs != "" {
		t.Errorf("logged %s", logs)
	}
}

// TestTheLastAdministratorStays: he cannot disable, demote or delete himself either.
func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.applicationToken(t)
	for _, body := range []string{`{"status":1}`, `{"role":1}`} {
		golden(t, "user last administrator", b.ask(t, token, http.MethodPut, userPath(user), body))
	}
	golden(t, "user last administrator", b.ask(t, token, http.MethodDelete, userPath(user), ""))
	golden(t, "user last administrator in Chinese", b.ask(t, token, http.MethodDelete, userPath(user), "", setHeader("language", "zh-CN")))
}

// TestADepartmentAdministratorsBounds: the fields are called as the contract calls them.
func TestADepartmentAdministratorsBounds(t *testing.T) {
	t.Parallel()
	b, _, _ := peopled(t)
	token := b.administrator(t, b.tenant, muster.LevelDepartmentAdmin, selected)
	golden(t, "user above", b.ask(t, token, http.MethodPut, userPath(ada.ID), `{"role":2}`))
	golden(t, "user above in Chinese", b.ask(t, token, http.MethodPut, userPath(ada.ID), `{"role":2}`, setHeader("language", "zh-CN")))
	golden(t, "user elsewhere", b.ask(t, token, http.MethodPut, userPath(ada.ID), `{"deptId":`+(selected+7).String()+`}`))
}

// TestUsersKeepToScopes: what each kind of caller sees and may do.
func TestUsersKeepToScopes(t *testing.T) {
	t.Parallel()
	b, system, foreign := peopled(t)
	bo := ada.ID + 1 // elsewhere
	self := b.addUser(t, b.tenant, muster.User{Account: "self", FirstName: "Se", Level: muster.LevelCommon, Department: selected})
	tokens := map[string]string{
		"system": system, "application": b.applicationToken(t), "self": b.signIn(t, b.tenant, "self"),
		"chosen":  b.administrator(t, b.tenant, muster.LevelDepartmentAdmin, selected),
		"manager": b.administrator(t, b.tenant, muster.LevelManager, selected),
	}
	const ok, forbidden, none = http.StatusOK, http.StatusForbidden, http.StatusBadRequest
	into := func(id muster.ID) string { return fmt.Sprintf(`{"deptId":%d}`, id) }
	for i, tc := range []struct {
		who, method, target, body string
		want                      int
	}{
		{"self", "GET", infoPath, "", ok},
		{"self", "GET", infoPath + "?userId=" + self.String(), "", ok},
		{"self", "GET", userPath(self), "", ok},
		{"self", "GET", infoPath + "?userId=" + ada.ID.String(), "", forbidden},
		{"self", "GET", infoPath + "?phone=27100000009", "", forbidden},
		{"self", "GET", userPath(foreign), "", forbidden},
		{"self", "PUT", userPath(self), `{"role":2}`, forbidden},
		{"self", "DELETE", userPath(self), "", forbidden},
		{"self", "GET", userListPath, "", forbidden},
		{"self", "GET", prefix + "/service/quotaUsed", "", forbidden},
		{"manager", "GET", infoPath, "", ok},
		{"manager", "GET", userPath(ada.ID), "", forbidden},
		{"manager", "PUT", userPath(ada.ID), `{"status":1}`, forbidden},
		{"manager", "GET", userListPath, "", forbidden},
		{"manager", "GET", prefix + "/service/quotaUsed", "", ok},
		{"chosen", "GET", userPath(ada.ID), "", ok},
		{"chosen", "GET", infoPath + "?phone=0027100000001", "", ok},
		{"chosen", "GET", userPath(bo), "", none},
		{"chosen", "GET", infoPath + "?phone=27100000002", "", none},
		{"chosen", "GET", userPath(foreign), "", none},
		{"chosen", "GET", userListPath, "", ok},
		{"chosen", "GET", userListPath + "?deptId=" + (selected + 1).String(), "", ok},
		{"chosen", "GET", userListPath + "?deptId=" + (selected + 7).String(), "", forbidden},
		{"chosen", "GET", userListPath + "?deptId=42", "", none},
		{"chosen", "PUT", userPath(ada.ID), into(selected + 2), ok},
		{"chosen", "PUT", userPath(ada.ID), into(selected + 7), forbidden},
		{"chosen", "PUT", userPath(bo), into(selected), none},
		{"chosen", "PUT", userPath(ada.ID), `{"role":0}`, ok},
		{"chosen", "PUT", userPath(ada.ID), `{"role":5}`, forbidden},
		{"chosen", "PUT", userPath(ada.ID), `{"role":2}`, forbidden},
		{"chosen", "DELETE", userPath(bo), "", none},
		{"chosen", "PUT", userPath(user), `{"status":1}`, none}, // a system administrator, in the root
		{"chosen", "GET", prefix + "/service/quotaUsed", "", ok},
		{"system", "GET", userPath(foreign), "", none},
		{"system", "GET", infoPath + "?phone=27100000003", "", none},
		{"system", "PUT", userPath(foreign), `{"status":1}`, none},
		{"system", "DELETE", userPath(foreign), "", none},
		{"application", "GET", userPath(bo), "", ok},
		{"application", "PUT", userPath(bo), `{"role":2}`, ok},
		{"application", "GET", userListPath, "", ok},
		{"chosen", "DELETE", userPath(ada.ID), "", ok},
		{"system", "DELETE", userPath(bo), "", ok},
	} {
		answer := b.ask(t, tokens[tc.who], tc.method, tc.target, tc.body)
		if answer.StatusCode != tc.want {
			t.Errorf("%d: %s %s %s %s: %s", i, tc.who, tc.method, tc.target, tc.body, dump(t, answer))
			continue
		}
		switch tc.want {
		case none:
			golden(t, "no resource", answer) // the same bytes for all
		case forbidden:
			if body := text(t, answer); !strings.HasPrefix(body, `{"code":13000410,"msg":"No permission.`) {
				t.Errorf("%d: %s", i, body)
			}
		}
	}
}
