package provision

import (
	"context"
	"log/slog"
)

// purge forgets finished batches past their retention, in small steps between which other writers come first. A fault
// leaves the rest to the next round.
func (e *Engine) purge(ctx context.Context) {
	if err := e.purgeAll(ctx); err != nil && ctx.Err() == nil {
		e.Logger.LogAttrs(ctx, slog.LevelWarn, "purging finished batches stopped and will be tried again", slog.Any("error", err))
	}
}

func (e *Engine) purgeAll(ctx context.Context) error {
	tenants, err := e.Store.Tenants(ctx)
	if err != nil {
		return err
	}
	for i := range tenants {
		for {
			found, err := e.Store.Purge(ctx, tenants[i].ID, e.Now().Add(-e.Retention), purgeStep)
			if err != nil {
				return err
			}
			if !found {
				break
			}
			e.metrics.purged.Inc()
		}
	}
	return nil
}
