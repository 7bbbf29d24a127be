package spreadsheet_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster/spreadsheet"
)

// mapped writes down a mapping: the fields by their columns, and the problems.
func mapped(header []string, m *spreadsheet.Mapping) string {
	var b strings.Builder
	for i, field := range m.Fields {
		if field != "" {
			fmt.Fprintf(&b, "%s=%s ", header[i], field)
		}
	}
	for _, p := range m.Problems {
		fmt.Fprintf(&b, "\n%s %d %q %q: %s", p.Kind, p.Column, p.Name, p.Field, p.Detail)
	}
	return b.String()
}

func mandatory(names ...string) []spreadsheet.Field {
	fields := spreadsheet.UserFields()
	for i := range fields {
		for _, name := range names {
			fields[i].Mandatory = fields[i].Mandatory || fields[i].Name == name
		}
	}
	return fields
}

func TestGuessColumns(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header []string
		fields []spreadsheet.Field
		chosen map[string]string
		want   string
	}{
		"the fields' own names": {
			header: []string{"account", "phone", "email", "firstName", "surname", "displayName", "password", "passwordHash", "department", "capacityGB", "allocateCapacity",
				"adminLevel", "roleIds", "action", "status", "clear", "id"},
			want: "account=account phone=phone email=email firstName=firstName surname=surname displayName=displayName password=password passwordHash=passwordHash " +
				"department=department capacityGB=capacityGB allocateCapacity=allocateCapacity adminLevel=adminLevel roleIds=roleIds action=action status=status clear=clear id=id ",
		},
		"case, spaces and punctuation": {
			header: []string{" PHONE_NUMBER", "First-Name", "SURNAME:", "e mail", "Capacity (GB)", "ＰＡＳＳＷＯＲＤ", "Department*"},
			want:   " PHONE_NUMBER=phone First-Name=firstName SURNAME:=surname e mail=email Capacity (GB)=capacityGB ＰＡＳＳＷＯＲＤ=password Department*=department ",
		},
		"Google's": {
			header: []string{"First Name [Required]", "Last Name [Required]", "Email Address [Required]", "Password [Required]", "Org Unit Path [Required]", "Mobile Phone"},
			want: "First Name [Required]=firstName Last Name [Required]=surname Email Address [Required]=email Password [Required]=password Org Unit Path [Required]=department " +
				"Mobile Phone=phone ",
		},
		"German": {
			header: []string{"Vorname", "Nachname", "Anzeigename", "E-Mail-Adresse", "Handynummer", "Abteilung", "Benutzername", "Kennwort", "Speicherplatz (GB)", "Rollen", "Aktion"},
			want: "Vorname=firstName Nachname=surname Anzeigename=displayName E-Mail-Adresse=email Handynummer=phone Abteilung=department Benutzername=account Kennwort=password " +
				"Speicherplatz (GB)=capacityGB Rollen=roleIds Aktion=action ",
		},
		"Chinese": {
			header: []string{"手机号（必填）", "姓名", "邮箱", "部门", "登录名", "初始密码", "空间大小(GB)", "管理员级别", "角色", "操作", "状态"},
			want:   "手机号（必填）=phone 姓名=displayName 邮箱=email 部门=department 登录名=account 初始密码=password 空间大小(GB)=capacityGB 管理员级别=adminLevel 角色=roleIds 操作=action 状态=status ",
		},
		"unknown": {
			header: []string{"phone", "Shoe size", "", "---"},
			want: "phone=phone " +
				"\nunknown 1 \"Shoe size\" \"\": No field is known by the name of column B: say which it is, or leave it out." +
				"\nunknown 3 \"---\" \"\": No field is known by the name of column D: say which it is, or leave it out.",
		},
		"notes of Muster's": {
			header: []string{"muster_row", "phone", "Muster_Reason", "muster_", "muster row"},
			want: "phone=phone " +
				"\nunknown 3 \"muster_\" \"\": No field is known by the name of column D: say which it is, or leave it out." +
				"\nunknown 4 \"muster row\" \"\": No field is known by the name of column E: say which it is, or leave it out.",
		},
		"a note that is chosen": {
			header: []string{"muster_row"}, chosen: map[string]string{"muster_row": "account"},
			want: "muster_row=account ",
		},
		"repeated": {
			header: []string{"Handy", "phone", "Telefon"},
			want: "Handy=phone " +
				"\nrepeated 1 \"phone\" \"phone\": Columns A and B both hold phone: leave one out." +
				"\nrepeated 2 \"Telefon\" \"phone\": Columns A and C both hold phone: leave one out.",
		},
		"missing": {
			header: []string{"Name", "Mail"}, fields: mandatory("phone", "email"),
			want: "Name=displayName Mail=email \nmissing -1 \"\" \"phone\": No column holds phone, which is needed: give a column that name, or say which it is.",
		},
		"the wrong delimiter": {
			header: []string{"phone^name"}, fields: mandatory("phone"),
			want: "\nunknown 0 \"phone^name\" \"\": No field is known by the name of column A: say which it is, or leave it out." +
				"\nmissing -1 \"\" \"phone\": No column holds phone, which is needed: the table has one column only; a comma, a semicolon, TAB and | are understood between cells.",
		},
		"no header": {
			header: []string{"+49151", "Anna"}, fields: mandatory("phone"),
			want: "\nunknown 0 \"+49151\" \"\": No field is known by the name of column A: say which it is, or leave it out." +
				"\nunknown 1 \"Anna\" \"\": No field is known by the name of column B: say which it is, or leave it out." +
				"\nmissing -1 \"\" \"phone\": No column holds phone, which is needed: no column is known by its name; does the header row miss?",
		},
		"chosen by name, letter, and to be left out": {
			header: []string{"Mobil", "Nr.", "Shoe size", "Email"}, fields: mandatory("phone"),
			chosen: map[string]string{"nr": "phone", "a": "", "Shoe Size": "", "D": "account"},
			want:   "Nr.=phone Email=account ",
		},
		"chosen and guessed": {
			header: []string{"phone", "work"}, chosen: map[string]string{"work": "phone"},
			want: "work=phone \nrepeated 0 \"phone\" \"phone\": Columns B and A both hold phone: leave one out.",
		},
		"names go before letters": {
			header: []string{"B", "phone"}, chosen: map[string]string{"B": ""},
			want: "phone=phone ",
		},
		"letters that mean no name": {
			header: []string{"B", "phone", "#A"}, chosen: map[string]string{"#B": "email", "#a": "account", "#c": "", "#": ""},
			want: "B=account phone=email \nchoice -1 \"#\" \"\": There is no column of the name or letter for which a field is chosen.",
		},
		"choices of what there is not": {
			header: []string{"phone", "x"}, chosen: map[string]string{"y": "email", "x": "shoe", "C": "", "A": "phone", "PHONE": "phone", "": "email"},
			want: "phone=phone " +
				"\nchoice -1 \"\" \"email\": There is no column of the name or letter for which a field is chosen." +
				"\nchoice -1 \"C\" \"\": There is no column of the name or letter for which a field is chosen." +
				"\nchoice 0 \"PHONE\" \"phone\": A field is chosen twice for column A." +
				"\nchoice 1 \"x\" \"shoe\": The field that is chosen for column B is not known: action, account, phone, email, firstName, surname, displayName, department, password, " +
				"passwordHash, capacityGB, allocateCapacity, adminLevel, roleIds, status, id, clear are." +
				"\nchoice -1 \"y\" \"email\": There is no column of the name or letter for which a field is chosen.",
		},
		"nothing": {fields: mandatory("phone"), want: "\nmissing -1 \"\" \"phone\": No column holds phone, which is needed: no column is known by its name; does the header row miss?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := tc.fields
			if fields == nil {
				fields = spreadsheet.UserFields()
			}
			m := spreadsheet.GuessColumns(tc.header, fields, tc.chosen)
			if diff := cmp.Diff(tc.want, mapped(tc.header, &m)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestSynonymsAreOfOneField: no name that a column may have is that of two fields.
func TestSynonymsAreOfOneField(t *testing.T) {
	t.Parallel()
	for _, f := range spreadsheet.UserFields() {
		seen := map[string]bool{}
		for _, name := range append(f.Synonyms, f.Name) {
			m := spreadsheet.GuessColumns([]string{name}, spreadsheet.UserFields(), nil)
			if m.Fields[0] != f.Name {
				t.Errorf("%s is %s, and not only %s", name, m.Fields[0], f.Name)
			}
			if seen[strings.ToLower(name)] {
				t.Errorf("%s is a synonym twice", name)
			}
			seen[strings.ToLower(name)] = true
		}
		if len(f.Help) == 0 || len(f.Help) > 255 || len(strings.Join(f.Values, ",")) > 255 {
			t.Errorf("%s: a sheet has no room for its help and values", f.Name)
		}
	}
}

// checkMapping holds what is true of every mapping: each field has one column at most, each column a field, or a problem, or
// the caller's word, or no name, or that of a note.
func checkMapping(t interface{ Fatalf(string, ...any) }, header []string, fields []spreadsheet.Field, chosen map[string]string) {
	m := spreadsheet.GuessColumns(header, fields, chosen)
	if len(m.Fields) != len(header) {
		t.Fatalf("%d fields for %d columns", len(m.Fields), len(header))
	}
	told := map[int]bool{}
	for _, p := range m.Problems {
		told[p.Column] = true
		if p.Name != "" && len(p.Name) > 8 && strings.Contains(p.Detail, p.Name) {
			t.Fatalf("what the file says is in %q", p.Detail)
		}
	}
	dropped := 0
	for _, field := range chosen {
		if field == "" {
			dropped++
		}
	}
	seen := map[string]bool{}
	for i, field := range m.Fields {
		note := len(header[i]) > len("muster_") && strings.EqualFold(header[i][:len("muster_")], "muster_")
		if field == "" && header[i] != "" && !note && !told[i] {
			dropped--
		}
		if field != "" && (seen[field] || m.Column(field) != i) {
			t.Fatalf("%s is held by two columns", field)
		}
		seen[field] = true
	}
	if dropped < 0 {
		t.Fatalf("a column is left out that nobody said was to be: %q %v", header, m)
	}
	for i := range fields {
		if fields[i].Mandatory && !seen[fields[i].Name] && !told[-1] {
			t.Fatalf("%s is missing, and nobody says so", fields[i].Name)
		}
	}
}

func TestNoColumnIsIgnored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fields := mandatory(spreadsheet.FieldPhone)
		name := rapid.OneOf(rapid.SampledFrom([]string{"phone", "Handy", "手机", "name", "e-mail", "A", "B", "x", "muster_row", ""}), rapid.String())
		field := rapid.SampledFrom([]string{"phone", "email", "", "", "nothing"})
		checkMapping(t, rapid.SliceOfN(name, 0, 8).Draw(t, "header"), fields, rapid.MapOfN(name, field, 0, 3).Draw(t, "chosen"))
	})
}
