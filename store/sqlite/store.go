// Package sqlite keeps everything in one SQLite database, for an installation of one process: the file muster.db in the
// data folder, in WAL mode. It implements the stores of packages provision, access and secret.
//
// One connection writes, driven by one goroutine: small writes such as Accept come before long ones such as Apply, and
// those that wait at the same time share one transaction, and so one fsync. At most four connections read, each answer in one
// transaction. A third kind copies the WAL into the database, beside the writer, so that no commit has to.
//
// A second process must stay out of the data folder: see [Lock].
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"muster"
)

// FileName is the database's name in the data folder. SQLite keeps two more files beside it, with -wal and -shm added.
const FileName = "muster.db"

// Options of a Store. The zero value is usable.
type Options struct {
	// Logger hears of a checkpoint that failed, which is tried again. nil: nobody does.
	Logger *slog.Logger
	// BusyTimeout is how long a write waits for the lock that another process holds before it fails with KindUnavailable, in
	// whole milliseconds; zero is 10 s.
	BusyTimeout time.Duration
	// Now is the clock by which tokens, links and counts end; nil is time.Now.
	Now func() time.Time

	// For this package's tests; zero values are what the package comment promises.
	synchronous string        // SQLite's setting of that name
	walFrames   int           // how many pages of WAL make a checkpoint due
	idle        time.Duration // after how long without writes the WAL is emptied
}

// Store is an open database. Its methods are safe for concurrent use. What a method that changes something did has
// reached the disk (fsync) when it returns nil. A context that ends withdraws a write that has not begun; one that has
// runs to its end.
type Store struct {
	readers *readers
	writer  *writer
	wal     *checkpointer
	now     func() time.Time

	closing sync.Once
	closed  error
}

// Open opens the database in the data folder, both made if they are not there, readable by their owner alone, and brings
// its schema up to date. It refuses a database of a newer version than it knows. The caller holds the folder's [Lock].
func Open(ctx context.Context, dir string, options Options) (_ *Store, err error) {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.BusyTimeout == 0 {
		options.BusyTimeout = defaultBusyTimeout
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	path := filepath.Join(dir, FileName)
	if err := createFile(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	var open []io.Closer
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: open %s: %w", path, errors.Join(err, closeAll(open)))
		}
	}()
	write, err := openDB(path, writerPragmas(options), 1)
	if err != nil {
		return nil, err
	}
	open = append(open, write)
	if err := migrate(ctx, write); err != nil {
		return nil, err
	}
	read, err := openDB(path, readerPragmas(options), maxReaders)
	if err != nil {
		return nil, err
	}
	open = append(open, read)
	checkpoint, err := openDB(path, checkpointPragmas, 1)
	if err != nil {
		return nil, err
	}
	s := &Store{readers: newReaders(read), writer: newWriter(write), now: options.Now}
	s.wal = newCheckpointer(checkpoint, s.writer, s.readers, options)
	s.writer.committed = s.wal.grown
	s.wal.start()
	s.writer.start()
	return s, nil
}

// Close waits for the reads and the write that have begun, refuses the writes that have not, empties the WAL and closes
// the database. No other method may be called afterwards; another Close gives the first one's answer.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.writer.stop()
		s.wal.stop()
		s.closed = closeAll([]io.Closer{s.readers, s.writer, s.wal})
	})
	return s.closed
}

func closeAll(closers []io.Closer) error {
	var errs []error
	for _, c := range closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Ping fails if the store cannot be read and written. It writes a page, and waits for the disk.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.IDFloor(ctx); err != nil {
		return err
	}
	err := s.writer.small(ctx, func(c *conn) error { return recordID(c, 0) })
	return explain("ping", err)
}

// Initialised reports whether the store holds a tenant: before the first start it does not.
func (s *Store) Initialised(ctx context.Context) (bool, error) {
	var found bool
	err := s.readers.read(ctx, func(q querier) error {
		return q.row(ctx, selectAnyTenant).Scan(&found)
	})
	return found, explain("look for a tenant", err)
}

// IDFloor is the largest id that is known to have been used, 0 if none: new ids must be above it.
func (s *Store) IDFloor(ctx context.Context) (muster.ID, error) {
	var floor muster.ID
	err := s.readers.read(ctx, func(q querier) error {
		return q.row(ctx, selectIDFloor).Scan(&floor)
	})
	return floor, explain("read the largest id", err)
}

// recordID notes that the id, and so every smaller one of its node, has been used.
func recordID(c *conn, id muster.ID) error {
	const sequenceBits = 12 // of a muster.ID, below the node's
	_, err := c.exec(upsertNode, int64(id)>>sequenceBits&muster.MaxNode, int64(id))
	return err
}

// exists scans a row that a query must have: KindNotFound with the sentence where there is none.
func exists(err error, detail string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return &muster.Error{Kind: muster.KindNotFound, Detail: detail}
	}
	return err
}
