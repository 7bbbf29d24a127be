package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"muster"
	"muster/provision"
)

// settleTries is how often a write begins that has to be known to have happened, where the database is lost on the way.
const settleTries = 3

// settle runs f as write does; see settleWith.
func (s *Store) settle(ctx context.Context, tenant muster.ID, f func(t *tx, again bool) error) error {
	return s.settleWith(ctx, tenant, allLocks, f)
}

// settleWith runs f as writeWith does. Where the connection is lost on the way of the COMMIT, what f did may be stored or not. Then it
// begins again, and f, which is told so, finds that out under the locks, which the try before had until its end. Since
// what one session sees of another may not have reached the standby yet, f then writes something all the same, which is
// committed behind it.
func (s *Store) settleWith(ctx context.Context, tenant muster.ID, have locks, f func(t *tx, again bool) error) error {
	open := false // a try before may have been committed
	var err error
	for range settleTries {
		err = s.writeWith(ctx, tenant, have, func(t *tx) error { return f(t, open) })
		if err == nil || isRefusal(err) { // under the lock, and so of what there is
			return err
		}
		open = open || errors.Is(err, errUnknown)
		if !errors.Is(err, errUnknown) && !errors.Is(err, errLost) {
			break
		}
	}
	if open {
		err = fmt.Errorf("%w: %w", errUnknown, err)
	}
	return err
}

// Accept is [provision.Store.Accept]. It does not wait for an Apply. What one changes meanwhile of what it reads does no harm: the
// queue gets shorter, the lane goes on, and the first batch of a repeated request is finished.
func (s *Store) Accept(ctx context.Context, a *provision.Acceptance) (accepted provision.Accepted, err error) {
	err = s.settleWith(ctx, a.Batch.Tenant, lockOfQueue, func(t *tx, _ bool) (err error) {
		accepted, err = accept(t, a)
		switch {
		case err != nil:
		case accepted.Replayed:
			muster.AuditNothing(ctx)
		default:
			s.wakeIn(t, muster.LaneRef{Tenant: a.Batch.Tenant, Lane: a.Batch.Mode.Lane(a.Batch.Lane)})
		}
		return err
	})
	if err != nil {
		return provision.Accepted{}, explain("accept a batch", err)
	}
	return accepted, nil
}

// wakeIn wakes the lane when the transaction commits.
func (s *Store) wakeIn(t *tx, lane muster.LaneRef) {
	if s.wake != nil {
		s.wake(t.queue, lane)
	}
}

func accept(t *tx, a *provision.Acceptance) (provision.Accepted, error) {
	b := &a.Batch
	var done bool
	var first *replay
	position := int64(0)
	t.row([]any{&done}, selectBatchExists, b.Tenant, b.ID)
	if a.Replay != nil {
		t.replay(&first, b.Tenant, a.Replay)
	}
	if lane := b.Mode.Lane(b.Lane); lane != muster.LaneOrdered {
		t.rows(func(row scanner) error { return row.Scan(&position) }, selectLane, b.Tenant, lane)
	}
	versions, err := t.keyVersions(a.PayloadKey, a.KeptKey)
	if err != nil {
		return provision.Accepted{}, err
	}
	if err := t.flush(); err != nil {
		return provision.Accepted{}, err
	}
	if done {
		t.exec(updateLastID, b.Tenant, a.LastID)
		return provision.Accepted{Batch: b.ID}, nil
	}
	if batch, err := first.answer(b.AcceptedAt, a.IdempotentBody, a.RefuseReplay); err != nil || batch != 0 {
		return provision.Accepted{Batch: batch, Replayed: true}, err
	}
	size := bytesOf(a.Chunks)
	if err := admit(&t.usage, &a.Admission, int64(b.Total), size); err != nil {
		return provision.Accepted{}, err
	}
	if err := versions.onRecord(); err != nil {
		return provision.Accepted{}, err
	}
	storeBatch(t, a, versions, position)
	t.exec(updateUsageAccepted, b.Tenant, int64(b.Total), size, t.sequence+1, a.LastID)
	if a.Replay != nil {
		t.exec(upsertReplay, b.Tenant, a.Replay, b.ID, a.ReplayUntil, a.IdempotentBody)
	}
	return provision.Accepted{Batch: b.ID}, nil
}

