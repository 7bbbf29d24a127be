package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// querier runs the package's statements: in a writer's transaction, or in a reader's.
type querier interface {
	query(ctx context.Context, s statement, args ...any) (*sql.Rows, error)
	row(ctx context.Context, s statement, args ...any) scanner
}

// scanner is a row, or many of them.
type scanner interface{ Scan(dest ...any) error }

// conn is one connection with the statements prepared on it. One goroutine at a time may use it.
type conn struct {
	sql      *sql.Conn
	prepared [statementCount]*sql.Stmt
}

func openConn(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{sql: c}, nil
}

func (c *conn) prepare(ctx context.Context, s statement) (*sql.Stmt, error) {
	if c.prepared[s] == nil {
		prepared, err := c.sql.PrepareContext(ctx, statementText[s]) //nolint:sqlclosecheck // it is kept; Close closes it
		if err != nil {
			return nil, err
		}
		c.prepared[s] = prepared
	}
	return c.prepared[s], nil
}

// exec runs a statement to its end and gives the number of rows changed.
func (c *conn) exec(s statement, args ...any) (int64, error) {
	ctx := context.Background()
	prepared, err := c.prepare(ctx, s) //nolint:sqlclosecheck // it is kept; Close closes it
	if err != nil {
		return 0, err
	}
	result, err := prepared.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query is not cut off when ctx ends: statements are short, and a connection whose statement was interrupted would have
// to be closed, which SQLite puts off for as long as any connection of the process holds a lock on the file (POSIX
// advisory locks, sqlite.org/src/file/src/os_unix.c), so that each would leave a file descriptor behind.
func (c *conn) query(ctx context.Context, s statement, args ...any) (*sql.Rows, error) {
	ctx = context.WithoutCancel(ctx)
	prepared, err := c.prepare(ctx, s) //nolint:sqlclosecheck // it is kept; Close closes it
	if err != nil {
		return nil, err
	}
	return prepared.QueryContext(ctx, args...)
}

func (c *conn) row(ctx context.Context, s statement, args ...any) scanner {
	ctx = context.WithoutCancel(ctx)
	prepared, err := c.prepare(ctx, s) //nolint:sqlclosecheck // it is kept; Close closes it
	if err != nil {
		return failed{err}
	}
	return prepared.QueryRowContext(ctx, args...)
}

// failed is a row that could not be had.
type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// control runs transaction control or a PRAGMA.
func (c *conn) control(ctx context.Context, text string) error {
	_, err := c.sql.ExecContext(ctx, text)
	return err
}

// begin opens a transaction, even where an earlier one could not be closed.
func (c *conn) begin(ctx context.Context, text string) error {
	err := c.control(ctx, text)
	if err != nil && c.control(ctx, "ROLLBACK") == nil {
		err = c.control(ctx, text)
	}
	return err
}

// Close gives the connection up.
func (c *conn) Close() error {
	var errs []error
	for _, s := range c.prepared {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(append(errs, c.sql.Close())...)
}

// collect scans every row.
func collect(rows *sql.Rows, err error, scan func(scanner) error) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err says what went wrong
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// readers are the connections that read, opened when they are first needed.
type readers struct {
	db     *sql.DB
	free   chan *conn // holds maxReaders when none is in use; nil stands for one that is not open
	closed chan struct{}
}

func newReaders(db *sql.DB) *readers {
	r := &readers{db: db, free: make(chan *conn, maxReaders), closed: make(chan struct{})}
	for range maxReaders {
		r.free <- nil
	}
	return r
}

// read calls f within one transaction: whatever f reads is of one moment.
func (r *readers) read(ctx context.Context, f func(querier) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-r.free:
	case <-ctx.Done():
		return ctx.Err()
	case <-r.closed:
		return errClosed
	}
	defer func() { r.free <- c }()
	if c == nil {
		if c, err = openConn(ctx, r.db); err != nil {
			return err
		}
	}
	return readWithin(ctx, c, f)
}

func readWithin(ctx context.Context, c *conn, f func(querier) error) error {
	ctx = context.WithoutCancel(ctx)
	if err := c.begin(ctx, "BEGIN"); err != nil {
		return err
	}
	err := f(c)
	return errors.Join(err, c.control(ctx, "ROLLBACK")) // nothing was written
}

// pause waits for the reads under way, keeps new ones waiting, and calls f.
func (r *readers) pause(f func()) {
	var all [maxReaders]*conn
	for i := range all {
		all[i] = <-r.free
	}
	f()
	for _, c := range all {
		r.free <- c
	}
}

// Close waits for the reads under way.
func (r *readers) Close() error {
	close(r.closed)
	var errs []error
	for range maxReaders {
		if c := <-r.free; c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(append(errs, r.db.Close())...)
}
