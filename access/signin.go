package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"muster"
	"muster/mapping"
	"muster/password"
	"muster/secret"
)

// refusalTime is how long a refused sign-in takes at least, from its first moment: less would tell what was wrong, and
// help to guess (KooDrive contract, section 5; OWASP Authentication Cheat Sheet).
const refusalTime = 500 * time.Millisecond

// maxAccount bounds what somebody signs in as, in bytes. No phone, account or e-mail address is as long.
const maxAccount = 2048

// errSignIn is the one refusal of a sign-in.
var errSignIn = &muster.Error{
	Kind:   muster.KindUnauthenticated,
	Detail: "No enabled user has this account and this password.",
}

// SignIn gives a session to who knows an enabled user's password. The user is meant by his phone, else by his account
// name, else by his e-mail address as long as exactly one enabled user has it.
//
// Unknown accounts, wrong passwords, users who are disabled and users without password get one refusal, after one
// verification and not before half a second has passed since r.Began. Refused attempts are counted by address and account,
// and by address; beyond the limits of throttle.go every attempt from there is refused, with KindOverloaded and a time.
// An account that is guessed at from anywhere is slowed, for everybody, and never locked. Where more sign-ins wait for
// their verification than can be done in good time, the next is refused with KindOverloaded.
//
// Who has to set another password first is refused with [*MustChangeError].
func (s *Sessions) SignIn(ctx context.Context, r SignInRequest) (*Session, error) {
	who := claimOf(r.Tenant, r.Account)
	attempt, err := s.throttle.begin(ctx, s.Store, "check account and password.",
		ofPair(s.Keyring, "attempts-of-sign-in", r.Address, who.name), ofAddress(s.Keyring, r.Address),
		limit{key: s.Keyring.MAC("attempts-of-account", []byte(who.name))})
	if err != nil {
		return nil, err
	}
	defer attempt.end()
	const ofAccount = 2 // among the limits
	pace := pace{s.Now, s.Wait}
	if err := pace.wait(ctx, slowed(attempt.others[ofAccount])); err != nil {
		return nil, err
	}
	user, err := s.prove(ctx, r, who)
	if err != nil {
		return nil, err
	}
	if user != nil && user.MustChangePassword {
		if err := s.mustChange(ctx, r.Tenant.ID, user); err != nil {
			return nil, err
		}
		user = nil // he was changed in between: what was shown is no longer right
	}
	if user == nil {
		return nil, pace.refuse(ctx, attempt, r.Began, errSignIn)
	}
	opened := newTokens(r.Tenant.ID, user, newFamily())
	if err := s.Store.CreateTokens(ctx, r.Tenant.ID, opened.stored()...); err != nil {
		return nil, fault("store a session's tokens", err)
	}
	return opened.session(user), nil
}

// pace is when answers are given.
type pace struct {
	now     func() time.Time
	waiting func(ctx context.Context, d time.Duration) error // nil waits by a timer
}

// refuse counts the attempt, and answers when it is time to.
func (p pace) refuse(ctx context.Context, attempt *attempt, began time.Time, refusal error) error {
	if err := attempt.refused(ctx); err != nil {
		return err
	}
	if err := p.wait(ctx, refusalTime-p.now().Sub(began)); err != nil {
		return err
	}
	return refusal
}

func (p pace) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	wait := p.waiting
	if wait == nil {
		wait = waitByTimer
	}
	if err := wait(ctx, d); err != nil {
		return fmt.Errorf("wait before a sign-in is answered: %w", err)
	}
	return nil
}

