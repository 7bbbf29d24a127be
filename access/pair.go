package access

import (
	"context"
	"errors"
	"time"

	"muster"
	"muster/access/signature"
	"muster/secret"
)

// credentials is where a credential is looked up by its AppID, whatever the tenant.
type credentials interface {
	Credential(ctx context.Context, appID string) (*muster.Credential, error)
}

// pair is a key pair that somebody claims to hold, before he has proved it. Looking it up and opening its secrets is the
// same work whether or not anybody has it, so that neither answer nor time tells.
type pair struct {
	credentials credentials
	keyring     Keyring
	now         time.Time
	appID       string
	credential  *muster.Credential // nil if nobody has the AppID
}

// dummySecret stands in for the secrets that a credential does not have. Nothing ever verifies under it.
const dummySecret = "a secret of the same length as real ones"

func (p *pair) lookUp(ctx context.Context) error {
	credential, err := p.credentials.Credential(ctx, p.appID)
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

// openKnown opens the live secrets, in the order of live. If another process rotated their key away, it loads the keys
// anew and reads the credential, whose secrets are sealed anew, again. The caller wipes them.
func (p *pair) openKnown(ctx context.Context) (secrets [][]byte, err error) {
	secrets, err = p.open()
	if errors.Is(err, secret.ErrUnknownKey) {
		if err := p.keyring.Reload(ctx); err != nil {
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
func (p *pair) open() (secrets [][]byte, err error) {
	live, binding := p.live(), SecretBinding(0, p.appID)
	if p.credential != nil {
		binding = SecretBinding(p.credential.Tenant, p.credential.AppID)
	}
	for i := range signature.MaxSecrets {
		if i >= len(live) {
			p.keyring.SealSecret([]byte(dummySecret), binding)
			continue
		}
		plain, err := p.keyring.OpenSecret(live[i].Sealed, binding)
		if err != nil {
			wipe(secrets)
			return nil, err
		}
		secrets = append(secrets, plain)
	}
	return secrets, nil
}

// live lists the secrets that prove something now, none if nobody has the AppID.
func (p *pair) live() []muster.Secret {
	if p.credential == nil {
		return nil
	}
	return p.credential.Live(p.now)
}

func wipe(secrets [][]byte) {
	for _, s := range secrets {
		secret.Wipe(s)
	}
}
