package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"muster"
	"muster/password"
	"muster/secret"
)

const (
	// SessionLife is how long the access token of a sign-in lives from its issue (KooDrive contract, section 5).
	SessionLife = 30 * time.Minute
	// RefreshLife is how long a refresh token waits to be used (KooDrive contract, section 5).
	RefreshLife = 24 * time.Hour
	// RefreshGrace is for how long a refresh token that was used answers again: an answer can be lost on its way.
	RefreshGrace = 30 * time.Second
)

// SessionStore is what [Sessions] and [Activations] need of a database.
type SessionStore interface {
	TokenStore
	SignInStore
}

// Hasher makes and verifies hashes of passwords in bounded time and memory; [*password.Pool] is one.
type Hasher interface {
	Hash(ctx context.Context, class password.Class, password []byte) (encoded string, err error)
	Verify(ctx context.Context, class password.Class, encoded string, password []byte) (ok, needsUpgrade bool, err error)
}

// Sessions signs users in, renews their tokens, and finds out for whom a bearer token speaks, a user's or an application's
// (KooDrive contract, section 5). All exported fields but Wait are mandatory; it is safe for concurrent use, and not copied
// after its first.
//
// Refusals are [*muster.Error] of KindUnauthenticated, KindInvalid, KindOverloaded and KindUnavailable, and
// [*MustChangeError]. Any other error says that the request could not be judged.
type Sessions struct {
	Store   SessionStore
	Keyring TokenKeyring
	Hasher  Hasher
	Now     func() time.Time
	// Wait returns nil after d, or an error once ctx has ended; nil waits by a timer.
	Wait func(ctx context.Context, d time.Duration) error

	throttle throttle
	decoy    decoy
}

// Session is what a user who signed in is given, in the clear and never to be had again. It prints without its tokens and
// without him.
type Session struct {
	AccessToken  string       // 48 lower-case hexadecimal digits
	RefreshToken string       // likewise
	IssuedAt     time.Time    // a whole second
	ExpiresAt    time.Time    // of AccessToken: SessionLife after IssuedAt
	User         *muster.User // who signed in, as he was then
}

// Format leaves the tokens out, whatever the verb.
func (s Session) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session until %s", s.ExpiresAt.UTC().Format(time.RFC3339))
}

// LogValue leaves the tokens out.
func (s Session) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// SignInRequest is who wants to sign in, with what and from where. It prints as its tenant alone.
type SignInRequest struct {
	Tenant   *muster.Tenant // see [Sessions.TenantOf]
	Account  string         // a phone in any notation, an account name, or an e-mail address
	Password string
	Address  netip.Addr // of the client, see [ClientAddress]
	Began    time.Time  // when the first of the request was read
}

// Format leaves out who it is and what he knows, whatever the verb.
func (r SignInRequest) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, "sign-in")
	if r.Tenant != nil {
		_, _ = fmt.Fprintf(f, " to tenant %s", r.Tenant.ID)
	}
}

// LogValue leaves out who it is and what he knows.
func (r SignInRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// MustChangeError refuses a user who showed the right password and has to set another before it opens anything. Its kind
// is KindForbidden.
type MustChangeError struct {
	Link Link // to the page where he sets it; MustChangeLife long
}

// errMustChange is what a MustChangeError says.
var errMustChange = &muster.Error{
	Kind:   muster.KindForbidden,
	Field:  "password",
	Detail: "The password has to be changed before the next sign-in: follow the link to set another.",
}

func (e *MustChangeError) Error() string { return errMustChange.Error() }

// Unwrap gives the error its kind.
func (e *MustChangeError) Unwrap() error { return errMustChange }

// errRefresh is one refusal, so that it does not tell what is wrong.
var errRefresh = &muster.Error{
	Kind:   muster.KindUnauthenticated,
	Detail: "The refresh token is unknown, has expired, or was used before: sign in again.",
}

// Refresh gives another session for a refresh token, which is used up by that; within RefreshGrace of its first use it
// answers again. Used later than that, somebody else has it, and all tokens that descend from the sign-in end. A user who is
// gone or disabled, or whose tokens have ended, is refused as an unknown token is.
func (s *Sessions) Refresh(ctx context.Context, hint TenantHint, refreshToken string) (*Session, error) {
	hash := sha256.Sum256([]byte(refreshToken))
	stored, err := s.token(ctx, hash)
	switch {
	case err != nil:
		return nil, err
	case stored == nil || stored.Kind != TokenRefresh:
		return nil, errRefresh
	}
	tenant, err := s.tenant(ctx, stored.Tenant, hint)
	switch {
	case err != nil:
		return nil, err
	case tenant == nil:
		return nil, errRefresh
	}
	user, err := s.holder(ctx, stored)
	switch {
	case err != nil:
		return nil, err
	case user == nil:
		return nil, errRefresh
	}
	next := newTokens(stored.Tenant, user, stored.Family)
	err = s.Store.UseRefresh(ctx, stored.Tenant, hash, RefreshGrace, next.stored()...)
	switch {
	case muster.KindOf(err) == muster.KindNotFound:
		return nil, errRefresh
	case err != nil:
		return nil, fault("use a refresh token", err)
	}
	return next.session(user), nil
}

// token finds a token that lives; nil if there is none.
func (s *Sessions) token(ctx context.Context, hash [sha256.Size]byte) (*Token, error) {
	stored, err := found(s.Store.Token(ctx, hash))
	if err != nil {
		return nil, fault("look up a token", err)
	}
	return stored, nil
}

// holder reads the user of a token; nil if he is gone, disabled, or his tokens of that epoch have ended.
func (s *Sessions) holder(ctx context.Context, t *Token) (*muster.User, error) {
	user, err := found(s.Store.User(ctx, t.Tenant, t.User))
	switch {
	case err != nil:
		return nil, fault("read a token's user", err)
	case user == nil || user.Disabled || user.TokenEpoch != t.Epoch:
		return nil, nil
	default:
		return user, nil
	}
}

// tokens are the two of a session, in the clear.
type tokens struct {
	access, refresh string
	of              [2]*Token
}

func newTokens(tenant muster.ID, user *muster.User, family muster.ID) *tokens {
	t := &tokens{access: newHexToken(), refresh: newHexToken()}
	of := func(plain string, kind TokenKind, life time.Duration) *Token {
		return &Token{
			Tenant: tenant, Hash: sha256.Sum256([]byte(plain)), Kind: kind, User: user.ID, Epoch: user.TokenEpoch, Family: family, Life: life,
		}
	}
	t.of = [2]*Token{of(t.access, TokenUser, SessionLife), of(t.refresh, TokenRefresh, RefreshLife)}
	return t
}

func (t *tokens) stored() []*Token { return t.of[:] }

// session is right once the store has set the tokens' times.
func (t *tokens) session(user *muster.User) *Session {
	return &Session{AccessToken: t.access, RefreshToken: t.refresh, IssuedAt: t.of[0].IssuedAt, ExpiresAt: t.of[0].ExpiresAt, User: user}
}

func newHexToken() string {
	random := make([]byte, tokenBytes)
	defer secret.Wipe(random)
	rand.Read(random) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
	return hex.EncodeToString(random)
}

// newFamily names a sign-in. It is random and no snowflake, since it must be new after a restart too, whatever the clock says.
func newFamily() muster.ID {
	var random [8]byte
	rand.Read(random[:])
	return muster.ID(binary.BigEndian.Uint64(random[:])>>1 | 1)
}
