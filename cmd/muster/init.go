package main

import (
	"context"
	"fmt"
	"io"
)

type initCmd struct {
	localFlags
	pairFlags
	Tenant  string `env:"-" default:"main" placeholder:"NAME" help:"Name of the first tenant."`
	AdminID string `env:"-" placeholder:"ID" help:"Id that clients already hold for the administrator."`
}

func (c *initCmd) Run(ctx context.Context, p *printer) (err error) {
	first := firstTenant{name: c.Tenant}
	if first.adminID, err = idFlag("--admin-id", c.AdminID); err != nil {
		return err
	}
	if first.pair, err = c.pair(p.In); err != nil {
		return err
	}
	options, err := c.installation(p)
	if err != nil {
		return err
	}
	options.create = true
	in, err := openInstallation(ctx, options)
	if err != nil {
		return err
	}
	defer closing(in.close, &err)
	made, err := in.begin(ctx, first)
	if err != nil {
		return asRefusal(err)
	}
	if made == nil {
		return refused{fmt.Errorf("there is an installation in %s already: nothing was changed", options.place())}
	}
	return p.print(*made, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "A new installation is in %s. Its first tenant:\n\n", options.place())
		describeAccount(w, *made)
		_, _ = fmt.Fprintln(w)
		if made.AppSecret != "" {
			_, _ = fmt.Fprintln(w, "The secret is shown this once.")
		}
		_, _ = fmt.Fprintf(w, "Without %s nothing sealed can be read again: keep a copy of it, apart from copies of the database.\n", masterKeyPlace(options))
	})
}
