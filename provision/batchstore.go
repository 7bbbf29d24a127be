package provision

import (
	"context"
	"time"

	"muster"
)

// BatchStore is the part of a [Store] for batches that come in pieces, are rehearsed, cancelled and repeated, and for
// showing them. What [Store] says of errors and of atomicity holds here, too. Batches are found whatever their contract.
type BatchStore interface {
	// Begin stores a batch that nobody sees yet: it is staged. Its rows come by Append, and Complete accepts it. One to
	// which nothing was appended for [StagedFor] is purged.
	Begin(ctx context.Context, o *Opening) error
	// Append stores chunks of a staged batch, in list order, and counts them to the tenant's queue, in one transaction.
	// KindNotFound if the batch is staged no more; KindOverloaded beyond the bounds of admission.
	Append(ctx context.Context, tenant, batch muster.ID, chunks []muster.Chunk, bounds Admission) error
	// Complete accepts a staged batch as Accept does: under the tenant's lock it assigns the sequence and the ranks, wakes
	// the lane and records the largest id used. An earlier batch is the answer, with Replayed set, and this one is
	// discarded, where the Replay is remembered for one, or, of a batch with a Parent, where one was made of that in the
	// same way before, unless that was a commit and was refused. KindNotFound if the batch is staged no more or its parent
	// is gone; of a commit KindConflict if the parent no longer holds its rows.
	Complete(ctx context.Context, c *Completion) (Accepted, error)
	// Discard forgets a staged batch. It is no error if there is none.
	Discard(ctx context.Context, tenant, batch muster.ID) error

	// Successor is the batch that Complete would answer with for one of the Parent and Origin; 0 if there is none.
	Successor(ctx context.Context, tenant, parent muster.ID, origin muster.Origin) (muster.ID, error)

	// Held reads chunks that a finished dry run holds, with their payload and what opening it takes, in list order from a
	// row on: as many as hold no more than rows rows, one at least if there is any. None are there once HeldUntil is over.
	Held(ctx context.Context, tenant, batch muster.ID, from, rows int) ([]Work, error)
	// Cancel gives a batch that is not finished ModeCancelled, moves its waiting chunks to LaneQuiet and wakes that, in one
	// transaction, and gives the batch as it is then. One that is finished, cancelled or refused stays as it is.
	Cancel(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error)

	// Batch reads a batch that was accepted; KindNotFound.
	Batch(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error)
	// Batches lists batches that were accepted, the newest first.
	Batches(ctx context.Context, tenant muster.ID, q BatchQuery) ([]muster.Batch, error)
	// Outcomes reads a batch and those of its outcomes that the query wants, in list order, all of one moment; KindNotFound.
	Outcomes(ctx context.Context, tenant, batch muster.ID, q OutcomeQuery) (*muster.BatchPage, error)
	// Reasons counts a batch's outcomes by result and reason, and those that succeeded by effect, in the order of these; KindNotFound.
	Reasons(ctx context.Context, tenant, batch muster.ID) ([]ReasonCount, error)
	// Differences reads what ModeCheck found of the rows from one on, at most limit, in list order; none is no error.
	Differences(ctx context.Context, tenant, batch muster.ID, from, limit int) ([]muster.Outcome, error)
	// History reads what rows made of a user, or found him for, the newest batch first, at most limit from behind a place on. Dry
	// runs, which make nothing, are left out, and so are batches that were purged.
	History(ctx context.Context, tenant, user muster.ID, behind HistoryCursor, limit int) ([]UserOutcome, error)
	// SourceUsers lists the users of a source with ids above after, by id.
	SourceUsers(ctx context.Context, tenant muster.ID, source string, after muster.ID, limit int) ([]SourceUser, error)
}

// UserOutcome is what became of a user in a row of a batch.
type UserOutcome struct {
	Batch   muster.Batch
	Outcome muster.Outcome
}

// HistoryCursor is a place in a user's history. The zero value is before all.
type HistoryCursor struct {
	Batch muster.ID
	Row   int
}

// StagedFor is how long a staged batch waits for more.
const StagedFor = time.Hour

// Opening is a batch whose rows come later.
type Opening struct {
	Batch      muster.Batch // Sequence is the store's to assign; Total and Passwords are known at the end
	PayloadKey []byte       // as in [Acceptance]
	KeptKey    []byte
}

// Completion is the end of what an Opening began.
type Completion struct {
	Batch  muster.Batch // Tenant, ID, Total, Passwords, Withheld, Lane and Mode are read
	LastID muster.ID    // the largest id used in the batch
	Now    time.Time    // AcceptedAt from now on

	Replay         []byte // as in [Acceptance]
	ReplayUntil    time.Time
	IdempotentBody []byte
}

// BatchQuery says which batches.
type BatchQuery struct {
	Before     muster.ID // only those with smaller ids; 0: all
	Unfinished bool      // only those with rows that have no outcome yet
	Limit      int
}

// OutcomeQuery says which outcomes of a batch.
type OutcomeQuery struct {
	From   int           // position of the first row wanted
	Result muster.Result // 0: any
	Reason muster.Reason // ReasonNone: any
	Limit  int
}

// ReasonCount is how many rows of a batch ended in one way.
type ReasonCount struct {
	Result muster.Result
	Reason muster.Reason
	Effect muster.Effect
	Rows   int
}

// SourceUser is what a reconciliation has to know of a user whom its file does not name.
type SourceUser struct {
	ID       muster.ID
	Level    muster.AdminLevel
	Disabled bool
}
