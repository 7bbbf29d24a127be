package native

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/access"
)

// NewCredential is the body that makes a credential.
type NewCredential struct {
	Name   string   `json:"name,omitempty" doc:"at most 64 characters, for people"`
	AppID  string   `json:"appId,omitempty" doc:"1 to 128 letters, digits, dots, underscores or hyphens; absent makes one"`
	Secret string   `json:"secret,omitempty" doc:"8 to 256 printable ASCII characters that a client already holds; absent makes one" writeOnly:"true"`
	Scopes []string `json:"scopes,omitempty" enum:"read,provision,administer" doc:"what it may do: read, provision (submit batches), administer (change everything else); absent is all"`
}

// Format prints no secret, whatever the verb.
func (n NewCredential) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "new credential "+n.AppID)
}

// Rotation is the body that gives a credential another secret.
type Rotation struct {
	Overlap string `json:"overlap,omitempty" example:"24h" doc:"how long the old secret goes on working, such as 90m or 24h, at most 2160h; 0s ends it at once; absent is 24h"`
	Secret  string `json:"secret,omitempty" doc:"8 to 256 printable ASCII characters that a client already holds; absent makes one" writeOnly:"true"`
}

// Format prints no secret, whatever the verb.
func (r Rotation) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "rotation over "+r.Overlap) }

// CredentialPatch changes the parts of a credential that it has.
type CredentialPatch struct {
	Disabled *bool    `json:"disabled,omitempty" doc:"whether everything that it signs is refused"`
	Scopes   []string `json:"scopes,omitempty" enum:"read,provision,administer" minItems:"1" doc:"what it may do, in the place of what it might"`
}

// Credential is a key pair of a tenant.
type Credential struct {
	TenantID  muster.ID `json:"tenantId"`
	AppID     string    `json:"appId"`
	Name      string    `json:"name,omitempty"`
	Disabled  bool      `json:"disabled"`
	Scopes    []string  `json:"scopes" nullable:"false" enum:"read,provision,administer" doc:"what it may do"`
	CreatedAt time.Time `json:"createdAt"`
	Secrets   []Secret  `json:"secrets" nullable:"false" doc:"one, or two while a rotation overlaps; the newest first"`
	Secret    string    `json:"secret,omitempty" doc:"shown once, by the call that made it; absent if it was brought along"`
}

// Secret is what may be told of a secret.
type Secret struct {
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt,omitzero" doc:"absent if it does not expire"`
}

// Format prints no secret, whatever the verb.
func (c Credential) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "credential "+c.AppID) }

// Credentials is a page of a tenant's credentials, by creation.
type Credentials struct {
	Credentials []Credential `json:"credentials" nullable:"false"`
	Next        string       `json:"nextCursor,omitempty" doc:"cursor of the next page; absent if this is the last"`
}

func credentialOf(c *muster.Credential) Credential {
	wire := Credential{
		TenantID: c.Tenant, AppID: c.AppID, Name: c.Name, Disabled: c.Disabled, Scopes: c.Scopes.Names(), CreatedAt: c.CreatedAt,
		Secrets: make([]Secret, len(c.Secrets)),
	}
	for i := range c.Secrets {
		wire.Secrets[i] = Secret{CreatedAt: c.Secrets[i].CreatedAt, ExpiresAt: c.Secrets[i].ExpiresAt}
	}
	return wire
}

