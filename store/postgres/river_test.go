package postgres

import (
	"testing"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// A newer River may bring migrations, which take one of ours: without it a node of the version before would not be told.
func TestRiversTablesAreOfTheVersionThatRiverKnows(t *testing.T) {
	t.Parallel()
	m, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := m.AllVersions()
	if newest := versions[len(versions)-1].Version; newest != riverVersion {
		t.Errorf("River's newest migration is %d: add a migration of ours, and make riverVersion %d", newest, newest)
	}
}
