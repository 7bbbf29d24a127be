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

// batch deletes of the batch as much as this step may.
func (p *purge) batch(batch muster.ID) error {
	p.found = true
	p.exec(forgetBatch, p.tenant, batch)
	for _, s := range [...]statement{deleteOutcomes, deleteKept} {
		if err := p.delete(s, p.tenant, batch, p.left); err != nil || p.left == 0 {
			return err
		}
	}
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
