package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
)

func TestOneProcessHasTheFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(dir)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second lock gave %v, want ErrLocked and the folder's name", err)
	}
	other, err := Lock(t.TempDir())
	if err != nil {
		t.Errorf("another folder: %v", err)
	}
	defer other.Close()
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if lock, err = Lock(dir); err != nil {
		t.Fatalf("after the first was given back: %v", err)
	}
	defer lock.Close()
	if _, err := Lock(filepath.Join(dir, LockName)); err == nil {
		t.Error("a file was locked as a folder")
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	f, err := newFixture(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, f.Store)
	seen := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen != 4 { // the folder, the database, its WAL and its index
		t.Errorf("saw %d files, %v", seen, err)
	}
}

func TestConnectionsAreSetAsPromised(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	setting := func(c *conn, name string) (value string) {
		t.Helper()
		if err := c.sql.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
			t.Error(err)
		}
		return value
	}
	check := func(who string, c *conn, want map[string]string) {
		t.Helper()
		for name, value := range want {
			if got := setting(c, name); got != value {
				t.Errorf("%s: %s is %s, want %s", who, name, got, value)
			}
		}
	}
	f.writer.pause(func() {
		check("writer", f.writer.conn, map[string]string{
			"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000", "cache_size": "-65536", "temp_store": "2",
			"wal_autocheckpoint": "0", "secure_delete": "1", "page_size": fmt.Sprint(pageSize),
		})
	})
	err := f.readers.read(t.Context(), func(q querier) error {
		check("reader", q.(*conn), map[string]string{
			"journal_mode": "wal", "busy_timeout": "10000", "cache_size": "-8192", "temp_store": "2", "query_only": "1",
		})
		for _, text := range []string{"DELETE FROM users", "PRAGMA query_only(off); DELETE FROM users"} {
			if err := q.(*conn).control(t.Context(), text); err == nil {
				t.Errorf("a reader may %s", text)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := newFixture(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = f.writer.small(t.Context(), func(c *conn) error {
		return c.control(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, 1)")
	})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, f.Store)
	s, err := Open(t.Context(), dir, Options{})
	if err == nil {
		closeStore(t, s)
	}
	if err == nil || !strings.Contains(err.Error(), "999999") || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open = %v, want an error that names version and file", err)
	}
}

func TestWhatIsNoDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), dir, Options{}); err == nil {
		closeStore(t, s)
		t.Error("a text file was opened as a database")
	}
}

// TestAReadThatBeganRunsToItsEnd: to interrupt it would cost its connection, and that a file descriptor.
func TestAReadThatBeganRunsToItsEnd(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := f.readers.read(ctx, func(q querier) error {
		cancel()
		_, err := tenantIDs(ctx, q)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := f.Tenants(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a read with an ended context gave %v", err)
	}
}

func TestATransactionLeftOpenIsNoTrouble(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	for range 2 * maxReaders {
		err := f.readers.read(t.Context(), func(q querier) error {
			return errors.Join(q.(*conn).control(t.Context(), "ROLLBACK"), q.(*conn).control(t.Context(), "BEGIN; BEGIN"))
		})
		if err == nil {
			t.Error("BEGIN twice was no error")
		}
	}
	f.writer.pause(func() {
		if err := f.writer.conn.control(context.Background(), "BEGIN IMMEDIATE"); err != nil {
			t.Error(err)
		}
	})
	f.mustAccept(t, 1, 10)
	if _, err := f.Tenants(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReadersAreFew(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	reading, release := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	for range maxReaders {
		go func() {
			done <- f.readers.read(t.Context(), func(querier) error {
				reading <- struct{}{}
				<-release
				return nil
			})
		}()
		<-reading
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := f.Tenants(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one reader more than %d was answered with %v", maxReaders, err)
	}
	f.mustAccept(t, 1, 10) // nobody who reads keeps others from writing
	close(release)
	for range maxReaders {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestWhatIsDestroyedIsGoneFromTheFile looks for a batch's payload and its key in every byte of the folder.
func TestWhatIsDestroyedIsGoneFromTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := newFixture(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	marker := []byte("a payload that nobody may find again")
	var keys [][]byte
	for range 50 {
		a, err := f.acceptance(3, 0)
		if err != nil {
			t.Fatal(err)
		}
		a.Chunks[0].Payload = bytes.Repeat(marker, 1000)
		keys = append(keys, a.PayloadKey, a.KeptKey)
		if _, err := f.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (found int) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			found += bytes.Count(data, marker)
			for _, key := range keys {
				found += bytes.Count(data, key)
			}
		}
		return found
	}
	if count() == 0 {
		t.Error("nothing was found while the batches wait: the search is blind")
	}
	f.applyAll(t)
	if _, err := f.wal.rest(t.Context(), f.wal.commits.Load()); err != nil {
		t.Fatal(err)
	}
	if found := count(); found > 0 {
		t.Errorf("%d payloads or keys were found after the batches' end", found)
	}
	closeStore(t, f.Store)
}

func TestTheWALStaysBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := newFixture(t.Context(), dir, Options{walFrames: 256})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, f.Store)
	wal := func() int64 {
		t.Helper()
		info, err := os.Stat(filepath.Join(dir, FileName+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	stop := make(chan struct{})
	read := make(chan error)
	go func() { // somebody always reads
		for {
			select {
			case <-stop:
				read <- nil
				return
			default:
			}
			if _, err := f.Next(context.Background(), muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}, nil, 10); err != nil {
				read <- err
				return
			}
		}
	}()
	const payload, batches = 200 << 10, 400
	for range batches {
		f.mustAccept(t, 1, payload)
	}
	close(stop)
	if err := <-read; err != nil {
		t.Error(err)
	}
	if size := wal(); size > payload*batches/4 {
		t.Errorf("the WAL has grown to %d bytes of the %d written", size, payload*batches)
	}
	commits := f.wal.commits.Load()
	if seen, err := f.wal.rest(t.Context(), commits-1); err != nil || seen != commits || wal() == 0 {
		t.Errorf("a look after a commit: %d of %d commits seen, %d bytes, %v", seen, commits, wal(), err)
	}
	if _, err := f.wal.rest(t.Context(), commits); err != nil || wal() != 0 {
		t.Errorf("the WAL has %d bytes after a rest, %v", wal(), err)
	}
}
