package console

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"

	"muster"
)

// words says things in one language. English is written where it is said, and is the key of the other languages' words; a
// test goes through all calls of T and N.
type words struct {
	tag   string            // BCP 47
	said  map[string]string // by the English; nil is English itself
	forms []form            // of what the domain says with arguments
}

// tongue is a language that the console speaks.
type tongue struct {
	tag   string
	name  string // as its speakers call it
	said  map[string]string
	forms []form
}

// tongues are all languages, the first being what those get who ask for none of them.
func tongues() []tongue {
	return []tongue{{tag: "en", name: "English"}, {"zh-CN", "简体中文", chinese, chineseForms}}
}

func tongueTags() []language.Tag {
	all := tongues()
	tags := make([]language.Tag, len(all))
	for i := range all {
		tags[i] = language.MustParse(all[i].tag)
	}
	return tags
}

// wordsFor is what an operator reads, or where he left that open his browser.
func (c *console) wordsFor(o *muster.Operator, r *http.Request) words {
	wanted := []string{r.Header.Get("Accept-Language")}
	if o != nil && o.Language != "" {
		wanted = []string{o.Language}
	}
	_, index := language.MatchStrings(c.match, wanted...)
	t := tongues()[index]
	return words{tag: t.tag, said: t.said, forms: t.forms}
}

// Tag is the language, for the lang attribute.
func (w words) Tag() string { return w.tag }

// T says something: the English is a format, as of [fmt.Sprintf], if there are args.
func (w words) T(english string, args ...any) string {
	said := cmp.Or(w.said[english], english)
	if len(args) == 0 {
		return said
	}
	return fmt.Sprintf(said, args...)
}

// N says something of n things, whose number is the format's first verb. Languages but English have one form.
func (w words) N(n int64, one, many string) string {
	if w.said == nil && n == 1 {
		return fmt.Sprintf(one, w.number(n))
	}
	return fmt.Sprintf(cmp.Or(w.said[many], many), w.number(n))
}

// number groups digits by threes.
func (w words) number(n int64) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// fault says what a refusal of the domain says.
func (w words) fault(e *muster.Error) string { return w.sentence(e.Detail) }

// The forms of a time: for the datetime attribute, and to be read where no script makes it the reader's own.
const (
	machineTime = "2006-01-02T15:04:05Z"
	shownTime   = "2006-01-02 15:04 UTC"
)

// role is an operator's role by name.
func (w words) role(r muster.OperatorRole) string {
	switch r {
	case muster.OperatorViewer:
		return w.T("Viewer")
	case muster.OperatorProvisioner:
		return w.T("Operator")
	default:
		return w.T("Administrator")
	}
}

func machine(t time.Time) string { return t.UTC().Format(machineTime) }

func readable(t time.Time) string { return t.UTC().Format(shownTime) }

// initial is what stands for somebody's name where there is no room for it.
func initial(name string) string {
	for _, r := range strings.ToUpper(name) {
		return string(r)
	}
	return ""
}
