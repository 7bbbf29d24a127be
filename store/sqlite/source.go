package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"muster"
	"muster/secret"
	"muster/store/transfer"
)

// Source is the installation in a data folder, opened to be read as a whole: it is a [transfer.Source]. One goroutine at a
// time uses it.
type Source struct {
	db       *sql.DB
	conn     *conn
	prepared map[string]*sql.Stmt // by text
	state    string
}

// OpenSource opens the database in the data folder, of which it changes nothing. KindConflict if its schema is not the one that
// this program knows. The caller holds the folder's [Lock].
func OpenSource(ctx context.Context, dir string) (_ *Source, err error) {
	path := filepath.Join(dir, FileName)
	s := &Source{prepared: make(map[string]*sql.Stmt)}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: open %s: %w", path, errors.Join(err, s.Close()))
		}
	}()
	if s.state, err = stateOf(path); err != nil {
		return nil, err
	}
	if s.db, err = openDB(path, readerPragmas(Options{BusyTimeout: defaultBusyTimeout}), 1); err != nil {
		return nil, err
	}
	if err := wantCurrent(ctx, s.db); err != nil {
		return nil, err
	}
	if s.conn, err = openConn(ctx, s.db); err != nil {
		return nil, err
	}
	return s, s.conn.begin(ctx, "BEGIN")
}

// Close gives the database up.
func (s *Source) Close() error {
	var errs []error
	for _, prepared := range s.prepared {
		errs = append(errs, prepared.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.control(context.Background(), "ROLLBACK"), s.conn.Close()) // nothing was written
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// stateOf tells states of the database by what every server that runs on it changes: length and time of modification of its
// file, and of the WAL if anything is in that.
func stateOf(path string) (string, error) {
	var parts []string
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil && (name == path || !errors.Is(err, os.ErrNotExist)) {
			return "", err
		}
		if err == nil && (name == path || info.Size() > 0) {
			parts = append(parts, fmt.Sprintf("%d bytes of %d", info.Size(), info.ModTime().UnixNano()))
		}
	}
	return strings.Join(parts, ", "), nil
}

// wantCurrent refuses a schema that is not this program's.
func wantCurrent(ctx context.Context, db *sql.DB) error {
	_, stored, known, err := versions(ctx, db)
	switch {
	case err != nil || stored == known:
		return err
	case stored > known:
		return &muster.Error{Kind: muster.KindConflict, Detail: fmt.Sprintf(newerSchema, stored, known)}
	default:
		return &muster.Error{Kind: muster.KindConflict, Detail: fmt.Sprintf(
			"the database's schema is of version %d and this program's is %d: start a server of this version on the folder once, which brings it up to date",
			stored, known)}
	}
}

// State is [transfer.Source.State].
func (s *Source) State() string { return s.state }

// Keys are those that everything is sealed under.
func (s *Source) Keys(ctx context.Context) ([]secret.KeyRecord, error) {
	records, err := keyRecords(ctx, s.conn)
	return records, explain("read keys", err)
}

// Count is [transfer.Source.Count].
func (s *Source) Count(ctx context.Context, t *transfer.Table, upTo transfer.Row) (n int64, err error) {
	text := "SELECT count(*) FROM " + storedAs(t.Name)
	var args []any
	if upTo != nil {
		text += " WHERE " + compared(t, "<=")
		args = upTo[:t.Key]
	}
	count, err := s.prepare(ctx, text)
	if err == nil {
		err = count.QueryRowContext(context.WithoutCancel(ctx), args...).Scan(&n)
	}
	return n, explain("count "+t.Name, err)
}

// Page is [transfer.Reader.Page].
func (s *Source) Page(ctx context.Context, t *transfer.Table, after transfer.Row, limit int) ([]transfer.Row, error) {
	page, err := s.page(ctx, t, after, limit)
	return page, explain("read "+t.Name, err)
}

func (s *Source) page(ctx context.Context, t *transfer.Table, after transfer.Row, limit int) ([]transfer.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	query, err := s.prepare(ctx, pageText(t, after != nil))
	if err != nil {
		return nil, err
	}
	var args []any
	if after != nil {
		args = append(args, after[:t.Key]...)
	}
	rows, err := query.QueryContext(context.WithoutCancel(ctx), append(args, limit)...) // why not with ctx: see conn.query
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err says what went wrong
	var page []transfer.Row
	to := make([]any, len(t.Columns))
	for size := 0; size < transfer.PageBytes && rows.Next(); {
		row := make(transfer.Row, len(t.Columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		for i := range row {
			size += sizeOf(row[i])
			if row[i], err = moved(t.Columns[i].Kind, row[i]); err != nil {
				return nil, fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
			}
		}
		page = append(page, row)
	}
	return page, rows.Err()
}

func (s *Source) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if s.prepared[text] == nil {
		prepared, err := s.conn.sql.PrepareContext(ctx, text) //nolint:sqlclosecheck // it is kept; Close closes it
		if err != nil {
			return nil, err
		}
		s.prepared[text] = prepared
	}
	return s.prepared[text], nil
}

// storedAs is the table in which rows are found. What other databases need to find credentials and tokens is here a part of these.
func storedAs(table string) string {
	switch table {
	case "credential_index":
		return "credentials"
	case "token_index":
		return "tokens"
	default:
		return table
	}
}

// valueOf is what a column's values are found as. Nodes that share a database have the largest id used from their tenants. What
// is sealed of a chunk stands apart from it.
func valueOf(column string) string {
	switch column {
	case "user_id":
		return "user"
	case "last_id":
		return "(SELECT coalesce(max(last_id), 0) FROM nodes)"
	case "payload":
		return `(SELECT payload FROM payloads AS p WHERE p.tenant = chunks.tenant AND p.batch = chunks.batch AND p.first_row = chunks.first_row)`
	default:
		return `"` + column + `"`
	}
}

// pageText reads rows in the order of their keys, from the first or from behind one on. Its parameters are a key, if it is
// behind one, and how many rows.
func pageText(t *transfer.Table, behind bool) string {
	columns := make([]string, len(t.Columns))
	for i := range t.Columns {
		columns[i] = valueOf(t.Columns[i].Name)
	}
	text := "SELECT " + strings.Join(columns, ", ") + " FROM " + storedAs(t.Name)
	if behind {
		text += " WHERE " + compared(t, ">")
	}
	return text + " ORDER BY " + strings.Join(columns[:t.Key], ", ") + " LIMIT ?"
}

// compared compares keys with one that is given by parameters.
func compared(t *transfer.Table, operator string) string {
	names := make([]string, t.Key)
	for i := range names {
		names[i] = valueOf(t.Columns[i].Name)
	}
	return "(" + strings.Join(names, ", ") + ") " + operator + " (?" + strings.Repeat(", ?", t.Key-1) + ")"
}

func sizeOf(value any) int {
	switch v := value.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	default:
		return 0
	}
}

// moved makes of a value as it is stored what every store makes of its own.
func moved(kind transfer.Kind, value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return kind.Nothing(), nil
	case int64:
		switch {
		case kind == transfer.Number:
			return v, nil
		case kind == transfer.Flag && v>>1 == 0:
			return v == 1, nil
		case kind == transfer.Time:
			return timeOf(v), nil
		}
	case string:
		switch kind {
		case transfer.Text, transfer.JSON:
			return v, nil
		case transfer.IDs:
			var list []int64
			err := json.Unmarshal([]byte(v), &list)
			return list, err
		}
	case []byte:
		if kind == transfer.Bytes {
			return v, nil
		}
	}
	return nil, fmt.Errorf("a value is stored as another %T than there should be", value)
}