func waitByTimer(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// prove gives the enabled user who is meant, if what was shown is his password, else nil. It verifies one password,
// whoever is meant. What it gives is of before the verification, and so is the epoch of his tokens: what happens in
// between ends them.
func (s *Sessions) prove(ctx context.Context, r SignInRequest, who claim) (*muster.User, error) {
	user, err := s.find(ctx, r.Tenant.ID, who)
	if err != nil {
		return nil, err
	}
	encoded := ""
	if user != nil {
		encoded = user.PasswordHash
	}
	shown := []byte(r.Password)
	defer secret.Wipe(shown)
	ok, outdated, err := judge(ctx, s.Hasher, &s.decoy, encoded, shown)
	switch {
	case err != nil:
		return nil, err
	case !ok || user.Disabled:
		return nil, nil
	case outdated:
		return user, s.upgrade(ctx, r.Tenant.ID, user, shown)
	default:
		return user, nil
	}
}

// upgrade replaces a hash that was made with other costs than hashes are made with now, unless another password was set
// in between. It ends no token, and when many wait it is left to the next sign-in.
func (s *Sessions) upgrade(ctx context.Context, tenant muster.ID, user *muster.User, shown []byte) error {
	next, err := s.Hasher.Hash(ctx, password.Interactive, shown)
	switch {
	case errors.Is(err, password.ErrBusy):
		return nil
	case err != nil:
		return hashing("hash a password anew", err)
	}
	before := user.PasswordHash
	err = s.Store.ChangeSignIns(ctx, tenant, []muster.ID{user.ID}, func(in *muster.SignIn) error {
		if in.User.PasswordHash == before {
			in.User.PasswordHash, user.PasswordHash = next, next
		}
		return nil
	})
	if err != nil {
		return fault("store a hash made anew", err)
	}
	return nil
}

// mustChange refuses a user who has to set another password, with a link to the page where he does; nil if meanwhile he
// does not have to, or may not.
func (s *Sessions) mustChange(ctx context.Context, tenant muster.ID, user *muster.User) error {
	var link *Link
	err := s.Store.ChangeSignIns(ctx, tenant, []muster.ID{user.ID}, func(in *muster.SignIn) error {
		if in.User.PasswordHash == user.PasswordHash && in.User.MustChangePassword && !in.User.Disabled {
			link = newLink(in, MustChangeLife)
		}
		return nil
	})
	switch {
	case err != nil:
		return fault("store a link", err)
	case link == nil:
		return nil
	default:
		return &MustChangeError{Link: *link}
	}
}

// hashing gives the refusals of a [Hasher] their kinds.
func hashing(what string, err error) error {
	switch {
	case errors.Is(err, password.ErrBusy):
		return &muster.Error{
			Kind: muster.KindOverloaded, RetryAfter: time.Second, Err: err, Detail: "Too many passwords wait to be checked: try again in a second.",
		}
	case errors.Is(err, password.ErrClosed):
		return &muster.Error{Kind: muster.KindUnavailable, Err: err, Detail: "The server is about to stop: try again."}
	default:
		return fault(what, err)
	}
}

// claim is who somebody says that he is.
type claim struct {
	name  string // one for all notations of a phone, account or e-mail address of a tenant: by it attempts are counted
	keys  muster.Keys
	email string // the key; "" if it is none
}

// claimOf reads what somebody signs in as. What no user can have has no key.
func claimOf(tenant *muster.Tenant, account string) claim {
	account = strings.TrimSpace(account)
	name := mapping.AccountKey(account)
	var c claim
	if account != "" && len(account) <= maxAccount && utf8.ValidString(account) && !strings.ContainsFunc(account, unicode.IsControl) {
		c.keys.Accounts = []string{name}
		if phone, fault := mapping.PhoneKey("account", account, tenant.Settings.PhoneRegion); fault == nil {
			c.keys.Phones, name = []string{phone}, phone
		}
		if email, fault := mapping.EmailKey("account", account); fault == nil {
			c.email = email
		}
	}
	c.name = tenant.ID.String() + "\n" + name
	return c
}

// find gives the user whom a claim means; nil if it means nobody.
func (s *Sessions) find(ctx context.Context, tenant muster.ID, who claim) (*muster.User, error) {
	shot, err := s.Store.Snapshot(ctx, tenant, who.keys)
	if err != nil {
		return nil, fault("look up who signs in", err)
	}
	var byAccount *muster.User
	for i := range shot.Users {
		u := &shot.Users[i]
		if len(who.keys.Phones) > 0 && u.PhoneKey == who.keys.Phones[0] {
			return u, nil
		}
		if u.AccountKey == who.keys.Accounts[0] {
			byAccount = u
		}
	}
	if byAccount != nil || who.email == "" {
		return byAccount, nil
	}
	const ambiguous = 2
	holders, err := s.Store.EnabledByEmail(ctx, tenant, who.email, ambiguous)
	if err != nil {
		return nil, fault("look up who signs in by e-mail", err)
	}
	if len(holders) == 1 {
		return &holders[0], nil
	}
	return nil, nil
}

// judge reports whether what was shown is the password of the hash. Where there is no hash it is not, and that takes as long.
func judge(ctx context.Context, h Hasher, d *decoy, encoded string, shown []byte) (ok, outdated bool, err error) {
	instead, err := d.hash(ctx, h)
	if err != nil {
		return false, false, err
	}
	known := encoded != ""
	if !known {
		encoded = instead
	}
	ok, outdated, err = h.Verify(ctx, password.Interactive, encoded, shown)
	if err != nil {
		return false, false, hashing("verify a password", err)
	}
	return ok && known, outdated, nil
}

// decoy is a hash of nothing that anybody knows, verified where there is no other.
type decoy struct {
	mu      sync.Mutex
	encoded string // "" until it is needed first
}

func (d *decoy) hash(ctx context.Context, h Hasher) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.encoded != "" {
		return d.encoded, nil
	}
	encoded, err := h.Hash(ctx, password.Interactive, []byte(rand.Text()))
	if err != nil {
		return "", hashing("hash a decoy", err)
	}
	d.encoded = encoded
	return encoded, nil
}
