package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"muster/secret"
)

// refreshEvery is how often a server looks for keys that another one has made: a rotation is over soon after all have.
const refreshEvery = time.Minute

// keyRefresher has a server hear of rotations by others, and finish what they could not while it still sealed under an older key.
type keyRefresher struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

func refreshKeys(in *installation, every time.Duration) *keyRefresher {
	ctx, cancel := context.WithCancel(context.Background())
	r := &keyRefresher{cancel: cancel}
	r.ended.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for failing := false; ; {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			_, err := in.keys.Refresh(ctx, in.store)
			if errors.Is(err, secret.ErrKeyInUse) { // by a server that has not looked yet
				err = nil
			}
			if err != nil && !failing && ctx.Err() == nil {
				in.options.logger.LogAttrs(ctx, slog.LevelWarn, "keys cannot be loaded, which is tried again", slog.Any("error", err))
			}
			failing = err != nil
		}
	})
	return r
}

func (r *keyRefresher) stop() {
	r.cancel()
	r.ended.Wait()
}
