package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"muster/store/postgres/pgtest"
	"muster/store/sqlite"
)

// place is where installations are: data folders, or the databases of one durable PostgreSQL server.
type place interface {
	fmt.Stringer
	// install makes an installation, whose server does not run yet.
	install(ctx context.Context) (*server, error)
	// clone makes another installation with the content of one whose server does not run.
	clone(ctx context.Context, from *server) (*server, error)
	// loader writes into an installation whose server does not run, past it.
	loader(ctx context.Context, at *server) (loader, error)
	// remove forgets an installation whose server does not run.
	remove(ctx context.Context, at *server) error
	// bytes is what an installation whose server does not run takes on the disk.
	bytes(ctx context.Context, at *server) (int64, error)
	close() error
}

// folders are data folders with SQLite.
type folders struct{ b *bench }

func (folders) String() string { return "SQLite" }

func (f folders) close() error { return nil }

func (f folders) empty() (*server, error) {
	data, err := os.MkdirTemp(f.b.dir, "data-")
	return &server{b: f.b, data: data, where: []string{"--data", data}}, err
}

func (f folders) install(ctx context.Context) (*server, error) {
	s, err := f.empty()
	if err != nil {
		return nil, err
	}
	return s, s.init(ctx)
}

func (f folders) clone(_ context.Context, from *server) (*server, error) {
	s, err := f.empty()
	if err != nil {
		return nil, err
	}
	s.install = from.install
	if err := os.CopyFS(s.data, os.DirFS(from.data)); err != nil {
		return nil, err
	}
	return s, os.Chmod(filepath.Join(s.data, "master.key"), 0o600) // a copy is everybody's to read, and then refused
}

func (f folders) loader(_ context.Context, at *server) (loader, error) {
	return openRows(filepath.Join(at.data, sqlite.FileName), at.install)
}

func (f folders) remove(_ context.Context, at *server) error { return os.RemoveAll(at.data) }

func (f folders) bytes(_ context.Context, at *server) (int64, error) {
	var sum int64
	files, err := os.ReadDir(at.data)
	for _, file := range files {
		if strings.HasPrefix(file.Name(), sqlite.FileName) {
			info, err := file.Info()
			if err != nil {
				return 0, err
			}
			sum += info.Size()
		}
	}
	return sum, err
}

// databases are of one PostgreSQL server, which makes sure that what it acknowledges is on the disk.
type databases struct {
	b      *bench
	server *pgtest.Server
	key    string
	made   int
}

func (b *bench) databases(ctx context.Context) (*databases, error) {
	s, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return nil, err
	}
	d := &databases{b: b, server: s, key: filepath.Join(b.dir, "shared.key")}
	return d, b.command(ctx, &struct{}{}, "key", "generate", d.key)
}

func (*databases) String() string { return "PostgreSQL" }

func (d *databases) close() error { return d.server.Close() }

// at makes what runs on a database that is made, from another one or anew.
func (d *databases) at(ctx context.Context, template string) (*server, error) {
	d.made++
	name := fmt.Sprintf("bench%d", d.made)
	statement := "CREATE DATABASE " + name
	if template != "" {
		statement += " STRATEGY file_copy TEMPLATE " + template
	}
	if err := d.server.Exec(ctx, statement); err != nil {
		return nil, err
	}
	return d.node(name)
}

// node is one of perhaps several that run on a database.
func (d *databases) node(name string) (*server, error) {
	data, err := os.MkdirTemp(d.b.dir, "node-")
	return &server{b: d.b, data: data, database: name, where: []string{"--database", d.server.URL(name), "--master-key", d.key}}, err
}

func (d *databases) install(ctx context.Context) (*server, error) {
	s, err := d.at(ctx, "")
	if err != nil {
		return nil, err
	}
	return s, s.init(ctx)
}

func (d *databases) clone(ctx context.Context, from *server) (*server, error) {
	s, err := d.at(ctx, from.database)
	if err == nil {
		s.install = from.install
	}
	return s, err
}

func (d *databases) loader(ctx context.Context, at *server) (loader, error) {
	c, err := pgx.Connect(ctx, d.server.URL(at.database))
	if err != nil {
		return nil, err
	}
	return &copyLoader{conn: c, in: at.install}, nil
}

func (d *databases) remove(ctx context.Context, at *server) error {
	return errors.Join(d.server.Exec(ctx, "DROP DATABASE "+at.database+" WITH (FORCE)"), os.RemoveAll(at.data))
}

func (d *databases) bytes(ctx context.Context, at *server) (size int64, err error) {
	c, err := pgx.Connect(ctx, d.server.URL(at.database))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	err = c.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&size)
	return size, err
}
