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

// boundBodies lets a request with a body through when there is room for it, and has it answered by busy, with 503, when
// there is none for long. Without it, as many of the largest bodies as there are connections would be in memory at once.
func boundBodies(next http.Handler, busy http.HandlerFunc) http.Handler {
	room := semaphore.NewWeighted(bodyBudget)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := min(r.ContentLength, koodrive.DefaultMaxBody) // what is larger is refused unread
		if size < 0 {
			size = koodrive.DefaultMaxBody // sent in pieces: it may be as large as any
		}
		ctx, cancel := context.WithTimeout(r.Context(), bodyPatience)
		defer cancel()
		if err := room.Acquire(ctx, size); err != nil {
			busy(w, r)
			return
		}
		defer room.Release(size)
		next.ServeHTTP(w, r)
	})
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
