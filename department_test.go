package muster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// plant makes departments of NamePaths, parents first; the root's id is 1, the others' run on.
func plant(root string, paths ...string) []Department {
	tenant := Tenant{Name: root, RootDepartment: 1}
	all := []Department{RootDepartment(&tenant)}
	for i, path := range paths {
		parent := slices.IndexFunc(all, func(d Department) bool { return d.NamePath == path[:strings.LastIndex(path, "/")] })
		name := path[strings.LastIndex(path, "/")+1:]
		all = append(all, all[parent].Child(ID(i+2), name, time.Time{}))
	}
	return all
}

// departmentsOf is what a snapshot has to hold for the references, looked up in the plainest way.
func departmentsOf(all []Department, refs []DepartmentRef) []Department {
	held := map[ID]Department{}
	for _, r := range refs {
		base := slices.IndexFunc(all, func(d Department) bool { return d.ID == r.Base })
		if base < 0 {
			continue
		}
		held[r.Base] = all[base]
		if r.Path == "" {
			continue
		}
		stands := false
		for _, d := range all {
			if slices.Contains(r.Candidates(&all[base]), d.NamePath) {
				held[d.ID], stands = d, true
			}
		}
		for below := 0; !stands && below < 2; below++ {
			i := slices.IndexFunc(all, func(d Department) bool {
				_, known := held[d.ID]
				return d.Name == r.Name() && d.Within(r.Base) && !known
			})
			if i >= 0 {
				held[all[i].ID] = all[i]
			}
		}
	}
	var list []Department
	for _, d := range held {
		list = append(list, d)
	}
	return list
}

// meant follows the contract's words over the whole tree: the department itself if its name matches, else a direct child,
// else the only descendant of that name; a path's first part is the department itself or a direct child.
func meant(all []Department, r DepartmentRef) (ID, Reason) {
	child := func(parent ID, name string) ID {
		for _, d := range all {
			if d.Parent == parent && d.Name == name {
				return d.ID
			}
		}
		return 0
	}
	walk := func(from ID, names []string) ID {
		for _, name := range names {
			if from = child(from, name); from == 0 {
				return 0
			}
		}
		return from
	}
	base := slices.IndexFunc(all, func(d Department) bool { return d.ID == r.Base })
	if base < 0 {
		return 0, ReasonNoDepartment
	}
	if r.Path == "" {
		return r.Base, ReasonNone
	}
	names := strings.Split(r.Path, "/")
	if names[0] == all[base].Name {
		if id := walk(r.Base, names[1:]); id != 0 {
			return id, ReasonNone
		}
	}
	if id := walk(r.Base, names); id != 0 {
		return id, ReasonNone
	}
	var below []ID
	for _, d := range all {
		if d.Name == r.Path && d.Within(r.Base) && d.ID != r.Base {
			below = append(below, d.ID)
		}
	}
	switch len(below) {
	case 0:
		return 0, ReasonNoDepartment
	case 1:
		return below[0], ReasonNone
	default:
		return 0, ReasonAmbiguousDepartment
	}
}

func TestDepartmentsAreMeantAsTheContractSays(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"A", "B", "C"})
	rapid.Check(t, func(t *rapid.T) {
		all := plant(name.Draw(t, "root"))
		for i := range rapid.IntRange(0, 25).Draw(t, "departments") {
			parent := rapid.SampledFrom(all).Draw(t, "parent")
			d := parent.Child(ID(i+2), name.Draw(t, "name"), time.Time{})
			twin := slices.ContainsFunc(all, func(o Department) bool { return o.NamePath == d.NamePath })
			if d.Level() <= MaxDepartmentLevel && !twin {
				all = append(all, d)
			}
		}
		entries := make([]Entry, rapid.IntRange(1, 5).Draw(t, "rows"))
		for i := range entries {
			entries[i] = Entry{
				Action: ActionCreate, Actor: LevelSystemAdmin, NewID: ID(1000 + i), Set: FieldDepartment,
				Department: DepartmentRef{
					Base: ID(rapid.IntRange(1, len(all)+1).Draw(t, "base")),
					Path: strings.Join(rapid.SliceOfN(name, 0, 3).Draw(t, "path"), "/"),
				},
			}
		}
		settings := &TenantSettings{}
		keys := KeysOf(entries, settings)
		planned := Plan(entries, Snapshot{Settings: settings, Departments: departmentsOf(all, keys.Departments)})
		made := map[ID]ID{}
		for _, u := range planned.Insert {
			made[u.ID] = u.Department
		}
		for i, o := range planned.Outcomes {
			want, reason := meant(all, entries[i].Department)
			if o.Reason != reason || made[entries[i].NewID] != want {
				t.Fatalf("%+v is department %s, %v; want %s, %v", entries[i].Department, made[entries[i].NewID], o.Reason, want, reason)
			}
		}
	})
}

