package provision

import (
	"context"

	"muster"
)

// foresee reads what the run's rows need to know of what was predicted. None of it ever changes.
func (e *Engine) foresee(ctx context.Context, r *run) error {
	for i := range r.chunks {
		c := &r.chunks[i]
		var err error
		switch {
		case c.Chunk.Mode == muster.ModeRefused:
			err = e.readDifferences(ctx, c)
		case c.Batch.Guarded && plans(c.Chunk.Mode):
			err = e.readPredictions(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readPredictions reads what the dry run that is committed predicted of a chunk's rows. Of a dry run that was purged
// nothing is known, so that no row is as predicted.
func (e *Engine) readPredictions(ctx context.Context, c *chunk) error {
	c.expected = make([]muster.Expectation, len(c.rows))
	page, err := e.Store.Outcomes(ctx, c.Chunk.Tenant, c.Batch.Parent, OutcomeQuery{From: c.Chunk.FirstRow, Limit: len(c.rows)})
	if muster.KindOf(err) == muster.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range page.Outcomes {
		if k := page.Outcomes[i].Row - c.Chunk.FirstRow; k < len(c.expected) {
			c.expected[k] = page.Outcomes[i].Expected()
		}
	}
	return nil
}

func (e *Engine) readDifferences(ctx context.Context, c *chunk) error {
	found, err := e.Store.Differences(ctx, c.Chunk.Tenant, c.Chunk.Batch, c.Chunk.FirstRow, len(c.rows))
	if err != nil {
		return err
	}
	c.differences = make(map[int]muster.Outcome, len(found))
	for _, o := range found {
		c.differences[o.Row] = o
	}
	return nil
}

// expect has the entries of a guarded commit done only as predicted. While it is checked they are planned without, to learn
// what would become of them.
func (r *run) expect() {
	for i := range r.chunks {
		c := &r.chunks[i]
		if c.expected == nil || c.Chunk.Mode != muster.ModeRun {
			continue
		}
		for k := range c.expected {
			r.entries[c.start+k].Expect = &c.expected[k]
		}
	}
}
