package provision

import (
	"context"

	"muster"
	"muster/secret"
)

// stagedChunks is how many sealed chunks one transaction stores, and the most that are in memory.
const stagedChunks = 8

// staging is a batch on its way into the store in pieces, of which nobody sees any before the end. It is used by one goroutine.
type staging struct {
	engine        *Engine
	batch         muster.Batch
	payload, kept *secret.DataKey
	chunks        []muster.Chunk // sealed, and not stored yet
	rows          int
	lastID        muster.ID
	over          bool // accepted or discarded
}

// stage begins a batch. Its ID and AcceptedAt are filled.
func (e *Engine) stage(ctx context.Context, b muster.Batch) (*staging, error) {
	if err := e.DiskRoom(); err != nil {
		return nil, err
	}
	var err error
	if b.ID, err = e.IDs.Next(); err != nil {
		return nil, err
	}
	b.AcceptedAt = e.Now()
	s := &staging{engine: e, batch: b, payload: secret.NewDataKey(), kept: secret.NewDataKey(), lastID: b.ID}
	err = e.knowing(ctx, func() error {
		return e.Store.Begin(unrecorded(ctx), &Opening{
			Batch:      b,
			PayloadKey: e.Keyring.WrapDataKey(s.payload, PayloadKeyBinding(b.Tenant, b.ID)),
			KeptKey:    e.Keyring.WrapDataKey(s.kept, KeptKeyBinding(b.Tenant, b.ID)),
		})
	})
	if err != nil {
		s.wipe()
		return nil, err
	}
	return s, nil
}

// unrecorded leaves the audit trail to the write that accepts the batch.
func unrecorded(ctx context.Context) context.Context { return muster.WithAudit(ctx, nil) }

// next begins the chunk after those that are there, with ids for its rows.
func (s *staging) next(rows int) (c muster.Chunk, err error) {
	c = muster.Chunk{Tenant: s.batch.Tenant, Batch: s.batch.ID, Mode: s.batch.Mode, FirstRow: s.rows, Rows: rows}
	c.FirstID, err = s.engine.IDs.Run(rows)
	return c, err
}

// add seals up to [muster.ChunkRows] rows into a chunk.
func (s *staging) add(ctx context.Context, rows []muster.Row) error {
	c, err := s.next(len(rows))
	if err != nil {
		return err
	}
	if c.FirstUser, err = s.engine.IDs.Run(len(rows)); err != nil {
		return err
	}
	if err := sealRows(s.payload, &c, rows); err != nil {
		return err
	}
	return s.put(ctx, c)
}

// take makes a chunk of one that another batch holds. The users that it may make get the ids that they were to have there.
func (s *staging) take(ctx context.Context, key *secret.DataKey, held *muster.Chunk) error {
	c, err := s.next(held.Rows)
	if err != nil {
		return err
	}
	c.FirstUser = held.FirstUser
	if err := resealRows(key, held, s.payload, &c); err != nil {
		return err
	}
	return s.put(ctx, c)
}

func (s *staging) put(ctx context.Context, c muster.Chunk) error {
	s.chunks = append(s.chunks, c)
	s.rows += c.Rows
	s.lastID = max(s.lastID, c.FirstID+muster.ID(c.Rows-1), c.FirstUser+muster.ID(c.Rows-1))
	if len(s.chunks) < stagedChunks {
		return nil
	}
	return s.flush(ctx)
}

// flush stores the chunks that are in memory.
func (s *staging) flush(ctx context.Context) error {
	if len(s.chunks) == 0 {
		return nil
	}
	e := s.engine
	if err := e.DiskRoom(); err != nil {
		return err
	}
	if err := e.Store.Append(unrecorded(ctx), s.batch.Tenant, s.batch.ID, s.chunks, e.Admission); err != nil {
		return err
	}
	clear(s.chunks)
	s.chunks = s.chunks[:0]
	return nil
}

// complete has the batch accepted. Of c the fingerprint is read.
func (s *staging) complete(ctx context.Context, c Completion) (Receipt, error) {
	if err := s.flush(ctx); err != nil {
		return Receipt{}, err
	}
	s.batch.Total = s.rows
	c.Batch, c.LastID, c.Now = s.batch, s.lastID, s.engine.Now()
	auditBatch(ctx, &s.batch)
	accepted, err := s.engine.Store.Complete(ctx, &c)
	if err != nil {
		return Receipt{}, err
	}
	s.over = true
	s.wipe()
	s.engine.accepted(&s.batch, accepted)
	return Receipt(accepted), nil
}

// discard forgets a batch that was not accepted. What cannot be discarded now is purged after [StagedFor].
func (s *staging) discard(ctx context.Context) {
	if s.over {
		return
	}
	s.over = true
	s.wipe()
	s.chunks = nil
	_ = s.engine.Store.Discard(context.WithoutCancel(unrecorded(ctx)), s.batch.Tenant, s.batch.ID)
}

func (s *staging) wipe() {
	s.payload.Wipe()
	s.kept.Wipe()
}
