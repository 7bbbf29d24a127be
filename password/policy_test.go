package password_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"muster/password"
)

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	ann := password.Subject{Phone: "+86 138-0013-8000", Names: []string{"Anna-Lena O'Brien", "Li Wei"}, EmailLocal: "a.brien"}
	tests := map[string]struct {
		policy   password.Policy
		password string
		about    password.Subject
		rule     password.Rule // "" is accepted
	}{
		"document, first":  {password: "Q!@1assword", about: password.Subject{Phone: "1884609076404", Names: []string{"1204", "1204"}, EmailLocal: "1024"}},
		"document, second": {password: "paO2*ssword", about: password.Subject{Phone: "1884609076405", Names: []string{"1205", "1205"}, EmailLocal: "1052"}},

		"empty":                 {password: "", rule: password.RuleLength},
		"7 characters":          {password: "aB3!xyz", rule: password.RuleLength},
		"8 characters":          {password: "aB3!xyzw"},
		"7 wide characters":     {password: "密码密码aA1", rule: password.RuleLength},
		"characters, not bytes": {password: "密码密码密aA1"},
		"128 characters":        {password: "aB3" + strings.Repeat("x", 125)},
		"128 wide characters":   {password: "aB3" + strings.Repeat("ü", 125)},
		"129 characters":        {password: "aB3" + strings.Repeat("x", 126), rule: password.RuleLength},

		"lower alone":             {password: "abcdefgh", rule: password.RuleClasses},
		"lower and digits":        {password: "abcdefg1", rule: password.RuleClasses},
		"lower, upper, digit":     {password: "abcdefG1"},
		"lower, upper, symbol":    {password: "abcdefG-"},
		"lower, digit, symbol":    {password: "abcdef1-"},
		"upper, digit, symbol":    {password: "ABCDEF1-"},
		"a space is a symbol":     {password: "abcdef 1"},
		"an ideograph is one":     {password: "abcdef1密"},
		"other scripts have case": {password: "пароль1Я"},
		"other scripts' digits":   {password: "abcdeF٣٣"},
		"not UTF-8":               {password: "abcdefG1\xff", rule: password.RuleText},

		"phone, digits":            {password: "x!8613800138000X", about: ann, rule: password.RulePersonal},
		"phone, as written":        {password: "x!+86 138-0013-8000X", about: ann},
		"phone in part":            {password: "x!138001380XY", about: ann},
		"phone with 00":            {password: "x!8613800138000X", about: password.Subject{Phone: "008613800138000"}, rule: password.RulePersonal},
		"short phone":              {password: "abcdeF123", about: password.Subject{Phone: "123"}},
		"first part of a name":     {password: "1!xANNAx", about: ann, rule: password.RulePersonal},
		"part after a hyphen":      {password: "1!Xlenax", about: ann, rule: password.RulePersonal},
		"part after an apostrophe": {password: "1!xbRiEn", about: ann, rule: password.RulePersonal},
		"part of 3 characters":     {password: "1!xLiWei"},
		"parts of 2 and 3":         {password: "1!xLi Wei", about: ann},
		"e-mail's local part":      {password: "1!XA.Brienx", about: password.Subject{EmailLocal: "a.brien"}, rule: password.RulePersonal},
		"e-mail in part":           {password: "1!Xa.brie", about: password.Subject{EmailLocal: "a.brien"}},
		"name in Cyrillic":         {password: "1!xИВАНОВ", about: password.Subject{Names: []string{"Иванов"}}, rule: password.RulePersonal},
		"name in Greek":            {password: "1!ΣΊΣΥΦΟΣa", about: password.Subject{Names: []string{"σίσυφος"}}, rule: password.RulePersonal},
		"ideographs below 4":       {password: "aA1欧阳修xxx", about: password.Subject{Names: []string{"欧阳修"}}},
		"Kelvin sign is a k":       {password: "1!x\u212AENNY", about: password.Subject{Names: []string{"kenny"}}, rule: password.RulePersonal},
		"sharp s is not ss":        {password: "1!xSTRASSER", about: password.Subject{Names: []string{"Straßer"}}},
		"name of no letters":       {password: "aB3!----", about: password.Subject{Names: []string{"----"}}},

		"own lengths":     {policy: password.Policy{MinLength: 4, MaxLength: 5}, password: "aB3!x"},
		"beyond own":      {policy: password.Policy{MinLength: 4, MaxLength: 5}, password: "aB3!xy", rule: password.RuleLength},
		"own classes, 1":  {policy: password.Policy{MinClasses: 1}, password: "abcdefgh"},
		"own classes, 4":  {policy: password.Policy{MinClasses: 4}, password: "abcdefG1", rule: password.RuleClasses},
		"personal from 3": {policy: password.Policy{MinPersonal: 3}, password: "1!xxWEIx", about: ann, rule: password.RulePersonal},
		"personal off":    {policy: password.Policy{MinPersonal: -1}, password: "1!xANNAx", about: ann},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.policy.Check(test.password, test.about)
			if test.rule == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var broken *password.PolicyError
			if !errors.As(err, &broken) || broken.Rule != test.rule {
				t.Errorf("got %v, want rule %s broken", err, test.rule)
			}
		})
	}
}

