package transfer_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/store/sqlite"
	"muster/store/transfer"
)

// fill makes a folder with a database in which every table has rows, as many as a map says, of every kind of value: nothing,
// and texts that are none among them.
func fill(t testing.TB, rows map[string]int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	change(t, dir, func(tx *sql.Tx) error {
		for _, table := range transfer.Tables() {
			switch table.Name {
			case "credential_index", "token_index": // SQLite finds these among the rows of others
				continue
			case "tenant_usage":
				table.Columns = table.Columns[:len(table.Columns)-1] // the last id is the nodes'
			case "chunks":
				payload := len(table.Columns) - 1
				sealed := transfer.Table{Name: "payloads", Key: table.Key, Columns: slices.Concat(table.Columns[:table.Key], table.Columns[payload:])}
				table.Columns = table.Columns[:payload] // SQLite has the last one in a table of its own
				if err := fillTable(t.Context(), tx, &sealed, rows[table.Name]); err != nil {
					return fmt.Errorf("payloads: %w", err)
				}
			}
			if err := fillTable(t.Context(), tx, &table, rows[table.Name]); err != nil {
				return fmt.Errorf("%s: %w", table.Name, err)
			}
		}
		_, err := tx.ExecContext(t.Context(), "INSERT INTO nodes VALUES (3, 400), (4, 700)")
		return err
	})
	return dir
}

// change changes a folder's database behind the store's back.
func change(t testing.TB, dir string, f func(*sql.Tx) error) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f(tx); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func fillTable(ctx context.Context, tx *sql.Tx, table *transfer.Table, n int) error {
	names := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		names[i] = `"` + strings.TrimSuffix(c.Name, "_id") + `"`
		if c.Name != "user_id" {
			names[i] = `"` + c.Name + `"`
		}
	}
	required, err := requiredColumns(ctx, tx, table.Name)
	if err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+table.Name+" ("+strings.Join(names, ", ")+") VALUES (?"+strings.Repeat(", ?", len(names)-1)+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	args := make([]any, len(names))
	for row := range max(n, 3) {
		for i, c := range table.Columns {
			switch {
			case i < table.Key:
				args[i] = keyPart(c.Kind, row, i < table.Key-1)
			case (row+i)%3 == 0 && !slices.Contains(required, names[i]):
				args[i] = nil
			default:
				args[i] = value(c.Kind, row, i)
			}
		}
		if _, err := insert.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func requiredColumns(ctx context.Context, tx *sql.Tx, table string) ([]string, error) {
	var all string
	err := tx.QueryRowContext(ctx, `SELECT group_concat('"' || name || '"') FROM pragma_table_info(?) WHERE "notnull"`, table).Scan(&all)
	return strings.Split(all, ","), err
}

// keyPart is a part of a row's key, of which the last makes it unique.
func keyPart(kind transfer.Kind, row int, first bool) any {
	n := row
	if first {
		n = row % 5
	}
	switch kind {
	case transfer.Number:
		return n
	case transfer.Text:
		return fmt.Sprintf("k%05d", row)
	default:
		return fmt.Appendf(nil, "key %d", row)
	}
}

// value is one that is unique where it has to be.
func value(kind transfer.Kind, row, column int) any {
	switch kind {
	case transfer.Number:
		return row % 100
	case transfer.Flag:
		return row % 2
	case transfer.Text:
		return fmt.Sprintf([]string{"name %d of %d", "é '%d' \x00 %d", "\xff\xfe %d %d", "\uffff00 %d %d"}[row%4], row, column)
	case transfer.JSON:
		return fmt.Sprintf(`{"b":%d, "a":"\u0000"}`, row)
	case transfer.Bytes:
		return fmt.Appendf(nil, "blob %d of %d", row, column)
	case transfer.Time:
		return 1767323045678 + row
	default:
		return fmt.Sprintf("[%d,%d]", row+1, 1<<62)
	}
}
