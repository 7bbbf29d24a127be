package mapping

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"muster"
)

const (
	maxName  = 64  // characters of a name (KooDrive contract, section 1)
	maxEmail = 254 // octets of an address (RFC 5321, section 4.5.3.1.3, less the angle brackets)

	minPhoneDigits = 5
	maxPhoneDigits = 20
)

// Name trims a name and checks that it has between least and most characters, none of which controls a terminal or the
// direction of text: a directional mark in a name can make a list show another name than it holds (Unicode TR 36, section 2.5).
func Name(field, s string, least, most int) (string, *muster.Fault) {
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n < least || n > most {
		return "", invalid(field, fmt.Sprintf("%d to %d characters are accepted.", least, most))
	}
	if strings.ContainsFunc(s, controls) {
		return "", invalid(field, "Control and text-direction characters are not accepted.")
	}
	return s, nil
}

func controls(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

// PhoneKey checks a phone and gives the form by which phones are compared. `+` or `00` in front gives + and the digits;
// otherwise the digits are read in the region (ISO 3166-1 alpha-2), or left bare where region is "".
func PhoneKey(field, s, region string) (string, *muster.Fault) {
	digits, international, ok := phoneDigits(s)
	if !ok {
		return "", invalid(field, "5 to 20 digits are accepted, with + or 00 in front if international, and spaces or dashes between.")
	}
	if international {
		return "+" + digits, nil
	}
	if region == "" {
		return digits, nil
	}
	n, err := phonenumbers.Parse(digits, region)
	if err != nil {
		return "", invalid(field, "It cannot be read as a phone number in region "+region+"; + or 00 and the country code in front are accepted.")
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// phoneDigits strips spaces and dashes and the international prefix.
func phoneDigits(s string) (digits string, international, ok bool) {
	s = strings.TrimSpace(s)
	if rest, found := strings.CutPrefix(s, "+"); found {
		s, international = rest, true
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9':
			if b.Len() > maxPhoneDigits+len("00") {
				return "", false, false
			}
			b.WriteByte(c)
		case c == ' ' || c == '-':
		default:
			return "", false, false
		}
	}
	digits = b.String()
	if rest, found := strings.CutPrefix(digits, "00"); found && !international {
		digits, international = rest, true
	}
	return digits, international, len(digits) >= minPhoneDigits && len(digits) <= maxPhoneDigits
}

// EmailKey checks that s is one addr-spec (RFC 5322, section 3.4.1) and gives its lower-case form.
func EmailKey(field, s string) (string, *muster.Fault) {
	const accepted = "One address of the form name@domain of at most 254 characters is accepted, without display name or comment."
	if len(s) > maxEmail || strings.ContainsFunc(s, controls) || strings.ContainsAny(s, " \"()<>[]") {
		return "", invalid(field, accepted)
	}
	if !plainAddress(s) {
		a, err := mail.ParseAddress(s)
		if err != nil || a.Name != "" || a.Address != s {
			return "", invalid(field, accepted)
		}
	}
	return strings.ToLower(s), nil
}

// plainAddress reports whether s is an address of letters, digits and a few signs that [mail.ParseAddress] would take as it is, which
// nearly all are: to parse those took a tenth of the processor time of small batches.
func plainAddress(s string) bool {
	at, begun := false, false // begun: a part of the local name or of the domain
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', !at && (c == '_' || c == '+'):
			begun = true
		case begun && c == '.':
			begun = false
		case begun && c == '@' && !at:
			at, begun = true, false
		default:
			return false
		}
	}
	return at && begun
}

// AccountKey is the form by which accounts are compared: letter case does not tell accounts apart.
func AccountKey(s string) string { return strings.ToLower(s) }
