package muster_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"
)

// TestPicturesAreShown: every picture that a document shows is there, and says in words what it shows; and every picture that is there
// is shown.
func TestPicturesAreShown(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	picture := regexp.MustCompile(`!\[([^\]]*)\]\(([^)\s]+)\)`)
	for _, name := range append(documents, "README.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range picture.FindAllStringSubmatch(string(text), -1) {
			at := path.Join(path.Dir(name), found[2])
			if _, err := os.Stat(at); err != nil {
				t.Errorf("%s shows a picture that is not there: %v", name, err)
			}
			if found[1] == "" {
				t.Errorf("%s does not say what %s shows", name, at)
			}
			shown[at] = true
		}
	}
	files, err := fs.Glob(os.DirFS("."), "docs/images/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Error("there are no pictures")
	}
	for _, file := range files {
		if !shown[file] {
			t.Errorf("no document shows %s", file)
		}
	}
}
