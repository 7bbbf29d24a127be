package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// elsewhere are files of the domain whose refusals pages show.
var elsewhere = []string{"../access/operators.go", "../access/operatorsignin.go"}

// madeUp are sentences of the domain that are put together as the console asks for them.
var madeUp = []string{
	"Too many attempts from this address were refused: wait, and check account and password.",
	"Too many attempts from this address were refused: wait, and open the link again.",
	"Too many passwords wait to be checked: try again in a second.",
	"The server is about to stop: try again.",
	"The database cannot be used now: send the request again.",
	"It must have 12 to 128 characters.",
	"It must have at least 3 of the four kinds lower-case letter, upper-case letter, digit and symbol.",
	"It must not contain the phone number, a part of the name, or the e-mail address before the @, of 4 or more characters, in upper or lower case.",
	"It must be valid UTF-8 text.",
	"name must be 1 to 64 characters in UTF-8, without control characters or spaces around.",
	"%s member", "%s members",
	"The name of a department cannot be that. %s",
	"It must have %s to %s characters.",
	"It must have at least %s of the four kinds lower-case letter, upper-case letter, digit and symbol.",
	"It must not contain the phone number, a part of the name, or the e-mail address before the @, of %s or more characters, in upper or lower case.",
	"An operator with this e-mail address exists.",
	"One address of the form name@domain of at most 254 characters is accepted, without display name or comment.",
}

// said gives the English of everything that the package says, with the place where it does.
func said(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	ours, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	for _, name := range append(ours, elsewhere...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, filepath.FromSlash(name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, e := range sentences(n) {
				text, ok := literal(e)
				if !ok {
					continue
				}
				if _, format := n.(*ast.KeyValueExpr); !format || !strings.Contains(text, "%") {
					all[text] = fset.Position(n.Pos()).String()
				}
			}
			return true
		})
	}
	for _, g := range places() {
		all[g.label] = "places"
		for _, p := range g.places {
			all[p.label] = "places"
		}
	}
	for _, s := range madeUp {
		all[s] = "madeUp"
	}
	for _, r := range reasonTexts {
		all[r.why], all[r.advice] = "reasonTexts", "reasonTexts"
	}
	domain := domainTexts(t)
	for english := range joined(chineseDomain, chineseFiles, chineseRules) {
		if !slices.ContainsFunc(strings.Split(english, "%s"), func(part string) bool { return !strings.Contains(domain, part) }) {
			all[english] = "the domain"
		}
	}
	return all
}

// domainTexts are all literals of the packages whose refusals pages show.
func domainTexts(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	fset := token.NewFileSet()
	for _, folder := range []string{"", "access", "directory", "mapping", "mapping/source", "outbound", "provision", "spreadsheet", "store/sqlite", "userfile", "webhook"} {
		names, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if text, ok := literal(e); ok {
						b.WriteString(text + "\n")
					}
				}
				return true
			})
		}
	}
	return b.String()
}

// sentences are the expressions of a call of T or N, and of the Detail of an error, that are English.
func sentences(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		selector, ok := n.Fun.(*ast.SelectorExpr)
		switch {
		case !ok:
		case selector.Sel.Name == "T" && len(n.Args) > 0:
			return n.Args[:1]
		case selector.Sel.Name == "N" && len(n.Args) == 3:
			return n.Args[2:]
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Detail" {
			return []ast.Expr{n.Value}
		}
	}
	return nil
}

// literal is the text of a literal, or of several with + between.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		right, also := literal(e.Y)
		return left + right, ok && also
	default:
		return "", false
	}
}

var verb = regexp.MustCompile(`%(\[\d\])?[a-z]`)

// TestEverythingIsSaidInChinese: a sentence without translation, and a translation that nothing says, are found.
func TestEverythingIsSaidInChinese(t *testing.T) {
	t.Parallel()
	english := said(t)
	if len(english) < 50 {
		t.Fatalf("the test found %d sentences", len(english))
	}
	for text, at := range english {
		switch translated := chinese[text]; {
		case translated == "":
			t.Errorf("%s: no Chinese for %q", at, text)
		case !strings.ContainsFunc(translated, func(r rune) bool { return unicode.Is(unicode.Han, r) }):
			t.Errorf("%s: %q became %q", at, text, translated)
		case len(verb.FindAllString(translated, -1)) != len(verb.FindAllString(text, -1)):
			t.Errorf("%s: %q has other verbs than %q", at, translated, text)
		}
	}
	for text := range chinese {
		if english[text] == "" {
			t.Errorf("nothing says %q", text)
		}
	}
}

// TestWhatTheDomainSays: arguments are found in a sentence and kept, and sentences among them translated.
func TestWhatTheDomainSays(t *testing.T) {
	t.Parallel()
	said := map[string]string{"It has %s and %s.": "有%[2]s，%[1]s。", "%s members": "%s 名成员", "No. %s": "不。%s", "No. Not %s": "不是 %s", "Plain.": "好。"}
	w := words{said: said, forms: formsOf(said)}
	for english, want := range map[string]string{
		"Plain.":                      "好。",
		"It has 3 members and a dog.": "有a dog，3 名成员。",
		"No. Plain.":                  "不。好。",
		"No. Not this":                "不是 this",
		"It has %s and %d.":           "有%d，%s。",
		"It has one.":                 "It has one.",
		"":                            "",
		"members":                     "members",
	} {
		if got := w.sentence(english); got != want {
			t.Errorf("%q is %q, want %q", english, got, want)
		}
	}
	if got := (words{}).sentence("It has 3 members and a dog."); got != "It has 3 members and a dog." {
		t.Errorf("the English is %q", got)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	english, other := words{}, words{said: map[string]string{"%s rows": "%s 行"}}
	for n, want := range map[int64][2]string{
		0: {"0 rows", "0 行"}, 1: {"1 row", "1 行"}, 999: {"999 rows", "999 行"}, 1000: {"1,000 rows", "1,000 行"},
		1234567: {"1,234,567 rows", "1,234,567 行"}, -1234: {"-1,234 rows", "-1,234 行"},
	} {
		if got := [2]string{english.N(n, "%s row", "%s rows"), other.N(n, "%s row", "%s rows")}; got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
