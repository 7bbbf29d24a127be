package provision

import (
	"context"

	"muster"
)

// listScan bounds how many batches one page of those in a state looks at.
const listScan = 1000

// BatchLister lists batches; a [BatchStore] does.
type BatchLister interface {
	Batches(ctx context.Context, tenant muster.ID, q BatchQuery) ([]muster.Batch, error)
}

// ListBatches lists batches in a state, "" for any, the newest first. next is the Before of the next page, 0 behind the last. A
// page may be shorter than asked for, and empty even: it looks at some thousand batches at most.
func ListBatches(ctx context.Context, from BatchLister, tenant muster.ID, q BatchQuery, state muster.State) (page []muster.Batch, next muster.ID, err error) {
	wanted := q.Limit
	q.Unfinished = q.Unfinished || state != "" && !state.Finished()
	for seen := 0; ; {
		batches, err := from.Batches(ctx, tenant, q)
		if err != nil {
			return nil, 0, err
		}
		for i := range batches {
			q.Before = batches[i].ID
			if state == "" || state == batches[i].State() {
				page = append(page, batches[i])
			}
			if len(page) == wanted {
				return page, q.Before, nil
			}
		}
		switch seen += len(batches); {
		case len(batches) < q.Limit:
			return page, 0, nil
		case seen >= listScan:
			return page, q.Before, nil
		}
	}
}
