package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/directory"
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
	HasPassword bool              `json:"hasPassword" doc:"without one he cannot sign in until he has set one"`
	MustChange  bool              `json:"mustChangePassword" doc:"his password only serves to set another"`
	CreatedAt   time.Time         `json:"createdAt"`
	UpdatedAt   time.Time         `json:"updatedAt"`
}

// Users is a page of a tenant's users, by department and id, of all departments by id.
type Users struct {
	Users []User `json:"users" nullable:"false"`
	Total int64  `json:"total" doc:"on all pages"`
}

// UserPatch changes the parts of a user that it has, all of them or none.
type UserPatch struct {
	Department *muster.ID         `json:"departmentId,omitempty"`
	Level      *muster.AdminLevel `json:"adminLevel,omitempty" doc:"0 department administrator, 1 common user, 2 system administrator, 5 manager"`
	Disabled   *bool              `json:"disabled,omitempty"`
}

// pathUserID is a user's id in a path.
type pathUserID struct{ pathID }

// Schema is for huma.
func (p pathUserID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the user's id"
	return s
}

// userQuery says which users to list.
type userQuery struct {
	Tenant     pathID  `path:"tenant"`
	Phone      string  `query:"phone" doc:"only who has this phone, however it is written"`
	Account    string  `query:"account" doc:"only who has this account, letter case aside"`
	Email      string  `query:"email" doc:"only who has this e-mail address; 409 if several have"`
	Department queryID `query:"department" doc:"only users of this department and those below it"`
	Direct     bool    `query:"direct" doc:"only users of the department itself"`
	Keyword    string  `query:"keyword" doc:"only users with this in account, phone, e-mail or a name, letter case aside"`
	Offset     int     `query:"offset" minimum:"0" doc:"users on the pages before"`
	Limit      int     `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"users on a page"`
}

func userOf(u *muster.User) User {
	return User{
		ID: u.ID, Account: u.Account, Phone: u.Phone, Email: u.Email, FirstName: u.FirstName, Surname: u.Surname, DisplayName: u.DisplayName,
		Level: u.Level, Disabled: u.Disabled, Department: u.Department, CapacityGB: u.CapacityGB, Roles: append([]muster.ID{}, u.Roles...),
		HasPassword: u.PasswordHash != "", MustChange: u.MustChangePassword, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

func (a *api) addUsers(h huma.API) {
	const tag = "Users"
	const all, one = "/tenants/{tenant}/users", "/tenants/{tenant}/users/{user}"
	type which struct {
		Tenant pathID     `path:"tenant"`
		User   pathUserID `path:"user"`
	}
	huma.Register(h, departmental(operation("list-users", http.MethodGet, all, "List a tenant's users, or find one", tag, http.StatusOK)),
		func(ctx context.Context, in *userQuery) (*answer[Users], error) {
			page, err := a.listUsers(ctx, in)
			return reply(ctx, a, page, err)
		})
	huma.Register(h, departmental(operation("get-user", http.MethodGet, one, "Read a user", tag, http.StatusOK)),
		func(ctx context.Context, in *which) (*answer[User], error) {
			u, err := a.Users.Get(ctx, in.Tenant.id, actorOf(ctx), in.User.id)
			return a.user(ctx, u, err)
		})
	huma.Register(h, departmental(operation("change-user", http.MethodPatch, one, "Move, promote, disable or enable a user", tag, http.StatusOK)),
		func(ctx context.Context, in *struct {
			Tenant pathID     `path:"tenant"`
			User   pathUserID `path:"user"`
			Body   UserPatch
		}) (*answer[User], error) {
			change := directory.UserChange{Department: in.Body.Department, Level: in.Body.Level, Disabled: in.Body.Disabled}
			u, err := a.Users.Change(ctx, in.Tenant.id, actorOf(ctx), in.User.id, change)
			return a.user(ctx, u, err)
		})
	huma.Register(h, departmental(operation("delete-user", http.MethodDelete, one, "Delete a user, and answer with who he was", tag, http.StatusOK)),
		func(ctx context.Context, in *which) (*answer[User], error) {
			u, err := a.Users.Delete(ctx, in.Tenant.id, actorOf(ctx), in.User.id)
			return a.user(ctx, u, err)
		})
}

func (a *api) user(ctx context.Context, u *muster.User, err error) (*answer[User], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[User]{Body: userOf(u)}, nil
}

func (a *api) listUsers(ctx context.Context, q *userQuery) (Users, error) {
	answer := Users{Users: []User{}}
	for _, by := range [...]struct {
		key   muster.Key
		value string
	}{{muster.KeyPhone, q.Phone}, {muster.KeyAccount, q.Account}, {muster.KeyEmail, q.Email}} {
		if by.value == "" {
			continue
		}
		u, err := a.Users.Find(ctx, q.Tenant.id, actorOf(ctx), by.key, by.value)
		if err == nil {
			answer = Users{Users: []User{userOf(u)}, Total: 1}
		}
		return answer, a.orNone(ctx, q.Tenant.id, err)
	}
	page, err := a.Users.List(ctx, q.Tenant.id, actorOf(ctx), directory.UserQuery{
		Department: q.Department.id, Direct: q.Direct, Keyword: q.Keyword, Offset: q.Offset, Limit: q.Limit,
	})
	if err != nil {
		return answer, err
	}
	answer.Total = page.Total
	for i := range page.Users {
		answer.Users = append(answer.Users, userOf(&page.Users[i]))
	}
	return answer, nil
}
