package crashtest

import (
	"context"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestKill kills the server at random instants of its life while clients submit lists and follow them.
func TestKill(t *testing.T) {
	t.Parallel()
	users, kills := setting(t, usersVariable, 6000), setting(t, killsVariable, 12)
	const passwords = 30 // lists in a hundred
	next := random(t)
	in := install(t)
	l := newLoad(in, in.first, newMaker(next(), passwords).lists(users))
	r := next()
	s := &scenario{in: in, loads: []*load{l}, ends: kills, random: next}
	s.end = func(ctx context.Context, life *life, m moment) (bool, error) { return s.kill(ctx, r, life, m) }
	s.run(t)
	l.verify(t, in.openDatabase(t))
}

// kill ends a life with SIGKILL. A life that is about to stop is first told to, and killed while it does so. Then it copies
// all of the WAL into the database; that this meets a SIGKILL is left to chance nowhere else. It may be faster, and end
// by itself.
func (s *scenario) kill(ctx context.Context, r *rand.Rand, l *life, m moment) (bool, error) {
	before, err := s.in.databaseModified()
	if err != nil {
		return false, err
	}
	if m == stopping {
		if err := s.stopping(ctx, r, l); err != nil {
			return false, err
		}
	}
	l.signal(syscall.SIGKILL)
	if err := l.awaitEnd(ctx); err != nil {
		return false, err
	}
	status, ok := l.state.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL {
		return false, nil
	}
	after, err := s.in.databaseModified()
	if !after.Equal(before) {
		s.tally["checkpoint begun"]++
	}
	return true, err
}

// stopping tells a life to stop and waits for a random while: of its stop as a whole, or since its checkpoint began.
func (s *scenario) stopping(ctx context.Context, r *rand.Rand, l *life) error {
	before, err := s.in.databaseModified()
	if err != nil {
		return err
	}
	l.signal(syscall.SIGTERM)
	if r.IntN(2) == 0 {
		return pause(ctx, spread(r, 100*time.Microsecond, 200*time.Millisecond))
	}
	if err := s.in.awaitCheckpoint(ctx, l, before); err != nil {
		return err
	}
	return pause(ctx, spread(r, 20*time.Microsecond, 5*time.Millisecond))
}

// databaseModified is when the database file was last written to, which in WAL mode only a checkpoint does.
func (in *installation) databaseModified() (time.Time, error) {
	info, err := os.Stat(in.database())
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// awaitCheckpoint waits until the database file is another than before, but not for ever.
func (in *installation) awaitCheckpoint(ctx context.Context, l *life, before time.Time) error {
	timer := time.NewTimer(eventPatience)
	defer timer.Stop()
	look := time.NewTicker(200 * time.Microsecond) // no event tells of it
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if now, err := in.databaseModified(); err != nil || !now.Equal(before) {
				return err
			}
		case <-timer.C:
			return nil
		case <-l.ended:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
