package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"muster"
	"muster/access/signature"
)

// Directory is what a [Verifier] reads; every [Store] is one.
type Directory interface {
	Credential(ctx context.Context, appID string) (*muster.Credential, error)
	Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error)
	User(ctx context.Context, tenant, id muster.ID) (*muster.User, error)
}

// Verifier finds out who signed a request (KooDrive contract, section 4). It is safe for concurrent use.
//
// Refusals are [*muster.Error]: KindInvalid for a malformed request target, KindUnauthenticated, KindForbidden. Any other
// error, among them every one of the store's and the keyring's, says that the request could not be judged.
type Verifier struct {
	Directory Directory
	Keyring   Keyring
	Now       func() time.Time
	Policy    signature.Policy // its zero value serves clients that reach the server directly
	Leeway    time.Duration    // how far in the future a request's date may be; main sets signature.Leeway as the default
}

// Caller is who signed a request: an application of the tenant, on behalf of an enabled user who may provision.
type Caller struct {
	Tenant *muster.Tenant
	AppID  string
	User   muster.ID
	Level  muster.AdminLevel // one that [muster.AdminLevel.MayProvision]
	Scopes muster.Scopes     // of the credential
	Query  signature.Query   // the request's query, parsed as it was signed
	// Fingerprint is AppID and StringToSign: equal exactly for repeats of one signed request. It can be guessed from the
	// request, so it is stored under a keyed hash.
	Fingerprint []byte
}

// Pending is a request whose headers and date are in order and whose body is still to be read. Nothing in it is proven.
type Pending struct {
	pair
	verifier *Verifier
	signed   *signature.Signed
	named    bool // the request has X-User-Id, signed or not
}

var errForbidden = &muster.Error{
	Kind:   muster.KindForbidden,
	Field:  "X-User-Id",
	Detail: "X-User-Id must name an enabled user of the tenant with role 2 (system administrator) or 5 (management permissions).",
}

// Begin checks what can be checked before the body is read: the target, the headers and the date, in that order. It
// looks the credential up too, but an AppID that is unknown or disabled goes on: only [Pending.Verify] refuses it, with
// the answer that a wrong signature gets, after the same work.
func (v *Verifier) Begin(r *http.Request) (*Pending, error) {
	signed, err := v.Policy.Parse(r)
	if err != nil {
		return nil, refusal(err)
	}
	now := v.Now()
	if err := signed.CheckDate(now, signature.MaxAge, v.Leeway); err != nil {
		return nil, refusal(err)
	}
	p := &Pending{
		pair:     pair{credentials: v.Directory, keyring: v.Keyring, now: now, appID: signed.AppID},
		verifier: v,
		signed:   signed,
		named:    len(r.Header.Values("X-User-Id")) > 0,
	}
	if err := p.lookUp(r.Context()); err != nil {
		return nil, err
	}
	return p, nil
}

// Verify proves the request with its whole body and says who calls. Whoever fails the proof causes no further look-up:
// the user is read only for a request that somebody with the secret has signed.
func (p *Pending) Verify(ctx context.Context, body []byte) (*Caller, error) {
	tenant, fingerprint, err := p.prove(ctx, sha256.Sum256(body))
	if err != nil {
		return nil, err
	}
	user, err := p.user(ctx)
	switch {
	case err != nil:
		return nil, err
	case !user.Level.MayProvision():
		return nil, errForbidden
	}
	return &Caller{
		Tenant:      tenant,
		AppID:       p.credential.AppID,
		User:        user.ID,
		Level:       user.Level,
		Scopes:      p.credential.Scopes,
		Query:       p.signed.Target.Query,
		Fingerprint: []byte(fingerprint),
	}, nil
}

// Announced is the SHA-256 of the body that the request announces by X-Sdk-Content-Sha256, whichever its scheme. Proved by
// it with [Pending.Identify], the request says who calls before its body is read; what was read then has to have it.
func (p *Pending) Announced() (digest [sha256.Size]byte, ok bool) { return p.signed.Announced() }

// Identify proves the request with the SHA-256 of its body and says for whom it speaks: for the application itself, which
// acts as [Application] says, or where X-User-Id is signed for that user, whatever his level, as long as he is enabled.
// Only a Verifier whose policy has UserOptional lets the former through. An X-User-Id that is not signed is refused.
func (p *Pending) Identify(ctx context.Context, body [sha256.Size]byte) (*Principal, error) {
	tenant, _, err := p.prove(ctx, body)
	if err != nil {
		return nil, err
	}
	who := &Principal{Tenant: tenant, AppID: p.credential.AppID, Scopes: p.credential.Scopes}
	switch {
	case p.signed.UserID == "" && p.named:
		return nil, &muster.Error{Kind: muster.KindUnauthenticated, Detail: "SignedHeaders must name X-User-Id, or the request leave it out."}
	case p.signed.UserID == "":
		who.Actor.Level = muster.LevelSystemAdmin
		return who, nil
	}
	user, err := p.user(ctx)
	if err != nil {
		return nil, err
	}
	who.Actor = muster.Actor{User: user.ID, Level: user.Level, Department: user.Department}
	return who, nil
}

// prove holds the signature against the credential's live secrets.
func (p *Pending) prove(ctx context.Context, body [sha256.Size]byte) (tenant *muster.Tenant, fingerprint string, err error) {
	secrets, err := p.openKnown(ctx)
	if err != nil {
		return nil, "", err
	}
	defer wipe(secrets)
	if fingerprint, err = p.signed.Verify(body, secrets...); err != nil {
		return nil, "", refusal(err)
	}
	if tenant, err = p.verifier.Directory.Tenant(ctx, p.credential.Tenant); err != nil {
		return nil, "", fault("read the credential's tenant", err)
	}
	return tenant, fingerprint, nil
}

// user reads the user of X-User-Id, who has to be enabled.
func (p *Pending) user(ctx context.Context) (*muster.User, error) {
	id, err := muster.ParseID(p.signed.UserID)
	if err != nil {
		return nil, errForbidden
	}
	user, err := p.verifier.Directory.User(ctx, p.credential.Tenant, id)
	switch {
	case muster.KindOf(err) == muster.KindNotFound:
		return nil, errForbidden
	case err != nil:
		return nil, fault("read the user of X-User-Id", err)
	case user.Disabled:
		return nil, errForbidden
	default:
		return user, nil
	}
}

// refusal gives a refusal of the signature package its kind.
func refusal(err error) error {
	var refused *signature.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("verify a signature: %w", err)
	}
	kind := muster.KindUnauthenticated
	if refused.Status == http.StatusBadRequest {
		kind = muster.KindInvalid
	}
	return &muster.Error{Kind: kind, Detail: refused.Reason}
}

// fault describes trouble of ours. It lets no kind through but "try again later": a credential whose tenant is not found,
// for instance, is no answer for the caller.
func fault(what string, err error) error {
	switch muster.KindOf(err) {
	case muster.KindInternal, muster.KindOverloaded, muster.KindUnavailable:
		return fmt.Errorf("%s: %w", what, err)
	default:
		return errors.New(what + ": " + err.Error())
	}
}
