package muster_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mayImport holds, for every package of the module, which others its code may import. The root imports none and no
// library either; stores and HTTP contracts know the domain and the interfaces' packages, and never each other.
var mayImport = map[string][]string{
	".":                       nil,
	"secret":                  nil,
	"password":                nil,
	"mapping":                 {".", "password"},
	"access":                  {".", "access/signature", "mapping", "password", "secret"},
	"access/signature":        nil,
	"mapping/source":          {".", "mapping", "outbound"},
	"outbound":                nil,
	"paced":                   nil,
	"webhook":                 {".", "outbound", "secret"},
	"provision":               {".", "mapping", "mapping/source", "password", "secret"},
	"provision/dispatchtest":  {".", "provision"},
	"store/postgres":          {".", "access", "directory", "provision", "secret", "store/transfer", "webhook"},
	"store/postgres/pgtest":   nil,
	"store/sqlite":            {".", "access", "directory", "provision", "secret", "store/transfer", "webhook"},
	"store/sqlite/sqlitetest": {"store/sqlite"},
	"store/storetest":         {".", "access", "directory", "provision", "secret", "webhook"},
	"store/transfer":          nil,
	"api/strictjson":          nil,
	"api/koodrive":            {".", "access", "access/signature", "api/strictjson", "directory", "mapping", "provision"},
	"api/federation":          {".", "access", "api/strictjson", "mapping", "provision"},
	"api/activation":          {".", "access", "password"},
	"api/native":              {".", "access", "access/signature", "directory", "mapping", "paced", "provision", "secret", "spreadsheet", "userfile", "webhook"},
	"console":                 {".", "access", "directory", "mapping", "paced", "provision", "spreadsheet", "userfile", "webhook"},
	"directory":               {".", "mapping"},
	"dispatch":                {".", "provision"},
	"client":                  {"access/signature"},
	"spreadsheet":             nil,
	"userfile":                {".", "directory", "provision", "spreadsheet"},
}

// mayImportAll lists the packages that wire the others together.
var mayImportAll = []string{"bench", "cmd/muster", "crashtest"}

const module = "muster"

// source is one parsed file of the module.
type source struct {
	name string // path below the root
	dir  string
	test bool
	file *ast.File
	fset *token.FileSet
}

func (s *source) at(n ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// parsed is all of the module's code.
var parsed = sync.OnceValues(func() (all []source, err error) {
	fset := token.NewFileSet()
	err = fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), file: file, fset: fset})
		return nil
	})
	return all, err
})

func sources(t *testing.T) []source {
	t.Helper()
	all, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found %d files: the test does not run in the root of the repository", len(all))
	}
	return all
}

// imports lists what a file imports: packages of the module by their path below its root, and others.
func (s *source) imports(t *testing.T) (ours, others []string) {
	t.Helper()
	for _, spec := range s.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		switch below, isOurs := strings.CutPrefix(name, module+"/"); {
		case name == module:
			ours = append(ours, ".")
		case isOurs:
			ours = append(ours, below)
		default:
			others = append(others, name)
		}
	}
	return ours, others
}

func TestPackagesImportWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test || slices.Contains(mayImportAll, s.dir) {
			continue
		}
		allowed, known := mayImport[s.dir]
		if !known {
			t.Errorf("%s: package %s has no line in mayImport", s.name, s.dir)
			continue
		}
		ours, others := s.imports(t)
		for _, name := range ours {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s: package %s must not import %s", s.name, s.dir, name)
			}
		}
		for _, name := range others {
			if s.dir == "." && strings.Contains(name, ".") {
				t.Errorf("%s: the root package imports the standard library alone, not %s", s.name, name)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	comments := map[string]string{}
	for _, s := range sources(t) {
		if !s.test {
			comments[s.dir] += s.file.Doc.Text()
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(comments)) {
		if strings.TrimSpace(comments[dir]) == "" {
			t.Errorf("package %s has no comment", dir)
		}
	}
}

// TestNothingRunsByItself keeps out init functions: main wires values by hand.
func TestNothingRunsByItself(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function", s.at(f))
			}
		}
	}
}

// TestTestsProveSomething keeps out tests that skip themselves and tests that wait for time to pass, other than in a
// bubble of testing/synctest, where it passes at once.
func TestTestsProveSomething(t *testing.T) {
	t.Parallel()
	banned := []string{"Skip", "Skipf", "SkipNow"}
	for _, s := range sources(t) {
		if !s.test && s.dir != "store/storetest" && s.dir != "provision/dispatchtest" {
			continue
		}
		_, others := s.imports(t)
		bubble := slices.Contains(others, "testing/synctest")
		ast.Inspect(s.file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			receiver, ok := selector.X.(*ast.Ident)
			switch {
			case !ok:
			case slices.Contains(banned, selector.Sel.Name) && (receiver.Name == "t" || receiver.Name == "b" || receiver.Name == "f"):
				t.Errorf("%s: a test that skips itself proves nothing", s.at(n))
			case receiver.Name == "time" && selector.Sel.Name == "Sleep" && !bubble:
				t.Errorf("%s: a test that sleeps is slow, or fails on a slow machine", s.at(n))
			}
			return true
		})
	}
}

func TestTheLicenceIsThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "Apache License\n                           Version 2.0, January 2004") {
		t.Error("LICENSE is not the Apache License 2.0")
	}
}
