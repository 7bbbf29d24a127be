package access

import (
	"context"
	"crypto/sha256"
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
	// OperatorIdle is how long an operator's session lives without a request, and OperatorLife how long with any number of them
	// (OWASP Session Management Cheat Sheet, session expiration).
	OperatorIdle = 30 * time.Minute
	OperatorLife = 12 * time.Hour

	// extendAfter is how much of OperatorIdle has to be over before a request extends a session: each extension is a write.
	extendAfter = time.Minute
)

// OperatorSignIn is who wants to sign in, with what and from where. It prints as nothing.
type OperatorSignIn struct {
	Email    string
	Password string
	Address  netip.Addr // of the client, see [ClientAddress]
	Began    time.Time  // when the first of the request was read
}

// Format leaves out who it is and what he knows, whatever the verb.
func (OperatorSignIn) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "sign-in of an operator") }

// LogValue leaves out who it is and what he knows.
func (r OperatorSignIn) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// errOperatorSignIn is the one refusal of a sign-in.
var errOperatorSignIn = &muster.Error{
	Kind: muster.KindUnauthenticated, Detail: "No enabled operator has this e-mail address and this password.",
}

// SignIn gives the secret of a new session to who knows an enabled operator's password. Unknown addresses, wrong
// passwords, operators who are disabled, have no password or sign in elsewhere get one refusal, after one verification and not
// before half a second has passed since r.Began. Refused attempts are counted as those of users are (see throttle.go).
func (s *Operators) SignIn(ctx context.Context, r OperatorSignIn) (sessionSecret string, _ *muster.Operator, err error) {
	name := mapping.AccountKey(strings.TrimSpace(r.Email))
	attempt, err := s.throttle.begin(ctx, s.Store, "check account and password.",
		ofPair(s.Keyring, "attempts-of-operator-sign-in", r.Address, name), ofAddress(s.Keyring, r.Address),
		limit{key: s.Keyring.MAC("attempts-of-operator", []byte(name))})
	if err != nil {
		return "", nil, err
	}
	defer attempt.end()
	const ofOperator = 2 // among the limits
	pace := pace{s.Now, s.Wait}
	if err := pace.wait(ctx, slowed(attempt.others[ofOperator])); err != nil {
		return "", nil, err
	}
	o, err := s.prove(ctx, r)
	switch {
	case err != nil:
		return "", nil, err
	case o == nil:
		return "", nil, pace.refuse(ctx, attempt, r.Began, errOperatorSignIn)
	default:
		return s.open(ctx, o)
	}
}

// prove gives the enabled operator who is meant, if what was shown is his password, else nil. It verifies one password,
// whoever is meant. What it gives is of before the verification, and so is his epoch: what happens in between ends sessions.
func (s *Operators) prove(ctx context.Context, r OperatorSignIn) (*muster.Operator, error) {
	var o *muster.Operator
	encoded := ""
	if emailKey, fault := mapping.EmailKey("email", r.Email); fault == nil {
		var err error
		if o, err = found(s.Store.OperatorByEmail(ctx, emailKey)); err != nil {
			return nil, fmt.Errorf("look up who signs in: %w", err)
		}
	}
	if o != nil {
		encoded = o.PasswordHash
	}
	shown := []byte(r.Password)
	defer secret.Wipe(shown)
	ok, outdated, err := judge(ctx, s.Hasher, &s.decoy, encoded, shown)
	switch {
	case err != nil:
		return nil, err
	case !ok || o.Disabled:
		return nil, nil
	case outdated:
		return o, s.upgrade(ctx, o, shown)
	default:
		return o, nil
	}
}

// upgrade replaces a hash that was made with other costs than hashes are made with now. It ends no session, and when many
// wait it is left to the next sign-in.
func (s *Operators) upgrade(ctx context.Context, o *muster.Operator, shown []byte) error {
	next, err := s.Hasher.Hash(ctx, password.Interactive, shown)
	switch {
	case errors.Is(err, password.ErrBusy):
		return nil
	case err != nil:
		return hashing("hash a password anew", err)
	}
	_, err = s.Store.ChangeOperator(muster.WithAudit(ctx, nil), o.ID, func(stored *muster.Operator, _ time.Time) error {
		if stored.PasswordHash == o.PasswordHash {
			stored.PasswordHash = next
		}
		return nil
	})
	if _, err = found(o, err); err != nil {
		return fault("store a hash made anew", err)
	}
	return nil
}

// open begins a session.
func (s *Operators) open(ctx context.Context, o *muster.Operator) (string, *muster.Operator, error) {
	plain, hash := newSecret()
	recordAs(ctx, o)
	err := s.Store.CreateOperatorSession(ctx, &OperatorSession{
		Hash: hash, Operator: o.ID, Epoch: o.Epoch, Idle: OperatorIdle, Life: OperatorLife,
	})
	if err != nil {
		return "", nil, fault("store an operator's session", err)
	}
	return plain, o, nil
}

