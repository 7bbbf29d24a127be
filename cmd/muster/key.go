package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"

	"muster/api/native"
	"muster/secret"
)

type keyCmd struct {
	Rotate   keyRotateCmd   `cmd:"" help:"Make a new key and seal everything under it anew."`
	Status   keyStatusCmd   `cmd:"" help:"Show the keys and how much each has sealed."`
	Generate keyGenerateCmd `cmd:"" help:"Make a master key file, for an installation in a database that servers share."`
}

type keyGenerateCmd struct {
	File string `arg:"" type:"path" help:"File to make, for its owner alone. One that is there is left as it is."`
}

// generatedKey is what key generate prints as JSON.
type generatedKey struct {
	MasterID string `json:"masterId"` // no secret
	File     string `json:"file"`
}

func (c *keyGenerateCmd) Run(p *printer) error {
	id, err := secret.GenerateKeyFile(c.File)
	if errors.Is(err, fs.ErrExist) {
		return refused{fmt.Errorf("%s exists, and is not overwritten", c.File)}
	}
	if err != nil {
		return err
	}
	return p.print(generatedKey{MasterID: id, File: c.File}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Master key %s is in %s. Every server needs a copy of it (--master-key); keep one more, apart from copies of the database.\n",
			id, c.File)
	})
}

type keyRotateCmd struct {
	localFlags
	Master bool `env:"-" help:"Change the master key too. Copy its file afterwards: older copies open older databases only."`
}

func (c *keyRotateCmd) Run(ctx context.Context, p *printer) (err error) {
	if c.Master && c.Database != "" {
		return usagef("--master changes a file on this machine, of which every server has a copy: docs/operations.md says how to exchange it everywhere")
	}
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
		if len(rotated.Kept) > 0 {
			_, _ = fmt.Fprintln(w, "Servers that have not heard of it yet still seal under the one before, which goes within minutes.")
		}
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
