package provision

import (
	"context"
	"errors"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/secret"
)

// lookAhead is how many prepared runs of chunks may wait while one is being applied. With the one in Prepare's hands it
// bounds a turn's memory at some three thousand rows.
const lookAhead = 1

// turn prepares and applies a lane's chunks, side by side, until the slice is over or nothing is left.
func (e *Engine) turn(ctx context.Context, lane muster.LaneRef, slice *Slice) (more bool, err error) {
	e.metrics.running.Inc()
	defer e.metrics.running.Dec()
	group, working := errgroup.WithContext(ctx)
	ready := make(chan *run, lookAhead)
	held := false
	group.Go(func() error {
		defer close(ready)
		var err error
		more, err = e.prepare(working, lane, slice, ready)
		held = errors.Is(err, ErrWait)
		return ignoring(err, ErrWait)
	})
	group.Go(func() error { return e.applyAll(working, ready) })
	err = group.Wait()
	if errors.Is(err, errUnguessed) {
		more, err = true, nil
	}
	switch {
	case ctx.Err() != nil: // stopping: what was not applied waits in the store
		return true, nil
	case err != nil:
		if errors.Is(err, secret.ErrUnknownKey) {
			err = errors.Join(err, e.Keyring.Reload(ctx))
		}
		e.metrics.turns.WithLabelValues("fault").Inc()
		e.Logger.LogAttrs(ctx, slog.LevelError, "a lane's turn failed and will be tried again",
			slog.String("tenant", lane.Tenant.String()), slog.String("lane", lane.Lane.String()), slog.Any("error", err))
		return true, err
	case held:
		e.metrics.turns.WithLabelValues("wait").Inc()
		return more, ErrWait
	default:
		e.metrics.turns.WithLabelValues("done").Inc()
		return more, nil
	}
}

const (
	// chunkHashes is the most passwords of a chunk that are hashed before it is applied: some 200 ms on two cores, so that
	// a chunk fits a turn.
	chunkHashes = 16

	// readRows is how many rows a turn reads at first, and while it hashes: what is read and not hashed when the slice
	// ends is opened again in the next turn. readGrowth is by what factor it reads more after rows that needed no hash.
	readRows   = 4 * chunkHashes
	readGrowth = 4
)

// prepare reads the lane's chunks in order, makes them ready, and hands them on. Where it could hand on none, since an
// identity system has yet to answer about the first, it returns ErrWait.
func (e *Engine) prepare(ctx context.Context, lane muster.LaneRef, slice *Slice, ready chan<- *run) (more bool, err error) {
	var after *Position
	rows, guess := readRows, true
	for !slice.Over() {
		works, err := e.Store.Next(ctx, lane, after, rows)
		if err != nil {
			return true, err
		}
		if len(works) == 0 {
			// A lane is let go only by a turn that found nothing from its head on: behind after there may be a batch
			// that was accepted meanwhile with a lower rank.
			return after != nil, nil
		}
		r, err := e.open(ctx, lane.Tenant, together(works), slice)
		switch {
		case err != nil:
			return true, err
		case len(r.chunks) == 0 && after == nil:
			return true, ErrWait
		case len(r.chunks) == 0:
			return true, nil
		}
		var unhashed []int
		if r.unguessed = !guess; guess {
			if unhashed, err = e.unhashed(ctx, r); err != nil {
				return true, err
			}
			guess = len(unhashed) > 0 || !r.hasPasswords()
		}
		divided, err := e.divide(ctx, r, unhashed)
		if err != nil {
			return true, err
		}
		if divided { // other batches' chunks may now stand between the parts: read the lane again
			rows = readRows
			continue
		}
		if len(unhashed) == 0 {
			if rows = min(rows*readGrowth, muster.ChunkRows); r.asked {
				rows = readRows // what is read is asked about, and kept in memory
			}
			if err := send(ctx, ready, r); err != nil {
				return true, err
			}
		} else {
			rows = readRows
			if err := e.hashInOrder(ctx, slice, r, unhashed, ready); err != nil {
				return true, ignoring(err, errSliceOver)
			}
		}
		after = &r.chunks[len(r.chunks)-1].Position
	}
	return true, nil
}

// errUnguessed ends a turn in which a run turned out to have much to hash that was not looked at before; see run.unguessed.
var errUnguessed = errors.New("passwords must be hashed that were thought to be of users who exist")

var errSliceOver = errors.New("the turn's time is over")

func ignoring(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

func send(ctx context.Context, ready chan<- *run, r *run) error {
	select {
	case ready <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hashInOrder feeds the passwords to the pool chunk by chunk, and hands each chunk on while its last hashes are being
// made, so that no core waits for the chunk's end. Between chunks it looks at the clock.
func (e *Engine) hashInOrder(ctx context.Context, slice *Slice, r *run, unhashed []int, ready chan<- *run) error {
	next := 0
	for i := range r.chunks {
		if i > 0 && slice.Over() {
			return errSliceOver
		}
		part := r.part(i, i+1)
		end := r.chunks[i].start + len(r.chunks[i].rows)
		first := next
		for next < len(unhashed) && unhashed[next] < end {
			next++
		}
		if err := e.hash(ctx, part, r.chunks[i].start, unhashed[first:next]); err != nil {
			return err
		}
		if err := send(ctx, ready, part); err != nil {
			return err
		}
	}
	return nil
}

// divide cuts chunks in the store in which more passwords are to be hashed than fit a turn, and reports whether there were
// any. That is not done when they are stored, since of users who exist no password is hashed, and small chunks cost more.
func (e *Engine) divide(ctx context.Context, r *run, unhashed []int) (divided bool, err error) {
	for i := range r.chunks {
		c := &r.chunks[i]
		var lengths []int
		first, end := c.start, c.start+len(c.rows)
		for n := 0; len(unhashed) > 0 && unhashed[0] < end; unhashed = unhashed[1:] {
			if n++; n > chunkHashes {
				lengths = append(lengths, unhashed[0]-first)
				first, n = unhashed[0], 1
			}
		}
		if lengths == nil {
			continue
		}
		if _, err := e.cut(ctx, c, append(lengths, end-first)); err != nil {
			return false, err
		}
		divided = true
	}
	return divided, nil
}

// applyAll applies what is handed on, taking consecutive runs together while they are there and fit one transaction. A run
// that was looked at is not taken together with one that was not, for which it might have to be given up: so every turn
// gets at least as far as its first run.
func (e *Engine) applyAll(ctx context.Context, ready <-chan *run) error {
	var next *run
	for {
		r := next
		if next = nil; r == nil {
			var ok bool
			if r, ok = receive(ctx, ready); !ok {
				return ctx.Err()
			}
		}
		if err := r.await(ctx); err != nil {
			return err
		}
		for next == nil {
			select {
			case following, ok := <-ready:
				if !ok {
					return e.apply(ctx, r)
				}
				if following.pending() || following.unguessed != r.unguessed || !following.chunks[0].goesWith(&r.chunks[0].Work) || len(r.entries)+len(following.entries) > muster.ChunkRows {
					next = following
				} else {
					r = r.join(following)
				}
				continue
			default:
			}
			break
		}
		if err := e.apply(ctx, r); err != nil {
			return err
		}
	}
}

func receive(ctx context.Context, ready <-chan *run) (*run, bool) {
	select {
	case r, ok := <-ready:
		return r, ok
	case <-ctx.Done():
		return nil, false
	}
}
