package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// TestWhatFilesAreToldIsChinese goes through all that packages spreadsheet and userfile say of files, rows and cells.
func TestWhatFilesAreToldIsChinese(t *testing.T) {
	t.Parallel()
	said := words{said: chinese, forms: chineseForms}
	found := 0
	for _, pattern := range []string{"../spreadsheet/*.go", "../userfile/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				told := toldOf(n)
				if told == nil {
					return true
				}
				text := stoodIn(told)
				if !strings.Contains(text, " ") {
					return true // it is passed on
				}
				found++
				if translated := said.sentence(text); !strings.ContainsFunc(translated, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
					t.Errorf("%s: %q became %q", name, text, translated)
				}
				return true
			})
		}
	}
	if found < 80 {
		t.Errorf("found %d sentences", found)
	}
}

// toldOf is the sentence of an Error, a Fault or a problem of a column; nil if there is none.
func toldOf(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Detail" {
			return n.Value
		}
	case *ast.CompositeLit:
		if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "Fault" && len(n.Elts) == 2 {
			return n.Elts[1]
		}
	case *ast.CallExpr:
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			if f.Sel.Name == "add" && len(n.Args) == 5 {
				return n.Args[4]
			}
		case *ast.Ident:
			if f.Name == "blame" && len(n.Args) == 3 {
				return n.Args[2]
			}
		}
	}
	return nil
}

// stoodIn is a sentence with 7 in the place of its arguments.
func stoodIn(e ast.Expr) string {
	if text, ok := literal(e); ok {
		return text
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return stoodIn(e.X) + stoodIn(e.Y)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return verb.ReplaceAllString(stoodIn(e.Args[0]), "7")
		}
	}
	return "7"
}
