package dispatch

import (
	"context"
	"log/slog"
)

// tell has the nodes told, soon, to look for turns. Many calls become one notification.
func (d *River) tell() {
	select {
	case d.look <- struct{}{}:
	default:
	}
}

// telling notifies the nodes until ctx ends. It does so in transactions that write nothing: PostgreSQL commits one
// transaction with a notification at a time, and Submit's, which wait for the disk, would stand in a queue.
func (d *River) telling(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-d.look:
		case <-ctx.Done():
			d.notifyLast(ctx)
			return
		}
		if err := d.notify(ctx); err != nil && ctx.Err() == nil {
			d.logger.LogAttrs(ctx, slog.LevelWarn, "nodes cannot be told to look for turns, which they do by themselves",
				slog.Any("error", err))
			sleep(ctx, retryMost)
		}
		sleep(ctx, fetchCooldown)
	}
}

// notifyLast tells the nodes of turns that this one, whose context has ended, leaves to them.
func (d *River) notifyLast(ctx context.Context) {
	select {
	case <-d.look:
		_ = d.notify(context.WithoutCancel(ctx)) // they look by themselves soon
	default:
	}
}

func (d *River) notify(ctx context.Context) error {
	if d.pollOnly {
		return nil
	}
	return within(ctx, graceTime, func(ctx context.Context) error {
		_, err := d.pool.Exec(ctx, notify)
		return err
	})
}
