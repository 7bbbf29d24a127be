package crashtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/store/postgres/pgtest"
)

const (
	trialDatabase = "muster"

	// creating and ordering are the tenants of a trial: some whose lists only create, and some whose tasks run in order.
	creating = 2
	ordering = 3

	// trialBacklog is how many users the last list of each tenant has, all with passwords.
	trialBacklog = 20
)

// trial has clients of several tenants call the nodes of a cluster while faults come over it, and then looks whether
// everything that was acknowledged was done, and done once.
type trial struct {
	*cluster
	db     *database // as the test itself sees it
	lists  []*load
	tasks  []*federatedLoad
	random func() *rand.Rand
	r      *rand.Rand
	limit  time.Duration // without the faults

	part, parts int // of what the clients send: released, and all

	met   string // what is told of the fault in the table
	times int
	spent time.Duration // from the first request to the last outcome
}

// startPostgres starts a server of the test's own, with an empty database.
func startPostgres(t *testing.T, o pgtest.Options) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	endWithTest(t, s)
	if err := s.Exec(t.Context(), "CREATE DATABASE "+trialDatabase); err != nil {
		t.Fatal(err)
	}
	return s
}

func endWithTest(t *testing.T, s *pgtest.Server) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// named gives n connection strings by which PostgreSQL tells who of the nodes is connected.
func named(url string, n int) []string {
	urls := make([]string, n)
	for i := range urls {
		urls[i] = url + "&application_name=" + nodeName(i)
	}
	return urls
}

func nodeName(i int) string { return fmt.Sprint("node", i) }

// newTrial makes the tenants and what their clients are about to send. The database is reached by direct, while the nodes
// reach it each by one of the urls.
func newTrial(t *testing.T, direct string, urls ...string) *trial {
	t.Helper()
	users, tasks := setting(t, clusterUsersVariable, 400), setting(t, clusterTasksVariable, 30)
	accounts := setting(t, clusterAccountsVariable, 200)
	next := random(t)
	x := &trial{cluster: newCluster(t, urls...), random: next, r: next(), limit: 2*time.Minute + time.Duration(users)*20*time.Millisecond}
	db := openSQL(t, "pgx", direct)
	db.SetMaxIdleConns(-1) // what is kept would lead to a server that was killed
	x.db = &database{DB: db, outcomeUser: "user_id", integrity: "SELECT 'ok'"}
	for i := range creating {
		m := newMaker(next(), 25*float64(i)) // the first has passwords in the last list alone
		m.longest, m.backlog = min(max(users/5, 1), maxRows), trialBacklog
		x.lists = append(x.lists, newLoad(x, x.tenant(t, "creating", i), m.lists(share(users, creating))))
	}
	for i := range ordering {
		made, model, err := makeFederated(next(), share(tasks, ordering), share(accounts, ordering))
		if err != nil {
			t.Fatal(err)
		}
		x.tasks = append(x.tasks, newFederatedLoad(x, x.tenant(t, "ordering", i), made, model))
	}
	return x
}

func (x *trial) tenant(t *testing.T, kind string, i int) (a account) {
	t.Helper()
	if err := x.nodes[0].command(t.Context(), &a, "tenant", "create", kind+strconv.Itoa(i), "--output", "json"); err != nil {
		t.Fatal(err)
	}
	return a
}

// note adds to what is told of the fault.
// run starts the nodes and the clients and calls strike so many times, spread over all that the clients send. When every task
// was seen finished it stops the nodes, and holds what they leave against what was handed in.
func (x *trial) run(t *testing.T, times int, strike func(ctx context.Context, n int) error) {
	t.Helper()
	const perFault = 15 * time.Second // a lane waits for as long before another node takes it
	limit := x.limit + time.Duration(times)*perFault
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, errors.New("the trial took too long"))
	defer cancel()
	if err := x.startAll(ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	stoppable, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	group, working := errgroup.WithContext(stoppable)
	for _, l := range x.lists {
		l.run(working, group, x.random)
	}
	for _, l := range x.tasks {
		l.release(0, 1)
		l.run(working, group)
	}
	err := x.strikeAll(working, times, strike)
	if err != nil {
		stop(err)
	}
	if err = cmp.Or(group.Wait(), err); err != nil {
		t.Fatal(err)
	}
	x.times, x.spent = times, time.Since(began)
	for _, finish := range []func() error{
		x.unexpected, func() error { return x.awaitIdle(ctx) }, func() error { return x.stopAll(ctx) },
	} {
		if err := finish(); err != nil {
			t.Fatal(err)
		}
	}
	x.verify(t)
}

