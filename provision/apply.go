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
		if *snapshot.Settings != r.tenant.Settings {
			return nil, errSettings
		}
		w, need, err = r.decide(snapshot, live, e.Now())
		written = w
		return w, err
	}
	chunks := make([]muster.Chunk, len(r.chunks))
	for i := range r.chunks {
		chunks[i] = r.chunks[i].Chunk
	}
	keys := muster.KeysOf(r.entries, &r.tenant.Settings)
	if err := e.Store.Apply(context.WithoutCancel(ctx), r.tenant.ID, chunks, keys, decide); err != nil {
		return need, err
	}
	e.metrics.applies.Observe(time.Since(began).Seconds())
	for i := range written.Chunks {
		e.metrics.decided(written.Chunks[i].Outcomes)
	}
	return nil, nil
}

// decide plans the chunks that still wait. A chunk that another worker finished is passed over.
func (r *run) decide(snapshot muster.Snapshot, live []bool, now time.Time) (w *Writes, need []int, err error) {
	entries, origin := r.living(live)
	planned := muster.Plan(entries, snapshot)
	if len(planned.NeedHash) > 0 {
		for _, i := range planned.NeedHash {
			need = append(need, origin[i])
		}
		return nil, need, errNeedHash
	}
	w = &Writes{Planned: planned, Now: now}
	at := 0
	for i := range r.chunks {
		if !live[i] {
			continue
		}
		c := &r.chunks[i]
		outcomes := planned.Outcomes[at : at+len(c.rows)]
		at += len(c.rows)
		for k := range outcomes {
			outcomes[k].Row = c.Chunk.FirstRow + k
			outcomes[k].ID = c.Chunk.FirstID + muster.ID(k)
			outcomes[k].Subject = subject(c.Batch.Contract, &c.rows[k])
		}
		kept, err := sealKept(c.keys.kept, &c.Chunk, c.rows, r.entries[c.start:], outcomes)
		if err != nil {
			return nil, nil, err
		}
		w.Chunks = append(w.Chunks, ChunkWrites{Chunk: c.Chunk, Position: c.Position, Outcomes: outcomes, Kept: kept})
	}
	return w, nil, nil
}

// living gives the entries of the chunks that still wait, and each one's index in the run.
func (r *run) living(live []bool) (entries []muster.Entry, origin []int) {
	entries, origin = make([]muster.Entry, 0, len(r.entries)), make([]int, 0, len(r.entries))
	for i := range r.chunks {
		if !live[i] {
			continue
		}
		for k := range r.chunks[i].rows {
			entries, origin = append(entries, r.entries[r.chunks[i].start+k]), append(origin, r.chunks[i].start+k)
		}
	}
	return entries, origin
}

// subject is what the caller named the user by.
func subject(contract muster.Contract, row *muster.Row) string {
	switch {
	case contract == muster.ContractKooDrive || row.Match == muster.KeyPhone:
		return row.Phone
	case row.Match == muster.KeyEmail:
		return row.Email
	default:
		return row.Account
	}
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
		c.Chunk.FirstRow += first
		c.Chunk.Rows = n
		c.Chunk.FirstID += muster.ID(first)
		c.Chunk.FirstUser += muster.ID(first)
		c.Position.FirstRow += first
		if c.Batch.Lane == muster.LaneCreate {
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
