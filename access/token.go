package access

import (
	"context"
	"crypto/sha256"
	"time"

	"muster"
)

// TokenKind says what a bearer token is good for. The numbers are stored.
type TokenKind uint8

// TokenApplication speaks for an application: what tokenByAkSk gives for a key pair (federation contract, section 1).
const TokenApplication TokenKind = 1

// Token is a bearer token as it is stored: the token itself never is.
type Token struct {
	Tenant muster.ID
	Hash   [sha256.Size]byte // SHA-256 of the token as the caller holds it; unique in the tenant
	Kind   TokenKind
	AppID  string // the credential that it was issued to
	// SecretAt is the CreatedAt of the credential's secret that was shown for it: the token ends with that secret.
	SecretAt  time.Time
	IssuedAt  time.Time // a whole second, as ExpiresAt is
	ExpiresAt time.Time // from this moment on the token is worth nothing
}

// TokenStore is what [Tokens] needs of a database. Every method is safe for concurrent use and atomic; what a method that
// changes something did is durable once it returned nil. now is the caller's clock; a database that several nodes share
// goes by its own instead.
//
// Nothing here says how things are forgotten: the store's purge takes tokens that have expired, and refused attempts
// whose window has ended, in small steps along with the rest.
type TokenStore interface {
	// Credential finds a credential by its AppID, whatever the tenant; KindNotFound.
	Credential(ctx context.Context, appID string) (*muster.Credential, error)

	// CreateToken stores a token beside those there are. KindNotFound if the tenant does not exist.
	CreateToken(ctx context.Context, t *Token) error
	// Token finds the tenant's token of the hash. KindNotFound if there is none, or now is not before its ExpiresAt.
	Token(ctx context.Context, tenant muster.ID, hash [sha256.Size]byte, now time.Time) (*Token, error)

	// RefusedAttempts reads, for each of the keys in their order and all at one moment, what is counted under it: the
	// zero Attempts where nothing is, or now is not before the Until of what was. The keys are of the installation, not
	// of a tenant: who is refused has not proved to belong to one.
	RefusedAttempts(ctx context.Context, now time.Time, keys ...AttemptKey) ([]Attempts, error)
	// CountRefusedAttempt adds one under each of the keys, in one transaction. A count whose Until has come by now starts
	// again, at one and with the until given; one that goes on keeps its own.
	CountRefusedAttempt(ctx context.Context, now, until time.Time, keys ...AttemptKey) error
}

// AttemptKey is the keyed hash of what attempts are counted by: an address, or an address and an AppID. Neither can be read
// from it.
type AttemptKey [sha256.Size]byte

// Attempts are the refused attempts of one window of time.
type Attempts struct {
	Count int
	Until time.Time // when the window ends, and the count with it
}
