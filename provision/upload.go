package provision

import (
	"context"
	"fmt"

	"muster"
)

// Upload is a batch whose rows come in pieces, so that memory holds some thousand of them however many there are. Nobody sees
// anything of it before it is accepted. An Upload is used by one goroutine.
type Upload struct {
	*staging
	submission Submission      // without Rows
	rows       []muster.Row    // of the chunk that is not full yet
	size       int             // rows of a full one
	mayCreate  bool            // every row so far only creates
	reconciled *reconciliation // nil: it is none
}

// check refuses a submission that breaks a rule of form, its rows aside.
func (s *Submission) check() error {
	if len(s.Name) > MaxName {
		return &muster.Error{Kind: muster.KindInvalid, Field: "name", Detail: fmt.Sprintf("name must be at most %d bytes long.", MaxName)}
	}
	r := s.Source
	switch {
	case r == nil:
		return nil
	case s.Contract != muster.ContractNative:
		return &muster.Error{Kind: muster.KindInvalid, Field: "source", Detail: "Batches of this contract cannot be reconciliations."}
	case len(r.Name) == 0 || len(r.Name) > MaxSource:
		return &muster.Error{Kind: muster.KindInvalid, Field: "source", Detail: fmt.Sprintf("source must be 1 to %d bytes long.", MaxSource)}
	case r.MaxDisables < 0 || r.MaxDisables > 100:
		return &muster.Error{Kind: muster.KindInvalid, Field: "maxDisables", Detail: "maxDisables must be 1 to 100 percent."}
	}
	return nil
}

// Begin begins a batch whose rows come later; those of the submission are not looked at. Refusals are those of
// [Engine.Submit], and KindInvalid for what breaks a rule of form. Whoever begins an upload discards it in the end.
func (e *Engine) Begin(ctx context.Context, s Submission) (*Upload, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	s.Rows = nil
	u := &Upload{submission: s, size: muster.ChunkRows, mayCreate: s.Contract != muster.ContractFederation}
	batch := muster.Batch{
		Tenant: s.Tenant, Contract: s.Contract, AppID: s.AppID, Actor: s.Actor, ActorLevel: s.ActorLevel, TraceID: s.TraceID, Name: s.Name,
	}
	if s.DryRun || s.Source != nil {
		batch.Mode = muster.ModeDryRun
	}
	if s.Source != nil {
		batch.Source = s.Source.Name
		var err error
		if u.reconciled, err = e.reconcile(ctx, &s); err != nil {
			return nil, err
		}
	}
	var err error
	if u.staging, err = e.stage(ctx, batch); err != nil {
		return nil, err
	}
	return u, nil
}

// Add appends rows, which are the upload's from then on. KindOverloaded when the tenant has too much queued. After an
// error the upload can only be discarded.
func (u *Upload) Add(ctx context.Context, rows []muster.Row) error {
	if u.over {
		return isOver()
	}
	for len(rows) > 0 {
		n := min(len(rows), u.size-len(u.rows))
		u.rows = append(u.rows, rows[:n]...)
		rows = rows[n:]
		if len(u.rows) < u.size {
			return nil
		}
		if err := u.chunk(ctx); err != nil {
			return err
		}
	}
	return nil
}

func isOver() error {
	return &muster.Error{Kind: muster.KindNotFound, Detail: "The upload was accepted, or given up, before."}
}

// chunk makes a chunk of the rows that are in memory.
func (u *Upload) chunk(ctx context.Context) error {
	if len(u.rows) == 0 {
		return nil
	}
	if u.reconciled != nil {
		if err := u.reconciled.see(ctx, u.rows, u.staging.rows); err != nil {
			return err
		}
	}
	return u.seal(ctx)
}

func (u *Upload) seal(ctx context.Context) error {
	for i := range u.rows {
		u.mayCreate = u.mayCreate && !ordered(u.rows[i])
	}
	u.batch.Passwords += passwords(u.rows)
	if err := u.staging.add(ctx, u.rows); err != nil {
		return err
	}
	clear(u.rows) // of passwords
	u.rows = u.rows[:0]
	return nil
}

// SetIdempotency makes the request safe to send again, as [Submission.Idempotency] does, for who knows what came as its body
// only when all of it has.
func (u *Upload) SetIdempotency(i *Idempotency) { u.submission.Idempotency = i }

// Accept ends the batch, which is durable and runs by itself when it returned. KindInvalid if it has no rows, and of a
// reconciliation KindConflict if it would disable too many users; for the rest as [Engine.Submit].
func (u *Upload) Accept(ctx context.Context) (Receipt, error) {
	if u.over {
		return Receipt{}, isOver()
	}
	if err := u.chunk(ctx); err != nil {
		return Receipt{}, err
	}
	if u.staging.rows == 0 {
		return Receipt{}, &muster.Error{Kind: muster.KindInvalid, Field: "rows", Detail: "There are no rows: at least one is needed."}
	}
	if u.reconciled != nil {
		if err := u.disable(ctx); err != nil {
			return Receipt{}, err
		}
	}
	u.batch.Lane = muster.LaneOrdered
	if u.mayCreate {
		u.batch.Lane = muster.LaneCreate
	}
	var c Completion
	now := u.engine.Now()
	switch s := &u.submission; {
	case s.Idempotency != nil:
		c.Replay, c.IdempotentBody, c.ReplayUntil = u.engine.idempotent(s.Idempotency, now)
	case s.Replay != nil:
		mac := u.engine.Keyring.MAC("replay", s.Replay)
		c.Replay, c.ReplayUntil = mac[:], now.Add(u.engine.ReplayWindow)
	}
	return u.complete(ctx, c)
}

// Discard forgets the upload, unless it was accepted.
func (u *Upload) Discard(ctx context.Context) {
	clear(u.rows)
	u.discard(ctx)
}

// uploadAll is Submit for batches that are staged.
func (e *Engine) uploadAll(ctx context.Context, s Submission) (Receipt, error) {
	u, err := e.Begin(ctx, s)
	if err != nil {
		return Receipt{}, err
	}
	defer u.Discard(ctx)
	if err := u.Add(ctx, s.Rows); err != nil {
		return Receipt{}, err
	}
	return u.Accept(ctx)
}
