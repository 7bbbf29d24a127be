package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"muster"
)

// tx is a transaction on its way. Statements are queued, and go to the server together, in one round trip, when flush is
// called or the transaction ends; only then do scan functions see their rows. One goroutine at a time may use it.
type tx struct {
	conn  *pgx.Conn
	queue *pgx.Batch
	// ctx bounds the next round trip. A transaction that writes lets go of the caller's once it has its lock: from then on it
	// is short, and cutting it off would cost the connection.
	ctx       context.Context
	readOnly  bool // its COMMIT changes nothing
	plansAnew bool // from here on no plan is kept

	// Of a transaction that has a lock of a tenant, known after the first flush.
	tenant muster.ID // 0 if it has none
	held   bool
	usage  muster.Usage
	// sequence is the last place in the order of acceptance. Like what is queued by the usage, it may change beside a transaction that
	// has the lock of the directory alone.
	sequence int64
}

// exec queues a statement of which nothing is to be known.
func (t *tx) exec(s statement, args ...any) { t.enqueue(s, args) }

func (t *tx) enqueue(s statement, args []any) *pgx.QueuedQuery {
	if !keeping[s] && !t.plansAnew {
		t.plansAnew = true
		t.queue.Queue("SET LOCAL plan_cache_mode = force_custom_plan")
	}
	return t.queue.Queue(statementText[s], encode(args)...)
}

// count queues a statement and sets n to the number of rows that it concerned.
func (t *tx) count(n *int64, s statement, args ...any) {
	t.enqueue(s, args).Exec(func(tag pgconn.CommandTag) error {
		*n = tag.RowsAffected()
		return nil
	})
}

// rows queues a statement and calls scan for each row of its answer.
func (t *tx) rows(scan func(scanner) error, s statement, args ...any) {
	t.enqueue(s, args).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := scan(decoder{rows}); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// row queues a statement whose answer is one row, and scans it.
func (t *tx) row(dest []any, s statement, args ...any) {
	t.enqueue(s, args).QueryRow(func(row pgx.Row) error { return decoder{row}.Scan(dest...) })
}

// flush sends what is queued and reads the answers. KindNotFound if the tenant whose lock is to be had does not exist.
func (t *tx) flush() error {
	if t.queue.Len() == 0 {
		return nil
	}
	queue := t.queue
	t.queue = &pgx.Batch{}
	ctx, cancel := context.WithTimeout(t.ctx, answerTime)
	defer cancel()
	err := t.conn.SendBatch(ctx, queue).Close()
	switch {
	case err != nil && t.ctx.Err() != nil:
		return t.ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w within %s", errNoAnswer, answerTime)
	case err != nil && t.conn.IsClosed():
		return fmt.Errorf("%w: %w", errLost, err)
	case err != nil:
		return err
	case t.tenant != 0 && !t.held:
		return &muster.Error{Kind: muster.KindNotFound, Detail: noTenant}
	}
	if t.held {
		t.ctx = context.WithoutCancel(t.ctx)
	}
	return nil
}

// commit sends what is queued, and COMMIT behind it. An error that wraps errUnknown leaves open whether it was committed.
func (t *tx) commit() error {
	if t.tenant != 0 && !t.held { // nothing is committed without the lock
		if err := t.flush(); err != nil {
			return err
		}
	}
	if t.readOnly && t.alone() {
		return t.flush()
	}
	done := false
	t.queue.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if done = tag.String() == "COMMIT"; !done {
			return fmt.Errorf("COMMIT ended as %s", tag)
		}
		return nil
	})
	commits := &sessionOf(t.conn).commits
	commits.Store(!t.readOnly)
	err := t.flush()
	if !t.conn.IsClosed() {
		commits.Store(false)
	}
	switch {
	case err == nil, done: // what happens to the connection afterwards is no matter
		return nil
	case t.readOnly, isRefusal(err), beforeCommit(err):
		return err
	default:
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
}

// beforeCommit reports whether the server did not get to the COMMIT: a statement before failed, or was still being prepared, for
// which nothing is executed yet, or the session had ended.
func beforeCommit(err error) bool {
	var preparing pgx.ErrPreprocessingBatch
	if errors.As(err, &preparing) {
		return true
	}
	e := serverError(err)
	return e != nil && (e.SeverityUnlocalized == "ERROR" || e.Code == idleInTransaction)
}

