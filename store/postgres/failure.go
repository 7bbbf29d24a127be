package postgres

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"muster"
)

var (
	// errLost says that there is no connection, or none any more, and that nothing was committed.
	errLost = errors.New("the database cannot be reached")
	// errNoAnswer says that the server is silent.
	errNoAnswer = errors.New("the database did not answer")
	// errUnknown says that the connection was lost on the way of a COMMIT or of the answer to it.
	errUnknown = errors.New("it is not known whether the transaction was committed")
)

// unavailableFor is when a caller who met the store in trouble may try again: a server starts again, or its standby takes
// over, within seconds, and who comes too early is told the same.
const unavailableFor = 5 * time.Second

// explain says what was being done when err happened. Refusals stay as they are, what the data itself causes is marked
// [muster.ErrRow], and trouble that goes away is KindUnavailable, but where something may have been changed all the same.
func explain(doing string, err error) error {
	switch {
	case err == nil || isRefusal(err):
		return err
	case isData(err):
		return fmt.Errorf("postgres: %s: %w: %s", doing, muster.ErrRow, withoutValues(err))
	case isTrouble(err):
		return &muster.Error{
			Kind: muster.KindUnavailable, RetryAfter: unavailableFor,
			Detail: "The database cannot be used now: send the request again.",
			Err:    fmt.Errorf("postgres: %s: %w", doing, err),
		}
	default:
		return fmt.Errorf("postgres: %s: %w", doing, err)
	}
}

// isRefusal tells an answer from trouble.
func isRefusal(err error) bool {
	var refusal *muster.Error
	return errors.As(err, &refusal)
}

// serverError is what the server said, nil if err is none of its errors.
func serverError(err error) *pgconn.PgError {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// isData tells a value that the database refuses from whatever else may be wrong with it (SQLSTATE, appendix A of
// PostgreSQL's manual): data exceptions, broken constraints, and a key too long for an index.
func isData(err error) bool {
	e := serverError(err)
	return e != nil && (strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "23") || e.Code == "54000")
}

// isTrouble tells what is wrong around the database, and goes away without a change of ours.
func isTrouble(err error) bool {
	if errors.Is(err, errUnknown) {
		return false
	}
	if errors.Is(err, errLost) || errors.Is(err, errNoAnswer) {
		return true
	}
	e := serverError(err)
	if e == nil {
		return false
	}
	switch e.Code[:2] {
	case "08", // connection exceptions
		"40", // the transaction was rolled back: a deadlock
		"53", // no disk, memory or connection left
		"57", // the operator or a timeout intervened: a shutdown, a start, a cancelled statement
		"58": // the disk or the system fails
		return true
	default:
		return e.Code == lockNotAvailable || e.Code == readOnlyTransaction || e.Code == idleInTransaction
	}
}

const (
	uniqueViolation     = "23505"
	readOnlyTransaction = "25006" // on a standby, or on a primary that was made one
	idleInTransaction   = "25P03"
	lockNotAvailable    = "55P03"
)

func isReadOnly(err error) bool {
	e := serverError(err)
	return e != nil && e.Code == readOnlyTransaction
}

// violates reports whether err is that the unique index already has the key.
func violates(err error, index string) bool {
	e := serverError(err)
	return e != nil && e.Code == uniqueViolation && e.ConstraintName == index
}

// withoutValues says what the data broke. The server's own words may quote a value, which is a person's.
func withoutValues(err error) string {
	e := serverError(err)
	var text strings.Builder
	text.WriteString("SQLSTATE " + e.Code)
	for _, part := range [...]struct{ what, name string }{{"table", e.TableName}, {"column", e.ColumnName}, {"constraint", e.ConstraintName}} {
		if part.name != "" {
			text.WriteString(", " + part.what + " " + part.name)
		}
	}
	return text.String()
}

// panicked is the error for a callback's panic. The value may hold a person's data, so that its type alone is told, unless
// the runtime made it.
func panicked(value any) error {
	if e, ok := value.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", e)
	}
	return fmt.Errorf("panic with a %T", value)
}

// refusal is the error of a caller's function, which he gets back as it is.
type refusal struct{ error }

// edit calls a caller's function on what was read under the lock.
func edit[T any](change func(*T) error, thing *T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	if err := change(thing); err != nil {
		return refusal{err}
	}
	return nil
}

// explainRefused is explain where an error of edit may be among the causes.
func explainRefused(doing string, err error) error {
	if r, ok := err.(refusal); ok { //nolint:errorlint // nothing wraps it
		return r.error
	}
	return explain(doing, err)
}
