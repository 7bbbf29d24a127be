package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
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
	tenant muster.ID
	ids    *muster.IDSource
}

var fixtureTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newFixture opens the store in a folder, and makes its key and tenant if it has none.
func newFixture(ctx context.Context, dir string, options Options) (*fixture, error) {
	s, err := Open(ctx, dir, options)
	if err != nil {
		return nil, err
	}
	floor, err := s.IDFloor(ctx)
	if err != nil {
		return nil, err
	}
	f := &fixture{Store: s, tenant: 1}
	if f.ids, err = muster.NewIDSource(1, floor, time.Now); err != nil {
		return nil, err
	}
	if started, err := s.Initialised(ctx); err != nil || started {
		return f, err
	}
	key := secret.KeyRecord{Purpose: secret.PurposeWrap, Version: 1, Wrapped: []byte("wrapped"), MasterID: "mk", CreatedAt: fixtureTime}
	if err := s.AddKeys(ctx, key); err != nil {
		return nil, err
	}
	id, err := f.ids.Next()
	if err != nil {
		return nil, err
	}
	tenant := &muster.Tenant{ID: f.tenant, Name: "tenant", RootDepartment: 2, CreatedAt: fixtureTime}
	return f, s.CreateTenant(ctx, tenant, &muster.User{ID: id, Account: "admin", AccountKey: "admin"}, id)
}

// blank is a database without anything in it. To make one takes longer than most tests do.
var blank = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "muster")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := Open(context.Background(), dir, Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, FileName))
})

// blankFolder makes a folder with such a database.
func blankFolder(t testing.TB) string {
	t.Helper()
	file, err := blank()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openFixture(t testing.TB, options Options) *fixture {
	t.Helper()
	f, err := newFixture(t.Context(), blankFolder(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

var blobs atomic.Int64

// blob looks like something sealed under key version 1.
func blob() []byte {
	return fmt.Appendf([]byte{1, 0, 0, 0, 1}, "%060d", blobs.Add(1))
}

// acceptance is a batch of rows in one chunk with so much payload.
func (f *fixture) acceptance(rows, payload int) (*provision.Acceptance, error) {
	id, err := f.ids.Next()
	if err != nil {
		return nil, err
	}
	a := &provision.Acceptance{
		Batch: muster.Batch{
			Tenant: f.tenant, ID: id, Contract: muster.ContractKooDrive, Lane: muster.LaneCreate, Total: rows, AcceptedAt: fixtureTime,
		},
		PayloadKey: blob(), KeptKey: blob(), LastID: id, Admission: provision.Admission{Rows: 1 << 40, Bytes: 1 << 40},
	}
	c := muster.Chunk{Tenant: f.tenant, Batch: id, Rows: rows, Payload: make([]byte, payload)}
	if c.FirstID, err = f.ids.Run(rows); err != nil {
		return nil, err
	}
	if c.FirstUser, err = f.ids.Run(rows); err != nil {
		return nil, err
	}
	a.LastID, a.Chunks = c.FirstUser+muster.ID(rows-1), []muster.Chunk{c}
	return a, nil
}

func (f *fixture) accept(ctx context.Context, rows, payload int) (muster.ID, error) {
	a, err := f.acceptance(rows, payload)
	if err != nil {
		return 0, err
	}
	accepted, err := f.Accept(ctx, a)
	return accepted.Batch, err
}

func (f *fixture) mustAccept(t testing.TB, rows, payload int) muster.ID {
	t.Helper()
	id, err := f.accept(t.Context(), rows, payload)
	if err != nil {
		t.Fatal(err)
	}
	return id
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

func (f *fixture) applyAll(t testing.TB) {
	t.Helper()
	works, err := f.Next(t.Context(), muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}, nil, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	chunks := make([]muster.Chunk, len(works))
	for i := range works {
		chunks[i] = works[i].Chunk
	}
	if err := f.Apply(t.Context(), f.tenant, chunks, muster.Keys{}, skipAll(works)); err != nil {
		t.Fatal(err)
	}
}
