package crashtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// moment is what the server is about when its end is near. The instant itself is random: it lies some time after.
type moment int

const (
	applying   moment = iota // a batch was acknowledged
	submitting               // a batch was sent
	starting                 // the process was started
	stopping                 // a batch was acknowledged, and the end is one that begins in good order, where there is such
	listening                // it said that it listens
	moments
)

func (m moment) String() string {
	return [...]string{"applying", "submitting", "starting", "stopping", "listening"}[m]
}

// scenario ends the server again and again while clients go on, then lets it finish.
type scenario struct {
	in     *installation
	loads  []*load
	ends   int
	random func() *rand.Rand
	// end ends a life and returns when it is over. It reports whether that was an end of the kind that is to be counted.
	end func(context.Context, *life, moment) (bool, error)
	// during is called in lives that are ready, before anything new is released, and between between two lives; nil for
	// nothing. Both are called by the test's goroutine.
	during, between func(context.Context) error

	r        *rand.Rand
	startups []time.Duration // of the lives that became ready
	tally    map[string]int  // what ends met
}

// limit is when a scenario is given up, from generous bounds on what its parts take.
func (s *scenario) limit() time.Duration {
	users := 0
	for _, l := range s.loads {
		for _, list := range l.lists {
			users += len(list)
		}
	}
	return time.Minute + time.Duration(s.ends)*2*time.Second + time.Duration(users)*5*time.Millisecond
}

// run plays the scenario. When it returns, the server has stopped in good order with nothing left to do, and every
// acknowledged task is finished and was read.
func (s *scenario) run(t *testing.T) {
	t.Helper()
	s.r, s.tally = s.random(), map[string]int{}
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(t.Context(), s.limit(), errors.New("the scenario took too long"))
	defer cancel()
	stoppable, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	group, working := errgroup.WithContext(stoppable)
	for _, l := range s.loads {
		l.run(working, group, s.random)
	}
	err := s.endAgainAndAgain(working)
	if err != nil {
		stop(err)
	}
	if err = cmp.Or(err, group.Wait()); err != nil { // waits whatever err is
		t.Fatalf("%v; unfinished: %s", err, s.unfinished())
	}
	if err := s.in.latest().finish(ctx); err != nil {
		t.Fatal(err)
	}
	s.report(t, time.Since(began))
}

// endAgainAndAgain lives all lives, the last ones until everything is finished.
func (s *scenario) endAgainAndAgain(ctx context.Context) error {
	done := 0
	for i := 0; done < s.ends && i < 2*s.ends; i++ {
		counts, err := s.live(ctx, moment(i)%moments, done)
		if err != nil {
			return err
		}
		if counts {
			done++
		}
	}
	if done < s.ends {
		return fmt.Errorf("of %d lives only %d had the end that they should", 2*s.ends, done)
	}
	return s.lastLives(ctx)
}

// live is one life up to its end. done is how many ends counted before.
func (s *scenario) live(ctx context.Context, m moment, done int) (counts bool, err error) {
	l, err := s.in.start()
	if err != nil {
		return false, err
	}
	if s.during != nil && m != starting {
		if err := l.awaitReady(ctx); err != nil {
			return false, err
		}
		if err := s.during(ctx); err != nil {
			return false, err
		}
	}
	for _, load := range s.loads {
		load.release(s.r, done+1, s.ends+1)
	}
	if err := s.await(ctx, l, m); err != nil {
		return false, err
	}
	s.note(l, m)
	if err := l.endedByItself(); err != nil {
		return false, err
	}
	if counts, err = s.end(ctx, l, m); err != nil || s.between == nil {
		return counts, err
	}
	return counts, s.between(ctx)
}

// lastLives finish what is left. The last but one is ended when a backlog was acknowledged and nothing else is to be sent, so
// that in the last nothing but the server's own start makes it go on.
func (s *scenario) lastLives(ctx context.Context) error {
	l, err := s.in.start()
	if err != nil {
		return err
	}
	for _, load := range s.loads {
		load.release(s.r, 1, 1)
	}
	for _, load := range s.loads {
		if err := l.until(ctx, load.nearly); err != nil {
			return err
		}
	}
	for _, load := range s.loads {
		load.releaseLast()
	}
	for _, load := range s.loads {
		if err := l.until(ctx, load.submitted); err != nil {
			return err
		}
	}
	if _, err := s.end(ctx, l, listening); err != nil {
		return err
	}
	if l, err = s.in.start(); err != nil {
		return err
	}
	for _, load := range s.loads {
		if err := l.until(ctx, load.finished); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the moment, and then for a random while.
func (s *scenario) await(ctx context.Context, l *life, m moment) error {
	if m == starting {
		return pause(ctx, time.Duration(s.r.Float64()*1.2*float64(s.usualStart())))
	}
	if err := l.awaitReady(ctx); err != nil {
		return err
	}
	s.startups = append(s.startups, l.startup)
	switch m {
	case submitting:
		if err := l.wrote.await(ctx, l); err != nil {
			return err
		}
		return pause(ctx, spread(s.r, 50*time.Microsecond, 30*time.Millisecond))
	case applying, stopping:
		if err := l.answered.await(ctx, l); err != nil {
			return err
		}
		return pause(ctx, spread(s.r, 100*time.Microsecond, 300*time.Millisecond))
	default:
		return pause(ctx, spread(s.r, 100*time.Microsecond, 50*time.Millisecond))
	}
}

// pause lets a random while pass: the instants of the ends are the one thing that no event can tell, or it would always be
// the same work that they meet.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// usualStart is the shortest start seen.
func (s *scenario) usualStart() time.Duration {
	usual := time.Second
	for _, d := range s.startups {
		usual = min(usual, d)
	}
	return usual
}

// eventPatience is how long an end waits for its moment, which may not come: all that was released may be done.
const eventPatience = 2 * time.Second

// await waits for the signal, but not for ever.
func (s *signal) await(ctx context.Context, l *life) error {
	timer := time.NewTimer(eventPatience)
	defer timer.Stop()
	select {
	case <-s.c:
	case <-timer.C:
	case <-l.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// note counts what an end meets.
func (s *scenario) note(l *life, m moment) {
	var inFlight int64
	unfinished := 0
	for _, load := range s.loads {
		inFlight += load.inFlight.Load()
		unfinished += len(load.unfinished())
	}
	s.tally["after "+m.String()]++
	if !isClosed(l.ready) {
		s.tally["before ready"]++
	}
	if isClosed(l.ready) && inFlight > 0 {
		s.tally["batch in flight"]++
	}
	if unfinished > 0 {
		s.tally["tasks not seen finished"]++
	}
}

func (s *scenario) unfinished() string {
	var b strings.Builder
	for _, l := range s.loads {
		for _, task := range l.unfinished() {
			_, _ = fmt.Fprintf(&b, "%s ", task)
		}
	}
	return b.String()
}

func (s *scenario) report(t *testing.T, spent time.Duration) {
	t.Helper()
	t.Logf("%d ends in %s, start-up %s: %v", s.ends, spent.Round(time.Millisecond), s.usualStart().Round(time.Millisecond), s.tally)
	for i, l := range s.loads {
		t.Logf("load %d: %d lists with %d distinct users; %+v", i, len(l.lists), len(l.keys()), l.tally)
	}
}
