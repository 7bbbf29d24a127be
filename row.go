package muster

// Action is what a row asks for.
type Action uint8

const (
	ActionCreate  Action = iota + 1 // make a user; what happens when he exists is the row's OnExisting
	ActionUpdate                    // change the fields that the row sets, of a user who exists
	ActionDisable                   // a disabled user keeps everything but may not sign in; again is a success
	ActionEnable                    // undoes ActionDisable
	ActionDelete                    // removes the user and frees his seat, capacity and keys
)

var actionNames = [...]string{"", "CREATE", "MODIFY", "DISABLE", "ENABLE", "DELETE"}

func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "unknown"
}

// OnExisting is what ActionCreate does with a user who is there already.
type OnExisting uint8

const (
	SkipExisting   OnExisting = iota // the row is skipped with ReasonExists and names the existing user
	FailExisting                     // the row fails with ReasonExists
	UpdateExisting                   // the row updates him (upsert)
)

// FieldSet is a set of a user's fields, a bit each.
type FieldSet uint16

const (
	FieldAccount FieldSet = 1 << iota
	FieldPhone
	FieldEmail
	FieldFirstName
	FieldSurname
	FieldDisplayName
	FieldPassword
	FieldLevel
	FieldDepartment
	FieldCapacity
	FieldRoles
	FieldStatus
)

// Clearable are the fields that an update can take away from a user, who keeps a name and something to sign in with.
const Clearable = FieldAccount | FieldPhone | FieldEmail | FieldFirstName | FieldSurname | FieldDisplayName

// Has reports whether every field of f is in the set.
func (s FieldSet) Has(f FieldSet) bool { return s&f == f }

// Row is one line of a batch as its caller sent it: nothing trimmed, folded or checked. Set says which fields were
// there at all; the others are absent, which is not the same as empty.
type Row struct {
	Action      Action
	Set         FieldSet
	Account     string
	Phone       string
	Email       string
	FirstName   string
	Surname     string
	DisplayName string
	Password    string // in the clear; a Row is never stored unsealed, and never logged
	// PasswordHash is instead of Password: what another system made of it, in any form that password.ParseImported takes.
	PasswordHash string
	Roles        []string
	Level        AdminLevel
	Disabled     bool // of FieldStatus
	// Department is the one from which DepartmentPath leads to the user's, see [DepartmentRef]. Both are of FieldDepartment.
	Department     ID
	DepartmentPath string
	// Allocate says that CapacityGB is to be taken from the tenant's personal space. Both are of FieldCapacity.
	Allocate   bool
	CapacityGB int64
	// Match and OnExisting are the batch's where its contract leaves them to the caller.
	Match      Key
	OnExisting OnExisting
	// ID is who is meant, where Match is KeyID.
	ID ID
	// Touch are the fields that the row may change of a user who exists, the others being for one who is made; 0 is all
	// that it sets.
	Touch FieldSet
	// Source is of a reconciliation: users are stamped with it when they are made, and others' users are not touched
	// unless Adopt is set, which stamps them, too.
	Source string
	Adopt  bool
	// Fault is what made the row unreadable while it was decoded, such as a number where text belongs. A row with a
	// fault fails with it and does nothing.
	Fault *Fault
}

// Fault is why a row cannot be done: the outcome it will have.
type Fault struct {
	Reason Reason
	Field  string // the field's name in the caller's contract; "" when no field is to blame
	Detail string // a sentence that says what would be accepted, without the field's value
}

// Entry is a row made ready for [Plan]: trimmed, normalised and checked as far as one row alone can be.
type Entry struct {
	Action     Action
	Match      Key // decides who is meant
	OnExisting OnExisting
	Actor      AdminLevel // who asks: he grants no level above his own and changes nobody above him
	// Scope is the department that he administers, with those below it: he changes nobody elsewhere and moves nobody there.
	// 0 is no bound. Where it is set, an entry that sets the department does so by Department.
	Scope ID
	// Department says which department the user gets, where FieldDepartment is set; the zero value is User.Department.
	Department DepartmentRef
	NewID      ID       // the id of the user if the row creates one
	Set        FieldSet // which fields of User the row sets; one of Clearable that is empty is taken away
	OnCreate   FieldSet // those of Set that an existing user keeps as they are
	User       User     // the values; ID where Match is KeyID
	// NoCreate is why the row can make no user: it fails with it where there is none to update. nil: it can.
	NoCreate *Fault
	// Source is whose users the row is about: one whom it makes is stamped with it, and one of another source, or of none, is
	// not changed, unless he is of none and Adopt is set: then an update stamps him. "": anybody.
	Source   string
	Adopt    bool
	Password bool   // the row brings a password, whose hash is in User.PasswordHash once it is known
	Fault    *Fault // the row fails with it
	// Expect is the outcome predicted by the dry run that is committed: an entry that would have another one does nothing
	// and fails with ReasonChanged. nil: any will do.
	Expect *Expectation
}

// Keys lists what a snapshot must find users by. Values are normalised and not empty; repeats do no harm.
type Keys struct {
	IDs      []ID
	Accounts []string
	Phones   []string
	Emails   []string
	Roles    []ID // not of users: the roles that rows assign, to learn which of them exist
	// Departments are not of users either: those that rows name.
	Departments []DepartmentRef
	// Homes asks for the departments of the users found, too.
	Homes bool
}

// KeysOf collects the keys that planning the entries needs to know the holders of.
func KeysOf(entries []Entry, settings *TenantSettings) Keys {
	var keys Keys
	named := map[DepartmentRef]bool{}
	for i := range entries {
		e := &entries[i]
		if e.Fault != nil {
			continue
		}
		if e.Scope != 0 {
			keys.Homes = true
		}
		if r := e.Department; e.Set.Has(FieldDepartment) && r.Base != 0 && !named[r] {
			named[r] = true
			keys.Departments = append(keys.Departments, r)
		}
		if e.Match == KeyID && e.User.ID != 0 {
			keys.IDs = append(keys.IDs, e.User.ID)
		}
		if k := e.User.AccountKey; k != "" {
			keys.Accounts = append(keys.Accounts, k)
		}
		if k := e.User.PhoneKey; k != "" {
			keys.Phones = append(keys.Phones, k)
		}
		if k := e.User.EmailKey; k != "" && (settings.UniqueEmail || e.Match == KeyEmail) {
			keys.Emails = append(keys.Emails, k)
		}
		if e.Set.Has(FieldRoles) {
			keys.Roles = append(keys.Roles, e.User.Roles...)
		}
	}
	return keys
}

// updates are the fields that the row sets of a user who exists.
func (e *Entry) updates() FieldSet { return e.Set &^ e.OnCreate }

// unhashed reports whether the entry would write a password whose hash is missing, if it sets these fields.
func (e *Entry) unhashed(set FieldSet) bool {
	return e.Password && set.Has(FieldPassword) && e.User.PasswordHash == ""
}
