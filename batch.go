package muster

import "time"

// Contract is the public interface through which a batch came; a batch is seen through its own contract alone.
type Contract uint8

const (
	ContractKooDrive   Contract = 1
	ContractFederation Contract = 2
	ContractNative     Contract = 3
)

// Lane is one of a tenant's two queues. Lanes take turns; within one, work is in order.
type Lane uint8

const (
	// LaneCreate holds batches that only create: list order within a batch, round-robin between batches.
	LaneCreate Lane = 1
	// LaneOrdered holds whatever updates, disables, enables or deletes: strictly in the order of acceptance.
	LaneOrdered Lane = 2
	// LaneQuiet holds what changes no user: dry runs, the checks before one is committed, and what was cancelled or
	// refused. List order within a batch, round-robin between batches.
	LaneQuiet Lane = 3
)

func (l Lane) String() string { return [...]string{"", "create", "ordered", "quiet"}[l] }

// Mode is what a batch does with its rows that have no outcome yet.
type Mode uint8

const (
	// ModeRun does what the rows say.
	ModeRun Mode = iota
	// ModeDryRun gives each row the outcome that it would have, and changes no user. Its rows are held for a while, so that
	// it can be committed.
	ModeDryRun
	// ModeCheck is what a dry run's commit begins with: every row is planned again, and if each would have the outcome
	// predicted, the mode becomes ModeRun; else it becomes ModeRefused, and no user was changed.
	ModeCheck
	// ModeRefused does nothing: rows whose prediction no longer holds fail with ReasonChanged, the others are cancelled.
	ModeRefused
	// ModeCancelled does nothing: the rows are cancelled.
	ModeCancelled
)

var modeNames = [...]string{"run", "dry-run", "check", "refused", "cancelled"}

func (m Mode) String() string { return modeNames[m] }

// Lane is the lane of the batch's work in the mode, where own is the one in which its rows run.
func (m Mode) Lane(own Lane) Lane {
	if m == ModeRun {
		return own
	}
	return LaneQuiet
}

// Predicts reports whether rows are planned against the effects that those before them would have had.
func (m Mode) Predicts() bool { return m == ModeDryRun || m == ModeCheck }

// Origin is how a batch was made of another one, its Parent.
type Origin uint8

const (
	OriginNone   Origin = iota
	OriginCommit        // runs the rows of a dry run
	OriginRetry         // runs those rows again that failed
)

// LaneRef names a lane of a tenant.
type LaneRef struct {
	Tenant ID
	Lane   Lane
}

// ChunkRows is the most rows that one chunk holds and that one transaction applies.
const ChunkRows = 1000

// HeldFor is how long the rows of a dry run are kept to be committed.
const HeldFor = 24 * time.Hour

// Batch is a list of rows accepted as one. It is finished when every row has an outcome.
type Batch struct {
	Tenant     ID
	ID         ID
	Sequence   int64 // place in the tenant's order of acceptance, from 1
	Contract   Contract
	Lane       Lane // the one in which its rows run; see [Mode.Lane]
	Mode       Mode
	Name       string     // what the caller calls it, such as a file's name; at most 255 bytes
	AppID      string     // the credential that submitted it
	Actor      ID         // the user on whose behalf; 0 if none
	ActorLevel AdminLevel // his level when the batch was accepted
	TraceID    string
	Total      int
	Succeeded  int
	Failed     int
	Skipped    int
	Cancelled  int
	AcceptedAt time.Time
	StartedAt  time.Time // when the first row got its outcome, or was checked; zero before
	FinishedAt time.Time // zero while rows are without outcome

	Parent    ID // the batch that it was made of; 0: none
	Origin    Origin
	Guarded   bool      // a commit in which a row whose prediction no longer holds is not done
	Checked   int       // rows planned again by ModeCheck
	Differing int       // those of them whose prediction did not hold
	Source    string    // of a reconciliation: whose users the rows are; "": none
	Withheld  int       // of a reconciliation: users whom it would have disabled, had every row been readable
	Passwords int       // rows that brought a password to be hashed
	HeldUntil time.Time // of a dry run: when its rows are erased and it can no longer be committed
}

// Decided is the number of rows with an outcome. They are the batch's first: chunks of a batch are applied in list order.
func (b *Batch) Decided() int { return b.Succeeded + b.Failed + b.Skipped + b.Cancelled }

// Finished reports whether every row has its outcome.
func (b *Batch) Finished() bool { return b.Decided() == b.Total }

// Chunk is a run of a batch's consecutive rows, sealed: the unit that is applied, and erased, as a whole.
type Chunk struct {
	Tenant    ID
	Batch     ID
	Mode      Mode // its batch's when it was read
	FirstRow  int  // position of its first row in the batch; with Batch it names the chunk
	Rows      int  // 1 to ChunkRows
	FirstID   ID   // the rows' ids run on from here
	FirstUser ID   // the ids of users that the rows may create run on from here
	Payload   []byte
}

// BatchPage is a batch and some of its outcomes, all read at one moment.
type BatchPage struct {
	Batch    Batch
	Outcomes []Outcome // in list order; rows from the asked-for position on that are decided
}

// Next is the position after the page's last row, and whether a decided row stands there.
func (p *BatchPage) Next() (row int, more bool) {
	if len(p.Outcomes) == 0 {
		return 0, false
	}
	row = p.Outcomes[len(p.Outcomes)-1].Row + 1
	return row, row < p.Batch.Decided()
}

// State is how a batch stands, for those who look on.
type State string

const (
	StateWaiting    State = "waiting"    // nothing was done yet
	StateChecking   State = "checking"   // of a commit: whether the dry run still holds
	StateRunning    State = "running"    // rows get their outcomes
	StateCancelling State = "cancelling" // the rest of the rows get the outcome cancelled
	StateRefused    State = "refused"    // of a commit, finished: the dry run did not hold, and nobody was changed
	StateCancelled  State = "cancelled"  // finished, and cancelled before
	StateFinished   State = "finished"
)

// States are all states, in the order in which batches go through them.
func States() []State {
	return []State{StateWaiting, StateChecking, StateRunning, StateCancelling, StateRefused, StateCancelled, StateFinished}
}

// State is the batch's.
func (b *Batch) State() State {
	begun := b.Decided() > 0 || b.Checked > 0
	switch {
	case b.Finished():
		return b.end()
	case b.Mode == ModeCancelled:
		return StateCancelling
	case b.Mode == ModeCheck && begun, b.Mode == ModeRefused:
		return StateChecking
	case begun:
		return StateRunning
	default:
		return StateWaiting
	}
}

func (b *Batch) end() State {
	switch b.Mode { //nolint:exhaustive // the others end in the same way
	case ModeRefused:
		return StateRefused
	case ModeCancelled:
		return StateCancelled
	default:
		return StateFinished
	}
}

// Finished reports whether the state is one in which every row has its outcome.
func (s State) Finished() bool { return s == StateRefused || s == StateCancelled || s == StateFinished }
