package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"runtime"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"muster"
)

// errClosed answers a write after Close.
var errClosed = errors.New("the database is closed")

// explain says what was being done when err happened. Refusals stay as they are, and what the data itself causes is
// marked [muster.ErrRow]; SQLite's own words name tables and columns, and never a value.
func explain(doing string, err error) error {
	switch {
	case err == nil || isRefusal(err):
		return err
	case isData(err):
		return fmt.Errorf("sqlite: %s: %w: %w", doing, muster.ErrRow, err)
	default:
		return fmt.Errorf("sqlite: %s: %w", doing, err)
	}
}

// isRefusal tells an answer from trouble.
func isRefusal(err error) bool {
	var refusal *muster.Error
	return errors.As(err, &refusal) || errors.Is(err, sql.ErrNoRows)
}

// isData tells a value that the database refuses from whatever else may be wrong with it.
func isData(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff { // the upper bits only say more
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
		return true
	default:
		return false
	}
}

// panicked is the error for a callback's panic. The value may hold a person's data, so that its type alone is told, unless
// the runtime made it.
func panicked(value any) error {
	if e, ok := value.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", e)
	}
	return fmt.Errorf("panic with a %T", value)
}
