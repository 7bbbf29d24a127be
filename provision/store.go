package provision

import (
	"context"
	"time"

	"muster"
)

// Store is what the engine needs of a database. Every method is safe for concurrent use, and either happens as a whole
// and durably (it survives power loss once it returned nil) or not at all. An error that wraps [muster.ErrRow] is the
// data's own fault; a [*muster.Error] is a refusal, which with KindUnavailable says that the store is in trouble; that and any
// other error go away by trying again.
type Store interface {
	BatchStore

	// Accept stores a batch of ModeRun with its chunks and wakes its lane in one transaction. It assigns the batch's sequence and
	// the chunks' ranks, counts the tenant's queue up, and records the largest id used. It waits for whatever changes the order
	// of acceptance, and need not wait for an Apply of ModeRun.
	//
	// A batch whose Replay is remembered for a batch that is unfinished is not stored: the answer is that first one's id,
	// with Replayed set. Once the first is finished, the new batch is stored and remembered in its place. With RefuseReplay
	// a Replay remembered at AcceptedAt is refused with KindUnauthenticated instead. Beyond the limits of Admission Accept
	// refuses with KindOverloaded and a time, for a tenant that does not exist with KindNotFound.
	Accept(ctx context.Context, a *Acceptance) (Accepted, error)

	// Pending lists the lanes that have chunks, in any order.
	Pending(ctx context.Context) ([]muster.LaneRef, error)

	// Next reads the lane's chunks after a position (nil: from the first) in the order in which they are to be applied:
	// as many as hold no more than rows rows, but one at least if there is any. In LaneOrdered that is the order of
	// acceptance, in the others round-robin by rows between batches; chunks of one batch come in list order in all.
	Next(ctx context.Context, lane muster.LaneRef, after *Position, rows int) ([]Work, error)

	// Snapshot reads what Plan needs to know, at one moment, without lock.
	Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error)

	// Outline is a Snapshot for a guess: of each user found by account, phone or e-mail it has the ID and these keys alone,
	// which indexes hold, and of those found by ID everything; with Homes everything of all.
	Outline(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error)

	// Apply takes the tenant's lock, finds which of the chunks are live: they still wait (same first row and number of
	// rows), their batch still has their Mode, and no row of their batch before them lacks its outcome (in ModeCheck: was
	// not checked yet), nor in LaneOrdered any row of the lane, but for those of live chunks before them. So a turn that
	// comes late cannot overtake the one that took its place. It reads the snapshot, calls decide, and writes what it
	// returns. All in one transaction. An error of decide rolls back and comes back as it is. decide must not block, and may
	// be called again if the transaction is. The chunks are named by tenant, batch, first row and number of rows; their
	// Payload is not filled.
	//
	// In all modes but ModeCheck it writes outcomes, kept rows, the batches' counters, how many rows ended in which way and,
	// for a batch whose last row this was, its end; and it counts the tenant's queue. What else it does goes by the chunks'
	// Mode; those of LaneQuiet are of one batch.
	//   - ModeRun: it writes users (delete, release keys, update, insert) and the tenant's usage, and deletes the chunks.
	//   - ModeDryRun: the snapshot is merged with what the batch's rows before would have left ([MergeOverlay]), and to that
	//     users and usage are written ([OverlayOf], [UsageAdded]), not to the tenant's. The chunks are held: nobody finds
	//     them by Next. With its last row the batch gets HeldUntil, [muster.HeldFor] from Now, and keeps its payload key.
	//   - ModeCheck: as in ModeDryRun, but there are no outcomes. The rows are counted as checked, those of Differences as
	//     differing, and these are stored; the tenant's queue stays as it is. After the batch's last row it runs: if none
	//     differed, in ModeRun and its own lane, with a sequence behind those that came meanwhile; else in ModeRefused and
	//     LaneQuiet.
	//   - ModeRefused and ModeCancelled: Planned is not read, and the chunks are deleted.
	//
	// With the end of a batch of any mode but ModeDryRun its payload key is destroyed.
	Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide Decide) error

	// Split replaces a waiting chunk by parts that cover the same rows in order. A chunk no longer waiting is left alone.
	Split(ctx context.Context, chunk muster.Chunk, parts []muster.Chunk) error

	// Purge takes one small step of forgetting, of at most limit rows: outcomes, kept rows and at last the record
	// of batches that finished before the time, unless one that is made of them is unfinished; what batches predicted that do
	// so no more; and whatever of the tenant or of no tenant has expired by the store's clock: staged batches, rows that dry
	// runs held, replays, tokens, activations, counts of refused attempts. It reports whether it found anything.
	Purge(ctx context.Context, tenant muster.ID, finishedBefore time.Time, limit int) (bool, error)

	// PurgeTrail takes a step like that of the audit trail, or of the installation's where tenant is 0, and of events on their
	// way to webhooks: what is from before the times.
	PurgeTrail(ctx context.Context, tenant muster.ID, recordsBefore, eventsBefore time.Time, limit int) (bool, error)

	// Failures reads a batch, those of its outcomes from row from on that are not successes, in list order and at most limit,
	// and the kept blocks that hold their rows, all of one moment. KindNotFound if the tenant has no such batch of
	// the contract; 0 stands for any.
	Failures(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*Failures, error)

	// FederationProfile reads the tenant's; a tenant for which none was ever stored has
	// [muster.DefaultFederationProfile]. KindNotFound if there is no such tenant.
	FederationProfile(ctx context.Context, tenant muster.ID) (*muster.FederationProfile, error)

	// Tenant reads a tenant; KindNotFound if there is none.
	Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error)
	// Tenants lists all tenants by id.
	Tenants(ctx context.Context) ([]muster.Tenant, error)

	// Ping fails if the store cannot be read and written.
	Ping(ctx context.Context) error
}

