package mapping_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/mapping"
)

func TestPhonePrefixes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sent, region, want string }{
		{"+49 151", "", "+49151"}, {"0049-151", "DE", "+49151"}, {"0151", "DE", "+49151"}, {"151", "DE", "+49151"}, {"0", "DE", "+49"}, {"138", "CN", "+86138"},
		{"1 415", "US", "+1415"}, {"06", "IT", "+3906"}, {"0151", "", "0151"}, {"+", "", "+"}, {"00", "", "+"}, {" 7 ", "", "7"},
		{"", "", ""}, {"-", "", ""}, {"ada", "", ""}, {"1+", "", ""}, {strings.Repeat("1", 23), "", ""},
	} {
		got, broken := mapping.PhonePrefix("phone", c.sent, c.region)
		if got != c.want || (broken != nil) != (c.want == "") {
			t.Errorf("%q in %q is %q, %+v, want %q", c.sent, c.region, got, broken, c.want)
		}
	}
}

// TestWhatAPhoneBeginsWithFindsIt: the prefix of each beginning of a phone, from its country's code on, is one of its key.
func TestWhatAPhoneBeginsWithFindsIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		phone := rapid.StringMatching(`(\+|00)49 1[5-7][0-9]-[0-9]{7,8}|01[5-7][0-9] [0-9]{7,8}`).Draw(t, "phone")
		key, broken := mapping.PhoneKey("phone", phone, "DE")
		if broken != nil {
			t.Fatalf("%q: %+v", phone, broken)
		}
		beginning := phone[:rapid.IntRange(4, len(phone)).Draw(t, "length")]
		prefix, broken := mapping.PhonePrefix("phone", beginning, "DE")
		if broken != nil || !strings.HasPrefix(key, prefix) {
			t.Fatalf("%q begins with %q, and %q not with %q, %+v", phone, beginning, key, prefix, broken)
		}
	})
}