func TestPolicyErrorSaysWhatIsAccepted(t *testing.T) {
	t.Parallel()
	policy := password.Policy{MinLength: 10, MaxLength: 20, MinClasses: 4, MinPersonal: 5}
	for rule, want := range map[password.Rule]string{
		password.RuleText:     "valid UTF-8",
		password.RuleLength:   "10 to 20 characters",
		password.RuleClasses:  "at least 4 of the four kinds lower-case letter, upper-case letter, digit and symbol",
		password.RulePersonal: "of 5 or more characters",
	} {
		err := &password.PolicyError{Rule: rule, Policy: policy}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q does not say %q", rule, err, want)
		}
	}
	err := password.Policy{}.Check("short", password.Subject{})
	if err == nil || !strings.Contains(err.Error(), "8 to 128 characters") {
		t.Errorf("the defaults are not filled in: %v", err)
	}
}

func TestPolicyValidate(t *testing.T) {
	t.Parallel()
	for policy, want := range map[password.Policy]string{
		{}:                              "",
		password.DefaultPolicy():        "",
		{MinLength: 128}:                "",
		{MinLength: 1, MinPersonal: -1}: "",
		{MaxLength: 1024}:               "",
		{MinLength: 129}:                "minLength is 129, want 1 to maxLength, which is 128",
		{MaxLength: 7}:                  "minLength is 8, want 1 to maxLength, which is 7",
		{MinLength: -1}:                 "minLength is -1",
		{MaxLength: 1025}:               "want at most 1024",
		{MinClasses: 5}:                 "minClasses is 5, want 1 to 4",
		{MinClasses: -1}:                "minClasses is -1",
		{MinPersonal: -2}:               "minPersonal is -2",
	} {
		err := policy.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: got %v, want %q", policy, err, want)
		}
	}
}

// TestPolicyFindsPartsInAnyCase holds the containment rule against strings.EqualFold, which it claims to follow.
func TestPolicyFindsPartsInAnyCase(t *testing.T) {
	t.Parallel()
	letters := rapid.StringOfN(rapid.RuneFrom(nil, unicode.Letter), 4, 10, -1)
	recase := func(t *rapid.T, s string) string {
		return strings.Map(func(r rune) rune {
			for range rapid.IntRange(0, 3).Draw(t, "steps") {
				r = unicode.SimpleFold(r)
			}
			return r
		}, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := letters.Draw(t, "name")
		other := recase(t, name)
		if !strings.EqualFold(name, other) {
			t.Fatalf("%q and %q differ by more than case", name, other)
		}
		pw := "aB3!" + other + "xyz"
		err := password.Policy{}.Check(pw, password.Subject{Names: []string{"x " + name}})
		var broken *password.PolicyError
		if !errors.As(err, &broken) || broken.Rule != password.RulePersonal {
			t.Fatalf("%q holds %q: got %v", pw, name, err)
		}
		for _, private := range []string{pw, name, other} {
			if strings.Contains(err.Error(), private) {
				t.Fatalf("the error tells %q: %v", private, err)
			}
		}
	})
}

// TestPolicyAcceptsWhatItSaysItAccepts generates passwords that keep every rule.
func TestPolicyAcceptsWhatItSaysItAccepts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pw := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019!# é")), 5, 125, -1).Draw(t, "password") + "aB3"
		err := password.Policy{}.Check(pw, password.Subject{Names: []string{"Quentin"}, Phone: "5555555555", EmailLocal: "q"})
		if err != nil {
			t.Fatalf("%d characters: %v", utf8.RuneCountInString(pw), err)
		}
	})
}
