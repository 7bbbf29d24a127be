package console

import (
	"net/http"
	"net/url"
	"slices"

	"muster"
	"muster/access"
	"muster/directory"
)

func roleRoutes() []route {
	return []route{
		{pattern: "GET /roles", scope: muster.ScopeRead, page: (*visit).listRoles},
		{pattern: "POST /roles", scope: muster.ScopeAdminister, action: "create-role", page: (*visit).createRole},
		{pattern: "GET /roles/{role}", scope: muster.ScopeRead, page: (*visit).showRole},
		{pattern: "POST /roles/{role}", scope: muster.ScopeAdminister, action: "change-role", page: (*visit).changeRole},
		{pattern: "POST /roles/{role}/removal", scope: muster.ScopeAdminister, action: "delete-role", page: (*visit).removeRole},
	}
}

// roleChoice is what a form offers to choose from: the first roles, and those that the user has.
type roleChoice struct {
	Roles []muster.Role
	More  bool // there are others, which are named
}

func (v *visit) roleChoice(has []muster.ID) (roleChoice, error) {
	some, err := v.Roles.List(v.ctx(), v.tenant.ID, 0, maxChoice+1)
	if err != nil {
		return roleChoice{}, err
	}
	c := roleChoice{Roles: some[:min(len(some), maxChoice)], More: len(some) > maxChoice}
	if !c.More {
		return c, nil
	}
	for _, id := range has {
		if slices.ContainsFunc(c.Roles, func(r muster.Role) bool { return r.ID == id }) {
			continue
		}
		r, err := v.userRole(id)
		switch {
		case err == nil:
			c.Roles = append(c.Roles, *r)
		case muster.KindOf(err) != muster.KindNotFound:
			return roleChoice{}, err
		}
	}
	return c, nil
}

// userRole reads a role of users.
func (v *visit) userRole(id muster.ID) (*muster.Role, error) {
	from, err := v.Roles.List(v.ctx(), v.tenant.ID, id-1, 1)
	switch {
	case err != nil:
		return nil, err
	case len(from) == 0 || from[0].ID != id:
		return nil, &muster.Error{Kind: muster.KindNotFound, Detail: "The role does not exist."}
	default:
		return &from[0], nil
	}
}

// roleMeant is the role that the path names.
func (v *visit) roleMeant() (*muster.Role, error) {
	id, err := v.pathID("role")
	if err != nil {
		return nil, err
	}
	return v.userRole(id)
}

// roleBoxes are the boxes of roles in a form.
func roleBoxes(roles []muster.Role) []option {
	all := make([]option, len(roles))
	for i := range roles {
		all[i] = option{roles[i].ID.String(), roles[i].Name}
	}
	return all
}

// countedRole is a role, and how many users have it.
type countedRole struct {
	muster.Role
	Users int64
}

// roleList is a page of roles, by id.
type roleList struct {
	Roles  []countedRole
	Next   string // query of the page behind; "" if there is none
	Name   string // of a new one, as typed
	faults faults
}

func (v *visit) listRoles() error { return v.showRoles(http.StatusOK, roleList{}) }

func (v *visit) showRoles(status int, list roleList) error {
	after := muster.ID(0)
	if text := v.r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = muster.ParseID(text); err != nil {
			return v.nowhere()
		}
	}
	roles, err := v.Roles.List(v.ctx(), v.tenant.ID, after, pageRows)
	if err != nil {
		return err
	}
	for _, r := range roles {
		users, err := v.roleUsers(r.ID)
		if err != nil {
			return err
		}
		list.Roles = append(list.Roles, countedRole{r, users})
	}
	if len(roles) == pageRows {
		list.Next = url.Values{"after": {roles[pageRows-1].ID.String()}}.Encode()
	}
	return v.show(status, rolesPage(v, list))
}

func (v *visit) createRole() error {
	name := v.form("name")
	if _, err := v.Roles.Create(v.ctx(), v.tenant.ID, access.NewRole{Name: name}); err != nil {
		wrong, status, err := v.faultsOf(err, "name")
		if err != nil {
			return err
		}
		return v.showRoles(status, roleList{Name: name, faults: wrong})
	}
	return v.goTo("/roles", v.T("The role is made."))
}

func (v *visit) showRole() error {
	r, err := v.roleMeant()
	if err != nil {
		return err
	}
	return v.showRoleWith(http.StatusOK, r, r.Name, nil)
}

// showRoleWith shows a role, with a name as it was typed.
func (v *visit) showRoleWith(status int, r *muster.Role, name string, wrong faults) error {
	users, err := v.roleUsers(r.ID)
	if err != nil {
		return err
	}
	return v.show(status, rolePage(v, countedRole{*r, users}, name, wrong))
}

func (v *visit) changeRole() error {
	r, err := v.roleMeant()
	if err != nil {
		return err
	}
	name := v.form("name")
	if _, err := v.Roles.Rename(v.ctx(), v.tenant.ID, r.ID, name); err != nil {
		wrong, status, err := v.faultsOf(err, "name")
		if err != nil {
			return err
		}
		return v.showRoleWith(status, r, name, wrong)
	}
	return v.goTo("/roles", v.T("The role is renamed."))
}

// removeRole deletes a role; from users who have it, it is taken only if the form says so.
func (v *visit) removeRole() error {
	r, err := v.roleMeant()
	if err != nil {
		return err
	}
	if _, err := v.Roles.Delete(v.ctx(), v.tenant.ID, r.ID, v.form("force") != ""); err != nil {
		wrong, status, err := v.faultsOf(asFault(err, "force", "id"), "force")
		if err != nil {
			return err
		}
		return v.showRoleWith(status, r, r.Name, wrong)
	}
	return v.goTo("/roles", v.T("The role is deleted."))
}

// roleUsers counts who has a role.
func (v *visit) roleUsers(role muster.ID) (int64, error) {
	page, err := v.Users.List(v.ctx(), v.tenant.ID, v.actor(), directory.UserQuery{Role: role, Limit: 1})
	if err != nil {
		return 0, err
	}
	return page.Total, nil
}
