package sqlite

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
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, searches[query.By], int64(tenant), below, behind.Key, int64(behind.User), query.Limit)
		return collect(rows, err, func(row scanner) error {
			var key string
			var u muster.User
			if err := scanUser(behindKey{row, &key}, &u); err != nil {
				return err
			}
			page.Add(&query, key, &u)
			return nil
		})
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
