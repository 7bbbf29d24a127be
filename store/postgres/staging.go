package postgres

import (
	"context"
	"fmt"
	"time"

	"muster"
	"muster/provision"
)

const (
	noStaging = "The batch takes no more rows: it was accepted or given up, or nothing was added to it for an hour."
	noParent  = "The batch that this one is made of does not exist."
	noRows    = "The rows of the dry run are no longer held: send them again."
)

// stagedFor is how long a staged batch waits for more, in microseconds.
const stagedFor = int64(provision.StagedFor / time.Microsecond)

// noLane has the chunks that have no turn: their batch is being staged, was checked as far as that, or is a dry run that
// holds them.
const noLane muster.Lane = 0

// Begin is [provision.BatchStore.Begin].
func (s *Store) Begin(ctx context.Context, o *provision.Opening) error {
	err := s.settle(ctx, o.Batch.Tenant, func(t *tx, again bool) error { return begin(t, o, again) })
	return explain("begin a batch", err)
}

func begin(t *tx, o *provision.Opening, again bool) error {
	b := o.Batch
	var there bool
	t.row([]any{&there}, selectBatchExists, b.Tenant, b.ID)
	versions, err := t.keyVersions(o.PayloadKey, o.KeptKey)
	if err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	if again && there {
		t.exec(extendStaging, b.Tenant, b.ID, stagedFor, 0)
		return nil
	}
	if err := versions.onRecord(); err != nil {
		return err
	}
	b.Sequence, b.Total, b.Passwords = 0, 0, 0
	insertBatchRow(t, &b, o.PayloadKey, o.KeptKey, versions, stagedFor)
	return nil
}

// staging is what there is to know of a batch that is to be added to, or accepted.
type staging struct {
	accepted  bool
	open      bool // it is staged, and its time is not over
	rows      int  // that it has
	origin    muster.Origin
	parent    bool      // the batch that it is made of exists
	held      bool      // and holds its rows
	successor muster.ID // the one that was made of that in the same way; 0 if none
}

// staging queues a look-up of a batch, and leaves nil where there is none.
func (t *tx) staging(g **staging, tenant, batch muster.ID) {
	t.rows(func(row scanner) error {
		s := new(staging)
		*g = s
		return row.Scan(&s.accepted, &s.open, &s.rows, &s.origin, &s.parent, &s.held, &s.successor)
	}, selectStaging, tenant, batch)
}

func (g *staging) isOpen() bool { return g != nil && g.open }

// Append is [provision.BatchStore.Append].
func (s *Store) Append(ctx context.Context, tenant, batch muster.ID, chunks []muster.Chunk, bounds provision.Admission) error {
	err := s.settle(ctx, tenant, func(t *tx, again bool) error { return appendChunks(t, tenant, batch, chunks, &bounds, again) })
	return explain("add to a batch", err)
}

func appendChunks(t *tx, tenant, batch muster.ID, chunks []muster.Chunk, bounds *provision.Admission, again bool) error {
	var stage *staging
	t.staging(&stage, tenant, batch)
	if err := t.flush(); err != nil {
		return err
	}
	if !stage.isOpen() {
		return &muster.Error{Kind: muster.KindNotFound, Detail: noStaging}
	}
	rows, size := 0, bytesOf(chunks)
	for i := range chunks {
		rows += chunks[i].Rows
	}
	if again && len(chunks) > 0 && stage.rows == chunks[0].FirstRow+rows { // the try before stored them, all at once
		t.exec(extendStaging, tenant, batch, stagedFor, 0)
		return nil
	}
	if err := follow(chunks, tenant, batch, stage.rows); err != nil {
		return err
	}
	if err := admit(&t.usage, bounds, int64(rows), size); err != nil {
		return err
	}
	for i := range chunks {
		storeChunk(t, &chunks[i], noLane, 0, 0)
	}
	t.exec(extendStaging, tenant, batch, stagedFor, rows)
	t.exec(updateUsageAccepted, tenant, rows, size, t.sequence, 0)
	return nil
}

// follow makes sure that the chunks are the batch's from a row on.
func follow(chunks []muster.Chunk, tenant, batch muster.ID, next int) error {
	for i := range chunks {
		k := &chunks[i]
		if k.Tenant != tenant || k.Batch != batch || k.FirstRow != next || k.Rows < 1 {
			return fmt.Errorf("chunk %d does not follow on row %d of batch %s", i, next, batch)
		}
		next += k.Rows
	}
	return nil
}

