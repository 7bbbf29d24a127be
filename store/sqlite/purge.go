package sqlite

import (
	"context"
	"time"

	"muster"
)

// Purge is [provision.Store.Purge]. A batch disappears as a whole when its first row goes.
func (s *Store) Purge(ctx context.Context, tenant muster.ID, finishedBefore time.Time, limit int) (bool, error) {
	var found bool
	err := s.writer.large(ctx, func(c *conn) error {
		p := purge{conn: c, tenant: int64(tenant), left: int64(limit)}
		err := p.run(millis(finishedBefore), millis(s.now()))
		found = p.found
		return err
	})
	return found, explain("purge", err)
}

type purge struct {
	conn   *conn
	tenant int64
	left   int64 // rows that this step may still delete
	found  bool
}

func (p *purge) run(finishedBefore, now int64) error {
	if _, err := p.delete(deleteReplays, p.tenant, now, p.left); err != nil {
		return err
	}
	if _, err := p.delete(deleteTokens, p.tenant, now, p.left); err != nil {
		return err
	}
	if _, err := p.delete(purgeActivations, p.tenant, now, p.left); err != nil {
		return err
	}
	if _, err := p.delete(deleteDays, p.tenant, muster.DayNumber(timeOf(now))-muster.DaysKept, p.left); err != nil {
		return err
	}
	if _, err := p.delete(deleteAttempts, now, p.left); err != nil {
		return err
	}
	if _, err := p.delete(deleteExpiredSessions, now, p.left); err != nil {
		return err
	}
	for _, f := range [...]func() (bool, error){
		func() (bool, error) { return p.staged(now) },
		func() (bool, error) { return p.held(now) },
		p.overlaid,
		func() (bool, error) { return p.forgotten(finishedBefore) },
	} {
		for more := true; more && p.left > 0; {
			var err error
			if more, err = f(); err != nil {
				return err
			}
		}
	}
	return nil
}

// staged erases of a batch to which nothing was added any more, or which was given up, as much as this step may.
func (p *purge) staged(now int64) (bool, error) {
	var batch int64
	var forgotten bool
	err := p.conn.row(context.Background(), selectUnstaged, p.tenant, now).Scan(&batch, &forgotten)
	if err != nil {
		return p.none(err)
	}
	if !forgotten {
		if err := discard(p.conn, muster.ID(p.tenant), muster.ID(batch), timeOf(now)); err != nil {
			return false, err
		}
	}
	if whole, err := p.chunks(batch); err != nil || !whole {
		return false, err
	}
	_, err = p.delete(deleteBatch, p.tenant, batch)
	return true, err
}

// held erases the rows of a dry run that can be committed no longer, and at last their key.
func (p *purge) held(now int64) (bool, error) {
	var batch int64
	if err := p.conn.row(context.Background(), selectUnheld, p.tenant, now).Scan(&batch); err != nil {
		return p.none(err)
	}
	if whole, err := p.chunks(batch); err != nil || !whole {
		return false, err
	}
	_, err := p.delete(destroyPayloadKey, p.tenant, batch)
	return true, err
}

// overlaid erases the predictions of a batch that predicts no more, and the rows that it holds if it was cancelled.
func (p *purge) overlaid() (bool, error) {
	var batch int64
	var mode muster.Mode
	if err := p.conn.row(context.Background(), selectOverlaid, p.tenant).Scan(&batch, &mode); err != nil {
		return p.none(err)
	}
	if _, err := p.delete(deleteOverlay, p.tenant, batch, p.left); err != nil || p.left <= 0 {
		return false, err
	}
	if mode == muster.ModeCancelled {
		if whole, err := p.chunks(batch); err != nil || !whole {
			return false, err
		}
	}
	_, err := p.delete(endOverlaid, p.tenant, batch)
	return true, err
}

// forgotten deletes of a batch that finished before the time as much as this step may.
func (p *purge) forgotten(finishedBefore int64) (bool, error) {
	var batch int64
	if err := p.conn.row(context.Background(), selectForgotten, p.tenant, finishedBefore).Scan(&batch); err != nil {
		return p.none(err)
	}
	p.found = true
	if _, err := p.conn.exec(forgetBatch, p.tenant, batch); err != nil {
		return false, err
	}
	for _, s := range [...]statement{deleteOutcomes, deleteKept, deleteDifferences, deleteOverlay} {
		if _, err := p.delete(s, p.tenant, batch, p.left); err != nil || p.left <= 0 {
			return false, err
		}
	}
	if whole, err := p.chunks(batch); err != nil || !whole {
		return false, err
	}
	if _, err := p.delete(deleteReasons, p.tenant, batch); err != nil {
		return false, err
	}
	_, err := p.delete(deleteBatch, p.tenant, batch)
	return true, err
}

// none tells that there is no such batch from trouble.
func (p *purge) none(err error) (bool, error) {
	if isRefusal(err) {
		return false, nil
	}
	return false, err
}

// chunkWeight is how many rows a chunk counts for: it is many pages, all of which are overwritten.
const chunkWeight = 16

// chunks erases of the batch's chunks without turn as many as this step may, and reports whether these were all.
func (p *purge) chunks(batch int64) (whole bool, err error) {
	limit := max(p.left/chunkWeight, 1)
	if _, err := p.conn.exec(erasePayloads, p.tenant, batch, limit); err != nil {
		return false, err
	}
	n, err := p.conn.exec(eraseChunks, p.tenant, batch, limit)
	p.found = p.found || n > 0
	p.left -= n * chunkWeight
	return n < limit, err
}

func (p *purge) delete(s statement, args ...any) (int64, error) {
	n, err := p.conn.exec(s, args...)
	if n > 0 {
		p.found = true
	}
	p.left -= n
	return n, err
}
