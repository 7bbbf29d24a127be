package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"

	"muster"
)

// searchable is step 9 of the schema: users are found by the beginning of a name, and what became of a user by his id. It is no
// file of SQL since the names of users who are there are folded as new ones are, which SQLite does not know how to.
func searchable() *goose.Migration {
	step := goose.NewGoMigration(9, &goose.GoFunc{RunTx: makeSearchable}, nil)
	step.Source = "00009_names_and_history.go"
	return step
}

var searchableTables = [...]string{
	// What users are searched by the beginning of: muster.NameKeys, NULL where there is none.
	`ALTER TABLE users ADD COLUMN display_name_key TEXT`,
	`ALTER TABLE users ADD COLUMN full_name_key TEXT`,
	`ALTER TABLE users ADD COLUMN surname_key TEXT`,
	// Where names were before any version was released.
	`DROP TABLE IF EXISTS user_names`,
	`CREATE INDEX outcomes_user ON outcomes (tenant, user, batch, row) WHERE user <> 0`,
}

// searchableIndexes are made when the names are there.
var searchableIndexes = [...]string{
	`CREATE INDEX users_display_name ON users (tenant, display_name_key) WHERE display_name_key IS NOT NULL`,
	`CREATE INDEX users_full_name ON users (tenant, full_name_key) WHERE full_name_key IS NOT NULL`,
	`CREATE INDEX users_surname ON users (tenant, surname_key) WHERE surname_key IS NOT NULL`,
}

func makeSearchable(ctx context.Context, tx *sql.Tx) error {
	if err := execAll(ctx, tx, searchableTables[:]); err != nil {
		return err
	}
	var tenant, last int64
	for {
		users, err := namesBehind(ctx, tx, tenant, last)
		if err != nil {
			return err
		}
		if len(users) == 0 {
			return execAll(ctx, tx, searchableIndexes[:])
		}
		for i := range users {
			u := &users[i]
			tenant, last = u.tenant, int64(u.ID)
			k := u.NameKeys()
			if _, err := tx.ExecContext(ctx, statementText[updateUserNames], orNull(k.Display), orNull(k.Full), orNull(k.Surname), tenant, last); err != nil {
				return fmt.Errorf("index the names of a user: %w", err)
			}
		}
	}
}

func execAll(ctx context.Context, tx *sql.Tx, texts []string) error {
	for _, text := range texts {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
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
