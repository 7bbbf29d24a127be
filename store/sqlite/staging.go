package sqlite

import (
	"context"
	"fmt"
	"time"

	"muster"
	"muster/provision"
)

const (
	noStaging = "The batch takes no more rows: it was accepted, given up, or waited for too long."
	noParent  = "The batch that this one is made of does not exist."
	noRows    = "The rows of the dry run are no longer held: make it again."
)

// Begin is [provision.BatchStore.Begin].
func (s *Store) Begin(ctx context.Context, o *provision.Opening) error {
	err := s.writer.small(ctx, func(c *conn) error {
		if _, _, err := usage(context.Background(), c, o.Batch.Tenant); err != nil {
			return err
		}
		b := o.Batch
		b.Total, b.Passwords = 0, 0
		return storeBatch(c, &b, o.PayloadKey, o.KeptKey, 0, s.now().Add(provision.StagedFor))
	})
	return explain("begin a batch", err)
}

// Append is [provision.BatchStore.Append].
func (s *Store) Append(ctx context.Context, tenant, batch muster.ID, chunks []muster.Chunk, bounds provision.Admission) error {
	err := s.writer.large(ctx, func(c *conn) error {
		staged, err := readStaged(c, tenant, batch)
		if err != nil {
			return err
		}
		used, sequence, err := usage(context.Background(), c, tenant)
		if err != nil {
			return err
		}
		next := staged.rows
		for i := range chunks {
			if k := &chunks[i]; k.Tenant != tenant || k.Batch != batch || k.FirstRow != next || k.Rows < 1 {
				return fmt.Errorf("chunk %d does not follow on row %d of batch %s", i, next, batch)
			}
			next += chunks[i].Rows
		}
		rows, size := int64(next-staged.rows), sizeOfAll(chunks)
		if err := admit(&used, &bounds, rows, size); err != nil {
			return err
		}
		for i := range chunks {
			if err := storeChunk(c, &chunks[i], noLane, 0, 0); err != nil {
				return err
			}
		}
		if _, err := c.exec(stageMore, rows, millis(s.now().Add(provision.StagedFor)), int64(tenant), int64(batch)); err != nil {
			return err
		}
		_, err = c.exec(updateUsageAccepted, rows, size, sequence, int64(tenant))
		return err
	})
	return explain("add to a batch", err)
}

// Complete is [provision.BatchStore.Complete].
func (s *Store) Complete(ctx context.Context, d *provision.Completion) (provision.Accepted, error) {
	var accepted provision.Accepted
	err := s.writer.large(ctx, func(c *conn) (err error) {
		if accepted, err = complete(c, d, s.now()); accepted.Replayed {
			muster.AuditNothing(ctx)
		}
		return err
	})
	if err != nil {
		return provision.Accepted{}, explain("accept a batch", err)
	}
	return accepted, nil
}

// Discard is [provision.BatchStore.Discard]. What is sealed cannot be opened any more; Purge takes it away.
func (s *Store) Discard(ctx context.Context, tenant, batch muster.ID) error {
	err := s.writer.large(ctx, func(c *conn) error {
		if _, err := readStaged(c, tenant, batch); err != nil {
			if isRefusal(err) { // there is none
				return nil
			}
			return err
		}
		return discard(c, tenant, batch, s.now())
	})
	return explain("discard a batch", err)
}

// Successor is [provision.BatchStore.Successor].
func (s *Store) Successor(ctx context.Context, tenant, parent muster.ID, origin muster.Origin) (muster.ID, error) {
	var id muster.ID
	err := s.readers.read(ctx, func(q querier) (err error) {
		id, err = readSuccessor(ctx, q, tenant, parent, origin)
		return err
	})
	return id, explain("look for what was made of a batch", err)
}

// staged is what the store knows of a batch that is being staged.
type staged struct {
	rows   int
	parent muster.ID
	origin muster.Origin
}

func readStaged(c *conn, tenant, batch muster.ID) (staged, error) {
	var s staged
	err := c.row(context.Background(), selectStaged, int64(tenant), int64(batch)).Scan(&s.rows, &s.parent, &s.origin)
	return s, exists(err, noStaging)
}

