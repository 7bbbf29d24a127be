package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// sentence says what the domain says, as it is or was stored, such as why a row failed: arguments that were formatted into it
// are found, translated themselves where they are sentences, and kept otherwise. What has no translation is said in English.
func (w words) sentence(english string) string {
	if said, known := w.said[english]; known {
		return said
	}
	if w.said == nil {
		return english
	}
	for i := range w.forms {
		if args := w.forms[i].arguments(english); args != nil {
			for k, arg := range args {
				args[k] = w.sentence(arg.(string))
			}
			return fmt.Sprintf(w.said[w.forms[i].english], args...)
		}
	}
	return english
}

// form is a sentence with arguments, each of them %s: numbers come as the text that they were written as.
type form struct {
	english string
	text    []string // between the arguments, one more than there are of these
}

// formsOf gives the sentences with arguments among those of a catalogue, the longest first, so that the one that says most
// wins.
func formsOf(said map[string]string) []form {
	var forms []form
	for english := range said {
		if text := strings.Split(english, "%s"); len(text) > 1 {
			forms = append(forms, form{english, text})
		}
	}
	slices.SortFunc(forms, func(a, b form) int {
		return cmp.Or(cmp.Compare(len(b.english)-2*len(b.text), len(a.english)-2*len(a.text)), cmp.Compare(a.english, b.english))
	})
	return forms
}

// arguments are what stands in the sentence between the form's text, nil if it is not of this form.
func (f *form) arguments(sentence string) []any {
	last := len(f.text) - 1
	rest, ok := strings.CutPrefix(sentence, f.text[0])
	if !ok {
		return nil
	}
	if rest, ok = strings.CutSuffix(rest, f.text[last]); !ok {
		return nil
	}
	found := make([]any, 0, last)
	for _, text := range f.text[1:last] {
		before, after, ok := strings.Cut(rest, text)
		if !ok {
			return nil
		}
		found, rest = append(found, before), after
	}
	return append(found, rest)
}
