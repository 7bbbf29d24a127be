package postgres

import (
	"context"

	"muster"
	"muster/directory"
)

var searches = map[directory.SearchKey]statement{
	directory.SearchAccount: searchAccounts, directory.SearchPhone: searchPhones, directory.SearchEmail: searchEmails,
	directory.SearchName: searchNames,
}

// SearchUsers is [directory.Store.SearchUsers].
func (s *Store) SearchUsers(ctx context.Context, tenant muster.ID, query directory.UserSearch) (*directory.UserMatches, error) {
	var page directory.UserMatches
	behind, below := query.Bounds()
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			var key string
			var u muster.User
			if err := scanUser(behindKey{row, &key}, &u); err != nil {
				return err
			}
			page.Add(&query, key, &u)
			return nil
		}, searches[query.By], tenant, below, behind.Key, behind.User, query.Limit)
		return nil
	})
	if err != nil {
		return nil, explain("search users", err)
	}
	return &page, nil
}

// behindKey is a row that has a key before its other columns.
type behindKey struct {
	row scanner
	key *string
}

func (b behindKey) Scan(dest ...any) error { return b.row.Scan(append([]any{b.key}, dest...)...) }
