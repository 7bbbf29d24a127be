package postgres

import (
	"context"
	"math"
	"time"

	"muster"
	"muster/provision"
)

const (
	noStaging = "The batch takes no more rows: it was accepted, given up, or waited for too long."
	noParent  = "The batch that this one is made of does not exist."
	noRows    = "The rows of the dry run are no longer held: make it again."
)

// stagedFor is how long a staged batch waits for more, in microseconds.
const stagedFor = int64(provision.StagedFor / time.Microsecond)

// noLane has the chunks that have no turn: their batch is being staged, was checked as far as that, or is a dry run that
// holds them.
const noLane muster.Lane = 0

// Begin is [provision.BatchStore.Begin].
func (s *Store) Begin(ctx context.Context, o *provision.Opening) error {
	err := s.settle(ctx, o.Batch.Tenant, func(t *tx) error { return begin(t, o) })
	return explain("begin a batch", err)
}

func begin(t *tx, o *provision.Opening) error {
	b := &o.Batch
	var done bool
	t.row([]any{&done}, selectBatchExists, b.Tenant, b.ID)
	versions, err := t.keyVersions(o.PayloadKey, o.KeptKey)
	if err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	if done {
		t.exec(extendStaging, b.Tenant, b.ID, stagedFor)
		return nil
	}
	if err := versions.onRecord(); err != nil {
		return err
	}
	insertBatchRow(t, b, o.PayloadKey, o.KeptKey, versions, stagedFor)
	return nil
}

// staging is what there is to know of a batch that is to be appended to, or accepted.
type staging struct {
	accepted  bool
	open      bool // it is staged, and its time is not over
	origin    muster.Origin
	parent    bool      // the batch that it is made of exists
	held      bool      // and holds its rows
	successor muster.ID // the one that was made of that in the same way; 0 if none
}

// staging queues a look-up of a batch, and leaves nil where there is none.
func (t *tx) staging(g **staging, tenant, batch muster.ID) {
	t.rows(func(row scanner) error {
		*g = new(staging)
		return row.Scan(&(*g).accepted, &(*g).open, &(*g).origin, &(*g).parent, &(*g).held, &(*g).successor)
	}, selectStaging, tenant, batch)
}

func (g *staging) isOpen() bool { return g != nil && g.open }

// Append is [provision.BatchStore.Append].
func (s *Store) Append(ctx context.Context, tenant, batch muster.ID, chunks []muster.Chunk, bounds provision.Admission) error {
	if len(chunks) == 0 {
		return nil
	}
	err := s.settle(ctx, tenant, func(t *tx) error { return appendChunks(t, tenant, batch, chunks, &bounds) })
	return explain("append to a batch", err)
}

func appendChunks(t *tx, tenant, batch muster.ID, chunks []muster.Chunk, bounds *provision.Admission) error {
	var stage *staging
	var done bool // by a try before, all at once
	last := &chunks[len(chunks)-1]
	t.staging(&stage, tenant, batch)
	t.row([]any{&done}, selectStagedChunk, tenant, batch, last.FirstRow, last.FirstID)
	if err := t.flush(); err != nil {
		return err
	}
	if !stage.isOpen() {
		return &muster.Error{Kind: muster.KindNotFound, Detail: noStaging}
	}
	t.exec(extendStaging, tenant, batch, stagedFor)
	if done {
		return nil
	}
	rows, size := int64(0), bytesOf(chunks)
	for i := range chunks {
		rows += int64(chunks[i].Rows)
	}
	if err := admit(&t.usage, bounds, rows, size); err != nil {
		return err
	}
	for i := range chunks {
		storeChunk(t, &chunks[i], noLane, 0, 0)
	}
	t.exec(updateUsageAccepted, tenant, rows, size, t.sequence, 0)
	return nil
}

// Complete is [provision.BatchStore.Complete].
func (s *Store) Complete(ctx context.Context, c *provision.Completion) (accepted provision.Accepted, err error) {
	err = s.settle(ctx, c.Batch.Tenant, func(t *tx) error {
		answer, err := complete(t, c, accepted)
		if err != nil {
			return err
		}
		if accepted = answer; !answer.Replayed {
			s.wakeIn(t, muster.LaneRef{Tenant: c.Batch.Tenant, Lane: c.Batch.Mode.Lane(c.Batch.Lane)})
		}
		return nil
	})
	if err != nil {
		return provision.Accepted{}, explain("accept a batch", err)
	}
	return accepted, nil
}

// complete is given the answer of a try before, which may have discarded the batch.
func complete(t *tx, c *provision.Completion, before provision.Accepted) (provision.Accepted, error) {
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
	if stage == nil && before.Replayed || stage != nil && stage.accepted {
		t.exec(updateLastID, b.Tenant, c.LastID)
		if stage == nil {
			return before, nil
		}
		return provision.Accepted{Batch: b.ID}, nil
	}
	earlier, err := first.answer(c.Now, c.IdempotentBody, false)
	if err != nil {
		return provision.Accepted{}, err
	}
	if earlier == 0 {
		earlier, err = stage.answer()
	}
	switch {
	case err != nil:
		return provision.Accepted{}, err
	case earlier != 0:
		discard(t, b.Tenant, b.ID)
		return provision.Accepted{Batch: earlier, Replayed: true}, nil
	}
	lane, sequence := b.Mode.Lane(b.Lane), t.sequence+1
	t.exec(completeBatch, b.Tenant, b.ID, sequence, b.Lane, b.Mode, b.Total, b.Passwords, b.Withheld, c.Now)
	t.exec(moveChunks, b.Tenant, b.ID, lane, sequence, 0)
	t.exec(updateUsageAccepted, b.Tenant, 0, 0, sequence, c.LastID)
	if c.Replay != nil {
		t.exec(upsertReplay, b.Tenant, c.Replay, b.ID, c.ReplayUntil, c.IdempotentBody)
	}
	return provision.Accepted{Batch: b.ID}, nil
}

// answer gives the batch that was made of the same one in the same way before; 0 if the batch is to be accepted.
func (g *staging) answer() (muster.ID, error) {
	switch {
	case !g.isOpen():
		return 0, &muster.Error{Kind: muster.KindNotFound, Detail: noStaging}
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
		if err := t.flush(); err != nil || stage == nil || stage.accepted {
			return err
		}
		discard(t, tenant, batch)
		return nil
	})
	return explain("discard a batch", err)
}

// discard queues the end of a staged batch.
func discard(t *tx, tenant, batch muster.ID) {
	var chunks int64
	t.discardChunks(&chunks, tenant, batch, math.MaxInt64)
	t.exec(deleteStaged, tenant, batch)
}

// discardChunks queues the end of a staged batch's chunks, at most limit of them, and sets n to how many they are.
func (t *tx) discardChunks(n *int64, tenant, batch muster.ID, limit int64) {
	t.row([]any{n}, discardChunks, tenant, batch, limit)
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
