package postgres

import (
	"context"
	"fmt"
	"math"

	"muster"
	"muster/provision"
)

// Pending is [provision.Store.Pending].
func (s *Store) Pending(ctx context.Context) ([]muster.LaneRef, error) {
	var lanes []muster.LaneRef
	err := s.read(ctx, func(t *tx) error {
		queued := map[muster.ID]int64{}
		t.queued(queued)
		if err := t.flush(); err != nil {
			return err
		}
		for tenant := range queued {
			t.rows(func(row scanner) error {
				lane := muster.LaneRef{Tenant: tenant}
				err := row.Scan(&lane.Lane)
				lanes = append(lanes, lane)
				return err
			}, selectLanes, tenant)
		}
		return nil
	})
	return lanes, explain("look for waiting chunks", err)
}

// Next is [provision.Store.Next].
func (s *Store) Next(ctx context.Context, lane muster.LaneRef, after *provision.Position, limit int) ([]provision.Work, error) {
	if after == nil {
		after = &provision.Position{Rank: math.MinInt64}
	}
	var works []provision.Work
	err := s.read(ctx, func(t *tx) error {
		t.works(&works, lane.Tenant, selectChunks, lane.Tenant, lane.Lane, after.Rank, after.Sequence, after.FirstRow, limit)
		return nil
	})
	return works, explain("read waiting chunks", err)
}

// works queues a look-up of chunks of the tenant.
func (t *tx) works(works *[]provision.Work, tenant muster.ID, by statement, args ...any) {
	t.rows(func(row scanner) error {
		var w provision.Work
		err := scanWork(row, tenant, &w)
		*works = append(*works, w)
		return err
	}, by, args...)
}

func scanWork(row scanner, tenant muster.ID, w *provision.Work) error {
	c, b := &w.Chunk, &w.Batch
	columns := append([]any{&c.Batch, &c.FirstRow, &c.Rows, &c.FirstID, &c.FirstUser, &c.Payload, &w.Position.Rank}, batchFields(b)...)
	err := row.Scan(append(columns, &w.PayloadKey, &w.KeptKey)...)
	c.Tenant, c.Mode, b.Tenant = tenant, b.Mode, tenant
	w.Position.Sequence, w.Position.FirstRow = b.Sequence, c.FirstRow
	return err
}

// Split is [provision.Store.Split].
func (s *Store) Split(ctx context.Context, chunk muster.Chunk, parts []muster.Chunk) error {
	next := chunk.FirstRow
	for i := range parts {
		if parts[i].FirstRow != next || parts[i].Rows < 1 || parts[i].Tenant != chunk.Tenant || parts[i].Batch != chunk.Batch {
			return fmt.Errorf("postgres: split a chunk: part %d does not follow on the one before it", i)
		}
		next += parts[i].Rows
	}
	if next != chunk.FirstRow+chunk.Rows {
		return fmt.Errorf("postgres: split a chunk: the parts hold %d rows, the chunk %d", next-chunk.FirstRow, chunk.Rows)
	}
	err := s.write(ctx, chunk.Tenant, func(t *tx) error { return split(t, &chunk, parts) })
	return explain("split a chunk", err)
}

func split(t *tx, chunk *muster.Chunk, parts []muster.Chunk) error {
	var rows int // 0 if it waits no longer
	var lane muster.Lane
	var rank, sequence, size int64
	t.rows(func(row scanner) error { return row.Scan(&rows, &lane, &rank, &sequence, &size) },
		selectChunk, chunk.Tenant, chunk.Batch, chunk.FirstRow)
	if err := t.flush(); err != nil || rows != chunk.Rows {
		return err
	}
	batches, firstRows := chunkNames([]muster.Chunk{*chunk})
	t.exec(deleteChunks, chunk.Tenant, batches, firstRows)
	grown := -size
	for i := range parts {
		p := &parts[i]
		grown += int64(len(p.Payload))
		storeChunk(t, p, lane, rankOf(lane, rank, p.FirstRow-chunk.FirstRow), sequence)
	}
	t.exec(updateUsageSplit, chunk.Tenant, grown)
	return nil
}
