package crashtest

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// federatedWorkers is how many lanes the server gives their turn at once.
	federatedWorkers = 4
	// federatedTenants are more, so that some always wait for a worker: a tenant has one lane for its tasks.
	federatedTenants = 8
)

// federatedScenario has clients of some tenants, with tasks about accounts of the same names, call one server.
type federatedScenario struct {
	in    *installation
	loads []*federatedLoad
	r     *rand.Rand
	limit time.Duration

	turns atomic.Int64 // the most lanes that were seen to have their turn at once

	startup           time.Duration // the first
	kills, unfinished int           // kills, and those of them that met acknowledged tasks not seen done
	early             int           // kills before the server listened
}

// newFederated installs a server, and makes tasks and accounts that so many tenants share out.
func newFederated(t *testing.T, tenants int) *federatedScenario {
	t.Helper()
	tasks, accounts := setting(t, tasksVariable, 80), setting(t, accountsVariable, 500)
	next := random(t)
	s := &federatedScenario{in: install(t), limit: time.Minute + time.Duration(tasks)*200*time.Millisecond}
	s.in.flags = []string{"--workers", strconv.Itoa(federatedWorkers)}
	for i := range tenants {
		a := s.in.first
		if i > 0 {
			if err := s.in.command(t.Context(), &a, "tenant", "create", fmt.Sprint("tenant ", i), "--output", "json"); err != nil {
				t.Fatal(err)
			}
		}
		made, model, err := makeFederated(next(), share(tasks, tenants), share(accounts, tenants))
		if err != nil {
			t.Fatal(err)
		}
		s.loads = append(s.loads, newFederatedLoad(s.in, a, made, model))
	}
	s.r = next()
	return s
}

// share is what each of n gets of a whole, rounded up.
func share(whole, n int) int { return (whole + n - 1) / n }

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
	var watching sync.WaitGroup
	watching.Go(func() { s.watchTurns(stoppable) })
	if err = meanwhile(working); err != nil {
		stop(err)
	}
	err = cmp.Or(group.Wait(), err) // what a client found goes before its being told to stop
	stop(nil)
	watching.Wait()
	if err != nil {
		t.Fatal(err)
	}
	spent := time.Since(began)
	last := s.in.latest()
	if err := last.endedByItself(); err != nil {
		t.Fatal(err)
	}
	if err := last.finish(ctx); err != nil {
		t.Fatal(err)
	}
	db := s.in.openDatabase(t)
	tenants := make([]int64, len(s.loads))
	for i, l := range s.loads {
		tenants[i] = l.verify(t, db)
		t.Logf("tenant %d: %d tasks done, %d users, %d attempts repeated, the longest wait for an acknowledgement %s",
			i, l.done, len(l.model), l.lost, l.longest.Round(time.Millisecond))
	}
	checkDatabase(t, db, tenants...)
	t.Logf("all done in %s, with up to %d lanes at work at once", spent.Round(time.Millisecond), s.turns.Load())
}

// watchTurns asks from time to time how many lanes have their turn, until ctx ends. A server that is killed meanwhile says
// nothing.
func (s *federatedScenario) watchTurns(ctx context.Context) {
	const interval = 10 * time.Millisecond
	for pause(ctx, interval) == nil {
		l, err := s.in.serving(ctx, nil)
		if err != nil {
			return
		}
		a, err := l.send(ctx, &request{method: http.MethodGet, url: "http://" + host + "/metrics"})
		if err != nil {
			continue
		}
		if _, after, found := bytes.Cut(a.body, []byte("\nmuster_turns_running ")); found {
			figure, _, _ := bytes.Cut(after, []byte("\n"))
			if n, err := strconv.ParseInt(string(figure), 10, 64); err == nil {
				s.turns.Store(max(s.turns.Load(), n))
			}
		}
	}
}

