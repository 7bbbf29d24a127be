package provision

import (
	"context"

	"muster"
)

// Answers gives a batch and those of its outcomes that the query wants, as [BatchStore.Outcomes] does, each with its row as it was
// sent if it did not succeed: of those that did, nothing is kept. KindNotFound.
func (e *Engine) Answers(ctx context.Context, tenant, batch muster.ID, q OutcomeQuery) (*muster.Batch, []Failure, error) {
	page, err := e.Store.Outcomes(ctx, tenant, batch, q)
	if err != nil {
		return nil, nil, err
	}
	answers := make([]Failure, len(page.Outcomes))
	var kept map[int]keptRecord // of one chunk, all of which is sealed as one
	for i, o := range page.Outcomes {
		answers[i].Outcome = o
		if o.Result == muster.Succeeded {
			continue
		}
		if _, known := kept[o.Row]; !known {
			if kept, err = e.keptAround(ctx, tenant, batch, o.Row); err != nil {
				return nil, nil, err
			}
		}
		rec := kept[o.Row]
		answers[i].Row = rec.Sent.row()
	}
	return &page.Batch, answers, nil
}

// keptAround reads what is kept of the rows of that chunk that has one which did not succeed, by their position in the batch.
func (e *Engine) keptAround(ctx context.Context, tenant, batch muster.ID, row int) (map[int]keptRecord, error) {
	stored, err := e.Store.Failures(ctx, tenant, batch, 0, row, 1)
	if err != nil {
		return nil, err
	}
	rows := map[int]keptRecord{}
	if len(stored.Outcomes) == 0 { // it is being purged
		return rows, nil
	}
	return rows, e.openKeptBlocks(ctx, stored, rows)
}