func (a *api) addCredentials(h huma.API) {
	const tag = "Credentials"
	const all, one = "/tenants/{tenant}/credentials", "/tenants/{tenant}/credentials/{appId}"
	huma.Register(h, operation("create-credential", http.MethodPost, all, "Make a credential", tag, http.StatusCreated),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   NewCredential
		}) (*answer[Credential], error) {
			c, err := a.createCredential(ctx, in.Tenant.id, &in.Body)
			return issued(ctx, a, c, in.Body.Secret != "", err)
		})
	huma.Register(h, operation("list-credentials", http.MethodGet, all, "List a tenant's credentials", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Cursor string `query:"cursor" doc:"a page's nextCursor"`
			Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"credentials on a page"`
		}) (*answer[Credentials], error) {
			page, err := a.listCredentials(ctx, in.Tenant.id, in.Cursor, in.Limit)
			return reply(ctx, a, page, err)
		})
	huma.Register(h, operation("rotate-credential", http.MethodPost, one+"/rotate", "Give a credential another secret", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			AppID  string `path:"appId"`
			Body   Rotation
		}) (*answer[Credential], error) {
			c, err := a.rotate(ctx, in.Tenant.id, in.AppID, &in.Body)
			return issued(ctx, a, c, in.Body.Secret != "", err)
		})
	huma.Register(h, operation("change-credential", http.MethodPatch, one, "Disable a credential or enable it again, or let it do other things", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			AppID  string `path:"appId"`
			Body   CredentialPatch
		}) (*answer[Credential], error) {
			c, err := a.changeCredential(ctx, in.Tenant.id, in.AppID, &in.Body)
			return reply(ctx, a, c, err)
		})
}

func (a *api) createCredential(ctx context.Context, tenant muster.ID, n *NewCredential) (access.Issued, error) {
	scopes, err := muster.ParseScopes(n.Scopes)
	if err != nil {
		return access.Issued{}, err
	}
	return a.Access.CreateCredential(ctx, tenant, access.NewCredential{Name: n.Name, AppID: n.AppID, Secret: n.Secret, Scopes: scopes})
}

func issued(ctx context.Context, a *api, c access.Issued, brought bool, err error) (*answer[Credential], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	body := credentialOf(c.Credential)
	if !brought {
		body.Secret = c.Secret
	}
	return &answer[Credential]{Body: body}, nil
}

// listCredentials gives those behind the one whose AppId the cursor is.
func (a *api) listCredentials(ctx context.Context, tenant muster.ID, cursor string, limit int) (page Credentials, err error) {
	if _, err := a.Access.Tenant(ctx, tenant); err != nil {
		return page, err
	}
	found, err := a.Access.Credentials(ctx, tenant)
	if err != nil {
		return page, err
	}
	if cursor != "" {
		at := slices.IndexFunc(found, func(c muster.Credential) bool { return c.AppID == cursor })
		if at < 0 {
			return page, &muster.Error{Kind: muster.KindInvalid, Field: "cursor", Detail: "cursor must be nextCursor of the page before."}
		}
		found = found[at+1:]
	}
	if len(found) > limit {
		found = found[:limit]
		page.Next = found[limit-1].AppID
	}
	page.Credentials = make([]Credential, len(found))
	for i := range found {
		page.Credentials[i] = credentialOf(&found[i])
	}
	return page, nil
}

func (a *api) rotate(ctx context.Context, tenant muster.ID, appID string, r *Rotation) (access.Issued, error) {
	overlap := access.DefaultOverlap
	if r.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(r.Overlap); err != nil {
			return access.Issued{}, &muster.Error{
				Kind: muster.KindInvalid, Field: "overlap",
				Detail: "overlap must be a duration such as 90m or 24h.",
			}
		}
	}
	return a.Access.RotateCredential(ctx, tenant, appID, overlap, r.Secret)
}

func (a *api) changeCredential(ctx context.Context, tenant muster.ID, appID string, patch *CredentialPatch) (Credential, error) {
	change := access.CredentialChange{Disabled: patch.Disabled}
	if patch.Scopes != nil {
		scopes, err := muster.ParseScopes(patch.Scopes)
		if err != nil {
			return Credential{}, err
		}
		change.Scopes = &scopes
	}
	c, err := a.Access.ChangeCredential(ctx, tenant, appID, change)
	if err != nil {
		return Credential{}, err
	}
	return credentialOf(c), nil
}
