package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// maxGroup is how many small writes share a transaction at most.
const maxGroup = 64

// writer drives the connection that writes, from a goroutine of its own.
type writer struct {
	db        *sql.DB
	committed func(c *conn) // called after each commit, on the writer's goroutine

	mu      sync.Mutex
	waiting sync.Cond // on mu: something is queued, or the writer is stopped
	pauses  []func()
	smalls  []*request
	larges  []*request
	stopped bool

	conn  *conn // nil while there is none; the goroutine's own
	ended chan struct{}
}

// request is a write on its way.
type request struct {
	run   func(*conn) error
	begun atomic.Bool // by the writer, or by the caller, who then withdraws it
	err   error
	done  chan struct{} // closed when err is the answer
}

func newWriter(db *sql.DB) *writer {
	w := &writer{db: db, ended: make(chan struct{})}
	w.waiting.L = &w.mu
	return w
}

func (w *writer) start() { go w.loop() }

// stop refuses what is queued and returns when what has begun has ended.
func (w *writer) stop() {
	w.mu.Lock()
	w.stopped = true
	w.waiting.Signal()
	w.mu.Unlock()
	w.refuse(errClosed)
	<-w.ended
}

// refuse answers everything that is queued with err.
func (w *writer) refuse(err error) {
	w.mu.Lock()
	refused := slices.Concat(w.smalls, w.larges)
	w.smalls, w.larges = nil, nil
	w.mu.Unlock()
	for _, r := range refused {
		r.answer(err)
	}
}

// Close closes the connection, after stop.
func (w *writer) Close() error {
	var err error
	if w.conn != nil {
		err = w.conn.Close()
	}
	return errors.Join(err, w.db.Close())
}

// small runs f in a transaction that it may share with others of its kind: f's error undoes what f did, and nothing else.
// It returns when the transaction has reached the disk. f must not block, and not end the goroutine.
func (w *writer) small(ctx context.Context, f func(*conn) error) error {
	return w.do(ctx, f, &w.smalls)
}

// large is like small for a write that takes long: it has a transaction of its own, and those that are small come first.
func (w *writer) large(ctx context.Context, f func(*conn) error) error {
	return w.do(ctx, f, &w.larges)
}

func (w *writer) do(ctx context.Context, f func(*conn) error, queue *[]*request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, stored := recording(ctx, f)
	r := &request{run: f, done: make(chan struct{})}
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return errClosed
	}
	*queue = append(*queue, r)
	w.waiting.Signal()
	w.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.begun.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-r.done
	}
	if r.err == nil {
		stored()
	}
	return r.err
}

// pause calls f on the writer's goroutine when no transaction is open, before any write that waits. It reports false if
// the writer has stopped, and f was not called.
func (w *writer) pause(f func()) bool {
	done := make(chan struct{})
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return false
	}
	w.pauses = append(w.pauses, func() { f(); close(done) })
	w.waiting.Signal()
	w.mu.Unlock()
	<-done
	return true
}

// loop takes turns, so that neither kind of write can starve the other: the small ones that wait, as a group, then one
// large one.
func (w *writer) loop() {
	defer close(w.ended)
	for {
		w.mu.Lock()
		for !w.stopped && len(w.pauses)+len(w.smalls)+len(w.larges) == 0 {
			w.waiting.Wait()
		}
		pauses := w.pauses
		w.pauses = nil
		stopped := w.stopped
		w.mu.Unlock()
		for _, f := range pauses {
			f()
		}
		if stopped {
			return
		}
		if r := w.take(&w.smalls); r != nil {
			w.group(r)
		}
		if r := w.take(&w.larges); r != nil {
			w.alone(r)
		}
	}
}

// take gives the first request of the queue that has not been withdrawn, nil if there is none.
func (w *writer) take(queue *[]*request) *request {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(*queue) > 0 {
		r := (*queue)[0]
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		if r.begun.CompareAndSwap(false, true) {
			return r
		}
	}
	return nil
}

// alone runs one write in a transaction.
func (w *writer) alone(r *request) {
	r.answer(w.transaction(func(c *conn) error { return r.guarded(c) }))
}

// group runs the write and those that wait behind it, each within a savepoint. Everyone is answered after the commit,
// those that were refused too, since a refusal may stand on what another of the group did. If the commit fails, it
// fails for all.
func (w *writer) group(r *request) {
	var group []*request
	err := w.transaction(func(c *conn) error {
		for ; r != nil; r = w.take(&w.smalls) {
			group = append(group, r)
			if err := r.within(c); err != nil {
				return err
			}
			if len(group) == maxGroup {
				break
			}
		}
		return nil
	})
	if len(group) == 0 { // there was no transaction to begin with
		r.answer(err)
	}
	for _, r := range group {
		if err != nil {
			r.err = err
		}
		r.answer(r.err)
	}
}

// within runs the write between savepoints. The error is the transaction's; the write's own is in r.err.
func (r *request) within(c *conn) error {
	ctx := context.Background()
	if err := c.control(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	if r.err = r.guarded(c); r.err != nil {
		if err := c.control(ctx, "ROLLBACK TO one"); err != nil {
			return lost(r.err, err)
		}
	}
	return c.control(ctx, "RELEASE one")
}

// lost is the error of a group whose transaction is gone, which is no refusal and no data's fault for the others: cause is
// what one of the writes met, which stays out of the chain, and err that it could not be undone. But after a full disk and
// its like SQLite has rolled back already, and the cause is what is wrong.
func lost(cause, err error) error {
	if isTrouble(cause) {
		err, cause = cause, err
	}
	return fmt.Errorf("undo a write within a group: %w (%s)", err, cause.Error())
}

// guarded turns a panic of the write into its error: the writer lives on.
func (r *request) guarded(c *conn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return r.run(c)
}

func (r *request) answer(err error) {
	r.err = err
	close(r.done)
}

// transaction runs f between BEGIN IMMEDIATE and COMMIT, or ROLLBACK if f fails. Where it cannot begin, whoever waits is
// refused too: another process may hold the lock, for which each of them would wait as long, one after the other.
func (w *writer) transaction(f func(*conn) error) error {
	ctx := context.Background()
	c, err := w.begin(ctx)
	if err != nil {
		w.refuse(err)
		return err
	}
	err = f(c)
	if err == nil {
		err = c.control(ctx, "COMMIT")
	}
	if err != nil {
		// After some errors, such as that of a full disk, SQLite has rolled back already, and this fails.
		_ = c.control(ctx, "ROLLBACK")
		return err
	}
	w.committed(c)
	return nil
}

// begin opens a transaction, and before the first one the connection.
func (w *writer) begin(ctx context.Context) (*conn, error) {
	if w.conn == nil {
		c, err := openConn(ctx, w.db)
		if err != nil {
			return nil, fmt.Errorf("open the connection that writes: %w", err)
		}
		w.conn = c
	}
	return w.conn, w.conn.begin(ctx, "BEGIN IMMEDIATE")
}
