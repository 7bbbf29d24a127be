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
)

func (l Lane) String() string { return [...]string{"", "create", "ordered"}[l] }

// LaneRef names a lane of a tenant.
type LaneRef struct {
	Tenant ID
	Lane   Lane
}

// ChunkRows is the most rows that one chunk holds and that one transaction applies.
const ChunkRows = 1000

// Batch is a list of rows accepted as one. It is finished when every row has an outcome.
type Batch struct {
	Tenant     ID
	ID         ID
	Sequence   int64 // place in the tenant's order of acceptance, from 1
	Contract   Contract
	Lane       Lane
	AppID      string     // the credential that submitted it
	Actor      ID         // the user on whose behalf; 0 if none
	ActorLevel AdminLevel // his level when the batch was accepted
	TraceID    string
	Total      int
	Succeeded  int
	Failed     int
	Skipped    int
	AcceptedAt time.Time
	FinishedAt time.Time // zero while rows are without outcome
}

// Decided is the number of rows with an outcome. They are the batch's first: chunks of a batch are applied in list order.
func (b *Batch) Decided() int { return b.Succeeded + b.Failed + b.Skipped }

// Finished reports whether every row has its outcome.
func (b *Batch) Finished() bool { return b.Decided() == b.Total }

// Chunk is a run of a batch's consecutive rows, sealed: the unit that is applied, and erased, as a whole.
type Chunk struct {
	Tenant    ID
	Batch     ID
	FirstRow  int // position of its first row in the batch; with Batch it names the chunk
	Rows      int // 1 to ChunkRows
	FirstID   ID  // the rows' ids run on from here
	FirstUser ID  // the ids of users that the rows may create run on from here
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
