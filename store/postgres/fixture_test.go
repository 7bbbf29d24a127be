package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/provision"
	"muster/secret"
)

// fixture is a store with a tenant, for tests that look at what no interface shows.
type fixture struct {
	*Store
	url    string
	tenant muster.ID
	ids    *muster.IDSource
}

var fixtureTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// openFixture opens a store on a new database, and makes its key and tenant.
func openFixture(t testing.TB, options Options) *fixture {
	t.Helper()
	return fixtureAt(t, database(t), options)
}

func fixtureAt(t testing.TB, url string, options Options) *fixture {
	t.Helper()
	f := &fixture{Store: open(t, url, options), url: url, tenant: 1}
	var err error
	if f.ids, err = muster.NewIDSource(1, 0, time.Now); err != nil {
		t.Fatal(err)
	}
	key := secret.KeyRecord{Purpose: secret.PurposeWrap, Version: 1, Wrapped: []byte("wrapped"), MasterID: "mk", CreatedAt: fixtureTime}
	if err := f.AddKeys(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	f.newTenant(t, f.tenant)
	return f
}

func (f *fixture) newTenant(t testing.TB, id muster.ID) {
	t.Helper()
	user, err := f.ids.Next()
	if err != nil {
		t.Fatal(err)
	}
	tenant := &muster.Tenant{ID: id, Name: "tenant " + id.String(), RootDepartment: 2, CreatedAt: fixtureTime}
	if err := f.CreateTenant(t.Context(), tenant, &muster.User{ID: user, Account: "admin", AccountKey: "admin"}, user); err != nil {
		t.Fatal(err)
	}
}

var blobs atomic.Int64

// blob looks like something sealed under key version 1.
func blob() []byte {
	return fmt.Appendf([]byte{1, 0, 0, 0, 1}, "%060d", blobs.Add(1))
}

// acceptance is a batch of rows in one chunk with so much payload.
func (f *fixture) acceptance(t testing.TB, rows, payload int) *provision.Acceptance {
	t.Helper()
	run := func(n int) muster.ID {
		first, err := f.ids.Run(n)
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	id := run(1)
	c := muster.Chunk{Tenant: f.tenant, Batch: id, Rows: rows, FirstID: run(rows), FirstUser: run(rows), Payload: make([]byte, payload)}
	return &provision.Acceptance{
		Batch: muster.Batch{
			Tenant: f.tenant, ID: id, Contract: muster.ContractKooDrive, Lane: muster.LaneCreate, Total: rows, AcceptedAt: fixtureTime,
		},
		PayloadKey: blob(), KeptKey: blob(), Chunks: []muster.Chunk{c}, LastID: c.FirstUser + muster.ID(rows-1),
		Admission: provision.Admission{Rows: 1 << 40, Bytes: 1 << 40},
	}
}

func (f *fixture) mustAccept(t testing.TB, rows, payload int) muster.ID {
	t.Helper()
	accepted, err := f.Accept(t.Context(), f.acceptance(t, rows, payload))
	if err != nil {
		t.Fatal(err)
	}
	return accepted.Batch
}

func (f *fixture) lane() muster.LaneRef {
	return muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}
}

// works reads what waits.
func (f *fixture) works(t testing.TB, rows int) []provision.Work {
	t.Helper()
	works, err := f.Next(t.Context(), f.lane(), nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	return works
}

func chunksOf(works []provision.Work) []muster.Chunk {
	chunks := make([]muster.Chunk, len(works))
	for i := range works {
		chunks[i] = works[i].Chunk
	}
	return chunks
}

// skipAll gives every row of the works, all of which must wait, a skip.
func skipAll(works []provision.Work) provision.Decide {
	return func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
		w := &provision.Writes{Now: fixtureTime, Planned: muster.Planned{Usage: shot.Usage}}
		for i := range works {
			c := works[i].Chunk
			d := provision.ChunkWrites{Chunk: c, Outcomes: make([]muster.Outcome, c.Rows)}
			for row := range d.Outcomes {
				d.Outcomes[row] = muster.Outcome{Row: c.FirstRow + row, ID: c.FirstID + muster.ID(row), Result: muster.Skipped, Reason: muster.ReasonExists}
			}
			w.Chunks = append(w.Chunks, d)
		}
		return w, nil
	}
}

// query runs SQL of a test's own, and gives the rows' only column.
func (f *fixture) query(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	rows, err := f.pool.Query(context.WithoutCancel(t.Context()), sql, args...)
	if err != nil {
		t.Fatalf("%v\n\t%s", err, sql)
	}
	all, err := collectTexts(rows)
	if err != nil {
		t.Fatalf("%v\n\t%s", err, sql)
	}
	return all
}
