// Package webhook tells tenants' systems what happened: a message over HTTP, signed as Standard Webhooks 1.0 has it
// (https://github.com/standard-webhooks/standard-webhooks), at least once.
//
// What happened is stored as an event in the transaction that does it, with a delivery for each webhook that wants it. A
// [Sender] on any node finds deliveries that are due, has one at a time under a lease, and tries until it is received.
package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"muster"
)

// Type is what an event tells. The numbers are stored.
type Type uint8

const (
	BatchFinished Type = 1 // every row of a batch has its outcome
	UsersChanged  Type = 2 // users were created, updated, disabled, enabled or deleted
	Test          Type = 3 // somebody wants to see whether a webhook works
)

var typeNames = [...]string{"", "batch.finished", "users.changed", "webhook.test"}

func (t Type) String() string { return typeNames[t] }

// Types is a set of types, a bit each. The empty one is all that there are.
type Types uint16

// TypesOf is a set.
func TypesOf(all ...Type) (s Types) {
	for _, t := range all {
		s |= 1 << t
	}
	return s
}

// Has reports whether a webhook of the set is told of events of the type.
func (s Types) Has(t Type) bool { return s == 0 || t == Test || s&(1<<t) != 0 }

// ParseTypes reads names of types. KindInvalid for one that nobody can choose.
func ParseTypes(names []string) (s Types, err error) {
	for _, name := range names {
		t := Type(max(0, slices.Index(typeNames[:], name)))
		if t != BatchFinished && t != UsersChanged {
			return 0, invalid("events", "events must be some of %s and %s; none is all.", BatchFinished, UsersChanged)
		}
		s |= 1 << t
	}
	return s, nil
}

// Names are those of the set's types, none if it is all.
func (s Types) Names() []string {
	var names []string
	for t := range Type(len(typeNames)) {
		if s&(1<<t) != 0 {
			names = append(names, t.String())
		}
	}
	return names
}

// Hook is where a tenant's events are sent.
type Hook struct {
	Tenant       muster.ID
	ID           muster.ID
	Name         string // for people
	URL          string
	Types        Types
	Disabled     bool            // events are neither kept for it nor sent
	Reason       string          // why Muster disabled it; "" if somebody did, or nobody
	FailingSince time.Time       // when the first delivery failed since one succeeded; zero if none did
	Secrets      []muster.Secret // one, or two during a rotation's overlap; the newest first
	CreatedAt    time.Time
}

// Event is something that happened, as it is stored. Data is what the message has as its data: a JSON object of ids.
type Event struct {
	ID   muster.ID // of its tenant's events; its time is when it happened
	Type Type
	Data string
}

// State is what became of a delivery. The numbers are stored.
type State uint8

const (
	Waiting   State = 1 // it is tried at NextAt
	Delivered State = 2
	Failed    State = 3 // as often as it is tried
)

var stateNames = [...]string{"", "waiting", "delivered", "failed"}

func (s State) String() string { return stateNames[s] }

// Delivery is an event on its way to a webhook.
type Delivery struct {
	Webhook  muster.ID
	Event    muster.ID
	Type     Type
	State    State
	Attempts int       // that ended
	Status   int       // of the last attempt's answer; 0 if there was none
	Problem  string    // why the last attempt failed, without what it met; "" if none did
	LastAt   time.Time // of the last attempt's end; zero if there was none
	NextAt   time.Time // zero unless it is waiting
}

// Claim is a delivery that one sender has until it settles it or the lease ends.
type Claim struct {
	Hook     Hook
	Event    Event
	Attempts int       // that ended before
	Until    time.Time // end of the lease, by the store's clock; it tells this claim from later ones
}

// Settlement is how an attempt ended. The delivery is tried again After some time; 0: no more.
type Settlement struct {
	State   State
	Status  int
	Problem string
	After   time.Duration
}

const (
	// MaxHooks is how many webhooks a tenant has at most: every change of its directory looks at all of them.
	MaxHooks = 20
	// MaxURL bounds a webhook's URL, in bytes.
	MaxURL = 2048
	// Timeout bounds an attempt, from resolving the name to the end of the answer.
	Timeout = 10 * time.Second
	// Overlap is for how long messages are signed with the secret before, too, after a rotation.
	Overlap = 24 * time.Hour
	// FailingFor is how long all of a webhook's deliveries may fail until it is disabled.
	FailingFor = 5 * 24 * time.Hour
	// Lease is how long a sender has a delivery. One that ends meanwhile has it sent by another, or again.
	Lease = 6 * Timeout

	perTenant  = 2  // attempts at once, so that a receiver that is slow holds up no others
	inAll      = 64 // attempts at once
	secretSize = 32 // random bytes of a secret, of 24 to 64
)

// retries is after how long a delivery is tried again, as Standard Webhooks proposes: ten attempts in three days.
var retries = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// settlementOf is how an attempt ends that got an answer of the status, or none for a reason.
func settlementOf(status int, why error, attempts int) Settlement {
	s := Settlement{State: Delivered, Status: status}
	switch {
	case why != nil:
		s.Problem = fmt.Sprintf("The attempt failed: %s.", why)
	case status < http.StatusOK || status >= http.StatusMultipleChoices:
		s.Problem = fmt.Sprintf("It answered with status %d, which is none from 200 to 299.", status)
	default:
		return s
	}
	if attempts >= len(retries) {
		s.State = Failed
		return s
	}
	s.State, s.After = Waiting, retries[attempts]
	return s
}

func invalid(field, format string, args ...any) error {
	return &muster.Error{Kind: muster.KindInvalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}
