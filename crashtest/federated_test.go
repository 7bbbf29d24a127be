package crashtest

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// federatedScenario has clients of two tenants, with tasks about accounts of the same names, call one server.
type federatedScenario struct {
	in    *installation
	loads []*federatedLoad
	r     *rand.Rand
	limit time.Duration

	frozen atomic.Bool // whether the test holds the database's write lock

	startup           time.Duration // the first
	kills, unfinished int           // kills, and those of them that met acknowledged tasks not seen done
	early             int           // kills before the server listened
}

// newFederated installs a server and makes tasks, half of them for each of two tenants.
func newFederated(t *testing.T) *federatedScenario {
	t.Helper()
	tasks, accounts := setting(t, tasksVariable, 40), setting(t, accountsVariable, 500)
	next := random(t)
	s := &federatedScenario{in: install(t), limit: time.Minute + time.Duration(tasks)*200*time.Millisecond}
	var second account
	if err := s.in.command(t.Context(), &second, "tenant", "create", "second", "--output", "json"); err != nil {
		t.Fatal(err)
	}
	for _, a := range []account{s.in.first, second} {
		made, model, err := makeFederated(next(), (tasks+1)/2, accounts)
		if err != nil {
			t.Fatal(err)
		}
		s.loads = append(s.loads, newFederatedLoad(s.in, a, made, model, &s.frozen))
	}
	s.r = next()
	return s
}

// run lets the clients call while meanwhile does what it does to the server, until all tasks were seen done. Then it stops the
// server and reads what that leaves.
func (s *federatedScenario) run(t *testing.T, meanwhile func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), s.limit, errors.New("the scenario took too long"))
	defer cancel()
	began := time.Now()
	first, err := s.in.start()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.awaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	s.startup = first.startup
	stoppable, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	group, working := errgroup.WithContext(stoppable)
	for _, l := range s.loads {
		l.run(working, group)
	}
	if err = meanwhile(working); err != nil {
		stop(err)
	}
	if err = cmp.Or(group.Wait(), err); err != nil { // what a client found goes before its being told to stop
		t.Fatal(err)
	}
	spent := time.Since(began)
	last := s.in.latest()
	if err := last.endedByItself(); err != nil {
		t.Fatal(err)
	}
	last.signal(syscall.SIGTERM)
	if err := last.awaitEnd(ctx); err != nil {
		t.Fatalf("wait for the last stop: %v", err)
	}
	if !last.state.Success() {
		t.Fatalf("the last stop: %s", last.state)
	}
	db := s.in.openDatabase(t)
	for i, l := range s.loads {
		l.verify(t, db)
		t.Logf("tenant %d: %d tasks done, %d users, %d attempts repeated, the longest wait for an acknowledgement %s",
			i, l.done, len(l.model), l.lost, l.longest.Round(time.Millisecond))
	}
	t.Logf("all done in %s", spent.Round(time.Millisecond))
}

