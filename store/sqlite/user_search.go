package sqlite

import (
	"context"
	"encoding/json"

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

// writeNames brings the index of names to the plan's final state; see [directory.NameChanges].
func writeNames(c *conn, tenant muster.ID, plan *muster.Planned, before []muster.User) error {
	gone, come := directory.NameChanges(plan, before)
	if len(gone) > 0 {
		pairs := make([][2]any, len(gone))
		for i, n := range gone {
			pairs[i] = [2]any{n.Name, int64(n.User)}
		}
		list, err := json.Marshal(pairs)
		if err != nil {
			return err
		}
		if _, err := c.exec(deleteUserNames, int64(tenant), string(list)); err != nil {
			return err
		}
	}
	return insertAll(c, insertUserName, insertUserNames, userNameColumnCount, len(come), func(args []any, i int) {
		args[0], args[1], args[2] = int64(tenant), come[i].Name, int64(come[i].User)
	})
}
