package provision

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"muster"
)

// listener counts what it is told.
type listener struct {
	changes, idle int
	last          muster.Batch
	gone          error // what it answers
}

func (l *listener) Changed(p *Progress) error {
	l.changes, l.last = l.changes+1, p.Batch
	return l.gone
}

func (l *listener) Idle() error {
	l.idle++
	return l.gone
}

// follow follows a batch that is as at says at each moment, and says how long.
func (l *listener) follow(t *testing.T, ctx context.Context, stopping <-chan struct{}, at func(since time.Duration) (muster.Batch, error)) (took time.Duration, err error) {
	t.Helper()
	start := time.Now()
	read := func(context.Context) (*Progress, error) {
		b, err := at(time.Since(start))
		return &Progress{Batch: b, Remaining: time.Since(start)}, err
	}
	first, err := read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = Follow(ctx, stopping, first, read, l)
	return time.Since(start), err
}

// A follower is told at most 4 times a second, when something happened, and now and then that nothing does.
func TestBatchesAreFollowedAtAPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l listener
		took, err := l.follow(t, t.Context(), nil, func(since time.Duration) (muster.Batch, error) {
			b := muster.Batch{Total: 100}
			switch { // a row each 10 ms for a second, then nothing for a minute, then all at once
			case since < time.Second:
				b.Succeeded = int(since / (10 * time.Millisecond))
			case since < time.Minute:
				b.Succeeded = 99
			default:
				b.Succeeded = 100
			}
			return b, nil
		})
		if err != nil || l.changes < 5 || l.changes > 7 || l.idle < 3 || l.idle > 4 || !l.last.Finished() {
			t.Errorf("%d changes up to %+v, %d times nothing, %v", l.changes, l.last, l.idle, err)
		}
		if took < time.Minute || took > time.Minute+idleEvery {
			t.Errorf("it took %s", took)
		}
	})
}

// Following ends when nobody follows any more, when the server stops, and when the batch cannot be read.
func TestFollowingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		waiting := func(time.Duration) (muster.Batch, error) { return muster.Batch{Total: 1}, nil }
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if took, err := new(listener).follow(t, ctx, nil, waiting); err != nil || took != 10*time.Second {
			t.Errorf("its context over, it ended after %s, %v", took, err)
		}
		gone := &listener{gone: errors.New("gone")}
		if took, err := gone.follow(t, t.Context(), nil, waiting); err != nil || took != 0 || gone.changes != 1 {
			t.Errorf("its follower gone, it ended after %s, %v", took, err)
		}
		stopping := make(chan struct{})
		timer := time.AfterFunc(20*time.Second, func() { close(stopping) })
		defer timer.Stop()
		if took, err := new(listener).follow(t, t.Context(), stopping, waiting); err != nil || took != 20*time.Second {
			t.Errorf("the server stopping, it ended after %s, %v", took, err)
		}
		trouble := errors.New("trouble")
		_, err := new(listener).follow(t, t.Context(), nil, func(since time.Duration) (muster.Batch, error) {
			if since > time.Second {
				return muster.Batch{}, trouble
			}
			return muster.Batch{Total: 1}, nil
		})
		if !errors.Is(err, trouble) {
			t.Errorf("the batch gone, it ended with %v", err)
		}
	})
}
