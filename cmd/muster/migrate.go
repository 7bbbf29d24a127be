package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"muster/store/postgres"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the database's schema up to date, or make it."`
	Status migrateStatusCmd `cmd:"" help:"Show which steps of the schema were taken. Exit code 3 if some are still to be."`
}

func (*migrateCmd) Help() string {
	return "A server does it by itself when it starts, with the database as with a data folder, and so does every other command that opens " +
		"one. This is for who wants it done before, or by another user of the database who alone may change its schema."
}

// schema is what these commands print as JSON.
type schema struct {
	Database string       `json:"database"`
	Version  int64        `json:"version"` // of the schema, 0 if there is none
	Pending  int          `json:"pending"` // steps still to be taken
	Steps    []schemaStep `json:"steps"`
}

type schemaStep struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// schema reads how a database's stands.
func (d *database) schema(ctx context.Context) (*schema, error) {
	steps, version, err := postgres.Migrations(ctx, d.url, d.options)
	if err != nil {
		return nil, d.fault(err)
	}
	s := &schema{Database: d.name, Version: version}
	for _, step := range steps {
		if !step.Applied {
			s.Pending++
		}
		s.Steps = append(s.Steps, schemaStep(step))
	}
	return s, nil
}

// known is the newest version that this program knows.
func (s *schema) known() int64 { return s.Steps[len(s.Steps)-1].Version }

func (s *schema) describe(w io.Writer) {
	rows := make([][]string, len(s.Steps))
	for i, step := range s.Steps {
		state := "applied"
		if !step.Applied {
			state = "pending"
		}
		rows[i] = []string{strconv.FormatInt(step.Version, 10), step.Name, state}
	}
	table(w, "VERSION NAME STATE", rows)
}

// needed is database where there is no other way.
func (f *databaseFlags) needed() (*database, error) {
	d, err := f.database()
	if err == nil && d == nil {
		err = usagef("--database is missing; what is in a data folder is brought up to date whenever it is opened")
	}
	return d, err
}

type migrateUpCmd struct{ databaseFlags }

func (c *migrateUpCmd) Run(ctx context.Context, p *printer) error {
	d, err := c.needed()
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, d.url, d.options); err != nil {
		return d.fault(err)
	}
	s, err := d.schema(ctx)
	if err != nil {
		return err
	}
	return p.print(s, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "The schema of %s is of version %d, which is up to date.\n", d.name, s.Version)
	})
}

type migrateStatusCmd struct{ databaseFlags }

func (c *migrateStatusCmd) Run(ctx context.Context, p *printer) error {
	d, err := c.needed()
	if err != nil {
		return err
	}
	s, err := d.schema(ctx)
	if err != nil {
		return err
	}
	if err := p.print(s, s.describe); err != nil {
		return err
	}
	switch {
	case s.Version > s.known():
		return refused{fmt.Errorf("the schema is of version %d, and this program knows versions up to %d: a newer muster has changed it",
			s.Version, s.known())}
	case s.Pending > 0:
		return refused{fmt.Errorf("%d steps are still to be taken: muster migrate up takes them, and so does a server that starts", s.Pending)}
	default:
		return nil
	}
}