// verify holds the database of the stopped server against the model, and gives the tenant's id.
func (l *federatedLoad) verify(t *testing.T, db *database) (tenant int64) {
	t.Helper()
	tenant, err := strconv.ParseInt(l.account.TenantID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	rows, failed := 0, 0
	for i := range l.tasks {
		rows, failed = rows+l.tasks[i].rows, failed+len(l.tasks[i].failures)
	}
	for what, q := range map[string]struct {
		query string
		want  int
	}{
		"batches":          {"SELECT count(*) FROM batches WHERE tenant = $1", len(l.tasks)},
		"finished batches": {"SELECT count(*) FROM batches WHERE tenant = $1 AND finished_at IS NOT NULL", len(l.tasks)},
		"outcomes":         {"SELECT count(*) FROM outcomes WHERE tenant = $1", rows},
		"rows that failed": {"SELECT sum(failed + skipped) FROM batches WHERE tenant = $1", failed},
	} {
		if n := number(t, db, q.query, tenant); n != int64(q.want) {
			t.Errorf("%d %s, want %d", n, what, q.want)
		}
	}
	for i, id := range l.ids {
		query := "SELECT count(*) FROM batches b WHERE tenant = $1 AND sequence < (SELECT sequence FROM batches WHERE tenant = $1 AND id = $2)"
		if n := number(t, db, query, tenant, id); n != int64(i) {
			t.Fatalf("%d tasks were accepted before task %d", n, i)
		}
	}
	l.verifyUsers(t, db, tenant)
	return tenant
}

// verifyUsers holds the federated users against the model's.
func (l *federatedLoad) verifyUsers(t *testing.T, db *database, tenant int64) {
	t.Helper()
	there := 0
	each(t, db, "SELECT account, display_name, email, disabled FROM users WHERE tenant = $1 AND lower(account) LIKE 'user%'", []any{tenant},
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

// TestKillFederated kills the server at random instants while clients hand in tasks whose rows undo each other's work: tasks
// of many tenants, which are worked on side by side, and tasks of one, which must not be.
func TestKillFederated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tenants     int
		least, most int64 // lanes at work at once
	}{
		"many tenants": {federatedTenants, 3, federatedWorkers},
		"one tenant":   {1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFederated(t, c.tenants)
			s.runKilling(t)
			if turns := s.turns.Load(); turns < c.least || turns > c.most {
				t.Errorf("up to %d lanes were at work at once, want %d to %d", turns, c.least, c.most)
			}
		})
	}
}

// runKilling is run with as many kills as are asked for.
func (s *federatedScenario) runKilling(t *testing.T) {
	t.Helper()
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
	if slices.ContainsFunc(s.loads, func(load *federatedLoad) bool { acknowledged, done, _ := load.state(); return acknowledged > done }) {
		s.unfinished++
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
	s := newFederated(t, federatedTenants)
	freeze := time.Duration(setting(t, freezeVariable, 3)) * time.Second
	s.limit += 2 * freeze
	db := s.in.openDatabase(t)
	s.run(t, func(ctx context.Context) error {
		load := s.loads[0]
		if err := load.await(ctx, len(load.tasks)/4); err != nil {
			return err
		}
		return s.freeze(ctx, db, freeze, t.Logf)
	})
	if turns := s.turns.Load(); turns < enoughWaiting { // all of them waited for the lock
		t.Errorf("up to %d lanes were at work at once, want %d or more", turns, enoughWaiting)
	}
}

// enoughWaiting is of how many tenants tasks must wait to be applied when the database is frozen.
const enoughWaiting = federatedWorkers/2 + 1

// freeze takes the write lock while tasks wait to be applied, and holds it under a server that runs. The lock is taken between
// two lives of the server: a busy one leaves no gap that is sure to be met, and would soon have nothing that waits.
func (s *federatedScenario) freeze(ctx context.Context, db *database, d time.Duration, logf func(string, ...any)) (err error) {
	connection, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	for slices.ContainsFunc(s.loads, (*federatedLoad).unfinished) {
		l := s.in.latest()
		if err := l.awaitReady(ctx); err != nil {
			return err
		}
		if _, tenants, err := waitingTasks(ctx, connection); err != nil || tenants < enoughWaiting {
			if err = cmp.Or(err, pause(ctx, time.Millisecond)); err != nil {
				return err
			}
			continue
		}
		l.signal(syscall.SIGKILL)
		if err := l.awaitEnd(ctx); err != nil {
			return err
		}
		if _, err := connection.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return fmt.Errorf("freeze the database: %w", err)
		}
		if _, err := s.in.start(); err != nil {
			return err
		}
		tasks, tenants, err := waitingTasks(ctx, connection)
		if err == nil && tenants >= enoughWaiting {
			err = pause(ctx, d)
			logf("froze %d unfinished tasks of %d tenants for %s", tasks, tenants, d)
		}
		if _, rollback := connection.ExecContext(ctx, "ROLLBACK"); err != nil || rollback != nil || tenants >= enoughWaiting {
			return errors.Join(err, rollback)
		}
	}
	return errors.New("there was no moment at which enough tasks waited")
}

// waitingTasks counts the tasks that are not finished, and their tenants.
func waitingTasks(ctx context.Context, c *sql.Conn) (tasks, tenants int, err error) {
	const query = "SELECT count(*), count(DISTINCT tenant) FROM batches WHERE finished_at IS NULL"
	err = c.QueryRowContext(ctx, query).Scan(&tasks, &tenants)
	return tasks, tenants, err
}
