package native

import (
	"slices"
	"strings"
	"testing"
)

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
