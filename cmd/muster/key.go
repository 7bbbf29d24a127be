package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"muster/api/native"
	"muster/secret"
)

type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Make a new key and seal everything under it anew."`
	Status keyStatusCmd `cmd:"" help:"Show the keys and how much each has sealed."`
}

type keyRotateCmd struct {
	localFlags
	Master bool `env:"-" help:"Change the master key too. Copy its file afterwards: older copies open older databases only."`
}

func (c *keyRotateCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	var rotated native.KeysRotated
	if err := api.call(ctx, http.MethodPost, "/keys/rotate", native.KeyRotation{Master: c.Master}, &rotated); err != nil {
		return err
	}
	return p.print(rotated, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Key version %d seals from now on; %d items were sealed anew.\n", rotated.ActiveVersion, rotated.Rewrapped)
		if rotated.Master {
			_, _ = fmt.Fprintln(w, "The master key was changed: make a new copy of it.")
		}
	})
}

type keyStatusCmd struct{ localFlags }

func (c *keyStatusCmd) Run(ctx context.Context, p *printer) (err error) {
	api, done, err := c.local(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	var status secret.Status
	if err := api.call(ctx, http.MethodGet, "/keys", nil, &status); err != nil {
		return err
	}
	return p.print(status, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "master key %s, active version %d since %s\n\n", status.MasterID, status.ActiveVersion, stamp(status.RotatedAt))
		rows := make([][]string, len(status.Keys))
		for i, k := range status.Keys {
			rows[i] = []string{string(k.Purpose), strconv.Itoa(k.Version), k.MasterID, stamp(k.CreatedAt), strconv.Itoa(k.Items)}
		}
		table(w, "PURPOSE VERSION MASTER CREATED ITEMS", rows)
		if status.Unfinished {
			_, _ = fmt.Fprintln(w, "\nA rotation is unfinished. The server goes on with it when it starts; so does muster key rotate.")
		}
	})
}