func TestDepartmentFaultsNameTheDepartment(t *testing.T) {
	t.Parallel()
	all := plant("Root", "/A", "/B", "/A/X", "/B/X")
	for _, test := range []struct {
		ref  DepartmentRef
		want Outcome
	}{
		{DepartmentRef{1, "Nowhere"}, Outcome{Result: Failed, Reason: ReasonNoDepartment, Field: "department", Detail: "Nowhere"}},
		{DepartmentRef{1, "A/Y"}, Outcome{Result: Failed, Reason: ReasonNoDepartment, Field: "department", Detail: "A/Y"}},
		{DepartmentRef{1, "X"}, Outcome{Result: Failed, Reason: ReasonAmbiguousDepartment, Field: "department", Detail: "X"}},
		{DepartmentRef{77, "X"}, Outcome{Result: Failed, Reason: ReasonNoDepartment, Field: "department", Detail: "77"}},
		{DepartmentRef{2, "X"}, Outcome{Result: Succeeded, Effect: EffectCreated, User: 9}},
	} {
		entries := []Entry{{Action: ActionCreate, Actor: LevelSystemAdmin, NewID: 9, Set: FieldDepartment, Department: test.ref}}
		planned := Plan(entries, Snapshot{Settings: &TenantSettings{}, Departments: departmentsOf(all, []DepartmentRef{test.ref})})
		if diff := cmp.Diff(test.want, planned.Outcomes[0]); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.ref, diff)
		}
	}
}

func TestScopeBoundsWhomAnAdministratorReaches(t *testing.T) {
	t.Parallel()
	all := plant("Root", "/North", "/North/Team", "/South")
	const north, team, south = 2, 3, 4
	users := []User{
		{ID: 11, Level: LevelCommon, Department: north}, {ID: 12, Level: LevelCommon, Department: team},
		{ID: 13, Level: LevelCommon, Department: south}, {ID: 14, Level: LevelCommon, Department: 1},
		{ID: 15, Level: LevelManager, Department: team}, {ID: 16, Level: LevelSystemAdmin, Department: team},
	}
	entry := func(action Action, user, to ID) Entry {
		e := Entry{Action: action, Match: KeyID, Actor: LevelDepartmentAdmin, Scope: north, NewID: 99, User: User{ID: user}}
		if to != 0 {
			e.Set, e.Department = FieldDepartment, DepartmentRef{Base: to}
		}
		return e
	}
	for _, test := range []struct {
		name  string
		entry Entry
		want  Reason
	}{
		{"his own department", entry(ActionDisable, 11, 0), ReasonNone},
		{"one below", entry(ActionDelete, 12, 0), ReasonNone},
		{"one beside", entry(ActionDisable, 13, 0), ReasonForbidden},
		{"the one above", entry(ActionUpdate, 14, 0), ReasonForbidden},
		{"moving down", entry(ActionUpdate, 11, team), ReasonNone},
		{"moving out", entry(ActionUpdate, 11, south), ReasonForbidden},
		{"moving in", entry(ActionUpdate, 13, north), ReasonForbidden},
		{"a manager", entry(ActionDisable, 15, 0), ReasonForbidden},
		{"a system administrator", entry(ActionDisable, 16, 0), ReasonForbidden},
		{"making one below", entry(ActionCreate, 0, team), ReasonNone},
		{"making one elsewhere", entry(ActionCreate, 0, 1), ReasonForbidden},
		{"making one nowhere", entry(ActionCreate, 0, 0), ReasonForbidden},
	} {
		settings := &TenantSettings{}
		entries := []Entry{test.entry}
		if keys := KeysOf(entries, settings); !keys.Homes {
			t.Errorf("%s: the snapshot is not asked for the users' departments", test.name)
		}
		got := Plan(entries, Snapshot{Settings: settings, Users: users, Departments: all, Usage: Usage{SystemAdmins: 2}}).Outcomes[0]
		if got.Reason != test.want {
			t.Errorf("%s: %v, want %v", test.name, got.Reason, test.want)
		}
	}
}

func TestWhatEndsTokens(t *testing.T) {
	t.Parallel()
	user := User{ID: 1, Level: LevelCommon, PasswordHash: "old", Roles: []ID{1}, TokenEpoch: 7}
	update := func(set FieldSet, u User) Entry { return Entry{Action: ActionUpdate, Set: set, User: u} }
	for _, test := range []struct {
		name     string
		entry    Entry
		ends     bool
		password bool
	}{
		{"a name", update(FieldFirstName, User{FirstName: "Bo"}), false, false},
		{"a password", update(FieldPassword, User{PasswordHash: "new"}), true, true},
		{"a level", update(FieldLevel, User{Level: LevelManager}), true, false},
		{"the same level", update(FieldLevel, User{Level: LevelCommon}), false, false},
		{"roles", update(FieldRoles, User{Roles: []ID{2}}), true, false},
		{"the same roles", update(FieldRoles, User{Roles: []ID{1}}), false, false},
		{"being disabled", Entry{Action: ActionDisable}, true, false},
		{"being enabled", Entry{Action: ActionEnable}, false, false},
	} {
		e := test.entry
		e.Match, e.Actor, e.User.ID = KeyID, LevelSystemAdmin, 1
		p := Plan([]Entry{e}, Snapshot{Settings: &TenantSettings{}, Users: []User{user}, Roles: []ID{1, 2}})
		if ended := len(p.Update) == 1 && p.Update[0].TokenEpoch == 8; ended != test.ends {
			t.Errorf("%s ends tokens: %v, want %v (%s)", test.name, ended, test.ends, fmt.Sprint(p.Outcomes))
		}
		if ended := slices.Equal(p.Password, []ID{1}); ended != test.password {
			t.Errorf("%s ends links: %v, want %v", test.name, ended, test.password)
		}
	}
}
