package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"muster"
)

const (
	// beatEvery is how often a node says that it is there, and looks for lanes that nobody works on.
	beatEvery = 3 * time.Second
	// goneAfter is after how long without a word a node is taken for gone.
	goneAfter = 10 * time.Second
	// beatTime bounds how long either may take, so that the other is done in time.
	beatTime = 3 * time.Second
	// pendingEvery is how many beats there are to a look at the lanes themselves.
	pendingEvery = 10
)

// node says of this process that it is there.
type node struct {
	name      string
	beatEvery time.Duration
	goneAfter time.Duration

	mu     sync.Mutex
	seen   time.Time     // when the last word that was stored was sent
	change chan struct{} // closed when there is another one
	gap    time.Time     // when it could say so again after it could not for long
}

func newNode(beatEvery, goneAfter time.Duration) *node {
	return &node{name: uniqueName(), beatEvery: beatEvery, goneAfter: goneAfter, change: make(chan struct{})}
}

// beat says that the node is there.
func (n *node) beat(ctx context.Context, pool *pgxpool.Pool) error {
	sent := time.Now()
	err := within(ctx, beatTime, func(ctx context.Context) error {
		b := &pgx.Batch{}
		b.Queue(commitLater)
		b.Queue(upsertNode, n.name)
		return pool.SendBatch(ctx, b).Close()
	})
	if err == nil {
		n.noted(sent)
	}
	return err
}

// noted takes in that a word was stored.
func (n *node) noted(sent time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.seen.IsZero() && sent.Sub(n.seen) > n.goneAfter {
		n.gap = sent
	}
	n.seen = sent
	close(n.change)
	n.change = make(chan struct{})
}

// awaitSeen returns when no other node takes this one for gone, or ctx ends.
func (n *node) awaitSeen(ctx context.Context) {
	for {
		n.mu.Lock()
		seen, change := n.seen, n.change
		n.mu.Unlock()
		if time.Since(seen) < n.goneAfter {
			return
		}
		select {
		case <-change:
		case <-ctx.Done():
			return
		}
	}
}

// mayJudge reports whether the node can tell that others are gone. After the database was away, or it itself was paused, it
// gives them time to say that they are there.
func (n *node) mayJudge() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Since(n.gap) > n.goneAfter
}

// keep says that the node is there, and sees to lanes that nobody works on, until ctx ends.
func (d *River) keep(ctx context.Context) {
	ticker := time.NewTicker(d.node.beatEvery)
	defer ticker.Stop()
	failing := false
	for n := 0; ; n++ {
		err := d.node.beat(ctx, d.pool)
		if err != nil {
			d.pool.Reset() // the others of its connections may lead nowhere too
		}
		if err == nil && d.node.mayJudge() {
			err = within(ctx, beatTime, d.rescue)
		}
		if err == nil && n%pendingEvery == 0 {
			err = within(ctx, beatTime, d.addPending)
		}
		if err != nil && !failing && ctx.Err() == nil {
			d.logger.LogAttrs(ctx, slog.LevelWarn, "lanes that nobody works on cannot be looked for, which is tried again",
				slog.Any("error", err))
		}
		failing = err != nil
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// rescue gives a turn to lanes whose turn is lost.
func (d *River) rescue(ctx context.Context) error {
	gone := d.node.goneAfter.Microseconds()
	tag, err := d.pool.Exec(ctx, rescueTurns, d.node.name, gone, d.running.jobs())
	if err != nil {
		return err
	}
	if n := tag.RowsAffected(); n > 0 {
		d.logger.LogAttrs(ctx, slog.LevelWarn, "lanes whose turn was lost get another", slog.Int64("lanes", n))
		d.tell()
	}
	if _, err := d.pool.Exec(ctx, rescueRounds, gone); err != nil {
		return err
	}
	return d.recover(ctx)
}

// recover finds lanes that had a fault in their last turn here and a better one elsewhere. Of a turn that this node has, the
// end may not have been stored yet.
func (d *River) recover(ctx context.Context) error {
	troubled := d.troubles.Lanes()
	if len(troubled) == 0 {
		return nil
	}
	still := d.running.lanes()
	rows, err := d.pool.Query(ctx, selectFaulty)
	if err != nil {
		return err
	}
	var lane muster.LaneRef
	if _, err := pgx.ForEachRow(rows, []any{&lane.Tenant, &lane.Lane}, func() error { still[lane] = true; return nil }); err != nil {
		return err
	}
	for _, lane := range troubled {
		if !still[lane] {
			d.troubles.Note(lane, nil)
		}
	}
	return nil
}

// addPending wakes lanes that have work and were not woken when it was stored: by a copy or a restored backup.
func (d *River) addPending(ctx context.Context) error {
	if _, err := d.pool.Exec(ctx, deleteNodes); err != nil {
		return err
	}
	if d.duties.Pending == nil {
		return nil
	}
	lanes, err := d.duties.Pending(ctx)
	if err != nil || len(lanes) == 0 {
		return err
	}
	tenants, kinds := make([]int64, len(lanes)), make([]int16, len(lanes))
	for i, lane := range lanes {
		tenants[i], kinds[i] = int64(lane.Tenant), int16(lane.Lane)
	}
	tag, err := d.pool.Exec(ctx, addLanes, tenants, kinds)
	if err != nil {
		return err
	}
	if tag.RowsAffected() > 0 {
		d.tell()
	}
	return nil
}
