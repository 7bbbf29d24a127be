package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"muster/client"
)

// peak measures the most memory that is in use until stop is called, above what is in use now, in bytes.
func peak() (stop func() int64) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) //nolint:gosec // of a test
	}
	runtime.GC()
	before, most := heap(), make(chan int64)
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		highest := before
		for {
			select {
			case <-done:
				most <- max(highest, heap())
				return
			case <-tick.C:
				highest = max(highest, heap())
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-most - before
	}
}

// However long a file is, to upload it takes the memory of some thousand rows, on both ends together. Who follows a batch keeps no
// server from stopping.
func TestALargeUploadAndTheServersEnd(t *testing.T) { //nolint:paralleltest // it measures memory
	const rows, limit = 200_000, 128 << 20
	file, err := os.Create(filepath.Join(t.TempDir(), "people.csv")) //nolint:gosec // the test's own
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "account,phone,firstName,surname,email,password")
	for i := range rows {
		fmt.Fprintf(w, "user-%d,+4915%09d,Ann,Example,user-%d@example.org,Correct-Horse7\n", i, i, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	s := startedServer(t, nil)
	batches := s.caller(t, s.url()).Batches()
	stop := peak()
	batch, err := batches.Upload(t.Context(), file, client.FileOptions{Operation: client.Create, Match: client.ByAccount})
	used := stop()
	if err != nil || batch.Total != rows || used > limit {
		t.Fatalf("%d MiB were used, and %d are enough: %+v, %v", used>>20, limit>>20, batch, err)
	}
	for b, err := range batches.Follow(t.Context(), batch.ID) { // takes minutes, for all the passwords
		if err != nil {
			break
		}
		if b.Finished() {
			t.Error("it was too fast to be stopped")
		}
		go func() { _ = s.stop() }() // once, and what it returns, the test's end looks at
	}
	var failures bytes.Buffer
	if err := batches.Failures(t.Context(), &failures, batch.ID, "csv"); err == nil {
		t.Error("a server that has stopped answers")
	}
}
