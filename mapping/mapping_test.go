package mapping_test

import (
	"net/mail"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/mapping"
)

func TestPhoneKey(t *testing.T) {
	t.Parallel()
	tests := []struct {
		phone, region, want string // want "" is a refusal
	}{
		{"1884609076404", "", "1884609076404"},
		{"12345557", "", "12345557"},
		{"0027100000001", "", "+27100000001"},
		{"+27100000001", "", "+27100000001"},
		{"+27 10 000-0001", "", "+27100000001"},
		{" 00 27-100000001 ", "", "+27100000001"},
		{"12345", "", "12345"},
		{"12345678901234567890", "", "12345678901234567890"},
		{"+12345678901234567890", "", "+12345678901234567890"},
		{"0821234567", "ZA", "+27821234567"},
		{"082 123 4567", "ZA", "+27821234567"},
		{"0027821234567", "ZA", "+27821234567"},
		{"+8613800138000", "ZA", "+8613800138000"},
		{"13800138000", "CN", "+8613800138000"},

		{"", "", ""},
		{"1234", "", ""},
		{"001234", "", ""},
		{"+1234", "", ""},
		{"123456789012345678901", "", ""},
		{"+", "", ""},
		{"++27100000001", "", ""},
		{"27+100000001", "", ""},
		{"(010) 000-0001", "", ""},
		{"010.000.0001", "", ""},
		{"1.88E+12", "", ""},
		{"12345x", "", ""},
		{"tel:12345", "", ""},
		{"１２３４５６", "", ""}, // full-width digits
		{"٠١٢٣٤٥", "", ""}, // Arabic-Indic digits
		{"12345\u00a0678", "", ""},
		{"12345\n678", "", ""},
		{strings.Repeat("1", 10_000), "", ""},
	}
	for _, tt := range tests {
		got, fault := mapping.PhoneKey("phone", tt.phone, tt.region)
		if got != tt.want || (fault == nil) != (tt.want != "") {
			t.Errorf("PhoneKey(%.40q, %q) = %q, %v; want %q", tt.phone, tt.region, got, fault, tt.want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		ok         bool
	}{
		{"1204", "1204", true},
		{"  Ann  ", "Ann", true},
		{"张伟", "张伟", true},
		{"محمد", "محمد", true},
		{"O'Brien-Núñez", "O'Brien-Núñez", true},
		{"علی\u200cرضا", "علی\u200cرضا", true}, // a zero-width non-joiner belongs in Persian names
		{strings.Repeat("字", 64), strings.Repeat("字", 64), true},

		{"", "", false},
		{" \t ", "", false},
		{strings.Repeat("字", 65), "", false},
		{strings.Repeat("a", 10_000), "", false},
		{"An\x00n", "", false},
		{"An\nn", "", false},
		{"An\x1b[31mn", "", false},
		{"An\u0085n", "", false},
		{"An\u202en", "", false},       // right-to-left override
		{"An\u200fn", "", false},       // right-to-left mark
		{"An\u2067n\u2069", "", false}, // isolate
		{"An\u2028n", "", false},
		{"An\xffn", "", false},
	}
	for _, tt := range tests {
		got, fault := mapping.Name("firstname", tt.name, 1, 64)
		if got != tt.want || (fault == nil) != tt.ok {
			t.Errorf("Name(%.40q) = %q, %v; want %q", tt.name, got, fault, tt.want)
		}
	}
}

func TestEmailKey(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"1024@12.com":                             "1024@12.com",
		"Ann.B+tag@Example.ORG":                   "ann.b+tag@example.org",
		"o'neil@example.org":                      "o'neil@example.org",
		strings.Repeat("a", 242) + "@example.org": strings.Repeat("a", 242) + "@example.org", // 254

		"":                                "",
		"ann":                             "",
		"ann@":                            "",
		"@example.org":                    "",
		"ann@@example.org":                "",
		"Ann <ann@example.org>":           "",
		"<ann@example.org>":               "",
		"ann@example.org, bo@example.org": "",
		"ann@example.org (work)":          "",
		" ann@example.org":                "",
		"an n@example.org":                "",
		"ann@example.org\r\nBcc: x@y.z":   "",
		"ann\u202e@example.org":           "",
		"\"ann\"@example.org":             "",
		strings.Repeat("a", 243) + "@example.org": "",
	} {
		got, fault := mapping.EmailKey("email", email)
		if got != want || (fault == nil) != (want != "") {
			t.Errorf("EmailKey(%.40q) = %q, %v; want %q", email, got, fault, want)
		}
	}
}

const rootDepartment = 42

func tenant() *muster.Tenant { return &muster.Tenant{ID: 7, RootDepartment: rootDepartment} }

func TestKooDriveEntry(t *testing.T) {
	t.Parallel()
	all := muster.FieldFirstName | muster.FieldSurname | muster.FieldPhone | muster.FieldEmail | muster.FieldPassword
	row := muster.Row{
		Action: muster.ActionCreate, Set: all,
		FirstName: " 1204 ", Surname: "1204", Phone: "+188 4609076404", Email: "1024@12.Com", Password: "Q!@1assword",
	}
	mapper := mapping.New(tenant(), muster.ContractKooDrive, muster.LevelManager, nil)
	got := mapper.Entry(t.Context(), &row, 99, nil)
	want := muster.Entry{
		Action: muster.ActionCreate, Match: muster.KeyPhone, OnExisting: muster.SkipExisting, Actor: muster.LevelManager, NewID: 99,
		Set: all | muster.FieldDepartment | muster.FieldLevel, Password: true,
		User: muster.User{
			FirstName: "1204", Surname: "1204", Phone: "+188 4609076404", PhoneKey: "+1884609076404",
			Email: "1024@12.Com", EmailKey: "1024@12.com", Level: muster.LevelCommon, Department: rootDepartment,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestKooDriveFaults(t *testing.T) {
	t.Parallel()
	good := muster.Row{Action: muster.ActionCreate, FirstName: "Ann", Phone: "12345678"}
	tests := []struct {
		name   string
		change func(*muster.Row)
		field  string // "" is no fault
	}{
		{"a minimal row", func(*muster.Row) {}, ""},
		{"empty optional fields are absent", func(r *muster.Row) { r.Set |= muster.FieldPassword | muster.FieldEmail }, ""},
		{"no first name", func(r *muster.Row) { r.FirstName = "" }, "firstname"},
		{"a long surname", func(r *muster.Row) { r.Surname = strings.Repeat("x", 65) }, "surname"},
		{"no phone", func(r *muster.Row) { r.Phone = "" }, "phone"},
		{"a bad e-mail", func(r *muster.Row) { r.Email = "x" }, "email"},
		{"a short password", func(r *muster.Row) { r.Password = "aB1!xyz" }, "password"},
		{"a password of two classes", func(r *muster.Row) { r.Password = "abcdefgh1" }, "password"},
		{"a password with the phone", func(r *muster.Row) { r.Password = "aB!12345678" }, "password"},
		{"a password with a name part", func(r *muster.Row) { r.Surname = "van Dijkstra"; r.Password = "1!dIJKSTRA" }, "password"},
		{"a password with the e-mail's local part", func(r *muster.Row) { r.Email = "wxyz@example.org"; r.Password = "1!WXYZabc" }, "password"},
		{"a fault found before", func(r *muster.Row) { r.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: "surname"} }, "surname"},
	}
	mapper := mapping.New(tenant(), muster.ContractKooDrive, muster.LevelSystemAdmin, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			row := good
			tt.change(&row)
			e := mapper.Entry(t.Context(), &row, 1, nil)
			if tt.field == "" {
				if e.Fault != nil || e.Password || e.Set.Has(muster.FieldPassword) {
					t.Errorf("entry %+v, want one without fault or password", e)
				}
				return
			}
			if e.Fault == nil || e.Fault.Field != tt.field || e.Fault.Reason != muster.ReasonInvalid {
				t.Fatalf("fault %+v, want one of field %s", e.Fault, tt.field)
			}
			if row.Password != "" && strings.Contains(e.Fault.Detail, row.Password) {
				t.Errorf("the fault tells the password")
			}
		})
	}
}

func FuzzFields(f *testing.F) {
	for _, s := range []string{"", "0027100000001", "+1 2-3", "Ann", "a@b.c", "a..b@c", ".a@b", "a.@b", "a@b.", "a@.b", "a@b..c", "A_b+c-d.e@f-g.h", "a@b_c", "a@b@c", "\u202e", "\xff", "１２３４５"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if key, fault := mapping.PhoneKey("phone", s, ""); fault == nil {
			if again, fault := mapping.PhoneKey("phone", key, ""); fault != nil || again != key {
				t.Errorf("the key %q of %q is not its own key: %q, %v", key, s, again, fault)
			}
		}
		if name, fault := mapping.Name("firstname", s, 1, 64); fault == nil {
			if n := utf8.RuneCountInString(name); n < 1 || n > 64 || strings.ContainsAny(name, "\x00\n\r\t\u202e") {
				t.Errorf("Name(%q) = %q", s, name)
			}
		}
		key, fault := mapping.EmailKey("email", s)
		if a, err := mail.ParseAddress(s); fault == nil && (err != nil || a.Address != s || key != strings.ToLower(s)) {
			t.Errorf("EmailKey(%q) = %q, and RFC 5322 has %v, %v", s, key, a, err)
		}
		if fault == nil && strings.Count(key, "@") < 1 {
			t.Errorf("EmailKey(%q) = %q", s, key)
		}
	})
}
