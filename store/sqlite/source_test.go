package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/store/transfer"
)

// unmoved lists the columns that are no part of an installation.
var unmoved = map[string]string{
	"goose_db_version.id":         "migrations",
	"goose_db_version.version_id": "likewise",
	"goose_db_version.is_applied": "likewise",
	"goose_db_version.tstamp":     "likewise",
	"nodes.node":                  "the largest id of all nodes moves",
	"payloads.tenant":             "a payload moves with its chunk",
	"payloads.batch":              "likewise",
	"payloads.first_row":          "likewise",
}

var storedTypes = map[transfer.Kind]string{
	transfer.Number: "INTEGER", transfer.Flag: "INTEGER", transfer.Time: "INTEGER", transfer.Text: "TEXT", transfer.JSON: "TEXT",
	transfer.IDs: "TEXT", transfer.Bytes: "BLOB",
}

// TestAnInstallationIsAllThatTheSchemaHas compares what moves with the catalogue, so that what a migration adds is not left behind.
func TestAnInstallationIsAllThatTheSchemaHas(t *testing.T) {
	t.Parallel()
	type column struct {
		kind string
		key  int
	}
	stored := make(map[string]column)
	s := open(t, blankFolder(t), Options{})
	defer closeStore(t, s)
	err := s.readers.read(t.Context(), func(q querier) error {
		rows, err := q.(*conn).sql.QueryContext(t.Context(), `SELECT m.name || '.' || c.name, c.type, c.pk
			FROM sqlite_master AS m CROSS JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`)
		return collect(rows, err, func(row scanner) error {
			var name string
			var c column
			err := row.Scan(&name, &c.kind, &c.key)
			stored[name] = c
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	moves := make(map[string]bool)
	for _, table := range transfer.Tables() {
		for i, c := range table.Columns {
			name := storedAs(table.Name) + "." + strings.Trim(valueOf(c.Name), `"`)
			switch c.Name {
			case "last_id":
				name = "nodes.last_id"
			case "payload":
				name = "payloads.payload"
			}
			moves[name] = true
			has, found := stored[name]
			key := i + 1
			if i >= table.Key {
				key = 0
			}
			switch {
			case !found:
				t.Errorf("%s moves and does not exist", name)
			case has.kind != storedTypes[c.Kind]:
				t.Errorf("%s is %s", name, has.kind)
			case has.key != key && storedAs(table.Name) == table.Name && c.Name != "last_id":
				t.Errorf("%s stands at place %d of the key, and is said to at %d", name, has.key, key)
			}
		}
	}
	for name := range stored {
		if moves[name] == (unmoved[name] != "") {
			t.Errorf("%s moves: %t", name, moves[name])
		}
	}
	if len(stored) < 100 {
		t.Errorf("the test saw %d columns", len(stored))
	}
}

// TestPagesAreFoundByTheirKeys: a page costs the same wherever it stands.
func TestPagesAreFoundByTheirKeys(t *testing.T) {
	t.Parallel()
	s := open(t, blankFolder(t), Options{})
	defer closeStore(t, s)
	err := s.readers.read(t.Context(), func(q querier) error {
		for _, table := range transfer.Tables() {
			first, next := plan(t, q.(*conn).sql, pageText(&table, false)), plan(t, q.(*conn).sql, pageText(&table, true))
			if strings.Contains(strings.Join(slices.Concat(first, next), ""), "B-TREE") {
				t.Errorf("pages of %s are sorted: %s, %s", table.Name, first, next)
			}
			if !strings.HasPrefix(next[0], "SEARCH "+storedAs(table.Name)) || strings.Count(next[0], ",") < table.Key-1 {
				t.Errorf("pages of %s are not found by their key: %s", table.Name, next)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func openSource(t *testing.T, dir string) *Source {
	t.Helper()
	s, err := OpenSource(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestASourceOfAServerThatWasKilled has most of the database in the WAL, which is left where it is.
func TestASourceOfAServerThatWasKilled(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	f.mustAccept(t, 10, 100)
	dir := t.TempDir()
	copyFiles(t, f.Store, dir)
	states := make(map[string]bool)
	for range 2 {
		s := openSource(t, dir)
		states[s.State()] = true
		for name, want := range map[string]int64{"tenants": 1, "batches": 1, "chunks": 1, "users": 1, "credentials": 0} {
			table := tableNamed(name)
			if n, err := s.Count(t.Context(), &table, nil); err != nil || n != want {
				t.Errorf("%d rows in %s, %v, want %d", n, name, err, want)
			}
		}
		if keys, err := s.Keys(t.Context()); err != nil || len(keys) != 1 || keys[0].MasterID != "mk" {
			t.Errorf("keys %+v, %v", keys, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	// Bringing the WAL's content into the file makes another state of it, and so does whatever is changed.
	closeStore(t, open(t, dir, Options{}))
	for range 2 {
		s := openSource(t, dir)
		states[s.State()] = true
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		changed := open(t, dir, Options{})
		if err := changed.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		closeStore(t, changed)
	}
	if len(states) != 3 || states[""] {
		t.Errorf("%d states were told from each other, want 3", len(states))
	}
}

// copyFiles copies an open database as a power cut would leave it.
func copyFiles(t *testing.T, s *Store, to string) {
	t.Helper()
	err := s.readers.read(t.Context(), func(q querier) error {
		var number int
		var name, path string
		if err := q.(*conn).sql.QueryRowContext(t.Context(), "PRAGMA database_list").Scan(&number, &name, &path); err != nil {
			return err
		}
		for _, file := range []string{path, path + "-wal"} {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if len(content) == 0 {
				return fmt.Errorf("%s is empty", filepath.Base(file))
			}
			if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), content, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func tableNamed(name string) transfer.Table {
	for _, table := range transfer.Tables() {
		if table.Name == name {
			return table
		}
	}
	panic("there is no table " + name)
}

func TestASourceOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	older, newer := t.TempDir(), t.TempDir()
	migrateTo(t, older, 3)
	migrateTo(t, newer, 4, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, 1)")
	for dir, want := range map[string]string{older: "is of version 3 and this program's is", newer: "999999"} {
		s, err := OpenSource(t.Context(), dir)
		if err == nil {
			_ = s.Close()
		}
		if muster.KindOf(err) != muster.KindConflict || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a conflict that says %q", err, want)
		}
	}
	if _, err := OpenSource(t.Context(), t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	junk := t.TempDir()
	if err := os.WriteFile(filepath.Join(junk, FileName), []byte("no database, though it has a database's name"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSource(t.Context(), junk); err == nil {
		t.Error("what is no database was opened")
	}
}

// TestAPageIsBounded by what stands in its rows, too.
func TestAPageIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := newFixture(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const size = transfer.PageBytes/2 + 1
	for range 5 {
		f.mustAccept(t, 1, size)
	}
	closeStore(t, f.Store)
	s := openSource(t, dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	table := tableNamed("chunks")
	var after transfer.Row
	counted := int64(0)
	for _, want := range []int{2, 2, 1, 0} {
		page, err := s.Page(t.Context(), &table, after, 10)
		if err != nil || len(page) != want {
			t.Fatalf("a page of %d rows, %v, want %d", len(page), err, want)
		}
		if want == 0 {
			break
		}
		after = page[want-1]
		counted += int64(want)
		if n, err := s.Count(t.Context(), &table, after); err != nil || n != counted {
			t.Errorf("%d rows are read, %v, want %d", n, err, counted)
		}
	}
}

func TestValuesThatNobodyStored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  transfer.Kind
		value any
	}{
		{transfer.Number, "1"}, {transfer.Flag, int64(2)}, {transfer.Flag, int64(-1)}, {transfer.Text, int64(1)}, {transfer.Bytes, "text"},
		{transfer.Time, 1.5}, {transfer.IDs, "[1,2"}, {transfer.IDs, []byte("[1]")}, {transfer.JSON, []byte("{}")},
	} {
		if got, err := moved(c.kind, c.value); err == nil {
			t.Errorf("kind %d made %#v of %#v", c.kind, got, c.value)
		}
	}
}
