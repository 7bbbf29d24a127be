package native

import (
	"time"

	"muster"
	"muster/provision"
	"muster/userfile"
)

// Batch is how a batch stands. Its counters and its state are of one moment.
type Batch struct {
	ID         muster.ID `json:"id"`
	Name       string    `json:"name,omitempty" doc:"what its caller calls it"`
	Contract   string    `json:"contract" enum:"native,koodrive,federation" doc:"through which interface it came"`
	State      string    `json:"state" enum:"waiting,checking,running,cancelling,refused,cancelled,finished" doc:"waiting: nothing was done yet; checking: of a commit, whether the dry run still holds, before anything is done; refused: of a commit, it did not, and nobody was changed; cancelling: rows get the outcome cancelled. After refused, cancelled and finished nothing changes any more"`
	Mode       string    `json:"mode" enum:"run,dry-run,check,refused,cancelled" doc:"what is done with the rows that have no outcome yet"`
	DryRun     bool      `json:"dryRun" doc:"nobody is changed: the outcomes are those that the rows would have"`
	Total      int       `json:"total"`
	Succeeded  int       `json:"succeeded"`
	Failed     int       `json:"failed"`
	Skipped    int       `json:"skipped"`
	Cancelled  int       `json:"cancelled"`
	Parent     muster.ID `json:"parentId,omitempty" doc:"the batch that it was made of"`
	Origin     string    `json:"origin,omitempty" enum:"commit,retry" doc:"how it was made of that: commit runs the rows of a dry run, retry those that failed"`
	Guarded    bool      `json:"guarded,omitempty" doc:"of a commit: a row whose outcome would not be the one predicted is not done"`
	Checked    int       `json:"checked,omitempty" doc:"of a commit: rows of which is known whether the prediction still holds"`
	Differing  int       `json:"differing,omitempty" doc:"of a commit: rows whose prediction does not"`
	Source     string    `json:"source,omitempty" doc:"of a reconciliation: whose users the rows are"`
	Withheld   int       `json:"disablesWithheld,omitempty" doc:"of a reconciliation: users whom it would have disabled, had every row been readable"`
	AcceptedAt time.Time `json:"acceptedAt"`
	StartedAt  time.Time `json:"startedAt,omitzero" doc:"absent until the first row was done, or checked"`
	FinishedAt time.Time `json:"finishedAt,omitzero" doc:"absent until every row has its outcome"`
	HeldUntil  time.Time `json:"heldUntil,omitzero" doc:"of a dry run: until when it can be committed"`
	Remaining  *int64    `json:"remainingSeconds,omitempty" doc:"until it is finished, going by its pace so far and by the passwords that are still to be hashed; absent while that is not known"`
}

var contracts = map[muster.Contract]string{
	muster.ContractKooDrive: "koodrive", muster.ContractFederation: "federation", muster.ContractNative: "native",
}

var origins = map[muster.Origin]string{muster.OriginCommit: "commit", muster.OriginRetry: "retry"}

func batchOf(b *muster.Batch) Batch {
	return Batch{
		ID: b.ID, Name: b.Name, Contract: contracts[b.Contract], State: string(b.State()), Mode: b.Mode.String(), DryRun: b.Mode == muster.ModeDryRun,
		Total: b.Total, Succeeded: b.Succeeded, Failed: b.Failed, Skipped: b.Skipped, Cancelled: b.Cancelled,
		Parent: b.Parent, Origin: origins[b.Origin], Guarded: b.Guarded, Checked: b.Checked, Differing: b.Differing,
		Source: b.Source, Withheld: b.Withheld,
		AcceptedAt: b.AcceptedAt, StartedAt: b.StartedAt, FinishedAt: b.FinishedAt, HeldUntil: b.HeldUntil,
	}
}

// progressOf is batchOf with the time that is left.
func progressOf(p *provision.Progress) Batch {
	wire := batchOf(&p.Batch)
	if p.Known && !p.Batch.Finished() {
		seconds := int64((p.Remaining + time.Second - 1) / time.Second)
		wire.Remaining = &seconds
	}
	return wire
}

// BatchOutcome is the answer to one row.
type BatchOutcome struct {
	Row     int       `json:"row" doc:"number in the batch's rows, from 1"`
	Result  string    `json:"result" enum:"succeeded,failed,skipped,cancelled"`
	User    muster.ID `json:"userId,omitempty" doc:"who was made or found"`
	Subject string    `json:"subject,omitempty" doc:"the value that the row was matched by, as sent"`
	Effect  string    `json:"effect,omitempty" enum:"created,changed,unchanged,enabled,disabled,deleted" doc:"what a row that succeeded did to the user or, in a dry run, would do; unchanged: the user was as the row wants him"`
	Reason  string    `json:"reason,omitempty" example:"exists" doc:"why the row did not succeed, in a word"`
	Field   string    `json:"field,omitempty" doc:"the field at fault, if it is one"`
	Detail  string    `json:"detail,omitempty" doc:"why, in a sentence"`
}

func outcomeOf(o *muster.Outcome) BatchOutcome {
	wire := BatchOutcome{Row: o.Row + 1, Result: o.Result.String(), User: o.User, Subject: o.Subject, Effect: o.Effect.String()}
	wire.Field, wire.Detail = userfile.Explain(o)
	if o.Reason != muster.ReasonNone {
		wire.Reason = o.Reason.String()
	}
	return wire
}

func outcomesOf(list []muster.Outcome) []BatchOutcome {
	wire := make([]BatchOutcome, len(list))
	for i := range list {
		wire[i] = outcomeOf(&list[i])
	}
	return wire
}

// resultNamed finds a result by its name; 0 for "".
func resultNamed(name string) (muster.Result, error) {
	for r := muster.Succeeded; r <= muster.Cancelled; r++ {
		if r.String() == name {
			return r, nil
		}
	}
	if name == "" {
		return 0, nil
	}
	return 0, &muster.Error{Kind: muster.KindInvalid, Field: "result", Detail: "result must be succeeded, failed, skipped or cancelled."}
}

// reasonNamed finds a reason by its name; [muster.ReasonNone] for "".
func reasonNamed(name string) (muster.Reason, error) {
	for r := muster.ReasonNone; r <= muster.ReasonOtherSource; r++ {
		if r.String() == name {
			return r, nil
		}
	}
	return 0, &muster.Error{Kind: muster.KindInvalid, Field: "reason", Detail: "reason must be one that outcomes have, such as exists or invalid."}
}
