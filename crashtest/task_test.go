package crashtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// task is an acknowledged submission as its client sees it.
type task struct {
	id string
	of *submission

	reading sync.Mutex // held by who reads it, so that answers are seen in the order in which they were given

	mu       sync.Mutex
	counts   counts
	outcomes []outcome // as first seen
	finished bool      // every outcome was seen
	repeat   bool      // its submission is to be sent again when it is finished
}

// outcome is what a client was told of a row. Once seen it never changes.
type outcome struct{ id, user, phone, code, reason string }

func (t *task) isFinished() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.finished
}

var errSize = errors.New("the answer does not add up")

// see holds a page, whose first row is at the position, against what the task's client saw before.
func (t *task) see(p *page, position int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &p.Task
	end := position + len(p.Rows)
	switch {
	case c.ID != t.id:
		return fmt.Errorf("%w: it is about task %s", errSize, c.ID)
	case c.Total != len(t.of.rows), c.decided() > c.Total, end > c.decided(), (c.Status == finished) != (c.decided() == c.Total):
		return fmt.Errorf("%w: %+v with rows %d to %d", errSize, *c, position, end)
	case p.Next != "" && (len(p.Rows) == 0 || end >= c.decided()):
		return fmt.Errorf("%w: more than rows %d to %d are said to follow: %+v", errSize, position, end, *c)
	}
	for i, got := range p.Rows {
		if err := t.seeRow(position+i, &got); err != nil {
			return fmt.Errorf("row %d: %w", position+i, err)
		}
	}
	if c.Status == finished && p.Next == "" {
		if end != c.Total {
			return fmt.Errorf("%w: the finished task lists %d rows: %+v", errSize, end, *c)
		}
		t.finished = true
	}
	if c.Success < t.counts.Success || c.Fail < t.counts.Fail || c.Skip < t.counts.Skip {
		return fmt.Errorf("%w: the counts ran backwards from %+v to %+v", errSize, t.counts, *c)
	}
	t.counts = *c
	return nil
}

func (t *task) seeRow(i int, got *listed) error {
	now := outcome{id: got.ID, user: got.UserID, phone: got.Phone}
	if (got.Code == nil) != (got.Reason == nil) {
		return errors.New("it has one of code and reason")
	}
	if got.Code != nil {
		if now.code, now.reason = *got.Code, *got.Reason; now.code == "" || now.reason == "" {
			return errors.New("it has an empty code or reason")
		}
	}
	switch {
	case i < len(t.outcomes):
		if t.outcomes[i] != now {
			return fmt.Errorf("it was seen with id %s, user %q, code %q, and has id %s, user %q, code %q now",
				t.outcomes[i].id, t.outcomes[i].user, t.outcomes[i].code, now.id, now.user, now.code)
		}
		return nil
	case i > len(t.outcomes):
		return fmt.Errorf("%d rows before it were never listed", i-len(t.outcomes))
	}
	t.outcomes = append(t.outcomes, now)
	return t.of.rows[i].judge(&now)
}

// Codes and reason of rows (KooDrive contract, sections 2 and 6).
const (
	codeExists   = "40000009"
	codeInvalid  = "13000102"
	reasonExists = "The user already exists."
)

// judge holds an outcome against what must become of the row, as far as the row alone tells.
func (r *row) judge(o *outcome) error {
	switch {
	case r.phone != "" && o.phone != r.phone:
		return errors.New("its phone is not the one that was sent")
	case r.fault != "":
		if o.code != codeInvalid || !strings.Contains(o.reason, r.fault) || o.user != "" {
			return fmt.Errorf("its %s is not acceptable, and it has code %q, user %q: %s", r.fault, o.code, o.user, o.reason)
		}
	case o.user == "":
		return fmt.Errorf("it has no user, but code %q: %s", o.code, o.reason)
	case o.code != "" && (o.code != codeExists || o.reason != reasonExists):
		return fmt.Errorf("nothing is wrong with it, and it has code %q: %s", o.code, o.reason)
	}
	return nil
}

func (t *task) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("task %s of submission %d (%d rows, %d seen)", t.id, t.of.number, len(t.of.rows), len(t.outcomes))
}

// repeatWhenFinished asks for the submission to be sent again when the task is finished, and reports whether it is.
func (t *task) repeatWhenFinished() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.repeat = !t.finished
	return t.finished
}

// takeRepeat reports, once, whether the submission is to be sent again now.
func (t *task) takeRepeat() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	take := t.repeat && t.finished
	t.repeat = t.repeat && !take
	return take
}
