package provision

import (
	"context"
	"fmt"

	"muster"
	"muster/secret"
)

// Followup says of which batch another one is to be made, and who asks for that.
type Followup struct {
	Tenant     muster.ID
	Batch      muster.ID
	AppID      string
	Actor      muster.ID
	ActorLevel muster.AdminLevel
	TraceID    string
}

// heldRows is how many rows of a dry run are read at once.
const heldRows = 4 * muster.ChunkRows

// batch is what the followup's batch has of its parent.
func (f *Followup) batch(parent *muster.Batch, origin muster.Origin) muster.Batch {
	return muster.Batch{
		Tenant: f.Tenant, Contract: parent.Contract, Lane: parent.Lane, Name: parent.Name, AppID: f.AppID, Actor: f.Actor,
		ActorLevel: f.ActorLevel, TraceID: f.TraceID, Parent: parent.ID, Origin: origin, Source: parent.Source,
	}
}

// Commit makes a batch of the rows of a dry run, which is to do what they say. Before it changes anybody, it plans all of
// them again, and is refused as a whole if one would have another outcome than predicted; while it runs, a row of which that
// becomes true fails with ReasonChanged. With force there is neither guard. A dry run is committed once: a second call gives
// the first's batch, unless that was refused. KindConflict for a batch that is no finished dry run, or no longer holds its rows.
func (e *Engine) Commit(ctx context.Context, f Followup, force bool) (Receipt, error) {
	parent, made, err := e.parent(ctx, &f, muster.OriginCommit)
	switch {
	case err != nil || made.Replayed:
		return made, err
	case parent.Mode != muster.ModeDryRun:
		return Receipt{}, conflict("Only a dry run can be committed.")
	case !parent.Finished():
		return Receipt{}, conflict("The dry run is not finished: commit it when it is.")
	case !e.Now().Before(parent.HeldUntil):
		return Receipt{}, conflict(noLongerHeld)
	}
	batch := f.batch(parent, muster.OriginCommit)
	batch.Passwords, batch.Withheld = parent.Passwords, parent.Withheld
	if !force {
		batch.Mode, batch.Guarded = muster.ModeCheck, true
	}
	s, err := e.stage(ctx, batch)
	if err != nil {
		return Receipt{}, err
	}
	defer s.discard(ctx)
	if err := s.takeHeld(ctx, parent); err != nil {
		return Receipt{}, err
	}
	return s.complete(ctx, Completion{})
}

const noLongerHeld = "The dry run's rows are held for 24 hours, which are over: upload them again."

func conflict(detail string) error { return &muster.Error{Kind: muster.KindConflict, Detail: detail} }

// parent reads the batch of which another one is to be made, and the receipt of the one that was made of it in the same
// way before.
func (e *Engine) parent(ctx context.Context, f *Followup, origin muster.Origin) (*muster.Batch, Receipt, error) {
	parent, err := e.Store.Batch(ctx, f.Tenant, f.Batch)
	if err != nil {
		return nil, Receipt{}, err
	}
	first, err := e.Store.Successor(ctx, f.Tenant, f.Batch, origin)
	return parent, Receipt{Batch: first, Replayed: first != 0}, err
}

// takeHeld seals the rows that a dry run holds as the batch's own.
func (s *staging) takeHeld(ctx context.Context, parent *muster.Batch) error {
	var key *secret.DataKey
	for s.rows < parent.Total {
		works, err := s.engine.Store.Held(ctx, parent.Tenant, parent.ID, s.rows, heldRows)
		if err != nil {
			return err
		}
		if len(works) == 0 {
			return conflict(noLongerHeld)
		}
		if key == nil {
			if key, err = s.engine.heldKey(ctx, &works[0]); err != nil {
				return err
			}
			defer key.Wipe()
		}
		for i := range works {
			held := &works[i].Chunk
			if held.FirstRow != s.rows {
				return fmt.Errorf("dry run %s holds no chunk of row %d", parent.ID, s.rows)
			}
			if err := s.take(ctx, key, held); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) heldKey(ctx context.Context, w *Work) (key *secret.DataKey, err error) {
	err = e.knowing(ctx, func() (err error) {
		key, err = e.Keyring.UnwrapDataKey(w.PayloadKey, PayloadKeyBinding(w.Chunk.Tenant, w.Chunk.Batch))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unwrap the payload key of batch %s: %w", w.Chunk.Batch, err)
	}
	return key, nil
}

// Retry makes a batch of those rows of a finished one that failed, to be done as they were sent. A password that was hashed
// before the row failed is still known; of a row whose password was not, the new outcome is ReasonPasswordNeeded. A batch is
// retried once: a second call gives the first's batch. KindConflict for a batch that is not finished, did not run, or of
// which no row failed.
func (e *Engine) Retry(ctx context.Context, f Followup) (Receipt, error) {
	parent, made, err := e.parent(ctx, &f, muster.OriginRetry)
	switch {
	case err != nil || made.Replayed:
		return made, err
	case !parent.Finished():
		return Receipt{}, conflict("The batch is not finished: retry it when it is.")
	case parent.Mode == muster.ModeDryRun || parent.Mode == muster.ModeRefused:
		return Receipt{}, conflict("The batch changed no user: there is nothing to retry.")
	case parent.Failed == 0:
		return Receipt{}, conflict("None of the batch's rows failed.")
	}
	s, err := e.stage(ctx, f.batch(parent, muster.OriginRetry))
	if err != nil {
		return Receipt{}, err
	}
	defer s.discard(ctx)
	if err := s.takeFailed(ctx, parent); err != nil {
		return Receipt{}, err
	}
	return s.complete(ctx, Completion{})
}

// takeFailed seals the rows of a batch that failed as the batch's own.
func (s *staging) takeFailed(ctx context.Context, parent *muster.Batch) error {
	lane := Submission{Contract: parent.Contract}
	s.batch.Lane = muster.LaneCreate
	for from, more := 0, true; more; {
		page, err := s.engine.failures(ctx, parent.Tenant, parent.ID, 0, []muster.Result{muster.Failed}, from, muster.ChunkRows)
		if err != nil {
			return err
		}
		if more = len(page.rows) == muster.ChunkRows; len(page.rows) == 0 {
			break
		}
		lane.Rows = lane.Rows[:0]
		for i := range page.rows {
			lane.Rows = append(lane.Rows, page.rows[i].again())
			from = page.rows[i].outcome.Row + 1
		}
		if laneOf(&lane) == muster.LaneOrdered {
			s.batch.Lane = muster.LaneOrdered
		}
		if err := s.add(ctx, lane.Rows); err != nil {
			return err
		}
	}
	return nil
}

// Cancel ends a batch: its rows without outcome will be cancelled, in steps of at most 1,000; what was done stays. It gives
// the batch as it is then. One that is finished, or is being cancelled or refused, stays as it is. KindNotFound.
func (e *Engine) Cancel(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error) {
	b, err := e.Store.Cancel(ctx, tenant, batch)
	e.wakeAll(tenant) // also where only the answer was lost
	return b, err
}

// wakeAll wakes the tenant's lanes, between which work may have moved.
func (e *Engine) wakeAll(tenant muster.ID) {
	for _, lane := range [...]muster.Lane{muster.LaneCreate, muster.LaneOrdered, muster.LaneQuiet} {
		e.Dispatcher.Wake(muster.LaneRef{Tenant: tenant, Lane: lane})
	}
}
