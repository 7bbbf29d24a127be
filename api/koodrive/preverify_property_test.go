package koodrive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster"
	"muster/directory"
)

// meaning is how a list of paths, of departments that are there, understands a name or path from one of them on (KooDrive
// contract, section 3), written down once more: how many departments it can mean.
func meaning(there []string, base, target string) int {
	names := strings.Split(target, "/")
	own := base[strings.LastIndex(base, "/")+1:]
	switch {
	case target == "":
		return 1
	case slices.Contains(names, ""):
		return 0
	case names[0] == own && slices.Contains(there, strings.Join(append([]string{base}, names[1:]...), "/")):
		return 1
	case slices.Contains(there, base+"/"+target):
		return 1
	case len(names) > 1:
		return 0
	}
	n := 0
	for _, path := range there {
		if strings.HasPrefix(path, base+"/") && strings.HasSuffix(path, "/"+target) {
			n++
		}
	}
	return n
}

// TestPreverifyUnderstandsNames holds names and paths against meaning, in trees of few names: the department itself, a child,
// the only one below of the name, several, and paths.
func TestPreverifyUnderstandsNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.administrator(t, b.tenant, muster.LevelSystemAdmin, 0)
	departments := directory.Departments{Store: b.store, IDs: b.ids, Now: b.sessions.Now}
	actor := muster.Actor{Level: muster.LevelSystemAdmin}
	trees := 0
	name := rapid.SampledFrom([]string{"A", "B", "C"})
	rapid.Check(t, func(rt *rapid.T) {
		trees++
		top := fmt.Sprintf("tree %d", trees)
		paths := []string{top}
		for _, below := range rapid.SliceOfN(rapid.SliceOfN(name, 1, muster.MaxDepartmentLevel-1), 0, 8).Draw(rt, "paths") {
			paths = append(paths, top+"/"+strings.Join(below, "/"))
		}
		made, err := departments.Import(t.Context(), b.tenant.ID, actor, paths)
		must(t, err)
		tree, err := departments.Tree(t.Context(), b.tenant.ID, actor, made[0].Department, directory.Page{Limit: directory.MaxPage})
		must(t, err)
		var there []string
		for i := range tree.Departments {
			there = append(there, tree.Departments[i].NamePath)
		}
		at := rapid.IntRange(0, len(there)-1).Draw(rt, "base")
		base := there[at]
		word := rapid.OneOf(name, rapid.Just(base[strings.LastIndex(base, "/")+1:]), rapid.Just(""))
		targets := rapid.SliceOfN(rapid.SliceOfN(word, 1, 4), 1, 10).Draw(rt, "targets")
		users := make([]string, len(targets))
		for i := range targets {
			users[i] = into(strings.Join(targets[i], "/"))
		}
		body := text(t, b.preverify(t, token, fmt.Sprintf(`{"curDeptId":%d,"users":[%s]}`, tree.Departments[at].ID, strings.Join(users, ","))))
		verdicts := strings.Split(body, `{"isSuccess":`)[1:]
		if len(verdicts) != len(targets) {
			rt.Fatalf("%d verdicts of %d users: %s", len(verdicts), len(targets), body)
		}
		for i := range targets {
			target := strings.Join(targets[i], "/")
			want := `1,"reason":"Several departments are called \"` + target + `\"`
			switch meaning(there, base, target) {
			case 0:
				want = `1,"reason":"There is no department \"` + target + `\"`
			case 1:
				want = `0}`
			}
			if !strings.HasPrefix(verdicts[i], want) {
				rt.Fatalf("%q from %s on, among %v: %s, want %s", target, base, there, verdicts[i], want)
			}
		}
	})
}
