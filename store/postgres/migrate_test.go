package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestNodesThatStartAtOnceMakeOneSchema has some of them behind a pooler.
func TestNodesThatStartAtOnceMakeOneSchema(t *testing.T) {
	t.Parallel()
	url := server.Database(t, "")
	started := make(chan error)
	var stores [6]*Store
	for i := range stores {
		go func() {
			s, err := Open(t.Context(), url, Options{Pooled: i%2 == 0})
			stores[i] = s
			started <- err
		}()
	}
	for range stores {
		if err := <-started; err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		return
	}
	for _, s := range stores {
		if yes, err := s.Initialised(t.Context()); err != nil || yes {
			t.Errorf("a node finds a tenant: %t, %v", yes, err)
		}
		defer closeStore(t, s)
	}
	f := fixture{Store: stores[0]}
	if steps := f.query(t, "SELECT version_id::text FROM goose_db_version WHERE version_id > 0"); !slices.Equal(steps, []string{"1", "2", "3", "4", "5"}) {
		t.Errorf("steps %q were taken", steps)
	}
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := server.Database(t, "")
	for _, applied := range []bool{false, true} {
		steps, stored, err := Migrations(ctx, url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) == 0 || steps[0] != (Migration{Version: 1, Name: "00001_initial.sql", Applied: applied}) || (stored == int64(len(steps))) != applied {
			t.Errorf("steps are %+v of a schema of version %d", steps, stored)
		}
		if err := Migrate(ctx, url, Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

// newer makes a database whose schema a later version wrote.
func newer(t *testing.T, servesFrom string) string {
	t.Helper()
	f := openFixture(t, Options{})
	f.query(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, true)")
	f.query(t, "UPDATE installation SET serves_from = "+servesFrom)
	return f.url
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := newer(t, "999999")
	s, err := Open(ctx, url, Options{})
	if err == nil {
		closeStore(t, s)
	}
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "999999") {
		t.Errorf("Open = %v, want ErrNewer with the version", err)
	}
	if err := Migrate(ctx, url, Options{}); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "999999") {
		t.Errorf("Migrate = %v, want ErrNewer with the version", err)
	}
	if _, stored, err := Migrations(ctx, url, Options{}); err != nil || stored != 999999 {
		t.Errorf("Migrations gives version %d, %v", stored, err)
	}
}

// TestANodeOfTheVersionBeforeGoesOn: during an upgrade, nodes of two versions share a database, and any of them may start again.
func TestANodeOfTheVersionBeforeGoesOn(t *testing.T) {
	t.Parallel()
	url := newer(t, "1")
	s := open(t, url, Options{})
	if yes, err := s.Initialised(t.Context()); err != nil || !yes {
		t.Errorf("the node finds a tenant: %t, %v", yes, err)
	}
	if err := Migrate(t.Context(), url, Options{}); err == nil {
		t.Error("a program brought a schema up to date that is newer than it knows")
	}
}
