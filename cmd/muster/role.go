package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/api/native"
)

type roleCmd struct {
	Create roleCreateCmd `cmd:"" help:"Make a role."`
	List   roleListCmd   `cmd:"" help:"List a tenant's roles."`
	Rename roleRenameCmd `cmd:"" help:"Give a role another name."`
	Delete roleDeleteCmd `cmd:"" help:"Delete a role that no user has, or with --force one that some have."`
}

const roleHeading = "ID NAME CREATED"

func roleRow(r *native.Role) []string { return []string{r.ID.String(), r.Name, stamp(r.CreatedAt)} }

func printRole(p *printer, r *native.Role) error {
	return p.print(r, func(w io.Writer) { table(w, roleHeading, [][]string{roleRow(r)}) })
}

// roles is where the API has the tenant's roles.
func (f *tenantFlags) roles(ctx context.Context, api *nativeClient) (string, error) {
	base, err := f.base(ctx, api)
	return base + "/roles", err
}

// role is where the API has a role, given its id or its name.
func (f *tenantFlags) role(ctx context.Context, api *nativeClient, idOrName string) (string, error) {
	all, err := f.roles(ctx, api)
	if err != nil {
		return "", err
	}
	queries := []string{"?name=" + url.QueryEscape(idOrName)}
	id, err := muster.ParseID(idOrName)
	if err == nil { // it may be a name that looks like an id, too
		before := "?limit=1"
		if id > 1 {
			before += "&cursor=" + (id - 1).String()
		}
		queries = append([]string{before}, queries...)
	}
	for _, query := range queries {
		var found native.Roles
		if err := api.call(ctx, http.MethodGet, all+query, nil, &found); err != nil {
			return "", err
		}
		if len(found.Roles) == 1 && (found.Roles[0].ID == id || found.Roles[0].Name == idOrName) {
			return all + "/" + found.Roles[0].ID.String(), nil
		}
	}
	return "", &refusal{huma.ErrorModel{Status: http.StatusNotFound, Detail: fmt.Sprintf("There is no role %q.", idOrName)}}
}

type roleCreateCmd struct {
	tenantFlags
	Name string `arg:"" help:"Name of the role, unique in the tenant."`
	ID   string `env:"-" placeholder:"ID" help:"Id that other systems know already; made if not given."`
}

func (c *roleCreateCmd) Run(ctx context.Context, p *printer) (err error) {
	body := native.NewRole{Name: c.Name}
	if body.ID, err = idFlag("--id", c.ID); err != nil {
		return err
	}
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.roles(ctx, api)
	if err != nil {
		return err
	}
	var made native.Role
	if err := api.call(ctx, http.MethodPost, path, body, &made); err != nil {
		return err
	}
	return printRole(p, &made)
}

type roleListCmd struct {
	lists
	tenantFlags
}

func (c *roleListCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.roles(ctx, api)
	if err != nil {
		return err
	}
	all := native.Roles{Roles: []native.Role{}}
	for after := ""; ; after = "&cursor=" + all.Next.String() {
		var page native.Roles
		if err := api.call(ctx, http.MethodGet, path+"?limit=1000"+after, nil, &page); err != nil {
			return err
		}
		all.Roles, all.Next = append(all.Roles, page.Roles...), page.Next
		if all.Next == 0 {
			break
		}
	}
	rows := make([][]string, len(all.Roles))
	for i := range all.Roles {
		rows[i] = roleRow(&all.Roles[i])
	}
	return p.list(all, roleHeading, rows)
}

type roleRenameCmd struct {
	tenantFlags
	Role string `arg:"" help:"Id or name of the role."`
	Name string `arg:"" help:"Its new name."`
}

func (c *roleRenameCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.role(ctx, api, c.Role)
	if err != nil {
		return err
	}
	var renamed native.Role
	if err := api.call(ctx, http.MethodPatch, path, native.RolePatch{Name: &c.Name}, &renamed); err != nil {
		return err
	}
	return printRole(p, &renamed)
}

type roleDeleteCmd struct {
	tenantFlags
	Role  string `arg:"" help:"Id or name of the role."`
	Force bool   `env:"-" help:"Take the role from the users who have it first."`
}

func (c *roleDeleteCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	path, err := c.role(ctx, api, c.Role)
	if err != nil {
		return err
	}
	force := ""
	if c.Force {
		force = "?force=true"
	}
	var gone native.RoleDeleted
	if err := api.call(ctx, http.MethodDelete, path+force, nil, &gone); err != nil {
		var no *refusal
		if errors.As(err, &no) && no.Status == http.StatusConflict {
			return fmt.Errorf("%w (with --force it is taken from them)", err)
		}
		return err
	}
	return p.print(gone, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "The role is gone; %d users had it.\n", gone.Users)
	})
}
