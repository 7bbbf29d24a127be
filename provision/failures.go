package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"muster"
	"muster/secret"
)

// Failure is a row that did not succeed, with the row as it was sent.
type Failure struct {
	Outcome muster.Outcome
	Row     muster.Row // without its password and its password's hash
}

// Failures gives a batch and those of its rows from position from on that did not succeed, in list order and at most
// limit, all of one moment. KindNotFound if the tenant has no such batch of the contract; 0 stands for any.
func (e *Engine) Failures(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.Batch, []Failure, error) {
	return e.failed(ctx, tenant, batch, contract, nil, from, limit)
}

// FailuresOf gives of a batch of any contract those rows that ended in one of some ways, [muster.Succeeded] not being one, for
// the rest as Failures does. There are no more behind a page that has fewer than limit.
func (e *Engine) FailuresOf(ctx context.Context, tenant, batch muster.ID, results []muster.Result, from, limit int) (*muster.Batch, []Failure, error) {
	return e.failed(ctx, tenant, batch, 0, results, from, limit)
}

func (e *Engine) failed(
	ctx context.Context, tenant, batch muster.ID, contract muster.Contract, results []muster.Result, from, limit int,
) (*muster.Batch, []Failure, error) {
	page, err := e.failures(ctx, tenant, batch, contract, results, from, limit)
	if err != nil {
		return nil, nil, err
	}
	var failures []Failure
	for i := range page.rows {
		failures = append(failures, Failure{Outcome: page.rows[i].outcome, Row: page.rows[i].sent})
	}
	return &page.batch, failures, nil
}

// failurePage is some of the rows of a batch that did not succeed.
type failurePage struct {
	batch muster.Batch
	rows  []keptRow
}

// keptRow is a row that did not succeed.
type keptRow struct {
	outcome muster.Outcome
	sent    muster.Row
	hash    string // of its password, if that was hashed
}

// again is a row that failed, as it is retried.
func (k *keptRow) again() muster.Row {
	r := k.sent
	switch {
	case r.Fault != nil:
	case k.hash != "":
		r.PasswordHash = k.hash
	case r.Set.Has(muster.FieldPassword):
		r.Fault = &muster.Fault{
			Reason: muster.ReasonPasswordNeeded, Field: "password",
			Detail: "Its password was erased before it was hashed: send the row again with a password.",
		}
	}
	return r
}

// failures reads a page of rows that ended in one of some ways; nil: in any that is not a success.
func (e *Engine) failures(
	ctx context.Context, tenant, batch muster.ID, contract muster.Contract, results []muster.Result, from, limit int,
) (*failurePage, error) {
	page := &failurePage{}
	step := limit
	if results != nil {
		step = muster.ChunkRows // of which few may be wanted
	}
	for first := true; ; first = false {
		stored, err := e.Store.Failures(ctx, tenant, batch, contract, from, step)
		if err != nil {
			return nil, err
		}
		if first {
			page.batch = stored.Batch
		}
		read := len(stored.Outcomes)
		if read > 0 {
			from = stored.Outcomes[read-1].Row + 1
		}
		if results != nil {
			stored.Outcomes = slices.DeleteFunc(stored.Outcomes, func(o muster.Outcome) bool { return !slices.Contains(results, o.Result) })
		}
		stored.Outcomes = stored.Outcomes[:min(len(stored.Outcomes), limit-len(page.rows))]
		if err := e.openFailures(ctx, stored, page); err != nil {
			return nil, err
		}
		if len(page.rows) == limit || read < step {
			return page, nil
		}
	}
}

// openFailures adds rows to the page.
func (e *Engine) openFailures(ctx context.Context, stored *Failures, page *failurePage) error {
	if len(stored.Outcomes) == 0 {
		return nil
	}
	rows := make(map[int]keptRecord, len(stored.Outcomes))
	if err := e.openKeptBlocks(ctx, stored, rows); err != nil {
		return err
	}
	for _, o := range stored.Outcomes {
		rec, kept := rows[o.Row]
		if !kept {
			return fmt.Errorf("row %d of batch %s did not succeed and was not kept", o.Row, stored.Batch.ID)
		}
		page.rows = append(page.rows, keptRow{outcome: o, sent: rec.Sent.row(), hash: rec.Hash})
	}
	return nil
}

// openKeptBlocks adds the rows of the blocks that hold any of the outcomes', by their position in the batch.
func (e *Engine) openKeptBlocks(ctx context.Context, stored *Failures, rows map[int]keptRecord) error {
	b := &stored.Batch
	var key *secret.DataKey
	err := e.knowing(ctx, func() (err error) {
		key, err = e.Keyring.UnwrapDataKey(stored.KeptKey, KeptKeyBinding(b.Tenant, b.ID))
		return err
	})
	if err != nil {
		return fmt.Errorf("unwrap the kept key of batch %s: %w", b.ID, err)
	}
	defer key.Wipe()
	for i := range stored.Kept {
		if k := &stored.Kept[i]; !holdsAny(&k.Chunk, stored.Outcomes) {
			continue
		}
		if err := openKept(key, &stored.Kept[i], rows); err != nil {
			return err
		}
	}
	return nil
}

// holdsAny reports whether one of the outcomes, which are in list order, is of a chunk's row.
func holdsAny(c *muster.Chunk, outcomes []muster.Outcome) bool {
	at, _ := slices.BinarySearchFunc(outcomes, c.FirstRow, func(o muster.Outcome, row int) int { return o.Row - row })
	return at < len(outcomes) && outcomes[at].Row < c.FirstRow+c.Rows
}

// openKept adds a kept block's rows, by their position in the batch.
func openKept(key *secret.DataKey, block *KeptBlock, rows map[int]keptRecord) error {
	plain, err := key.Open(nil, block.Sealed, keptBinding(&block.Chunk))
	if err != nil {
		return fmt.Errorf("open the kept rows from %d of batch %s: %w", block.Chunk.FirstRow, block.Chunk.Batch, err)
	}
	var records []keptRecord
	if err := cbor.Unmarshal(plain, &records); err != nil {
		return fmt.Errorf("decode the kept rows from %d of batch %s: %w", block.Chunk.FirstRow, block.Chunk.Batch, err)
	}
	for i := range records {
		rows[records[i].Row] = records[i]
	}
	return nil
}
