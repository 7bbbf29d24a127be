package native

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
)

// User is a person in a tenant's directory.
type User struct {
	ID          muster.ID         `json:"id"`
	Account     string            `json:"account,omitempty"`
	Phone       string            `json:"phone,omitempty"`
	Email       string            `json:"email,omitempty"`
	FirstName   string            `json:"firstName,omitempty"`
	Surname     string            `json:"surname,omitempty"`
	DisplayName string            `json:"displayName,omitempty"`
	Level       muster.AdminLevel `json:"adminLevel" doc:"0 department administrator, 1 common user, 2 system administrator, 5 manager"`
	Disabled    bool              `json:"disabled"`
	Department  muster.ID         `json:"departmentId"`
	CapacityGB  int64             `json:"capacityGB"`
	Roles       []muster.ID       `json:"roleIds" nullable:"false"`
	Source      string            `json:"source,omitempty" doc:"the source whose files say whether he is there"`
	HasPassword bool              `json:"hasPassword" doc:"without one he cannot sign in until he has set one"`
	MustChange  bool              `json:"mustChangePassword" doc:"his password only serves to set another"`
	CreatedAt   time.Time         `json:"createdAt"`
	UpdatedAt   time.Time         `json:"updatedAt"`
}

// pathUserID is a user's id in a path.
type pathUserID struct{ pathID }

// Schema is for huma.
func (p pathUserID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the user's id"
	return s
}

// taggedUser is a user, and what If-Match says who wants to change him as he is here.
type taggedUser struct {
	ETag     string `header:"ETag" doc:"of the user as he is here, for If-Match and If-None-Match"`
	Location string `header:"Location" doc:"where to read him, if he was made"`
	Body     User
}

func userOf(u *muster.User) User {
	return User{
		ID: u.ID, Account: u.Account, Phone: u.Phone, Email: u.Email, FirstName: u.FirstName, Surname: u.Surname, DisplayName: u.DisplayName,
		Level: u.Level, Disabled: u.Disabled, Department: u.Department, CapacityGB: u.CapacityGB, Roles: append([]muster.ID{}, u.Roles...),
		Source: u.Source, HasPassword: u.PasswordHash != "", MustChange: u.MustChangePassword, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

func (a *api) addUsers(h huma.API) {
	const tag = "Users"
	const all, one = "/tenants/{tenant}/users", "/tenants/{tenant}/users/{user}"
	huma.Register(h, departmental(operation("list-users", http.MethodGet, all, "List or search a tenant's users", tag, http.StatusOK)),
		func(ctx context.Context, in *userQuery) (*answer[Users], error) {
			page, err := a.listUsers(ctx, in)
			return reply(ctx, a, page, err)
		})
	a.addUserExport(h)
	huma.Register(h, departmental(operation("create-user", http.MethodPost, all, "Make a user", tag, http.StatusCreated)),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   NewUser
		}) (*taggedUser, error) {
			u, err := a.Users.Create(ctx, in.Tenant.id, actorOf(ctx), in.Body.row())
			made, err := a.user(ctx, u, err)
			if err == nil {
				made.Location = locationOf(ctx, in.Tenant.id, "/users/"+u.ID.String())
			}
			return made, err
		})
	huma.Register(h, departmental(operation("get-user", http.MethodGet, one, "Read a user", tag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant      pathID     `path:"tenant"`
			User        pathUserID `path:"user"`
			IfNoneMatch string     `header:"If-None-Match" doc:"the answer is 304 if he is as this ETag says"`
		}) (*taggedUser, error) {
			u, err := a.Users.Get(ctx, in.Tenant.id, actorOf(ctx), in.User.id)
			found, err := a.user(ctx, u, err)
			if err != nil {
				return nil, err
			}
			if had, ok := parseTags(in.IfNoneMatch); ok && had.matchWeakly(found.ETag) {
				return nil, notModified(found.ETag)
			}
			return found, nil
		})
	huma.Register(h, departmental(operation("change-user", http.MethodPatch, one, "Change a user's fields, all that are given or none", tag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant  pathID     `path:"tenant"`
			User    pathUserID `path:"user"`
			IfMatch string     `header:"If-Match" doc:"change him only if he is as this ETag says; else the answer is 412"`
			Body    UserPatch
		}) (*taggedUser, error) {
			when, err := ifMatch(in.IfMatch)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			u, err := a.Users.Edit(ctx, in.Tenant.id, actorOf(ctx), in.User.id, in.Body.row(), in.Body.Department, when)
			return a.user(ctx, u, err)
		})
	huma.Register(h, departmental(operation("delete-user", http.MethodDelete, one, "Delete a user, and answer with who he was", tag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant  pathID     `path:"tenant"`
			User    pathUserID `path:"user"`
			IfMatch string     `header:"If-Match" doc:"delete him only if he is as this ETag says; else the answer is 412"`
		}) (*taggedUser, error) {
			when, err := ifMatch(in.IfMatch)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			u, err := a.Users.Delete(ctx, in.Tenant.id, actorOf(ctx), in.User.id, when)
			return a.user(ctx, u, err)
		})
}

func (a *api) user(ctx context.Context, u *muster.User, err error) (*taggedUser, error) {
	if errors.Is(err, errOtherState) {
		return nil, huma.Error412PreconditionFailed("The user has changed since: read him again, and decide anew.")
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	wire := userOf(u)
	tag, err := tagOf(&wire)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &taggedUser{ETag: tag, Body: wire}, nil
}
