package crashtest

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// lookEvery is how often the database is asked for what no event tells.
const lookEvery = 10 * time.Millisecond

// ask is the number that a query answers.
func (x *trial) ask(ctx context.Context, query string, args ...any) (n int64, err error) {
	if err := x.db.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return n, nil
}

// until asks until the answer is as wanted.
func (x *trial) until(ctx context.Context, wanted func(int64) bool, query string, args ...any) error {
	for {
		n, err := x.ask(ctx, query, args...)
		if err != nil || wanted(n) {
			return err
		}
		if err := pause(ctx, lookEvery); err != nil {
			return fmt.Errorf("%w: %d is the answer to %s", err, n, query)
		}
	}
}

// awaitIdle waits until no lane has a turn or waits for one, and nothing is left of any that had.
func (x *trial) awaitIdle(ctx context.Context) error {
	return x.until(ctx, func(n int64) bool { return n == 0 },
		"SELECT (SELECT count(*) FROM turns) + (SELECT count(*) FROM river_job WHERE kind = 'turn')")
}

// openTransactions counts those in which a node that stands still holds a tenant's lock, once PostgreSQL has done what it was
// sent before.
func (x *trial) openTransactions(ctx context.Context, node int) (int, error) {
	err := x.until(ctx, func(n int64) bool { return n == 0 },
		`SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'
			AND wait_event_type IS DISTINCT FROM 'Lock' AND wait_event_type IS DISTINCT FROM 'Client'`, nodeName(node))
	if err != nil {
		return 0, err
	}
	n, err := x.ask(ctx, `SELECT count(*) FROM pg_stat_activity AS a WHERE application_name = $1 AND wait_event_type = 'Client'
		AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.relation = 'tenant_usage'::regclass AND l.mode = 'RowShareLock')`,
		nodeName(node))
	return int(n), err
}

// catchTransaction stops a node that holds a tenant's lock: it stops it and lets it go on again and again, until that is so.
func (x *trial) catchTransaction(ctx context.Context, node int, stop, goOn func() error) error {
	return x.catch(ctx, stop, goOn, func() (bool, error) {
		n, err := x.openTransactions(ctx, node)
		return n > 0, err
	})
}

func (x *trial) catch(ctx context.Context, stop, goOn func() error, caught func() (bool, error)) error {
	for {
		if err := stop(); err != nil {
			return err
		}
		if there, err := caught(); err != nil || there {
			return err
		}
		if err := cmp.Or(goOn(), pause(ctx, spread(x.r, time.Millisecond, 20*time.Millisecond))); err != nil {
			return err
		}
	}
}

// caught is a lane that a stopped node has, and how many outcomes its tenant had then.
type caught struct{ tenant, outcomes int64 }

// catchTurns stops a node that has turns of lanes with work, and gives these.
func (x *trial) catchTurns(ctx context.Context, l *life) (lanes []caught, err error) {
	name, err := await(ctx, x.changed, l.dispatcherName)
	if err != nil {
		return nil, err
	}
	err = x.catch(ctx, l.pause, l.resume, func() (bool, error) {
		lanes, err = x.turnsOf(ctx, *name)
		return len(lanes) > 0, err
	})
	return lanes, err
}

func (x *trial) turnsOf(ctx context.Context, name string) (lanes []caught, err error) {
	rows, err := x.db.QueryContext(ctx, `SELECT t.tenant, (SELECT count(*) FROM outcomes AS o WHERE o.tenant = t.tenant)
		FROM turns AS t JOIN river_job AS j ON j.id = t.job
		WHERE j.state = 'running' AND j.attempted_by[cardinality(j.attempted_by)] = $1
			AND EXISTS (SELECT FROM chunks AS c WHERE c.tenant = t.tenant AND c.lane = t.lane)`, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c caught
		if err := rows.Scan(&c.tenant, &c.outcomes); err != nil {
			return nil, err
		}
		lanes = append(lanes, c)
	}
	return lanes, rows.Err()
}

// awaitProgress waits until a lane that was caught has more outcomes.
func (x *trial) awaitProgress(ctx context.Context, c caught) error {
	return x.until(ctx, func(n int64) bool { return n > c.outcomes }, "SELECT count(*) FROM outcomes WHERE tenant = $1", c.tenant)
}
