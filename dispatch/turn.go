package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"muster"
	"muster/provision"
)

// turnArgs say whose turn a job is.
type turnArgs struct {
	Tenant int64 `json:"tenant"`
	Lane   uint8 `json:"lane"`
}

// Kind implements [river.JobArgs].
func (turnArgs) Kind() string { return turnKind }

func (a turnArgs) lane() muster.LaneRef {
	return muster.LaneRef{Tenant: muster.ID(a.Tenant), Lane: muster.Lane(a.Lane)}
}

// quietArgs are those of turns of LaneQuiet. They are jobs of a kind of their own, which nodes of a version that knows no other
// lanes leave to others: they would do what is only to be predicted.
type quietArgs struct{ turnArgs }

// Kind implements [river.JobArgs].
func (quietArgs) Kind() string { return quietKind }

type laneArgs interface {
	river.JobArgs
	lane() muster.LaneRef
}

type turnWorker[Args laneArgs] struct {
	river.WorkerDefaults[Args]
	dispatcher *River
}

// Work implements [river.Worker]. What becomes of the lane is stored when it returns, and River has nothing to do with it.
func (w *turnWorker[Args]) Work(ctx context.Context, job *river.Job[Args]) error {
	t := turn{lane: job.Args.lane(), job: job.ID, priority: job.Priority}
	w.dispatcher.take(ctx, &t)
	return nil
}

// turn is one on its way.
type turn struct {
	lane     muster.LaneRef
	job      int64
	priority int // that it had, and then that of the next one
	wakes    int64
	setbacks provision.Setbacks
	err      error // that it ended with

	// Guarded by turns.
	working bool // its lane was begun and is not being ended
	heeded  bool // that its lane was woken meanwhile
}

// take takes a turn, and stores what comes next.
func (d *River) take(ctx context.Context, t *turn) {
	d.running.add(t)
	defer d.running.remove(t.job)
	if !d.begin(ctx, t) {
		return
	}
	d.running.working(t, true)
	more, pause := true, time.Duration(0)
	if ctx.Err() == nil {
		more, t.err = d.work(ctx, t.lane)
		more = more || t.err != nil
		pause = t.setbacks.After(t.err)
		t.priority = priorityAgain
		d.troubles.Note(t.lane, t.err)
	}
	d.running.working(t, false) // from here on who stores work may be too late for the end to find it
	d.end(ctx, t, more, pause)
}

// work has the lane's work done. A panic is a fault; its value may hold a person's data.
func (d *River) work(ctx context.Context, lane muster.LaneRef) (more bool, err error) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("a turn's panic: %w", value)
		default:
			err = fmt.Errorf("a turn's panic with a %T", value)
		}
	}()
	return d.duties.Turn(ctx, lane, provision.NewSlice(func() bool { return d.queue.waiting(ctx) }))
}

// begin reads how often the lane was woken before it is looked at, and reports whether it is still this turn's. A node that
// others may take for gone, since it could not say that it is there, first waits until it could.
func (d *River) begin(ctx context.Context, t *turn) bool {
	d.node.awaitSeen(ctx)
	var current bool
	err := d.store(ctx, t, func(ctx context.Context) error {
		err := d.pool.QueryRow(ctx, selectTurn, int64(t.lane.Tenant), int16(t.lane.Lane), t.job).
			Scan(&t.wakes, &t.setbacks.Faults, &t.setbacks.Waits)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		current = err == nil
		return err
	})
	return err == nil && current
}

// end stores that the turn is over and whether the lane has another one.
func (d *River) end(ctx context.Context, t *turn, more bool, pause time.Duration) {
	var next int64
	err := d.store(ctx, t, func(ctx context.Context) error {
		b := &pgx.Batch{}
		b.Queue(commitLater)
		b.Queue(lockTurn, int64(t.lane.Tenant), int16(t.lane.Lane), t.job)
		b.Queue(endTurn, int64(t.lane.Tenant), int16(t.lane.Lane), t.job, more, t.wakes, t.setbacks.Faults, t.setbacks.Waits,
			t.priority, pause.Microseconds()).
			Exec(func(tag pgconn.CommandTag) error { next = tag.RowsAffected(); return nil })
		return d.pool.SendBatch(ctx, b).Close()
	})
	switch {
	case err != nil || next == 0:
		if t.heeded { // for whom the lane is not this turn's any more
			d.tell()
		}
	case pause > 0:
		time.AfterFunc(pause, d.tell)
	default:
		d.tell()
	}
}

// store calls f until it succeeds, once ctx has ended for a short while only. The lane waits meanwhile, and is in trouble.
func (d *River) store(ctx context.Context, t *turn, f func(ctx context.Context) error) error {
	ctx, cancel := withGrace(ctx)
	defer cancel()
	for n := 0; ; n++ {
		err := within(ctx, answerTime, f)
		switch {
		case err == nil && n > 0:
			d.troubles.Note(t.lane, t.err)
			return nil
		case err == nil || ctx.Err() != nil:
			return err
		case n == 0:
			d.troubles.Note(t.lane, err)
			d.logger.LogAttrs(ctx, slog.LevelError, "a lane's turn cannot be stored, which is tried again",
				slog.String("tenant", t.lane.Tenant.String()), slog.String("lane", t.lane.Lane.String()), slog.Any("error", err))
		}
		sleep(ctx, min(retryFirst<<min(n, 10), retryMost))
	}
}

// withGrace gives a context that ends graceTime after ctx.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, cancel) })
	return grace, func() { stop(); cancel() }
}

// within calls f with a context that ends after a while.
func within(ctx context.Context, most time.Duration, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return f(ctx)
}

// turns are those that this node has taken and not given back, by job.
type turns struct {
	mu sync.Mutex
	of map[int64]*turn
}

func (r *turns) add(t *turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = make(map[int64]*turn)
	}
	r.of[t.job] = t
}

func (r *turns) remove(job int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, job)
}

// working notes whether the end of the turn will find what is stored until now.
func (r *turns) working(t *turn, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.working = yes
}

// heeds reports whether a turn of the lane will find at its end that it was woken.
func (r *turns) heeds(lane muster.LaneRef) (yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.of {
		if t.lane == lane && t.working {
			t.heeded, yes = true, true
		}
	}
	return yes
}

func (r *turns) jobs() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.AppendSeq([]int64{}, maps.Keys(r.of))
}

func (r *turns) lanes() map[muster.LaneRef]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lanes := make(map[muster.LaneRef]bool, len(r.of))
	for _, t := range r.of {
		lanes[t.lane] = true
	}
	return lanes
}

// contention knows whether lanes wait for a turn, as of a moment ago.
type contention struct {
	pool *pgxpool.Pool

	mu    sync.Mutex
	at    time.Time
	found bool
}

// lookEvery is how old the answer may be.
const lookEvery = 50 * time.Millisecond

// waiting reports whether a lane waits for a turn that any node may give it. Where that cannot be known, the turn may end.
func (c *contention) waiting(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) < lookEvery {
		return c.found
	}
	err := within(ctx, answerTime, func(ctx context.Context) error {
		return c.pool.QueryRow(ctx, selectWaiting).Scan(&c.found)
	})
	c.at, c.found = time.Now(), c.found || err != nil
	return c.found
}
