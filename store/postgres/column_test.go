package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"muster"
	"muster/provision"
)

// checkText holds that a text can be stored, and is what it was afterwards.
func checkText(t interface{ Errorf(string, ...any) }, s string) {
	kept := storable(s)
	if !utf8.ValidString(kept) || strings.ContainsRune(kept, 0) {
		t.Errorf("%q is stored as %q, which the database refuses", s, kept)
	}
	if back := stored(kept); back != s {
		t.Errorf("%q is stored as %q and comes back as %q", s, kept, back)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "Ada", "\x00", "a\x00b", "\xff", "a\xc3", escape, escape + "00", escape + escape, "ef" + escape, "\ufffd", "𝔘\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkText(t, s)
		if plain := utf8.ValidString(s) && !strings.ContainsAny(s, "\x00"+escape); plain != (storable(s) == s) {
			t.Errorf("%q is stored as %q", s, storable(s))
		}
		stored(s) // whatever somebody else wrote
	})
}

func TestDifferentTextsAreStoredDifferently(t *testing.T) {
	t.Parallel()
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{"\x00", "\xff", escape, "0", "f", "ff", "00", "\xef", "\xbf", "é"}), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		x, y := strings.Join(parts.Draw(t, "x"), ""), strings.Join(parts.Draw(t, "y"), "")
		if (x == y) != (storable(x) == storable(y)) {
			t.Errorf("%q and %q are stored as %q and %q", x, y, storable(x), storable(y))
		}
		checkText(t, x)
	})
}

func TestArrayLiteral(t *testing.T) {
	t.Parallel()
	for want, ids := range map[string][]muster.ID{"": nil, "{7}": {7}, "{1,9223372036854775807,1}": {1, 1<<63 - 1, 1}} {
		if got := arrayLiteral(ids); got != want {
			t.Errorf("%v is %s, want %s", ids, got, want)
		}
	}
}

// TestStrangeTextIsKept stores what a caller may send in a row: outcomes have it as it was sent.
func TestStrangeTextIsKept(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	for _, strange := range []string{"+49\x00 30", "\xff\xfe", "'; DROP TABLE users; --", escape + "00", "\\x00", "{NULL,\"a\"}", "\u202e𝔘"} {
		id := f.mustAccept(t, 1, 1)
		works := f.works(t, 1)
		decide := func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
			w, err := skipAll(works)(shot, live)
			w.Chunks[0].Outcomes[0].Subject, w.Chunks[0].Outcomes[0].Detail, w.Chunks[0].Outcomes[0].Field = strange, strange, strange
			return w, err
		}
		if err := f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{Accounts: []string{strange}}, decide); err != nil {
			t.Errorf("%q: %v", strange, err)
			continue
		}
		page, err := f.BatchPage(t.Context(), f.tenant, id, muster.ContractKooDrive, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if o := page.Outcomes[0]; o.Subject != strange || o.Detail != strange || o.Field != strange {
			t.Errorf("%q comes back as %+v", strange, o)
		}
	}
}
