package access

import (
	"context"
	"crypto/sha256"

	"muster"
)

// Principal is for whom a bearer token or a signed request speaks. An application acts as a system administrator does, see
// [Application], or for a user whom it names.
type Principal struct {
	Tenant *muster.Tenant
	Actor  muster.Actor  // its User is 0 for an application that names none
	AppID  string        // of an application; "" for a user
	Scopes muster.Scopes // of the application's credential; all for a user, who may do what his level lets him
}

// errBearer is one refusal, so that it does not tell what is wrong.
var errBearer = &muster.Error{
	Kind:   muster.KindUnauthenticated,
	Detail: "The access token is unknown, has expired, or has ended since: sign in again.",
}

// Authenticate says for whom an access token speaks: a user's (see [Sessions.SignIn]), or an application's (see
// [Tokens.Issue]). It ends when its time is over, and at once with what it was given for: when the user is deleted,
// disabled, or gets another password, level or roles; when the credential is disabled or its secret ends. A refresh token is
// none, and one of another tenant than the hint names, if it names any, is refused as an unknown one is.
func (s *Sessions) Authenticate(ctx context.Context, hint TenantHint, accessToken string) (*Principal, error) {
	stored, err := s.token(ctx, sha256.Sum256([]byte(accessToken)))
	switch {
	case err != nil:
		return nil, err
	case stored == nil:
		return nil, errBearer
	}
	p := &Principal{}
	switch stored.Kind {
	case TokenUser:
		user, err := s.holder(ctx, stored)
		switch {
		case err != nil:
			return nil, err
		case user == nil:
			return nil, errBearer
		}
		p.Actor, p.Scopes = muster.Actor{User: user.ID, Level: user.Level, Department: user.Department}, muster.AllScopes
	case TokenApplication:
		pair := pair{credentials: s.Store, now: s.Now(), appID: stored.AppID}
		if err := pair.lookUp(ctx); err != nil {
			return nil, err
		}
		if !pair.holds(stored.SecretAt) {
			return nil, errBearer
		}
		p.Actor.Level, p.AppID, p.Scopes = muster.LevelSystemAdmin, stored.AppID, pair.credential.Scopes
	default:
		return nil, errBearer
	}
	p.Tenant, err = s.tenant(ctx, stored.Tenant, hint)
	switch {
	case err != nil:
		return nil, err
	case p.Tenant == nil:
		return nil, errBearer
	}
	return p, nil
}

// TenantOf finds the tenant of a request that brings no token yet: the one whose host it was sent to, else the one that
// it names by X-Tenant-Id, else the only one there is (KooDrive contract, section 5, /auth/login). KindInvalid if that
// leaves none.
func (s *Sessions) TenantOf(ctx context.Context, hint TenantHint) (*muster.Tenant, error) {
	tenant, err := s.tenantAt(ctx, hint.Host)
	if tenant != nil || err != nil {
		return tenant, err
	}
	refusal := errTenant
	if hint.ID == "" {
		refusal = errNoTenant
		tenant, err = found(s.Store.SoleTenant(ctx))
	} else if id, malformed := muster.ParseID(hint.ID); malformed == nil {
		tenant, err = found(s.Store.Tenant(ctx, id))
	}
	switch {
	case err != nil:
		return nil, fault("read the tenant of a request", err)
	case tenant == nil:
		return nil, refusal
	default:
		return tenant, nil
	}
}

var (
	errTenant = &muster.Error{
		Kind: muster.KindInvalid, Field: "X-Tenant-Id", Detail: "X-Tenant-Id must be the id of a tenant.",
	}
	errNoTenant = &muster.Error{
		Kind: muster.KindInvalid, Field: "X-Tenant-Id", Detail: "X-Tenant-Id must name the tenant, since the host name does not.",
	}
)

// tenantAt is the tenant that has the host; nil if none has.
func (s *Sessions) tenantAt(ctx context.Context, host string) (*muster.Tenant, error) {
	if host == "" {
		return nil, nil //nolint:nilnil // nil is "none", as the comment says
	}
	tenant, err := found(s.Store.TenantAt(ctx, host))
	if err != nil {
		return nil, fault("look up the tenant of a host", err)
	}
	return tenant, nil
}

// tenant reads the tenant of a token; nil if it is gone, or the hint names another.
func (s *Sessions) tenant(ctx context.Context, id muster.ID, hint TenantHint) (*muster.Tenant, error) {
	named, err := s.tenantAt(ctx, hint.Host)
	switch {
	case err != nil:
		return nil, err
	case named != nil && named.ID != id, named == nil && hint.ID != "" && hint.ID != id.String():
		return nil, nil //nolint:nilnil // nil is "none", as the comment says
	case named != nil:
		return named, nil
	}
	tenant, err := found(s.Store.Tenant(ctx, id))
	if err != nil {
		return nil, fault("read a token's tenant", err)
	}
	return tenant, nil
}

// found is nil without error where there is no such thing.
func found[T any](thing *T, err error) (*T, error) {
	if muster.KindOf(err) == muster.KindNotFound {
		return nil, nil //nolint:nilnil // nil is "none", as the comment says
	}
	return thing, err
}
