package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"muster"
	"muster/provision"
)

// Accept is [provision.Store.Accept].
func (s *Store) Accept(ctx context.Context, a *provision.Acceptance) (provision.Accepted, error) {
	var accepted provision.Accepted
	err := s.writer.small(ctx, func(c *conn) (err error) {
		accepted, err = accept(c, a)
		return err
	})
	if err != nil {
		return provision.Accepted{}, explain("accept a batch", err)
	}
	return accepted, nil
}

func accept(c *conn, a *provision.Acceptance) (provision.Accepted, error) {
	b := &a.Batch
	used, sequence, err := usage(context.Background(), c, b.Tenant)
	if err != nil {
		return provision.Accepted{}, err
	}
	if a.Replay != nil {
		first, err := replayed(c, a)
		if err != nil || first != 0 {
			return provision.Accepted{Batch: first, Replayed: true}, err
		}
	}
	size := int64(0)
	for i := range a.Chunks {
		size += int64(len(a.Chunks[i].Payload))
	}
	if err := admit(&used, &a.Admission, int64(b.Total), size); err != nil {
		return provision.Accepted{}, err
	}
	sequence++
	if err := storeBatch(c, a, sequence); err != nil {
		return provision.Accepted{}, err
	}
	if _, err := c.exec(updateUsageAccepted, int64(b.Total), size, sequence, int64(b.Tenant)); err != nil {
		return provision.Accepted{}, err
	}
	if a.Replay != nil {
		if _, err := c.exec(upsertReplay, int64(b.Tenant), a.Replay, int64(b.ID), millis(a.ReplayUntil), a.IdempotentBody); err != nil {
			return provision.Accepted{}, err
		}
	}
	return provision.Accepted{Batch: b.ID}, recordID(c, a.LastID)
}

// replayed gives the batch that the very same request made, if it is to be the answer again; 0 if the request is to be
// taken as a new one.
func replayed(c *conn, a *provision.Acceptance) (muster.ID, error) {
	var first muster.ID
	var until int64
	var body []byte
	var unfinished bool
	err := c.row(context.Background(), selectReplay, int64(a.Batch.Tenant), a.Replay).Scan(&first, &until, &body, &unfinished)
	remembered := until > millis(a.Batch.AcceptedAt)
	switch {
	case isRefusal(err): // no such row
		return 0, nil
	case err != nil:
		return 0, err
	case a.IdempotentBody != nil && !remembered:
		return 0, nil
	case a.IdempotentBody != nil && !bytes.Equal(body, a.IdempotentBody):
		return 0, &muster.Error{
			Kind: muster.KindConflict, Field: "Idempotency-Key",
			Detail: "The key came with another body before: a new request needs a key of its own.",
		}
	case a.IdempotentBody != nil:
		return first, nil
	case a.RefuseReplay && remembered:
		return 0, &muster.Error{Kind: muster.KindUnauthenticated, Detail: "The very same signed request was received before: sign it anew."}
	case unfinished && !a.RefuseReplay:
		return first, nil
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

// storeBatch writes the batch and its chunks, behind all others of an ordered lane, and in the other one beginning where
// that one stands, so that batches share it by turns (start-time fair queueing).
func storeBatch(c *conn, a *provision.Acceptance, sequence int64) error {
	b := &a.Batch
	payload, err := versionOnRecord(c, a.PayloadKey)
	if err != nil {
		return err
	}
	kept, err := versionOnRecord(c, a.KeptKey)
	if err != nil {
		return err
	}
	_, err = c.exec(insertBatch, int64(b.Tenant), int64(b.ID), sequence, int64(b.Contract), int64(b.Lane), b.AppID, int64(b.Actor),
		int64(b.ActorLevel), b.TraceID, b.Total, millis(b.AcceptedAt), a.PayloadKey, payload, a.KeptKey, kept)
	if err != nil {
		return err
	}
	position := int64(0)
	if b.Lane == muster.LaneCreate {
		err := c.row(context.Background(), selectLane, int64(b.Tenant), int64(b.Lane)).Scan(&position)
		if err != nil && !isRefusal(err) { // no row yet: from 0
			return err
		}
	}
	for i := range a.Chunks {
		if err := storeChunk(c, &a.Chunks[i], b.Lane, rankOf(b.Lane, position, a.Chunks[i].FirstRow), sequence); err != nil {
			return err
		}
	}
	return nil
}

// rankOf places a chunk in its lane, given where its batch begins.
func rankOf(lane muster.Lane, begin int64, firstRow int) int64 {
	if lane == muster.LaneOrdered {
		return 0
	}
	return begin + int64(firstRow)
}

func storeChunk(c *conn, k *muster.Chunk, lane muster.Lane, rank, sequence int64) error {
	_, err := c.exec(insertChunk, int64(k.Tenant), int64(k.Batch), k.FirstRow, k.Rows, int64(lane), rank, sequence,
		int64(k.FirstID), int64(k.FirstUser), k.Payload)
	return err
}
