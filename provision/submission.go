package provision

import "muster"

// Submission is a batch as a contract hands it to the engine.
type Submission struct {
	Tenant     muster.ID
	AppID      string            // the credential that asks
	Actor      muster.ID         // the user on whose behalf; 0 if none
	ActorLevel muster.AdminLevel // what he may grant and change
	Contract   muster.Contract
	TraceID    string
	Rows       []muster.Row // 1 or more
	// Replay is what makes the request the very same one when it comes again (AppId and StringToSign); nil if nothing does.
	Replay []byte
	// Idempotency is set where the caller gave a key of his own for the request, instead of Replay.
	Idempotency *Idempotency
}

// Idempotency makes a request safe to send again for 24 hours (IETF draft httpapi-idempotency-key-header): the same key
// and body give the first batch, the same key and another body KindConflict with Field "Idempotency-Key".
type Idempotency struct {
	Key  []byte // with what scopes it: credential and endpoint
	Body []byte // as received
}

// Receipt answers a Submission: from now on every row will get its outcome.
type Receipt struct {
	Batch    muster.ID
	Replayed bool // the request had been accepted before; Batch is that first one
}
