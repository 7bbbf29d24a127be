package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"

	"muster"
)

// searchable is step 6 of the schema: credentials have scopes, and users are found by the beginning of a name. It is no file of SQL
// since the names of users who are there are folded as new ones are, which SQLite does not know how to.
func searchable() *goose.Migration {
	step := goose.NewGoMigration(6, &goose.GoFunc{RunTx: makeSearchable}, nil)
	step.Source = "00006_directory_search.go"
	return step
}

var searchableTables = [...]string{
	// What a credential's requests may do (muster.Scopes): those there are go on doing everything.
	`ALTER TABLE credentials ADD COLUMN scopes INTEGER NOT NULL DEFAULT 7`,
	// What users are searched by the beginning of: the folded names of each, which searches in order alone read.
	`CREATE TABLE user_names (
		tenant INTEGER NOT NULL,
		name   TEXT    NOT NULL,
		user   INTEGER NOT NULL,
		PRIMARY KEY (tenant, name, user)
	) STRICT, WITHOUT ROWID`,
}

func makeSearchable(ctx context.Context, tx *sql.Tx) error {
	for _, text := range searchableTables {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	var tenant, last int64
	for {
		users, err := namesBehind(ctx, tx, tenant, last)
		if err != nil || len(users) == 0 {
			return err
		}
		for _, u := range users {
			tenant, last = u.tenant, int64(u.ID)
			for _, name := range u.SearchNames() {
				if _, err := tx.ExecContext(ctx, `INSERT INTO user_names VALUES (?, ?, ?)`, tenant, name, last); err != nil {
					return fmt.Errorf("index the name of a user: %w", err)
				}
			}
		}
	}
}

// namedUser is a user of whom the names are read alone.
type namedUser struct {
	tenant int64
	muster.User
}

// namesBehind reads some users in the order of keys.
func namesBehind(ctx context.Context, tx *sql.Tx, tenant, id int64) ([]namedUser, error) {
	const names = `SELECT tenant, id, first_name, surname, display_name FROM users WHERE (tenant, id) > (?, ?) ORDER BY tenant, id LIMIT 1000`
	rows, err := tx.QueryContext(ctx, names, tenant, id)
	var users []namedUser
	err = collect(rows, err, func(row scanner) error {
		var u namedUser
		err := row.Scan(&u.tenant, &u.ID, text{&u.FirstName}, text{&u.Surname}, text{&u.DisplayName})
		users = append(users, u)
		return err
	})
	return users, err
}
