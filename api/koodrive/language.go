package koodrive

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// tongue is the language of one answer, as the language header asks for it; the zero tongue is English, in which every
// sentence is written.
type tongue struct{ *lexicon }

// say translates a sentence as it is, or was stored: arguments that were formatted into it are found and kept. One that
// the lexicon does not have stays English.
func (t tongue) say(sentence string) string {
	if t.lexicon == nil {
		return sentence
	}
	return t.translate(sentence)
}

// sayf translates a format and fills it in. The arguments, which may be a caller's own words, stay as they are.
func (t tongue) sayf(format string, args ...any) string {
	if t.lexicon == nil {
		return fmt.Sprintf(format, args...)
	}
	return t.printer.Sprintf(format, args...)
}

// naming makes a detail say which field it is about, if it does not.
func (t tongue) naming(field, detail string) string {
	said := t.say(detail)
	if field == "" || strings.Contains(detail, field) {
		return said
	}
	if t.lexicon == nil {
		return field + ": " + said
	}
	return field + "：" + said
}

// join puts a sentence behind another.
func (t tongue) join(first, second string) string {
	if t.lexicon == nil && second != "" {
		first += " "
	}
	return first + second
}

// languages know the language that a caller wants.
type languages struct {
	matcher language.Matcher
	chinese *lexicon
}

// The languages of a matcher, in its order; the first is the default.
const (
	languageEnglish = iota
	languageChinese
)

func newLanguages() *languages {
	return &languages{
		matcher: language.NewMatcher([]language.Tag{languageEnglish: language.AmericanEnglish, languageChinese: language.SimplifiedChinese}),
		chinese: newLexicon(language.SimplifiedChinese, chinese[:]),
	}
}

// of is the language that the language header prefers. It takes zh-CN as well as lists such as zh-CN,zh;q=0.9.
func (l *languages) of(header http.Header) tongue {
	const longest = 256 // bytes; what is longer is no preference of a person
	switch wanted := header.Get("language"); {
	case wanted == "" || wanted == "en-US" || len(wanted) > longest:
		return tongue{}
	case wanted == "zh-CN":
		return tongue{l.chinese}
	default:
		if _, index := language.MatchStrings(l.matcher, wanted); index == languageChinese {
			return tongue{l.chinese}
		}
		return tongue{}
	}
}

// lexicon holds the translations into one language by the English sentence. It is safe for concurrent use.
type lexicon struct {
	printer *message.Printer
	plain   map[string]bool // sentences without arguments
	formats []format        // those with, the longest text first, so that the one that says most wins
}

// format is a sentence with arguments, "%s" each: numbers come as the text that they were written as.
type format struct {
	key  string
	text []string // between the arguments, one more than there are of these
}

func newLexicon(tag language.Tag, entries []translation) *lexicon {
	l := &lexicon{plain: make(map[string]bool, len(entries))}
	b := catalog.NewBuilder(catalog.Fallback(language.AmericanEnglish))
	for _, e := range entries {
		text := strings.Split(e.english, "%s")
		if len(text) > 1 {
			l.formats = append(l.formats, format{e.english, text})
		} else {
			l.plain[e.english] = true
			e.other = strings.ReplaceAll(e.other, "%", "%%")
		}
		_ = b.SetString(tag, e.english, e.other) // fails for a macro alone, of which a test finds none
	}
	slices.SortStableFunc(l.formats, func(a, b format) int {
		return cmp.Compare(len(b.key)-len(b.text), len(a.key)-len(a.text))
	})
	l.printer = message.NewPrinter(tag, message.Catalog(b))
	return l
}

func (l *lexicon) translate(sentence string) string {
	if l.plain[sentence] {
		return l.printer.Sprintf(message.Key(sentence, sentence))
	}
	for i := range l.formats {
		f := &l.formats[i]
		if found := f.arguments(sentence); found != nil {
			args := make([]any, len(found))
			for i, a := range found {
				args[i] = l.translate(a) // what is accepted may be described within a sentence
			}
			return l.printer.Sprintf(message.Key(f.key, f.key), args...)
		}
	}
	return sentence
}

// arguments are what stands in the sentence between the format's text, nil if it is not of this format.
func (f *format) arguments(sentence string) []string {
	last := len(f.text) - 1
	rest, ok := strings.CutPrefix(sentence, f.text[0])
	if !ok {
		return nil
	}
	if rest, ok = strings.CutSuffix(rest, f.text[last]); !ok {
		return nil
	}
	found := make([]string, 0, last)
	for _, text := range f.text[1:last] {
		before, after, ok := strings.Cut(rest, text)
		if !ok {
			return nil
		}
		found, rest = append(found, before), after
	}
	return append(found, rest)
}
