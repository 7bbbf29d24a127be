package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/semaphore"

	"muster/api/koodrive"
)

const (
	// bodyBudget bounds the bodies that requests hold in memory at the same time, in bytes: 16 of the largest, some 400 of
	// a usual thousand users.
	bodyBudget = 64 << 20
	// bodyPatience is how long a request waits for others to leave it room.
	bodyPatience = 10 * time.Second
)

// bodies bounds the memory that requests take for their bodies together.
type bodies struct{ room *semaphore.Weighted }

func newBodies() bodies { return bodies{semaphore.NewWeighted(bodyBudget)} }

// bound lets a request with a body through when there is room for it, as much as it may need, and has it answered by busy, with 503,
// when there is none for long. Without it, as many of the largest bodies as there are connections would be in memory at once.
func (b bodies) bound(next http.Handler, need func(*http.Request) int64, busy http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := need(r)
		ctx, cancel := context.WithTimeout(r.Context(), bodyPatience)
		defer cancel()
		if err := b.room.Acquire(ctx, size); err != nil {
			busy(w, r)
			return
		}
		defer b.room.Release(size)
		next.ServeHTTP(w, r)
	})
}

// contractRoom is how much memory a contract's request may take for its body.
func contractRoom(r *http.Request) int64 {
	size := min(r.ContentLength, koodrive.DefaultMaxBody) // what is larger is refused unread
	if size < 0 {
		size = koodrive.DefaultMaxBody // sent in pieces: it may be as large as any
	}
	return size
}

// federationBusy answers in the federation contract's envelope.
func federationBusy(w http.ResponseWriter, _ *http.Request) {
	const body = `{"resultCode":"503","resultMessage":"The request cannot be taken now. Too many are being received; try again."}`
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(body)) // who does not get the answer asks again
}
