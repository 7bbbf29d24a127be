package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/access"
)

// NewOperator is the body that invites somebody to the console.
type NewOperator struct {
	Tenant muster.ID `json:"tenantId,omitempty" doc:"the tenant whose operator it is; absent is the installation, and so every tenant"`
	Name   string    `json:"name" doc:"1 to 64 characters"`
	Email  string    `json:"email" doc:"what the operator signs in as, unique in the installation; nothing is sent there"`
	Role   string    `json:"role" enum:"viewer,operator,administrator"`
}

// OperatorPatch changes the parts of an operator that it has.
type OperatorPatch struct {
	Name     *string `json:"name,omitempty" doc:"1 to 64 characters"`
	Role     *string `json:"role,omitempty" enum:"viewer,operator,administrator"`
	Disabled *bool   `json:"disabled,omitempty" doc:"true also ends the operator's sessions"`
}

// Operator is a person who uses the console.
type Operator struct {
	ID       muster.ID `json:"id"`
	Tenant   muster.ID `json:"tenantId,omitempty" doc:"absent: of the installation"`
	Name     string    `json:"name"`
	Email    string    `json:"email,omitempty"`
	Role     string    `json:"role" enum:"viewer,operator,administrator"`
	State    string    `json:"state" enum:"invited,enabled,disabled" doc:"invited: without password yet"`
	Provider bool      `json:"provider" doc:"signs in with an identity provider"`
	Created  time.Time `json:"createdAt"`
	Seen     time.Time `json:"lastSeenAt,omitzero" doc:"absent: never"`
}

// Operators are all operators, by id.
type Operators struct {
	Operators []Operator `json:"operators" nullable:"false"`
}

// OperatorInvitation is an operator, and the link by which he sets his password, which is never to be had again.
type OperatorInvitation struct {
	Operator  Operator  `json:"operator"`
	Link      string    `json:"link" doc:"works once"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// pathOperatorID is an operator's id in a path.
type pathOperatorID struct{ pathID }

// Schema is for huma.
func (p pathOperatorID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the operator's id"
	return s
}

func operatorOf(o *muster.Operator) Operator {
	state := "enabled"
	switch {
	case o.Disabled:
		state = "disabled"
	case o.PasswordHash == "" && o.Subject == "":
		state = "invited"
	}
	return Operator{
		ID: o.ID, Tenant: o.Tenant, Name: o.Name, Email: o.Email, Role: o.Role.String(), State: state, Provider: o.Subject != "",
		Created: o.CreatedAt, Seen: o.LastSeenAt,
	}
}

// addOperators adds what is done about those who use the console. That is the installation's, whoever's operators they are.
func (a *api) addOperators(h huma.API) {
	const tag = "Operators"
	const all, one = "/operators", "/operators/{operator}"
	huma.Register(h, operation("list-operators", http.MethodGet, all, "List those who use the console", tag, http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*answer[Operators], error) {
			list, err := a.listOperators(ctx)
			return reply(ctx, a, list, err)
		})
	huma.Register(h, operation("invite-operator", http.MethodPost, all, "Invite somebody to use the console", tag, http.StatusCreated),
		func(ctx context.Context, in *struct{ Body NewOperator }) (*answer[OperatorInvitation], error) {
			invited, err := a.inviteOperator(ctx, &in.Body)
			return reply(ctx, a, invited, err)
		})
	huma.Register(h, operation("change-operator", http.MethodPatch, one, "Change an operator's name or role, disable or enable him", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Operator pathOperatorID `path:"operator"`
			Body     OperatorPatch
		}) (*answer[Operator], error) {
			o, err := a.changeOperator(ctx, in.Operator.id, &in.Body)
			return reply(ctx, a, o, err)
		})
	huma.Register(h, operation("invite-operator-again", http.MethodPost, one+"/invitation", "Give an operator a link to set another password by", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Operator pathOperatorID `path:"operator"`
		}) (*answer[OperatorInvitation], error) {
			o, i, err := a.Operators.InviteAgain(ctx, nil, in.Operator.id)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			return &answer[OperatorInvitation]{Body: a.invitationOf(o, i)}, nil
		})
	huma.Register(h, operation("delete-operator", http.MethodDelete, one, "Remove an operator, who is signed out", tag, http.StatusNoContent),
		func(ctx context.Context, in *struct {
			Operator pathOperatorID `path:"operator"`
		}) (*struct{}, error) {
			if err := a.Operators.Remove(ctx, nil, in.Operator.id); err != nil {
				return nil, a.problem(ctx, err)
			}
			return nil, nil //nolint:nilnil // there is nothing to say
		})
}

func (a *api) listOperators(ctx context.Context) (Operators, error) {
	list := Operators{Operators: []Operator{}}
	found, err := a.Operators.List(ctx, nil)
	for i := range found {
		list.Operators = append(list.Operators, operatorOf(&found[i]))
	}
	return list, err
}

func (a *api) inviteOperator(ctx context.Context, n *NewOperator) (OperatorInvitation, error) {
	role, err := muster.ParseOperatorRole(n.Role)
	if err != nil {
		return OperatorInvitation{}, err
	}
	o, i, err := a.Operators.Invite(ctx, nil, access.NewOperator{Tenant: n.Tenant, Name: n.Name, Email: n.Email, Role: role})
	if err != nil {
		return OperatorInvitation{}, err
	}
	return a.invitationOf(o, i), nil
}

func (a *api) invitationOf(o *muster.Operator, i access.Invitation) OperatorInvitation {
	return OperatorInvitation{Operator: operatorOf(o), Link: a.InvitationAddress(i.Secret), ExpiresAt: i.ExpiresAt}
}

func (a *api) changeOperator(ctx context.Context, id muster.ID, p *OperatorPatch) (Operator, error) {
	change := access.OperatorChange{Name: p.Name, Disabled: p.Disabled}
	if p.Role != nil {
		role, err := muster.ParseOperatorRole(*p.Role)
		if err != nil {
			return Operator{}, err
		}
		change.Role = &role
	}
	o, err := a.Operators.Change(ctx, nil, id, change)
	if err != nil {
		return Operator{}, err
	}
	return operatorOf(o), nil
}
