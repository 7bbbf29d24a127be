package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"muster"
	"muster/access/signature"
	"muster/secret"
)

const (
	// DefaultTokenLife is how long an application's token lives unless its caller says otherwise (federation contract,
	// section 1).
	DefaultTokenLife = 10 * time.Minute
	// ClientTokenLife is how long one lives that the client credentials grant gives (RFC 6749, section 4.4): as long as a
	// user's (KooDrive contract, section 5).
	ClientTokenLife = 30 * time.Minute
	// MaxTokenLife is the longest that a caller may ask for.
	MaxTokenLife = time.Hour

	tokenBytes = 24 // random ones, 192 bits; 32 characters of base64
)

// TokenKeyring opens the secrets of credentials and makes keyed hashes; [*secret.Keyring] is one.
type TokenKeyring interface {
	Keyring
	// MAC is a hash that only the installation can make, of data for a purpose.
	MAC(purpose string, data []byte) [sha256.Size]byte
}

// Tokens gives applications tokens for their key pairs and finds out whose a token is. All exported fields are mandatory;
// it is safe for concurrent use, and not copied after its first.
//
// Refusals are [*muster.Error] of KindUnauthenticated, KindInvalid and KindOverloaded. Any other error, among them every
// one of the store's and the keyring's, says that the request could not be judged.
type Tokens struct {
	Store   TokenStore
	Keyring TokenKeyring
	Now     func() time.Time

	throttle throttle
}

// TokenRequest is who asks for a token, with what and from where.
type TokenRequest struct {
	AppID   string
	Secret  string
	Life    time.Duration // whole seconds, a second to MaxTokenLife; zero is DefaultTokenLife
	Address netip.Addr    // of the client, see [ClientAddress]
}

// IssuedToken is a token in the clear, which is never to be had again. It prints without it.
type IssuedToken struct {
	Token     string // 32 characters of [A-Za-z0-9_-]
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// Format leaves the token out, whatever the verb.
func (i IssuedToken) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "token until %s", i.ExpiresAt.UTC().Format(time.RFC3339))
}

// LogValue leaves the token out.
func (i IssuedToken) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// Application is the holder of a key pair, acting for itself: there is no user behind it. Whoever holds the pair may name any
// administrator in a signed request, so it may do what a system administrator may.
type Application struct {
	Tenant muster.ID
	AppID  string
	Level  muster.AdminLevel
	Scopes muster.Scopes // of the credential
}

// Both refusals are one each, so that neither tells what is wrong.
var (
	errPair = &muster.Error{
		Kind:   muster.KindUnauthenticated,
		Detail: "No enabled credential has this key and this secret.",
	}
	errToken = &muster.Error{
		Kind:   muster.KindUnauthenticated,
		Detail: "The token is not one of this key, or it has expired: get a new one.",
	}
)

// Issue gives a token to who knows a live secret of the credential. An unknown AppID, a disabled credential and a wrong
// secret are refused alike, after the same work. A token does not end those issued before it.
//
// Refused attempts are counted by address, and by address and AppID; beyond the limits of throttle.go every attempt from
// there is refused, with KindOverloaded and a time. Attempts from elsewhere are not, so that nobody locks out an owner.
func (t *Tokens) Issue(ctx context.Context, r TokenRequest) (IssuedToken, error) {
	if r.Life == 0 {
		r.Life = DefaultTokenLife
	}
	if r.Life < time.Second || r.Life > MaxTokenLife || r.Life%time.Second != 0 {
		return IssuedToken{}, invalid("life", "a token's life is 1 to %d whole seconds.", MaxTokenLife/time.Second)
	}
	attempt, err := t.throttle.begin(ctx, t.Store, "check key and secret.",
		ofPair(t.Keyring, "attempts-of-pair", r.Address, r.AppID), ofAddress(t.Keyring, r.Address))
	if err != nil {
		return IssuedToken{}, err
	}
	defer attempt.end()
	claimed := pair{credentials: t.Store, keyring: t.Keyring, now: t.Now(), appID: r.AppID}
	proved, err := claimed.prove(ctx, r.Secret)
	if err != nil {
		return IssuedToken{}, err
	}
	if proved == nil {
		if err := attempt.refused(ctx); err != nil {
			return IssuedToken{}, err
		}
		return IssuedToken{}, errPair
	}
	plain := newToken()
	token := Token{
		Tenant: claimed.credential.Tenant, Hash: sha256.Sum256([]byte(plain)), Kind: TokenApplication,
		AppID: claimed.credential.AppID, SecretAt: proved.CreatedAt, Life: r.Life,
	}
	if err := t.Store.CreateTokens(ctx, token.Tenant, &token); err != nil {
		return IssuedToken{}, fault("store a token", err)
	}
	return IssuedToken{Token: plain, IssuedAt: token.IssuedAt, ExpiresAt: token.ExpiresAt}, nil
}

func newToken() string {
	random := make([]byte, tokenBytes)
	defer secret.Wipe(random)
	rand.Read(random) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
	return base64.RawURLEncoding.EncodeToString(random)
}

// prove gives the live secret that equals the one shown, nil if none does. It compares hashes, and as many whatever the
// credential has.
func (p *pair) prove(ctx context.Context, shown string) (*muster.Secret, error) {
	if err := p.lookUp(ctx); err != nil {
		return nil, err
	}
	secrets, err := p.openKnown(ctx)
	if err != nil {
		return nil, err
	}
	defer wipe(secrets)
	live, want := p.live(), sha256.Sum256([]byte(shown))
	var proved *muster.Secret
	for i := range signature.MaxSecrets {
		plain := []byte(dummySecret)
		if i < len(secrets) {
			plain = secrets[i]
		}
		has := sha256.Sum256(plain)
		if subtle.ConstantTimeCompare(has[:], want[:]) == 1 && i < len(secrets) {
			proved = &live[i]
		}
	}
	return proved, nil
}

// Application says for whom a token speaks. It ends when its time is over, and at once when its credential is disabled or
// the secret that was shown for it ends: the credential is looked up each time.
func (t *Tokens) Application(ctx context.Context, appID, token string) (*Application, error) {
	credential, stored, err := t.Store.CredentialAndToken(ctx, appID, sha256.Sum256([]byte(token)))
	holder := pair{now: t.Now(), credential: credential}
	switch {
	case err != nil:
		return nil, fault("look up the credential and the token", err)
	case credential == nil, stored == nil:
		return nil, errToken
	case stored.Kind != TokenApplication || stored.AppID != credential.AppID || !holder.holds(stored.SecretAt):
		return nil, errToken
	default:
		return &Application{Tenant: stored.Tenant, AppID: stored.AppID, Level: muster.LevelSystemAdmin, Scopes: credential.Scopes}, nil
	}
}

// holds reports whether the secret made at the time is live.
func (p *pair) holds(madeAt time.Time) bool {
	for _, s := range p.live() {
		if s.CreatedAt.Equal(madeAt) {
			return true
		}
	}
	return false
}
