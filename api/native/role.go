package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/access"
)

// NewRole is the body that makes a role.
type NewRole struct {
	Name string    `json:"name" doc:"1 to 64 characters, unique in the tenant"`
	ID   muster.ID `json:"id,omitempty" doc:"one that other systems know already, of the past; absent makes one"`
}

// RolePatch changes the parts of a role that it has.
type RolePatch struct {
	Name *string `json:"name,omitempty" doc:"1 to 64 characters, unique in the tenant"`
}

// Role is something that a tenant gives to its users.
type Role struct {
	ID        muster.ID `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

// Roles is a page of a tenant's roles, by id.
type Roles struct {
	Roles []Role    `json:"roles" nullable:"false"`
	Next  muster.ID `json:"nextCursor,omitempty" doc:"cursor of the next page; absent if this is the last"`
}

// RoleDeleted is what deleting a role did.
type RoleDeleted struct {
	Users int64 `json:"users" doc:"from whom the role was taken"`
}

// pathRoleID is a role's id in a path.
type pathRoleID struct{ pathID }

// Schema is for huma.
func (p pathRoleID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the role's id"
	return s
}

// queryID is an id in a query; absent is 0.
type queryID struct{ pathID }

// Schema is for huma.
func (q queryID) Schema(r huma.Registry) *huma.Schema {
	s := q.pathID.Schema(r)
	s.Description = ""
	return s
}

func roleOf(r *muster.Role) Role { return Role{ID: r.ID, Name: r.Name, CreatedAt: r.CreatedAt} }

func (a *api) addRoles(h huma.API) {
	const tag = "Roles"
	const all, one = "/tenants/{tenant}/roles", "/tenants/{tenant}/roles/{role}"
	huma.Register(h, operation("create-role", http.MethodPost, all, "Make a role", tag, http.StatusCreated),
		func(ctx context.Context, in *struct {
			Tenant pathID `path:"tenant"`
			Body   NewRole
		}) (*answer[Role], error) {
			r, err := a.createRole(ctx, in.Tenant.id, &in.Body)
			return reply(ctx, a, r, err)
		})
	huma.Register(h, operation("list-roles", http.MethodGet, all, "List a tenant's roles", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID  `path:"tenant"`
			Name   string  `query:"name" doc:"only the role of this name"`
			After  queryID `query:"cursor" doc:"a page's nextCursor"`
			Limit  int     `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"roles on a page"`
		}) (*answer[Roles], error) {
			page, err := a.listRoles(ctx, in.Tenant.id, in.Name, in.After.id, in.Limit)
			return reply(ctx, a, page, err)
		})
	huma.Register(h, operation("change-role", http.MethodPatch, one, "Rename a role", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID     `path:"tenant"`
			Role   pathRoleID `path:"role"`
			Body   RolePatch
		}) (*answer[Role], error) {
			r, err := a.changeRole(ctx, in.Tenant.id, in.Role.id, &in.Body)
			return reply(ctx, a, r, err)
		})
	huma.Register(h, operation("delete-role", http.MethodDelete, one, "Delete a role", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID     `path:"tenant"`
			Role   pathRoleID `path:"role"`
			Force  bool       `query:"force" doc:"take it from the users who have it first, instead of refusing"`
		}) (*answer[RoleDeleted], error) {
			users, err := a.Roles.Delete(ctx, in.Tenant.id, in.Role.id, in.Force)
			return reply(ctx, a, RoleDeleted{Users: users}, err)
		})
}

func (a *api) createRole(ctx context.Context, tenant muster.ID, n *NewRole) (Role, error) {
	r, err := a.Roles.Create(ctx, tenant, access.NewRole{Name: n.Name, ID: n.ID})
	if err != nil {
		return Role{}, err
	}
	return roleOf(r), nil
}

func (a *api) listRoles(ctx context.Context, tenant muster.ID, name string, after muster.ID, limit int) (Roles, error) {
	page := Roles{Roles: []Role{}}
	if name != "" {
		r, err := a.Roles.Named(ctx, tenant, name)
		if err == nil && r.ID > after {
			page.Roles = append(page.Roles, roleOf(r))
		}
		return page, a.orNone(ctx, tenant, err)
	}
	found, err := a.Roles.List(ctx, tenant, after, limit)
	for i := range found {
		page.Roles = append(page.Roles, roleOf(&found[i]))
	}
	if len(found) == limit {
		page.Next = found[limit-1].ID
	}
	return page, err
}

// orNone takes an error that nothing was found for none: then the list is empty, unless there is no such tenant.
func (a *api) orNone(ctx context.Context, tenant muster.ID, err error) error {
	if muster.KindOf(err) == muster.KindNotFound {
		_, err = a.Access.Tenant(ctx, tenant)
	}
	return err
}

func (a *api) changeRole(ctx context.Context, tenant, id muster.ID, patch *RolePatch) (Role, error) {
	if patch.Name == nil {
		return Role{}, &muster.Error{Kind: muster.KindInvalid, Field: "name", Detail: "name must be 1 to 64 characters."}
	}
	r, err := a.Roles.Rename(ctx, tenant, id, *patch.Name)
	if err != nil {
		return Role{}, err
	}
	return roleOf(r), nil
}