// Acceptance is a batch on its way into the store.
type Acceptance struct {
	Batch        muster.Batch // Sequence is the store's to assign
	PayloadKey   []byte       // wrapped; seals the chunks; destroyed when the batch is finished
	KeptKey      []byte       // wrapped; seals the kept rows; destroyed when the batch is purged
	Chunks       []muster.Chunk
	LastID       muster.ID // the largest id used in the batch
	Replay       []byte    // keyed fingerprint of the request; nil if it has none
	ReplayUntil  time.Time // when the fingerprint may be forgotten
	RefuseReplay bool
	// IdempotentBody makes Replay an idempotency key: it is remembered until ReplayUntil, whatever becomes of its batch, and
	// answered with that batch if the keyed fingerprint of the body is this one; with another it is refused with
	// KindConflict and Field "Idempotency-Key". nil if Replay is none.
	IdempotentBody []byte
	Admission      Admission
}

// MaxQueuedRows is how many rows a tenant may have queued, unless an engine is told otherwise.
const MaxQueuedRows = 2_000_000

// Admission bounds what a tenant may have queued.
type Admission struct {
	Rows  int64
	Bytes int64 // of sealed payload
}

// Accepted is what became of an Acceptance.
type Accepted struct {
	Batch    muster.ID
	Replayed bool // Batch is an earlier one, and nothing was stored
}

// Position is a chunk's place in its lane.
type Position struct {
	Rank     int64 // LaneCreate: the lane's position in rows when the batch came plus FirstRow; LaneOrdered: 0
	Sequence int64 // the batch's
	FirstRow int
}

// Work is a waiting chunk with what opening and understanding it takes.
type Work struct {
	Chunk      muster.Chunk
	Position   Position
	Batch      muster.Batch // the counters and times but AcceptedAt are not filled
	PayloadKey []byte
	KeptKey    []byte
}

// Decide plans the chunks that still wait, given the tenant's state under its lock. live has an element per chunk.
type Decide func(snapshot muster.Snapshot, live []bool) (*Writes, error)

// Writes is what Apply writes.
type Writes struct {
	Planned muster.Planned // its Outcomes are not read: those of Chunks are
	Chunks  []ChunkWrites  // one for each live chunk
	Now     time.Time      // stamps users and finished batches
	LastID  muster.ID      // the largest id used that no batch has; 0 if none
}

// Batch is the one whose rows the writes are of; 0 if that is none or several.
func (w *Writes) Batch() (batch muster.ID) {
	for i := range w.Chunks {
		if i > 0 && w.Chunks[i].Chunk.Batch != batch {
			return 0
		}
		batch = w.Chunks[i].Chunk.Batch
	}
	return batch
}

// Day is what the rows' outcomes bring the day on which they are decided, with the users that there are then.
func (w *Writes) Day(users int64) muster.Day {
	d := muster.Day{Number: muster.DayNumber(w.Now), Users: users}
	for i := range w.Chunks {
		for k := range w.Chunks[i].Outcomes {
			d.Count(w.Chunks[i].Outcomes[k].Result)
		}
	}
	return d
}

// ChunkWrites is what becomes of one chunk.
type ChunkWrites struct {
	Chunk    muster.Chunk
	Position Position
	Outcomes []muster.Outcome // one for each of its rows, in order; none in ModeCheck
	Kept     []byte           // the rows that did not succeed, sealed under the kept key, without passwords; nil if none
	// Differences are in the place of Outcomes in ModeCheck: of those rows whose prediction does not hold, in order, the
	// outcomes with ReasonChanged that they will get.
	Differences []muster.Outcome
}

// Failures are rows that did not succeed.
type Failures struct {
	Batch    muster.Batch
	Outcomes []muster.Outcome
	KeptKey  []byte // wrapped; nil if nothing is kept
	Kept     []KeptBlock
}

// KeptBlock is what Apply kept of a chunk.
type KeptBlock struct {
	Chunk  muster.Chunk // as it was applied; Payload and ids are not filled
	Sealed []byte
}