// alone leaves out BEGIN where nothing was sent and one statement is queued behind it, and reports whether it did. What one statement
// reads is of one moment in any case.
func (t *tx) alone() bool {
	all := t.queue.QueuedQueries
	if len(all) != 2 || all[0].SQL != beginRead {
		return false
	}
	t.queue.QueuedQueries = all[1:]
	return true
}

const rollbackTime = 5 * time.Second

// rollback undoes what was done, so that the connection can be used again, or closes it.
func (t *tx) rollback(cause error) {
	if t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), rollbackTime)
	defer cancel()
	if _, err := t.conn.Exec(ctx, "ROLLBACK"); err != nil || isReadOnly(cause) {
		_ = t.conn.Close(ctx) // the pool makes another
	}
}

// The transactions' kinds.
const (
	beginRead  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	beginWrite = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
)

// locks are those of a tenant. Who takes both takes them in this order.
type locks uint8

const (
	// lockOfDirectory is had by who changes whatever the tenant has, but for who accepts a batch.
	lockOfDirectory locks = 1 << iota
	// lockOfQueue is had by who changes the order of acceptance. Who has that of the directory alone may change at its end
	// how much is queued, for which it waits: nobody has this lock for long.
	lockOfQueue

	noLocks  locks = 0
	allLocks       = lockOfDirectory | lockOfQueue
)

// transaction runs f between begin and COMMIT, or ROLLBACK if it fails.
func (s *Store) transaction(ctx context.Context, begin string, tenant muster.ID, have locks, f func(*tx) error) error {
	c, err := s.pool.Acquire(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: %w", errLost, err)
	}
	defer c.Release()
	t := &tx{conn: c.Conn(), queue: &pgx.Batch{}, ctx: ctx, tenant: tenant, readOnly: begin == beginRead}
	t.queue.Queue(begin)
	if s.local != "" {
		t.queue.Queue(s.local)
		t.plansAnew = true
	}
	t.lock(have)
	var audit *muster.Audit
	if err = f(t); err == nil {
		audit = t.audit(ctx)
		err = t.commit()
	}
	if err == nil && audit != nil {
		audit.Stored()
	}
	if err != nil {
		t.rollback(err)
	}
	if c.Conn().IsClosed() && ctx.Err() == nil {
		// The server is gone, or no longer the one that may be written, and so it is for the pool's other connections.
		s.pool.Reset()
	}
	return err
}

// lock queues what takes the locks, and then reads what the tenant has taken.
func (t *tx) lock(have locks) {
	if have == noLocks {
		return
	}
	if have&lockOfDirectory != 0 {
		t.exec(lockDirectory, t.tenant)
	}
	usage := selectUsage
	if have&lockOfQueue != 0 {
		usage = lockUsage
	}
	t.rows(func(row scanner) error {
		t.held = true
		return scanUsage(row, &t.usage, &t.sequence)
	}, usage, t.tenant)
}

// read runs f in a transaction in which whatever it reads is of one moment.
func (s *Store) read(ctx context.Context, f func(*tx) error) error {
	return s.transaction(ctx, beginRead, 0, noLocks, f)
}

// write runs f in a transaction that has all the tenant's locks; see writeWith.
func (s *Store) write(ctx context.Context, tenant muster.ID, f func(*tx) error) error {
	return s.writeWith(ctx, tenant, allLocks, f)
}

// writeWith runs f in a transaction that has locks of the tenant, and returns when it has reached the disk. Transactions of a
// process that want the same lock wait for each other here, and not with a connection each. A context that ends withdraws a
// write that waits; one that has its locks runs to its end. Statements that f queues before its first flush are sent along
// with those that take the locks, and run when they are had.
func (s *Store) writeWith(ctx context.Context, tenant muster.ID, have locks, f func(*tx) error) error {
	if have&lockOfDirectory != 0 {
		release, err := s.directories.take(ctx, tenant)
		if err != nil {
			return err
		}
		defer release()
	}
	if have&lockOfQueue != 0 {
		release, err := s.queues.take(ctx, tenant)
		if err != nil {
			return err
		}
		defer release()
	}
	return s.transaction(ctx, beginWrite, tenant, have, f)
}

// writeOutside runs f in a transaction that writes what stands outside of tenants.
func (s *Store) writeOutside(ctx context.Context, f func(*tx) error) error {
	return s.transaction(ctx, beginWrite, 0, noLocks, f)
}
