package main

import (
	"context"
	"os"
	"sync"
	"time"

	"muster"
	"muster/console"
	"muster/password"
)

// loadWatcher looks what a server has to do, for the console to draw.
type loadWatcher struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// watchLoad adds a sample every [console.LoadEvery], until it is stopped. What cannot be read is left out: the server's health
// says why.
func watchLoad(load *console.Load, queued func(context.Context) (map[muster.ID]int64, error), hashed func() password.Stats) *loadWatcher {
	ctx, cancel := context.WithCancel(context.Background())
	w := &loadWatcher{cancel: cancel}
	w.ended.Go(func() {
		ticker := time.NewTicker(console.LoadEvery)
		defer ticker.Stop()
		for {
			if rows, err := queued(ctx); err == nil {
				s := hashed()
				load.Add(console.Sample{At: time.Now(), Hashed: s.Interactive.Hashed + s.Bulk.Hashed, Queued: rows})
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return w
}

func (w *loadWatcher) stop() {
	w.cancel()
	w.ended.Wait()
}

// nodes are the servers of the installation: those that share its database, or this one.
func (s *server) nodes(began time.Time) func(context.Context) ([]muster.Node, error) {
	if s.held.shared != nil {
		return s.held.shared.Nodes
	}
	return func(context.Context) ([]muster.Node, error) {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		return []muster.Node{{Number: s.held.options.node, Name: host, Since: began, HeardAt: time.Now(), OK: true}}, nil
	}
}
