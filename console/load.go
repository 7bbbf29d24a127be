package console

import (
	"math"
	"slices"
	"sync"
	"time"

	"muster"
)

const (
	// LoadEvery is how often a server looks what it has to do.
	LoadEvery = 10 * time.Second
	// loadMinutes is for how many minutes that is kept.
	loadMinutes = 60
)

// Sample is what a server had to do at a time.
type Sample struct {
	At     time.Time
	Hashed uint64              // passwords hashed since the server began
	Queued map[muster.ID]int64 // rows that wait, of the tenants of whom any do
}

// Load is what a server had to do in the last hour. The zero value is ready; it is safe for concurrent use.
type Load struct {
	mu      sync.Mutex
	samples []Sample // the earliest first
}

// Add takes a sample, and forgets those that are an hour older. Nobody changes its Queued afterwards. Where the clock was put
// back, what lies ahead is forgotten.
func (l *Load) Add(s Sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = slices.DeleteFunc(l.samples, func(old Sample) bool {
		return s.At.Sub(old.At) > (loadMinutes+1)*time.Minute || !old.At.Before(s.At)
	})
	l.samples = append(l.samples, s)
}

// minutes gives for each of the last minutes, the earliest first, how many rows of the tenant waited at its end, and how many
// passwords a second the server hashed in it. NaN is of minutes of which nothing is known.
func (l *Load) minutes(now time.Time, tenant muster.ID) (queued, hashed []float64) {
	queued, hashed = unknown(loadMinutes), unknown(loadMinutes)
	l.mu.Lock()
	defer l.mu.Unlock()
	var before *Sample // the last one of the minutes before
	for i := range l.samples {
		s := &l.samples[i]
		at := minuteOf(now, s.At)
		if at >= loadMinutes {
			break
		}
		if last := i+1 == len(l.samples) || minuteOf(now, l.samples[i+1].At) != at; !last {
			continue
		}
		if at >= 0 {
			queued[at] = float64(s.Queued[tenant])
			if before != nil {
				hashed[at] = float64(s.Hashed-before.Hashed) / s.At.Sub(before.At).Seconds()
			}
		}
		before = s
	}
	return queued, hashed
}

// minuteOf is the index of the minute of a time among the last ones, negative for those before.
func minuteOf(now, at time.Time) int {
	return loadMinutes - 1 - int(math.Floor(now.Sub(at).Minutes()))
}

func unknown(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }
