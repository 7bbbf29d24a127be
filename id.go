package muster

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"
)

// ID names a tenant, user, batch or row: a positive 63-bit snowflake of 41 bits of milliseconds since [IDEpoch], 10 bits
// of node and 12 bits of sequence. Ids of today have 19 decimal digits, which is past 2^53, so in JSON an ID is always a string.
// The zero ID names nothing.
type ID int64

// IDEpoch is where the milliseconds of an ID begin, in Unix milliseconds.
const IDEpoch = 1288834974657

const (
	nodeBits     = 10
	sequenceBits = 12

	// MaxNode is the largest node number an IDSource takes.
	MaxNode = 1<<nodeBits - 1
	// MaxRun is the most consecutive ids that one call of [IDSource.Run] gives.
	MaxRun = 1 << sequenceBits
	// MaxClockLead is how far an IDSource may run ahead of the clock, either because the clock was set back or because
	// more than 4,096 ids a millisecond were asked for.
	MaxClockLead = 5 * time.Second
)

// ParseID reads the decimal form of an ID: 1 to 19 digits without sign, space or leading zero, from 1 to 2^63-1.
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > 19 || s[0] < '1' || s[0] > '9' {
		return 0, &Error{Kind: KindInvalid, Detail: "an id is a decimal number of 1 to 19 digits without leading zeros"}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, &Error{Kind: KindInvalid, Detail: "an id is a decimal number of 1 to 19 digits, at most 9223372036854775807"}
	}
	return ID(n), nil
}

func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// Time is the moment at which the id was made, to the millisecond.
func (id ID) Time() time.Time {
	return time.UnixMilli(int64(id)>>(nodeBits+sequenceBits) + IDEpoch)
}

// MarshalText makes an ID a string in JSON, since a JavaScript number loses the last digits.
func (id ID) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(id), 10), nil }

// UnmarshalText reads what [ID.MarshalText] wrote; "0" is the zero ID.
func (id *ID) UnmarshalText(text []byte) error {
	if string(text) == "0" {
		*id = 0
		return nil
	}
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// LastIDAt is the largest id that any node can make of a moment, which is past IDEpoch.
func LastIDAt(t time.Time) ID {
	return ID((t.UnixMilli()-IDEpoch+1)<<(nodeBits+sequenceBits) - 1)
}

// IDSource makes ids for one node. Its clock never goes back: when the system's does, ids go on from the last
// millisecond used, at most [MaxClockLead] ahead. It is safe for concurrent use.
type IDSource struct {
	now func() time.Time

	mu    sync.Mutex
	node  int64
	last  int64 // milliseconds since IDEpoch of the last id
	next  int64 // next sequence number within last
	limit int64 // the last millisecond since IDEpoch of which ids may be made
}

// NewIDSource makes a source for a node number from 0 to [MaxNode]. No other live source may have the same number.
// floor is the largest id this node number is known to have made, 0 if none: ids made from now on are above it.
func NewIDSource(node int, floor ID, now func() time.Time) (*IDSource, error) {
	if node < 0 || node > MaxNode {
		return nil, fmt.Errorf("muster: node number %d is not from 0 to %d", node, MaxNode)
	}
	return &IDSource{node: int64(node), now: now, last: millisOf(floor), next: MaxRun, limit: math.MaxInt64}, nil
}

// NewReservedIDSource makes a source that makes no ids but those that [IDSource.Reserve] gives it.
func NewReservedIDSource(now func() time.Time) *IDSource {
	return &IDSource{now: now, next: MaxRun, limit: -1}
}

func millisOf(id ID) int64 { return int64(id) >> (nodeBits + sequenceBits) }

// Reserve has the source make ids of the node number, and of milliseconds after that of one id and up to that of another. The
// caller sees to it that nobody else has the same of them, ever: then ids do not repeat, whatever the clocks of nodes say,
// and however long one stands still between reading its clock and using what it made of it. What was reserved before is
// given up.
func (s *IDSource) Reserve(node int, after, upTo ID) error {
	if node < 0 || node > MaxNode {
		return fmt.Errorf("muster: node number %d is not from 0 to %d", node, MaxNode)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if floor := millisOf(after); floor >= s.last {
		s.last, s.next = floor, MaxRun
	}
	s.node, s.limit = int64(node), millisOf(upTo)
	return nil
}

// Release ends what was reserved. It returns an id above which the source made none.
func (s *IDSource) Release() ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = -1
	return ID((s.last+1)<<(nodeBits+sequenceBits) - 1)
}

// Next gives one id.
func (s *IDSource) Next() (ID, error) { return s.Run(1) }

// Run gives n consecutive ids and returns the first; n is from 1 to [MaxRun]. The error has [KindUnavailable] when the
// clock stands more than [MaxClockLead] behind the last id made, or past what is reserved.
func (s *IDSource) Run(n int) (ID, error) {
	if n < 1 || n > MaxRun {
		return 0, fmt.Errorf("muster: a run of %d ids is not from 1 to %d", n, MaxRun)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UnixMilli() - IDEpoch
	millis, sequence := s.last, s.next
	switch {
	case now > millis:
		millis, sequence = now, 0
	case sequence+int64(n) > MaxRun:
		millis, sequence = millis+1, 0
	}
	if lead := time.Duration(millis-now) * time.Millisecond; lead > MaxClockLead {
		return 0, &Error{
			Kind:       KindUnavailable,
			Detail:     fmt.Sprintf("the system clock is %s behind the last id made; set it right, or wait", lead.Round(time.Second)),
			RetryAfter: lead - MaxClockLead,
		}
	}
	if millis > s.limit {
		return 0, s.usedUp()
	}
	s.last, s.next = millis, sequence+int64(n)
	return ID(millis<<(nodeBits+sequenceBits) | s.node<<sequenceBits | sequence), nil
}

// reservedAgain is when to try again after what was reserved is used up.
const reservedAgain = 5 * time.Second

func (s *IDSource) usedUp() error {
	return &Error{
		Kind:       KindUnavailable,
		Detail:     "this node has no more ids reserved in the database, which it goes on trying: send the request again",
		RetryAfter: reservedAgain,
	}
}

// Ready reports, as the error that [IDSource.Run] would give, whether ids can be made.
func (s *IDSource) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UnixMilli() - IDEpoch
	if lead := time.Duration(s.last-now) * time.Millisecond; lead > MaxClockLead {
		return &Error{Kind: KindUnavailable, Detail: fmt.Sprintf("the system clock is %s behind the last id made", lead.Round(time.Second))}
	}
	if max(now, s.last) > s.limit {
		return s.usedUp()
	}
	return nil
}
