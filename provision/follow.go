package provision

import (
	"context"
	"time"
)

const (
	// followEvery is the least time between two changes of a batch of which a follower is told, and idleEvery the most
	// between two looks at it.
	followEvery = 250 * time.Millisecond
	idleEvery   = 2 * time.Second
	// heartbeat is how long a follower is told nothing at most: shorter than proxies wait for.
	heartbeat = 15 * time.Second
)

// Follower is told how a batch goes on. Its errors say that nobody follows any more.
type Follower interface {
	// Changed tells of the batch as it is now: the last time when it is finished.
	Changed(p *Progress) error
	// Idle tells that nothing happened for a while.
	Idle() error
}

// Follow tells of a batch at once, and whenever it has changed, at most 4 times a second; that time passes is no change. It
// returns when the batch is finished, when ctx or stopping (nil never does) ends, and when to has an error, with none, or with
// that of reading the batch.
func Follow(
	ctx context.Context, stopping <-chan struct{}, first *Progress, read func(context.Context) (*Progress, error), to Follower,
) error {
	p, told := first, (*Progress)(nil)
	pause, silent := followEvery, time.Duration(0)
	for {
		switch {
		case told == nil || told.Batch != p.Batch:
			if to.Changed(p) != nil || p.Batch.Finished() {
				return nil
			}
			told, pause, silent = p, followEvery, 0
		case silent >= heartbeat:
			if to.Idle() != nil {
				return nil
			}
			silent = 0
		default:
			pause = min(2*pause, idleEvery)
		}
		timer := time.NewTimer(pause)
		over := false
		select {
		case <-timer.C:
			silent += pause
		case <-ctx.Done():
			over = true
		case <-stopping:
			over = true
		}
		timer.Stop()
		if over {
			return nil
		}
		var err error
		if p, err = read(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
