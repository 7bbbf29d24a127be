// Package postgres keeps everything in one PostgreSQL database, version 15 or newer, which any number of processes share.
// It implements the stores of packages provision, access and secret.
//
// Whoever changes something of a tenant has the lock of the tenant's row in tenant_usage first, so that there is one writer
// per tenant, whatever the number of nodes. A transaction takes few round trips: statements are queued and sent together,
// and each one is about all of its rows, which it gets as arrays.
//
// The key of every table begins with the tenant, and every statement names one, so that the tables can be distributed by
// tenant; what stands outside of tenants is listed in the layout test.
package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"muster"
)

// Options of a Store. The zero value is usable.
type Options struct {
	// Password is the user's, where it is not to stand in the connection string; "" is that string's.
	Password string
	// Connections is how many there are at most; zero is 16.
	Connections int
	// Pooled is for a connection string that leads to a pooler in transaction mode, such as PgBouncer: nothing is kept in a
	// server's session from one transaction to the next.
	Pooled bool
	// Existing has Open refuse a database without a schema with [ErrEmpty], instead of making one.
	Existing bool
	// Wake queues what wakes a lane when the transaction commits that stores work of it, for a dispatcher that works on the
	// same database ([muster/dispatch.WakeIn]); nil: nothing.
	Wake func(b *pgx.Batch, lane muster.LaneRef)
}

// Store is an open database. Its methods are safe for concurrent use. What a method that changes something did has
// reached the disk of the server, and of its synchronous standby if it has one, when it returns nil. A context that ends
// withdraws a write that waits for its tenant's lock; one that has it runs to its end.
type Store struct {
	pool  *pgxpool.Pool
	wake  func(*pgx.Batch, muster.LaneRef)
	local string // the statement that makes settings for one transaction, "" where the connection has them

	// Who of this process has which lock, and waits for it.
	directories, queues turns
}

// Open connects to a database and brings its schema up to date, which one process at a time does. It refuses a database
// whose schema is newer than it knows, unless that schema says that it serves this program, too, and with [ErrUnfinishedCopy]
// one into which an installation is still to be copied.
//
// url is a PostgreSQL URL or a list of key=value pairs, as libpq takes them (section 34.1.1 of PostgreSQL's manual); of
// several hosts the first that can be written is used, and another one when that is gone.
func Open(ctx context.Context, url string, options Options) (*Store, error) {
	s, err := connect(ctx, url, &options)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if options.Existing {
		err = s.refuseEmpty(ctx)
	}
	if err == nil {
		err = migrate(ctx, s.pool.Config())
	}
	if err == nil {
		err = s.refuseUnfinishedCopy(ctx)
	}
	if err != nil {
		s.pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return s, nil
}

// connect makes a store of a database, whatever its schema.
func connect(ctx context.Context, url string, o *Options) (*Store, error) {
	if o.Connections == 0 {
		o.Connections = defaultConnections
	}
	config, err := configure(url, o)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := checkServer(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	s := &Store{pool: pool, wake: o.Wake}
	if o.Pooled {
		s.local = localSettings()
	}
	return s, nil
}

// Pool gives the store's connections, for a dispatcher that works on the same database.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Close waits for what has begun, and closes all connections. No other method may be called afterwards.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// Ping fails if the store cannot be read and written. It writes a row, and waits for the disk.
func (s *Store) Ping(ctx context.Context) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		var n int64
		t.row([]any{&n}, selectIDFloor)
		t.exec(updateChecked)
		return nil
	})
	return explain("ping", err)
}

// Initialised reports whether the store holds a tenant: before the first start it does not.
func (s *Store) Initialised(ctx context.Context) (bool, error) {
	var found bool
	err := s.read(ctx, func(t *tx) error {
		t.row([]any{&found}, selectAnyTenant)
		return nil
	})
	return found, explain("look for a tenant", err)
}

// IDFloor is the largest id that is known to have been used, 0 if none: new ids must be above it.
func (s *Store) IDFloor(ctx context.Context) (muster.ID, error) {
	var floor muster.ID
	err := s.read(ctx, func(t *tx) error {
		t.row([]any{&floor}, selectIDFloor)
		return nil
	})
	return floor, explain("read the largest id", err)
}

// found is the answer of a look-up: KindNotFound with the sentence where it found nothing.
func found[T any](thing *T, detail string) (*T, error) {
	if thing == nil {
		return nil, &muster.Error{Kind: muster.KindNotFound, Detail: detail}
	}
	return thing, nil
}

// conflict is the answer where what must not be there is.
func conflict(field, detail string) error {
	return &muster.Error{Kind: muster.KindConflict, Field: field, Detail: detail}
}
