package koodrive

import (
	"context"

	"muster"
	"muster/provision"
)

// create is POST /user/batchRegister/create (KooDrive contract, section 1). Its data is the task's id.
func (h *Handler) create(ctx context.Context, r *request) ([]byte, error) {
	rows, err := decodeRows(r.body)
	if err != nil {
		return nil, err
	}
	receipt, err := h.Submitter.Submit(ctx, provision.Submission{
		Tenant:     r.Tenant.ID,
		AppID:      r.signed.AppID,
		Actor:      r.Actor.User,
		ActorLevel: r.Actor.Level,
		Contract:   muster.ContractKooDrive,
		TraceID:    r.trace,
		Rows:       rows,
		Replay:     r.signed.Fingerprint,
	})
	if err != nil {
		return nil, err
	}
	return appendID(nil, receipt.Batch), nil
}
