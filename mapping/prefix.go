package mapping

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"muster"
)

// PhonePrefix gives the beginning of the keys of phones that begin as s does, which is read as [PhoneKey] reads a whole phone: in
// the region its country's code stands in the place of what is dialled before national numbers, such as 0.
func PhonePrefix(field, s, region string) (string, *muster.Fault) {
	s = strings.TrimSpace(s)
	s, international := strings.CutPrefix(s, "+")
	digits := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, s)
	if strings.Trim(digits, "0123456789") != "" || len(digits) > maxPhoneDigits+len("00") || digits == "" && !international {
		return "", invalid(field, "1 to 20 digits are accepted, with + or 00 in front if international, and spaces or dashes between.")
	}
	if rest, found := strings.CutPrefix(digits, "00"); found && !international {
		digits, international = rest, true
	}
	switch {
	case international:
		return "+" + digits, nil
	case region == "":
		return digits, nil
	}
	digits = strings.TrimPrefix(digits, phonenumbers.GetNddPrefixForRegion(region, true))
	return "+" + strconv.Itoa(phonenumbers.GetCountryCodeForRegion(region)) + digits, nil
}
