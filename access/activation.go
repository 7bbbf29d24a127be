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
	"strings"
	"time"

	"muster"
	"muster/mapping"
	"muster/password"
	"muster/secret"
)

const (
	// DefaultLinkLife is how long a link waits to be used unless its maker says otherwise.
	DefaultLinkLife = 72 * time.Hour
	// MaxLinkLife is the longest that its maker may say; MinLinkLife leaves time to open a page.
	MaxLinkLife = 30 * 24 * time.Hour
	MinLinkLife = time.Minute
	// MustChangeLife is how long the link lives that a user gets who has to change his password.
	MustChangeLife = 10 * time.Minute
	// MaxLinks is the most users that one call makes links for.
	MaxLinks = 1000
)

// Activations makes one-time links by which users set their passwords, and sets passwords: by a link, or by an
// administrator. A link activates a user who has no password, and resets the password of one who has. All exported
// fields are mandatory; it is safe for concurrent use, and not copied after its first.
//
// Refusals are [*muster.Error]: KindInvalid, KindUnauthenticated for a link that is not good, KindNotFound, KindForbidden,
// KindOverloaded and KindUnavailable. Any other error says that the request could not be judged.
type Activations struct {
	Store   SessionStore
	Keyring TokenKeyring
	Hasher  Hasher

	throttle throttle
}

// Link is a one-time link in the clear, which is never to be had again. Whoever has it can become the user. It prints
// without its secret.
type Link struct {
	User muster.ID
	// Secret is what the link's address ends with: the user's id, a hyphen, and 32 characters of [A-Za-z0-9_-]. It means a
	// user of one tenant, whom the address names as well.
	Secret    string
	ExpiresAt time.Time // from this moment on the link is worth nothing
}

// Format leaves the secret out, whatever the verb.
func (l Link) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "link of user %s until %s", l.User, l.ExpiresAt.UTC().Format(time.RFC3339))
}

// LogValue leaves the secret out.
func (l Link) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }

// newLink gives a user a link, in the place of the one he has.
func newLink(in *muster.SignIn, life time.Duration) *Link {
	random := make([]byte, tokenBytes)
	defer secret.Wipe(random)
	rand.Read(random) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
	link := &Link{
		User: in.User.ID, Secret: in.User.ID.String() + "-" + base64.RawURLEncoding.EncodeToString(random), ExpiresAt: in.Now.Add(life),
	}
	hash := sha256.Sum256([]byte(link.Secret))
	in.Activation = &muster.Activation{Hash: hash[:], ExpiresAt: link.ExpiresAt}
	return link
}

// opens reports whether the secret is that of the user's link, and the user may use it.
func opens(in *muster.SignIn, shown string) bool {
	hash := sha256.Sum256([]byte(shown))
	return in.Activation != nil && subtle.ConstantTimeCompare(in.Activation.Hash, hash[:]) == 1 &&
		in.Now.Before(in.Activation.ExpiresAt) && !in.User.Disabled
}

// Create makes links for users of the tenant, 1 to MaxLinks, that live for a time of MinLinkLife to MaxLinkLife; 0 is
// DefaultLinkLife. The answer is in the order of users, and leaves out who is not there, who is disabled, and whom the actor
// does not administer: who can make a link for somebody can become him. A user has one link: a new one ends the one before.
func (a *Activations) Create(ctx context.Context, tenant muster.ID, actor muster.Actor, users []muster.ID, life time.Duration) ([]Link, error) {
	if life == 0 {
		life = DefaultLinkLife
	}
	if life < MinLinkLife || life > MaxLinkLife {
		return nil, invalid("life", "a link's life is from 1 minute to %d days.", MaxLinkLife/(24*time.Hour))
	}
	if len(users) == 0 || len(users) > MaxLinks {
		return nil, invalid("users", "1 to %d users are accepted.", MaxLinks)
	}
	reaches, err := a.reach(ctx, tenant, actor, users)
	if err != nil {
		return nil, err
	}
	made := make(map[muster.ID]*Link, len(users))
	err = a.Store.ChangeSignIns(ctx, tenant, users, func(in *muster.SignIn) error {
		if !in.User.Disabled && reaches(&in.User) {
			made[in.User.ID] = newLink(in, life)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make links: %w", err)
	}
	links := make([]Link, 0, len(made))
	for _, id := range users {
		if link := made[id]; link != nil {
			links = append(links, *link)
			delete(made, id)
		}
	}
	return links, nil
}

// reach says whom of the users the actor administers. A department that is moved meanwhile is judged as it was.
func (a *Activations) reach(ctx context.Context, tenant muster.ID, actor muster.Actor, users []muster.ID) (func(*muster.User) bool, error) {
	switch actor.Level {
	case muster.LevelSystemAdmin:
		return func(*muster.User) bool { return true }, nil
	case muster.LevelDepartmentAdmin:
	default:
		return func(*muster.User) bool { return false }, nil
	}
	shot, err := a.Store.Snapshot(ctx, tenant, muster.Keys{IDs: users, Homes: true})
	if err != nil {
		return nil, fmt.Errorf("read the departments of users: %w", err)
	}
	administers := make(map[muster.ID]bool, len(shot.Departments))
	for i := range shot.Departments {
		administers[shot.Departments[i].ID] = actor.Administers(&shot.Departments[i])
	}
	return func(u *muster.User) bool { return administers[u.Department] && !u.Level.Above(actor.Level) }, nil
}

// Invited is who may set a password by a link, for the page where he does.
type Invited struct {
	Tenant *muster.Tenant // whose Settings.Password says what is accepted
	Name   string         // by which to greet him; "" if he has none
	Reset  bool           // he has a password already
}

// errLink is the one refusal of a link.
var errLink = &muster.Error{
	Kind:   muster.KindUnauthenticated,
	Field:  "link",
	Detail: "The link is unknown, has expired, or was used before: ask for a new one.",
}

// Look says whose a link is and leaves it as it is. A link of somebody who is not there, one that has expired, was used
// or replaced, or whose user is disabled is refused as an unknown one is; such attempts count by address (see throttle.go).
func (a *Activations) Look(ctx context.Context, tenant muster.ID, linkSecret string, address netip.Addr) (*Invited, error) {
	t, in, err := a.find(ctx, tenant, linkSecret, address)
	if err != nil {
		return nil, err
	}
	u := &in.User
	name := u.DisplayName
	if name == "" {
		name = strings.TrimSpace(u.FirstName + " " + u.Surname)
	}
	return &Invited{Tenant: t, Name: name, Reset: u.PasswordHash != ""}, nil
}

// find reads the tenant and the user of a link that is good.
func (a *Activations) find(ctx context.Context, tenant muster.ID, linkSecret string, address netip.Addr) (*muster.Tenant, *muster.SignIn, error) {
	attempt, err := a.throttle.begin(ctx, a.Store, "open the link again.", ofAddress(a.Keyring, address))
	if err != nil {
		return nil, nil, err
	}
	defer attempt.end()
	t, err := found(a.Store.Tenant(ctx, tenant))
	if err != nil {
		return nil, nil, fault("read the tenant of a link", err)
	}
	digits, _, _ := strings.Cut(linkSecret, "-")
	user, malformed := muster.ParseID(digits)
	var in *muster.SignIn
	if t != nil && malformed == nil {
		if in, err = found(a.Store.SignIn(ctx, tenant, user)); err != nil {
			return nil, nil, fault("read the user of a link", err)
		}
	}
	if in == nil || !opens(in, linkSecret) {
		if err := attempt.refused(ctx); err != nil {
			return nil, nil, err
		}
		return nil, nil, errLink
	}
	return t, in, nil
}

// SetPassword sets the password of the link's user, and ends the link, his tokens, and his having to change it. A password
// that the tenant's rule does not accept is refused with KindInvalid and Field "password", and the link stays. Of two
// calls at once with one link, one sets its password.
func (a *Activations) SetPassword(ctx context.Context, tenant muster.ID, linkSecret, newPassword string, address netip.Addr) error {
	t, in, err := a.find(ctx, tenant, linkSecret, address)
	if err != nil {
		return err
	}
	encoded, err := a.hash(ctx, t, &in.User, newPassword)
	if err != nil {
		return err
	}
	set := false
	err = a.Store.ChangeSignIns(ctx, tenant, []muster.ID{in.User.ID}, func(in *muster.SignIn) error {
		if set = opens(in, linkSecret); set {
			setPassword(in, encoded, false)
		}
		return nil
	})
	switch {
	case err != nil:
		return fault("set a password by link", err)
	case !set:
		return errLink
	default:
		return nil
	}
}

// hash checks a new password of the user and makes its hash.
func (a *Activations) hash(ctx context.Context, t *muster.Tenant, u *muster.User, plain string) (string, error) {
	if broken := mapping.Password("password", &t.Settings, plain, u); broken != nil {
		return "", &muster.Error{Kind: muster.KindInvalid, Field: broken.Field, Detail: broken.Detail}
	}
	text := []byte(plain)
	defer secret.Wipe(text)
	return a.HashNew(ctx, text)
}

// HashNew makes the hash of a password that was checked already, as fast as for a sign-in. Refusals are those of Activations.
func (a *Activations) HashNew(ctx context.Context, plain []byte) (string, error) {
	encoded, err := a.Hasher.Hash(ctx, password.Interactive, plain)
	if err != nil {
		return "", hashing("hash a password", err)
	}
	return encoded, nil
}

func setPassword(in *muster.SignIn, encoded string, mustChange bool) {
	in.User.PasswordHash, in.User.MustChangePassword, in.Activation = encoded, mustChange, nil
	in.User.EndTokens()
}

// Reset sets the password of a user whom the actor administers, or with "" takes it away: then he signs in no more before
// a link has given him another. With mustChange the new one opens nothing but the page where he sets another. His tokens and his
// link end. KindNotFound if he is not there, KindForbidden if the actor does not administer him, KindInvalid and Field
// "password" for a password that the tenant's rule does not accept.
func (a *Activations) Reset(ctx context.Context, tenant muster.ID, actor muster.Actor, user muster.ID, newPassword string, mustChange bool) error {
	t, err := a.Store.Tenant(ctx, tenant)
	if err != nil {
		return fmt.Errorf("reset a password: %w", err)
	}
	u, err := a.Store.User(ctx, tenant, user)
	if err != nil {
		return fmt.Errorf("reset a password: %w", err)
	}
	reaches, err := a.reach(ctx, tenant, actor, []muster.ID{user})
	switch {
	case err != nil:
		return err
	case !reaches(u):
		return errReach
	}
	encoded := ""
	if newPassword != "" {
		if encoded, err = a.hash(ctx, t, u, newPassword); err != nil {
			return err
		}
	}
	refusal := error(&muster.Error{Kind: muster.KindNotFound, Field: "user", Detail: "The user does not exist."})
	err = a.Store.ChangeSignIns(ctx, tenant, []muster.ID{user}, func(in *muster.SignIn) error {
		if !reaches(&in.User) {
			return errReach
		}
		setPassword(in, encoded, mustChange && encoded != "")
		refusal = nil
		return nil
	})
	if err != nil {
		return fmt.Errorf("reset a password: %w", err)
	}
	return refusal
}

var errReach = &muster.Error{
	Kind: muster.KindForbidden, Field: "user", Detail: "An administrator cannot reset the password of a user whom he does not administer.",
}
