package mapping_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/mapping"
)

func entryOf(t *testing.T, p muster.FederationProfile, row muster.Row, identity *mapping.Identity) muster.Entry {
	t.Helper()
	m := mapping.New(tenant(), muster.ContractFederation, muster.LevelManager, mapping.NewFederation(&p))
	if asks := m.Asks(&row); asks != (identity != nil) {
		t.Errorf("asks is %t for %+v", asks, row)
	}
	return m.Entry(t.Context(), &row, 99, identity)
}

// profileOf is the default profile, changed.
func profileOf(change func(*muster.FederationProfile)) muster.FederationProfile {
	p := muster.DefaultFederationProfile()
	change(&p)
	return p
}

func ruleOf(rule muster.MappingRule) muster.FederationProfile {
	return profileOf(func(p *muster.FederationProfile) { p.Mapping = &rule })
}

const fields = muster.FieldAccount | muster.FieldDisplayName | muster.FieldEmail | muster.FieldRoles

func create() muster.Row {
	return muster.Row{
		Action: muster.ActionCreate, Set: fields, Account: "Test0616", DisplayName: "test name", Email: "Test@Example.ORG",
		Roles: []string{"1672380646005741634", "7", "7"},
	}
}

func modify(set muster.FieldSet) muster.Row {
	r := create()
	r.Action, r.Set = muster.ActionUpdate, set|muster.FieldAccount
	return r
}

func disable() muster.Row {
	return muster.Row{Action: muster.ActionDisable, Set: muster.FieldAccount, Account: "Test0616"}
}

