package postgres

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"sync"
	"time"

	"muster"
)

const (
	// reserveFor is for how long ahead ids are reserved, and after which time others may take the number of a process of which
	// nothing is heard.
	reserveFor = time.Minute
	// reserveEvery is how often that is done again, and reserveAgain how soon after it failed.
	reserveEvery = 20 * time.Second
	reserveAgain = time.Second
	// reserveTime bounds a try.
	reserveTime = 5 * time.Second
)

// Reservation has ids of a node number reserved for a source, ever further ones, until it is closed.
//
// The number is this process's until nothing was heard of it for a minute; then another may take it, and makes ids above all
// that were reserved. So neither the clocks of nodes nor the database's can have an id made twice, nor can a process that
// stood still. One that finds its number taken takes another.
type Reservation struct {
	store  *Store
	ids    *muster.IDSource
	now    func() time.Time
	logger *slog.Logger
	owner  string // a name of this process that no other has or had

	number int  // -1: none
	clock  bool // whether this machine's clock was found to be right

	stop  context.CancelFunc
	ended sync.WaitGroup
}

// ReserveIDs has ids reserved for a source made by [muster.NewReservedIDSource], which has some when it returns. now is the
// source's clock. KindUnavailable if all node numbers are taken. The logger hears of trouble.
func (s *Store) ReserveIDs(ctx context.Context, ids *muster.IDSource, now func() time.Time, logger *slog.Logger) (*Reservation, error) {
	r := s.newReservation(ids, now, logger)
	if err := r.reserve(ctx); err != nil {
		return nil, explain("reserve ids", err)
	}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.ended.Go(func() { r.keep(keeping, reserveEvery) })
	return r, nil
}

func (s *Store) newReservation(ids *muster.IDSource, now func() time.Time, logger *slog.Logger) *Reservation {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Reservation{store: s, ids: ids, now: now, logger: logger, owner: host + "-" + rand.Text(), number: -1, clock: true}
}

// Close gives the number back, or leaves it to be free after a minute if the database is away. The source makes no more ids.
func (r *Reservation) Close() {
	r.stop()
	r.ended.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), reserveTime)
	defer cancel()
	if err := r.release(ctx); err != nil {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "this process's node number cannot be given back, and is free in a minute", slog.Any("error", err))
	}
}

func (r *Reservation) release(ctx context.Context) error {
	last := r.ids.Release()
	return r.store.writeOutside(ctx, func(t *tx) error {
		t.exec(releaseNumber, r.number, r.owner, last)
		return nil
	})
}

// keep reserves further ids until ctx ends.
func (r *Reservation) keep(ctx context.Context, every time.Duration) {
	timer := time.NewTimer(every)
	defer timer.Stop()
	for failing := false; ; {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		err := r.reserve(ctx)
		switch {
		case err == nil:
			timer.Reset(every)
		case ctx.Err() != nil:
			return
		default:
			timer.Reset(min(every, reserveAgain))
			if !failing {
				r.logger.LogAttrs(ctx, slog.LevelWarn, "ids cannot be reserved, which is tried again", slog.Any("error", err))
			}
		}
		failing = err != nil
	}
}

// reserve reserves ids of the number, or of another if it is no longer this process's.
func (r *Reservation) reserve(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reserveTime)
	defer cancel()
	if r.number >= 0 {
		if held, err := r.extend(ctx); err != nil || held {
			return err
		}
		r.logger.LogAttrs(ctx, slog.LevelWarn, "another process has this one's node number, since nothing was heard of it; it takes another",
			slog.Int("number", r.number))
	}
	return r.take(ctx)
}

// extend reserves further ids of the number. held is false if it is another's.
func (r *Reservation) extend(ctx context.Context) (held bool, err error) {
	before := r.now()
	upTo := muster.LastIDAt(before.Add(reserveFor))
	var there time.Time
	var n int64
	err = r.store.writeOutside(ctx, func(t *tx) error {
		t.row([]any{moment{&there}}, selectClock)
		t.count(&n, extendNumber, r.number, r.owner, reserveFor.Microseconds(), upTo)
		return nil
	})
	if err != nil || n == 0 {
		return false, err
	}
	r.checkClock(ctx, before, there)
	return true, r.ids.Reserve(r.number, 0, upTo)
}

var errNoNumber = &muster.Error{
	Kind: muster.KindUnavailable, RetryAfter: reserveFor,
	Detail: "All 1024 node numbers are taken: stop processes that use the database, or wait for a minute if they were killed.",
}

// take takes the smallest number that is free and of which no id was made that is ahead of this machine's clock.
func (r *Reservation) take(ctx context.Context) error {
	before := r.now()
	upTo := muster.LastIDAt(before.Add(reserveFor))
	var there time.Time
	var last muster.ID
	number := -1
	err := r.store.writeOutside(ctx, func(t *tx) error {
		t.exec(raiseNumbers)
		t.row([]any{moment{&there}}, selectClock)
		t.rows(func(row scanner) error { return row.Scan(&number, &last) },
			takeNumber, r.owner, reserveFor.Microseconds(), upTo, muster.LastIDAt(before))
		return nil
	})
	switch {
	case err != nil:
		return err
	case number < 0:
		return errNoNumber
	}
	r.number = number
	r.checkClock(ctx, before, there)
	return r.ids.Reserve(number, last, max(last, upTo))
}

// checkClock warns when this machine's clock begins to differ from the database's by more than ids may be ahead of it: times that
// users see, and how long what they hold is good for, depend on both.
func (r *Reservation) checkClock(ctx context.Context, before, there time.Time) {
	off := max(before.Sub(there), there.Sub(r.now()))
	right := off <= muster.MaxClockLead
	if r.clock && !right {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "this machine's clock and the database's differ: set both right",
			slog.Duration("by", off.Round(time.Second)))
	}
	r.clock = right
}
