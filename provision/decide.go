package provision

import (
	"muster"
)

// plans reports whether rows are planned in a mode, or get their outcome for what became of their batch.
func plans(m muster.Mode) bool { return m == muster.ModeRun || m.Predicts() }

// mode is what is done with the run's rows: it is the same for all of its chunks.
func (r *run) mode() muster.Mode { return r.chunks[0].Chunk.Mode }

// goesWith reports whether one run may hold the two chunks: any in ModeRun, else those of one batch.
func (w *Work) goesWith(other *Work) bool {
	return w.Chunk.Mode == other.Chunk.Mode && (w.Chunk.Mode == muster.ModeRun || w.Chunk.Batch == other.Chunk.Batch)
}

// together gives the first of the works, as many as one run may hold.
func together(works []Work) []Work {
	for i := range works {
		if !works[i].goesWith(&works[0]) {
			return works[:i]
		}
	}
	return works
}

// decide gives the chunks that still wait what becomes of them. A chunk that another worker finished is passed over.
func (r *run) decide(snapshot muster.Snapshot, live []bool, w *Writes) (need []int, err error) {
	mode := r.mode()
	w.Planned.Usage = snapshot.Usage
	if plans(mode) {
		entries, origin := r.living(live)
		w.Planned = muster.Plan(entries, snapshot)
		if mode == muster.ModeRun && len(w.Planned.NeedHash) > 0 {
			for _, i := range w.Planned.NeedHash {
				need = append(need, origin[i])
			}
			return need, errNeedHash
		}
	}
	at := 0
	for i := range r.chunks {
		if !live[i] {
			continue
		}
		c := &r.chunks[i]
		var outcomes []muster.Outcome
		if plans(mode) {
			outcomes = w.Planned.Outcomes[at : at+len(c.rows)]
		} else {
			outcomes = c.undone()
		}
		at += len(c.rows)
		c.name(outcomes)
		written := ChunkWrites{Chunk: c.Chunk, Position: c.Position}
		if mode == muster.ModeCheck {
			written.Differences = c.differing(outcomes)
			w.Chunks = append(w.Chunks, written)
			continue
		}
		written.Outcomes = outcomes
		if written.Kept, err = sealKept(c.keys.kept, &c.Chunk, c.rows, r.entries[c.start:], outcomes); err != nil {
			return nil, err
		}
		w.Chunks = append(w.Chunks, written)
	}
	return nil, nil
}

// living gives the entries of the chunks that still wait, and each one's index in the run.
func (r *run) living(live []bool) (entries []muster.Entry, origin []int) {
	entries, origin = make([]muster.Entry, 0, len(r.entries)), make([]int, 0, len(r.entries))
	for i := range r.chunks {
		if !live[i] {
			continue
		}
		for k := range r.chunks[i].rows {
			entries, origin = append(entries, r.entries[r.chunks[i].start+k]), append(origin, r.chunks[i].start+k)
		}
	}
	return entries, origin
}

// name fills in which rows of the batch the outcomes are of.
func (c *chunk) name(outcomes []muster.Outcome) {
	for k := range outcomes {
		outcomes[k].Row = c.Chunk.FirstRow + k
		outcomes[k].ID = c.Chunk.FirstID + muster.ID(k)
		outcomes[k].Subject = subject(c.Batch.Contract, &c.rows[k])
	}
}

// subject is what the caller named the user by.
func subject(contract muster.Contract, row *muster.Row) string {
	switch {
	case contract == muster.ContractKooDrive || row.Match == muster.KeyPhone:
		return row.Phone
	case row.Match == muster.KeyEmail:
		return row.Email
	case row.Match == muster.KeyID:
		return row.ID.String()
	default:
		return row.Account
	}
}

// undone are the outcomes of the rows of a batch that was cancelled or refused.
func (c *chunk) undone() []muster.Outcome {
	detail := "Cancelled before it was applied."
	if c.Chunk.Mode == muster.ModeRefused {
		detail = "Nothing was done, since other rows of the batch would not end as the dry run predicted."
	}
	outcomes := make([]muster.Outcome, len(c.rows))
	for k := range outcomes {
		outcomes[k] = muster.Outcome{Result: muster.Cancelled, Reason: muster.ReasonCancelled, Detail: detail}
		if o, differs := c.differences[c.Chunk.FirstRow+k]; differs {
			outcomes[k] = o
		}
	}
	return outcomes
}

// differing lists, as they will fail, the rows of a commit of which the dry run predicted something else.
func (c *chunk) differing(outcomes []muster.Outcome) (differences []muster.Outcome) {
	for k := range outcomes {
		if judged := c.expected[k].Judge(outcomes[k]); judged != outcomes[k] {
			differences = append(differences, judged)
		}
	}
	return differences
}
