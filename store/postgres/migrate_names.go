package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"

	"muster"
	"muster/directory"
)

// searchable is step 5 of the schema: credentials have scopes, and users are found by the beginning of a name. It is no file of SQL
// since the names of users who are there are folded as new ones are, whatever the database's locale.
func searchable() *goose.Migration {
	step := goose.NewGoMigration(5, &goose.GoFunc{RunTx: makeSearchable}, nil)
	step.Source = "00005_directory_search.go"
	return step
}

var searchableTables = [...]string{
	// What a credential's requests may do (muster.Scopes): those there are go on doing everything.
	`ALTER TABLE credentials ADD COLUMN scopes smallint NOT NULL DEFAULT 7`,
	// What users are searched by the beginning of: the folded names of each, which searches in order alone read.
	`CREATE TABLE user_names (
		tenant  bigint           NOT NULL,
		name    text COLLATE "C" NOT NULL,
		user_id bigint           NOT NULL,
		PRIMARY KEY (tenant, name, user_id)
	)`,
	// A search by e-mail goes on behind one of several users who have the same.
	`DROP INDEX users_email`,
	`CREATE INDEX users_email ON users (tenant, email_key, id) WHERE email_key <> ''`,
	// Programs that know no more than the version before would leave names out.
	`UPDATE installation SET serves_from = 5`,
}

func makeSearchable(ctx context.Context, tx *sql.Tx) error {
	for _, text := range searchableTables {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	for last := (migrated{}); ; {
		names, err := last.advance(ctx, tx)
		if err != nil || names == nil {
			return err
		}
		for tenant, of := range names {
			texts, users := make([]string, len(of)), make([]int64, len(of))
			for i, n := range of {
				texts[i], users[i] = storable(n.Name), int64(n.User)
			}
			if _, err := tx.ExecContext(ctx, statementText[insertUserNames], tenant, texts, users); err != nil {
				return fmt.Errorf("index the names of users: %w", err)
			}
		}
	}
}

// migrated is a user of a tenant.
type migrated struct{ tenant, user int64 }

// advance goes on by some users, in the order of keys, and gives their names by tenant; nil if there are no others.
func (p *migrated) advance(ctx context.Context, tx *sql.Tx) (names map[int64][]directory.UserName, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, id, first_name, surname, display_name FROM users
		WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT 1000`, p.tenant, p.user)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err says what went wrong
	for rows.Next() {
		var u muster.User
		if err := rows.Scan(&p.tenant, &p.user, &u.FirstName, &u.Surname, &u.DisplayName); err != nil {
			return nil, err
		}
		if names == nil {
			names = map[int64][]directory.UserName{}
		}
		u.FirstName, u.Surname, u.DisplayName = stored(u.FirstName), stored(u.Surname), stored(u.DisplayName)
		for _, name := range u.SearchNames() {
			names[p.tenant] = append(names[p.tenant], directory.UserName{Name: name, User: muster.ID(p.user)})
		}
	}
	return names, rows.Err()
}
