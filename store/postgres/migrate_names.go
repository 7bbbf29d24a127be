package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"

	"muster"
)

// searchable is step 8 of the schema: users are found by the beginning of a name, and what became of a user by his id. It is no
// file of SQL since the names of users who are there are folded as new ones are, whatever the database's locale.
func searchable() *goose.Migration {
	step := goose.NewGoMigration(8, &goose.GoFunc{RunTx: makeSearchable}, nil)
	step.Source = "00008_names_and_history.go"
	return step
}

var searchableTables = [...]string{
	// What users are searched by the beginning of: muster.NameKeys, '' where there is none.
	`ALTER TABLE users
		ADD COLUMN display_name_key text COLLATE "C" NOT NULL DEFAULT '',
		ADD COLUMN full_name_key    text COLLATE "C" NOT NULL DEFAULT '',
		ADD COLUMN surname_key      text COLLATE "C" NOT NULL DEFAULT ''`,
	// Where names were before any version was released.
	`DROP TABLE IF EXISTS user_names`,
	`CREATE INDEX outcomes_user ON outcomes (tenant, user_id, batch, row) WHERE user_id <> 0`,
	// Programs that know no more than the version before would leave names out.
	`UPDATE installation SET serves_from = 8`,
}

// searchableIndexes are made when the names are there.
var searchableIndexes = [...]string{
	`CREATE INDEX users_display_name ON users (tenant, display_name_key, id) WHERE display_name_key <> ''`,
	`CREATE INDEX users_full_name ON users (tenant, full_name_key, id) WHERE full_name_key <> ''`,
	`CREATE INDEX users_surname ON users (tenant, surname_key, id) WHERE surname_key <> ''`,
}

const updateNames = `UPDATE users AS u SET display_name_key = n.display, full_name_key = n.full_name, surname_key = n.surname
	FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[]) AS n(tenant, id, display, full_name, surname)
	WHERE u.tenant = n.tenant AND u.id = n.id`

func makeSearchable(ctx context.Context, tx *sql.Tx) error {
	if err := execAll(ctx, tx, searchableTables[:]); err != nil {
		return err
	}
	for last := (migrated{}); ; {
		n, err := last.advance(ctx, tx)
		if err != nil {
			return err
		}
		if len(n.users) == 0 {
			return execAll(ctx, tx, searchableIndexes[:])
		}
		if _, err := tx.ExecContext(ctx, updateNames, n.tenants, n.users, n.display, n.full, n.surname); err != nil {
			return fmt.Errorf("index the names of users: %w", err)
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

// migrated is a user of a tenant.
type migrated struct{ tenant, user int64 }

// migratedNames are columns of users.
type migratedNames struct {
	tenants, users         []int64
	display, full, surname []string
}

// advance goes on by some users, in the order of keys, and gives their names; none if there are no others.
func (p *migrated) advance(ctx context.Context, tx *sql.Tx) (n migratedNames, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, id, first_name, surname, display_name FROM users
		WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT 1000`, p.tenant, p.user)
	if err != nil {
		return n, err
	}
	defer func() { _ = rows.Close() }() // Err says what went wrong
	for rows.Next() {
		var u muster.User
		if err := rows.Scan(&p.tenant, &p.user, &u.FirstName, &u.Surname, &u.DisplayName); err != nil {
			return n, err
		}
		u.FirstName, u.Surname, u.DisplayName = stored(u.FirstName), stored(u.Surname), stored(u.DisplayName)
		k := u.NameKeys()
		n.tenants, n.users = append(n.tenants, p.tenant), append(n.users, p.user)
		n.display, n.full, n.surname = append(n.display, storable(k.Display)), append(n.full, storable(k.Full)), append(n.surname, storable(k.Surname))
	}
	return n, rows.Err()
}
