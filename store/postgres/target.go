package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"muster/store/transfer"
)

// ErrUnfinishedCopy says that a database holds a part of an installation.
var ErrUnfinishedCopy = errors.New("an installation is still to be copied into this database: " +
	"let muster copy come to its end, or begin it again where it was cut off")

// These statements stand outside of tenants, as those do that are made of tables that move as a whole.
const (
	selectCopy = `SELECT copy_source, copy_state FROM installation WHERE id = 1`
	lockCopy   = selectCopy + ` FOR UPDATE`
	beginCopy  = `UPDATE installation SET copy_source = $1, copy_state = $2 WHERE id = 1`
	finishCopy = `UPDATE installation SET copy_state = '' WHERE id = 1`
	// Whatever else there may be belongs to a tenant.
	selectAnything = `SELECT EXISTS (SELECT 1 FROM tenants) OR EXISTS (SELECT 1 FROM key_records)`
)

// refuseUnfinishedCopy keeps who would work with a database from one that another installation is being copied into.
func (s *Store) refuseUnfinishedCopy(ctx context.Context) error {
	var of copyOf
	err := s.read(ctx, func(t *tx) error {
		of.queue(t, selectCopy)
		return nil
	})
	if err == nil && of.state != "" {
		err = ErrUnfinishedCopy
	}
	return err
}

// copyOf says of what a database is a copy.
type copyOf struct {
	source string // '' if it is none
	state  string // '' once it is complete
}

func (c *copyOf) queue(t *tx, text string) {
	t.queue.Queue(text).QueryRow(func(row pgx.Row) error { return row.Scan(&c.source, &c.state) })
}

// Target is a database that an installation is to be copied into: it is a [transfer.Target].
type Target struct {
	store *Store
	of    copyOf
}

// OpenTarget is [Open] for a database that nobody is to use before it has been copied into.
func OpenTarget(ctx context.Context, url string, options Options) (*Target, error) {
	s, err := connect(ctx, url, &options)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := migrate(ctx, s.pool.Config()); err != nil {
		s.pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return &Target{store: s}, nil
}

// Close closes all connections.
func (t *Target) Close() error { return t.store.Close() }

// Begin is [transfer.Target.Begin].
func (t *Target) Begin(ctx context.Context, source, state string) (begun bool, err error) {
	next := copyOf{source, state}
	err = t.store.writeOutside(ctx, func(tx *tx) error {
		var there copyOf
		var anything bool
		there.queue(tx, lockCopy)
		tx.queue.Queue(selectAnything).QueryRow(func(row pgx.Row) error { return row.Scan(&anything) })
		if err := tx.flush(); err != nil {
			return err
		}
		switch {
		case there == next:
			begun = true
			return nil
		case there.state != "" && there.source != source:
			return conflict("", "The database holds an unfinished copy of another installation: choose an empty one.")
		case there.state != "":
			tx.queue.Queue(truncation())
		case there.source == source && anything:
			return conflict("", "The database holds a complete copy of this installation already.")
		case anything:
			return conflict("", "The database holds an installation already: choose an empty one.")
		}
		tx.queue.Queue(beginCopy, next.source, next.state)
		return nil
	})
	t.of = next
	return begun, explain("begin a copy", err)
}

// truncation empties all tables that are copied.
func truncation() string {
	tables := transfer.Tables()
	names := make([]string, len(tables))
	for i := range tables {
		names[i] = tables[i].Name
	}
	return "TRUNCATE " + strings.Join(names, ", ")
}

var errNoCopy = errors.New("the database is no longer the unfinished copy that it was: another process has changed it")

// still makes sure that the database is what Begin made it, and keeps others from changing that, or from going on with the copy,
// until the transaction ends.
func (t *Target) still(tx *tx) error {
	var there copyOf
	there.queue(tx, lockCopy)
	err := tx.flush()
	if err == nil && there != t.of {
		err = errNoCopy
	}
	return err
}

// Write is [transfer.Target.Write].
func (t *Target) Write(ctx context.Context, table *transfer.Table, rows []transfer.Row) error {
	names := make([]string, len(table.Columns))
	for i := range names {
		names[i] = table.Columns[i].Name
	}
	values := make([]any, len(names))
	err := t.store.writeOutside(ctx, func(tx *tx) error {
		if err := t.still(tx); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		_, err := tx.conn.CopyFrom(ctx, pgx.Identifier{table.Name}, names, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			for k := range values {
				values[k] = kept(&table.Columns[k], rows[i][k])
			}
			return values, nil
		}))
		return err
	})
	return explain("write "+table.Name, err)
}

// Finish is [transfer.Target.Finish].
func (t *Target) Finish(ctx context.Context) error {
	err := t.store.writeOutside(ctx, func(tx *tx) error {
		if err := t.still(tx); err != nil {
			return err
		}
		tx.queue.Queue(finishCopy)
		return nil
	})
	return explain("finish a copy", err)
}

// Last is [transfer.Target.Last].
func (t *Target) Last(ctx context.Context, table *transfer.Table) (transfer.Row, error) {
	rows, err := t.rows(ctx, table.Columns[:table.Key], lastText(table))
	if len(rows) == 0 || err != nil {
		return nil, explain("read the end of "+table.Name, err)
	}
	return rows[0], nil
}

// Page is [transfer.Reader.Page].
func (t *Target) Page(ctx context.Context, table *transfer.Table, after transfer.Row, limit int) ([]transfer.Row, error) {
	args := []any{limit}
	if after != nil {
		args = append(args, encode(append([]any(nil), after[:table.Key]...))...)
	}
	rows, err := t.rows(ctx, table.Columns, pageText(table, after != nil), args...)
	return rows, explain("read "+table.Name, err)
}

func (t *Target) rows(ctx context.Context, columns []transfer.Column, text string, args ...any) ([]transfer.Row, error) {
	var all []transfer.Row
	err := t.store.read(ctx, func(tx *tx) error {
		tx.queue.Queue(text, args...).Query(func(rows pgx.Rows) error {
			to := make([]any, len(columns))
			for i := range to {
				to[i] = destination(columns[i].Kind)
			}
			for rows.Next() {
				if err := rows.Scan(to...); err != nil {
					return err
				}
				row := make(transfer.Row, len(to))
				for i := range row {
					row[i] = moved(to[i])
				}
				all = append(all, row)
			}
			return rows.Err()
		})
		return nil
	})
	return all, err
}
