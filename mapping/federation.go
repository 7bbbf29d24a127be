package mapping

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"muster"
)

// The fields of a federated row, by the contract's names.
const (
	fieldAccount  = "userAccount"
	fieldUserName = "userName"
	fieldEmail    = "email"
	fieldRoleIDs  = "roleIds"
)

// Identity is what a tenant's identity system said of an account.
type Identity struct {
	ID     string         // its own id of the user; "" if it gave none
	Fields map[string]any // all that it answered, for the mapping rule: string, bool, int64, float64, nil, []any, map[string]any
	Fault  *muster.Fault  // why there is no answer; nil if there is one
}

// refuse judges a row by what the tenant has to have set up, and by the account rule, which says what accounts come to
// be: a user whose account was fine once can be disabled still.
func (f *Federation) refuse(row *muster.Row) *muster.Fault {
	switch {
	case f.profile.System == nil || f.profile.System.Kind != muster.SystemLocal && f.profile.System.Kind != muster.SystemHTTP:
		return &muster.Fault{Reason: muster.ReasonNoSystem, Detail: "The tenant has no identity system: set one in its federation profile."}
	case f.profile.Mapping == nil:
		return &muster.Fault{Reason: muster.ReasonNoMapping, Detail: "The tenant has no mapping rule: set one in its federation profile."}
	case row.Action == muster.ActionDisable:
		return f.broken
	default:
		return cmp.Or(checkAccount(&f.profile.Account, row.Account), f.broken)
	}
}

func (f *Federation) asks(row *muster.Row) bool {
	return row.Action != muster.ActionDisable && f.refuse(row) == nil && f.profile.System.Kind == muster.SystemHTTP
}

// federated applies the tenant's federation profile (federation contract, sections 3 and 4), in the order of the table in
// section 3. The user is meant by his account; one who is made lands in the root department as a common user, and
// making one who exists fails. Fields that a row does not have stay as they are.
func (m *Mapper) federated(ctx context.Context, row *muster.Row, identity *Identity, e *muster.Entry) {
	e.Match, e.OnExisting = muster.KeyAccount, muster.FailExisting
	f := m.federation
	if e.Fault = f.refuse(row); e.Fault != nil {
		return
	}
	in := &Input{
		Action: row.Action.String(), Account: row.Account, UserName: row.DisplayName, Email: row.Email, RoleIDs: row.Roles,
	}
	if f.asks(row) {
		if e.Fault = heard(identity, row.Action); e.Fault != nil {
			return
		}
		in.Source = identity.Fields
	}
	if e.Fault = f.account(ctx, row, in, &e.User); e.Fault != nil || row.Action == muster.ActionDisable {
		return
	}
	if e.Fault = f.admit(ctx, in); e.Fault != nil {
		return
	}
	e.Set = row.Set & (muster.FieldDisplayName | muster.FieldEmail | muster.FieldRoles)
	if row.Action == muster.ActionCreate {
		e.Set |= muster.FieldAccount | muster.FieldDepartment | muster.FieldLevel | muster.FieldDisplayName | muster.FieldEmail
		if f.rule.roles != nil {
			e.Set |= muster.FieldRoles
		}
		e.User.Department, e.User.Level = m.tenant.RootDepartment, muster.LevelCommon
	}
	e.Fault = f.fields(ctx, e, in)
}

// heard is why a row cannot go on with what the identity system said.
func heard(identity *Identity, action muster.Action) *muster.Fault {
	switch {
	case identity == nil:
		return &muster.Fault{Reason: muster.ReasonSourceUnreadable, Detail: "The identity system was not asked."}
	case identity.Fault != nil:
		return identity.Fault
	case identity.ID == "" && action == muster.ActionCreate:
		return &muster.Fault{Reason: muster.ReasonSourceNoID, Detail: `The identity system's answer has no "id" that is a text or a number.`}
	default:
		return nil
	}
}

// account maps the account. What a rule makes of it must be one that the tenant accepts.
func (f *Federation) account(ctx context.Context, row *muster.Row, in *Input, u *muster.User) *muster.Fault {
	u.Account = row.Account
	if f.rule.account != nil {
		mapped, err := f.rule.account.text(ctx, in)
		switch {
		case err != nil:
			return unmapped("account", err.Error())
		case mapped == "":
			return unmapped("account", "it is empty")
		case row.Action != muster.ActionDisable && checkAccount(&f.profile.Account, mapped) != nil:
			return unmapped("account", "it breaks the tenant's account rule")
		}
		u.Account = mapped
	}
	u.AccountKey = AccountKey(u.Account)
	return nil
}

func (f *Federation) admit(ctx context.Context, in *Input) *muster.Fault {
	if f.rule.condition == nil {
		return nil
	}
	admitted, err := f.rule.condition.bool(ctx, in)
	switch {
	case err != nil:
		return unmapped("condition", err.Error())
	case !admitted:
		return &muster.Fault{Reason: muster.ReasonNotAdmitted, Detail: "The tenant's mapping rule does not admit this user."}
	default:
		return nil
	}
}

// fields maps the fields that the entry sets, other than the account.
func (f *Federation) fields(ctx context.Context, e *muster.Entry, in *Input) *muster.Fault {
	u := &e.User
	if e.Set.Has(muster.FieldDisplayName) {
		name, err := mapped(ctx, f.rule.displayName, in, in.UserName)
		if err != nil {
			return unmapped("displayName", err.Error())
		}
		var fault *muster.Fault
		if u.DisplayName, fault = Name(fieldUserName, name, 1, max(maxName, f.profile.Limits.UserName)); fault != nil {
			return unmapped("displayName", "it is not a name: "+fault.Detail)
		}
	}
	if e.Set.Has(muster.FieldEmail) {
		address, err := mapped(ctx, f.rule.email, in, in.Email)
		if err != nil {
			return unmapped("email", err.Error())
		}
		u.Email = address
		var fault *muster.Fault
		if u.EmailKey, fault = EmailKey(fieldEmail, address); fault != nil {
			return unmapped("email", "it is not an address: "+fault.Detail)
		}
	}
	if e.Set.Has(muster.FieldRoles) {
		ids := in.RoleIDs
		if f.rule.roles != nil {
			var err error
			if ids, err = f.rule.roles.list(ctx, in); err != nil {
				return unmapped("roles", err.Error())
			}
		}
		var fault *muster.Fault
		if u.Roles, fault = roles(ids); fault != nil {
			return fault
		}
	}
	return nil
}

// mapped is what an expression gives, and the row's own value where there is none.
func mapped(ctx context.Context, e *expression, in *Input, own string) (string, error) {
	if e == nil {
		return own, nil
	}
	return e.text(ctx, in)
}

// roles reads role ids, each once. A number that cannot be an id is one of a role that the tenant does not have.
func roles(texts []string) ([]muster.ID, *muster.Fault) {
	ids := make([]muster.ID, 0, len(texts))
	for _, text := range texts {
		if text == "" || strings.Trim(text, "0123456789") != "" {
			return nil, unmapped("roles", "they are not role ids")
		}
		id, err := muster.ParseID(text)
		if err != nil {
			return nil, &muster.Fault{Reason: muster.ReasonRoleNotFound, Field: fieldRoleIDs, Detail: text}
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func unmapped(part, why string) *muster.Fault {
	return &muster.Fault{Reason: muster.ReasonMapping, Field: part, Detail: "The mapping rule's " + part + ": " + strings.TrimSuffix(why, ".") + "."}
}
