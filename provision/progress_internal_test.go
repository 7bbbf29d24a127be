package provision

import (
	"testing"
	"time"

	"muster"
)

func TestRemaining(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	began := func(ago time.Duration) time.Time { return now.Add(-ago) }
	for name, c := range map[string]struct {
		batch  muster.Batch
		hash   time.Duration
		hashed float64
		left   time.Duration
		known  bool
	}{
		"finished":          {batch: muster.Batch{Total: 5, Succeeded: 3, Failed: 1, Skipped: 1, StartedAt: began(time.Hour)}, known: true},
		"behind others":     {batch: muster.Batch{Total: 5, Passwords: 5}, hash: time.Second, hashed: 1},
		"just begun":        {batch: muster.Batch{Total: 1e6, Succeeded: 900, StartedAt: began(100 * time.Millisecond)}},
		"its own rate":      {batch: muster.Batch{Total: 10_000, Succeeded: 2000, Skipped: 500, StartedAt: began(10 * time.Second)}, left: 30 * time.Second, known: true},
		"few rows, long":    {batch: muster.Batch{Total: 20, Succeeded: 4, StartedAt: began(4 * time.Second)}, left: 16 * time.Second, known: true},
		"too few rows":      {batch: muster.Batch{Total: 100, Succeeded: 4, StartedAt: began(4 * time.Second)}},
		"passwords to hash": {batch: muster.Batch{Total: 1000, Passwords: 500, Succeeded: 50, StartedAt: began(time.Second)}, hash: 20 * time.Millisecond, hashed: 1, left: 9500 * time.Millisecond, known: true},
		"a dry run hashes nothing": {
			batch: muster.Batch{Mode: muster.ModeDryRun, Total: 1000, Passwords: 1000, Succeeded: 50, StartedAt: began(time.Second)}, hash: time.Second, hashed: 1,
		},
		"a check, then the run": {
			batch: muster.Batch{Mode: muster.ModeCheck, Guarded: true, Total: 10_000, Checked: 5000, StartedAt: began(5 * time.Second)}, left: 15 * time.Second, known: true,
		},
		"a check, then hashing": {
			batch: muster.Batch{Mode: muster.ModeCheck, Guarded: true, Total: 10_000, Passwords: 10_000, Checked: 5000, StartedAt: began(5 * time.Second)},
			hash:  20 * time.Millisecond, hashed: 0.5, left: 100 * time.Second, known: true,
		},
		"a guarded run": {
			batch: muster.Batch{Guarded: true, Total: 10_000, Checked: 10_000, Succeeded: 5000, StartedAt: began(15 * time.Second)}, left: 5 * time.Second, known: true,
		},
		"being cancelled": {batch: muster.Batch{Mode: muster.ModeCancelled, Total: 10_000, Succeeded: 5000, StartedAt: began(time.Hour)}},
	} {
		f := forecast{batch: &c.batch, now: now, hash: c.hash, hashed: c.hashed}
		if left, known := f.remaining(); left != c.left || known != c.known {
			t.Errorf("%s: %s, %t; want %s, %t", name, left, known, c.left, c.known)
		}
	}
}

// A hash's time is that between one and the next while some wait, not the time in which there was nothing to hash.
func TestPace(t *testing.T) {
	t.Parallel()
	var p pace
	now := time.Unix(1_700_000_000, 0)
	if p.hash() != 0 {
		t.Errorf("before the first measurement a hash takes %s", p.hash())
	}
	for range 3 {
		for range paceHashes + 1 {
			p.begin(now)
		}
		p.giveUp()
		for range paceHashes {
			now = now.Add(20 * time.Millisecond)
			p.end(now)
		}
		if p.hash() != 20*time.Millisecond {
			t.Errorf("a hash takes %s, want 20ms", p.hash())
		}
		now = now.Add(time.Hour)
	}
}
