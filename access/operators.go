package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
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
	// InvitationLife is how long an operator's invitation waits to be used.
	InvitationLife = time.Hour
	// operatorPasswordLength is how many characters an operator's password has at least: it opens the whole directory.
	operatorPasswordLength = 12
	// operatorSecretBytes is how many random bytes an invitation has, and a session (OWASP Session Management Cheat Sheet).
	operatorSecretBytes = 32
)

// OperatorPolicy is what is asked of an operator's password.
func OperatorPolicy() password.Policy { return password.Policy{MinLength: operatorPasswordLength} }

// Operators invites those who use the console, changes them, and signs them in. All exported fields but Wait are mandatory;
// it is safe for concurrent use, and not copied after its first.
//
// Where a method is told by whom something is asked, nil is who can reach the installation itself. An operator of a tenant
// finds those of that tenant alone, and who is no administrator changes nobody but himself.
//
// Refusals are [*muster.Error]: KindInvalid, KindUnauthenticated, KindForbidden, KindNotFound, KindConflict, KindOverloaded
// and KindUnavailable. Any other error says that the request could not be judged.
type Operators struct {
	Store   OperatorStore
	Keyring TokenKeyring
	Hasher  Hasher
	IDs     *muster.IDSource
	Now     func() time.Time
	// Wait returns nil after d, or an error once ctx has ended; nil waits by a timer.
	Wait func(ctx context.Context, d time.Duration) error

	throttle throttle
	decoy    decoy
}

// Invitation is a one-time link in the clear, which is never to be had again. Whoever has it can become the operator. It
// prints without its secret.
type Invitation struct {
	Secret    string    // what the link's address ends with: 43 characters of [A-Za-z0-9_-]
	ExpiresAt time.Time // from this moment on it is worth nothing
}

// Format leaves the secret out, whatever the verb.
func (i Invitation) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "invitation until %s", i.ExpiresAt.UTC().Format(time.RFC3339))
}

// LogValue leaves the secret out.
func (i Invitation) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// NewOperator is whom to invite.
type NewOperator struct {
	Tenant muster.ID // 0: the installation
	Name   string    // 1 to 64 characters
	Email  string    // what he signs in as, unique in the installation
	Role   muster.OperatorRole
}

// OperatorChange is what to change of an operator; nil leaves it as it is.
type OperatorChange struct {
	Name     *string
	Role     *muster.OperatorRole
	Disabled *bool
	Language *string // BCP 47; "" is what his browser asks for
}

// newSecret makes a secret of an operator's, and its hash, by which it is found.
func newSecret() (plain string, hash [sha256.Size]byte) {
	random := make([]byte, operatorSecretBytes)
	defer secret.Wipe(random)
	rand.Read(random) // never fails: it ends the process instead (crypto/rand, since Go 1.24)
	plain = base64.RawURLEncoding.EncodeToString(random)
	return plain, sha256.Sum256([]byte(plain))
}

var (
	errNoOperator    = &muster.Error{Kind: muster.KindNotFound, Field: "operator", Detail: "The operator does not exist."}
	errAdministrator = &muster.Error{Kind: muster.KindForbidden, Detail: "Only an administrator changes other operators, or what an operator may do."}
	errOneself       = &muster.Error{
		Kind: muster.KindConflict, Field: "operator", Detail: "Nobody changes his own role, disables or removes himself: ask another administrator.",
	}
	errElsewhere = &muster.Error{
		Kind: muster.KindConflict, Field: "operator", Detail: "The operator signs in with an identity provider, and has no password here.",
	}
	errInvitation = &muster.Error{
		Kind: muster.KindUnauthenticated, Field: "invitation", Detail: "The invitation is unknown, has expired, or was used before: ask for a new one.",
	}
)

// Invite makes an operator, and the link by which he sets his password. KindConflict with Field "email" if there is one
// with that address.
func (s *Operators) Invite(ctx context.Context, by *muster.Operator, n NewOperator) (*muster.Operator, Invitation, error) {
	if by != nil && (by.Role != muster.OperatorAdministrator || !by.Sees(n.Tenant)) {
		return nil, Invitation{}, errAdministrator
	}
	if err := checkName("name", n.Name); err != nil {
		return nil, Invitation{}, err
	}
	emailKey, fault := mapping.EmailKey("email", n.Email)
	if fault != nil {
		return nil, Invitation{}, &muster.Error{Kind: muster.KindInvalid, Field: fault.Field, Detail: fault.Detail}
	}
	if n.Role.Scopes() == 0 {
		return nil, Invitation{}, invalid("role", "role must be viewer, operator or administrator.")
	}
	if n.Tenant != 0 {
		if _, err := s.Store.Tenant(ctx, n.Tenant); err != nil {
			return nil, Invitation{}, fmt.Errorf("invite an operator: %w", err)
		}
	}
	o := &muster.Operator{Tenant: n.Tenant, Name: n.Name, Email: n.Email, EmailKey: emailKey, Role: n.Role}
	plain, hash := newSecret()
	o.Invitation = &muster.Activation{Hash: hash[:]}
	if err := s.create(ctx, o); err != nil {
		return nil, Invitation{}, err
	}
	return o, Invitation{Secret: plain, ExpiresAt: o.Invitation.ExpiresAt}, nil
}