// replay is what is remembered of a request.
type replay struct {
	batch      muster.ID
	until      time.Time
	body       []byte
	unfinished bool
}

// replay queues a look-up of a request, and leaves nil where it is not remembered.
func (t *tx) replay(r **replay, tenant muster.ID, fingerprint []byte) {
	t.rows(func(row scanner) error {
		*r = new(replay)
		return row.Scan(&(*r).batch, &(*r).until, &(*r).body, &(*r).unfinished)
	}, selectReplay, tenant, fingerprint)
}

// answer gives the batch that the very same request made, if it is to be the answer again; 0 if the request is to be taken
// as a new one.
func (r *replay) answer(at time.Time, idempotentBody []byte, refuse bool) (muster.ID, error) {
	remembered := r != nil && r.until.After(at)
	switch {
	case r == nil:
		return 0, nil
	case idempotentBody != nil && !remembered:
		return 0, nil
	case idempotentBody != nil && !bytes.Equal(r.body, idempotentBody):
		return 0, conflict("Idempotency-Key", "The key came with another body before: a new request needs a key of its own.")
	case idempotentBody != nil:
		return r.batch, nil
	case refuse && remembered:
		return 0, &muster.Error{Kind: muster.KindUnauthenticated, Detail: "The very same signed request was received before: sign it anew."}
	case r.unfinished && !refuse:
		return r.batch, nil
	default:
		return 0, nil
	}
}

// overloadedFor is when a tenant whose queue is full may try again: by then some thousand rows with passwords are done,
// or many more without.
const overloadedFor = 30 * time.Second

// admit refuses what would take the tenant's queue over its bounds.
func admit(used *muster.Usage, bounds *provision.Admission, rows, bytes int64) error {
	var what string
	switch {
	case used.QueuedRows+rows > bounds.Rows:
		what = fmt.Sprintf("%d rows", bounds.Rows)
	case used.QueuedBytes+bytes > bounds.Bytes:
		what = fmt.Sprintf("%d bytes", bounds.Bytes)
	default:
		return nil
	}
	return &muster.Error{
		Kind: muster.KindOverloaded, RetryAfter: overloadedFor,
		Detail: "With this batch more than " + what + " of the tenant would be waiting: send it again when some are done.",
	}
}

func bytesOf(chunks []muster.Chunk) int64 {
	size := int64(0)
	for i := range chunks {
		size += int64(len(chunks[i].Payload))
	}
	return size
}

// storeBatch writes the batch and its chunks, behind all others of an ordered lane, and in another one beginning where
// that one stands, so that batches share it by turns (start-time fair queueing).
func storeBatch(t *tx, a *provision.Acceptance, versions *keyVersions, position int64) {
	b := a.Batch
	b.Sequence = t.sequence + 1
	insertBatchRow(t, &b, a.PayloadKey, a.KeptKey, versions, nil)
	lane := b.Mode.Lane(b.Lane)
	for i := range a.Chunks {
		k := &a.Chunks[i]
		storeChunk(t, k, lane, rankOf(lane, position, k.FirstRow), b.Sequence)
	}
}

// insertBatchRow writes the batch: one that is accepted, or one that is staged for so many microseconds.
func insertBatchRow(t *tx, b *muster.Batch, payloadKey, keptKey []byte, versions *keyVersions, staged any) {
	t.exec(insertBatch, b.Tenant, b.ID, b.Sequence, b.Contract, b.Lane, b.Mode, b.Name, b.AppID, b.Actor, b.ActorLevel, b.TraceID,
		b.Total, b.AcceptedAt, b.Parent, b.Origin, b.Guarded, b.Source, b.Withheld, b.Passwords,
		payloadKey, versions.of[0], keptKey, versions.of[1], staged)
}

// rankOf places a chunk in its lane, given where its batch begins.
func rankOf(lane muster.Lane, begin int64, firstRow int) int64 {
	if lane == muster.LaneOrdered {
		return 0
	}
	return begin + int64(firstRow)
}

func storeChunk(t *tx, k *muster.Chunk, lane muster.Lane, rank, sequence int64) {
	t.exec(insertChunk, k.Tenant, k.Batch, k.FirstRow, k.Rows, lane, rank, sequence, k.FirstID, k.FirstUser, k.Payload)
}
