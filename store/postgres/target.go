package postgres

import (
	"context"
	"errors"
)

// ErrUnfinishedCopy says that a database holds a part of an installation.
var ErrUnfinishedCopy = errors.New("an installation is still to be copied into this database: " +
	"let muster copy come to its end, or begin it again where it was cut off")

const selectCopy = `SELECT copy_source, copy_state FROM installation WHERE id = 1`

// refuseUnfinishedCopy keeps who would work with a database from one that another installation is being copied into.
func (s *Store) refuseUnfinishedCopy(ctx context.Context) error {
	var source, state string
	err := s.pool.QueryRow(ctx, selectCopy).Scan(&source, &state)
	if err == nil && state != "" {
		err = ErrUnfinishedCopy
	}
	return err
}