func (s *Operators) create(ctx context.Context, o *muster.Operator) (err error) {
	if o.ID, err = s.IDs.Next(); err != nil {
		return fmt.Errorf("make an operator: %w", err)
	}
	muster.AuditTarget(ctx, "operator", o.ID.String())
	if err := s.Store.CreateOperator(ctx, o, InvitationLife); err != nil {
		return fmt.Errorf("make an operator: %w", err)
	}
	return nil
}

// InviteAgain makes a link by which an operator sets another password, in the place of the one he has. Until then the old
// password stays. KindConflict if he signs in elsewhere.
func (s *Operators) InviteAgain(ctx context.Context, by *muster.Operator, id muster.ID) (*muster.Operator, Invitation, error) {
	plain, hash := newSecret()
	o, err := s.change(ctx, by, id, func(o *muster.Operator, now time.Time) error {
		switch {
		case by != nil && by.Role != muster.OperatorAdministrator:
			return errAdministrator
		case o.Subject != "":
			return errElsewhere
		}
		o.Invitation = &muster.Activation{Hash: hash[:], ExpiresAt: now.Add(InvitationLife)}
		return nil
	})
	if err != nil {
		return nil, Invitation{}, err
	}
	return o, Invitation{Secret: plain, ExpiresAt: o.Invitation.ExpiresAt}, nil
}

// List gives the operators whom the asking one sees, by id.
func (s *Operators) List(ctx context.Context, by *muster.Operator) ([]muster.Operator, error) {
	all, err := s.Store.Operators(ctx)
	if err != nil {
		return nil, fmt.Errorf("list operators: %w", err)
	}
	seen := make([]muster.Operator, 0, len(all))
	for _, o := range all {
		if by == nil || by.Sees(o.Tenant) {
			seen = append(seen, o)
		}
	}
	return seen, nil
}

// Operator reads an operator whom the asking one sees; KindNotFound.
func (s *Operators) Operator(ctx context.Context, by *muster.Operator, id muster.ID) (*muster.Operator, error) {
	o, err := s.Store.Operator(ctx, id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read an operator: %w", err)
	case by != nil && !by.Sees(o.Tenant):
		return nil, errNoOperator
	default:
		return o, nil
	}
}

// Change changes an operator. Who is disabled loses his sessions. What an operator may do counts from the next request on.
func (s *Operators) Change(ctx context.Context, by *muster.Operator, id muster.ID, c OperatorChange) (*muster.Operator, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return s.change(ctx, by, id, func(o *muster.Operator, _ time.Time) error {
		oneself := by != nil && by.ID == id
		power := c.Role != nil && *c.Role != o.Role || c.Disabled != nil && *c.Disabled != o.Disabled
		switch {
		case oneself && power:
			return errOneself
		case by != nil && !oneself && by.Role != muster.OperatorAdministrator:
			return errAdministrator
		}
		c.apply(o)
		return nil
	})
}

func (c *OperatorChange) check() error {
	if c.Name != nil {
		if err := checkName("name", *c.Name); err != nil {
			return err
		}
	}
	if c.Role != nil && c.Role.Scopes() == 0 {
		return invalid("role", "role must be viewer, operator or administrator.")
	}
	const longestTag = 35 // RFC 5646, section 4.4.1
	if c.Language != nil && len(*c.Language) > longestTag {
		return invalid("language", "language must be a tag of at most %d characters, such as en or zh-CN.", longestTag)
	}
	return nil
}

func (c *OperatorChange) apply(o *muster.Operator) {
	if c.Name != nil {
		o.Name = *c.Name
	}
	if c.Role != nil {
		o.Role = *c.Role
	}
	if c.Language != nil {
		o.Language = *c.Language
	}
	if c.Disabled != nil {
		if *c.Disabled && !o.Disabled {
			o.EndSessions()
			o.Invitation = nil
		}
		o.Disabled = *c.Disabled
	}
}

