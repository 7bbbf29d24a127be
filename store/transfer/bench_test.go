package transfer_test

import (
	"testing"
	"time"

	"muster/store/postgres"
	"muster/store/transfer"
)

// BenchmarkCopy copies users who have all that a user can have, and tells how fast each step is.
func BenchmarkCopy(b *testing.B) {
	const users = 50_000
	dir := fill(b, map[string]int{"users": users})
	var took [transfer.Checking + 1]time.Duration
	for b.Loop() {
		began, step := time.Now(), transfer.Copying
		_, err := copyAll(b.Context(), dir, server.Database(b, ""), postgres.Options{}, func(p transfer.Progress) {
			if p.Step != step {
				took[step] += time.Since(began)
				began, step = time.Now(), p.Step
			}
		})
		must(b, err)
		took[step] += time.Since(began)
	}
	n := float64(b.N * users)
	b.ReportMetric(n/took[transfer.Copying].Seconds(), "copied/s")
	b.ReportMetric(n/took[transfer.Checking].Seconds(), "checked/s")
	b.ReportMetric(n/(took[transfer.Copying]+took[transfer.Checking]).Seconds(), "users/s")
}
