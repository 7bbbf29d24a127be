package password_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"muster/password"
)

// TestPoolMemory holds the pool to the bound that its comment states, for a process with a memory limit. The limit is a
// soft one: on a busy machine the collector comes late. The test does not run in parallel, since limit and heap are those
// of the whole process.
func TestPoolMemory(t *testing.T) {
	const workers = 2
	one := uint64(password.DefaultParams().MemoryKiB) << 10
	read := func() (m runtime.MemStats) {
		runtime.ReadMemStats(&m)
		return m
	}
	debug.FreeOSMemory()
	before := read()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(before.Sys - before.HeapReleased + 2*workers*one)))

	pool, err := password.NewPool(password.Hasher{}, workers)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	peak := uint64(0)
	for range 100 {
		err := pool.Submit(t.Context(), password.Bulk, []byte("Q!@1assword"), func(string, error) {})
		if err != nil {
			t.Fatal(err)
		}
		peak = max(peak, read().HeapInuse)
	}
	grown := float64(peak-before.HeapInuse) / float64(one)
	if grown < 1 {
		t.Errorf("the heap grew by %.1f hashes' memory: nothing was measured", grown)
	}
	if grown > 4*workers {
		t.Errorf("the heap grew by %.1f hashes' memory, want at most %d", grown, 4*workers)
	}
}