// change changes an operator whom the asking one sees.
func (s *Operators) change(
	ctx context.Context, by *muster.Operator, id muster.ID, f func(*muster.Operator, time.Time) error,
) (*muster.Operator, error) {
	o, err := s.Store.ChangeOperator(ctx, id, func(o *muster.Operator, now time.Time) error {
		if by != nil && !by.Sees(o.Tenant) {
			return errNoOperator
		}
		return f(o, now)
	})
	if err != nil {
		return nil, fmt.Errorf("change an operator: %w", err)
	}
	return o, nil
}

// Remove deletes an operator, whose sessions end.
func (s *Operators) Remove(ctx context.Context, by *muster.Operator, id muster.ID) error {
	switch {
	case by != nil && by.ID == id:
		return errOneself
	case by != nil && by.Role != muster.OperatorAdministrator:
		return errAdministrator
	}
	if _, err := s.Operator(ctx, by, id); err != nil {
		return err
	}
	if err := s.Store.DeleteOperator(ctx, id); err != nil {
		return fmt.Errorf("remove an operator: %w", err)
	}
	return nil
}

// Look says whose an invitation is and leaves it as it is. One that is unknown, has expired, was used or replaced is
// refused; such attempts count by address.
func (s *Operators) Look(ctx context.Context, invitation string, address netip.Addr) (*muster.Operator, error) {
	attempt, err := s.throttle.begin(ctx, s.Store, "open the link again.", ofAddress(s.Keyring, address))
	if err != nil {
		return nil, err
	}
	defer attempt.end()
	o, err := found(s.Store.OperatorByInvitation(ctx, sha256.Sum256([]byte(invitation))))
	switch {
	case err != nil:
		return nil, fault("look up an invitation", err)
	case o == nil || o.Disabled:
		if err := attempt.refused(ctx); err != nil {
			return nil, err
		}
		return nil, errInvitation
	default:
		return o, nil
	}
}

// Accept sets the password of the invited operator, and ends the invitation and his sessions. A password that
// [OperatorPolicy] does not accept is refused with KindInvalid and Field "password", and the invitation stays. Of two calls
// at once with one invitation, one sets its password.
func (s *Operators) Accept(ctx context.Context, invitation, newPassword string, address netip.Addr) (*muster.Operator, error) {
	o, err := s.Look(ctx, invitation, address)
	if err != nil {
		return nil, err
	}
	encoded, err := s.hash(ctx, o, newPassword)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(invitation))
	recordAs(ctx, o)
	o, err = s.Store.ChangeOperator(ctx, o.ID, func(o *muster.Operator, now time.Time) error {
		if o.Disabled || o.Invitation == nil || string(o.Invitation.Hash) != string(hash[:]) || !now.Before(o.Invitation.ExpiresAt) {
			return errInvitation
		}
		o.PasswordHash, o.Invitation = encoded, nil
		o.EndSessions()
		return nil
	})
	switch {
	case errors.Is(err, errInvitation), muster.KindOf(err) == muster.KindNotFound:
		return nil, errInvitation
	case err != nil:
		return nil, fault("set an operator's password", err)
	default:
		return o, nil
	}
}

// hash checks a new password of the operator and makes its hash.
func (s *Operators) hash(ctx context.Context, o *muster.Operator, plain string) (string, error) {
	if err := OperatorPolicy().Check(plain, password.Subject{Names: []string{o.Name, o.Email}}); err != nil {
		return "", &muster.Error{Kind: muster.KindInvalid, Field: "password", Detail: "It " + strings.TrimPrefix(err.Error(), "password ") + "."}
	}
	text := []byte(plain)
	defer secret.Wipe(text)
	encoded, err := s.Hasher.Hash(ctx, password.Interactive, text)
	if err != nil {
		return "", hashing("hash an operator's password", err)
	}
	return encoded, nil
}

// firstEmail is what the first operator signs in as, whom nobody invited.
const firstEmail = "admin@localhost"

// First gives an invitation for an administrator of the installation where there is nobody yet who could sign in; nil where
// there is.
func (s *Operators) First(ctx context.Context) (*muster.Operator, *Invitation, error) {
	all, err := s.List(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	var waiting *muster.Operator
	for i := range all {
		switch o := &all[i]; {
		case o.PasswordHash != "" || o.Subject != "":
			return nil, nil, nil
		case o.EmailKey == firstEmail:
			waiting = o
		}
	}
	var i Invitation
	if waiting != nil {
		waiting, i, err = s.InviteAgain(ctx, nil, waiting.ID)
	} else {
		waiting, i, err = s.Invite(ctx, nil, NewOperator{Name: "Administrator", Email: firstEmail, Role: muster.OperatorAdministrator})
	}
	if err != nil {
		return nil, nil, err
	}
	return waiting, &i, nil
}
