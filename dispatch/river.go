// Package dispatch gives lanes their turns on any number of nodes that share a PostgreSQL database, by River's jobs: a job
// is one turn of a lane.
//
// A lane that has a turn or waits for one has a row in the table turns, which names its one job. Who stores work of a lane
// makes row and job, or counts the row up, in the same transaction ([WakeIn]). The end of a turn locks the row: if it was
// counted up since the turn began, or there is more to do, the lane's next job takes the place of this one, and else row and
// job go. So no wake is lost between the two, and a lane has one job.
//
// Jobs are rows that this package writes itself, beside its own and in the same statement; River fetches them, in order of
// priority and time, elects a leader and does the rounds. Its retries, its rescue after an hour and its discarding are not
// relied on. Instead every node notes in the table nodes that it is there, and looks for lanes whose job is with a node
// that was not seen for a while, or is gone: they get another job. A turn that ends late, or begins late, finds that its
// job is no longer the lane's, and leaves.
package dispatch

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"muster"
	"muster/provision"
)

// Options of a River.
type Options struct {
	Workers int // turns at once, at least 1
	// PollOnly is for a pool whose connections lead to a pooler in transaction mode, where LISTEN does not work: a node looks
	// for turns every 50 ms instead, and a hand-over takes about as long.
	PollOnly bool
	// Logger hears of trouble. It is told no personal data.
	Logger *slog.Logger

	// For this package's tests; zero values are the constants of these names.
	beatEvery, goneAfter time.Duration
}

const (
	// fetchCooldown is the least time between two fetches of a node, and between two notifications that it sends.
	fetchCooldown = 2 * time.Millisecond
	// fetchEvery is how often a node looks for turns of which it was not notified: in a pause for which none was due yet, or
	// since who woke the lane died before he told.
	fetchEvery = 250 * time.Millisecond
	// pollEvery is the same where there are no notifications.
	pollEvery = 50 * time.Millisecond

	// turnTimeout ends a turn that is stuck. A turn lasts 2 s, and the longest statement 40.
	turnTimeout = 5 * time.Minute
	// jobRetention is how long River keeps rounds that are done, and turns that somebody cancelled by hand.
	jobRetention = time.Hour

	// graceTime is how long the end of a turn is tried to be stored after the dispatcher was told to end. A lane whose turn's
	// end was not stored goes on when the node is not seen any more.
	graceTime = 3 * time.Second
	// retryFirst and retryMost are the pauses between two tries, doubled each time.
	retryFirst = 20 * time.Millisecond
	retryMost  = time.Second
	// answerTime bounds the wait for the database: beyond it the connection is given up.
	answerTime = 10 * time.Second
)

// River is a [provision.Dispatcher] for many nodes; each has one, on the same database.
type River struct {
	pool     *pgxpool.Pool
	client   *river.Client[pgx.Tx]
	pollOnly bool
	logger   *slog.Logger

	duties   provision.Duties // set by Run
	node     *node
	running  turns
	troubles provision.Troubles
	queue    contention
	look     chan struct{}                // holds a value while nodes are to be told to look for turns
	notYet   atomic.Pointer[muster.Error] // why no turns can be given
}

// New makes a dispatcher that stands still; see [River.Run]. The pool is the store's, of a database that has its schema.
// River takes a connection of it for as long as it runs, unless it is PollOnly.
func New(pool *pgxpool.Pool, o Options) (*River, error) {
	d := &River{
		pool: pool, pollOnly: o.PollOnly, logger: o.Logger, look: make(chan struct{}, 1),
		node:  newNode(cmp.Or(o.beatEvery, beatEvery), cmp.Or(o.goneAfter, goneAfter)),
		queue: contention{pool: pool},
	}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &turnWorker[turnArgs]{dispatcher: d}); err != nil {
		return nil, err
	}
	if err := river.AddWorkerSafely(workers, &turnWorker[quietArgs]{dispatcher: d}); err != nil {
		return nil, err
	}
	if err := river.AddWorkerSafely(workers, &roundWorker{dispatcher: d}); err != nil {
		return nil, err
	}
	every := fetchEvery
	if o.PollOnly {
		every = pollEvery
	}
	var err error
	d.client, err = river.NewClient(riverpgxv5.New(pool), &river.Config{
		ID:                          d.node.name,
		Logger:                      slog.New(newRiverLog(o.Logger.Handler())),
		Workers:                     workers,
		PollOnly:                    o.PollOnly,
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           every,
		FetchOnlyKnownKinds:         true, // a node of the next version may have others
		JobTimeout:                  turnTimeout,
		CompletedJobRetentionPeriod: jobRetention,
		CancelledJobRetentionPeriod: jobRetention,
		Queues: map[string]river.QueueConfig{
			turnQueue:  {MaxWorkers: o.Workers},
			roundQueue: {MaxWorkers: 1, FetchPollInterval: roundPollEvery},
		},
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Wake implements [provision.Dispatcher]: it has the nodes look for turns. The lane itself was woken by [WakeIn] where its
// work was stored. Where this node has its turn now nobody need look: the end of the turn finds that it was woken.
func (d *River) Wake(lane muster.LaneRef) {
	if !d.running.heeds(lane) {
		d.tell()
	}
}

// Run implements [provision.Dispatcher].
func (d *River) Run(ctx context.Context, duties provision.Duties) {
	d.duties = duties
	d.addRounds()
	if !d.start(ctx) {
		return
	}
	// Until the last turn has ended, the node is to be seen, and others told of the turns that it leaves to them.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var services sync.WaitGroup
	services.Go(func() { d.keep(serving) })
	services.Go(func() { d.telling(serving) })
	<-ctx.Done()
	<-d.client.Stopped()
	stop()
	services.Wait()
}

// start makes the node seen, and River run, for which the database must be there. It reports whether it could before ctx
// ended.
func (d *River) start(ctx context.Context) bool {
	var tries provision.Setbacks
	for ctx.Err() == nil {
		err := d.node.beat(ctx, d.pool)
		if err == nil {
			err = d.client.Start(ctx)
		}
		if err == nil {
			d.notYet.Store(nil)
			return true
		}
		d.notYet.Store(&muster.Error{
			Kind: muster.KindUnavailable, Detail: "no lane can have a turn until the database can be used", Err: err,
		})
		pause := tries.After(err)
		if ctx.Err() == nil {
			d.logger.LogAttrs(ctx, slog.LevelError, "turns cannot be given yet", slog.Any("error", err))
		}
		sleep(ctx, min(pause, retryMost))
	}
	return false
}

// Trouble implements [provision.Dispatcher]: of the lanes whose last turn was this node's.
func (d *River) Trouble() error {
	if err := d.notYet.Load(); err != nil {
		return err
	}
	return d.troubles.Err()
}

// sleep returns after a while, or when ctx ends.
func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// uniqueName makes a name of this process that no other has or had, which begins with the machine's.
func uniqueName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	const most = 60 // River takes 100 bytes
	return host[:min(len(host), most)] + "-" + rand.Text()
}
