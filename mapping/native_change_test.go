package mapping_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster"
	"muster/mapping"
)

const (
	keys  = muster.FieldAccount | muster.FieldPhone | muster.FieldEmail
	names = muster.FieldFirstName | muster.FieldSurname | muster.FieldDisplayName
)

// What rows say of users who exist.
func TestNativeEntryOfAUserWhoExists(t *testing.T) {
	t.Parallel()
	const update, create = muster.ActionUpdate, muster.ActionCreate
	sales := muster.DepartmentRef{Base: rootDepartment, Path: "Sales"}
	tests := map[string]struct {
		row  muster.Row
		want muster.Entry
	}{
		"only a key is needed": {
			muster.Row{Action: update, Match: muster.KeyAccount, Account: "Ann"},
			muster.Entry{Action: update, Match: muster.KeyAccount, User: muster.User{Account: "Ann", AccountKey: "ann"}},
		},
		"what the row has is set, its key is not": {
			muster.Row{Action: update, Match: muster.KeyPhone, Phone: "12345678", Account: "ann", Surname: "Smith"},
			muster.Entry{
				Action: update, Match: muster.KeyPhone, Set: muster.FieldAccount | muster.FieldSurname,
				User: muster.User{Phone: "12345678", PhoneKey: "12345678", Account: "ann", AccountKey: "ann", Surname: "Smith"},
			},
		},
		"by id every key can change": {
			muster.Row{Action: update, Match: muster.KeyID, ID: 5, Phone: "12345678", Account: "ann"},
			muster.Entry{
				Action: update, Match: muster.KeyID, Set: muster.FieldAccount | muster.FieldPhone,
				User: muster.User{ID: 5, Phone: "12345678", PhoneKey: "12345678", Account: "ann", AccountKey: "ann"},
			},
		},
		"what is there and empty is taken away": {
			muster.Row{Action: update, Match: muster.KeyID, ID: 5, Set: keys | names | muster.FieldPassword | muster.FieldDepartment, Department: 9},
			muster.Entry{
				Action: update, Match: muster.KeyID, Set: keys | names,
				Department: muster.DepartmentRef{Base: 9}, User: muster.User{ID: 5},
			},
		},
		"spaces are no emptiness": {
			muster.Row{Action: update, Match: muster.KeyID, ID: 5, Set: muster.FieldAccount | muster.FieldSurname, Account: " ", Surname: " "},
			muster.Entry{Action: update, Match: muster.KeyID, User: muster.User{ID: 5}},
		},
		"a department that is named": {
			muster.Row{Action: update, Match: muster.KeyID, ID: 5, Set: muster.FieldDepartment, DepartmentPath: "Sales"},
			muster.Entry{Action: update, Match: muster.KeyID, Set: muster.FieldDepartment, Department: sales, User: muster.User{ID: 5}},
		},
		"what may not be touched is not looked at": {
			muster.Row{
				Action: update, Match: muster.KeyAccount, Touch: muster.FieldSurname, Account: "ann", Surname: "Smith", Phone: "none", Password: "weak",
				Set: muster.FieldLevel | muster.FieldRoles | muster.FieldCapacity | muster.FieldEmail, Level: 77, Roles: []string{"no"}, CapacityGB: -1,
			},
			muster.Entry{
				Action: update, Match: muster.KeyAccount, Set: muster.FieldSurname,
				User: muster.User{Account: "ann", AccountKey: "ann", Surname: "Smith"},
			},
		},
		"a password": {
			muster.Row{Action: update, Match: muster.KeyID, ID: 5, Password: "Correct-Horse7"},
			muster.Entry{Action: update, Match: muster.KeyID, Set: muster.FieldPassword, Password: true, User: muster.User{ID: 5}},
		},
		"disabling by id, of a source": {
			muster.Row{Action: muster.ActionDisable, Match: muster.KeyID, ID: 5, Source: "hr", Phone: "none", Surname: "Smith", Set: muster.FieldPhone | muster.FieldLevel, Level: 77},
			muster.Entry{Action: muster.ActionDisable, Match: muster.KeyID, Source: "hr", User: muster.User{ID: 5}},
		},
		"deleting by e-mail": {
			muster.Row{Action: muster.ActionDelete, Match: muster.KeyEmail, Email: "Ann@example.org", Account: "no body", Password: "weak"},
			muster.Entry{Action: muster.ActionDelete, Match: muster.KeyEmail, User: muster.User{Email: "Ann@example.org", EmailKey: "ann@example.org"}},
		},
		"an upsert keeps users where they are": {
			muster.Row{
				Action: create, OnExisting: muster.UpdateExisting, Match: muster.KeyAccount, Account: "ann", FirstName: "Ann",
				Set: muster.FieldDepartment | muster.FieldPhone, Department: 9, Password: "Correct-Horse7",
			},
			muster.Entry{
				Action: create, OnExisting: muster.UpdateExisting, Match: muster.KeyAccount, Password: true,
				Set:      muster.FieldAccount | muster.FieldPhone | muster.FieldFirstName | muster.FieldPassword | muster.FieldDepartment,
				OnCreate: muster.FieldAccount | muster.FieldDepartment, Department: muster.DepartmentRef{Base: 9},
				User: muster.User{Account: "ann", AccountKey: "ann", FirstName: "Ann"},
			},
		},
		"an upsert touches no more than it may": {
			muster.Row{
				Action: create, OnExisting: muster.UpdateExisting, Match: muster.KeyAccount, Touch: muster.FieldAccount | muster.FieldFirstName,
				Account: "ann", FirstName: "Ann", Phone: "12345678", Set: muster.FieldDepartment | muster.FieldEmail, DepartmentPath: "Sales",
			},
			muster.Entry{
				Action: create, OnExisting: muster.UpdateExisting, Match: muster.KeyAccount,
				Set:      keys | muster.FieldFirstName | muster.FieldDepartment,
				OnCreate: keys | muster.FieldDepartment, Department: sales,
				User: muster.User{Account: "ann", AccountKey: "ann", Phone: "12345678", PhoneKey: "12345678", FirstName: "Ann"},
			},
		},
		"a reconciliation's password is a first one": {
			muster.Row{
				Action: create, OnExisting: muster.UpdateExisting, Match: muster.KeyAccount, Source: "hr", Adopt: true,
				Account: "ann", FirstName: "Ann", Password: "Correct-Horse7",
			},
			muster.Entry{
				Action: create, OnExisting: muster.UpdateExisting, Match: muster.KeyAccount, Password: true, Source: "hr", Adopt: true,
				Set:      muster.FieldAccount | muster.FieldFirstName | muster.FieldPassword | muster.FieldDepartment,
				OnCreate: muster.FieldAccount | muster.FieldPassword | muster.FieldDepartment,
				User:     muster.User{Account: "ann", AccountKey: "ann", FirstName: "Ann", Department: rootDepartment},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := tt.row
			tt.want.Actor, tt.want.NewID = muster.LevelManager, 99
			got := nativeEntry(t, muster.TenantSettings{UniqueEmail: true}, &tt.row)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(sent, tt.row); diff != "" {
				t.Errorf("the row itself has changed (-want +got):\n%s", diff)
			}
		})
	}
}

