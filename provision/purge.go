package provision

import (
	"context"
	"log/slog"
	"time"

	"muster"
)

// purge forgets finished batches past their retention, and what was done and happened past theirs, in small steps between which other writers come first. A fault
// leaves the rest to the next round.
func (e *Engine) purge(ctx context.Context) {
	if err := e.purgeAll(ctx); err != nil && ctx.Err() == nil {
		e.Logger.LogAttrs(ctx, slog.LevelWarn, "purging what is past its retention stopped and will be tried again", slog.Any("error", err))
	}
}

// eventsKept is how long events on their way to webhooks are kept, and at least as long as batches are.
const eventsKept = 30 * 24 * time.Hour

func (e *Engine) purgeAll(ctx context.Context) error {
	tenants, err := e.Store.Tenants(ctx)
	if err != nil {
		return err
	}
	if err := e.purgeTrail(ctx, 0); err != nil {
		return err
	}
	for i := range tenants {
		err := e.purgeSteps(func() (bool, error) {
			return e.Store.Purge(ctx, tenants[i].ID, e.Now().Add(-e.Retention), purgeStep)
		})
		if err != nil {
			return err
		}
		if err := e.purgeTrail(ctx, tenants[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// purgeTrail forgets what was done to the tenant, or to the installation where that is 0, and events.
func (e *Engine) purgeTrail(ctx context.Context, tenant muster.ID) error {
	return e.purgeSteps(func() (bool, error) {
		now := e.Now()
		return e.Store.PurgeTrail(ctx, tenant, now.Add(-e.AuditRetention), now.Add(-max(eventsKept, e.Retention)), purgeStep)
	})
}

// purgeSteps takes steps until one finds nothing.
func (e *Engine) purgeSteps(step func() (found bool, err error)) error {
	for {
		found, err := step()
		if err != nil || !found {
			return err
		}
		e.metrics.purged.Inc()
	}
}
