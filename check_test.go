package muster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// An existing user keeps what is for new ones, and his tokens, when a row creates or updates.
func TestFieldsThatAreForNewUsers(t *testing.T) {
	t.Parallel()
	sales := Department{ID: 7, Name: "Sales", IDPath: "/7/"}
	e := Entry{
		Action: ActionCreate, OnExisting: UpdateExisting, Match: KeyPhone, Actor: LevelManager, NewID: 9, Password: true,
		Set:        FieldPhone | FieldLevel | FieldDepartment | FieldPassword | FieldRoles | FieldCapacity | FieldSurname,
		OnCreate:   FieldPhone | FieldLevel | FieldDepartment | FieldPassword | FieldRoles | FieldCapacity,
		User:       User{Phone: "0 1", PhoneKey: "01", Level: LevelManager, Roles: []ID{1}, CapacityGB: 2, Surname: "Smith"},
		Department: DepartmentRef{Base: 7},
	}
	bo := User{ID: 5, Phone: "01", PhoneKey: "01", Level: LevelCommon, Department: 8, PasswordHash: "old", CapacityGB: 1, Roles: []ID{2}}
	shot := Snapshot{Settings: &TenantSettings{PersonalSpaceGB: 2}, Usage: Usage{Users: 1, CapacityGB: 1}, Users: []User{bo}, Departments: []Department{sales}}
	want := bo
	want.Surname = "Smith"
	p := Plan([]Entry{e}, shot) // whose role is not there, which is for new users, too
	if diff := cmp.Diff([]User{want}, p.Update); diff != "" || len(p.NeedHash)+len(p.Password)+len(p.Release) > 0 {
		t.Errorf("plan %+v; users (-want +got):\n%s", p, diff)
	}
	shot.Users, shot.Usage, shot.Roles = nil, Usage{}, []ID{1}
	e.User.PasswordHash = "new"
	made := e.User
	made.ID, made.Department = 9, 7
	if diff := cmp.Diff([]User{made}, Plan([]Entry{e}, shot).Insert); diff != "" {
		t.Errorf("new users (-want +got):\n%s", diff)
	}
}

// A user who had a name, or something to sign in with, has it after any row.
func TestNobodyIsLeftBare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		entries := drawEntries(t, settings)
		for i := range entries {
			u := &entries[i].User
			u.FirstName = rapid.SampledFrom([]string{"", "Ann"}).Draw(t, "firstName")
			u.DisplayName = rapid.SampledFrom([]string{"", "Annie"}).Draw(t, "displayName")
		}
		d := newDirectory(settings, founders()...)
		named := func(u *User) bool { return u.FirstName != "" || u.DisplayName != "" }
		signsIn := func(u *User) bool {
			return u.AccountKey != "" || u.PhoneKey != "" || u.EmailKey != "" && settings.UniqueEmail
		}
		for i := range entries {
			before := map[ID]User{}
			for id, u := range d.users {
				before[id] = u
			}
			d.run(t, entries[i:i+1])
			for id, u := range d.users {
				was := before[id]
				if named(&was) && !named(&u) || signsIn(&was) && !signsIn(&u) {
					t.Fatalf("row %+v makes %+v of %+v", entries[i], u, was)
				}
			}
		}
	})
}

func TestTakingAway(t *testing.T) {
	t.Parallel()
	ann := User{ID: 5, Account: "ann", AccountKey: "ann", Phone: "1", PhoneKey: "1", FirstName: "Ann", DisplayName: "Annie", Level: LevelCommon}
	with := func(change func(*User)) User { u := ann; change(&u); return u }
	tests := map[string]struct {
		unique bool
		user   User
		take   FieldSet
		field  string // of the refusal; "" is none
	}{
		"the account, with a phone":      {false, ann, FieldAccount, ""},
		"both keys":                      {false, ann, FieldAccount | FieldPhone, "account"},
		"the phone alone":                {false, with(func(u *User) { u.AccountKey = "" }), FieldPhone, "phone"},
		"with an e-mail that is no key":  {false, with(func(u *User) { u.EmailKey = "a@b.c" }), FieldAccount | FieldPhone, "account"},
		"with an e-mail that is one":     {true, with(func(u *User) { u.EmailKey = "a@b.c" }), FieldAccount | FieldPhone, ""},
		"an e-mail alone":                {false, with(func(u *User) { u.AccountKey, u.PhoneKey, u.EmailKey = "", "", "a@b.c" }), FieldEmail, "email"},
		"an e-mail, with an account":     {true, with(func(u *User) { u.EmailKey = "a@b.c" }), FieldEmail, ""},
		"keys of one who never had any":  {false, with(func(u *User) { u.AccountKey, u.PhoneKey = "", "" }), FieldAccount | FieldPhone | FieldEmail, ""},
		"the first name, with another":   {false, ann, FieldFirstName, ""},
		"the display name, with a first": {false, ann, FieldDisplayName | FieldSurname, ""},
		"both names":                     {false, ann, FieldFirstName | FieldDisplayName, "firstName"},
		"the display name alone":         {false, with(func(u *User) { u.FirstName, u.Surname = "", "Smith" }), FieldDisplayName, "displayName"},
		"a surname alone":                {false, with(func(u *User) { u.FirstName, u.DisplayName, u.Surname = "", "", "Smith" }), FieldSurname, ""},
		"names of one who never had any": {false, with(func(u *User) { u.FirstName, u.DisplayName = "", "" }), FieldFirstName, ""},
		"nothing":                        {false, ann, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(TenantSettings{UniqueEmail: tt.unique}, User{ID: 1, Level: LevelSystemAdmin}, tt.user)
			o := d.run(t, []Entry{{Action: ActionUpdate, Match: KeyID, Actor: LevelSystemAdmin, Set: tt.take, User: User{ID: 5}}})[0]
			want := tt.user
			if tt.field == "" {
				assign(&want, &Entry{}, tt.take)
			}
			if diff := cmp.Diff(want, d.users[5]); diff != "" {
				t.Errorf("the user (-want +got):\n%s", diff)
			}
			if o.Field != tt.field || (o.Reason == ReasonInvalid) != (tt.field != "") || (o.Detail != "") != (tt.field != "") {
				t.Errorf("outcome %+v, want a refusal of field %q", o, tt.field)
			}
		})
	}
}
