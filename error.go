package muster

import (
	"errors"
	"strings"
	"time"
)

// Kind says what sort of trouble an [Error] is. Each HTTP contract maps kinds to its own statuses and codes in one place.
type Kind uint8

const (
	// KindInternal is a fault of ours or of what we stand on: a database, a disk, a key. The zero Kind.
	KindInternal Kind = iota
	// KindInvalid is a request that breaks a rule of form; Field names the part.
	KindInvalid
	// KindUnauthenticated is a caller who did not prove who he is.
	KindUnauthenticated
	// KindForbidden is a known caller who may not do this.
	KindForbidden
	// KindNotFound is a thing that does not exist for this caller.
	KindNotFound
	// KindConflict is a request at odds with what is stored, such as a name already taken.
	KindConflict
	// KindOverloaded is a limit reached for now; RetryAfter says when to try again.
	KindOverloaded
	// KindUnavailable is a server that cannot take the request now: a full disk, a clock set back.
	KindUnavailable
)

// Error is a refusal with a sentence that tells a person what is wrong and what would be accepted. It never holds a
// secret or a personal field. Nothing was changed when an Error is returned.
type Error struct {
	Kind       Kind
	Field      string        // the field, parameter or subject at fault; "" when it is the whole
	Detail     string        // a sentence without the field's value
	RetryAfter time.Duration // for KindOverloaded and KindUnavailable; 0 is unknown
	Err        error         // the cause, for the log only
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(e.Detail)
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first [Error] in err's chain, and [KindInternal] where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// ErrRow marks an error that the data of a row causes, as opposed to one of a database, disk, key or network: a value
// that the database refuses, a panic while planning. The engine isolates the row and fails it alone; every other
// error it retries for ever.
var ErrRow = errors.New("the row's own data cannot be processed")
