package spreadsheet

// Field is something that a column can hold.
type Field struct {
	Name      string   // also a column's name that is always understood
	Synonyms  []string // other names that a column may have; case, spaces and punctuation do not count
	Mandatory bool     // a table without it is of no use
	Help      string   // what is accepted, in at most 255 characters
	Example   string   // a value for templates; "" leaves it empty
	Values    []string // all that are accepted, where they can be listed: without commas, 255 characters together at most
}

// The names of a user's fields, those of the native API's rows where it has them.
const (
	FieldID               = "id"
	FieldAccount          = "account"
	FieldPhone            = "phone"
	FieldEmail            = "email"
	FieldFirstName        = "firstName"
	FieldSurname          = "surname"
	FieldDisplayName      = "displayName"
	FieldPassword         = "password"
	FieldPasswordHash     = "passwordHash"
	FieldDepartment       = "department"
	FieldCapacityGB       = "capacityGB"
	FieldAllocateCapacity = "allocateCapacity"
	FieldAdminLevel       = "adminLevel"
	FieldRoleIDs          = "roleIds"
	FieldAction           = "action"
	FieldStatus           = "status"
	FieldClear            = "clear"
)

// NotePrefix begins the names of columns in which Muster tells something of a row, such as why it failed. They hold no field:
// a file that has them can be mended and sent again.
const NotePrefix = "muster_"

// UserFields are the fields of a user, in the order of templates, none of them mandatory. The slice is the caller's to change.
func UserFields() []Field {
	return []Field{
		{Name: FieldAction, Help: "What becomes of the user. Empty: what the batch says.", Values: []string{"create", "update", "upsert", "disable", "enable", "delete"},
			Synonyms: []string{"operation", "change type", "Aktion", "Vorgang", "操作", "操作类型", "動作"}},
		{Name: FieldAccount, Help: "Name to sign in with, 1 to 256 characters without spaces.", Example: "anna.example",
			Synonyms: []string{"account name", "user name", "login", "login name", "sign-in name", "user principal name", "upn", "sam account name",
				"Benutzer", "Benutzername", "Benutzerkonto", "Anmeldename", "Konto", "Kontoname",
				"账号", "帐号", "账户", "帐户", "用户名", "登录名", "登录账号", "帳號", "使用者名稱"}},
		{Name: FieldPhone, Help: "Mobile phone with + and country code, or as in your country.", Example: "+4915112345678",
			Synonyms: []string{"phone number", "mobile", "mobile phone", "mobile number", "mobile phone number", "cell", "cell phone", "cellphone number", "telephone", "telephone number", "tel", "msisdn",
				"Telefon", "Telefonnummer", "Handy", "Handynummer", "Mobil", "Mobilnummer", "Mobiltelefon", "Mobiltelefonnummer", "Rufnummer",
				"手机号", "手机号码", "手机", "电话", "电话号码", "联系电话", "移动电话", "手機", "手機號碼", "電話"}},
		{Name: FieldEmail, Help: "One e-mail address.", Example: "anna@example.com",
			Synonyms: []string{"e-mail", "mail", "email address", "e-mail address", "mail address", "primary email",
				"E-Mail-Adresse", "Mailadresse", "邮箱", "邮箱地址", "电子邮箱", "电子邮件", "邮件", "邮件地址", "郵箱", "電子郵件", "電郵"}},
		{Name: FieldFirstName, Help: "First name, at most 64 characters.", Example: "Anna",
			Synonyms: []string{"given name", "forename", "Vorname", "Rufname", "名", "名字"}},
		{Name: FieldSurname, Help: "Surname, at most 64 characters.", Example: "Example",
			Synonyms: []string{"last name", "family name", "Nachname", "Familienname", "Zuname", "姓", "姓氏"}},
		{Name: FieldDisplayName, Help: "Name that others see, at most 64 characters. Needed where there is no first name.",
			Synonyms: []string{"name", "full name", "nickname", "Anzeigename", "vollständiger Name", "姓名", "显示名", "显示名称", "昵称", "真实姓名", "员工姓名", "顯示名稱"}},
		{Name: FieldDepartment, Help: "Name of a department, or names from the top joined by slashes.", Example: "Sales/North",
			Synonyms: []string{"department name", "department path", "dept", "org unit path", "organizational unit", "organisational unit", "organisation unit",
				"Abteilung", "Abteilungspfad", "Organisationseinheit", "部门", "部门名称", "部门路径", "所属部门", "组织", "組織", "部門"}},
		{Name: FieldPassword, Help: "First password. Empty: the user sets one with a link.",
			Synonyms: []string{"initial password", "Passwort", "Kennwort", "Anfangspasswort", "密码", "初始密码", "登录密码", "密碼"}},
		{Name: FieldPasswordHash, Help: "Hash of the password in another system, such as $2b$12$...", Synonyms: []string{"hashed password", "Passwort-Hash", "密码哈希"}},
		{Name: FieldCapacityGB, Help: "Personal space in GB, a whole number; 0 for none.", Example: "10",
			Synonyms: []string{"capacity", "quota", "quota gb", "storage", "storage gb", "space", "Speicher", "Speicherplatz", "Kontingent", "容量", "空间", "空间容量", "空间大小", "个人空间", "配额", "空間"}},
		{Name: FieldAllocateCapacity, Help: "Whether personal space is allocated.", Values: []string{"true", "false"}, Synonyms: []string{"是否分配空间", "是否分配容量"}},
		{Name: FieldAdminLevel, Help: "0 department administrator, 1 common user, 2 system administrator, 5 member with management permissions. Empty: 1.", Values: []string{"0", "1", "2", "5"},
			Synonyms: []string{"administrator level", "admin", "Administratorstufe", "管理员级别", "管理员类型", "管理级别"}},
		{Name: FieldRoleIDs, Help: "Ids of roles, with ; between them.", Synonyms: []string{"role id", "role", "roles", "Rolle", "Rollen", "Rollen-IDs", "角色", "角色ID"}},
		{Name: FieldStatus, Help: "Whether the user may sign in.", Values: []string{"enabled", "disabled"},
			Synonyms: []string{"user status", "account status", "state", "Zustand", "状态", "用户状态", "账号状态", "狀態"}},
		{Name: FieldID, Help: "Id that Muster gave the user.", Synonyms: []string{"user id", "Benutzer-ID", "用户ID", "用户编号"}},
		{Name: FieldClear, Help: "Fields of the user to be emptied, with ; between their names, such as email;surname.",
			Synonyms: []string{"clear fields", "leeren", "清空字段"}},
	}
}