func complete(c *conn, d *provision.Completion, now time.Time) (provision.Accepted, error) {
	b := d.Batch
	staged, err := readStaged(c, b.Tenant, b.ID)
	if err != nil {
		return provision.Accepted{}, err
	}
	asked := replay{tenant: b.Tenant, at: d.Now, print: d.Replay, until: d.ReplayUntil, body: d.IdempotentBody}
	first, err := asked.before(c)
	if err == nil && first == 0 && staged.parent != 0 {
		first, err = successor(c, b.Tenant, &staged, now)
	}
	switch {
	case err != nil:
		return provision.Accepted{}, err
	case first != 0:
		return provision.Accepted{Batch: first, Replayed: true}, discard(c, b.Tenant, b.ID, now)
	case staged.rows != b.Total:
		return provision.Accepted{}, fmt.Errorf("batch %s is said to have %d rows, and %d were added", b.ID, b.Total, staged.rows)
	}
	if b.Sequence, err = nextSequence(c, b.Tenant); err != nil {
		return provision.Accepted{}, err
	}
	_, err = c.exec(acceptStaged, b.Sequence, int64(b.Lane), int64(b.Mode), b.Withheld, b.Passwords, millis(d.Now), int64(b.Tenant), int64(b.ID))
	if err != nil {
		return provision.Accepted{}, err
	}
	if err := giveTurns(c, &b, 0); err != nil {
		return provision.Accepted{}, err
	}
	if err := asked.remember(c, b.ID); err != nil {
		return provision.Accepted{}, err
	}
	return provision.Accepted{Batch: b.ID}, recordID(c, d.LastID)
}

// successor gives the batch that was made of the same parent in the same way, 0 if there is none and one may be made.
func successor(c *conn, tenant muster.ID, s *staged, now time.Time) (first muster.ID, err error) {
	ctx := context.Background()
	var holds bool
	err = c.row(ctx, selectParent, int64(tenant), int64(s.parent), millis(now)).Scan(&holds)
	if err != nil {
		return 0, exists(err, noParent)
	}
	first, err = readSuccessor(ctx, c, tenant, s.parent, s.origin)
	if err == nil && first == 0 && s.origin == muster.OriginCommit && !holds {
		return 0, &muster.Error{Kind: muster.KindConflict, Detail: noRows}
	}
	return first, err
}

func readSuccessor(ctx context.Context, q querier, tenant, parent muster.ID, origin muster.Origin) (id muster.ID, err error) {
	err = q.row(ctx, selectSuccessor, int64(tenant), int64(parent), int64(origin)).Scan(&id)
	if isRefusal(err) { // there is none
		return 0, nil
	}
	return id, err
}

// nextSequence takes a place in the tenant's order of acceptance.
func nextSequence(c *conn, tenant muster.ID) (int64, error) {
	_, sequence, err := usage(context.Background(), c, tenant)
	if err != nil {
		return 0, err
	}
	sequence++
	_, err = c.exec(updateUsageAccepted, 0, 0, sequence, int64(tenant))
	return sequence, err
}

// giveTurns puts the batch's chunks from a row on into the lane of its mode, as if they came now.
func giveTurns(c *conn, b *muster.Batch, from int) error {
	lane := b.Mode.Lane(b.Lane)
	position, err := positionOf(c, b.Tenant, lane)
	if err != nil {
		return err
	}
	_, err = c.exec(moveChunks, int64(b.Tenant), int64(b.ID), from, int64(lane), position-int64(from), b.Sequence)
	return err
}

// discard takes a staged batch's rows off the tenant's queue and destroys the keys under which they are sealed.
func discard(c *conn, tenant, batch muster.ID, now time.Time) error {
	var rows, size int64
	if err := c.row(context.Background(), countStaged, int64(tenant), int64(batch)).Scan(&rows, &size); err != nil {
		return err
	}
	_, sequence, err := usage(context.Background(), c, tenant)
	if err != nil {
		return err
	}
	if _, err := c.exec(updateUsageAccepted, -rows, -size, sequence, int64(tenant)); err != nil {
		return err
	}
	_, err = c.exec(discardStaged, millis(now), int64(tenant), int64(batch))
	return err
}
