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
	if _, err := p.delete(deleteAttempts, now, p.left); err != nil {
		return err
	}
	for p.left > 0 {
		var batch int64
		err := p.conn.row(context.Background(), selectForgotten, p.tenant, finishedBefore).Scan(&batch)
		if isRefusal(err) { // there is none
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.batch(batch); err != nil {
			return err
		}
	}
	return nil
}

// batch deletes of the batch as much as this step may.
func (p *purge) batch(batch int64) error {
	p.found = true
	if _, err := p.conn.exec(forgetBatch, p.tenant, batch); err != nil {
		return err
	}
	for _, s := range [...]statement{deleteOutcomes, deleteKept} {
		if _, err := p.delete(s, p.tenant, batch, p.left); err != nil || p.left == 0 {
			return err
		}
	}
	_, err := p.delete(deleteBatch, p.tenant, batch)
	return err
}

func (p *purge) delete(s statement, args ...any) (int64, error) {
	n, err := p.conn.exec(s, args...)
	if n > 0 {
		p.found = true
	}
	p.left -= n
	return n, err
}
