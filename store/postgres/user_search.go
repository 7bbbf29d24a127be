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

// writeNames queues what brings the index of names to the plan's final state; see [directory.NameChanges].
func writeNames(t *tx, tenant muster.ID, plan *muster.Planned, before []muster.User) {
	gone, come := directory.NameChanges(plan, before)
	for _, change := range [...]struct {
		by    statement
		names []directory.UserName
	}{{deleteUserNames, gone}, {insertUserNames, come}} {
		if len(change.names) == 0 {
			continue
		}
		texts, users := make([]string, len(change.names)), make([]int64, len(change.names))
		for i, n := range change.names {
			texts[i], users[i] = n.Name, int64(n.User)
		}
		t.exec(change.by, tenant, texts, users)
	}
}
