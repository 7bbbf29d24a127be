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
	"muster/secret"
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
	Query  signature.Query   // the request's query, parsed as it was signed
	// Fingerprint is AppID and StringToSign: equal exactly for repeats of one signed request. It can be guessed from the
	// request, so it is stored under a keyed hash.
	Fingerprint []byte
}

// Pending is a request whose headers and date are in order and whose body is still to be read. Nothing in it is proven.
type Pending struct {
	verifier   *Verifier
	signed     *signature.Signed
	credential *muster.Credential // nil if nobody has the AppID
}

// dummySecret stands in for the secrets that a credential does not have. Nothing ever verifies under it.
const dummySecret = "a secret of the same length as real ones"

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
	if err := signed.CheckDate(v.Now(), signature.MaxAge, v.Leeway); err != nil {
		return nil, refusal(err)
	}
	p := &Pending{verifier: v, signed: signed}
	if err := p.lookUp(r.Context()); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Pending) lookUp(ctx context.Context) error {
	credential, err := p.verifier.Directory.Credential(ctx, p.signed.AppID)
	switch {
	case muster.KindOf(err) == muster.KindNotFound:
		p.credential = nil
	case err != nil:
		return fault("look up the credential", err)
	default:
		p.credential = credential
	}
	return nil
}

// Verify proves the request with its whole body and says who calls. Whoever fails the proof causes no further look-up:
// the user is read only for a request that somebody with the secret has signed.
func (p *Pending) Verify(ctx context.Context, body []byte) (*Caller, error) {
	secrets, err := p.openKnown(ctx)
	if err != nil {
		return nil, err
	}
	defer wipe(secrets)
	fingerprint, err := p.signed.Verify(sha256.Sum256(body), secrets...)
	if err != nil {
		return nil, refusal(err)
	}
	directory := p.verifier.Directory
	tenant, err := directory.Tenant(ctx, p.credential.Tenant)
	if err != nil {
		return nil, fault("read the credential's tenant", err)
	}
	user, err := p.user(ctx)
	if err != nil {
		return nil, err
	}
	return &Caller{
		Tenant:      tenant,
		AppID:       p.credential.AppID,
		User:        user.ID,
		Level:       user.Level,
		Query:       p.signed.Target.Query,
		Fingerprint: []byte(fingerprint),
	}, nil
}

// openKnown opens the live secrets. If another process rotated their key away, it loads the keys anew and reads the
// credential, whose secrets are sealed anew, again.
func (p *Pending) openKnown(ctx context.Context) (secrets [][]byte, err error) {
	secrets, err = p.open()
	if errors.Is(err, secret.ErrUnknownKey) {
		if err := p.verifier.Keyring.Reload(ctx); err != nil {
			return nil, fault("load keys", err)
		}
		if err := p.lookUp(ctx); err != nil {
			return nil, err
		}
		secrets, err = p.open()
	}
	if err != nil {
		return nil, fault("open the credential's secret", err)
	}
	return secrets, nil
}

// open opens the live secrets. Where there are fewer than there may be, sealing a dummy takes the time of opening one.
func (p *Pending) open() (secrets [][]byte, err error) {
	var live []muster.Secret
	binding := SecretBinding(0, p.signed.AppID)
	if p.credential != nil {
		live = p.credential.Live(p.verifier.Now())
		binding = SecretBinding(p.credential.Tenant, p.credential.AppID)
	}
	for i := range signature.MaxSecrets {
		if i >= len(live) {
			p.verifier.Keyring.SealSecret([]byte(dummySecret), binding)
			continue
		}
		plain, err := p.verifier.Keyring.OpenSecret(live[i].Sealed, binding)
		if err != nil {
			wipe(secrets)
			return nil, err
		}
		secrets = append(secrets, plain)
	}
	return secrets, nil
}

func wipe(secrets [][]byte) {
	for _, s := range secrets {
		secret.Wipe(s)
	}
}

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
	case user.Disabled || !user.Level.MayProvision():
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
