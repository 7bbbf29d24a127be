package postgres

import (
	"context"
	"time"

	"muster"
)

// Purge is [provision.Store.Purge]. A batch disappears as a whole when its first row goes.
func (s *Store) Purge(ctx context.Context, tenant muster.ID, finishedBefore time.Time, limit int) (bool, error) {
	var p purge
	err := s.write(ctx, tenant, func(t *tx) error {
		p = purge{tx: t, tenant: tenant, left: int64(limit)}
		return p.run(finishedBefore)
	})
	return p.found, explain("purge", err)
}

type purge struct {
	*tx
	tenant muster.ID
	left   int64 // rows that this step may still delete
	found  bool
}

func (p *purge) run(finishedBefore time.Time) error {
	if err := p.delete(deleteReplays, p.tenant, p.left); err != nil {
		return err
	}
	if err := p.tokens(); err != nil {
		return err
	}
	if err := p.delete(purgeActivations, p.tenant, p.left); err != nil {
		return err
	}
	if err := p.delete(deleteAttempts, p.left); err != nil {
		return err
	}
	if err := p.expired(); err != nil {
		return err
	}
	for p.left > 0 {
		var batch muster.ID
		p.rows(func(row scanner) error { return row.Scan(&batch) }, selectForgotten, p.tenant, finishedBefore)
		if err := p.flush(); err != nil || batch == 0 {
			return err
		}
		if err := p.batch(batch); err != nil {
			return err
		}
	}
	return nil
}

// tokens deletes tokens that have expired, and what finds their tenant.
func (p *purge) tokens() error {
	var hashes [][]byte
	p.rows(scanHashes(&hashes), selectExpiredTokens, p.tenant, p.left)
	if err := p.flush(); err != nil || len(hashes) == 0 {
		return err
	}
	p.deleteTokens(p.tenant, hashes)
	p.found = true
	p.left -= int64(len(hashes))
	return nil
}

// The kinds of selectExpired.
const (
	expiredStaged = iota + 1
	expiredHeld
	expiredOverlay
)

// expired deletes of batches what they need no longer: of those that nobody completed all, the rows that dry runs held for
// long enough, and what batches predicted that do so no more.
func (p *purge) expired() error {
	var batches [expiredOverlay + 1]muster.ID
	p.rows(func(row scanner) error {
		var kind int
		var batch muster.ID
		err := row.Scan(&kind, &batch)
		if err == nil {
			batches[kind] = batch
		}
		return err
	}, selectExpired, p.tenant)
	if err := p.flush(); err != nil {
		return err
	}
	if batch := batches[expiredStaged]; batch != 0 {
		if err := p.staged(batch); err != nil {
			return err
		}
	}
	if batch := batches[expiredHeld]; batch != 0 {
		if err := p.part(batch, deleteHeld, erasePayloadKey); err != nil {
			return err
		}
	}
	if batch := batches[expiredOverlay]; batch != 0 {
		return p.part(batch, deleteOverlay, clearOverlaid)
	}
	return nil
}

func (p *purge) staged(batch muster.ID) error {
	if p.found = true; p.left == 0 {
		return nil
	}
	var chunks int64
	p.discardChunks(&chunks, p.tenant, batch, p.left)
	err := p.flush()
	if p.left -= chunks; err != nil || p.left == 0 {
		return err
	}
	return p.delete(deleteStaged, p.tenant, batch)
}

// part deletes of the batch what a statement does, as much as this step may, and notes the end of that.
func (p *purge) part(batch muster.ID, s, end statement) error {
	if p.found = true; p.left == 0 {
		return nil
	}
	if err := p.delete(s, p.tenant, batch, p.left); err != nil || p.left == 0 {
		return err
	}
	return p.delete(end, p.tenant, batch)
}

// batch deletes of the batch as much as this step may.
func (p *purge) batch(batch muster.ID) error {
	p.found = true
	p.exec(forgetBatch, p.tenant, batch)
	for _, s := range [...]statement{deleteOutcomes, deleteKept, deleteDifferences, deleteOverlay, deleteHeld} {
		if err := p.delete(s, p.tenant, batch, p.left); err != nil || p.left == 0 {
			return err
		}
	}
	p.exec(deleteReasons, p.tenant, batch)
	return p.delete(deleteBatch, p.tenant, batch)
}

func (p *purge) delete(s statement, args ...any) error {
	var n int64
	p.count(&n, s, args...)
	err := p.flush()
	if n > 0 {
		p.found = true
	}
	p.left -= n
	return err
}
