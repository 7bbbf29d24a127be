package provision

import (
	"context"
	"fmt"

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
// limit, all of one moment. KindNotFound if the tenant has no such batch of the contract.
func (e *Engine) Failures(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.Batch, []Failure, error) {
	stored, err := e.Store.Failures(ctx, tenant, batch, contract, from, limit)
	switch {
	case err != nil:
		return nil, nil, err
	case len(stored.Outcomes) == 0:
		return &stored.Batch, nil, nil
	}
	var key *secret.DataKey
	err = e.knowing(ctx, func() (err error) {
		key, err = e.Keyring.UnwrapDataKey(stored.KeptKey, KeptKeyBinding(tenant, batch))
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("unwrap the kept key of batch %s: %w", batch, err)
	}
	rows := make(map[int]muster.Row, len(stored.Outcomes))
	for i := range stored.Kept {
		if err := openKept(key, &stored.Kept[i], rows); err != nil {
			return nil, nil, err
		}
	}
	failures := make([]Failure, len(stored.Outcomes))
	for i, o := range stored.Outcomes {
		row, kept := rows[o.Row]
		if !kept {
			return nil, nil, fmt.Errorf("row %d of batch %s did not succeed and was not kept", o.Row, batch)
		}
		failures[i] = Failure{Outcome: o, Row: row}
	}
	return &stored.Batch, failures, nil
}

// openKept adds a kept block's rows, by their position in the batch.
func openKept(key *secret.DataKey, block *KeptBlock, rows map[int]muster.Row) error {
	plain, err := key.Open(nil, block.Sealed, keptBinding(&block.Chunk))
	if err != nil {
		return fmt.Errorf("open the kept rows from %d of batch %s: %w", block.Chunk.FirstRow, block.Chunk.Batch, err)
	}
	var records []keptRecord
	if err := cbor.Unmarshal(plain, &records); err != nil {
		return fmt.Errorf("decode the kept rows from %d of batch %s: %w", block.Chunk.FirstRow, block.Chunk.Batch, err)
	}
	for i := range records {
		rows[records[i].Row] = records[i].Sent.row()
	}
	return nil
}
