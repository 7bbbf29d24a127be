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
	Name       string // what the caller calls it, such as a file's name; at most 255 bytes
	// DryRun has each row get the outcome that it would have, and changes no user; see [Engine.Commit].
	DryRun bool
	// Source makes the batch a reconciliation; nil: it is none.
	Source *Reconciliation
	Rows   []muster.Row // 1 or more
	// Replay is what makes the request the very same one when it comes again (AppId and StringToSign); nil if nothing does.
	Replay []byte
	// Idempotency is set where the caller gave a key of his own for the request, instead of Replay.
	Idempotency *Idempotency
}

// Reconciliation makes a batch the whole of a source: the users whom it names are made and updated, and those users of the
// source whom it does not name are disabled by rows that the engine adds at its end. The rows are upserts. It is a dry run,
// whatever the Submission says, so that somebody sees what it would do before it is committed.
//
// Disabled are enabled users stamped with the source who were there when the batch was begun and administer nothing, and that
// only if every row of the batch can be read: else nobody knows whom the others name.
type Reconciliation struct {
	Name  string // of the source: 1 to MaxSource bytes
	Adopt bool   // whether users of no source whom the rows name become the source's; else those rows fail
	// MaxDisables is how many percent of the source's enabled users the batch may disable, from 1 to 100; 0 is 10. One that
	// would disable more is refused.
	MaxDisables int
}

const (
	// MaxName is the length of the longest name of a batch, in bytes.
	MaxName = 255
	// MaxSource is the length of the longest name of a source, in bytes.
	MaxSource = 64

	defaultMaxDisables = 10
)

// Idempotency makes a request safe to send again for 24 hours (IETF draft httpapi-idempotency-key-header): the same key
// and body give the first batch, the same key and another body KindConflict with Field "Idempotency-Key".
type Idempotency struct {
	Key  []byte // with what scopes it: credential and endpoint
	Body []byte // as received, or a digest of it
}

// Receipt answers a Submission: from now on every row will get its outcome.
type Receipt struct {
	Batch    muster.ID
	Replayed bool // the request had been accepted before; Batch is that first one
}
