package sqlite

import (
	"fmt"
	"testing"

	"muster"
	"muster/directory"
)

// TestMigrationToSearch: the users of version 5 of the schema are found by their names, and its credentials do what they did.
func TestMigrationToSearch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const crowd = 2500 // more than are read at once
	migrateTo(t, dir, 5,
		`INSERT INTO key_records VALUES ('wrap', 1, x'01', 'mk', 1000)`,
		`INSERT INTO tenants (id, name, root_department, settings, created_at) VALUES (1, 'one', 2, '{}', 1000), (7, 'seven', 8, '{}', 1000)`,
		`INSERT INTO tenant_usage VALUES (1, 3, 0, 1, 0, 0, 0), (7, 1, 0, 1, 0, 0, 0)`,
		`INSERT INTO credentials VALUES (1, 'app', 'Sync', 0, 1000)`,
		`INSERT INTO users (tenant, id, first_name, surname, display_name, level, disabled, department, capacity_gb, created_at, updated_at) VALUES
			(1, 10, 'Özge', 'Archer', NULL, 2, 0, 2, 0, 1000, 2000), (7, 10, 'Özge', NULL, 'ÄNNE  B', 2, 0, 8, 0, 1000, 1000), (7, 11, NULL, NULL, NULL, 1, 0, 8, 0, 1, 1)`,
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO users (tenant, id, first_name, level, disabled, department, capacity_gb, created_at, updated_at)
		SELECT 1, 100 + i, 'Crowd', 1, 0, 2, 0, 1000, 1000 FROM n`, crowd),
	)
	s := open(t, dir, Options{})
	defer closeStore(t, s)
	for _, c := range []struct {
		tenant muster.ID
		prefix string
		want   int
	}{{1, "özge", 1}, {1, "arch", 1}, {1, "crowd", 1000}, {7, "änne b", 1}, {7, "özge", 1}, {7, "crowd", 0}} {
		page, err := s.SearchUsers(t.Context(), c.tenant, directory.UserSearch{By: directory.SearchName, Prefix: c.prefix, Limit: 1000})
		if err != nil || len(page.Users) != c.want {
			t.Errorf("tenant %d has %d users of the name %s, want %d, %v", c.tenant, len(page.Users), c.prefix, c.want, err)
		}
	}
	credential, err := s.Credential(t.Context(), "app")
	if err != nil || credential.Scopes != muster.AllScopes {
		t.Errorf("credential %+v, %v", credential, err)
	}
}
