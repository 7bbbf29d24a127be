package console

import "muster"

func (v *visit) systemKinds() []option {
	return []option{
		{muster.SystemLocal, v.T("local: what the row says is taken")},
		{muster.SystemHTTP, v.T("http: an address is asked for each user")},
		{kindNone, v.T("none: every row fails")},
	}
}

func (v *visit) secretHint(f *federationForm) string {
	if f.HasSecret {
		return v.T("Sent along as a bearer token. One is stored, and kept if this is empty; nobody can read it again.")
	}
	return v.T("Sent along as a bearer token. None is stored.")
}

// rulePart is what an expression is of.
func (v *visit) rulePart(name string) string {
	switch name {
	case "mapping.condition":
		return v.T("Condition")
	case "mapping.account":
		return v.T("Account")
	case "mapping.displayName":
		return v.T("Display name")
	case "mapping.email":
		return v.T("E-mail address")
	default:
		return v.T("Roles")
	}
}

// ruleHint is what an expression gives, and what none stands for.
func (v *visit) ruleHint(name string) string {
	switch name {
	case "mapping.condition":
		return v.T("True or false: who is admitted. Empty admits everybody. For example %s", `email.endsWith("@example.com")`)
	case "mapping.account":
		return v.T("A text. Empty is the row's account. For example %s", `account.lowerAscii()`)
	case "mapping.displayName":
		return v.T("A text. Empty is the row's userName. For example %s", `userName.trim()`)
	case "mapping.email":
		return v.T("A text. Empty is the row's email. For example %s", `account + "@example.com"`)
	default:
		return v.T("A list of texts, which are ids of roles. Empty is the row's roleIds. For example %s", `roleIds.filter(r, r != "6001")`)
	}
}

func rowActions() []option {
	var all []option
	for _, action := range [...]string{"CREATE", "MODIFY", "DISABLE"} {
		all = append(all, option{action, action})
	}
	return all
}

func (v *visit) trialTitle(t *muster.FederationTrial) string {
	if t.Result == muster.ResultRejected {
		return v.T("would be refused")
	}
	return v.T("would fail")
}

// codeName is what the contract calls the code.
func (v *visit) codeName(t *muster.FederationTrial) string {
	if t.Result == muster.ResultRejected {
		return "resultCode"
	}
	return "failCode"
}
