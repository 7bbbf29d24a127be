package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster"
)

var (
	errNeedHash = errors.New("a password that is to be written has no hash yet")
	errSettings = errors.New("the tenant's settings changed since the rows were prepared")
)

// apply gives every row of the run its outcome, once: in one transaction, or where a row's own fault forbids that, in
// as many as it takes to leave the row alone. An error is a fault of what we stand on.
func (e *Engine) apply(ctx context.Context, r *run) error {
	for {
		need, err := e.applyOnce(ctx, r)
		switch {
		case err == nil:
			e.forget(r)
			return nil
		case errors.Is(err, errNeedHash) && r.unguessed && len(need) > chunkHashes:
			return errUnguessed
		case errors.Is(err, errNeedHash):
			// Nobody looked, or a user was deleted between Prepare and now, so that a skip became a create.
			if err := e.hash(ctx, r, 0, need); err != nil {
				return err
			}
			if err := r.await(ctx); err != nil {
				return err
			}
		case errors.Is(err, errSettings):
			if err := e.renormalise(ctx, r); err != nil {
				return err
			}
		case errors.Is(err, muster.ErrRow):
			return e.isolate(ctx, r, err)
		default:
			return err
		}
	}
}

// applyOnce is one transaction. A stop does not cut it off: it is as good as finished when it began.
func (e *Engine) applyOnce(ctx context.Context, r *run) (need []int, err error) {
	began := time.Now()
	var written *Writes
	decide := func(snapshot muster.Snapshot, live []bool) (w *Writes, err error) {
		defer func() {
			if p := recover(); p != nil {
				e.logPanic(ctx, &r.chunks[0].Chunk, p)
				w, err = nil, fmt.Errorf("%w: panic %T", muster.ErrRow, p)
			}
		}()
		if plans(r.mode()) && *snapshot.Settings != r.tenant.Settings {
			return nil, errSettings
		}
		written = &Writes{Now: e.Now()}
		need, err = r.decide(snapshot, live, written)
		return written, err
	}
	chunks := make([]muster.Chunk, len(r.chunks))
	for i := range r.chunks {
		chunks[i] = r.chunks[i].Chunk
	}
	var keys muster.Keys
	if plans(r.mode()) {
		keys = muster.KeysOf(r.entries, &r.tenant.Settings)
	}
	err = e.Store.Apply(context.WithoutCancel(ctx), r.tenant.ID, chunks, keys, decide)
	if r.endsCheck() {
		e.wakeAll(r.tenant.ID) // also where only the answer was lost
	}
	if err != nil {
		return need, err
	}
	e.metrics.applies.Observe(time.Since(began).Seconds())
	for i := range written.Chunks {
		e.metrics.decided(r.mode(), &written.Chunks[i])
	}
	return nil, nil
}

// endsCheck reports whether a commit goes to another lane when the run is applied.
func (r *run) endsCheck() bool {
	last := &r.chunks[len(r.chunks)-1]
	return r.mode() == muster.ModeCheck && last.Chunk.FirstRow+last.Chunk.Rows == last.Batch.Total
}

// isolate halves the run until the row that cannot be processed stands alone, and fails it.
func (e *Engine) isolate(ctx context.Context, r *run, cause error) error {
	switch {
	case len(r.chunks) > 1:
		middle := len(r.chunks) / 2
		if err := e.apply(ctx, r.part(0, middle)); err != nil {
			return err
		}
		return e.apply(ctx, r.part(middle, len(r.chunks)))
	case len(r.entries) > 1:
		halves, err := e.split(ctx, r)
		if err != nil {
			return err
		}
		return e.isolate(ctx, halves, cause)
	case r.entries[0].Fault != nil && r.entries[0].Fault.Reason == muster.ReasonInternal:
		return fmt.Errorf("the outcome of a row that failed cannot be stored: %w", cause)
	default:
		r.entries[0] = muster.Entry{Fault: internalFault()}
		return e.apply(ctx, r)
	}
}

// split halves the run's only chunk.
func (e *Engine) split(ctx context.Context, r *run) (*run, error) {
	middle := len(r.entries) / 2
	halves, err := e.cut(ctx, &r.chunks[0], []int{middle, len(r.entries) - middle})
	if err != nil {
		return nil, err
	}
	e.metrics.splits.Inc()
	return &run{tenant: r.tenant, entries: r.entries, chunks: halves}, nil
}

// cut makes several chunks of one, of so many rows each, in the store too, so that each has its own end.
func (e *Engine) cut(ctx context.Context, whole *chunk, lengths []int) ([]chunk, error) {
	chunks, parts := make([]chunk, len(lengths)), make([]muster.Chunk, len(lengths))
	first := 0
	for i, n := range lengths {
		c := *whole
		c.start, c.rows = whole.start+first, whole.rows[first:first+n]
		if c.expected != nil {
			c.expected = whole.expected[first : first+n]
		}
		c.Chunk.FirstRow += first
		c.Chunk.Rows = n
		c.Chunk.FirstID += muster.ID(first)
		c.Chunk.FirstUser += muster.ID(first)
		c.Position.FirstRow += first
		if c.Chunk.Mode.Lane(c.Batch.Lane) != muster.LaneOrdered {
			c.Position.Rank += int64(first)
		}
		if err := sealRows(c.keys.payload, &c.Chunk, c.rows); err != nil {
			return nil, err
		}
		parts[i] = c.Chunk
		c.Chunk.Payload = nil
		chunks[i] = c
		first += n
	}
	return chunks, e.Store.Split(ctx, whole.Chunk, parts)
}
