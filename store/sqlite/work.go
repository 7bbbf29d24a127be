package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"muster"
	"muster/provision"
)

// Pending is [provision.Store.Pending].
func (s *Store) Pending(ctx context.Context) ([]muster.LaneRef, error) {
	var lanes []muster.LaneRef
	err := s.readers.read(ctx, func(q querier) error {
		tenants, err := tenantIDs(ctx, q)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			for _, lane := range [...]muster.Lane{muster.LaneCreate, muster.LaneOrdered, muster.LaneQuiet} {
				var waiting bool
				if err := q.row(ctx, selectWaiting, int64(tenant), int64(lane)).Scan(&waiting); err != nil {
					return err
				}
				if waiting {
					lanes = append(lanes, muster.LaneRef{Tenant: tenant, Lane: lane})
				}
			}
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
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectChunks, int64(lane.Tenant), int64(lane.Lane), after.Rank, after.Sequence, after.FirstRow)
		if err != nil {
			return err
		}
		works, err = readWorks(rows, lane.Tenant, limit)
		return err
	})
	return works, explain("read waiting chunks", err)
}

// Held is [provision.BatchStore.Held].
func (s *Store) Held(ctx context.Context, tenant, batch muster.ID, from, limit int) ([]provision.Work, error) {
	var works []provision.Work
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectHeld, int64(tenant), int64(batch), millis(s.now()), from)
		if err != nil {
			return err
		}
		works, err = readWorks(rows, tenant, limit)
		return err
	})
	return works, explain("read what a dry run holds", err)
}

// readWorks reads chunks until they would hold more than so many rows, but one at least, and closes what it reads from.
func readWorks(rows *sql.Rows, tenant muster.ID, limit int) (works []provision.Work, err error) {
	defer func() { _ = rows.Close() }() // Err says what went wrong
	for total := 0; rows.Next(); {
		w := provision.Work{}
		if err := scanWork(rows, tenant, &w); err != nil {
			return nil, err
		}
		if total += w.Chunk.Rows; total > limit && len(works) > 0 {
			break
		}
		works = append(works, w)
	}
	return works, rows.Err()
}

func scanWork(row scanner, tenant muster.ID, w *provision.Work) error {
	c, b := &w.Chunk, &w.Batch
	err := row.Scan(append([]any{&c.Batch, &c.FirstRow, &c.Rows, &c.FirstID, &c.FirstUser, &c.Payload, &w.Position.Rank, &w.PayloadKey,
		&w.KeptKey}, batchFields(b)...)...)
	c.Tenant, b.Tenant, c.Mode = tenant, tenant, b.Mode
	w.Position.Sequence, w.Position.FirstRow = b.Sequence, c.FirstRow
	return err
}

// Split is [provision.Store.Split].
func (s *Store) Split(ctx context.Context, chunk muster.Chunk, parts []muster.Chunk) error {
	next := chunk.FirstRow
	for i := range parts {
		if parts[i].FirstRow != next || parts[i].Rows < 1 || parts[i].Tenant != chunk.Tenant || parts[i].Batch != chunk.Batch {
			return fmt.Errorf("sqlite: split a chunk: part %d does not follow on the one before it", i)
		}
		next += parts[i].Rows
	}
	if next != chunk.FirstRow+chunk.Rows {
		return fmt.Errorf("sqlite: split a chunk: the parts hold %d rows, the chunk %d", next-chunk.FirstRow, chunk.Rows)
	}
	err := s.writer.small(ctx, func(c *conn) error { return split(c, &chunk, parts) })
	return explain("split a chunk", err)
}

func split(c *conn, chunk *muster.Chunk, parts []muster.Chunk) error {
	var rows int
	var lane muster.Lane
	var rank, sequence, size int64
	err := c.row(context.Background(), selectChunk, int64(chunk.Tenant), int64(chunk.Batch), chunk.FirstRow).
		Scan(&rows, &lane, &rank, &sequence, &size)
	if isRefusal(err) || err == nil && (rows != chunk.Rows || lane == noLane) { // it waits no longer
		return nil
	}
	if err != nil {
		return err
	}
	if err := deleteWhole(c, chunk.Tenant, []muster.Chunk{*chunk}); err != nil {
		return err
	}
	grown := -size
	for i := range parts {
		p := &parts[i]
		grown += int64(len(p.Payload))
		if err := storeChunk(c, p, lane, rankOf(lane, rank, p.FirstRow-chunk.FirstRow), sequence); err != nil {
			return err
		}
	}
	_, err = c.exec(updateUsageSplit, grown, int64(chunk.Tenant))
	return err
}

// noLane is that of chunks that have no turn.
const noLane muster.Lane = 0

// deleteWhole deletes the chunks with their payloads.
func deleteWhole(c *conn, tenant muster.ID, chunks []muster.Chunk) error {
	if len(chunks) == 0 {
		return nil
	}
	names := string(jsonPairs(chunks))
	_, err := c.exec(deleteChunks, int64(tenant), names)
	if err == nil {
		_, err = c.exec(deletePayloads, int64(tenant), names)
	}
	return err
}
