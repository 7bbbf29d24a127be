package access

import (
	"context"
	"crypto/sha256"
	"time"

	"muster"
)

// TokenKind says what a bearer token is good for. The numbers are stored.
type TokenKind uint8

const (
	// TokenApplication speaks for an application: what tokenByAkSk gives for a key pair (federation contract, section 1), and
	// the client credentials grant (KooDrive contract, section 5).
	TokenApplication TokenKind = 1
	// TokenUser speaks for a user who signed in.
	TokenUser TokenKind = 2
	// TokenRefresh gets its holder a TokenUser and another TokenRefresh, once.
	TokenRefresh TokenKind = 3
)

// Token is a bearer token as it is stored: the token itself never is.
type Token struct {
	Tenant muster.ID
	Hash   [sha256.Size]byte // SHA-256 of the token as the caller holds it; unique in the installation
	Kind   TokenKind
	// Of TokenApplication: the credential that it was issued to, and the CreatedAt of the credential's secret that was shown
	// for it. The token ends with that secret.
	AppID    string
	SecretAt time.Time
	// Of TokenUser and TokenRefresh: the user, his TokenEpoch when it was issued, and the sign-in from which it descends.
	User   muster.ID
	Epoch  int64
	Family muster.ID
	// Life is how long it lives, in whole seconds. The store adds it to its clock.
	Life      time.Duration
	IssuedAt  time.Time // a whole second, as ExpiresAt is
	ExpiresAt time.Time // from this moment on the token is worth nothing
}

// TokenStore is what [Tokens] and [Sessions] need of a database. Every method is safe for concurrent use and atomic; what a
// method that changes something did is durable once it returned nil. Time is the store's: the clock of the database that
// nodes share, or of the process that has one to itself.
//
// Nothing here says how things are forgotten: the store's purge takes tokens that have expired, and refused attempts
// whose window has ended, in small steps along with the rest.
type TokenStore interface {
	// Credential finds a credential by its AppID, whatever the tenant; KindNotFound.
	Credential(ctx context.Context, appID string) (*muster.Credential, error)

	// CreateTokens stores tokens of a tenant beside those there are, and sets their IssuedAt and ExpiresAt. KindNotFound
	// if the tenant does not exist.
	CreateTokens(ctx context.Context, tenant muster.ID, tokens ...*Token) error
	// Token finds the token of the hash, whatever the tenant: it says which. KindNotFound if there is none, or it has expired.
	Token(ctx context.Context, hash [sha256.Size]byte) (*Token, error)
	// CredentialAndToken finds both at one moment, the token among those of the credential's tenant; nil where there is none.
	CredentialAndToken(ctx context.Context, appID string, hash [sha256.Size]byte) (*muster.Credential, *Token, error)
	// UseRefresh uses the tenant's TokenRefresh of the hash, and stores next, tokens of the same family, as CreateTokens
	// does. Used before, it may be used again until grace has passed since the first time: an answer can be lost on its
	// way. Later than that somebody else has it, and all tokens of its family are deleted instead. KindNotFound then, and if
	// there is none, or it has expired.
	UseRefresh(ctx context.Context, tenant muster.ID, hash [sha256.Size]byte, grace time.Duration, next ...*Token) error

	AttemptStore
}

// AttemptStore is what counting refused attempts needs of a database, as [TokenStore] describes it.
type AttemptStore interface {
	// RefusedAttempts reads, for each of the keys in their order and all at one moment, what is counted under it: the
	// zero Attempts where nothing is, or the window of what was has ended. The keys are of the installation, not
	// of a tenant: who is refused has not proved to belong to one.
	RefusedAttempts(ctx context.Context, keys ...AttemptKey) ([]Attempts, error)
	// CountRefusedAttempt adds one under each of the keys, in one transaction. A count whose window has ended starts
	// again, at one and with the window given; one that goes on keeps its own.
	CountRefusedAttempt(ctx context.Context, window time.Duration, keys ...AttemptKey) error
}

// AttemptKey is the keyed hash of what attempts are counted by: an address, or an address and an AppID. Neither can be read
// from it.
type AttemptKey [sha256.Size]byte

// Attempts are the refused attempts of one window of time.
type Attempts struct {
	Count int
	Left  time.Duration // until the window ends, and the count with it
}
