package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// maxReaders is how many connections read.
const maxReaders = 4

const defaultBusyTimeout = 10 * time.Second

var checkpointPragmas = []string{
	"busy_timeout(1000)", // how long a checkpoint waits for readers of another process before it gives up until the next
	"synchronous(full)",
	"wal_autocheckpoint(0)",
}

func readerPragmas(o Options) []string {
	return []string{
		busyTimeout(o),
		"cache_size(-8192)",  // KiB, of each connection
		"temp_store(memory)", // no row may reach a temporary folder
		"query_only(on)",
	}
}

// busyTimeout comes first of a connection's pragmas, since the others may already meet a lock.
func busyTimeout(o Options) string {
	return fmt.Sprintf("busy_timeout(%d)", o.BusyTimeout.Milliseconds())
}

// writerPragmas: a large cache, since the pages that a thousand users with random keys change are spread over all
// indexes; no automatic checkpoints, which a commit would have to wait for.
//
// secure_delete overwrites what is deleted with zeros, so that a destroyed data key is gone from the file, and not just
// from the tables. It takes some 3 % more processor time, measured over Accept and Apply together.
func writerPragmas(o Options) []string {
	synchronous := o.synchronous
	if synchronous == "" {
		synchronous = "full"
	}
	return []string{
		busyTimeout(o),
		"journal_mode(wal)",
		"synchronous(" + synchronous + ")",
		"cache_size(-65536)",
		"temp_store(memory)",
		"wal_autocheckpoint(0)",
		"secure_delete(on)",
	}
}

// openDB prepares a pool of at most so many connections.
func openDB(path string, pragmas []string, connections int) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	query := url.Values{
		"_pragma":    pragmas,
		"_dqs":       {"0"}, // "name" is a column or an error, never a string
		"_defensive": {"1"},
		"mode":       {"rw"},
	}
	if pragmas[len(pragmas)-1] == "query_only(on)" {
		query["mode"] = []string{"ro"}
	}
	file := url.URL{Scheme: "file", Path: absolute, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// createFile makes an empty database file, and its folder, for the owner alone: SQLite gives its other files the same
// mode. The folder is synced, so that the file's name survives what its content survives.
func createFile(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the database file: %w", err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close(), folder.Sync(), folder.Close())
}
