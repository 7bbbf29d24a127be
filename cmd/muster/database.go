package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster"
	"muster/dispatch"
	"muster/provision"
	"muster/secret"
	"muster/store/postgres"
)

// databaseFlags choose a PostgreSQL database in place of a data folder.
type databaseFlags struct {
	Database             string `group:"database" placeholder:"URL" help:"The database, which servers share: postgres://user@host:5432/name."`
	DatabasePasswordFile string `group:"database" placeholder:"FILE" help:"File with its password in the first line."`
	DatabasePooler       bool   `group:"database" help:"It is behind a pooler in transaction mode, such as PgBouncer."`
	DatabaseConnections  int    `group:"database" placeholder:"N" help:"Connections of this process at most, 4 to 1000. Default: 16."`
}

// Bounds of the connections: a server listens on one of its own, and needs others for turns, requests and rounds.
const (
	minConnections = 4
	maxConnections = 1000
)

// database is a PostgreSQL database to open.
type database struct {
	url     string
	name    string // without anything secret
	options postgres.Options
}

// database gives the one that the flags name, nil if they name none.
func (f *databaseFlags) database() (*database, error) {
	if f.Database == "" {
		if *f != (databaseFlags{}) {
			return nil, usagef("--database-password-file, --database-pooler and --database-connections go with --database")
		}
		return nil, nil //nolint:nilnil // there is none
	}
	d := &database{url: f.Database, options: postgres.Options{Connections: f.DatabaseConnections, Pooled: f.DatabasePooler}}
	if n := f.DatabaseConnections; n != 0 && (n < minConnections || n > maxConnections) {
		return nil, usagef("--database-connections is %d, %d to %d are accepted", n, minConnections, maxConnections)
	}
	var err error
	if d.name, err = postgres.Name(f.Database); err != nil {
		return nil, usagef("--database: %w", err)
	}
	if f.DatabasePasswordFile != "" {
		if d.options.Password, err = readPassword("--database-password-file", f.DatabasePasswordFile, nil); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// sealed is database for who opens what is sealed in it.
func (f *databaseFlags) sealed(masterKey string) (*database, error) {
	d, err := f.database()
	if d != nil && masterKey == "" {
		return nil, usagef("--database needs --master-key: a file that every server has a copy of, which muster key generate makes")
	}
	return d, err
}

// fault tells who starts a command what an error of the database means to him.
func (d *database) fault(err error) error {
	switch {
	case errors.Is(err, postgres.ErrEmpty):
		return refused{fmt.Errorf("there is no installation in the database %s: muster init makes one, and --database names another", d.name)}
	case errors.Is(err, postgres.ErrNewer), errors.Is(err, postgres.ErrUnfinishedCopy):
		return refused{err}
	case errors.Is(err, postgres.ErrUnreachable), muster.KindOf(err) == muster.KindUnavailable:
		return unavailable{err}
	default:
		return err
	}
}

// openDatabase opens an installation that this process shares with others. Nobody's master key is made, and without one nothing
// is touched.
func (in *installation) openDatabase(ctx context.Context) error {
	o, d := &in.options, in.options.database
	master, err := secret.OpenMaster(ctx, o.masterKey)
	if err == nil {
		err = master.Close()
	}
	if err != nil {
		return masterKeyFault(err)
	}
	options := d.options
	options.Existing, options.Wake = !o.create, dispatch.WakeIn
	s, err := postgres.Open(ctx, d.url, options)
	if err != nil {
		return d.fault(err)
	}
	in.shared, in.store = s, s
	in.atEnd(s.Close)
	if !o.create {
		there, err := s.Initialised(ctx)
		if err == nil && !there {
			err = postgres.ErrEmpty
		}
		if err != nil {
			return d.fault(err)
		}
	}
	if in.keys, err = secret.Open(ctx, secret.Config{Master: o.masterKey, Existing: true}, s); err != nil {
		return masterKeyFault(err)
	}
	in.atEnd(in.keys.Close)
	in.ids = muster.NewReservedIDSource(time.Now)
	numbers, err := s.ReserveIDs(ctx, in.ids, time.Now, o.logger)
	if err != nil {
		return d.fault(err)
	}
	in.atEnd(func() error { numbers.Close(); return nil })
	return nil
}

func masterKeyFault(err error) error {
	switch {
	case errors.Is(err, secret.ErrNoMaster):
		return usagef("--master-key: %w: bring a copy of the installation's, or if it is new one that muster key generate made", err)
	case errors.Is(err, secret.ErrWrongMaster):
		return usagef("--master-key: %w", err)
	default:
		return fmt.Errorf("open the keys: %w", err)
	}
}

// dispatcher makes what gives lanes their turns, so many at once: on all nodes, where a database is shared.
func (in *installation) dispatcher(workers int) (provision.Dispatcher, error) {
	if in.shared == nil {
		return provision.NewLocal(workers), nil
	}
	return dispatch.New(in.shared.Pool(), dispatch.Options{
		Workers: workers, PollOnly: in.options.database.options.Pooled, Logger: in.options.logger,
	})
}

// alone calls f while no other process begins the same installation. A data folder has no other.
func (in *installation) alone(ctx context.Context, f func(ctx context.Context) error) error {
	if in.shared == nil {
		return f(ctx)
	}
	return in.shared.First(ctx, f)
}

// diskFree tells how full the disk is that this process writes to, if it does.
func (in *installation) diskFree() func() (free, total uint64, err error) {
	if in.shared != nil {
		return nil
	}
	return diskFree(in.options.dir)
}
