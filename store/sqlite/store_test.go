package sqlite

import (
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
		func(t *testing.T) storetest.Store { return stores(t, blankFolder(t)) },
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
