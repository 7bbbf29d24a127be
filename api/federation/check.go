package federation

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster"
	"muster/mapping"
)

// limits bound the fields of a user (federation contract, section 2).
type limits struct {
	account, name, email, local, roles int    // characters; roles their number
	characters                         string // of accounts, beside ASCII letters and digits
}

// limitsOf are a tenant's.
func limitsOf(p *muster.FederationProfile) limits {
	const characters = "@.-_"
	return limits{
		account:    cmp.Or(p.Limits.Account, 50),
		name:       cmp.Or(p.Limits.UserName, 20),
		email:      cmp.Or(p.Limits.Email, 254),
		local:      cmp.Or(p.Limits.EmailLocal, 64),
		roles:      cmp.Or(p.Limits.Roles, 20),
		characters: characters + p.Account.Characters, // what a tenant's rule adds would be of no use if it were refused here
	}
}

// maxRoleDigits bounds a role id: twice what any number of 128 bits takes, about.
const maxRoleDigits = 64

// checkUsers makes rows of a list, or rejects the call with the code of the first thing wrong: with the list, then in list
// order with a user's action, a field that DISABLE sets, account, name, e-mail and roles.
func checkUsers(users []sentUser, listed int, l *limits) ([]muster.Row, error) {
	switch {
	case listed == 0:
		return nil, &rejection{codeListEmpty, sentences[codeListEmpty] + " 1 to 100 users are accepted."}
	case listed > maxUsers:
		return nil, &rejection{codeListLong, sentences[codeListLong] + fmt.Sprintf(" It has %d.", listed)}
	}
	rows := make([]muster.Row, len(users))
	for i := range users {
		u := &users[i]
		if code, accepted := u.check(l); code != "" {
			return nil, &rejection{code, fmt.Sprintf("%s federationUserList[%d], %s: %s.", sentences[code], i, u.named(), accepted)}
		}
		rows[i] = u.Row
	}
	return rows, nil
}

// named says which user is meant, by as much of his account as tells him from others.
func (u *sentUser) named() string {
	const longest = 64 // characters; longer accounts are refused for it
	account := u.Account
	if account == "" {
		return "which has no userAccount"
	}
	if utf8.RuneCountInString(account) > longest {
		account = string([]rune(account)[:longest]) + "…"
	}
	return "userAccount " + strconv.Quote(account)
}

// check gives the code of the first thing wrong with a user, and what would be accepted; "" if nothing is. It settles what
// is absent.
func (u *sentUser) check(l *limits) (code, accepted string) {
	switch u.action {
	case "CREATE":
		u.Action = muster.ActionCreate
	case "MODIFY":
		u.Action = muster.ActionUpdate
	case "DISABLE":
		u.Action = muster.ActionDisable
	default:
		return codeAction, "action is one of the three, in capital letters"
	}
	u.dropEmpty()
	const all = muster.FieldAccount | muster.FieldDisplayName | muster.FieldEmail | muster.FieldRoles
	if u.Action == muster.ActionDisable && u.Set&all&^muster.FieldAccount != 0 {
		return codeDisableSets, "DISABLE takes a userAccount alone"
	}
	for _, field := range [...]func(*limits) (string, string){u.checkAccount, u.checkName, u.checkEmail, u.checkRoles} {
		if code, accepted = field(l); code != "" {
			return code, accepted
		}
	}
	return "", ""
}

// dropEmpty makes empty fields absent where the contract has them so.
func (u *sentUser) dropEmpty() {
	drop := func(empty bool, field muster.FieldSet) {
		if empty {
			u.Set &^= field
		}
	}
	disable := u.Action == muster.ActionDisable
	drop(u.DisplayName == "" && u.Action != muster.ActionCreate, muster.FieldDisplayName)
	drop(u.Email == "" && disable, muster.FieldEmail)
	drop(len(u.Roles) == 0 && disable, muster.FieldRoles)
}

func (u *sentUser) checkAccount(l *limits) (code, accepted string) {
	other := func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune(l.characters, r) }
	switch {
	case u.Account == "":
		return codeAccountEmpty, upTo(l.account)
	case utf8.RuneCountInString(u.Account) > l.account:
		return codeAccountLong, upTo(l.account)
	case strings.ContainsFunc(u.Account, other):
		return codeAccountCharacters, "A to Z, a to z, 0 to 9 and " + strings.Join(strings.Split(unique(l.characters), ""), " ") + " are accepted"
	default:
		return "", ""
	}
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// unique drops characters that came before.
func unique(characters string) string {
	var b strings.Builder
	for i, c := range characters {
		if !strings.ContainsRune(characters[:i], c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// nameSpecials are the punctuation that no userName has (federation contract, section 2).
const nameSpecials = `"[]'&()=;<>,`

func (u *sentUser) checkName(l *limits) (code, accepted string) {
	switch {
	case !u.Set.Has(muster.FieldDisplayName) && u.Action != muster.ActionCreate:
		return "", ""
	case strings.TrimSpace(u.DisplayName) == "" && u.Action == muster.ActionCreate:
		return codeNameEmpty, upTo(l.name)
	case utf8.RuneCountInString(u.DisplayName) > l.name:
		return codeNameLong, upTo(l.name)
	case strings.ContainsFunc(u.DisplayName, isNameSpecial):
		return codeNameCharacters, `all characters but " [ ] ' & ( ) = ; < > , and those that control a terminal or the direction of text are accepted`
	default:
		return "", ""
	}
}

// isNameSpecial takes for control characters all that docs/decisions.md does of names.
func isNameSpecial(r rune) bool {
	return strings.ContainsRune(nameSpecials, r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) ||
		r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

func (u *sentUser) checkEmail(l *limits) (code, accepted string) {
	if !u.Set.Has(muster.FieldEmail) && u.Action != muster.ActionCreate {
		return "", ""
	}
	local := u.Email[:max(0, strings.LastIndexByte(u.Email, '@'))]
	switch {
	case u.Email == "":
		return codeEmailEmpty, upTo(l.email)
	case utf8.RuneCountInString(u.Email) > l.email, utf8.RuneCountInString(local) > l.local:
		return codeEmailLong, fmt.Sprintf("at most %d characters, %d of them before the @, are accepted", l.email, l.local)
	}
	if _, fault := mapping.EmailKey(fieldEmail, u.Email); fault != nil {
		return codeEmailCharacters, "one address of the form name@domain is accepted, without display name, quotes or comment"
	}
	return "", ""
}

func (u *sentUser) checkRoles(l *limits) (code, accepted string) {
	if len(u.Roles) > l.roles {
		return codeRolesMany, fmt.Sprintf("at most %d role ids are accepted", l.roles)
	}
	for i, role := range u.Roles {
		if role == "" || len(role) > maxRoleDigits || strings.Trim(role, "0123456789") != "" {
			return codeRoleNumber, fmt.Sprintf("roleIds[%d] must be a string of 1 to %d digits", i, maxRoleDigits)
		}
	}
	return "", ""
}

func upTo(most int) string { return fmt.Sprintf("1 to %d characters are accepted", most) }
