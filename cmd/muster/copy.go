package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"muster"
	"muster/secret"
	"muster/store/postgres"
	"muster/store/sqlite"
	"muster/store/transfer"
)

type copyCmd struct {
	From                 string `env:"-" required:"" type:"path" placeholder:"DIR" help:"Data folder to copy. No server may run on it."`
	To                   string `env:"-" required:"" placeholder:"URL" help:"PostgreSQL database to copy into: postgres://user@host:5432/name. It is to be empty."`
	MasterKey            string `placeholder:"REF" help:"Where the folder's master key is, if not in the folder."`
	DatabasePasswordFile string `type:"path" placeholder:"FILE" help:"File with the database's password in its first line."`
	DatabasePooler       bool   `help:"The database is behind a pooler in transaction mode, such as PgBouncer."`
}

func (*copyCmd) Help() string {
	return "Everything in the folder is written to the database, batches that are under way among it, and then every row is read from both and " +
		"compared. The folder stays as it is. Where the copy is cut off, the same command goes on with it; no server starts on the " +
		"database before it is complete. Servers on it need the folder's master key, since what is sealed is copied as it is."
}

// copied is what copy prints as JSON.
type copied struct {
	From     string           `json:"from"`
	Database string           `json:"database"`
	Rows     int64            `json:"rows"`
	Tables   []transfer.Count `json:"tables"`
}

func (c *copyCmd) Run(ctx context.Context, p *printer) (err error) {
	d, err := c.database()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.From, sqlite.FileName)); errors.Is(err, fs.ErrNotExist) {
		return refused{fmt.Errorf("--from: there is no installation in %s", c.From)}
	}
	lock, err := lockFolder(c.From)
	if err != nil {
		return err
	}
	defer closing(lock.Close, &err)
	source, err := sqlite.OpenSource(ctx, c.From)
	if err != nil {
		return d.copyFault(err)
	}
	defer closing(source.Close, &err)
	name, err := c.sourceName(ctx, source)
	if err != nil {
		return err
	}
	target, err := postgres.OpenTarget(ctx, d.url, d.options)
	if err != nil {
		return d.fault(err)
	}
	defer closing(target.Close, &err)
	bar := newCopyBar(ctx, p.Err)
	counts, err := transfer.Copy(ctx, name, source, target, bar.report)
	bar.done()
	if err != nil {
		return d.copyFault(err)
	}
	made := copied{From: c.From, Database: d.name, Tables: counts}
	for _, count := range counts {
		made.Rows += count.Rows
	}
	return p.print(made, func(w io.Writer) { c.describe(w, &made) })
}

func (c *copyCmd) database() (*database, error) {
	if _, err := postgres.Name(c.To); err != nil {
		return nil, usagef("--to: %w", err)
	}
	flags := databaseFlags{Database: c.To, DatabasePasswordFile: c.DatabasePasswordFile, DatabasePooler: c.DatabasePooler}
	return flags.database()
}

// copyFault tells who copies what an error means to him.
func (d *database) copyFault(err error) error {
	var difference *transfer.Difference
	var fault *muster.Error
	switch {
	case errors.As(err, &difference):
		return fmt.Errorf("%w: another process has written to one of them; make the database anew, and copy again", err)
	case errors.Is(err, context.Canceled):
		return errors.New("the copy was cut off: the same command goes on with it")
	case !errors.As(err, &fault):
		return d.fault(err)
	case fault.Kind == muster.KindUnavailable:
		return unavailable{fmt.Errorf("the database cannot be used now, and the same command goes on with the copy when it can: %w", fault.Err)}
	default:
		return refused{err}
	}
}

func (c *copyCmd) masterKey() string {
	if c.MasterKey != "" {
		return c.MasterKey
	}
	return filepath.Join(c.From, masterKeyFile)
}

// sourceName makes sure that the master key opens what the folder's keys seal, and tells the installation from others.
func (c *copyCmd) sourceName(ctx context.Context, source *sqlite.Source) (string, error) {
	records, err := source.Keys(ctx)
	if err != nil {
		return "", err
	}
	if len(records) == 0 {
		return "", refused{fmt.Errorf("--from: there is no installation in %s yet", c.From)}
	}
	keys, err := secret.Open(ctx, secret.Config{Master: c.masterKey(), Existing: true}, recordedKeys{records: records})
	if errors.Is(err, secret.ErrNoMaster) || errors.Is(err, secret.ErrWrongMaster) {
		return "", refused{fmt.Errorf("the master key of %s is needed: %w", c.From, err)}
	}
	if err != nil {
		return "", err
	}
	const length = 16 // bytes: no two installations have the same
	name := keys.MAC("name of a copied installation", nil)
	return hex.EncodeToString(name[:length]), keys.Close()
}

// recordedKeys is a key store that nobody writes to.
type recordedKeys struct {
	secret.KeyStore
	records []secret.KeyRecord
}

func (k recordedKeys) Keys(context.Context) ([]secret.KeyRecord, error) { return k.records, nil }

func (c *copyCmd) describe(w io.Writer, made *copied) {
	rows := make([][]string, len(made.Tables))
	for i, count := range made.Tables {
		rows[i] = []string{count.Table, strconv.FormatInt(count.Rows, 10)}
	}
	table(w, "TABLE ROWS", rows)
	_, _ = fmt.Fprintf(w, "\nAll %d rows of %s are in the database %s, and were compared one by one.\n", made.Rows, made.From, made.Database)
	_, _ = fmt.Fprintf(w, "Servers on it need a copy of the same master key, %s: muster serve --database URL --master-key FILE\n", c.masterKey())
	_, _ = fmt.Fprintf(w, "Start no server on %s again: keep it as a backup until you trust the new one.\n", made.From)
}
