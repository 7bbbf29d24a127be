package postgres

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"muster"
	"muster/provision"
	"muster/store/storetest"
)

// template is a database with the schema, of which every test gets a copy.
const template = "muster_template"

var makeTemplate = sync.OnceValue(func() error {
	ctx := context.Background()
	if err := server.Exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	return Migrate(ctx, server.URL(template), Options{})
})

// database gives the connection string of a database of the test's own, with the schema.
func database(t testing.TB) string {
	t.Helper()
	if err := makeTemplate(); err != nil {
		t.Fatal(err)
	}
	return server.Database(t, template)
}

// open opens a store, which the test's end closes.
func open(t testing.TB, url string, options Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s io.Closer) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// suiteStore remembers its database, so that it can be opened again.
type suiteStore struct {
	*Store
	url string
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t,
		func(t *testing.T) storetest.Store {
			url := database(t)
			return &suiteStore{open(t, url, Options{}), url}
		},
		func(t *testing.T, s storetest.Store) storetest.Store {
			closeStore(t, s)
			url := s.(*suiteStore).url
			return &suiteStore{open(t, url, Options{}), url}
		})
}

// nodes are two stores on one database: one behind a pooler, and one that has every other call of those that many nodes make
// at the same time.
type nodes struct {
	*Store
	url    string
	second *Store
	calls  atomic.Int64
}

func openNodes(t *testing.T, url, pooler string) *nodes {
	t.Helper()
	behind := strings.Replace(url, server.Address(), pooler, 1)
	return &nodes{Store: open(t, behind, Options{Pooled: true}), url: url, second: open(t, url, Options{Connections: 3})}
}

func (n *nodes) next() *Store {
	if n.calls.Add(1)%2 == 0 {
		return n.Store
	}
	return n.second
}

func (n *nodes) Accept(ctx context.Context, a *provision.Acceptance) (provision.Accepted, error) {
	return n.next().Accept(ctx, a)
}

func (n *nodes) Next(ctx context.Context, lane muster.LaneRef, after *provision.Position, rows int) ([]provision.Work, error) {
	return n.next().Next(ctx, lane, after, rows)
}

func (n *nodes) Apply(ctx context.Context, tenant muster.ID, chunks []muster.Chunk, keys muster.Keys, decide provision.Decide) error {
	return n.next().Apply(ctx, tenant, chunks, keys, decide)
}

func (n *nodes) Split(ctx context.Context, chunk muster.Chunk, parts []muster.Chunk) error {
	return n.next().Split(ctx, chunk, parts)
}

func (n *nodes) Purge(ctx context.Context, tenant muster.ID, finishedBefore time.Time, limit int) (bool, error) {
	return n.next().Purge(ctx, tenant, finishedBefore, limit)
}

func (n *nodes) Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error) {
	return n.next().Snapshot(ctx, tenant, keys)
}

func (n *nodes) BatchPage(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error) {
	return n.next().BatchPage(ctx, tenant, batch, contract, from, limit)
}

func (n *nodes) Append(ctx context.Context, tenant, batch muster.ID, chunks []muster.Chunk, bounds provision.Admission) error {
	return n.next().Append(ctx, tenant, batch, chunks, bounds)
}

func (n *nodes) Complete(ctx context.Context, c *provision.Completion) (provision.Accepted, error) {
	return n.next().Complete(ctx, c)
}

func (n *nodes) Cancel(ctx context.Context, tenant, batch muster.ID) (*muster.Batch, error) {
	return n.next().Cancel(ctx, tenant, batch)
}

func (n *nodes) Close() error { return errors.Join(n.Store.Close(), n.second.Close()) }

func TestNodes(t *testing.T) {
	t.Parallel()
	pooler := server.Pooler(t, 3)
	storetest.Run(t,
		func(t *testing.T) storetest.Store { return openNodes(t, database(t), pooler) },
		func(t *testing.T, s storetest.Store) storetest.Store {
			closeStore(t, s)
			return openNodes(t, s.(*nodes).url, pooler)
		})
}

// collectTexts reads the rows' only column.
func collectTexts(rows pgx.Rows) ([]string, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var value *string
		err := row.Scan(&value)
		if value == nil {
			return "", err
		}
		return *value, err
	})
}