func TestFederatedEntry(t *testing.T) {
	t.Parallel()
	rule := ruleOf(muster.MappingRule{
		Account:     `account.lowerAscii() + "@corp"`,
		DisplayName: `userName + " (" + account + ")"`,
		Email:       `account.lowerAscii() + "@corp.example"`,
		Roles:       `roleIds.filter(r, r != "7") + ["8"]`,
		Condition:   `action == "CREATE" || account.matches("^[Tt]est")`,
	})
	base := muster.Entry{Match: muster.KeyAccount, OnExisting: muster.FailExisting, Actor: muster.LevelManager, NewID: 99}
	made := muster.FieldDepartment | muster.FieldLevel
	for _, tt := range []struct {
		name    string
		profile muster.FederationProfile
		row     muster.Row
		set     muster.FieldSet
		user    muster.User
	}{
		{
			"identity, create", muster.DefaultFederationProfile(), create(), fields | made,
			muster.User{
				Account: "Test0616", AccountKey: "test0616", DisplayName: "test name", Email: "Test@Example.ORG", EmailKey: "test@example.org",
				Roles: []muster.ID{1672380646005741634, 7}, Level: muster.LevelCommon, Department: rootDepartment,
			},
		},
		{
			"identity, modify nothing", muster.DefaultFederationProfile(), modify(0), 0,
			muster.User{Account: "Test0616", AccountKey: "test0616"},
		},
		{
			"identity, take the roles away", muster.DefaultFederationProfile(),
			muster.Row{Action: muster.ActionUpdate, Set: muster.FieldAccount | muster.FieldRoles, Account: "Test0616", Roles: []string{}},
			muster.FieldRoles,
			muster.User{Account: "Test0616", AccountKey: "test0616", Roles: []muster.ID{}},
		},
		{
			"identity, disable", muster.DefaultFederationProfile(), disable(), 0,
			muster.User{Account: "Test0616", AccountKey: "test0616"},
		},
		{
			"rule, create", rule, create(), fields | made,
			muster.User{
				Account: "test0616@corp", AccountKey: "test0616@corp", DisplayName: "test name (Test0616)", Email: "test0616@corp.example",
				EmailKey: "test0616@corp.example", Roles: []muster.ID{1672380646005741634, 8}, Level: muster.LevelCommon, Department: rootDepartment,
			},
		},
		{
			"rule, modify the e-mail alone", rule, modify(muster.FieldEmail), muster.FieldEmail,
			muster.User{Account: "test0616@corp", AccountKey: "test0616@corp", Email: "test0616@corp.example", EmailKey: "test0616@corp.example"},
		},
		{
			"rule, disable", rule, disable(), 0,
			muster.User{Account: "test0616@corp", AccountKey: "test0616@corp"},
		},
		{
			"a condition does not keep a user from being disabled", ruleOf(muster.MappingRule{Condition: "false"}), disable(), 0,
			muster.User{Account: "Test0616", AccountKey: "test0616"},
		},
		{
			"nor does an account rule that has changed",
			profileOf(func(p *muster.FederationProfile) { p.Account = muster.AccountRule{MinLength: 9, Characters: "-"} }), disable(), 0,
			muster.User{Account: "Test0616", AccountKey: "test0616"},
		},
		{
			"nor an identity system", httpProfile(muster.MappingRule{}), disable(), 0,
			muster.User{Account: "Test0616", AccountKey: "test0616"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := base
			want.Action, want.Set, want.User = tt.row.Action, tt.set, tt.user
			if diff := cmp.Diff(want, entryOf(t, tt.profile, tt.row, nil)); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFederatedFaults(t *testing.T) {
	t.Parallel()
	local := muster.DefaultFederationProfile()
	change := func(change func(*muster.Row)) muster.Row {
		r := create()
		change(&r)
		return r
	}
	account := func(a string) muster.Row { return change(func(r *muster.Row) { r.Account = a }) }
	withRoles := func(ids ...string) muster.Row { return change(func(r *muster.Row) { r.Roles = ids }) }
	forty := strings.Repeat("1", 40)
	for _, tt := range []struct {
		name    string
		profile muster.FederationProfile
		row     muster.Row
		reason  muster.Reason
		detail  string // all of it, where it is a parameter
	}{
		{"no system", muster.FederationProfile{Mapping: &muster.MappingRule{}}, create(), muster.ReasonNoSystem, ""},
		{"no system, disable", muster.FederationProfile{Mapping: &muster.MappingRule{}}, disable(), muster.ReasonNoSystem, ""},
		{"neither system nor rule", muster.FederationProfile{}, account("x"), muster.ReasonNoSystem, ""},
		{"a system of a later version", muster.FederationProfile{System: &muster.IdentitySystem{Kind: "ldap"}, Mapping: &muster.MappingRule{}}, create(), muster.ReasonNoSystem, ""},
		{"no rule", muster.FederationProfile{System: local.System}, account("x"), muster.ReasonNoMapping, ""},
		{"no rule, disable", muster.FederationProfile{System: local.System}, disable(), muster.ReasonNoMapping, ""},
		{"a rule that does not compile", ruleOf(muster.MappingRule{Email: "nobody"}), create(), muster.ReasonMapping, ""},

		{"5 characters", local, account("abcde"), muster.ReasonAccountLength, ""},
		{"6 characters", local, account("abcdef"), muster.ReasonNone, ""},
		{"50 characters", local, account(strings.Repeat("a", 50)), muster.ReasonNone, ""},
		{"51 characters", local, account(strings.Repeat("a", 51)), muster.ReasonAccountLength, ""},
		{"6 characters of 3 bytes", local, account("字字字字字字"), muster.ReasonAccountCharacters, "字"},
		{"all that is accepted", local, account("aZ09@.-_"), muster.ReasonNone, ""},
		{"what is not, each once", local, account("a+b+c d+"), muster.ReasonAccountCharacters, "+ "},
		{"too short and of wrong characters", local, account("a+b"), muster.ReasonAccountLength, ""},
		{
			"the tenant's own rule",
			profileOf(func(p *muster.FederationProfile) {
				p.Account = muster.AccountRule{MinLength: 2, MaxLength: 5, Characters: "+"}
			}),
			account("a+b@c"), muster.ReasonAccountCharacters, "@",
		},
		{
			"the tenant's own length",
			profileOf(func(p *muster.FederationProfile) { p.Account = muster.AccountRule{MinLength: 2, MaxLength: 5} }),
			account("abcdef"), muster.ReasonAccountLength, "",
		},

		{"not admitted", ruleOf(muster.MappingRule{Condition: `email.endsWith("@corp.example")`}), create(), muster.ReasonNotAdmitted, ""},
		{"not admitted, modify", ruleOf(muster.MappingRule{Condition: `false`}), modify(0), muster.ReasonNotAdmitted, ""},
		{"a condition that is no bool", ruleOf(muster.MappingRule{Condition: `dyn(account)`}), create(), muster.ReasonMapping, ""},
		{"a condition that fails", ruleOf(muster.MappingRule{Condition: `source.department == "x"`}), create(), muster.ReasonMapping, ""},
		{"an empty account", ruleOf(muster.MappingRule{Account: `""`}), create(), muster.ReasonMapping, ""},
		{"an empty account to disable", ruleOf(muster.MappingRule{Account: `""`}), disable(), muster.ReasonMapping, ""},
		{"an account that breaks the rule", ruleOf(muster.MappingRule{Account: `account + "+"`}), create(), muster.ReasonMapping, ""},
		{"an account of the wrong type", ruleOf(muster.MappingRule{Account: `dyn(7)`}), create(), muster.ReasonMapping, ""},
		{"an empty name", ruleOf(muster.MappingRule{DisplayName: `" "`}), create(), muster.ReasonMapping, ""},
		{"a name too long", ruleOf(muster.MappingRule{DisplayName: `userName + "` + strings.Repeat("x", 60) + `"`}), create(), muster.ReasonMapping, ""},
		{"a name that turns the text", local, change(func(r *muster.Row) { r.DisplayName = "a\u202eb" }), muster.ReasonMapping, ""},
		{"no address", ruleOf(muster.MappingRule{Email: `userName`}), create(), muster.ReasonMapping, ""},
		{"an address that fails", ruleOf(muster.MappingRule{Email: `email.split("@")[5]`}), create(), muster.ReasonMapping, ""},
		{"a result too long", ruleOf(muster.MappingRule{Roles: `[` + strings.Repeat(`"1672380646005741634",`, 160) + `"1"].map(r, r + r)`}), create(), muster.ReasonMapping, ""},
		{"roles that are no ids", ruleOf(muster.MappingRule{Roles: `["admin"]`}), create(), muster.ReasonMapping, ""},
		{"roles of the wrong type", ruleOf(muster.MappingRule{Roles: `[dyn(7)]`}), create(), muster.ReasonMapping, ""},
		{"too dear", ruleOf(muster.MappingRule{Condition: dear}), create(), muster.ReasonMapping, ""},

		{"role 0", local, withRoles("0"), muster.ReasonRoleNotFound, "0"},
		{"a role of 40 digits", local, withRoles("7", forty), muster.ReasonRoleNotFound, forty},
		{"a role with a leading zero", local, withRoles("07"), muster.ReasonRoleNotFound, "07"},
		{"a fault found before", local, change(func(r *muster.Row) { r.Fault = &muster.Fault{Reason: muster.ReasonInvalid} }), muster.ReasonInvalid, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := entryOf(t, tt.profile, tt.row, nil)
			if tt.reason == muster.ReasonNone {
				if e.Fault != nil {
					t.Errorf("fault %+v, want none", e.Fault)
				}
				return
			}
			if e.Fault == nil || e.Fault.Reason != tt.reason || tt.detail != "" && e.Fault.Detail != tt.detail {
				t.Fatalf("fault %+v, want %s %q", e.Fault, tt.reason, tt.detail)
			}
			if tt.reason == muster.ReasonMapping && tt.row.Email != "" && (strings.Contains(e.Fault.Detail, tt.row.Email) || strings.Contains(e.Fault.Detail, tt.row.DisplayName)) {
				t.Errorf("the fault tells a personal field: %s", e.Fault.Detail)
			}
		})
	}
}

// dear costs more than a rule may.
const dear = `[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, a + b + c + d > 0))))`

func httpProfile(rule muster.MappingRule) muster.FederationProfile {
	return muster.FederationProfile{
		System:  &muster.IdentitySystem{ID: "hr", Kind: muster.SystemHTTP, URL: "https://hr.example/{account}"},
		Mapping: &rule,
	}
}

func TestIdentityOfTheSource(t *testing.T) {
	t.Parallel()
	answered := &mapping.Identity{ID: "u1", Fields: map[string]any{
		"id": "u1", "mail": "ann@hr.example", "level": int64(3), "roles": []any{"7", "9"}, "org": map[string]any{"name": "R&D"},
	}}
	rule := httpProfile(muster.MappingRule{
		Condition: `source.level >= 3 && source.org.name == "R&D"`, Email: `source.mail`, Roles: `source.roles`,
	})
	e := entryOf(t, rule, create(), answered)
	if e.Fault != nil || e.User.Email != "ann@hr.example" || len(e.User.Roles) != 2 || e.User.DisplayName != "test name" {
		t.Errorf("entry %+v with fault %+v", e, e.Fault)
	}
	nameless := &mapping.Identity{Fields: answered.Fields}
	if e := entryOf(t, rule, create(), nameless); e.Fault == nil || e.Fault.Reason != muster.ReasonSourceNoID {
		t.Errorf("fault %+v, want that there is no id", e.Fault)
	}
	if e := entryOf(t, rule, modify(muster.FieldEmail), nameless); e.Fault != nil {
		t.Errorf("fault %+v of a MODIFY without id, want none", e.Fault)
	}
	away := &mapping.Identity{Fault: &muster.Fault{Reason: muster.ReasonSourceEmpty}}
	if e := entryOf(t, rule, create(), away); e.Fault == nil || e.Fault.Reason != muster.ReasonSourceEmpty {
		t.Errorf("fault %+v, want the source's", e.Fault)
	}
	short := create()
	short.Account = "x"
	if e := entryOf(t, rule, short, nil); e.Fault == nil || e.Fault.Reason != muster.ReasonAccountLength {
		t.Errorf("fault %+v, want the account's", e.Fault)
	}
}

func TestCompileTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rule muster.MappingRule
		want string
	}{
		{"a syntax error", muster.MappingRule{Email: "account +"}, "mapping.email: Line 1, column 10: "},
		{"its line", muster.MappingRule{Condition: "true &&\n  nobody == 1"}, `mapping.condition: Line 2, column 3: undeclared reference to 'nobody'`},
		{"the variables", muster.MappingRule{Condition: "nobody"}, "The variables are action, account, userName, email, roleIds, source."},
		{"an account of another field", muster.MappingRule{Account: "email"}, "mapping.account: Line 1, column 1: undeclared reference to 'email'"},
		{"a condition of the wrong type", muster.MappingRule{Condition: "account"}, "mapping.condition: Line 1, column 1: the expression yields string; bool is expected."},
		{"a name of the wrong type", muster.MappingRule{DisplayName: "roleIds"}, "string is expected."},
		{"roles of the wrong type", muster.MappingRule{Roles: "[1, 2]"}, "the expression yields list(int); list(string) is expected."},
		{"too long", muster.MappingRule{Email: `"` + strings.Repeat("x", 4095) + `"`}, "mapping.email: An expression of at most 4096 bytes is accepted."},
		{"too deep", muster.MappingRule{Condition: strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200)}, "mapping.condition: Line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Compile(&tt.rule)
			if err == nil || muster.KindOf(err) != muster.KindInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Compile = %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := mapping.Compile(&muster.MappingRule{Email: `"` + strings.Repeat("x", 4094) + `"`}); err != nil {
		t.Errorf("an expression of 4096 bytes is refused: %v", err)
	}
}

// What the functions make, and that none makes more than a rule may have.
func TestRuleFunctions(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{ // want "" is a failure
		`"AbÇ".lowerAscii()`:             "abÇ",
		`"abç".upperAscii()`:             "ABç",
		`" a ".trim()`:                   "a",
		`"a-b-c".replace("-", "+")`:      "a+b+c",
		`"a-b-c".split("-")[1]`:          "b",
		`"字ab".substring(1)`:             "ab",
		`"字ab".substring(0, 2)`:          "字a",
		`"ab".substring(1, 3)`:           "",
		`"ab".substring(-1)`:             "",
		`string("字ab".indexOf("b"))`:     "2",
		`string("ab".indexOf("c"))`:      "-1",
		`["a", "b"].join()`:              "ab",
		`["a", "b"].join(", ")`:          "a, b",
		`string("abc".matches("^a.c$"))`: "true",
		`string("abc".matches("["))`:     "",
		`string("abc".matches("(((a{10}){10}){10}b{900}c{900})"))`:                         "",
		`string("abc".matches(account + account + account + account + account + account))`: "",
		growing: "",
		`"` + strings.Repeat("a", 4000) + `".replace("a", "bb")`: "",
	} {
		r := create()
		r.Account, r.DisplayName = strings.Repeat("a", 50), "n"
		e := entryOf(t, ruleOf(muster.MappingRule{DisplayName: expression}), r, nil)
		if (e.Fault == nil) != (want != "") || e.User.DisplayName != want {
			t.Errorf("%.60s is %q, fault %+v; want %q", expression, e.User.DisplayName, e.Fault, want)
		}
	}
}

// growing would make 10^12 bytes if it were let.
const growing = `"aaaaaaaaaa".replace("a","aaaaaaaaaa").replace("a","aaaaaaaaaa").replace("a","aaaaaaaaaa").replace("a","aaaaaaaaaa")` +
	`.replace("a","aaaaaaaaaa").replace("a","aaaaaaaaaa").replace("a","aaaaaaaaaa").replace("a","aaaaaaaaaa").substring(0,1)`

// A rule stops when its caller does.
func TestRuleIsInterrupted(t *testing.T) {
	t.Parallel()
	p := ruleOf(muster.MappingRule{Condition: `[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, a + b > 0))`})
	m := mapping.New(tenant(), muster.ContractFederation, muster.LevelManager, mapping.NewFederation(&p))
	row := create()
	if e := m.Entry(t.Context(), &row, 1, nil); e.Fault != nil {
		t.Fatalf("fault %+v, want none", e.Fault)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if e := m.Entry(ended, &row, 1, nil); e.Fault == nil {
		t.Error("an evaluation went on after its context had ended")
	}
}

func TestCheckProfile(t *testing.T) {
	t.Parallel()
	system := func(s muster.IdentitySystem) func(*muster.FederationProfile) {
		return func(p *muster.FederationProfile) { p.System = &s }
	}
	address := func(u string) func(*muster.FederationProfile) {
		return system(muster.IdentitySystem{ID: "hr", Kind: muster.SystemHTTP, URL: u})
	}
	for _, tt := range []struct {
		name   string
		change func(*muster.FederationProfile)
		field  string // "" is fine
	}{
		{"the default", func(*muster.FederationProfile) {}, ""},
		{"nothing at all", func(p *muster.FederationProfile) { *p = muster.FederationProfile{} }, ""},
		{"http", address("http://hr.example:8080/users/{account}?full=1"), ""},
		{"the account in the query", address("https://hr.example/users?account={account}"), ""},
		{"no place for the account", address("https://hr.example/users"), "system.url"},
		{"two places", address("https://hr.example/{account}/{account}"), "system.url"},
		{"the account as host", address("https://{account}/users"), "system.url"},
		{"the account in the host", address("https://{account}.hr.example/users"), "system.url"},
		{"the account as fragment", address("https://hr.example/#{account}"), "system.url"},
		{"a password in the URL", address("https://a:b@hr.example/{account}"), "system.url"},
		{"no host", address("https:///{account}"), "system.url"},
		{"another scheme", address("file:///etc/{account}"), "system.url"},
		{"a local system with URL", system(muster.IdentitySystem{ID: "x", Kind: muster.SystemLocal, URL: "https://x/{account}"}), "system.url"},
		{"another kind", system(muster.IdentitySystem{ID: "x", Kind: "ldap"}), "system.kind"},
		{"no id", system(muster.IdentitySystem{Kind: muster.SystemLocal}), "system.id"},
		{"a rule that does not compile", func(p *muster.FederationProfile) { p.Mapping.Roles = "[" }, "mapping.roles"},
		{"a minimum above the maximum", func(p *muster.FederationProfile) { p.Account.MinLength = 51 }, "account"},
		{"a maximum below the minimum", func(p *muster.FederationProfile) { p.Account.MaxLength = 5 }, "account"},
		{"a letter among the characters", func(p *muster.FederationProfile) { p.Account.Characters = "@x" }, "account.characters"},
		{"a space among the characters", func(p *muster.FederationProfile) { p.Account.Characters = "@ " }, "account.characters"},
		{"a limit below 0", func(p *muster.FederationProfile) { p.Limits.Roles = -1 }, "limits.roles"},
		{"an e-mail limit beyond what is an address", func(p *muster.FederationProfile) { p.Limits.Email = 255 }, "limits.email"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := profileOf(tt.change)
			err := mapping.CheckProfile(&p)
			if tt.field == "" {
				if err != nil {
					t.Errorf("CheckProfile = %v, want none", err)
				}
				return
			}
			if muster.KindOf(err) != muster.KindInvalid || !strings.HasPrefix(err.Error(), tt.field+": ") {
				t.Errorf("CheckProfile = %v, want a refusal of %s", err, tt.field)
			}
		})
	}
}

// Whatever a rule and a row hold, a row comes out: bounded, and valid or with a fault.
func FuzzRule(f *testing.F) {
	for _, s := range []string{
		`account`, `email.split("@")[0]`, `source.x`, `roleIds.map(r, r + "1").join()`, `account.matches("(a{1000}){1000}")`, dear, growing,
		`[[roleIds]].map(x, x)`, `"\u202e"`, `{"a": account}`, `timestamp(account)`, `size(email) / 0 == 1 ? "a" : "b"`, "(((((((",
	} {
		f.Add(s, "test0616", "name", "a@b.example", "7")
	}
	f.Fuzz(func(t *testing.T, expression, account, name, email, role string) {
		row := muster.Row{Action: muster.ActionCreate, Set: fields, Account: account, DisplayName: name, Email: email, Roles: []string{role}}
		for _, rule := range []muster.MappingRule{
			{Condition: expression}, {Account: expression}, {DisplayName: expression}, {Email: expression}, {Roles: expression},
		} {
			p := httpProfile(rule)
			p.Account = muster.AccountRule{MinLength: 1, MaxLength: 256}
			m := mapping.New(tenant(), muster.ContractFederation, muster.LevelCommon, mapping.NewFederation(&p))
			e := m.Entry(t.Context(), &row, 1, &mapping.Identity{ID: role, Fields: map[string]any{"x": name, "y": []any{email, int64(1), 1.5, nil}}})
			if e.Fault != nil {
				continue
			}
			u := &e.User
			if u.AccountKey == "" || len(u.Account) > 1024 || len(u.DisplayName) > mapping.MaxResult || !strings.Contains(u.EmailKey, "@") || len(u.Email) > 254 {
				t.Errorf("%q makes %+v of %+v", expression, u, row)
			}
		}
	})
}

// TestPlacesOfMistakes: where an expression does not compile, or fails for a row, is told by line and column, and read again.
func TestPlacesOfMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule         muster.MappingRule
		line, column int
	}{
		{muster.MappingRule{Condition: "true &&\n  nobody == 1"}, 2, 3},
		{muster.MappingRule{Email: "account +"}, 1, 10},
		{muster.MappingRule{Email: `"字" + nobody`}, 1, 7},
		{muster.MappingRule{Condition: "true &&\n  source.department == 'x'"}, 2, 9},
		{muster.MappingRule{Email: `"字" + email.split("@")[5]`}, 1, 23},
		{muster.MappingRule{DisplayName: `userName.substring(99)`}, 1, 19},
		{muster.MappingRule{DisplayName: `" "`}, 0, 0},
		{muster.MappingRule{Condition: dear}, 0, 0},
		{muster.MappingRule{Email: `"` + strings.Repeat("x", 4095) + `"`}, 0, 0},
	} {
		detail := ""
		if _, err := mapping.Compile(&c.rule); err != nil {
			detail = err.Error()
		} else if e := entryOf(t, ruleOf(c.rule), create(), nil); e.Fault != nil {
			detail = e.Fault.Detail
		}
		if line, column := mapping.Place(detail); detail == "" || line != c.line || column != c.column {
			t.Errorf("%+.200v: %.200q is at line %d, column %d, want %d, %d", c.rule, detail, line, column, c.line, c.column)
		}
	}
	for _, text := range []string{"", "line 1", "line 99999999999999999999, column 1", "Line 1, column 99999999999999999999"} {
		if line, column := mapping.Place(text); line != 0 || column != 0 {
			t.Errorf("%q is at line %d, column %d", text, line, column)
		}
	}
}
