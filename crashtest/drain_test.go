package crashtest

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"
)

const (
	// drainBound is the longest that a server may take to end after SIGTERM: its own bound for what is under way, 30 s, and
	// a while to close the database.
	drainBound = 40 * time.Second

	drains = 10
)

// TestDrain stops the server with SIGTERM at random instants while clients submit lists and follow them.
func TestDrain(t *testing.T) {
	t.Parallel()
	const users, passwords = 2000, 50 // passwords keep a backlog
	next := random(t)
	in := install(t)
	l := newLoad(in, in.first, newMaker(next(), passwords).lists(users))
	var longest time.Duration
	s := &scenario{in: in, loads: []*load{l}, ends: drains, random: next}
	s.end = func(ctx context.Context, life *life, _ moment) (bool, error) {
		spent, err := life.drain(ctx)
		longest = max(longest, spent)
		return true, err
	}
	s.run(t)
	l.verify(t, in.openDatabase(t))
	t.Logf("the longest stop took %s", longest.Round(time.Millisecond))
}

// drain ends a life with SIGTERM and says how long that took. The life must end by itself and in time, and where it had
// said that it listens, with exit code 0.
func (l *life) drain(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, drainBound, fmt.Errorf("the server did not end within %s of SIGTERM", drainBound))
	defer cancel()
	ready := isClosed(l.ready)
	began := time.Now()
	l.signal(syscall.SIGTERM)
	if err := l.awaitEnd(ctx); err != nil {
		return 0, err
	}
	if ready && !l.state.Success() {
		return 0, fmt.Errorf("the server's life %d ended after SIGTERM with %s", l.number, l.state)
	}
	return time.Since(began), nil
}
