package dispatch

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

const (
	roundQueue     = "rounds"
	roundPollEvery = time.Second
)

// roundArgs are those of a round, of which there is one at a time.
type roundArgs struct{}

// Kind implements [river.JobArgs].
func (roundArgs) Kind() string { return "round" }

// addRounds has River's leader make a round from time to time, unless one waits or runs.
func (d *River) addRounds() {
	if d.duties.Round == nil {
		return
	}
	d.client.PeriodicJobs().Add(river.NewPeriodicJob(
		river.PeriodicInterval(d.duties.RoundEvery),
		func() (river.JobArgs, *river.InsertOpts) {
			return roundArgs{}, &river.InsertOpts{
				Queue: roundQueue, MaxAttempts: 1,
				UniqueOpts: river.UniqueOpts{ByState: []rivertype.JobState{
					rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
					rivertype.JobStateRunning, rivertype.JobStateScheduled,
				}},
			}
		},
		&river.PeriodicJobOpts{RunOnStart: true},
	))
}

type roundWorker struct {
	river.WorkerDefaults[roundArgs]
	dispatcher *River
}

// Timeout implements [river.Worker]: the first round after a long time takes as long as it takes.
func (*roundWorker) Timeout(*river.Job[roundArgs]) time.Duration { return -1 }

// Work implements [river.Worker].
func (w *roundWorker) Work(ctx context.Context, _ *river.Job[roundArgs]) error {
	if round := w.dispatcher.duties.Round; round != nil {
		round(ctx)
	}
	return nil
}
