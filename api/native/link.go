package native

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/access"
	"muster/provision"
)

// Passwords makes links by which users set their passwords, and resets passwords; [*access.Activations] is one.
type Passwords interface {
	Create(ctx context.Context, tenant muster.ID, actor muster.Actor, users []muster.ID, life time.Duration) ([]access.Link, error)
	Reset(ctx context.Context, tenant muster.ID, actor muster.Actor, user muster.ID, newPassword string, mustChange bool) error
}

// UserReader reads users; it is the store.
type UserReader interface {
	// Snapshot has the users of the keys' ids who are there.
	Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error)
}

// NewLink is the body that makes a user's link.
type NewLink struct {
	Life string `json:"life,omitempty" example:"72h" doc:"how long the link waits to be used, such as 90m or 72h, from 1m to 720h; absent is 72h"`
}

// Link is a one-time link by which a user sets his password. Whoever has it can become the user; it is shown this once, and
// ends the link that he had.
type Link struct {
	User      muster.ID `json:"userId"`
	Link      string    `json:"link" doc:"the address of the page; its path alone where the server does not know its own address"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Format leaves the link out, whatever the verb.
func (l Link) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "link of user "+l.User.String()) }

// NewLinks is the body that makes links for a batch's users, a page of its rows at a time.
type NewLinks struct {
	From  int    `json:"from,omitempty" minimum:"1" doc:"number of the first row wanted; absent is 1"`
	Limit int    `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"rows looked at; absent is 1000"`
	Life  string `json:"life,omitempty" example:"72h" doc:"how long the links wait to be used, from 1m to 720h; absent is 72h"`
	All   bool   `json:"all,omitempty" doc:"also for users who have a password: their links reset it"`
}

// RowLink is the link of the user of a batch's row.
type RowLink struct {
	Row     int    `json:"row" doc:"number in the batch's rows, from 1"`
	Subject string `json:"subject,omitempty" doc:"what the row named the user by, as sent"`
	Link
}

// Format leaves the link out, whatever the verb.
func (l RowLink) Format(s fmt.State, verb rune) { l.Link.Format(s, verb) }

// RowLinks are the links of a page of a batch's rows, in list order.
type RowLinks struct {
	Links []RowLink `json:"links" nullable:"false"`
	Next  int       `json:"next,omitempty" doc:"from of the next page; absent once every row of the batch was looked at"`
}

// NewPassword is the body that resets a user's password.
type NewPassword struct {
	Password   string `json:"password,omitempty" writeOnly:"true" doc:"by the tenant's rule; absent takes the password away, so that only a link lets the user in again"`
	MustChange bool   `json:"mustChange,omitempty" doc:"the password only serves to set another"`
}

// Format leaves the password out, whatever the verb.
func (NewPassword) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "new password") }

// secretAnswer is an answer that nothing on its way may keep.
type secretAnswer[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

func hushed[T any](ctx context.Context, a *api, body T, err error) (*secretAnswer[T], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &secretAnswer[T]{CacheControl: "no-store", Body: body}, nil
}

func (a *api) addLinks(h huma.API) {
	const tag = "Passwords"
	const user, batch = "/tenants/{tenant}/users/{user}", "/tenants/{tenant}/batches/{batch}"
	huma.Register(h, departmental(operation("create-link", http.MethodPost, user+"/link", "Make a one-time link by which a user sets his password", tag, http.StatusCreated)),
		func(ctx context.Context, in *struct {
			Tenant pathID     `path:"tenant"`
			User   pathUserID `path:"user"`
			Body   NewLink
		}) (*secretAnswer[Link], error) {
			l, err := a.link(ctx, in.Tenant.id, in.User.id, in.Body.Life)
			return hushed(ctx, a, l, err)
		})
	huma.Register(h, operation("create-batch-links", http.MethodPost, batch+"/links", "Make links for the users that a batch made", tag, http.StatusCreated),
		func(ctx context.Context, in *struct {
			Tenant pathID      `path:"tenant"`
			Batch  pathBatchID `path:"batch"`
			Body   NewLinks
		}) (*secretAnswer[RowLinks], error) {
			l, err := a.batchLinks(ctx, in.Tenant.id, in.Batch.id, &in.Body)
			return hushed(ctx, a, l, err)
		})
	huma.Register(h, departmental(operation("reset-password", http.MethodPut, user+"/password", "Set a user's password, or take it away", tag, http.StatusNoContent)),
		func(ctx context.Context, in *struct {
			Tenant pathID     `path:"tenant"`
			User   pathUserID `path:"user"`
			Body   NewPassword
		}) (*struct{}, error) {
			err := a.Passwords.Reset(ctx, in.Tenant.id, actorOf(ctx), in.User.id, in.Body.Password, in.Body.MustChange)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			return nil, nil //nolint:nilnil // huma: an answer without body
		})
}

func (a *api) link(ctx context.Context, tenant, user muster.ID, life string) (Link, error) {
	lives, err := lifeOf(life)
	if err != nil {
		return Link{}, err
	}
	u, err := a.Users.Get(ctx, tenant, actorOf(ctx), user)
	switch {
	case err != nil:
		return Link{}, err
	case u.Disabled:
		return Link{}, &muster.Error{Kind: muster.KindConflict, Field: "user", Detail: "The user is disabled: enable him first."}
	}
	made, err := a.Passwords.Create(ctx, tenant, actorOf(ctx), []muster.ID{user}, lives)
	if err != nil {
		return Link{}, err
	}
	if len(made) == 0 { // he went, or was disabled, since
		return Link{}, &muster.Error{Kind: muster.KindNotFound, Field: "user", Detail: "The user does not exist, or is disabled."}
	}
	return a.shown(tenant, &made[0]), nil
}

func (a *api) shown(tenant muster.ID, l *access.Link) Link {
	return Link{User: l.User, Link: a.LinkAddress(tenant, l.Secret), ExpiresAt: l.ExpiresAt}
}

// batchLinks makes links for those of a page's rows that succeeded, whatever the contract that the batch came through, and whose
// users are there, enabled, and without password unless all are asked for.
func (a *api) batchLinks(ctx context.Context, tenant, batch muster.ID, n *NewLinks) (RowLinks, error) {
	lives, err := lifeOf(n.Life)
	if err != nil {
		return RowLinks{}, err
	}
	from, limit := max(n.From, 1), n.Limit
	if limit == 0 {
		limit = access.MaxLinks
	}
	page, err := a.Batches.Outcomes(ctx, tenant, batch, provision.OutcomeQuery{From: from - 1, Limit: limit})
	if err != nil {
		return RowLinks{}, err
	}
	result := RowLinks{Links: []RowLink{}, Next: rowsOf(page, from).Next}
	users, err := a.withoutPassword(ctx, tenant, page.Outcomes, n.All)
	if err != nil || len(users) == 0 {
		return result, err
	}
	made, err := a.Passwords.Create(ctx, tenant, actorOf(ctx), users, lives)
	if err != nil {
		return RowLinks{}, err
	}
	links := make(map[muster.ID]*access.Link, len(made))
	for i := range made {
		links[made[i].User] = &made[i]
	}
	for _, o := range page.Outcomes {
		if l := links[o.User]; l != nil && o.Result == muster.Succeeded {
			result.Links = append(result.Links, RowLink{Row: o.Row + 1, Subject: o.Subject, Link: a.shown(tenant, l)})
			delete(links, o.User)
		}
	}
	return result, nil
}

// withoutPassword lists the users of rows that succeeded, each once: those without password, or all.
func (a *api) withoutPassword(ctx context.Context, tenant muster.ID, outcomes []muster.Outcome, all bool) ([]muster.ID, error) {
	var ids []muster.ID
	wanted := map[muster.ID]bool{}
	for _, o := range outcomes {
		if o.Result == muster.Succeeded && o.User != 0 && !wanted[o.User] {
			wanted[o.User] = true
			ids = append(ids, o.User)
		}
	}
	if len(ids) == 0 || all {
		return ids, nil
	}
	shot, err := a.UserReader.Snapshot(ctx, tenant, muster.Keys{IDs: ids})
	if err != nil {
		return nil, err
	}
	ids = ids[:0]
	for i := range shot.Users {
		if shot.Users[i].PasswordHash == "" {
			ids = append(ids, shot.Users[i].ID)
		}
	}
	return ids, nil
}

// lifeOf reads a link's life; 0 is the default.
func lifeOf(life string) (time.Duration, error) {
	if life == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(life)
	if err != nil {
		return 0, &muster.Error{Kind: muster.KindInvalid, Field: "life", Detail: "life must be a duration such as 90m or 72h."}
	}
	return d, nil
}
