package muster

var (
	faultLevel  = fault(ReasonForbidden, "adminLevel", "An administrator cannot grant a level above his own.")
	faultTarget = fault(ReasonForbidden, "", "An administrator cannot change a user whose level is above his own.")
	faultScope  = fault(ReasonForbidden, "department", "A department administrator cannot act outside of his department and those below it.")
	faultAbsent = fault(ReasonForbidden, "", "Nobody who administers something is disabled for being absent from a source.")
	faultLast   = fault(ReasonLastAdmin, "", "The tenant's last enabled system administrator cannot be disabled, demoted or deleted.")
)

// reach refuses to touch a user whom the actor does not administer, or who is not of the entry's source.
func (p *planner) reach(e *Entry, d *draft) *Fault {
	if d.now.Level.Above(e.Actor) {
		return faultTarget
	}
	if f := p.within(e, d.now.Department); f != nil {
		return f
	}
	return e.ofSource(&d.now)
}

// within refuses a department that the actor does not administer.
func (p *planner) within(e *Entry, department ID) *Fault {
	if e.Scope == 0 {
		return nil
	}
	if d := p.tree.byID[department]; d == nil || !d.Within(e.Scope) {
		return faultScope
	}
	return nil
}

// resolve gives u the department that the entry names, if that is in the set, and refuses departments and roles that the tenant does not have.
func (p *planner) resolve(e *Entry, set FieldSet, u *User) *Fault {
	if set.Has(FieldDepartment) && e.Department.Base != 0 {
		d, f := p.tree.resolve(e.Department)
		if f != nil {
			return f
		}
		u.Department = d.ID
	}
	if f := p.within(e, u.Department); f != nil {
		return f
	}
	if !set.Has(FieldRoles) {
		return nil
	}
	for _, r := range e.User.Roles {
		if !p.roles[r] {
			return fault(ReasonRoleNotFound, "roleIds", r.String())
		}
	}
	return nil
}

// conflict refuses a key that another user holds.
func (p *planner) conflict(u *User, self *draft) *Fault {
	for _, k := range [...]Key{KeyAccount, KeyPhone, KeyEmail} {
		v := u.key(k)
		if v == "" || (k == KeyEmail && !p.settings.UniqueEmail) {
			continue
		}
		if holder := p.byKey[k][v]; holder != nil && holder != self {
			return fault(ReasonConflict, k.String(), "The "+k.String()+" is held by another user.")
		}
	}
	return nil
}

// afford refuses a capacity, in GB, for which the tenant's personal space has too little left.
func (p *planner) afford(before, after int64) *Fault {
	grown := after - before
	if grown > 0 && p.usage.CapacityGB+grown > p.settings.PersonalSpaceGB {
		return fault(ReasonNoCapacity, "personalCapacity", "The tenant's personal space has less left than the capacity asked for.")
	}
	return nil
}

func (p *planner) isLastAdmin(u *User) bool {
	return u.Level == LevelSystemAdmin && !u.Disabled && p.usage.SystemAdmins == 1
}

// ofSource refuses a user whom the rows of the entry's source are not about. Only an update adopts one: who was never of a
// source is not missing from it either.
func (e *Entry) ofSource(u *User) *Fault {
	switch {
	case e.Source == "" || u.Source == e.Source:
		return nil
	case u.Source != "":
		return fault(ReasonOtherSource, "", "The user is of another source.")
	case !e.Adopt || e.Action != ActionCreate && e.Action != ActionUpdate:
		return fault(ReasonOtherSource, "", "The user is of no source, and this row adopts nobody.")
	default:
		return nil
	}
}

// bare refuses to leave a user without a name, or with nothing to sign in with, who had it before.
func (p *planner) bare(before, next *User) *Fault {
	if next.FirstName == "" && next.DisplayName == "" && (before.FirstName != "" || before.DisplayName != "") {
		field := "firstName"
		if before.FirstName == "" {
			field = "displayName"
		}
		return fault(ReasonInvalid, field, "The user would have no name left: a firstName or a displayName has to stay.")
	}
	if next.AccountKey != "" || next.PhoneKey != "" || next.EmailKey != "" && p.settings.UniqueEmail {
		return nil
	}
	for _, k := range [...]Key{KeyAccount, KeyPhone, KeyEmail} {
		if before.key(k) != "" && next.key(k) == "" {
			return fault(ReasonInvalid, k.String(),
				"The user would have nothing left to sign in with: an account, a phone or, where no two share one, an e-mail address has to stay.")
		}
	}
	return nil
}
