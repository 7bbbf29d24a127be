package muster

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// The final directory and every outcome are the same however a list is cut into consecutive plans.
func TestPlanIsTheSameInAnyChunking(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		entries := drawEntries(t, settings)

		rowByRow := newDirectory(settings, founders()...)
		var want []Outcome
		for i := range entries {
			want = append(want, rowByRow.run(t, entries[i:i+1])...)
		}
		chunked := newDirectory(settings, founders()...)
		var got []Outcome
		for rest := entries; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			got = append(got, chunked.run(t, rest[:n])...)
			rest = rest[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("outcomes differ (-row by row +chunked):\n%s", diff)
		}
		if diff := cmp.Diff(rowByRow.users, chunked.users, cmpopts.EquateEmpty()); diff != "" { // no roles are no roles
			t.Fatalf("directories differ (-row by row +chunked):\n%s", diff)
		}
	})
}

// Every entry has one outcome of the three, and what is counted as created is what the directory has gained.
func TestPlanCountersAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		entries := drawEntries(t, settings)
		for i := range entries {
			entries[i].Action, entries[i].OnExisting = ActionCreate, SkipExisting
		}
		d := newDirectory(settings, founders()...)
		outcomes := d.run(t, entries)
		counts := map[Result]int{}
		for _, o := range outcomes {
			counts[o.Result]++
			if (o.Result == Succeeded) != (o.Reason == ReasonNone) || (o.Result == Skipped) != (o.Reason == ReasonExists) {
				t.Fatalf("outcome %+v contradicts itself", o)
			}
		}
		if sum := counts[Succeeded] + counts[Failed] + counts[Skipped]; sum != len(entries) {
			t.Fatalf("%d outcomes for %d entries", sum, len(entries))
		}
		if gained := len(d.users) - len(founders()); gained != counts[Succeeded] {
			t.Fatalf("%d users more after %d successes", gained, counts[Succeeded])
		}
	})
}

