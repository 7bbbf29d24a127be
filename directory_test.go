package muster

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// lastRole is the largest role id that a directory has.
const lastRole = 3

// directory is the plainest store there can be: it writes plans in the documented order and refuses a key held twice.
type directory struct {
	settings TenantSettings
	usage    Usage
	users    map[ID]User
}

func newDirectory(settings TenantSettings, users ...User) *directory {
	d := &directory{settings: settings, users: map[ID]User{}}
	for _, u := range users {
		d.users[u.ID] = u
		d.usage.Users++
		d.usage.CapacityGB += u.CapacityGB
		if u.Level == LevelSystemAdmin && !u.Disabled {
			d.usage.SystemAdmins++
		}
	}
	return d
}

// snapshot gives exactly the holders of the keys, as a store does.
func (d *directory) snapshot(keys Keys) Snapshot {
	s := Snapshot{Settings: &d.settings, Usage: d.usage}
	for _, r := range keys.Roles {
		if r <= lastRole {
			s.Roles = append(s.Roles, r)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.users)) {
		u := d.users[id]
		if slices.Contains(keys.IDs, id) || slices.Contains(keys.Accounts, u.AccountKey) ||
			slices.Contains(keys.Phones, u.PhoneKey) || slices.Contains(keys.Emails, u.EmailKey) {
			s.Users = append(s.Users, u)
		}
	}
	return s
}

type fataler interface{ Fatalf(string, ...any) }

func (d *directory) write(t fataler, p Planned) {
	for _, id := range p.Delete {
		delete(d.users, id)
	}
	for _, u := range p.Update {
		d.users[u.ID] = u
	}
	for _, u := range p.Insert {
		if _, there := d.users[u.ID]; there {
			t.Fatalf("user %s inserted twice", u.ID)
		}
		d.users[u.ID] = u
	}
	d.usage = p.Usage
	d.check(t)
}

// check holds the invariants of a directory.
func (d *directory) check(t fataler) {
	held := map[string]ID{}
	var usage Usage
	for id, u := range d.users {
		for _, r := range u.Roles {
			if r > lastRole {
				t.Fatalf("user %s has role %s, which does not exist", id, r)
			}
		}
		for _, k := range []Key{KeyAccount, KeyPhone, KeyEmail} {
			if v := u.key(k); v != "" && (k != KeyEmail || d.settings.UniqueEmail) {
				name := fmt.Sprint(k, "=", v)
				if other, twice := held[name]; twice {
					t.Fatalf("users %s and %s share %s", id, other, name)
				}
				held[name] = id
			}
		}
		usage.Users++
		usage.CapacityGB += u.CapacityGB
		if u.Level == LevelSystemAdmin && !u.Disabled {
			usage.SystemAdmins++
		}
	}
	if diff := cmp.Diff(usage, d.usage); diff != "" {
		t.Fatalf("usage does not add up (-counted +kept):\n%s", diff)
	}
	if limit := d.settings.UserLimit; limit > 0 && usage.Users > max(limit, 3) {
		t.Fatalf("%d users exceed the limit of %d", usage.Users, limit)
	}
	if usage.CapacityGB > d.settings.PersonalSpaceGB {
		t.Fatalf("%d GB exceed the quota of %d", usage.CapacityGB, d.settings.PersonalSpaceGB)
	}
	if usage.SystemAdmins < 1 {
		t.Fatalf("no enabled system administrator is left")
	}
}

func (d *directory) run(t fataler, entries []Entry) []Outcome {
	p := Plan(entries, d.snapshot(KeysOf(entries, &d.settings)))
	if len(p.NeedHash) > 0 {
		t.Fatalf("entries %v need a hash though each has one", p.NeedHash)
	}
	d.write(t, p)
	return p.Outcomes
}

func drawSettings(t *rapid.T) TenantSettings {
	return TenantSettings{
		UniqueEmail:     rapid.Bool().Draw(t, "uniqueEmail"),
		UserLimit:       rapid.Int64Range(0, 6).Draw(t, "userLimit"),
		PersonalSpaceGB: rapid.Int64Range(0, 5).Draw(t, "space"),
	}
}

// drawEntries draws from so few keys that rows meet each other all the time.
func drawEntries(t *rapid.T, settings TenantSettings) []Entry {
	matches := []Key{KeyAccount, KeyPhone, KeyID}
	if settings.UniqueEmail {
		matches = append(matches, KeyEmail)
	}
	n := rapid.IntRange(1, 25).Draw(t, "rows")
	entries := make([]Entry, n)
	for i := range entries {
		key := func(name string) string { return rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, name) }
		u := User{
			ID: ID(rapid.IntRange(1, 5).Draw(t, "id")), AccountKey: key("account"), PhoneKey: key("phone"), EmailKey: key("email"),
			Level:        rapid.SampledFrom([]AdminLevel{LevelCommon, LevelCommon, LevelDepartmentAdmin, LevelSystemAdmin, LevelManager}).Draw(t, "level"),
			CapacityGB:   rapid.Int64Range(0, 3).Draw(t, "capacity"),
			Disabled:     rapid.Bool().Draw(t, "disabled"),
			FirstName:    rapid.SampledFrom([]string{"Ann", "Bo"}).Draw(t, "name"),
			PasswordHash: fmt.Sprint("hash", i),
			Roles:        rapid.SliceOfN(rapid.Map(rapid.IntRange(1, lastRole+1), func(n int) ID { return ID(n) }), 0, 2).Draw(t, "roles"),
		}
		u.Account, u.Phone, u.Email = u.AccountKey, u.PhoneKey, u.EmailKey
		entries[i] = Entry{
			Action:     rapid.SampledFrom([]Action{ActionCreate, ActionCreate, ActionUpdate, ActionDisable, ActionEnable, ActionDelete}).Draw(t, "action"),
			Match:      rapid.SampledFrom(matches).Draw(t, "match"),
			OnExisting: rapid.SampledFrom([]OnExisting{SkipExisting, FailExisting, UpdateExisting}).Draw(t, "onExisting"),
			Actor:      rapid.SampledFrom([]AdminLevel{LevelSystemAdmin, LevelManager}).Draw(t, "actor"),
			NewID:      ID(100 + i),
			Set:        FieldSet(rapid.Uint16Range(0, 1<<12-1).Draw(t, "set")),
			OnCreate:   rapid.SampledFrom([]FieldSet{0, 0, FieldPhone | FieldLevel | FieldRoles, FieldAccount | FieldCapacity}).Draw(t, "onCreate"),
			User:       u,
			Source:     rapid.SampledFrom([]string{"", "", "hr", "crm"}).Draw(t, "source"),
			Adopt:      rapid.Bool().Draw(t, "adopt"),
			Password:   true,
		}
		if rapid.IntRange(0, 9).Draw(t, "incomplete") == 0 {
			entries[i].NoCreate = fault(ReasonInvalid, "firstName", "incomplete")
		}
		if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
			entries[i].Fault = fault(ReasonInvalid, "firstname", "broken")
		}
	}
	return entries
}

func founders() []User {
	return []User{
		{ID: 1, AccountKey: "1", PhoneKey: "1", EmailKey: "1", Level: LevelSystemAdmin},
		{ID: 2, AccountKey: "2", EmailKey: "2", Level: LevelCommon, Source: "hr"},
		{ID: 3, PhoneKey: "3", Level: LevelDepartmentAdmin, Disabled: true},
	}
}
