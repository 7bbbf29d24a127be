package muster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster"
)

func TestScopesHaveNames(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"read", "provision", "administer"}, muster.AllScopes.Names()); diff != "" {
		t.Error(diff)
	}
	for s := range muster.AllScopes + 1 {
		if got, err := muster.ParseScopes(s.Names()); err != nil || got != s {
			t.Errorf("%v are read as %v, %v", s.Names(), got.Names(), err)
		}
	}
	if _, err := muster.ParseScopes([]string{"read", "write"}); muster.KindOf(err) != muster.KindInvalid {
		t.Errorf("an unknown scope: %v", err)
	}
}

// TestNameKeys: a user is found by the beginning of each name that he has, each once, however it is written.
func TestSearchNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user muster.User
		want []string
	}{
		{muster.User{FirstName: "Ann", Surname: "ARCHER"}, []string{"ann archer", "archer"}},
		{muster.User{FirstName: "Ann"}, []string{"ann"}},
		{muster.User{Surname: "Archer"}, []string{"archer"}},
		{muster.User{DisplayName: " Ää  B ", FirstName: "Ann", Surname: "Archer"}, []string{"ää b", "ann archer", "archer"}},
		{muster.User{DisplayName: "Ann  archer", FirstName: "ANN", Surname: "archer"}, []string{"ann archer", "archer"}},
		{muster.User{DisplayName: " "}, []string{}},
	} {
		if diff := cmp.Diff(c.want, c.user.NameKeys().All()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.user, diff)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		if folded := muster.FoldName(name); muster.FoldName(folded) != folded {
			t.Fatalf("%q is folded to %q, and that to %q", name, folded, muster.FoldName(folded))
		}
	})
}
