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
	if err := p.delete(deleteDays, p.tenant, muster.DaysKept, p.left); err != nil {
		return err
	}
	if err := p.delete(deleteAttempts, p.left); err != nil {
		return err
	}
	if err := p.delete(deleteExpiredSessions, p.left); err != nil {
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

// expired is a batch that has what it needs no longer.
type expired struct {
	batch muster.ID // 0: none
	// done is of a staged batch whether its rows no longer count to the queue, and of others whether their chunks are of no more
	// use.
	done bool
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
	for p.left > 0 {
		var of [expiredOverlay + 1]expired
		p.rows(func(row scanner) error {
			var kind int
			var e expired
			err := row.Scan(&kind, &e.batch, &e.done)
			if err == nil {
				of[kind] = e
			}
			return err
		}, selectExpired, p.tenant)
		if err := p.flush(); err != nil {
			return err
		}
		if of == [expiredOverlay + 1]expired{} {
			return nil
		}
		p.found = true
		for kind, e := range of {
			if e.batch == 0 || p.left <= 0 {
				continue
			}
			if err := p.end(kind, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// end deletes of the batch what it needs no longer, as much as this step may.
func (p *purge) end(kind int, e expired) error {
	switch kind {
	case expiredStaged:
		if !e.done {
			discard(p.tx, p.tenant, e.batch)
		}
		return p.chunks(e.batch, deleteStaged)
	case expiredHeld:
		return p.chunks(e.batch, erasePayloadKey)
	default:
		if err := p.delete(deleteOverlay, p.tenant, e.batch, p.left); err != nil || p.left <= 0 {
			return err
		}
		if e.done {
			return p.chunks(e.batch, clearOverlaid)
		}
		return p.delete(clearOverlaid, p.tenant, e.batch)
	}
}

// chunkWeight is how many rows a chunk counts for: what is sealed in it is many.
const chunkWeight = 16

// chunks deletes chunks of the batch that have no turn, as many as this step may, and does after the last what is then to be done.
func (p *purge) chunks(batch muster.ID, then statement) error {
	var n int64
	most := max(p.left/chunkWeight, 1)
	p.count(&n, deleteHeld, p.tenant, batch, most)
	if err := p.flush(); err != nil {
		return err
	}
	if p.left -= n * chunkWeight; n == most {
		return nil
	}
	return p.delete(then, p.tenant, batch)
}

// batch deletes of the batch as much as this step may.
func (p *purge) batch(batch muster.ID) error {
	p.found = true
	p.exec(forgetBatch, p.tenant, batch)
	for _, s := range [...]statement{deleteOutcomes, deleteKept, deleteDifferences, deleteOverlay} {
		if err := p.delete(s, p.tenant, batch, p.left); err != nil || p.left <= 0 {
			return err
		}
	}
	p.exec(deleteReasons, p.tenant, batch)
	return p.chunks(batch, deleteBatch)
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