// Complete is [provision.BatchStore.Complete].
func (s *Store) Complete(ctx context.Context, c *provision.Completion) (accepted provision.Accepted, err error) {
	err = s.settle(ctx, c.Batch.Tenant, func(t *tx, again bool) error {
		answer, err := complete(t, c, again, accepted)
		if err != nil {
			return err
		}
		if accepted = answer; answer.Replayed {
			muster.AuditNothing(ctx)
			return nil
		}
		s.wakeIn(t, muster.LaneRef{Tenant: c.Batch.Tenant, Lane: c.Batch.Mode.Lane(c.Batch.Lane)})
		return nil
	})
	if err != nil {
		return provision.Accepted{}, explain("accept a batch", err)
	}
	return accepted, nil
}

// complete accepts a staged batch. before is the answer of the try before, where that may have been committed.
func complete(t *tx, c *provision.Completion, again bool, before provision.Accepted) (provision.Accepted, error) {
	b := &c.Batch
	var stage *staging
	var first *replay
	t.staging(&stage, b.Tenant, b.ID)
	if c.Replay != nil {
		t.replay(&first, b.Tenant, c.Replay)
	}
	if err := t.flush(); err != nil {
		return provision.Accepted{}, err
	}
	if again && !stage.isOpen() && (before.Replayed || stage != nil && stage.accepted) {
		t.exec(updateLastID, b.Tenant, c.LastID)
		return before, nil
	}
	if !stage.isOpen() {
		return provision.Accepted{}, &muster.Error{Kind: muster.KindNotFound, Detail: noStaging}
	}
	earlier, err := first.answer(c.Now, c.IdempotentBody, false)
	if err == nil && earlier == 0 {
		earlier, err = stage.answer()
	}
	switch {
	case err != nil:
		return provision.Accepted{}, err
	case earlier != 0:
		discard(t, b.Tenant, b.ID)
		return provision.Accepted{Batch: earlier, Replayed: true}, nil
	case stage.rows != b.Total:
		return provision.Accepted{}, fmt.Errorf("batch %s is said to have %d rows, and %d were added", b.ID, b.Total, stage.rows)
	}
	sequence := t.sequence + 1
	t.exec(completeBatch, b.Tenant, b.ID, sequence, b.Lane, b.Mode, b.Passwords, b.Withheld, c.Now)
	t.exec(moveChunks, b.Tenant, b.ID, b.Mode.Lane(b.Lane), sequence, 0)
	t.exec(updateUsageAccepted, b.Tenant, 0, 0, sequence, c.LastID)
	if c.Replay != nil {
		t.exec(upsertReplay, b.Tenant, c.Replay, b.ID, c.ReplayUntil, c.IdempotentBody)
	}
	return provision.Accepted{Batch: b.ID}, nil
}

// answer gives the batch that was made of the same one in the same way before; 0 if the batch is to be accepted.
func (g *staging) answer() (muster.ID, error) {
	switch {
	case g.origin == muster.OriginNone:
		return 0, nil
	case !g.parent:
		return 0, &muster.Error{Kind: muster.KindNotFound, Detail: noParent}
	case g.successor == 0 && g.origin == muster.OriginCommit && !g.held:
		return 0, conflict("", noRows)
	default:
		return g.successor, nil
	}
}

// Discard is [provision.BatchStore.Discard].
func (s *Store) Discard(ctx context.Context, tenant, batch muster.ID) error {
	err := s.write(ctx, tenant, func(t *tx) error {
		var stage *staging
		t.staging(&stage, tenant, batch)
		if err := t.flush(); err != nil || !stage.isOpen() {
			return err
		}
		discard(t, tenant, batch)
		return nil
	})
	return explain("discard a batch", err)
}

// discard queues the end of a staged batch: its rows count to the queue no longer, and without its keys nobody can open them. Purge
// deletes the rest.
func discard(t *tx, tenant, batch muster.ID) {
	t.exec(updateUsageDiscarded, tenant, batch)
	t.exec(discardBatch, tenant, batch)
}

// Successor is [provision.BatchStore.Successor].
func (s *Store) Successor(ctx context.Context, tenant, parent muster.ID, origin muster.Origin) (muster.ID, error) {
	var id muster.ID
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error { return row.Scan(&id) }, selectSuccessor, tenant, parent, origin)
		return nil
	})
	return id, explain("look for a batch's successor", err)
}