// recordAs says whose doing the context's record is, who is known only now.
func recordAs(ctx context.Context, o *muster.Operator) {
	if a := muster.AuditOf(ctx); a != nil {
		a.Record.User, a.Record.Tenant = o.ID, o.Tenant
	}
}

// errOperatorSession is one refusal, so that it does not tell what is wrong.
var errOperatorSession = &muster.Error{Kind: muster.KindUnauthenticated, Detail: "The session has ended: sign in again."}

// Session says whose a session is, and extends it. It ends OperatorIdle after its last request, OperatorLife after it
// began, and at once when its operator is removed, disabled, or sets another password.
func (s *Operators) Session(ctx context.Context, sessionSecret string) (*muster.Operator, error) {
	hash := sha256.Sum256([]byte(sessionSecret))
	o, left, err := s.session(ctx, hash)
	if err != nil {
		return nil, err
	}
	if left <= OperatorIdle-extendAfter {
		if err := s.Store.ExtendOperatorSession(muster.WithAudit(ctx, nil), hash, OperatorIdle); err != nil {
			return nil, fault("extend an operator's session", err)
		}
	}
	return o, nil
}

// Glance is Session for a request that nobody made, such as a page's own for newer figures: it does not extend the session,
// which would never be idle while a window is open.
func (s *Operators) Glance(ctx context.Context, sessionSecret string) (*muster.Operator, error) {
	o, _, err := s.session(ctx, sha256.Sum256([]byte(sessionSecret)))
	return o, err
}

// session says whose it is, and how long it lasts unless it is extended.
func (s *Operators) session(ctx context.Context, hash [32]byte) (*muster.Operator, time.Duration, error) {
	session, o, err := s.Store.OperatorSession(ctx, hash)
	switch {
	case muster.KindOf(err) == muster.KindNotFound:
		return nil, 0, errOperatorSession
	case err != nil:
		return nil, 0, fault("look up an operator's session", err)
	case o.Disabled || o.Epoch != session.Epoch:
		return nil, 0, errOperatorSession
	}
	return o, session.Left, nil
}

// SignOut ends a session, if it is there.
func (s *Operators) SignOut(ctx context.Context, sessionSecret string) error {
	if err := s.Store.DeleteOperatorSession(ctx, sha256.Sum256([]byte(sessionSecret))); err != nil {
		return fault("end an operator's session", err)
	}
	return nil
}

// OperatorIdentity is who signed in with an identity provider.
type OperatorIdentity struct {
	Issuer  string // the provider's address
	Subject string // its name for him, never given to somebody else
	Name    string
	Email   string              // for people to read
	Role    muster.OperatorRole // what the provider's claims make of him; 0: nothing
}

// errNoRole refuses whom the provider knows and Muster gives nothing.
var errNoRole = &muster.Error{
	Kind: muster.KindForbidden, Detail: "The identity provider gives you no role in this console: ask who administers it there.",
}

// SignInElsewhere gives the secret of a new session to who proved to an identity provider who he is. At his first sign-in it
// makes an operator of the installation; each one brings his name, address and role up to date. KindForbidden if he has no
// role, or is disabled here.
func (s *Operators) SignInElsewhere(ctx context.Context, who OperatorIdentity) (sessionSecret string, _ *muster.Operator, err error) {
	if who.Role.Scopes() == 0 {
		return "", nil, errNoRole
	}
	name := shownName(who)
	subject := who.Issuer + " " + who.Subject
	o, err := found(s.Store.OperatorBySubject(ctx, subject))
	if err != nil {
		return "", nil, fault("look up who signs in", err)
	}
	if o == nil {
		o = &muster.Operator{Name: name, Email: who.Email, Role: who.Role, Subject: subject}
		err := s.create(muster.WithAudit(ctx, nil), o)
		if err == nil {
			return s.open(ctx, o)
		}
		if muster.KindOf(err) != muster.KindConflict {
			return "", nil, err
		}
		if o, err = s.Store.OperatorBySubject(ctx, subject); err != nil { // his other request was first
			return "", nil, fault("look up who signs in", err)
		}
	}
	if o.Disabled {
		return "", nil, &muster.Error{Kind: muster.KindForbidden, Detail: "You are disabled in this console: ask who administers it."}
	}
	if o.Name != name || o.Email != who.Email || o.Role != who.Role {
		o, err = s.Store.ChangeOperator(muster.WithAudit(ctx, nil), o.ID, func(o *muster.Operator, _ time.Time) error {
			o.Name, o.Email, o.Role = name, who.Email, who.Role
			return nil
		})
		if err != nil {
			return "", nil, fault("bring an operator up to date", err)
		}
	}
	return s.open(ctx, o)
}

// shownName is what to call somebody of whom a provider may say anything.
func shownName(who OperatorIdentity) string {
	for _, name := range []string{who.Name, who.Email} {
		if name = strings.TrimSpace(name); checkName("name", name) == nil {
			return name
		}
	}
	return "Operator"
}
