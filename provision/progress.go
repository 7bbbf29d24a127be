package provision

import (
	"context"
	"sync"
	"time"

	"muster"
)

// Progress is how far a batch is.
type Progress struct {
	Batch     muster.Batch
	Remaining time.Duration // until every row has its outcome; 0 if all have
	Known     bool          // whether Remaining says anything
}

// Progress reads how far a batch is, and how long it will take if things go on as they do. That is not known of a batch that
// waits behind others, nor of one that has just begun unless the time goes into hashing passwords, nor while what is left
// is cancelled. KindNotFound.
func (e *Engine) Progress(ctx context.Context, tenant, batch muster.ID) (*Progress, error) {
	b, err := e.Store.Batch(ctx, tenant, batch)
	if err != nil {
		return nil, err
	}
	f := forecast{batch: b, now: e.Now(), hash: e.pace.hash(), hashed: 1}
	if b.Guarded && b.Passwords > 0 && !b.Finished() {
		parent, err := e.Store.Batch(ctx, tenant, b.Parent)
		if err == nil && parent.Total > 0 {
			f.hashed = float64(parent.Succeeded) / float64(parent.Total)
		}
	}
	p := &Progress{Batch: *b}
	p.Remaining, p.Known = f.remaining()
	return p, nil
}

// forecast is what the end of a batch can be told from.
type forecast struct {
	batch  *muster.Batch
	now    time.Time
	hash   time.Duration // from one hash to the next, all cores together; 0: not known
	hashed float64       // which part of the passwords will have to be hashed
}

const (
	settled     = time.Second // after which a batch's own rate means something,
	settledRows = 1000        // if so many of its rows are done,
	settledPart = 10          // or one in so many
)

// remaining goes by the batch's own rate once that means something. Checking a commit says nothing of the time that
// hashing will take, so that hashing counts by itself there.
func (f *forecast) remaining() (left time.Duration, known bool) {
	b := f.batch
	switch {
	case b.Finished():
		return 0, true
	case b.StartedAt.IsZero(), !plans(b.Mode):
		return 0, false
	}
	done, all := b.Decided(), b.Total
	if b.Guarded { // every row is planned twice
		done, all = done+b.Checked, 2*all
	}
	hashing := f.hashing()
	spent := f.now.Sub(b.StartedAt)
	if spent >= settled && (done >= settledRows || done*settledPart >= all) {
		left = time.Duration(float64(spent) * float64(all-done) / float64(done))
		if b.Guarded {
			left = max(left, hashing)
		}
		return left, true
	}
	return hashing, hashing > 0
}

// hashing is how long it will take to hash what is left.
func (f *forecast) hashing() time.Duration {
	b := f.batch
	if b.Mode == muster.ModeDryRun {
		return 0
	}
	part := float64(b.Total-b.Decided()) / float64(b.Total)
	return time.Duration(float64(b.Passwords) * part * f.hashed * float64(f.hash))
}

// paceHashes is how many hashes a measurement takes.
const paceHashes = 32

// pace measures how long a hash takes, all cores together. The zero pace is ready.
type pace struct {
	mu    sync.Mutex
	open  int       // hashes queued or being made
	since time.Time // when a measurement began
	done  int       // since then
	each  time.Duration
}

func (p *pace) begin(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open++; p.open == 1 { // idle time is nobody's cost
		p.since, p.done = now, 0
	}
}

func (p *pace) end(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	if p.done++; p.done == paceHashes {
		p.each = now.Sub(p.since) / paceHashes
		p.since, p.done = now, 0
	}
}

// giveUp takes back a begin.
func (p *pace) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
}

// hash is the time from one hash to the next, of the last that were measured; 0 if none were.
func (p *pace) hash() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.each
}
