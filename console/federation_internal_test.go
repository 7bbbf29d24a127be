package console

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzSpot: whatever an expression and an error say, the spot is one of the expression's lines, as a whole.
func FuzzSpot(f *testing.F) {
	for _, seed := range [][2]string{
		{"account +", "Line 1, column 10: x."}, {"true &&\n  nobody", "Line 2, column 3: y."}, {"a", "at line 7, column 1"}, {"", "line 0, column 0"},
		{"字b", "Line 1, column 2."}, {"a\n", "Line 2, column 9999999999."}, {"x", "none"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, detail string) {
		s := spotOf(text, detail)
		lines := strings.Split(text, "\n")
		if s.Line == 0 && s != (spot{}) || s.Line > len(lines) {
			t.Fatalf("%q of %q: %+v", detail, text, s)
		}
		if s.Line > 0 && utf8.ValidString(text) && lines[s.Line-1] != s.Before+s.At+s.Behind {
			t.Errorf("%q of %q: %+v is no line", detail, text, s)
		}
		if len([]rune(s.At)) > 1 || s.shown() == "" {
			t.Errorf("%q of %q marks %q", detail, text, s.At)
		}
	})
}
