package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"muster"
)

// acceptUntilKilled accepts batches in the working folder, from several goroutines and for ever, and prints the id of each when it is acknowledged.
func acceptUntilKilled() error {
	f, err := newFixture(context.Background(), ".", Options{walFrames: 256})
	if err != nil {
		return err
	}
	errs := make(chan error)
	for range 4 {
		go func() {
			for {
				id, err := f.accept(context.Background(), 3, 20_000)
				if err == nil {
					_, err = fmt.Println(id)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

func TestAcknowledgedBatchesSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var acknowledged []muster.ID
	for round := range 5 {
		acknowledged = append(acknowledged, acceptAndKill(t, dir, 20*(round+1)+round)...)
		f, err := newFixture(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkAccepted(t, f, acknowledged)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// acceptAndKill runs a child until it has acknowledged so many batches, kills it, and gives all that it acknowledged.
func acceptAndKill(t *testing.T, dir string, after int) []muster.ID {
	t.Helper()
	child := exec.Command(self(t))
	child.Dir = dir
	child.Env = append(os.Environ(), childMode+"=accept")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var kill sync.Once
	defer func() { kill.Do(func() { _ = child.Process.Kill() }) }()
	var ids []muster.ID
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		id, err := muster.ParseID(lines.Text())
		if err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		ids = append(ids, id)
		if len(ids) == after {
			kill.Do(func() { err = child.Process.Kill() })
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if len(ids) < after {
		t.Fatalf("the child ended after %d batches, want %d", len(ids), after)
	}
	return ids
}

// self is this program.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// checkAccepted looks for each acknowledged batch, and whether what is there is whole.
func checkAccepted(t *testing.T, f *fixture, acknowledged []muster.ID) {
	t.Helper()
	works, err := f.Next(t.Context(), muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}, nil, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(map[muster.ID]bool)
	for _, w := range works {
		waiting[w.Chunk.Batch] = len(w.Chunk.Payload) == 20_000 && w.Chunk.Rows == w.Batch.Total
	}
	for _, id := range acknowledged {
		if !waiting[id] {
			t.Errorf("batch %s was acknowledged and does not wait whole", id)
		}
	}
	for id, whole := range waiting {
		if !whole {
			t.Errorf("batch %s is there in part", id)
		}
	}
	shot, err := f.Snapshot(t.Context(), f.tenant, muster.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	if shot.Usage.QueuedRows != int64(3*len(works)) || shot.Usage.QueuedBytes != int64(20_000*len(works)) {
		t.Errorf("the queue counts %d rows and %d bytes of %d batches", shot.Usage.QueuedRows, shot.Usage.QueuedBytes, len(works))
	}
	err = f.readers.read(t.Context(), func(q querier) error {
		if found := names(t, q.(*conn).sql, "PRAGMA integrity_check"); len(found) != 1 || found[0] != "ok" {
			t.Errorf("integrity check: %q", found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
