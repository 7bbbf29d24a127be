package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const newerSchema = "the database's schema is of version %d and this program knows versions up to %d: run the newer muster that wrote it"

// migrate brings the schema up to date, one transaction to a step.
func migrate(ctx context.Context, db *sql.DB) error {
	provider, stored, known, err := versions(ctx, db)
	if err != nil {
		return err
	}
	if stored > known {
		return fmt.Errorf(newerSchema, stored, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", stored, known, err)
	}
	return nil
}

// versions gives that of the database's schema, and the newest that this program knows.
func versions(ctx context.Context, db *sql.DB) (provider *goose.Provider, stored, known int64, err error) {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, 0, 0, err
	}
	provider, err = goose.NewProvider(goose.DialectSQLite3, db, steps,
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(searchable()), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	if stored, known, err = provider.GetVersions(ctx); err != nil {
		return nil, 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return provider, stored, known, nil
}
