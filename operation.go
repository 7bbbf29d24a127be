package muster

import "strings"

// operations are the names of what batches and their rows ask for.
var operations = [...]struct {
	name       string
	action     Action
	onExisting OnExisting
}{
	{"create", ActionCreate, SkipExisting},
	{"update", ActionUpdate, SkipExisting},
	{"upsert", ActionCreate, UpdateExisting},
	{"disable", ActionDisable, SkipExisting},
	{"enable", ActionEnable, SkipExisting},
	{"delete", ActionDelete, SkipExisting},
}

// ParseOperation reads the name of an operation: create, update, upsert, disable, enable or delete. Of create, which may
// as well fail for users who exist, it gives what holds where nothing else is said. KindInvalid for any other name.
func ParseOperation(name string) (Action, OnExisting, error) {
	for _, o := range operations {
		if o.name == name {
			return o.action, o.onExisting, nil
		}
	}
	return 0, 0, &Error{Kind: KindInvalid, Field: "operation", Detail: "operation must be create, update, upsert, disable, enable or delete."}
}

// Operation is the name of what the row asks for, as ParseOperation reads it; "" if it has no action that is known.
func (r *Row) Operation() string {
	if r.Action == ActionCreate && r.OnExisting == UpdateExisting {
		return "upsert"
	}
	for _, o := range operations {
		if o.action == r.Action {
			return o.name
		}
	}
	return ""
}

// ParseOnExisting reads what becomes of users who exist: skip, which is also "", fail or update. KindInvalid for any
// other text.
func ParseOnExisting(s string) (OnExisting, error) {
	switch s {
	case "", "skip":
		return SkipExisting, nil
	case "fail":
		return FailExisting, nil
	case "update":
		return UpdateExisting, nil
	default:
		return 0, &Error{Kind: KindInvalid, Field: "onExisting", Detail: "onExisting must be skip, update or fail."}
	}
}

// ParseMatch reads the key that tells who is meant: account, phone, email or id. KindInvalid for any other text.
func ParseMatch(s string) (Key, error) {
	for _, k := range [...]Key{KeyAccount, KeyPhone, KeyEmail, KeyID} {
		if k.String() == s {
			return k, nil
		}
	}
	return KeyNone, &Error{Kind: KindInvalid, Field: "match", Detail: "match must be account, phone, email or id."}
}

// fieldNames are the fields as Muster's own API calls them. A password and its hash are one field of a user, as are a
// capacity and whether it is allocated.
var fieldNames = [...]struct {
	name  string
	field FieldSet
}{
	{"account", FieldAccount},
	{"phone", FieldPhone},
	{"email", FieldEmail},
	{"firstName", FieldFirstName},
	{"surname", FieldSurname},
	{"displayName", FieldDisplayName},
	{"password", FieldPassword},
	{"passwordHash", FieldPassword},
	{"adminLevel", FieldLevel},
	{"department", FieldDepartment},
	{"capacityGB", FieldCapacity},
	{"allocateCapacity", FieldCapacity},
	{"roleIds", FieldRoles},
	{"status", FieldStatus},
}

// ParseFields reads names of fields as Muster's own API has them; the same one twice does no harm. KindInvalid for a
// name that is none.
func ParseFields(names []string) (FieldSet, error) {
	var set FieldSet
	for _, name := range names {
		field := fieldNamed(name)
		if field == 0 {
			return 0, &Error{
				Kind: KindInvalid, Field: "updateFields",
				Detail: "These fields are accepted: " + strings.Join((^FieldSet(0)).Names(), ", ") + ".",
			}
		}
		set |= field
	}
	return set, nil
}

func fieldNamed(name string) FieldSet {
	for _, f := range fieldNames {
		if f.name == name {
			return f.field
		}
	}
	return 0
}

// Names lists the set's fields by the names that ParseFields reads.
func (s FieldSet) Names() []string {
	names := make([]string, 0, len(fieldNames))
	for _, f := range fieldNames {
		if s.Has(f.field) {
			names = append(names, f.name)
		}
	}
	return names
}
