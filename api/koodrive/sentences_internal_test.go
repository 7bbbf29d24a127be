package koodrive

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// speaking are the packages whose sentences can reach a caller of this contract, with those of their files that cannot.
var speaking = map[string][]string{
	".":                {"operation.go"},                                                                                                                     // of rows of our own API
	"mapping":          {"federation.go", "function.go", "native.go", "profile.go", "rule.go"},                                                               // of other contracts
	"access":           {"administrator.go", "credential.go", "activate.go", "activation.go", "federation.go", "host.go", "link.go", "role.go", "tenant.go"}, // of operators
	"access/signature": nil,
	"provision":        {"federation.go", "followup.go", "metrics.go", "reconcile.go", "submission.go", "upload.go"},
	"store/postgres":   {"credential.go", "role.go", "tenant.go"},
	"store/sqlite":     {"credential.go", "role.go", "tenant.go"},
	"api/strictjson":   nil,
	"directory":        {"import.go"},
	"api/koodrive":     {"chinese.go", "oauth.go"},
}

// sentencesOf lists the sentences in the code of the packages that speak, with where they stand: what is given as a
// Detail, and every text of several words that ends in a full stop. What is computed is "7" in them.
func sentencesOf(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := os.DirFS("../..")
	for dir, silent := range speaking {
		names, err := fs.Glob(root, path.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		p := &sentenceParser{constants: map[string]string{}}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := fs.ReadFile(root, name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			p.declare(file)
			if !slices.Contains(silent, path.Base(name)) {
				p.files = append(p.files, file)
			}
		}
		for _, file := range p.files {
			ast.Inspect(file, func(n ast.Node) bool { return p.visit(n, func(s string) { found[s] = dir }) })
		}
	}
	return found
}

// sentenceParser reads the files of one package.
type sentenceParser struct {
	constants map[string]string
	files     []*ast.File
}

// declare takes note of the file's constants.
func (p *sentenceParser) declare(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Names) == len(spec.Values) {
			for i, name := range spec.Names {
				if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					p.constants[name.Name], _ = strconv.Unquote(lit.Value)
				}
			}
		}
		return true
	})
}

func (p *sentenceParser) visit(n ast.Node, found func(string)) (deeper bool) {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.Field: // paths and tags
		return false
	case *ast.KeyValueExpr:
		key, ok := n.Key.(*ast.Ident)
		if s := p.text(n.Value); ok && (key.Name == "Detail" || key.Name == "detail") && strings.Trim(s, "7") != "" {
			found(s)
			return false
		}
	case *ast.BinaryExpr, *ast.BasicLit:
		e, _ := n.(ast.Expr)
		if s := p.text(e); strings.Contains(s, " ") && strings.HasSuffix(s, ".") && strings.Trim(s, "7 .") != "" {
			found(s)
			return false
		}
	}
	return true
}

// text is the text of an expression, with "7" for what is computed.
func (p *sentenceParser) text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "7"
		}
		s, _ := strconv.Unquote(e.Value)
		return verbs.Replace(s)
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return p.text(e.X) + p.text(e.Y)
		}
	case *ast.Ident:
		if s, known := p.constants[e.Name]; known {
			return verbs.Replace(s)
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return p.text(e.Args[0])
		}
	}
	return "7"
}

var verbs = strings.NewReplacer("%s", "7", "%d", "7", "%v", "7", "%q", "7", "%%", "%")