// An upsert needs what a new user needs only where there is none to update.
func TestNativeUpsertOfNobody(t *testing.T) {
	t.Parallel()
	ann := muster.User{ID: 5, AccountKey: "ann", FirstName: "Ann", Level: muster.LevelCommon}
	tests := map[string]struct {
		row    muster.Row
		users  []muster.User
		reason muster.Reason
		field  string
	}{
		"a user without a name": {muster.Row{Match: muster.KeyAccount, Account: "ann", Surname: "Smith"}, []muster.User{ann}, muster.ReasonNone, ""},
		"nobody without a name": {muster.Row{Match: muster.KeyAccount, Account: "ann", Surname: "Smith"}, nil, muster.ReasonInvalid, "firstName"},
		"nobody with a name":    {muster.Row{Match: muster.KeyAccount, Account: "ann", FirstName: "Ann"}, nil, muster.ReasonNone, ""},
		"a user by id":          {muster.Row{Match: muster.KeyID, ID: 5, Account: "anna"}, []muster.User{ann}, muster.ReasonNone, ""},
		"nobody by id":          {muster.Row{Match: muster.KeyID, ID: 5, Account: "ann", FirstName: "Ann"}, nil, muster.ReasonNotFound, "id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.row.Action, tt.row.OnExisting = muster.ActionCreate, muster.UpdateExisting
			var settings muster.TenantSettings
			entry := nativeEntry(t, settings, &tt.row)
			o := muster.Plan([]muster.Entry{entry}, muster.Snapshot{Settings: &settings, Users: tt.users}).Outcomes[0]
			if o.Reason != tt.reason || o.Field != tt.field || (o.Result == muster.Succeeded) != (tt.reason == muster.ReasonNone) {
				t.Errorf("outcome %+v, want the reason %s on field %q", o, tt.reason, tt.field)
			}
		})
	}
}

