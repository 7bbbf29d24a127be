package postgres

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"muster"
	"muster/provision"
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
	known, _, err := Migrations(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, step := range known {
		want = append(want, strconv.FormatInt(step.Version, 10))
	}
	if steps := f.query(t, "SELECT version_id::text FROM goose_db_version WHERE version_id > 0"); len(want) < 4 || !slices.Equal(steps, want) {
		t.Errorf("steps %q were taken, want %q, each once", steps, want)
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
		if len(steps) == 0 || steps[0] != (Migration{Version: 1, Name: "00001_initial.sql", Applied: applied}) || (stored == steps[len(steps)-1].Version) != applied {
			t.Errorf("steps are %+v of a schema of version %d", steps, stored)
		}
		if err := Migrate(ctx, url, Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBatchesOfTheVersionBefore are counted by reason, and began at the latest when they were accepted.
func TestBatchesOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := server.Database(t, "")
	s, err := connect(ctx, url, &Options{})
	must(t, err)
	defer closeStore(t, s)
	f := &fixture{Store: s, url: url, tenant: 1}
	err = withSchema(ctx, url, &Options{}, func(s *schema) error {
		_, err := s.provider.UpTo(ctx, 3)
		return errors.Join(err, migrateRiver(ctx, s.pool))
	})
	must(t, err)
	for _, text := range []string{
		`INSERT INTO tenants VALUES (1, 'one', '', 2, '{}', now(), 1)`,
		`INSERT INTO tenant_usage (tenant, users, capacity_gb, system_admins, queued_rows, queued_bytes, last_id) VALUES (1, 1, 0, 0, 15, 2, 9)`,
		`INSERT INTO users VALUES (1, 2, 'a', 'a', '', '', '', '', '', '', '', '', false, 0, 1, false, 2, 0, NULL, now(), now())`,
		`INSERT INTO batches (tenant, id, sequence, contract, lane, app_id, actor, actor_level, trace_id, total, succeeded, failed, accepted_at)
			VALUES (1, 5, 1, 1, 1, '', 0, 1, '', 10, 3, 2, now()), (1, 6, 2, 1, 1, '', 0, 1, '', 10, 0, 0, now())`,
		`INSERT INTO outcomes SELECT 1, 5, n, n, CASE WHEN n < 3 THEN 1 ELSE 2 END, CASE WHEN n < 3 THEN 0 ELSE 4 END, '', '', 0, '' FROM generate_series(0, 4) AS n`,
		`INSERT INTO chunks VALUES (1, 5, 5, 5, 1, 5, 1, 0, 0, '\x00'), (1, 6, 0, 10, 1, 5, 2, 0, 0, '\x00')`,
	} {
		f.query(t, text)
	}
	must(t, Migrate(ctx, url, Options{}))
	want := []provision.ReasonCount{{Result: muster.Succeeded, Rows: 3}, {Result: muster.Failed, Reason: muster.ReasonConflict, Rows: 2}}
	if counts, err := f.Reasons(ctx, 1, 5); err != nil || !slices.Equal(counts, want) {
		t.Errorf("the batch's outcomes are %+v, %v", counts, err)
	}
	for id, began := range map[muster.ID]bool{5: true, 6: false} {
		b, err := f.Batch(ctx, 1, id)
		if err != nil || b.StartedAt.IsZero() == began || b.Mode != muster.ModeRun {
			t.Errorf("batch %s began at %s in mode %s, %v", id, b.StartedAt, b.Mode, err)
		}
	}
	if works := f.works(t, 100); len(works) != 2 {
		t.Errorf("%d chunks wait", len(works))
	}
	if user, err := f.User(ctx, 1, 2); err != nil || user.Source != "" {
		t.Errorf("the user is %+v, %v", user, err)
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
