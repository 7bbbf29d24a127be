package console

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"muster"
	"muster/spreadsheet"
	"muster/userfile"
)

// importLink is where the form is sent: its token stands in the query, since the form is read as it comes.
func (v *visit) importLink(path, query string) templ.SafeURL {
	return v.link("/import", path, "?", csrfField, "=", url.QueryEscape(v.csrf()), query)
}

func operationOptions(v *visit) []option {
	return []option{
		{"create", v.T("Create users")},
		{"upsert", v.T("Create users, or update them if they exist")},
		{"update", v.T("Update users")},
		{"disable", v.T("Disable users")},
		{"enable", v.T("Enable users")},
		{"delete", v.T("Delete users")},
		{"", v.T("As a column of the file says, row by row")},
	}
}

func matchOptions(v *visit) []option {
	var list []option
	for _, key := range [...]muster.Key{muster.KeyAccount, muster.KeyPhone, muster.KeyEmail, muster.KeyID} {
		if key != muster.KeyEmail || v.tenant.Settings.UniqueEmail {
			list = append(list, option{key.String(), v.fieldName(key.String())})
		}
	}
	return list
}

func existingOptions(v *visit) []option {
	return []option{{"skip", v.T("Skip the row")}, {"update", v.T("Update the user")}, {"fail", v.T("Let the row fail")}}
}

func delimiterOptions(v *visit) []option {
	return []option{{"", v.T("Find out")}, {"comma", v.T("Comma")}, {"semicolon", v.T("Semicolon")}, {"tab", v.T("Tab")}, {"pipe", "|"}}
}

// encodingOptions are those that people still meet, by their names in the WHATWG Encoding Standard.
func encodingOptions(v *visit) []option {
	list := []option{{"", v.T("Find out whether UTF-8 or UTF-16")}}
	for _, name := range [...]string{"gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "windows-1250", "windows-1251", "windows-1252", "windows-1254", "windows-1256", "iso-8859-2", "iso-8859-15", "macintosh"} {
		list = append(list, option{name, name})
	}
	return list
}

// selectColumns is up to how many columns each has a list of its own.
const selectColumns = 64

func columnOptions(v *visit) []option {
	list := []option{{"", v.T("Choose…")}, {leaveOut, v.T("Leave it out")}}
	for _, f := range spreadsheet.UserFields() {
		list = append(list, option{f.Name, v.fieldName(f.Name)})
	}
	return list
}

func (c *importColumn) described() templ.Attributes {
	return described(columnPrefix+c.Letter, "", faults{columnPrefix + c.Letter: c.Fault})
}

// fieldName is what a field of a row is called; "" of none.
func (w words) fieldName(field string) string {
	switch field {
	case spreadsheet.FieldID:
		return w.T("Id")
	case spreadsheet.FieldAccount:
		return w.T("Account")
	case spreadsheet.FieldPhone:
		return w.T("Phone")
	case spreadsheet.FieldEmail:
		return w.T("E-mail address")
	case spreadsheet.FieldFirstName:
		return w.T("First name")
	case spreadsheet.FieldSurname:
		return w.T("Surname")
	case spreadsheet.FieldDisplayName:
		return w.T("Display name")
	case spreadsheet.FieldPassword:
		return w.T("Password")
	case spreadsheet.FieldPasswordHash:
		return w.T("Password hash")
	case spreadsheet.FieldDepartment:
		return w.T("Department")
	case spreadsheet.FieldCapacityGB:
		return w.T("Capacity in GB")
	case spreadsheet.FieldAllocateCapacity:
		return w.T("Allocate capacity")
	case spreadsheet.FieldAdminLevel:
		return w.T("Administrator level")
	case spreadsheet.FieldRoleIDs:
		return w.T("Roles")
	case spreadsheet.FieldAction, "operation":
		return w.T("Operation")
	case spreadsheet.FieldStatus:
		return w.T("State")
	case spreadsheet.FieldClear:
		return w.T("Fields to clear")
	default:
		return field
	}
}

// understood says how a file was read, in a sentence or two.
func (v *visit) understood(p *userfile.Preview) string {
	l := &p.Layout
	var said []string
	switch l.Format { //nolint:exhaustive // NDJSON has nothing else to say
	case spreadsheet.CSV:
		said = append(said, v.T("CSV in %s with %s between cells.", l.Encoding, v.delimiterName(l.Delimiter)))
	case spreadsheet.XLSX:
		said = append(said, v.T("Sheet %s of the workbook's %s.", l.Sheet, shortened(strings.Join(l.Sheets, ", "))))
	default:
		said = append(said, v.T("NDJSON."))
	}
	switch {
	case p.Rows == 0 && !p.Complete:
	case p.Complete:
		said = append(said, v.N(int64(p.Rows), "%s row.", "%s rows."))
	default:
		said = append(said, v.N(int64(p.Rows), "%s row was looked at, of more.", "%s rows were looked at, of more."))
	}
	if n := len(p.Mapping.Problems); n > 0 {
		said = append(said, v.N(int64(n), "%s thing is not understood: choose what the columns hold.", "%s things are not understood: choose what the columns hold."))
	}
	return strings.Join(said, " ")
}

func (w words) delimiterName(r rune) string {
	switch r {
	case ',':
		return w.T("comma")
	case ';':
		return w.T("semicolon")
	case '\t':
		return w.T("tab")
	default:
		return string(r)
	}
}

// whoIs is whom a row is about, as far as it says so.
func whoIs(row *muster.Row) string {
	id := ""
	if row.ID != 0 {
		id = row.ID.String()
	}
	return shortened(cmp.Or(row.Account, row.Phone, row.Email, row.DisplayName, id))
}
