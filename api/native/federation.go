package native

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster"
)

// FederationProfile is how a tenant takes in users that another system knows. Numbers that are 0 or absent, and texts
// that are empty or absent, stand for defaults.
type FederationProfile struct {
	System  *IdentitySystem         `json:"system,omitempty" doc:"absent is none: every row fails"`
	Mapping *muster.MappingRule     `json:"mapping,omitempty" doc:"CEL expressions over action, account, userName, email, roleIds and source, each absent for the row's own field; absent as a whole is no rule: every row fails"`
	Account muster.AccountRule      `json:"account,omitzero" doc:"what accounts must be: 6 to 50 letters, digits and @.-_ by default"`
	Limits  muster.FederationLimits `json:"limits,omitzero" doc:"bounds of a row's fields"`
}

// IdentitySystem is where users come from.
type IdentitySystem struct {
	ID           string  `json:"id" doc:"1 to 64 characters, the tenant's own name for it"`
	Kind         string  `json:"kind" doc:"local, which knows what the row says, or http, which is asked for each user"`
	URL          string  `json:"url,omitempty" doc:"kind http: what to GET, with {account} once in path or query"`
	AllowPrivate bool    `json:"allowPrivate,omitempty" doc:"kind http: the address may be a loopback, link-local or private one"`
	Secret       *string `json:"secret,omitempty" doc:"kind http: sent as bearer token; absent keeps the one there is, empty is none" writeOnly:"true"`
	HasSecret    bool    `json:"hasSecret,omitempty" doc:"whether a secret is sent" readOnly:"true"`
}

// Format prints no secret, whatever the verb.
func (s IdentitySystem) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "identity system "+s.ID)
}

// FederationTrier finds out what would become of a federated user, by all that createTask and the engine do, short of
// writing; by a profile in the place of the tenant's, if that is not nil. KindNotFound if there is no such tenant.
type FederationTrier interface {
	TryFederated(ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, user *muster.FederatedUser) (*muster.FederationTrial, error)
}

func profileOf(p *muster.FederationProfile) FederationProfile {
	wire := FederationProfile{Mapping: p.Mapping, Account: p.Account, Limits: p.Limits}
	if s := p.System; s != nil {
		wire.System = &IdentitySystem{ID: s.ID, Kind: s.Kind, URL: s.URL, AllowPrivate: s.AllowPrivate, HasSecret: s.Sealed != nil}
	}
	return wire
}

func (p *FederationProfile) domain() (profile *muster.FederationProfile, secret *string) {
	profile = &muster.FederationProfile{Mapping: p.Mapping, Account: p.Account, Limits: p.Limits}
	if s := p.System; s != nil {
		profile.System = &muster.IdentitySystem{ID: s.ID, Kind: s.Kind, URL: s.URL, AllowPrivate: s.AllowPrivate}
		secret = s.Secret
	}
	return profile, secret
}

func (a *api) addFederation(h huma.API) {
	const tag = "Federation"
	const path = "/tenants/{tenant}/federation"
	huma.Register(h, operation("get-federation", http.MethodGet, path, "Read a tenant's federation profile", tag, http.StatusOK),
		func(ctx context.Context, in *tenantPath) (*answer[FederationProfile], error) {
			p, err := a.Federation.Profile(ctx, in.Tenant.id)
			return a.profile(ctx, p, err)
		})
	huma.Register(h, operation("set-federation", http.MethodPut, path, "Put a profile in the place of a tenant's", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   FederationProfile
		}) (*answer[FederationProfile], error) {
			profile, secret := in.Body.domain()
			p, err := a.Federation.SetProfile(ctx, in.Tenant.id, profile, secret)
			return a.profile(ctx, p, err)
		})
	huma.Register(h, operation("test-federation", http.MethodPost, path+"/test", "See what would become of a federated user", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   muster.FederatedUser
		}) (*answer[*muster.FederationTrial], error) {
			trial, err := a.Trier.TryFederated(ctx, in.Tenant.id, nil, &in.Body)
			return reply(ctx, a, trial, err)
		})
}

func (a *api) profile(ctx context.Context, p *muster.FederationProfile, err error) (*answer[FederationProfile], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[FederationProfile]{Body: profileOf(p)}, nil
}
