package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster"
	"muster/secret"
)

// Submit stores the batch durably and returns its id; from then on it runs by itself. Refusals are [*muster.Error] and
// leave nothing behind: KindOverloaded when the tenant has too much queued, KindUnavailable when the disk is nearly
// full or the clock is wrong, KindUnauthenticated for a refused replay.
func (e *Engine) Submit(ctx context.Context, s Submission) (Receipt, error) {
	if s.DryRun || s.Source != nil {
		return e.uploadAll(ctx, s)
	}
	if err := s.check(); err != nil {
		return Receipt{}, err
	}
	if err := e.DiskRoom(); err != nil {
		return Receipt{}, err
	}
	var a *Acceptance
	var accepted Accepted
	err := e.knowing(ctx, func() (err error) {
		if a, err = e.acceptance(&s); err == nil {
			auditBatch(ctx, &a.Batch)
			accepted, err = e.Store.Accept(ctx, a)
		}
		return err
	})
	if err != nil {
		return Receipt{}, err
	}
	e.accepted(&a.Batch, accepted)
	return Receipt(accepted), nil
}

// auditBatch says of which batch the audit trail tells. Of one that is made of another that is known.
func auditBatch(ctx context.Context, b *muster.Batch) {
	rows := fmt.Sprintf("%d rows", b.Total)
	if b.Total == 1 {
		rows = "1 row"
	}
	if b.Parent != 0 {
		muster.AuditDetail(ctx, fmt.Sprintf("batch %s of %s", b.ID, rows))
		return
	}
	muster.AuditTarget(ctx, "batch", b.ID.String())
	muster.AuditDetail(ctx, rows)
}

// accepted wakes the lane of a batch that was accepted, and counts it.
func (e *Engine) accepted(b *muster.Batch, a Accepted) {
	if a.Replayed {
		return
	}
	e.Dispatcher.Wake(muster.LaneRef{Tenant: b.Tenant, Lane: b.Mode.Lane(b.Lane)})
	e.metrics.batches.Inc()
	e.metrics.accepted.Add(float64(b.Total))
}

// acceptance cuts, numbers and seals a submission. A data key for the payload and one for the rows that are kept
// make it possible to destroy the first, under which passwords lie, while the second lives on.
func (e *Engine) acceptance(s *Submission) (*Acceptance, error) {
	batch, err := e.IDs.Next()
	if err != nil {
		return nil, err
	}
	now := e.Now()
	a := &Acceptance{
		Batch: muster.Batch{
			Tenant: s.Tenant, ID: batch, Contract: s.Contract, Lane: laneOf(s), AppID: s.AppID, Actor: s.Actor,
			ActorLevel: s.ActorLevel, TraceID: s.TraceID, Name: s.Name, Total: len(s.Rows), Passwords: passwords(s.Rows), AcceptedAt: now,
		},
		LastID:    batch,
		Admission: e.Admission,
	}
	if s.Replay != nil {
		mac := e.Keyring.MAC("replay", s.Replay)
		a.Replay, a.ReplayUntil, a.RefuseReplay = mac[:], now.Add(e.ReplayWindow), e.RefuseReplays
	}
	if s.Idempotency != nil {
		a.Replay, a.IdempotentBody, a.ReplayUntil = e.idempotent(s.Idempotency, now)
	}
	payload, kept := secret.NewDataKey(), secret.NewDataKey()
	defer payload.Wipe()
	defer kept.Wipe()
	a.PayloadKey = e.Keyring.WrapDataKey(payload, PayloadKeyBinding(s.Tenant, batch))
	a.KeptKey = e.Keyring.WrapDataKey(kept, KeptKeyBinding(s.Tenant, batch))
	for first := 0; first < len(s.Rows); {
		n := min(len(s.Rows)-first, muster.ChunkRows)
		chunk := muster.Chunk{Tenant: s.Tenant, Batch: batch, FirstRow: first, Rows: n}
		if chunk.FirstID, err = e.IDs.Run(n); err != nil {
			return nil, err
		}
		if chunk.FirstUser, err = e.IDs.Run(n); err != nil {
			return nil, err
		}
		if err := sealRows(payload, &chunk, s.Rows[first:first+n]); err != nil {
			return nil, err
		}
		a.Chunks = append(a.Chunks, chunk)
		a.LastID = max(a.LastID, chunk.FirstUser+muster.ID(n-1))
		first += n
	}
	return a, nil
}

// idempotencyWindow is how long an idempotency key is remembered (federation contract, section 2).
const idempotencyWindow = 24 * time.Hour

// idempotent gives what is remembered of a request with a key of its own, and until when.
func (e *Engine) idempotent(i *Idempotency, now time.Time) (key, body []byte, until time.Time) {
	keyed, digest := e.Keyring.MAC("idempotency-key", i.Key), e.Keyring.MAC("idempotency-body", i.Body)
	return keyed[:], digest[:], now.Add(idempotencyWindow)
}

// laneOf keeps what only creates apart from what must stay in order.
func laneOf(s *Submission) muster.Lane {
	if s.Contract == muster.ContractFederation || slices.ContainsFunc(s.Rows, ordered) {
		return muster.LaneOrdered
	}
	return muster.LaneCreate
}

// ordered reports whether a row may change a user who exists.
func ordered(r muster.Row) bool {
	return r.Action != muster.ActionCreate || r.OnExisting == muster.UpdateExisting
}

// passwords counts the rows that bring one to be hashed.
func passwords(rows []muster.Row) (n int) {
	for i := range rows {
		if rows[i].Password != "" && rows[i].Fault == nil {
			n++
		}
	}
	return n
}
