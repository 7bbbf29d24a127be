package postgres

import (
	"context"
	"errors"
)

// ErrEmpty says that a database has no schema of Muster's.
var ErrEmpty = errors.New("there is no installation in the database")

func (s *Store) refuseEmpty(ctx context.Context) error {
	var there bool
	err := s.read(ctx, func(t *tx) error {
		t.row([]any{&there}, selectSchema)
		return nil
	})
	if err == nil && !there {
		err = ErrEmpty
	}
	return err
}

// First calls f while no other process that shares the database is in a call of First: processes that start at once make what an
// installation begins with after another, and the second finds it made. f is short, and its error comes back as it is.
func (s *Store) First(ctx context.Context, f func(ctx context.Context) error) error {
	var failed error
	err := s.writeOutside(ctx, func(t *tx) error {
		t.exec(lockFirst)
		if err := t.flush(); err != nil {
			return err
		}
		failed = f(ctx)
		return nil
	})
	if failed != nil {
		return failed
	}
	return explain("begin an installation", err)
}
