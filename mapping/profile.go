package mapping

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"muster"
)

const (
	// AccountPlace stands in an identity system's URL for the account, which is escaped as one segment of a path.
	AccountPlace = "{account}"

	minAccount  = 6      // characters of an account unless the tenant says otherwise (federation contract, section 3)
	maxAccount  = 50     //
	punctuation = "@.-_" // accepted in accounts beside ASCII letters and digits (federation contract, section 2)

	maxSystemID = 64   // characters
	maxURL      = 2048 // bytes
	maxLimit    = 256  // characters, or role ids, that a tenant may raise a limit to
)

// Federation is a tenant's federation profile made ready for rows. It is safe for concurrent use.
type Federation struct {
	profile muster.FederationProfile
	rule    *Rule
	broken  *muster.Fault // with which every row fails that a rule would map; nil if it compiles
}

// NewFederation makes a stored profile ready. A rule that this version cannot compile, since an older one stored it,
// fails the rows that it would map, as no rule at all does, and not the lane.
func NewFederation(profile *muster.FederationProfile) *Federation {
	f := &Federation{profile: *profile}
	if profile.Mapping == nil {
		return f
	}
	rule, err := Compile(profile.Mapping)
	if err != nil {
		f.broken = &muster.Fault{Reason: muster.ReasonMapping, Detail: "The tenant's mapping rule cannot be compiled: " + err.Error()}
		return f
	}
	f.rule = rule
	return f
}

// CheckProfile says what is wrong with a profile that is about to be stored: a [*muster.Error] of KindInvalid that names
// the field by its place in JSON. Compiling the mapping rule is part of it, see [Compile].
func CheckProfile(p *muster.FederationProfile) error {
	if p.System != nil {
		if err := checkSystem(p.System); err != nil {
			return err
		}
	}
	if err := checkAccountRule(&p.Account); err != nil {
		return err
	}
	for _, limit := range []struct {
		field string
		value int
	}{
		{"limits.account", p.Limits.Account}, {"limits.userName", p.Limits.UserName}, {"limits.email", p.Limits.Email},
		{"limits.emailLocal", p.Limits.EmailLocal}, {"limits.roles", p.Limits.Roles},
	} {
		if limit.value < 0 || limit.value > maxLimit {
			return refused(limit.field, fmt.Sprintf("1 to %d is accepted, and 0 for the default.", maxLimit))
		}
	}
	if p.Limits.Email > maxEmail {
		return refused("limits.email", fmt.Sprintf("At most %d is accepted.", maxEmail))
	}
	if p.Mapping == nil {
		return nil
	}
	_, err := Compile(p.Mapping)
	return err
}

func refused(field, detail string) error {
	return &muster.Error{Kind: muster.KindInvalid, Field: field, Detail: detail}
}

func checkSystem(s *muster.IdentitySystem) error {
	if _, f := Name("", s.ID, 1, maxSystemID); f != nil || strings.TrimSpace(s.ID) != s.ID {
		return refused("system.id", fmt.Sprintf("1 to %d characters are accepted, without control characters.", maxSystemID))
	}
	switch s.Kind {
	case muster.SystemLocal:
		if s.URL != "" || s.AllowPrivate {
			return refused("system.url", "The local identity system takes no URL.")
		}
		return nil
	case muster.SystemHTTP:
		return checkURL(s.URL)
	default:
		return refused("system.kind", fmt.Sprintf("%q and %q are accepted.", muster.SystemLocal, muster.SystemHTTP))
	}
}

func checkURL(text string) error {
	const accepted = "An absolute https or http URL is accepted, without user or fragment, with " + AccountPlace + " once in its path or query."
	if len(text) > maxURL || strings.Count(text, AccountPlace) != 1 {
		return refused("system.url", accepted)
	}
	u, err := url.Parse(strings.Replace(text, AccountPlace, "x", 1))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return refused("system.url", accepted)
	}
	before, _, _ := strings.Cut(text, AccountPlace)
	_, before, _ = strings.Cut(before, "://")
	if !strings.ContainsAny(before, "/?") { // else the account would choose the host
		return refused("system.url", accepted)
	}
	return nil
}

func checkAccountRule(r *muster.AccountRule) error {
	least, most := accountLength(r)
	if r.MinLength < 0 || r.MaxLength < 0 || most > maxLimit || least > most {
		return refused("account", fmt.Sprintf("A minLength from 1 to maxLength, and a maxLength of at most %d, are accepted.", maxLimit))
	}
	for _, c := range r.Characters {
		if c <= ' ' || c >= utf8.RuneSelf || c == 0x7f || letterOrDigit(c) {
			return refused("account.characters", "ASCII punctuation is accepted; letters and digits are in any case.")
		}
	}
	return nil
}

func accountLength(r *muster.AccountRule) (least, most int) {
	return cmp.Or(r.MinLength, minAccount), cmp.Or(r.MaxLength, maxAccount)
}

// checkAccount judges an account by the tenant's account rule.
func checkAccount(r *muster.AccountRule, account string) *muster.Fault {
	least, most := accountLength(r)
	if n := utf8.RuneCountInString(account); n < least || n > most {
		return &muster.Fault{
			Reason: muster.ReasonAccountLength, Field: fieldAccount,
			Detail: fmt.Sprintf("%d to %d characters are accepted.", least, most),
		}
	}
	accepted := cmp.Or(r.Characters, punctuation)
	var offending strings.Builder
	for _, c := range account {
		if !letterOrDigit(c) && !strings.ContainsRune(accepted, c) && !strings.ContainsRune(offending.String(), c) {
			offending.WriteRune(c)
		}
	}
	if offending.Len() > 0 {
		return &muster.Fault{Reason: muster.ReasonAccountCharacters, Field: fieldAccount, Detail: offending.String()}
	}
	return nil
}

func letterOrDigit(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
