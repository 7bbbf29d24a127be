package postgres

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"muster/store/storetest"
)

// template is a database with the schema, of which every test gets a copy.
const template = "muster_template"

var makeTemplate = sync.OnceValue(func() error {
	ctx := context.Background()
	if err := server.Exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	return Migrate(ctx, server.URL(template), Options{})
})

// database gives the connection string of a database of the test's own, with the schema.
func database(t testing.TB) string {
	t.Helper()
	if err := makeTemplate(); err != nil {
		t.Fatal(err)
	}
	return server.Database(t, template)
}

// open opens a store, which the test's end closes.
func open(t testing.TB, url string, options Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// suiteStore remembers its database, so that it can be opened again.
type suiteStore struct {
	*Store
	url string
}

func TestStore(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]Options{"direct": {}, "pooled": {Pooled: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t,
				func(t *testing.T) storetest.Store {
					url := database(t)
					return &suiteStore{open(t, url, options), url}
				},
				func(t *testing.T, s storetest.Store) storetest.Store {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					url := s.(*suiteStore).url
					return &suiteStore{open(t, url, options), url}
				})
		})
	}
}

// collectTexts reads the rows' only column.
func collectTexts(rows pgx.Rows) ([]string, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var value *string
		err := row.Scan(&value)
		if value == nil {
			return "", err
		}
		return *value, err
	})
}
