package native

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster"
	"muster/directory"
)

// TestACursorIsReadBack: as it was made, and by no other list.
func TestACursorIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]byte{cursorAll, cursorDepartment, 'A' + byte(directory.SearchName)}).Draw(t, "kind")
		want := directory.UserMark{
			Key: rapid.String().Draw(t, "key"), Department: muster.ID(rapid.Int64Min(0).Draw(t, "department")), User: muster.ID(rapid.Int64Min(1).Draw(t, "user")),
		}
		text := userCursor(kind, want)
		if got, err := parseUserCursor(kind, text); (err != nil || got != want) && len(text) <= maxCursor {
			t.Fatalf("%+v became %+v, %v", want, got, err)
		}
		if got, err := parseUserCursor(kind+1, text); err == nil {
			t.Fatalf("another list takes it for %+v", got)
		}
	})
}

// FuzzUserCursor: a cursor is refused, or is the one that would be made of what it says.
func FuzzUserCursor(f *testing.F) {
	for _, m := range []directory.UserMark{{User: 1}, {User: 1 << 62, Department: 7, Key: "ann\xff"}} {
		f.Add(userCursor(cursorAll, m))
	}
	f.Add("")
	f.Add("YQEA=")
	f.Add("YYGAgICAgICAgIABAA") // a number longer than it has to be
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseUserCursor(cursorAll, text)
		switch {
		case err != nil && m != (directory.UserMark{}):
			t.Errorf("refused, and %+v", m)
		case err != nil && muster.KindOf(err) != muster.KindInvalid:
			t.Errorf("refused as %v", err)
		case err == nil && text != "" && (m.User <= 0 || m.Department < 0):
			t.Errorf("%q is %+v", text, m)
		}
		if err == nil && text != "" {
			if again, err := parseUserCursor(cursorAll, userCursor(cursorAll, m)); err != nil || again != m {
				t.Errorf("%+v is read back as %+v, %v", m, again, err)
			}
		}
	})
}

func TestEntityTags(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct {
		tags tags
		ok   bool
	}{
		"":                     {tags{}, false},
		"*":                    {tags{any: true}, true},
		" * ":                  {tags{any: true}, true},
		`"a"`:                  {tags{strong: []string{`"a"`}}, true},
		`W/"a"`:                {tags{weak: []string{`"a"`}}, true},
		`"a", W/"b" ,"c,d"`:    {tags{strong: []string{`"a"`, `"c,d"`}, weak: []string{`"b"`}}, true},
		`, "a",,`:              {tags{}, false}, // only behind an element do empty ones count for nothing
		`"a",,"b",`:            {tags{strong: []string{`"a"`, `"b"`}}, true},
		`""`:                   {tags{strong: []string{`""`}}, true},
		"a":                    {tags{}, false},
		`"a`:                   {tags{}, false},
		`w/"a"`:                {tags{}, false},
		`"a" "b"`:              {tags{}, false},
		`"a b"`:                {tags{}, false},
		`"a", *`:               {tags{}, false},
		"\"a\x7f\"":            {tags{}, false},
		strings.Repeat(",", 9): {tags{}, false},
	} {
		got, ok := parseTags(header)
		same := got.any == want.tags.any && slices.Equal(got.strong, want.tags.strong) && slices.Equal(got.weak, want.tags.weak)
		if ok != want.ok || ok && !same {
			t.Errorf("%q is %+v, %t, want %+v, %t", header, got, ok, want.tags, want.ok)
		}
	}
}

// FuzzEntityTags: what is taken for a list names tags in quotes, each of which the header has.
func FuzzEntityTags(f *testing.F) {
	for _, seed := range []string{"", "*", `"a"`, `W/"a","b"`, `"a",,`, `"`, "W/", "\"\xff\", \"\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, ok := parseTags(header)
		all := slices.Concat(got.strong, got.weak)
		if ok != (got.any || len(all) > 0) {
			t.Errorf("%q is %+v, %t", header, got, ok)
		}
		for _, tag := range all {
			if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' || strings.Count(tag, `"`) != 2 || !strings.Contains(header, tag) {
				t.Errorf("%q has no tag %s", header, tag)
			}
			if !got.matchWeakly(tag) {
				t.Errorf("%s does not match %q", tag, header)
			}
		}
	})
}
