package crashtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is what clients hand in for a tenant, and what they have seen of it.
type load struct {
	caller *caller
	lists  [][]row

	queue       chan *submission // those that may be sent now
	outstanding atomic.Int64     // submissions that are not acknowledged as often as they should be
	submitted   chan struct{}    // closed when none is
	nearly      chan struct{}    // closed when only the last list is
	polling     atomic.Int64     // pollers
	finished    chan struct{}    // closed when all tasks are finished and read, too
	inFlight    atomic.Int64     // submissions sent and not answered

	mu       sync.Mutex
	released int           // lists that are in the queue or were
	held     []*submission // to be sent in the next life
	tasks    []*task
	byID     map[string]*task
	tally    tally
}

// tally counts what happened to the clients.
type tally struct {
	lost    int // attempts to submit that got no answer
	hungUp  int // of these, on purpose
	repeats int // requests sent again although they had been answered
	renewed int // of these, those that made a task of their own
	pages   int
	rows    int // of acknowledged tasks
}

// submission is a list on its way in.
type submission struct {
	number  int
	rows    []row
	request *request // nil until it is first sent
	hangUp  time.Duration
	// repeats is how often the request is still to be sent again after it was acknowledged.
	repeats int
	late    bool    // it is sent again because its latest task is finished
	tasks   []*task // acknowledged, in that order
}

const (
	clients = 4 // that submit
	pollers = 2

	hangUpShare = 10 // of a hundred submissions, how many have a client that loses the first answer
	againShare  = 10 // how many are sent again after they were answered

	pollPause = 20 * time.Millisecond // between two polls of one poller
)

func newLoad(in target, a account, lists [][]row) *load {
	l := &load{
		caller: &caller{in: in, account: a}, lists: lists,
		queue: make(chan *submission, 2*len(lists)), byID: map[string]*task{},
		submitted: make(chan struct{}), nearly: make(chan struct{}), finished: make(chan struct{}),
	}
	l.outstanding.Store(int64(len(lists)))
	if len(lists) == 1 {
		close(l.nearly)
	}
	return l
}

// release lets clients send the lists but the last up to a share of them all, and again what was held back.
func (l *load) release(r *rand.Rand, part, of int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.held {
		l.queue <- s
	}
	l.held = nil
	for ; l.released < ((len(l.lists)-1)*part+of-1)/of; l.released++ {
		s := &submission{number: l.released, rows: l.lists[l.released]}
		if r.IntN(100) < hangUpShare {
			s.hangUp = spread(r, 50*time.Microsecond, 50*time.Millisecond)
		}
		if r.IntN(100) < againShare {
			s.repeats = 1
		}
		l.queue <- s
	}
}

// releaseLast lets a client send the last list.
func (l *load) releaseLast() {
	last := len(l.lists) - 1
	l.queue <- &submission{number: last, rows: l.lists[last]}
}

