package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"muster"
	"muster/directory"
)

func TestImport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, s, tenant := t.Context(), b.departments, b.tenant.ID
	b.department(b.department(0, "Sales").ID, "North")
	paths := []string{
		"Sales/North/Team 1", // makes one
		"/Staff",             // with a slash in front
		"Sales/North/Team 1", // was made just now
		"Sales",              // was there
		"Sales//North",
		"Sales/",
		"/",
		"",
		"a/b/c/d/e",
		"a/b/c/d/e/f",
		" Sales / South ",
		"New/" + strings.Repeat("x", 21), // makes nothing, New neither
		"x\u202ey",
		strings.Repeat("x ", directory.MaxPath),
	}
	want := []struct {
		made   int
		failed string
	}{
		{1, ""},
		{1, ""},
		{0, ""},
		{0, ""},
		{0, "Name 2 of the path cannot be that. 1 to 20 characters"},
		{0, "Name 2 of the path"},
		{0, "Name 1 of the path"},
		{0, "Name 1 of the path"},
		{5, ""},
		{0, "at most 5 names"},
		{1, ""},
		{0, "1 to 20 characters"},
		{0, "text-direction"},
		{0, "1024 bytes"},
	}
	done, err := s.Import(ctx, tenant, system, paths)
	must(t, err)
	for i, got := range done {
		refusal := ""
		if got.Refusal != nil {
			refusal = got.Refusal.Detail
		}
		if got.Made != want[i].made || (refusal == "") != (want[i].failed == "") || !strings.Contains(refusal, want[i].failed) ||
			(got.Department == 0) != (refusal != "") {
			t.Errorf("%.30q: %+v, %s; want %+v", paths[i], got, refusal, want[i])
		}
	}
	if done[0].Department != done[2].Department {
		t.Error("the same path leads to two departments")
	}
	const tree = " /Sales /Sales/North /Sales/North/Team 1 /Sales/South /Staff /a /a/b /a/b/c /a/b/c/d /a/b/c/d/e"
	if got := b.tree(); got != tree {
		t.Errorf("the tree is %q, want %q", got, tree)
	}
	for _, n := range []int{0, directory.MaxImport + 1} {
		_, err := s.Import(ctx, tenant, system, make([]string, n))
		refused(t, "import", err, muster.KindInvalid, "paths")
	}
	_, err = s.Import(ctx, 99, system, []string{"Sales"})
	refused(t, "import into no tenant", err, muster.KindNotFound, "")
}

// TestImportAgain: what an import made is there when it is repeated, across the transactions into which it falls.
func TestImportAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paths := make([]string, directory.MaxImport)
	for i := range paths {
		paths[i] = fmt.Sprintf("%d/%d/%d/%d/%d", i%10, i%20, i%50, i%100, i)
	}
	first, err := b.departments.Import(t.Context(), b.tenant.ID, system, paths)
	must(t, err)
	made := 0
	for _, d := range first {
		made += d.Made
	}
	if want := 10 + 20 + 100 + 100 + 1000; made != want {
		t.Errorf("made %d departments, want %d", made, want)
	}
	second, err := b.departments.Import(t.Context(), b.tenant.ID, system, paths)
	must(t, err)
	for i, d := range second {
		if d.Made != 0 || d.Refusal != nil || d.Department != first[i].Department {
			t.Fatalf("path %s: %+v, then %+v", paths[i], first[i], d)
		}
	}
}

// tree gives the paths of all departments.
func (b *bundle) tree() string {
	b.t.Helper()
	page, err := b.departments.Tree(b.t.Context(), b.tenant.ID, system, 0, directory.Page{Limit: directory.MaxPage})
	must(b.t, err)
	return paths(page.Departments)
}

// FuzzImport: whatever a path is, it leads to a department whose names it has, or is refused and leaves no trace.
func FuzzImport(f *testing.F) {
	for _, path := range []string{"Sales/North", "/a/b/c/d/e/", " x / y ", "//", "\ufeffa", "a\x00b", "字/字", "%/_"} {
		f.Add(path)
	}
	shared := setup(f)
	f.Fuzz(func(t *testing.T, path string) {
		b := *shared
		b.t = t
		done, err := b.departments.Import(t.Context(), b.tenant.ID, system, []string{path})
		must(t, err)
		if r := done[0].Refusal; r != nil {
			if r.Kind != muster.KindInvalid || b.tree() != "" {
				t.Fatalf("%q: %v, and there is %q", path, r, b.tree())
			}
			return
		}
		d, err := b.departments.Get(t.Context(), b.tenant.ID, system, done[0].Department)
		must(t, err)
		var names []string
		for name := range strings.SplitSeq(strings.TrimPrefix(strings.TrimSpace(path), "/"), "/") {
			names = append(names, strings.TrimSpace(name))
		}
		if want := "/" + strings.Join(names, "/"); d.NamePath != want {
			t.Fatalf("%q leads to %q, want %q", path, d.NamePath, want)
		}
		for d.Parent != 0 { // the next input finds the root alone again
			_, err = b.departments.Delete(t.Context(), b.tenant.ID, system, d.ID)
			must(t, err)
			d, err = b.departments.Get(t.Context(), b.tenant.ID, system, d.Parent)
			must(t, err)
		}
	})
}
