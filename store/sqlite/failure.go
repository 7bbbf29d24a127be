package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"muster"
)

// errClosed answers a write after Close.
var errClosed = errors.New("the database is closed")

// unavailableFor is when a caller who met the store in trouble may try again: most of it, such as another process's backup
// that holds a lock, is over in seconds, and who comes too early is told the same.
const unavailableFor = 5 * time.Second

// explain says what was being done when err happened. Refusals stay as they are, what the data itself causes is marked
// [muster.ErrRow], and trouble that goes away is KindUnavailable; SQLite's own words name tables and columns, and never a
// value.
func explain(doing string, err error) error {
	switch {
	case err == nil || isRefusal(err):
		return err
	case isData(err):
		return fmt.Errorf("sqlite: %s: %w: %w", doing, muster.ErrRow, err)
	case isTrouble(err):
		return &muster.Error{
			Kind: muster.KindUnavailable, RetryAfter: unavailableFor,
			Detail: "The database cannot be used now: send the request again.",
			Err:    fmt.Errorf("sqlite: %s: %w", doing, err),
		}
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
	switch resultCode(err) {
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
		return true
	default:
		return false
	}
}

// isTrouble tells what is wrong around the database, and goes away without a change of ours: another process's lock, a
// disk that is full, fails or was mounted read-only, too little memory.
func isTrouble(err error) bool {
	switch resultCode(err) {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PROTOCOL, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN,
		lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_NOMEM:
		return true
	default:
		return false
	}
}

// resultCode is SQLite's primary result code, SQLITE_OK if err is none of SQLite's (sqlite.org/rescode.html).
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return lib.SQLITE_OK
	}
	return e.Code() & 0xff // the upper bits only say more
}

// panicked is the error for a callback's panic. The value may hold a person's data, so that its type alone is told, unless
// the runtime made it.
func panicked(value any) error {
	if e, ok := value.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", e)
	}
	return fmt.Errorf("panic with a %T", value)
}