// run submits whatever is released and follows it, until all lists are acknowledged and finished.
func (l *load) run(ctx context.Context, group *errgroup.Group, random func() *rand.Rand) {
	for range clients {
		r := random()
		group.Go(func() error {
			for {
				select {
				case s := <-l.queue:
					if err := l.submit(ctx, r, s); err != nil {
						return err
					}
				case <-l.submitted:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		})
	}
	l.polling.Store(pollers)
	for range pollers {
		r := random()
		group.Go(func() error {
			err := l.poll(ctx, r)
			if l.polling.Add(-1) == 0 && err == nil {
				close(l.finished)
			}
			return err
		})
	}
}

// submit sends a submission until it is answered. Whether a lost answer meant a task, the client does not know; it sends
// the very same request again.
func (l *load) submit(ctx context.Context, r *rand.Rand, s *submission) error {
	if s.request == nil {
		if err := l.sign(r, s); err != nil {
			return err
		}
	}
	if s.hangUp > 0 {
		after := s.hangUp
		s.hangUp = 0
		if err := l.hangUp(ctx, s, after); err != nil {
			return err
		}
		l.later(r, s)
		return nil
	}
	a, lost, err := attempt(ctx, l.caller.in, func(life *life) (*answer, error) {
		l.inFlight.Add(1)
		defer l.inFlight.Add(-1)
		a, err := life.send(wroteTo(ctx, life), s.request)
		if err == nil && a.status == http.StatusOK {
			life.answered.fire()
		}
		return a, err
	})
	l.count(func(n *tally) { n.lost += lost })
	if err != nil {
		return err
	}
	id, err := open[string](a)
	if err != nil {
		return fmt.Errorf("submission %d: %w", s.number, err)
	}
	return l.acknowledged(ctx, r, s, id)
}

func (l *load) sign(r *rand.Rand, s *submission) error {
	users := make([]map[string]any, len(s.rows))
	for i := range s.rows {
		users[i] = s.rows[i].sent
	}
	body, err := json.Marshal(map[string]any{"userList": users})
	if err != nil {
		return err
	}
	s.request, err = l.caller.sign(anyScheme(r), http.MethodPost, createPath, trace(s.number), body)
	return err
}

// trace is the id under which the server logs and stores a submission.
func trace(number int) string { return fmt.Sprintf("crash-%d", number) }

// hangUp sends a submission and does not look at the answer.
func (l *load) hangUp(ctx context.Context, s *submission, after time.Duration) error {
	life, err := l.caller.in.serving(ctx, nil)
	if err != nil {
		return err
	}
	l.inFlight.Add(1)
	defer l.inFlight.Add(-1)
	_, _ = life.losing(wroteTo(ctx, life), s.request, after) // lost, whatever it was
	l.count(func(n *tally) { n.lost++; n.hungUp++ })
	return nil
}

// acknowledged notes that a submission was answered with a task.
func (l *load) acknowledged(ctx context.Context, r *rand.Rand, s *submission, id string) error {
	if id == "" {
		return fmt.Errorf("submission %d was acknowledged without a task's id", s.number)
	}
	l.mu.Lock()
	known := l.byID[id]
	fresh := known == nil
	if fresh {
		known = &task{id: id, of: s}
		l.byID[id] = known
		l.tasks = append(l.tasks, known)
		l.tally.rows += len(s.rows)
	}
	l.mu.Unlock()
	if known.of != s {
		return fmt.Errorf("submission %d was answered with the task of submission %d", s.number, known.of.number)
	}
	if s.late && !fresh {
		return fmt.Errorf("submission %d was sent again when its task %s was finished, and got that once more", s.number, id)
	}
	if fresh {
		if err := l.renewed(ctx, r, s, id); err != nil {
			return err
		}
		s.tasks = append(s.tasks, known)
	}
	if s.repeats == 0 {
		switch l.outstanding.Add(-1) {
		case 1:
			close(l.nearly)
		case 0:
			close(l.submitted)
		}
		return nil
	}
	s.repeats--
	l.count(func(n *tally) { n.repeats++ })
	if s.late = r.IntN(2) == 0; !s.late || known.repeatWhenFinished() {
		l.queue <- s
	}
	return nil
}

// later has a submission that got no answer sent again, in the next life if there is one.
func (l *load) later(r *rand.Rand, s *submission) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released < len(l.lists)-1 && r.IntN(2) == 0 {
		l.held = append(l.held, s)
	} else {
		l.queue <- s
	}
}

// renewed checks that a repeat makes a task of its own only when the one before is finished (KooDrive contract, section 1).
func (l *load) renewed(ctx context.Context, r *rand.Rand, s *submission, id string) error {
	if len(s.tasks) == 0 {
		return nil
	}
	l.count(func(n *tally) { n.renewed++ })
	before := s.tasks[len(s.tasks)-1]
	if err := l.read(ctx, r, before); err != nil {
		return err
	}
	if !before.isFinished() {
		return fmt.Errorf("submission %d was sent again and got task %s while its task %s was unfinished", s.number, id, before.id)
	}
	return nil
}

func (l *load) count(change func(*tally)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.tally)
}

// poll reads tasks that are under way, and now and then one that is finished, until all are.
func (l *load) poll(ctx context.Context, r *rand.Rand) error {
	for {
		all := isClosed(l.submitted) // before looking, so that no task comes after
		if t := l.pick(r); t != nil {
			if err := l.read(ctx, r, t); err != nil {
				return err
			}
		} else if all {
			return nil
		}
		pause := time.NewTimer(pollPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
}

// pick gives a task to poll, nil if every one is finished.
func (l *load) pick(r *rand.Rand) *task {
	unfinished := l.unfinished()
	if len(unfinished) == 0 {
		return nil
	}
	if r.IntN(10) == 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.tasks[r.IntN(len(l.tasks))]
	}
	return unfinished[r.IntN(len(unfinished))]
}

// unfinished lists the acknowledged tasks of which not every outcome was seen.
func (l *load) unfinished() []*task {
	l.mu.Lock()
	tasks := slices.Clone(l.tasks)
	l.mu.Unlock()
	return slices.DeleteFunc(tasks, (*task).isFinished)
}

// read reads a task from its first page on and holds every answer against what was seen before.
func (l *load) read(ctx context.Context, r *rand.Rand, t *task) error {
	t.reading.Lock()
	defer t.reading.Unlock()
	size := []int{maxRows, maxRows / 2, 170}[r.IntN(3)]
	scheme := anyScheme(r)
	cursor, position := "", 0
	for {
		p, err := l.caller.page(ctx, scheme, t.id, cursor, size)
		if err != nil {
			return err
		}
		l.count(func(n *tally) { n.pages++ })
		if err := t.see(p, position); err != nil {
			return fmt.Errorf("task %s of %d rows: %w", t.id, len(t.of.rows), err)
		}
		position += len(p.Rows)
		if p.Next == "" {
			if t.takeRepeat() {
				l.queue <- t.of
			}
			return nil
		}
		cursor = p.Next
	}
}

// keys are the phones of the users that there must be in the end.
func (l *load) keys() map[string]bool {
	keys := map[string]bool{}
	for _, list := range l.lists {
		for i := range list {
			if list[i].key != "" {
				keys[list[i].key] = true
			}
		}
	}
	return keys
}
