package console

import (
	"bytes"
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a-h/templ/generator"
	"github.com/a-h/templ/parser/v2"
)

// templVersion is that of the module, and of the Makefile.
const templVersion = "v0.3.977"

// TestTemplatesAreGenerated: the Go that is built is that of the templates as they stand, which make generate makes.
func TestTemplatesAreGenerated(t *testing.T) {
	t.Parallel()
	templates, err := filepath.Glob("*.templ")
	if err != nil || len(templates) == 0 {
		t.Fatalf("%v, %v", templates, err)
	}
	for _, name := range templates {
		parsed, err := parser.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := generator.Generate(parsed, &b, generator.WithFileName(name), generator.WithVersion(templVersion)); err != nil {
			t.Fatal(err)
		}
		want, err := format.Source(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(generated(name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what %s says: make generate", generated(name), name)
		}
	}
}

func generated(template string) string { return strings.TrimSuffix(template, ".templ") + "_templ.go" }
