package provision

import (
	"context"
	"sync"
	"time"

	"muster"
	"muster/password"
)

// hashes counts the hashes of a run that are being made.
type hashes struct {
	mu   sync.Mutex
	left int
	err  error
	done chan struct{} // closed when left is 0
}

// unhashed plans the run against a read snapshot and gives the entries whose password would be written. It is a guess
// that saves work: Apply decides, and asks for what is missing then.
func (e *Engine) unhashed(ctx context.Context, r *run) ([]int, error) {
	if !r.hasPasswords() {
		return nil, nil
	}
	snapshot, err := e.Store.Outline(ctx, r.tenant.ID, muster.KeysOf(r.entries, &r.tenant.Settings))
	if err != nil {
		return nil, err
	}
	planned, ok := e.tryPlan(ctx, r, snapshot)
	if !ok {
		return nil, nil // Apply meets the same fault and isolates the row
	}
	return planned.NeedHash, nil
}

func (e *Engine) tryPlan(ctx context.Context, r *run, snapshot muster.Snapshot) (planned muster.Planned, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			e.logPanic(ctx, &r.chunks[0].Chunk, p)
			ok = false
		}
	}()
	return muster.Plan(r.entries, snapshot), true
}

// hasPasswords reports whether some are to be hashed, which is done for nothing but users who are to be written.
func (r *run) hasPasswords() bool {
	if r.mode() != muster.ModeRun {
		return false
	}
	for i := range r.entries {
		if e := &r.entries[i]; e.Password && e.Fault == nil && e.User.PasswordHash == "" {
			return true
		}
	}
	return false
}

// hash feeds the passwords of some of the run's entries to the pool and returns when the last is queued; see await.
// indices count from base.
func (e *Engine) hash(ctx context.Context, r *run, base int, indices []int) error {
	if len(indices) == 0 {
		return nil
	}
	h := &hashes{left: len(indices), done: make(chan struct{})}
	r.hashes = h
	for _, index := range indices {
		i := index - base
		e.pace.begin(time.Now())
		err := e.Hasher.Submit(ctx, password.Bulk, []byte(r.password(i)), func(hash string, err error) {
			e.pace.end(time.Now())
			r.entries[i].User.PasswordHash = hash
			h.finish(err)
		})
		if err != nil {
			e.pace.giveUp()
			return err
		}
	}
	return nil
}

// finish counts one hash. What done callbacks wrote before is seen by who waits, through the channel.
func (h *hashes) finish(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil && h.err == nil {
		h.err = err
	}
	if h.left--; h.left == 0 {
		close(h.done)
	}
}

// password is the i-th entry's password, as its row brought it.
func (r *run) password(i int) string {
	for k := range r.chunks {
		if at := i - r.chunks[k].start; at < len(r.chunks[k].rows) {
			return r.chunks[k].rows[at].Password
		}
	}
	return ""
}

// await waits until the run's hashes are made.
func (r *run) await(ctx context.Context) error {
	if r.hashes == nil {
		return nil
	}
	select {
	case <-r.hashes.done:
		return r.hashes.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pending reports whether hashes are still being made.
func (r *run) pending() bool {
	if r.hashes == nil {
		return false
	}
	select {
	case <-r.hashes.done:
		return r.hashes.err != nil
	default:
		return true
	}
}