// verify holds the database of the stopped server against the model.
func (l *federatedLoad) verify(t *testing.T, db *sql.DB) {
	t.Helper()
	tenant, err := strconv.ParseInt(l.account.TenantID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	checkDatabase(t, db, tenant)
	rows, failed := 0, 0
	for i := range l.tasks {
		rows, failed = rows+l.tasks[i].rows, failed+len(l.tasks[i].failures)
	}
	for what, q := range map[string]struct {
		query string
		want  int
	}{
		"batches":          {"SELECT count(*) FROM batches WHERE tenant = ?", len(l.tasks)},
		"finished batches": {"SELECT count(*) FROM batches WHERE tenant = ? AND finished_at IS NOT NULL", len(l.tasks)},
		"outcomes":         {"SELECT count(*) FROM outcomes WHERE tenant = ?", rows},
		"rows that failed": {"SELECT sum(failed + skipped) FROM batches WHERE tenant = ?", failed},
	} {
		if n := number(t, db, q.query, tenant); n != int64(q.want) {
			t.Errorf("%d %s, want %d", n, what, q.want)
		}
	}
	for i, id := range l.ids {
		query := "SELECT count(*) FROM batches b WHERE tenant = ?1 AND sequence < (SELECT sequence FROM batches WHERE tenant = ?1 AND id = ?2)"
		if n := number(t, db, query, tenant, id); n != int64(i) {
			t.Fatalf("%d tasks were accepted before task %d", n, i)
		}
	}
	l.verifyUsers(t, db, tenant)
}

// verifyUsers holds the federated users against the model's.
func (l *federatedLoad) verifyUsers(t *testing.T, db *sql.DB, tenant int64) {
	t.Helper()
	there := 0
	each(t, db, "SELECT account, display_name, email, disabled FROM users WHERE tenant = ? AND account LIKE 'user%'", []any{tenant},
		func(rows *sql.Rows) error {
			var got federatedUser
			if err := rows.Scan(&got.account, &got.name, &got.email, &got.disabled); err != nil {
				return err
			}
			there++
			if want := l.model[strings.ToLower(got.account)]; got != want {
				t.Errorf("user %+v, want %+v", got, want)
			}
			return nil
		})
	if there != len(l.model) {
		t.Errorf("%d federated users, want %d", there, len(l.model))
	}
}

// TestKillFederated kills the server at random instants while clients hand in tasks whose rows undo each other's work.
func TestKillFederated(t *testing.T) {
	t.Parallel()
	s := newFederated(t)
	kills := setting(t, federatedKillsVariable, 4)
	s.run(t, func(ctx context.Context) error {
		for s.kills < kills {
			if err := s.kill(ctx, kills); err != nil {
				return err
			}
		}
		return nil
	})
	t.Logf("%d kills, %d of them with acknowledged tasks not seen done, %d before the server listened", s.kills, s.unfinished, s.early)
}

// kill waits until the load is about as far as the kill is in the order of kills, kills, and starts the server anew. Every
// fourth life is killed while it starts.
func (s *federatedScenario) kill(ctx context.Context, kills int) error {
	l := s.in.latest()
	if s.kills%4 == 3 {
		if err := pause(ctx, time.Duration(s.r.Float64()*1.2*float64(s.startup))); err != nil {
			return err
		}
	} else {
		if err := l.awaitReady(ctx); err != nil {
			return err
		}
		load := s.loads[s.r.IntN(len(s.loads))]
		far := (float64(s.kills) + s.r.Float64()) / float64(kills) // of 1
		if err := load.await(ctx, int(far*float64(len(load.tasks)-1))); err != nil {
			return err
		}
		if err := pause(ctx, spread(s.r, 50*time.Microsecond, 20*time.Millisecond)); err != nil {
			return err
		}
	}
	if err := l.endedByItself(); err != nil {
		return err
	}
	if !isClosed(l.ready) {
		s.early++
	}
	for _, load := range s.loads {
		if acknowledged, done, _ := load.state(); acknowledged > done {
			s.unfinished++
			break
		}
	}
	l.signal(syscall.SIGKILL)
	if err := l.awaitEnd(ctx); err != nil {
		return err
	}
	s.kills++
	_, err := s.in.start()
	return err
}

// TestFrozenDatabase has another process hold SQLite's write lock while tasks run: at full size for longer than the server
// waits for it.
func TestFrozenDatabase(t *testing.T) {
	t.Parallel()
	s := newFederated(t)
	freeze := time.Duration(setting(t, freezeVariable, 3)) * time.Second
	s.limit += 2 * freeze
	db := s.in.openDatabase(t)
	s.run(t, func(ctx context.Context) error {
		load := s.loads[0]
		if err := load.await(ctx, len(load.tasks)/2); err != nil {
			return err
		}
		return s.freeze(ctx, db, freeze, t.Logf)
	})
}

// freeze takes the write lock while tasks wait to be applied, and holds it.
func (s *federatedScenario) freeze(ctx context.Context, db *sql.DB, d time.Duration, logf func(string, ...any)) (err error) {
	connection, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	// SQLite's own waiting for a lock sleeps ever longer, and a busy server would be done before it finds a gap.
	if _, err := connection.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return err
	}
	for {
		waiting, err := lockUnfinished(ctx, connection)
		if err != nil {
			return fmt.Errorf("freeze the database: %w", err)
		}
		acknowledged, done, _ := s.loads[0].state()
		if waiting > 0 {
			s.frozen.Store(true)
			defer s.frozen.Store(false)
			if err := pause(ctx, d); err != nil {
				return err
			}
			logf("froze %d unfinished tasks for %s, when the first tenant's client had %d acknowledged and %d done of %d",
				waiting, d, acknowledged, done, len(s.loads[0].tasks))
			_, err = connection.ExecContext(ctx, "ROLLBACK")
			return err
		}
		if done == len(s.loads[0].tasks) {
			return errors.New("the freeze met no task that waits")
		}
	}
}

// lockUnfinished tries to take the write lock, and keeps it if there are batches that wait. It says how many.
func lockUnfinished(ctx context.Context, c *sql.Conn) (waiting int, err error) {
	_, err = c.ExecContext(ctx, "BEGIN IMMEDIATE")
	if busy := (*sqlite.Error)(nil); errors.As(err, &busy) && busy.Code()&0xff == sqlite3.SQLITE_BUSY {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	err = c.QueryRowContext(ctx, "SELECT count(*) FROM batches WHERE finished_at IS NULL").Scan(&waiting)
	if err == nil && waiting == 0 {
		_, err = c.ExecContext(ctx, "ROLLBACK")
	}
	return waiting, err
}
