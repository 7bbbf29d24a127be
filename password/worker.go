package password

import (
	"slices"
	"time"
)

// enqueue puts a task into its class's queue, or says why it cannot.
func (p *Pool) enqueue(t *task) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if t.class == Bulk {
		select {
		case p.room <- struct{}{}:
		case <-t.ctx.Done():
			return t.ctx.Err()
		case <-p.closing:
			return ErrClosed
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.leave(t.class)
		return ErrClosed
	}
	if t.class == Interactive && len(p.queues[Interactive]) >= p.waiters {
		p.counts[Interactive].Refused++
		return ErrBusy
	}
	p.queues[t.class] = append(p.queues[t.class], t)
	p.wake.Signal()
	return nil
}

// leave gives back the place that a task held in its class's queue.
func (p *Pool) leave(class Class) {
	if class == Bulk {
		<-p.room
	}
}

// wait queues a task and waits until it was done, or was given up because its context ended.
func (p *Pool) wait(t *task) error {
	ended := make(chan error, 1)
	t.end = func(err error) { ended <- err }
	if err := p.enqueue(t); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-t.ctx.Done():
	}
	if p.withdraw(t) {
		return t.ctx.Err()
	}
	return <-ended
}

// withdraw takes a task out of its queue, unless a worker has it already.
func (p *Pool) withdraw(t *task) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.queues[t.class], t)
	if i < 0 {
		return false
	}
	p.remove(t.class, i)
	p.counts[t.class].Dropped++
	return true
}

func (p *Pool) remove(class Class, i int) *task {
	t := p.queues[class][i]
	p.queues[class] = slices.Delete(p.queues[class], i, i+1)
	p.leave(class)
	return t
}

// run is a worker.
func (p *Pool) run() {
	turn := Interactive
	for {
		t := p.take(turn)
		if t == nil {
			return
		}
		turn = other(t.class)
		p.do(t)
	}
}

func other(c Class) Class {
	if c == Interactive {
		return Bulk
	}
	return Interactive
}

// take waits for a task, of the class whose turn it is if it has one. It is nil once the pool is closed and empty.
func (p *Pool) take(turn Class) *task {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for _, class := range [...]Class{turn, other(turn)} {
			i := slices.IndexFunc(p.queues[class], func(t *task) bool { return !t.large || !p.largeRun })
			if i < 0 {
				continue
			}
			t := p.remove(class, i)
			p.largeRun = p.largeRun || t.large
			p.running++
			return t
		}
		if p.closed && len(p.queues[Interactive])+len(p.queues[Bulk]) == 0 {
			p.wake.Broadcast() // those who waited for a large hash to end find nothing either
			return nil
		}
		p.wake.Wait()
	}
}

func (p *Pool) do(t *task) {
	begin := time.Now()
	dropped := t.ctx.Err()
	if dropped == nil {
		t.work()
	}
	p.account(t, time.Since(begin), dropped != nil)
	t.end(dropped)
}

// account counts a task before its end is told, so that who hears of it finds it counted.
func (p *Pool) account(t *task, took time.Duration, dropped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if t.large {
		p.largeRun = false
		p.wake.Signal() // another one may have been passed over
	}
	if dropped {
		p.counts[t.class].Dropped++
		return
	}
	p.counts[t.class].Hashed++
	p.busy += took
}

// Stats tells what the pool did so far.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Workers: p.workers, Running: p.running, Busy: p.busy, Delegated: p.children, Interactive: p.counts[Interactive], Bulk: p.counts[Bulk]}
	s.Interactive.Waiting, s.Bulk.Waiting = len(p.queues[Interactive]), len(p.queues[Bulk])
	return s
}

// Close takes no more, and waits until all that was queued is done: at most [waitersPerWorker] sign-ins and one of a
// batch for each worker.
func (p *Pool) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.closing)
		p.wake.Broadcast()
	}
	p.mu.Unlock()
	p.wg.Wait()
	if p.bulk != nil {
		p.bulk.close()
	}
}
