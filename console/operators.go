package console

import (
	"net/http"
	"net/url"
	"slices"

	"muster"
	"muster/access"
)

func operatorRoutes() []route {
	return []route{
		{pattern: "GET /operators", scope: muster.ScopeAdminister, installation: true, page: (*visit).listOperators},
		{pattern: "POST /operators", scope: muster.ScopeAdminister, installation: true, action: "invite-operator", page: (*visit).inviteOperator},
		{pattern: "GET /operators/{operator}", scope: muster.ScopeAdminister, installation: true, page: (*visit).showOperator},
		{pattern: "POST /operators/{operator}", scope: muster.ScopeAdminister, installation: true, action: "change-operator", page: (*visit).changeOperator},
		{pattern: "POST /operators/{operator}/invitation", scope: muster.ScopeAdminister, installation: true, action: "invite-operator-again",
			page: (*visit).inviteOperatorAgain},
		{pattern: "POST /operators/{operator}/removal", scope: muster.ScopeAdminister, installation: true, action: "delete-operator",
			page: (*visit).removeOperator},
	}
}

// inviteForm is what was typed, and what is wrong with it.
type inviteForm struct {
	Name, Email, Role, Tenant string
	faults                    faults
}

var inviteFields = []string{"name", "email", "role", "tenant"}

func (v *visit) listOperators() error {
	return v.showOperators(http.StatusOK, inviteForm{Role: muster.OperatorViewer.String(), Tenant: "0"})
}

// operatorList is a page of those whom the operator sees.
type operatorList struct {
	Operators []muster.Operator
	Next      string // query of the page behind; "" if there is none
	Tenants   map[muster.ID]string
	Form      inviteForm
}

func (v *visit) showOperators(status int, f inviteForm) error {
	after, err := v.cursorID("after")
	if err != nil {
		return err
	}
	all, err := v.Operators.List(v.ctx(), v.operator)
	if err != nil {
		return err
	}
	list := operatorList{Form: f, Tenants: map[muster.ID]string{}}
	if after != 0 {
		at := slices.IndexFunc(all, func(o muster.Operator) bool { return o.ID == after })
		if at < 0 {
			return v.nowhere()
		}
		all = all[at+1:]
	}
	if len(all) > pageRows {
		all = all[:pageRows]
		list.Next = url.Values{"after": {all[pageRows-1].ID.String()}}.Encode()
	}
	list.Operators = all
	for _, t := range v.tenants {
		list.Tenants[t.ID] = t.Name
	}
	return v.show(status, operatorsPage(v, list))
}

func (v *visit) inviteOperator() error {
	f := inviteForm{Name: v.form("name"), Email: v.form("email"), Role: v.form("role"), Tenant: v.form("tenant")}
	role, err := muster.ParseOperatorRole(f.Role)
	tenant := v.operator.Tenant
	if tenant == 0 && err == nil && f.Tenant != "0" {
		tenant, err = muster.ParseID(f.Tenant)
	}
	var o *muster.Operator
	var i access.Invitation
	if err == nil {
		o, i, err = v.Operators.Invite(v.ctx(), v.operator, access.NewOperator{Tenant: tenant, Name: f.Name, Email: f.Email, Role: role})
	}
	if err != nil {
		wrong, status, err := v.faultsOf(err, inviteFields...)
		if err != nil {
			return err
		}
		f.faults = wrong
		return v.showOperators(status, f)
	}
	return v.showInvitation(o, i)
}

// showInvitation shows the link this once.
func (v *visit) showInvitation(o *muster.Operator, i access.Invitation) error {
	return v.show(http.StatusOK, invitedPage(v, o, InvitationLink(v.publicURL(), i.Secret), i.ExpiresAt))
}

func (v *visit) showOperator() error {
	o, err := v.meant()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, operatorPage(v, o, nil))
}

// meant is the operator whom the path names.
func (v *visit) meant() (*muster.Operator, error) {
	id, err := v.pathID("operator")
	if err != nil {
		return nil, err
	}
	return v.Operators.Operator(v.ctx(), v.operator, id)
}

func (v *visit) changeOperator() error {
	id, err := v.pathID("operator")
	if err != nil {
		return err
	}
	role, err := muster.ParseOperatorRole(v.form("role"))
	if err == nil {
		disabled := v.form("disabled") != ""
		name := v.form("name")
		_, err = v.Operators.Change(v.ctx(), v.operator, id, access.OperatorChange{Name: &name, Role: &role, Disabled: &disabled})
	}
	if err != nil {
		return v.refuseChange(err)
	}
	return v.goTo("/operators", v.T("The operator is changed."))
}

// refuseChange shows the operator again, with what is wrong.
func (v *visit) refuseChange(err error) error {
	wrong, status, err := v.faultsOf(err, "name", "role", "disabled")
	if err != nil {
		return err
	}
	o, err := v.meant()
	if err != nil {
		return err
	}
	return v.show(status, operatorPage(v, o, wrong))
}

func (v *visit) inviteOperatorAgain() error {
	id, err := v.pathID("operator")
	if err != nil {
		return err
	}
	o, i, err := v.Operators.InviteAgain(v.ctx(), v.operator, id)
	if err != nil {
		return v.refuseChange(err)
	}
	return v.showInvitation(o, i)
}

func (v *visit) removeOperator() error {
	id, err := v.pathID("operator")
	if err != nil {
		return err
	}
	if err := v.Operators.Remove(v.ctx(), v.operator, id); err != nil {
		return v.refuseChange(err)
	}
	return v.goTo("/operators", v.T("The operator is removed."))
}
