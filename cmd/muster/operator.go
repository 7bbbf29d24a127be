package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster/api/native"
)

type operatorCmd struct {
	Invite  operatorInviteCmd  `cmd:"" help:"Invite somebody to use the console; the link is shown once."`
	Link    operatorLinkCmd    `cmd:"" help:"Print a link by which an operator sets another password."`
	List    operatorListCmd    `cmd:"" help:"List those who use the console."`
	Set     operatorSetCmd     `cmd:"" help:"Change an operator's name or role."`
	Disable operatorDisableCmd `cmd:"" help:"Let an operator sign in no longer, and sign him out."`
	Enable  operatorEnableCmd  `cmd:"" help:"Undo disable."`
	Remove  operatorRemoveCmd  `cmd:"" help:"Remove an operator, who is signed out."`
}

const operatorHeading = "ID NAME EMAIL ROLE TENANT STATE SEEN"

func operatorRow(o *native.Operator) []string {
	tenant, seen := "all", "never"
	if o.Tenant != 0 {
		tenant = o.Tenant.String()
	}
	if !o.Seen.IsZero() {
		seen = stamp(o.Seen)
	}
	return []string{o.ID.String(), o.Name, o.Email, o.Role, tenant, o.State, seen}
}

func printOperator(p *printer, o *native.Operator) error {
	return p.print(o, func(w io.Writer) { table(w, operatorHeading, [][]string{operatorRow(o)}) })
}

// operatorPath is where the API has an operator, given his id or e-mail address.
func operatorPath(ctx context.Context, api *nativeClient, idOrEmail string) (string, error) {
	var all native.Operators
	if err := api.call(ctx, http.MethodGet, "/operators", nil, &all); err != nil {
		return "", err
	}
	for i := range all.Operators {
		if o := &all.Operators[i]; o.ID.String() == idOrEmail || !o.Provider && strings.EqualFold(o.Email, idOrEmail) {
			return "/operators/" + o.ID.String(), nil
		}
	}
	return "", &refusal{huma.ErrorModel{Status: http.StatusNotFound, Detail: fmt.Sprintf("There is no operator %q.", idOrEmail)}}
}

type operatorInviteCmd struct {
	localFlags
	Name         string `arg:"" help:"Name of the person."`
	Email        string `required:"" env:"-" placeholder:"ADDRESS" help:"E-mail address to sign in as. Nothing is sent there."`
	Role         string `env:"-" enum:"viewer,operator,administrator" default:"viewer" placeholder:"ROLE" help:"What is allowed: viewer looks, operator also imports and handles batches, administrator changes everything."`
	Tenant       string `env:"-" placeholder:"TENANT" xor:"of" help:"Id or name of the tenant that is shown; not needed if there is only one."`
	Installation bool   `env:"-" xor:"of" help:"Show every tenant."`
	siteFlag
}

func (c *operatorInviteCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	body := native.NewOperator{Name: c.Name, Email: c.Email, Role: c.Role}
	if !c.Installation {
		tenant, err := api.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		body.Tenant = tenant.ID
	}
	var invited native.OperatorInvitation
	if err := api.call(ctx, http.MethodPost, "/operators", body, &invited); err != nil {
		return err
	}
	return c.print(p, &invited)
}

type operatorLinkCmd struct {
	operatorFlags
	siteFlag
}

func (c *operatorLinkCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := operatorPath(ctx, api, c.Operator)
	if err != nil {
		return err
	}
	var invited native.OperatorInvitation
	if err := api.call(ctx, http.MethodPost, path+"/invitation", nil, &invited); err != nil {
		return err
	}
	return c.print(p, &invited)
}

// print prints the link.
func (f *siteFlag) print(p *printer, i *native.OperatorInvitation) error {
	i.Link = f.address(i.Link)
	return p.print(i, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s\n\nWhoever opens this link until %s sets the password of %s. It is shown this once and works once.\n",
			i.Link, stamp(i.ExpiresAt), i.Operator.Email)
		if strings.HasPrefix(i.Link, "/") {
			_, _ = fmt.Fprintln(w, "No server runs that could say at which address its pages are: put that in front.")
		}
	})
}

type operatorListCmd struct{ localFlags }

func (c *operatorListCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	var all native.Operators
	if err := api.call(ctx, http.MethodGet, "/operators", nil, &all); err != nil {
		return err
	}
	return p.print(all, func(w io.Writer) {
		rows := make([][]string, len(all.Operators))
		for i := range all.Operators {
			rows[i] = operatorRow(&all.Operators[i])
		}
		table(w, operatorHeading, rows)
	})
}

// operatorFlags name an operator to be changed.
type operatorFlags struct {
	localFlags
	Operator string `arg:"" help:"Id or e-mail address of the operator."`
}

func (f *operatorFlags) change(ctx context.Context, p *printer, patch native.OperatorPatch) (err error) {
	api, done, err := f.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := operatorPath(ctx, api, f.Operator)
	if err != nil {
		return err
	}
	var changed native.Operator
	if err := api.call(ctx, http.MethodPatch, path, patch, &changed); err != nil {
		return err
	}
	return printOperator(p, &changed)
}

type operatorSetCmd struct {
	operatorFlags
	Name *string `env:"-" placeholder:"NAME" help:"Another name."`
	Role *string `env:"-" enum:"viewer,operator,administrator" placeholder:"ROLE" help:"Another role: viewer, operator or administrator."`
}

func (c *operatorSetCmd) Run(ctx context.Context, p *printer) error {
	if c.Name == nil && c.Role == nil {
		return usagef("there is nothing to change: --name and --role are accepted")
	}
	return c.change(ctx, p, native.OperatorPatch{Name: c.Name, Role: c.Role})
}

type operatorDisableCmd struct{ operatorFlags }

func (c *operatorDisableCmd) Run(ctx context.Context, p *printer) error {
	yes := true
	return c.change(ctx, p, native.OperatorPatch{Disabled: &yes})
}

type operatorEnableCmd struct{ operatorFlags }

func (c *operatorEnableCmd) Run(ctx context.Context, p *printer) error {
	no := false
	return c.change(ctx, p, native.OperatorPatch{Disabled: &no})
}

type operatorRemoveCmd struct{ operatorFlags }

func (c *operatorRemoveCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := operatorPath(ctx, api, c.Operator)
	if err != nil {
		return err
	}
	return api.call(ctx, http.MethodDelete, path, nil, nil)
}
