package console

import (
	"muster"
	"muster/userfile"
)

// result names how a row ended.
func (w words) result(r muster.Result) string {
	switch r {
	case muster.Succeeded:
		return w.T("succeeded")
	case muster.Failed:
		return w.T("failed")
	case muster.Skipped:
		return w.T("skipped")
	default:
		return w.T("cancelled")
	}
}

// resultKind is the kind of badge of a result.
func resultKind(r muster.Result) string {
	switch r { //nolint:exhaustive // the others are neither good nor bad
	case muster.Succeeded:
		return "good"
	case muster.Failed:
		return "bad"
	default:
		return ""
	}
}

// effect names what a row that succeeded did to its user.
func (w words) effect(e muster.Effect) string {
	switch e {
	case muster.EffectCreated:
		return w.T("created")
	case muster.EffectChanged:
		return w.T("changed")
	case muster.EffectUnchanged:
		return w.T("unchanged")
	case muster.EffectEnabled:
		return w.T("enabled")
	case muster.EffectDisabled:
		return w.T("disabled")
	case muster.EffectDeleted:
		return w.T("deleted")
	default:
		return w.T("done")
	}
}

// prediction names what a row of a dry run would do to its user.
func (w words) prediction(e muster.Effect) string {
	switch e {
	case muster.EffectCreated:
		return w.T("would be created")
	case muster.EffectChanged:
		return w.T("would be changed")
	case muster.EffectUnchanged:
		return w.T("would stay as they are")
	case muster.EffectEnabled:
		return w.T("would be enabled")
	case muster.EffectDisabled:
		return w.T("would be disabled")
	case muster.EffectDeleted:
		return w.T("would be deleted")
	default:
		return w.T("would succeed")
	}
}

// why says in a sentence why a row did not succeed, and which field of the row is at fault, "" if none is.
func (w words) why(o *muster.Outcome) (field, sentence string) {
	field, detail := userfile.Explain(o)
	switch {
	case o.Reason == muster.ReasonAccountCharacters:
		return field, w.T("The account must not have these characters: %s", detail)
	case detail == "":
		return field, w.T(reasonTexts[o.Reason].why)
	default:
		return field, w.sentence(detail)
	}
}

// reasonText is a reason in a few words, and what a person does about it.
type reasonText struct{ why, advice string }

// reasonTexts are keys of the catalogue, for every reason that there is.
var reasonTexts = map[muster.Reason]reasonText{
	muster.ReasonNone:       {"No reason is known", "Open the rows and look at each."},
	muster.ReasonExists:     {"The user exists", "Nothing had to be done. To change users who exist, import the rows again and have them updated."},
	muster.ReasonNotFound:   {"The user does not exist", "Check what the row names the user by, or create the user."},
	muster.ReasonInvalid:    {"A field breaks a rule", "Mend the marked field as the sentence beside it says, and import the row again."},
	muster.ReasonConflict:   {"Another user has this account, phone or e-mail address", "Give the row a value of its own, or change the other user first."},
	muster.ReasonNoSeat:     {"The tenant's seats are taken", "Delete users or raise the tenant's user limit, and retry."},
	muster.ReasonNoCapacity: {"The tenant's personal space is used up", "Ask for less, or raise the tenant's personal space, and retry."},
	muster.ReasonForbidden:  {"Whoever submitted the row may not do this", "Have it submitted by somebody who administers these users."},
	muster.ReasonLastAdmin:  {"The tenant would have no administrator left", "Make another system administrator first, and retry."},
	muster.ReasonInternal:   {"The row meets a fault in Muster", "Retry. If it stays so, report it with the row's number: the server's log says more."},
	muster.ReasonCancelled:  {"Nothing was done, since the batch was cancelled or refused", "Download these rows and import them again."},

	muster.ReasonRoleNotFound:      {"A role does not exist", "Create the role, or mend the roles in the row."},
	muster.ReasonAccountLength:     {"The account is too short or too long", "Choose an account within the tenant's rule, or change the rule in the federation profile."},
	muster.ReasonAccountCharacters: {"The account has characters that are not accepted", "Choose an account without them, or change the rule in the federation profile."},
	muster.ReasonNotAdmitted:       {"The mapping rule does not admit the user", "If the user is to be admitted, change the condition in the federation profile, and retry."},
	muster.ReasonMapping:           {"The mapping rule makes no valid user of the row", "Try the row in the federation profile, mend the rule, and retry."},
	muster.ReasonNoMapping:         {"The tenant has no mapping rule", "Set one in the federation profile, and retry."},
	muster.ReasonNoSystem:          {"The tenant has no identity system", "Set one in the federation profile, and retry."},
	muster.ReasonSourceUnreadable:  {"The identity system could not be read", "See that it is up, and that the federation profile has its address and secret, and retry."},
	muster.ReasonSourceEmpty:       {"The identity system does not know the user", "Check the account there, and retry."},
	muster.ReasonSourceRoles:       {"The identity system did not give the user's roles", "See there why its list of roles cannot be read, and retry."},
	muster.ReasonSourceNoID:        {"The identity system gave no id of the user", "Have it answer with an id, and retry."},

	muster.ReasonNoDepartment:        {"A department does not exist", "Create the department, or mend its name in the row."},
	muster.ReasonAmbiguousDepartment: {"Several departments have this name", "Name the department by its path, such as Sales/North."},

	muster.ReasonChanged:        {"The dry run predicted something else", "Look at the row, and make another dry run."},
	muster.ReasonPasswordNeeded: {"The row's password was erased", "Import the row again with a password, or without one and give the user a link."},
	muster.ReasonOtherSource:    {"The user is of another source", "Leave the user to that source, or reconcile so that users are adopted."},
}
