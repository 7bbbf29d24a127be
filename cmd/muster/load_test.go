package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/console"
	"muster/password"
)

// TestLoadIsWatched every ten seconds, also after a time without a database, and until the server stops.
func TestLoadIsWatched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan struct{})
		calls := 0 // of one goroutine
		w := watchLoad(&console.Load{}, func(ctx context.Context) (map[muster.ID]int64, error) {
			select {
			case asked <- struct{}{}:
			case <-ctx.Done():
			}
			if calls++; calls == 2 {
				return nil, errors.New("no database")
			}
			return nil, nil
		}, func() password.Stats { return password.Stats{} })
		<-asked
		began := time.Now()
		for range 3 {
			<-asked
		}
		if took := time.Since(began); took != 3*console.LoadEvery {
			t.Errorf("it looked three times within %s", took)
		}
		w.stop()
	})
}
