package password

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Policy is what a tenant asks of a new password (KooDrive contract, section 1, field password). It is plain numbers, to
// be kept with the tenant's settings; a number that is 0 stands for its default, so that the zero value is the default
// policy.
type Policy struct {
	MinLength  int `json:"minLength,omitzero"`  // characters (Unicode code points); default 8
	MaxLength  int `json:"maxLength,omitzero"`  // default 128, at most 1024
	MinClasses int `json:"minClasses,omitzero"` // of the four: lower case, upper case, digit, symbol; 1 to 4, default 3
	// MinPersonal is from how many characters on the phone, a part of a name, or the e-mail's local part may not be in the
	// password; default 4, -1 allows all.
	MinPersonal int `json:"minPersonal,omitzero"`
}

// DefaultPolicy is the contract's.
func DefaultPolicy() Policy {
	return Policy{MinLength: 8, MaxLength: 128, MinClasses: 3, MinPersonal: 4}
}

// longestPassword bounds MaxLength: beyond it a password is a burden on the request and no gain.
const longestPassword = 1024

// Subject is whose password it is. Empty fields do not count.
type Subject struct {
	Phone      string   // in any notation
	Names      []string // first name, surname, display name, account
	EmailLocal string   // what stands before the @
}

// Rule names a rule of a [Policy].
type Rule string

const (
	RuleText     Rule = "text"     // valid UTF-8
	RuleLength   Rule = "length"   // MinLength to MaxLength characters
	RuleClasses  Rule = "classes"  // MinClasses kinds of characters
	RulePersonal Rule = "personal" // nothing of the Subject
)

// PolicyError says which rule a password breaks and what would be accepted. It holds nothing of the password or the person.
type PolicyError struct {
	Rule   Rule
	Policy Policy // with its defaults filled in
}

func (e *PolicyError) Error() string {
	switch e.Rule {
	case RuleText:
		return "password must be valid UTF-8 text"
	case RuleLength:
		return fmt.Sprintf("password must have %d to %d characters", e.Policy.MinLength, e.Policy.MaxLength)
	case RuleClasses:
		return fmt.Sprintf("password must have at least %d of the four kinds lower-case letter, upper-case letter, digit and symbol",
			e.Policy.MinClasses)
	default:
		return fmt.Sprintf("password must not contain the phone number, a part of the name, or the e-mail address before the @, "+
			"of %d or more characters, in upper or lower case", e.Policy.MinPersonal)
	}
}

func (p Policy) orDefault() Policy {
	d := DefaultPolicy()
	p.MinLength = cmp.Or(p.MinLength, d.MinLength)
	p.MaxLength = cmp.Or(p.MaxLength, d.MaxLength)
	p.MinClasses = cmp.Or(p.MinClasses, d.MinClasses)
	p.MinPersonal = cmp.Or(p.MinPersonal, d.MinPersonal)
	return p
}

// Validate says what is wrong with a policy as a setting.
func (p Policy) Validate() error {
	p = p.orDefault()
	switch {
	case p.MinLength < 1 || p.MinLength > p.MaxLength:
		return fmt.Errorf("password policy: minLength is %d, want 1 to maxLength, which is %d", p.MinLength, p.MaxLength)
	case p.MaxLength > longestPassword:
		return fmt.Errorf("password policy: maxLength is %d, want at most %d", p.MaxLength, longestPassword)
	case p.MinClasses < 1 || p.MinClasses > 4:
		return fmt.Errorf("password policy: minClasses is %d, want 1 to 4", p.MinClasses)
	case p.MinPersonal < -1:
		return fmt.Errorf("password policy: minPersonal is %d, want 1 or more, or -1 for no such rule", p.MinPersonal)
	}
	return nil
}

// Check is nil if the policy accepts the password, else a [*PolicyError] for the first rule, in the order of the Rule
// constants, that it breaks.
//
// Text is compared without case as strings.EqualFold does, by Unicode simple folding: ß and ss differ, as do composed
// and decomposed accents. Names are split at whatever is neither letter, digit nor mark. The phone counts as its digits,
// less 00 in front. A character that is no cased letter and no digit counts as a symbol: a space, an ideograph.
func (p Policy) Check(password string, about Subject) error {
	p = p.orDefault()
	broken := func(r Rule) error { return &PolicyError{Rule: r, Policy: p} }
	if !utf8.ValidString(password) {
		return broken(RuleText)
	}
	if n := utf8.RuneCountInString(password); n < p.MinLength || n > p.MaxLength {
		return broken(RuleLength)
	}
	if kinds(password) < p.MinClasses {
		return broken(RuleClasses)
	}
	if p.MinPersonal > 0 && about.in(password, p.MinPersonal) {
		return broken(RulePersonal)
	}
	return nil
}

// kinds counts which of lower case, upper case, digit and symbol occur.
func kinds(s string) int {
	var lower, upper, digit, symbol int
	for _, r := range s {
		switch {
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r), unicode.IsTitle(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			symbol = 1
		}
	}
	return lower + upper + digit + symbol
}

// in reports whether the password contains a part of the subject of at least shortest characters.
func (s Subject) in(password string, shortest int) bool {
	folded := strings.Map(fold, password)
	contains := func(part string) bool {
		return utf8.RuneCountInString(part) >= shortest && strings.Contains(folded, strings.Map(fold, part))
	}
	if contains(phoneDigits(s.Phone)) || contains(s.EmailLocal) {
		return true
	}
	for _, name := range s.Names {
		for part := range strings.FieldsFuncSeq(name, separates) {
			if contains(part) {
				return true
			}
		}
	}
	return false
}

func separates(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

func phoneDigits(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	return strings.TrimPrefix(digits, "00")
}

// fold maps all characters that strings.EqualFold holds equal to one of them, the least.
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}
