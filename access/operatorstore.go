package access

import (
	"context"
	"crypto/sha256"
	"time"

	"muster"
)

// OperatorStore is what [Operators] needs of a database. Every method is safe for concurrent use and atomic; what a method
// that changes something did is durable once it returned nil. Time is the store's, as in [TokenStore]. Operators and their
// sessions are of the installation, not of a tenant: who signs in has not proved to belong to one.
//
// The store's purge takes sessions that have expired.
type OperatorStore interface {
	AttemptStore
	// Tenant reads a tenant; KindNotFound.
	Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error)

	// CreateOperator stores an operator and sets his CreatedAt, and where he has an invitation its ExpiresAt, which is life
	// later. KindConflict, with Field "email", if another one has his EmailKey, and with Field "subject" if one has his Subject.
	CreateOperator(ctx context.Context, o *muster.Operator, life time.Duration) error
	// Operator reads one operator; KindNotFound.
	Operator(ctx context.Context, id muster.ID) (*muster.Operator, error)
	// OperatorByEmail finds an operator by his EmailKey; KindNotFound.
	OperatorByEmail(ctx context.Context, emailKey string) (*muster.Operator, error)
	// OperatorBySubject finds an operator by his Subject; KindNotFound.
	OperatorBySubject(ctx context.Context, subject string) (*muster.Operator, error)
	// OperatorByInvitation finds an operator by the hash of his invitation; KindNotFound if nobody has it, or it has expired.
	OperatorByInvitation(ctx context.Context, hash [sha256.Size]byte) (*muster.Operator, error)
	// Operators lists all operators by id. An installation has few.
	Operators(ctx context.Context) ([]muster.Operator, error)
	// ChangeOperator reads an operator, lets change edit him, who is also told what time it is, and stores all of him but ID,
	// Tenant, EmailKey, Subject and CreatedAt. An error of change stores nothing and comes back as it is. KindNotFound.
	ChangeOperator(ctx context.Context, id muster.ID, change func(o *muster.Operator, now time.Time) error) (*muster.Operator, error)
	// DeleteOperator deletes an operator with his sessions; KindNotFound.
	DeleteOperator(ctx context.Context, id muster.ID) error

	// CreateOperatorSession stores a session, and that its operator was seen.
	CreateOperatorSession(ctx context.Context, s *OperatorSession) error
	// OperatorSession finds a session with its operator, at one moment. It sets Hash, Operator, Epoch and Left. KindNotFound if
	// there is none, or it has expired.
	OperatorSession(ctx context.Context, hash [sha256.Size]byte) (*OperatorSession, *muster.Operator, error)
	// ExtendOperatorSession has a session expire idle from now, but no later than its life, and stores that its operator was
	// seen. A session that is not there stays so.
	ExtendOperatorSession(ctx context.Context, hash [sha256.Size]byte, idle time.Duration) error
	// DeleteOperatorSession deletes a session, if it is there.
	DeleteOperatorSession(ctx context.Context, hash [sha256.Size]byte) error
}

// OperatorSession is a session as it is stored: what opens it never is.
type OperatorSession struct {
	Hash     [sha256.Size]byte // SHA-256 of the secret that opens it
	Operator muster.ID
	Epoch    int64         // of the operator when it began
	Idle     time.Duration // it expires so long after it began or was extended last,
	Life     time.Duration // and so long after it began at the latest
	Left     time.Duration // until it expires, as it stands
}