func TestPlan(t *testing.T) {
	t.Parallel()
	phone := func(id ID, key string) Entry {
		return Entry{Action: ActionCreate, Match: KeyPhone, Actor: LevelSystemAdmin, NewID: id, Set: FieldPhone, User: User{Phone: key, PhoneKey: key}}
	}
	account := func(action Action, id ID, key string) Entry {
		return Entry{
			Action: action, Match: KeyAccount, OnExisting: FailExisting, Actor: LevelSystemAdmin, NewID: id,
			Set: FieldAccount, User: User{Account: key, AccountKey: key},
		}
	}
	with := func(e Entry, change func(*Entry)) Entry { change(&e); return e }
	admin := User{ID: 1, AccountKey: "root", Level: LevelSystemAdmin}

	tests := []struct {
		name     string
		settings TenantSettings
		users    []User
		entries  []Entry
		want     []Outcome
	}{
		{
			name:    "a phone that occurs twice is a skip that names the first row's user",
			entries: []Entry{phone(10, "+271"), phone(11, "+271")},
			want: []Outcome{
				{Result: Succeeded, Effect: EffectCreated, User: 10},
				{Result: Skipped, Reason: ReasonExists, Detail: "The user already exists.", User: 10},
			},
		},
		{
			name: "create, modify and disable of one account in one list",
			entries: []Entry{
				account(ActionCreate, 10, "ann"),
				with(account(ActionUpdate, 11, "ann"), func(e *Entry) { e.Set |= FieldDisplayName; e.User.DisplayName = "Ann" }),
				account(ActionDisable, 12, "ann"),
				account(ActionCreate, 13, "ann"),
			},
			want: []Outcome{
				{Result: Succeeded, Effect: EffectCreated, User: 10},
				{Result: Succeeded, Effect: EffectChanged, User: 10},
				{Result: Succeeded, Effect: EffectDisabled, User: 10},
				{Result: Failed, Reason: ReasonExists, Detail: "The user already exists.", User: 10},
			},
		},
		{
			name:  "what is done to a user who is as he is wanted",
			users: []User{{ID: 5, Account: "ann", AccountKey: "ann", Disabled: true, DisplayName: "Ann", PasswordHash: "$2a$", Level: LevelCommon}},
			entries: []Entry{
				account(ActionDisable, 0, "ann"),
				with(account(ActionUpdate, 0, "ann"), func(e *Entry) { e.Set |= FieldDisplayName; e.User.DisplayName = "Ann" }),
				with(account(ActionUpdate, 0, "ann"), func(e *Entry) { e.Set |= FieldPassword; e.User.PasswordHash = "$2a$" }),
				account(ActionEnable, 0, "ann"),
				account(ActionEnable, 0, "ann"),
			},
			want: []Outcome{
				{Result: Succeeded, Effect: EffectUnchanged, User: 5},
				{Result: Succeeded, Effect: EffectUnchanged, User: 5},
				{Result: Succeeded, Effect: EffectChanged, User: 5},
				{Result: Succeeded, Effect: EffectEnabled, User: 5},
				{Result: Succeeded, Effect: EffectUnchanged, User: 5},
			},
		},
		{
			name:     "seats run down row by row, and a deleted user frees his",
			settings: TenantSettings{UserLimit: 2},
			entries:  []Entry{phone(10, "1"), phone(11, "2"), with(phone(0, "1"), func(e *Entry) { e.Action = ActionDelete }), phone(12, "3")},
			want: []Outcome{
				{Result: Succeeded, Effect: EffectCreated, User: 10},
				{Result: Failed, Reason: ReasonNoSeat, Detail: "The tenant's user limit is reached: delete a user or raise the limit."},
				{Result: Succeeded, Effect: EffectDeleted, User: 10},
				{Result: Succeeded, Effect: EffectCreated, User: 12},
			},
		},
		{
			name:     "capacity runs down row by row",
			settings: TenantSettings{PersonalSpaceGB: 10},
			entries: []Entry{
				with(phone(10, "1"), func(e *Entry) { e.Set |= FieldCapacity; e.User.CapacityGB = 7 }),
				with(phone(11, "2"), func(e *Entry) { e.Set |= FieldCapacity; e.User.CapacityGB = 4 }),
				with(phone(12, "3"), func(e *Entry) { e.Set |= FieldCapacity; e.User.CapacityGB = 3 }),
			},
			want: []Outcome{
				{Result: Succeeded, Effect: EffectCreated, User: 10},
				{Result: Failed, Reason: ReasonNoCapacity, Field: "personalCapacity", Detail: "The tenant's personal space has less left than the capacity asked for."},
				{Result: Succeeded, Effect: EffectCreated, User: 12},
			},
		},
		{
			name:     "a key held by another user is a conflict that names the field and not the user",
			settings: TenantSettings{UniqueEmail: true},
			users:    []User{{ID: 5, EmailKey: "a@b.c"}},
			entries:  []Entry{with(phone(10, "1"), func(e *Entry) { e.Set |= FieldEmail; e.User.EmailKey = "a@b.c" })},
			want:     []Outcome{{Result: Failed, Reason: ReasonConflict, Field: "email", Detail: "The email is held by another user."}},
		},
		{
			name:    "an e-mail shared where it is no key",
			users:   []User{{ID: 5, EmailKey: "a@b.c"}},
			entries: []Entry{with(phone(10, "1"), func(e *Entry) { e.Set |= FieldEmail; e.User.EmailKey = "a@b.c" })},
			want:    []Outcome{{Result: Succeeded, Effect: EffectCreated, User: 10}},
		},
		{
			name:    "the last enabled system administrator stays",
			entries: []Entry{account(ActionDisable, 0, "root"), account(ActionDelete, 0, "root")},
			want: []Outcome{
				{Result: Failed, Reason: ReasonLastAdmin, Detail: faultLast.Detail, User: 1},
				{Result: Failed, Reason: ReasonLastAdmin, Detail: faultLast.Detail, User: 1},
			},
		},
		{
			name: "a manager neither changes an administrator nor makes one",
			entries: []Entry{
				with(account(ActionDisable, 0, "root"), func(e *Entry) { e.Actor = LevelManager }),
				with(account(ActionCreate, 10, "eve"), func(e *Entry) { e.Actor = LevelManager; e.Set |= FieldLevel; e.User.Level = LevelSystemAdmin }),
			},
			want: []Outcome{
				{Result: Failed, Reason: ReasonForbidden, Detail: faultTarget.Detail, User: 1},
				{Result: Failed, Reason: ReasonForbidden, Field: "adminLevel", Detail: faultLevel.Detail},
			},
		},
		{
			name:    "a user who does not exist",
			entries: []Entry{account(ActionUpdate, 0, "nobody"), with(account(ActionDisable, 0, "x"), func(e *Entry) { e.Match, e.User.ID = KeyID, 77 })},
			want: []Outcome{
				{Result: Failed, Reason: ReasonNotFound, Detail: "The user does not exist."},
				{Result: Failed, Reason: ReasonNotFound, Detail: "The user does not exist."},
			},
		},
		{
			name: "a role that the tenant does not have",
			entries: []Entry{
				with(account(ActionCreate, 10, "ann"), func(e *Entry) { e.Set |= FieldRoles; e.User.Roles = []ID{1, 4} }),
				with(account(ActionCreate, 11, "bo"), func(e *Entry) { e.Set |= FieldRoles; e.User.Roles = []ID{1, 3} }),
			},
			want: []Outcome{
				{Result: Failed, Reason: ReasonRoleNotFound, Field: "roleIds", Detail: "4"},
				{Result: Succeeded, Effect: EffectCreated, User: 11},
			},
		},
		{
			name:    "a row that is broken fails alone",
			entries: []Entry{{Fault: fault(ReasonInvalid, "phone", "5 to 20 digits are accepted.")}, phone(10, "1")},
			want: []Outcome{
				{Result: Failed, Reason: ReasonInvalid, Field: "phone", Detail: "5 to 20 digits are accepted."},
				{Result: Succeeded, Effect: EffectCreated, User: 10},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(tt.settings, append([]User{admin}, tt.users...)...)
			if diff := cmp.Diff(tt.want, d.run(t, tt.entries)); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanAsksForTheHashesItWouldWrite(t *testing.T) {
	t.Parallel()
	entry := func(id ID, phone string) Entry {
		return Entry{
			Action: ActionCreate, Match: KeyPhone, Actor: LevelSystemAdmin, NewID: id, Password: true,
			Set: FieldPhone | FieldPassword, User: User{PhoneKey: phone},
		}
	}
	d := newDirectory(TenantSettings{}, User{ID: 1, Level: LevelSystemAdmin, PhoneKey: "1"})
	entries := []Entry{entry(10, "1"), entry(11, "2"), entry(12, "2"), entry(13, "3")}
	entries[3].User.PasswordHash = "$argon2id$made"
	p := Plan(entries, d.snapshot(KeysOf(entries, &d.settings)))
	if diff := cmp.Diff([]int{1}, p.NeedHash); diff != "" {
		t.Errorf("entries to hash (-want +got):\n%s", diff)
	}
}

// Two users swap phones by way of no phone: the final state alone is written, keys released first.
func TestPlanReleasesKeysOfASwap(t *testing.T) {
	t.Parallel()
	set := func(id ID, phone string) Entry {
		return Entry{Action: ActionUpdate, Match: KeyID, Actor: LevelSystemAdmin, Set: FieldPhone, User: User{ID: id, PhoneKey: phone}}
	}
	d := newDirectory(TenantSettings{}, User{ID: 1, Level: LevelSystemAdmin}, User{ID: 2, AccountKey: "ann", PhoneKey: "a"}, User{ID: 3, AccountKey: "bo", PhoneKey: "b"})
	entries := []Entry{set(2, ""), set(3, "a"), set(2, "b")}
	p := Plan(entries, d.snapshot(KeysOf(entries, &d.settings)))
	d.write(t, p)
	if got := d.users[2].PhoneKey + d.users[3].PhoneKey; got != "ba" {
		t.Errorf("phones of users 2 and 3 are %q, want b and a", got)
	}
	if diff := cmp.Diff([]ID{3, 2}, p.Release, cmp.Transformer("sort", func(ids []ID) []ID { return slices.Sorted(slices.Values(ids)) })); diff != "" {
		t.Errorf("released (-want +got):\n%s", diff)
	}
}
