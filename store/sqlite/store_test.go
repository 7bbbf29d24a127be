package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"muster/store/storetest"
)

// open opens a store in a folder of its own, which the test's end closes.
func open(t *testing.T, dir string, options Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// suiteStore remembers its folder, so that it can be opened again.
type suiteStore struct {
	*Store
	dir string
}

func TestStore(t *testing.T) {
	t.Parallel()
	// A schema is made once, and copied for each test, which takes a tenth of the time.
	empty := t.TempDir()
	closeStore(t, open(t, empty, Options{}))
	schema, err := os.ReadFile(filepath.Join(empty, FileName))
	if err != nil {
		t.Fatal(err)
	}
	stores := func(t *testing.T, dir string) storetest.Store {
		s := &suiteStore{open(t, dir, Options{}), dir}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	storetest.Run(t,
		func(t *testing.T) storetest.Store {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), schema, 0o600); err != nil {
				t.Fatal(err)
			}
			return stores(t, dir)
		},
		func(t *testing.T, s storetest.Store) storetest.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return stores(t, s.(*suiteStore).dir)
		})
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