// texts are a user's texts.
func texts(u *muster.User) []*string {
	return []*string{&u.Account, &u.Phone, &u.Email, &u.FirstName, &u.Surname, &u.DisplayName}
}

// updated is a small model of what becomes of a user who exists: fields that the row has and may touch change, and nothing
// else; and nothing at all if he would be left without a name or a key.
func updated(before muster.User, row *muster.Row, settings *muster.TenantSettings) (after muster.User, refused bool) {
	touches := func(f muster.FieldSet) bool { return row.Touch == 0 || row.Touch.Has(f) }
	u := before
	for i, text := range [...]struct {
		field muster.FieldSet
		sent  string
	}{
		{muster.FieldAccount, row.Account}, {muster.FieldPhone, row.Phone}, {muster.FieldEmail, row.Email},
		{muster.FieldFirstName, row.FirstName}, {muster.FieldSurname, row.Surname}, {muster.FieldDisplayName, row.DisplayName},
	} {
		if touches(text.field) && (text.sent != "" || row.Set.Has(text.field)) {
			*texts(&u)[i] = text.sent
		}
	}
	u.AccountKey, u.PhoneKey, u.EmailKey = u.Account, u.Phone, u.Email
	if row.Set.Has(muster.FieldLevel) && touches(muster.FieldLevel) {
		u.Level = row.Level
		u.TokenEpoch++
	}
	named := func(u *muster.User) bool { return u.FirstName != "" || u.DisplayName != "" }
	lost := before.Account != "" && u.Account == "" || before.Phone != "" && u.Phone == "" || before.Email != "" && u.Email == ""
	left := u.Account != "" || u.Phone != "" || settings.UniqueEmail && u.Email != ""
	if named(&before) && !named(&u) || lost && !left {
		return before, true
	}
	return u, false
}

// Rows that update, and that upsert, do to a user who exists what the model says.
func TestNativeUpdatesByAModel(t *testing.T) {
	t.Parallel()
	samples := [][]string{
		{"", "", "ann", "anna"}, {"", "", "11111", "22222"}, {"", "", "a@b.cd", "c@d.ef"}, {"", "", "Ann", "Anna"}, {"", "Smith"}, {"", "", "Annie"},
	}
	rapid.Check(t, func(t *rapid.T) {
		settings := muster.TenantSettings{UniqueEmail: rapid.Bool().Draw(t, "uniqueEmail")}
		draw := func(name string) (u muster.User) {
			for i, text := range texts(&u) {
				*text = rapid.SampledFrom(samples[i]).Draw(t, name)
			}
			return u
		}
		before := draw("before")
		before.ID, before.Level, before.Department = 5, muster.LevelManager, 9
		before.AccountKey, before.PhoneKey, before.EmailKey = before.Account, before.Phone, before.Email
		sent := draw("sent")
		some := func(name string, most uint16) muster.FieldSet {
			return muster.FieldSet(rapid.OneOf(rapid.SampledFrom([]uint16{0, most}), rapid.Uint16Range(0, most)).Draw(t, name))
		}
		row := muster.Row{
			Match: muster.KeyID, ID: 5, Account: sent.Account, Phone: sent.Phone, Email: sent.Email,
			FirstName: sent.FirstName, Surname: sent.Surname, DisplayName: sent.DisplayName, Department: rootDepartment, Level: muster.LevelCommon,
			Set:    some("set", 1<<6-1) | rapid.SampledFrom([]muster.FieldSet{0, muster.FieldLevel, muster.FieldDepartment}).Draw(t, "more"),
			Touch:  some("touch", 1<<9-1),
			Action: rapid.SampledFrom([]muster.Action{muster.ActionUpdate, muster.ActionCreate}).Draw(t, "action"), OnExisting: muster.UpdateExisting,
		}

		want, refused := updated(before, &row, &settings)
		of := tenant()
		of.Settings = settings
		e := mapping.New(of, muster.ContractNative, muster.LevelManager, nil).Entry(t.Context(), &row, 99, nil)
		planned := muster.Plan([]muster.Entry{e}, muster.Snapshot{Settings: &settings, Users: []muster.User{before}, Usage: muster.Usage{Users: 1}})
		got := before
		if len(planned.Update) > 0 {
			got = planned.Update[0]
		}
		o := planned.Outcomes[0]
		if refused != (o.Result == muster.Failed) || refused && (o.Reason != muster.ReasonInvalid || o.Field == "") || o.User != 5 {
			t.Fatalf("outcome %+v, refused should be %t", o, refused)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the user (-want +got):\n%s", diff)
		}
	})
}
