package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/mapping"
)

func nativeEntry(t *testing.T, settings muster.TenantSettings, row *muster.Row) muster.Entry {
	t.Helper()
	of := tenant()
	of.Settings = settings
	return mapping.New(of, muster.ContractNative, muster.LevelManager, nil).Entry(t.Context(), row, 99, nil)
}

// tag is the hash of an imported password, in base64.
const tag = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

func TestNativeEntry(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		row  muster.Row
		want muster.Entry
	}{
		"everything": {
			muster.Row{
				Match: muster.KeyEmail, OnExisting: muster.FailExisting,
				Set:     muster.FieldLevel | muster.FieldRoles | muster.FieldDepartment | muster.FieldCapacity | muster.FieldStatus,
				Account: " Ann.Example ", Phone: "0821234567", Email: "Ann@Example.org", FirstName: " Ann", Surname: "Smith ", DisplayName: "Annie",
				Password: "Correct-Horse7", Level: muster.LevelDepartmentAdmin, Disabled: true, Roles: []string{"12", "7", "12"},
				Department: 5, DepartmentPath: "Sales / North", Allocate: true, CapacityGB: 3,
			},
			muster.Entry{
				Match: muster.KeyEmail, OnExisting: muster.FailExisting, Password: true, OnCreate: muster.FieldEmail,
				Set: muster.FieldAccount | muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname | muster.FieldDisplayName |
					muster.FieldPassword | muster.FieldLevel | muster.FieldRoles | muster.FieldDepartment | muster.FieldCapacity | muster.FieldStatus,
				Department: muster.DepartmentRef{Base: 5, Path: "Sales/North"},
				User: muster.User{
					Account: "Ann.Example", AccountKey: "ann.example", Phone: "0821234567", PhoneKey: "+27821234567",
					Email: "Ann@Example.org", EmailKey: "ann@example.org", FirstName: "Ann", Surname: "Smith", DisplayName: "Annie",
					Level: muster.LevelDepartmentAdmin, Disabled: true, Roles: []muster.ID{12, 7}, CapacityGB: 3,
				},
			},
		},
		"the least": {
			muster.Row{Match: muster.KeyAccount, Account: "ann", DisplayName: "Ann"},
			muster.Entry{
				Match: muster.KeyAccount, Set: muster.FieldAccount | muster.FieldDisplayName | muster.FieldDepartment,
				OnCreate: muster.FieldAccount | muster.FieldDepartment,
				User:     muster.User{Account: "ann", AccountKey: "ann", DisplayName: "Ann", Department: rootDepartment},
			},
		},
		"an imported hash": {
			muster.Row{Match: muster.KeyAccount, Account: "ann", DisplayName: "Ann", PasswordHash: " pbkdf2_sha256$1500$salt$" + tag + "= "},
			muster.Entry{
				Match: muster.KeyAccount, Set: muster.FieldAccount | muster.FieldDisplayName | muster.FieldPassword | muster.FieldDepartment,
				Password: true, OnCreate: muster.FieldAccount | muster.FieldDepartment,
				User: muster.User{
					Account: "ann", AccountKey: "ann", DisplayName: "Ann", Department: rootDepartment,
					PasswordHash: "$pbkdf2-sha256$i=1500$c2FsdA$" + tag,
				},
			},
		},
		"empty fields are absent": {
			muster.Row{
				Match: muster.KeyPhone, Phone: "12345678", FirstName: "Ann", Surname: " ",
				Set: muster.FieldAccount | muster.FieldEmail | muster.FieldSurname | muster.FieldPassword | muster.FieldRoles, Roles: []string{},
			},
			muster.Entry{
				Match: muster.KeyPhone, Set: muster.FieldPhone | muster.FieldFirstName | muster.FieldRoles | muster.FieldDepartment,
				OnCreate: muster.FieldPhone | muster.FieldDepartment,
				User:     muster.User{Phone: "12345678", PhoneKey: "12345678", FirstName: "Ann", Roles: []muster.ID{}, Department: rootDepartment},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.row.Action, tt.want.Action = muster.ActionCreate, muster.ActionCreate
			tt.want.Actor, tt.want.NewID = muster.LevelManager, 99
			got := nativeEntry(t, muster.TenantSettings{UniqueEmail: true, PhoneRegion: "ZA"}, &tt.row)
			if name != "everything" { // whose phone is one in the region
				got = nativeEntry(t, muster.TenantSettings{}, &tt.row)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNativeFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*muster.Row)
		field  string // "" is no fault
	}{
		"a good row":             {func(*muster.Row) {}, ""},
		"the longest account":    {func(r *muster.Row) { r.Account = strings.Repeat("字", 256) }, ""},
		"no account":             {func(r *muster.Row) { r.Account = "" }, "account"},
		"an account of spaces":   {func(r *muster.Row) { r.Account = " \t" }, "account"},
		"an account too long":    {func(r *muster.Row) { r.Account = strings.Repeat("字", 257) }, "account"},
		"an account of two":      {func(r *muster.Row) { r.Account = "ann smith" }, "account"},
		"an account that hides":  {func(r *muster.Row) { r.Account = "ann\u202e" }, "account"},
		"no phone":               {func(r *muster.Row) { r.Match, r.Phone = muster.KeyPhone, "" }, "phone"},
		"a phone that is none":   {func(r *muster.Row) { r.Phone = "1.88E+12" }, "phone"},
		"an e-mail that is none": {func(r *muster.Row) { r.Email = "ann" }, "email"},
		"an e-mail as key":       {func(r *muster.Row) { r.Match, r.Email = muster.KeyEmail, "ann@example.org" }, "email"},
		"no key":                 {func(r *muster.Row) { r.Match = muster.KeyNone }, "match"},
		"no id":                  {func(r *muster.Row) { r.Match = muster.KeyID }, "id"},
		"an id":                  {func(r *muster.Row) { r.Match, r.ID = muster.KeyID, 5 }, ""},
		"no name":                {func(r *muster.Row) { r.FirstName = "" }, "firstName"},
		"a surname alone":        {func(r *muster.Row) { r.FirstName, r.Surname = "", "Smith" }, "firstName"},
		"a long first name":      {func(r *muster.Row) { r.FirstName = strings.Repeat("x", 65) }, "firstName"},
		"a bell in the surname":  {func(r *muster.Row) { r.Surname = "Smith\a" }, "surname"},
		"a long display name":    {func(r *muster.Row) { r.DisplayName = strings.Repeat("x", 65) }, "displayName"},
		"a level of none":        {func(r *muster.Row) { r.Set, r.Level = muster.FieldLevel, 3 }, "adminLevel"},
		"a role that is no id":   {func(r *muster.Row) { r.Set, r.Roles = muster.FieldRoles, []string{"reader"} }, "roleIds"},
		"too many roles":         {func(r *muster.Row) { r.Set, r.Roles = muster.FieldRoles, make([]string, 257) }, "roleIds"},
		"a department of none":   {func(r *muster.Row) { r.Set, r.DepartmentPath = muster.FieldDepartment, "A//B" }, "department"},
		"capacity of nothing":    {func(r *muster.Row) { r.Set, r.Allocate = muster.FieldCapacity, true }, "personalCapacity"},
		"a short password":       {func(r *muster.Row) { r.Password = "aB1!xyz" }, "password"},
		"the account in it":      {func(r *muster.Row) { r.Account, r.Password = "annsmith", "1!ANNSMITHx" }, "password"},
		"a password and a hash": {func(r *muster.Row) {
			r.Password, r.PasswordHash = "Correct-Horse7", "{SHA}qYJ5ut8QVLHjqaLH6gnFbKTeuYM="
		}, "passwordHash"},
		"a hash that is none":  {func(r *muster.Row) { r.PasswordHash = "Correct-Horse7" }, "passwordHash"},
		"a hash that is dear":  {func(r *muster.Row) { r.PasswordHash = "$scrypt$ln=20,r=8,p=1$c2FsdA$" + tag }, "passwordHash"},
		"a fault found before": {func(r *muster.Row) { r.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: "surname"} }, "surname"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := muster.Row{Action: muster.ActionCreate, Match: muster.KeyAccount, Account: "ann", FirstName: "Ann"}
			tt.change(&row)
			e := nativeEntry(t, muster.TenantSettings{}, &row)
			switch {
			case tt.field == "" && e.Fault == nil:
			case e.Fault == nil || e.Fault.Field != tt.field || e.Fault.Detail == "" && row.Fault == nil:
				t.Errorf("fault %+v, want one of field %q", e.Fault, tt.field)
			case row.Password != "" && strings.Contains(e.Fault.Detail, row.Password), strings.Contains(e.Fault.Detail, tag),
				row.PasswordHash != "" && strings.Contains(e.Fault.Detail, row.PasswordHash):
				t.Errorf("the fault tells the password or its hash")
			}
		})
	}
}
