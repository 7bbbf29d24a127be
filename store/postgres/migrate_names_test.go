package postgres

import (
	"io/fs"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"muster"
	"muster/directory"
)

// migrateTo makes a schema of the version in an empty database, and fills it.
func migrateTo(t *testing.T, url string, version int64, fill ...string) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, steps, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	for _, text := range fill {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%v\n\t%s", err, text)
		}
	}
}

// TestMigrationToSearch: the users of version 4 of the schema are found by their names, and its credentials do what they did.
func TestMigrationToSearch(t *testing.T) {
	t.Parallel()
	url := server.Database(t, "")
	users := `INSERT INTO users (tenant, id, account, account_key, phone, phone_key, email, email_key, first_name, surname, display_name, password_hash,
		must_change_password, token_epoch, level, disabled, department, capacity_gb, created_at, updated_at) `
	migrateTo(t, url, 4,
		`INSERT INTO tenants VALUES (1, 'one', '', 2, '{}', now(), 1), (7, 'seven', '', 8, '{}', now(), 1)`,
		`INSERT INTO tenant_usage (tenant, users, capacity_gb, system_admins, last_id) VALUES (1, 3, 0, 1, 5000), (7, 2, 0, 1, 5000)`,
		`INSERT INTO credential_index VALUES ('app', 1)`,
		`INSERT INTO credentials VALUES (1, 'app', 'Sync', false, now())`,
		users+`SELECT t, i, '', '', '', '', '', '', f, s, d, '', false, 0, 1, false, 2, 0, now(), now() FROM (VALUES
			(1, 10, 'Özge', 'Archer', ''), (7, 10, 'Özge', '', 'ÄNNE  B'), (7, 11, '', '', ''), (7, 12, E'a\uffff00', '', '')) AS v(t, i, f, s, d)`,
		users+`SELECT 1, 100 + n, '', '', '', '', '', '', 'Crowd', '', '', '', false, 0, 1, false, 2, 0, now(), now() FROM generate_series(1, 2500) AS n`,
	)
	s := open(t, url, Options{})
	defer closeStore(t, s)
	for _, c := range []struct {
		tenant muster.ID
		prefix string
		want   int
	}{{1, "özge", 1}, {1, "arch", 1}, {1, "crowd", 1000}, {7, "änne b", 1}, {7, "özge", 1}, {7, "crowd", 0}, {7, "a\x00", 1}} {
		page, err := s.SearchUsers(t.Context(), c.tenant, directory.UserSearch{By: directory.SearchName, Prefix: c.prefix, Limit: 1000})
		if err != nil || len(page.Users) != c.want {
			t.Errorf("tenant %d has %d users of the name %q, want %d, %v", c.tenant, len(page.Users), c.prefix, c.want, err)
		}
	}
	credential, err := s.Credential(t.Context(), "app")
	if err != nil || credential.Scopes != muster.AllScopes {
		t.Errorf("credential %+v, %v", credential, err)
	}
}
