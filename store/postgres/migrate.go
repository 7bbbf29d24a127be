package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer says that a newer version of this program has changed the schema so that this one cannot work with it.
var ErrNewer = errors.New("a newer muster wrote the database's schema")

// Migration is a step of the schema.
type Migration struct {
	Version int64
	Name    string // its file
	Applied bool
}

// Migrate brings a database's schema up to date, one transaction to a step. Processes that do it at the same time do it one
// after the other. It refuses a schema that is newer than it knows with [ErrNewer].
func Migrate(ctx context.Context, url string, options Options) error {
	err := withSchema(ctx, url, &options, func(s *schema) error {
		if err := s.refuseNewer(); err != nil {
			return err
		}
		return s.up(ctx)
	})
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

// Migrations lists the steps that this program knows, and the version of the database's schema, which may be newer.
func Migrations(ctx context.Context, url string, options Options) (steps []Migration, stored int64, err error) {
	err = withSchema(ctx, url, &options, func(s *schema) error {
		stored = s.stored
		status, err := s.provider.Status(ctx)
		for _, step := range status {
			steps = append(steps, Migration{Version: step.Source.Version, Name: step.Source.Path, Applied: step.State == goose.StateApplied})
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("postgres: read the schema's version: %w", err)
	}
	return steps, stored, nil
}

func withSchema(ctx context.Context, url string, o *Options, f func(*schema) error) error {
	s, err := connect(ctx, url, o)
	if err != nil {
		return err
	}
	defer s.pool.Close()
	return lockSchema(ctx, s.pool.Config(), f)
}

// migrate makes a database ready for this program.
func migrate(ctx context.Context, config *pgxpool.Config) error {
	return lockSchema(ctx, config, func(s *schema) error {
		if s.stored <= s.known {
			return s.up(ctx)
		}
		// A node of the next version has been here. Its migration says whether this one may go on beside it.
		var from int64
		if err := s.db.QueryRowContext(ctx, statementText[selectServesFrom]).Scan(&from); err != nil {
			return fmt.Errorf("read which versions the schema serves: %w", err)
		}
		if from > s.known {
			return s.refuseNewer()
		}
		return nil
	})
}

// schema is a database's schema, which this process alone may change now.
type schema struct {
	pool     *pgxpool.Pool
	db       *sql.DB // of the same connections
	provider *goose.Provider
	stored   int64 // its version; 0 if it is empty
	known    int64 // the newest version that this program knows
}

// lockSchema calls f while no other process changes the schema. The lock is a transaction's, since behind a pooler two
// statements outside of one need not reach the same session.
func lockSchema(ctx context.Context, config *pgxpool.Config, f func(*schema) error) (err error) {
	for name := range settings() { // which are for statements that are short
		delete(config.ConnConfig.RuntimeParams, name)
	}
	const atOnce = 2 // the lock's, and that of a step
	config.MaxConns = max(config.MaxConns, atOnce)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	lock, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Rollback()) }() // it wrote nothing
	// It waits for as long as another one's steps take, and stays idle during ours, whatever the server's settings.
	for _, text := range []string{
		"SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0",
		"SELECT pg_advisory_xact_lock(" + migrationLock + ")",
	} {
		if _, err := lock.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("wait until nobody else changes the schema: %w", err)
		}
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	s := &schema{pool: pool, db: db}
	s.provider, err = goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(searchable()), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if s.stored, s.known, err = s.provider.GetVersions(ctx); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	return f(s)
}

func (s *schema) up(ctx context.Context) error {
	if err := migrateRiver(ctx, s.pool); err != nil {
		return err
	}
	if _, err := s.provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", s.stored, s.known, err)
	}
	return nil
}

func (s *schema) refuseNewer() error {
	if s.stored <= s.known {
		return nil
	}
	return fmt.Errorf("%w: it is of version %d and this program knows versions up to %d: run the newer one",
		ErrNewer, s.stored, s.known)
}
