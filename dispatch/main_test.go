package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"muster"
	"muster/provision"
	"muster/store/postgres"
	"muster/store/postgres/pgtest"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Main{Tests: m, Server: &server})
}

// template is a database with the schema, of which every test gets a copy.
const template = "muster_template"

var makeTemplate = sync.OnceValue(func() error {
	ctx := context.Background()
	if err := server.Exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	return postgres.Migrate(ctx, server.URL(template), postgres.Options{})
})

// database gives the connection string of a database of the test's own, with the schema.
func database(t testing.TB) string {
	t.Helper()
	if err := makeTemplate(); err != nil {
		t.Fatal(err)
	}
	return server.Database(t, template)
}

// pooled is a database's connection string by way of a pooler that has few connections to it.
func pooled(t testing.TB, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return server.URLAt(server.Pooler(t, 5), config.Database)
}

// testNode is a node whose turns the test ends by hand.
type testNode struct {
	*River
	link  *link // to the database
	calls chan call
	stop  func() // ends Run
}

type call struct {
	lane  muster.LaneRef
	slice *provision.Slice
	end   chan<- end
}

type end struct {
	more  bool
	err   error
	panic any
}

// open makes a dispatcher that stands still.
func open(t testing.TB, url string, o Options) *testNode {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	n := &testNode{link: newLink(), calls: make(chan call)}
	config.MaxConns = 8
	config.ConnConfig.DialFunc = n.link.dial
	if o.PollOnly {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	if n.River, err = New(pool, o); err != nil {
		t.Fatal(err)
	}
	return n
}

// start makes a node that runs until the test's end, or until it is stopped.
func start(t testing.TB, url string, o Options) *testNode {
	t.Helper()
	n := open(t, url, o)
	n.run(t, provision.Duties{Turn: n.byHand})
	return n
}

func (n *testNode) run(t testing.TB, duties provision.Duties) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Run(ctx, duties)
	}()
	n.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(n.stop)
}

// byHand is a turn that the test ends. One that nobody asks for when the node stops has more to do.
func (n *testNode) byHand(ctx context.Context, lane muster.LaneRef, slice *provision.Slice) (bool, error) {
	ends := make(chan end, 1)
	select {
	case n.calls <- call{lane: lane, slice: slice, end: ends}:
	case <-ctx.Done():
		return true, nil
	}
	select {
	case e := <-ends:
		if e.panic != nil {
			panic(e.panic)
		}
		return e.more, e.err
	case <-ctx.Done():
		return true, nil
	}
}

// store does what the store does in the transaction in which it stores work of a lane, and then the engine.
func (n *testNode) store(t testing.TB, lane muster.LaneRef) {
	t.Helper()
	b := &pgx.Batch{}
	WakeIn(b, lane)
	if err := n.pool.SendBatch(context.Background(), b).Close(); err != nil {
		t.Error(err)
	}
	n.Wake(lane)
}

func (n *testNode) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := n.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// count gives the number that a query answers.
func (n *testNode) count(t testing.TB, sql string, args ...any) (number int) {
	t.Helper()
	if err := n.pool.QueryRow(t.Context(), sql, args...).Scan(&number); err != nil {
		t.Fatal(err)
	}
	return number
}

// lane is the create lane of a tenant.
func lane(tenant int) muster.LaneRef {
	return muster.LaneRef{Tenant: muster.ID(tenant), Lane: muster.LaneCreate}
}
