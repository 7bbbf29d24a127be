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
		if accepted, err = accept(c, a); accepted.Replayed {
			muster.AuditNothing(ctx)
		}
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
	asked := replay{tenant: b.Tenant, at: b.AcceptedAt, print: a.Replay, until: a.ReplayUntil, body: a.IdempotentBody, refuse: a.RefuseReplay}
	if first, err := asked.before(c); err != nil || first != 0 {
		return provision.Accepted{Batch: first, Replayed: true}, err
	}
	size := sizeOfAll(a.Chunks)
	if err := admit(&used, &a.Admission, int64(b.Total), size); err != nil {
		return provision.Accepted{}, err
	}
	sequence++
	if err := storeBatch(c, b, a.PayloadKey, a.KeptKey, sequence, time.Time{}); err != nil {
		return provision.Accepted{}, err
	}
	lane := b.Mode.Lane(b.Lane)
	begin, err := positionOf(c, b.Tenant, lane)
	if err != nil {
		return provision.Accepted{}, err
	}
	for i := range a.Chunks {
		if err := storeChunk(c, &a.Chunks[i], lane, rankOf(lane, begin, a.Chunks[i].FirstRow), sequence); err != nil {
			return provision.Accepted{}, err
		}
	}
	if _, err := c.exec(updateUsageAccepted, int64(b.Total), size, sequence, int64(b.Tenant)); err != nil {
		return provision.Accepted{}, err
	}
	if err := asked.remember(c, b.ID); err != nil {
		return provision.Accepted{}, err
	}
	return provision.Accepted{Batch: b.ID}, recordID(c, a.LastID)
}

// replay is what is remembered of a request that made a batch.
type replay struct {
	tenant muster.ID
	at     time.Time
	print  []byte // nil: it is not remembered
	until  time.Time
	body   []byte // of an idempotency key
	refuse bool   // to be repeated
}

// before gives the batch that the very same request made, if it is to be the answer again; 0 if the request is to be taken as
// a new one.
func (r *replay) before(c *conn) (muster.ID, error) {
	if r.print == nil {
		return 0, nil
	}
	var first muster.ID
	var until int64
	var body []byte
	var unfinished bool
	err := c.row(context.Background(), selectReplay, int64(r.tenant), r.print).Scan(&first, &until, &body, &unfinished)
	remembered := until > millis(r.at)
	switch {
	case isRefusal(err): // no such row
		return 0, nil
	case err != nil:
		return 0, err
	case r.body != nil && !remembered:
		return 0, nil
	case r.body != nil && !bytes.Equal(body, r.body):
		return 0, &muster.Error{
			Kind: muster.KindConflict, Field: "Idempotency-Key",
			Detail: "The key came with another body before: a new request needs a key of its own.",
		}
	case r.body != nil:
		return first, nil
	case r.refuse && remembered:
		return 0, &muster.Error{Kind: muster.KindUnauthenticated, Detail: "The very same signed request was received before: sign it anew."}
	case unfinished && !r.refuse:
		return first, nil
	default:
		return 0, nil
	}
}

func (r *replay) remember(c *conn, batch muster.ID) error {
	if r.print == nil {
		return nil
	}
	_, err := c.exec(upsertReplay, int64(r.tenant), r.print, int64(batch), millis(r.until), r.body)
	return err
}

func sizeOfAll(chunks []muster.Chunk) int64 {
	size := int64(0)
	for i := range chunks {
		size += int64(len(chunks[i].Payload))
	}
	return size
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

// storeBatch writes the batch, without its chunks. Where stagedUntil is zero, it is accepted.
func storeBatch(c *conn, b *muster.Batch, payloadKey, keptKey []byte, sequence int64, stagedUntil time.Time) error {
	payload, err := versionOnRecord(c, payloadKey)
	if err != nil {
		return err
	}
	kept, err := versionOnRecord(c, keptKey)
	if err != nil {
		return err
	}
	_, err = c.exec(insertBatch, int64(b.Tenant), int64(b.ID), sequence, int64(b.Contract), int64(b.Lane), int64(b.Mode), orNull(b.Name),
		b.AppID, int64(b.Actor), int64(b.ActorLevel), b.TraceID, b.Total, millis(b.AcceptedAt), orNoID(b.Parent), int64(b.Origin),
		b.Guarded, orNull(b.Source), b.Withheld, b.Passwords, orNever(stagedUntil), payloadKey, payload, keptKey, kept)
	return err
}

// positionOf is where a batch begins in a lane that it comes to: behind all others in the ordered one, and in the others where
// that stands, so that batches share it by turns (start-time fair queueing).
func positionOf(c *conn, tenant muster.ID, lane muster.Lane) (position int64, err error) {
	if lane == muster.LaneOrdered {
		return 0, nil
	}
	err = c.row(context.Background(), selectLane, int64(tenant), int64(lane)).Scan(&position)
	if isRefusal(err) { // no row yet: from 0
		return 0, nil
	}
	return position, err
}

// rankOf places a chunk in its lane, given where its batch begins.
func rankOf(lane muster.Lane, begin int64, firstRow int) int64 {
	if lane == muster.LaneOrdered {
		return 0
	}
	return begin + int64(firstRow)
}

func storeChunk(c *conn, k *muster.Chunk, lane muster.Lane, rank, sequence int64) error {
	_, err := c.exec(insertChunk, int64(k.Tenant), int64(k.Batch), k.FirstRow, k.Rows, int64(lane), rank, sequence, int64(k.FirstID), int64(k.FirstUser))
	if err == nil {
		_, err = c.exec(insertPayload, int64(k.Tenant), int64(k.Batch), k.FirstRow, k.Payload)
	}
	return err
}