// strikeAll strikes when the clients are somewhere within what was released for that.
func (x *trial) strikeAll(ctx context.Context, times int, strike func(context.Context, int) error) error {
	x.parts = 2*times + 1
	for n := range times {
		x.release()
		load := x.tasks[x.r.IntN(len(x.tasks))]
		acknowledged, _, _ := load.state()
		if err := load.await(ctx, acknowledged+x.r.IntN(load.released-acknowledged+1)); err != nil {
			return err
		}
		if err := pause(ctx, spread(x.r, 50*time.Microsecond, 50*time.Millisecond)); err != nil {
			return err
		}
		if err := strike(ctx, n); err != nil {
			return fmt.Errorf("fault %d: %w", n, err)
		}
		if x.part < 2*n+2 {
			x.release()
		}
	}
	for _, l := range x.lists {
		l.release(x.r, 1, 1)
		l.releaseLast()
	}
	for _, l := range x.tasks {
		l.release(1, 1)
	}
	return nil
}

// release lets the clients send a further part of all there is. A fault that lasts calls it when it has begun, so that there
// is something to do meanwhile.
func (x *trial) release() {
	x.part++
	for _, l := range x.lists {
		l.release(x.r, x.part, x.parts)
	}
	for _, l := range x.tasks {
		l.release(x.part, x.parts)
	}
}

// verify holds the database against what was handed in, what clients were told, and the model.
func (x *trial) verify(t *testing.T) {
	t.Helper()
	for _, l := range x.lists {
		l.verify(t, x.db)
	}
	var tenants []int64
	for _, l := range x.tasks {
		tenants = append(tenants, l.verify(t, x.db))
	}
	checkDatabase(t, x.db, tenants...)
	for what, query := range map[string]string{
		"tenants whose users are not as many as were counted": `SELECT count(*) FROM tenant_usage u
			WHERE users <> (SELECT count(*) FROM users WHERE tenant = u.tenant) OR queued_rows <> 0 OR queued_bytes <> 0`,
		"ids that name two things": `SELECT count(*) FROM (SELECT id FROM (SELECT id FROM users UNION ALL SELECT id FROM batches
			UNION ALL SELECT id FROM outcomes UNION ALL SELECT id FROM tenants) AS a GROUP BY id HAVING count(*) > 1) AS b`,
		"rows with an internal error": fmt.Sprint("SELECT count(*) FROM outcomes WHERE reason = ", int(muster.ReasonInternal)),
		"batches that are not over":   "SELECT count(*) FROM batches WHERE finished_at IS NULL OR payload_key IS NOT NULL",
	} {
		if n := number(t, x.db, query); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	// Of rounds some are kept for a while, and of nodes all that were there within a day.
	const few = 60
	for _, table := range []string{"river_job", "river_leader", "river_queue"} {
		if n := number(t, x.db, "SELECT count(*) FROM "+table); n > few {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	for i, n := range x.all() {
		text, err := os.ReadFile(n.log())
		if err != nil || strings.Contains(string(text), "panic") {
			t.Errorf("node %d had a panic, or left no log: %v", i, err)
		}
	}
}

// tableHead is above what result gives.
const tableHead = "| fault | times | what it met | batches | rows, each with one outcome | users | answers lost | 503 | 500 | " +
	"longest wait for an acknowledgement | from first to last |\n|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"

// result is the row of a table about all trials.
func (x *trial) result(t *testing.T, fault string) string {
	t.Helper()
	lost, later, unknown := x.tallied()
	var longest time.Duration
	for _, l := range x.tasks {
		longest = max(longest, l.longest)
	}
	count := func(table string) int64 { return number(t, x.db, "SELECT count(*) FROM "+table) }
	return fmt.Sprintf("| %s | %d | %s | %d | %d | %d | %d | %d | %d | %s | %s |", fault, x.times, x.met, count("batches"), count("outcomes"), count("users"),
		lost, later, unknown, longest.Round(100*time.Millisecond), x.spent.Round(100*time.Millisecond))
}
