package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func testRoutes(t *testing.T, koodrive http.HandlerFunc) *routes {
	t.Helper()
	word := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	r, err := newRoutes(routeConfig{
		koodrive: koodrive, prefixes: []string{"/muster", "/a/b"}, native: word("native"), public: word("public"), activation: word("activation"),
		console: word("console"),
		ready:   word("ready"),
		metrics: prometheus.NewRegistry(), logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The contract judges a target as it was received, so no target that means one of its paths may be redirected or lost.
func TestTheContractGetsItsTargetsAsReceived(t *testing.T) {
	t.Parallel()
	r := testRoutes(t, func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = "koodrive"
		_, _ = io.WriteString(w, "koodrive "+r.RequestURI+" "+r.URL.Path)
	})
	tests := map[string]string{
		"/koodrive/ose/v1/x":         "koodrive /koodrive/ose/v1/x /koodrive/ose/v1/x",
		"/koodrive/ose/v1/x/":        "koodrive /koodrive/ose/v1/x/ /koodrive/ose/v1/x/",
		"//koodrive/ose//v1/x":       "koodrive //koodrive/ose//v1/x //koodrive/ose//v1/x",
		"/koodrive/ose/../ose/v1/x":  "koodrive /koodrive/ose/../ose/v1/x /koodrive/ose/../ose/v1/x",
		"/./koodrive/ose/v1/x?a=b":   "koodrive /./koodrive/ose/v1/x?a=b /./koodrive/ose/v1/x",
		"/koodrive%2Fose/v1/x":       "koodrive /koodrive%2Fose/v1/x /koodrive/ose/v1/x",
		"/muster/koodrive/ose/v1/x":  "koodrive /muster/koodrive/ose/v1/x /koodrive/ose/v1/x",
		"/a/b/koodrive/ose/v1/x%20y": "koodrive /a/b/koodrive/ose/v1/x%20y /koodrive/ose/v1/x y",
		"/oauth2/token":              "koodrive /oauth2/token /oauth2/token",
		"/muster/oauth2/token":       "koodrive /muster/oauth2/token /oauth2/token",
		"/readyz":                    "ready",
		"/console/":                  "console",
		"/console/users/7":           "console",
		"/muster/console/users/7":    "console",
		"/api/v1/users":              "public",
		"/muster/api/v1/users?a=b":   "public",
		"/livez":                     "ok\n",
	}
	for target, want := range tests {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			r.public.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, http.NoBody))
			if w.Code != http.StatusOK || w.Body.String() != want {
				t.Errorf("%d %s, want %s", w.Code, w.Body, want)
			}
		})
	}
	for _, target := range []string{"/", "/koodrivel/x", "/oauth2", "/oauth2/tokens", "/other/koodrive/ose/v1/x", "/api/v1", "/api/v2/users"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			r.public.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, http.NoBody))
			if w.Code != http.StatusNotFound {
				t.Errorf("%d %s, want 404", w.Code, w.Body)
			}
		})
	}
}

// Bodies that would not fit wait for those that are there, and are refused when nothing gives way.
func TestBodiesInMemoryAreBounded(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	h := newBodies().bound(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-leave
		w.WriteHeader(http.StatusNoContent)
	}), contractRoom, federationBusy)
	const largest = 4 << 20
	send := func(ctx context.Context, size int64) <-chan int {
		done := make(chan int, 1)
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("")).WithContext(ctx)
		req.ContentLength = size
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			done <- w.Code
		}()
		return done
	}
	var answers []<-chan int
	for i := range bodyBudget / largest {
		size := int64(largest)
		switch i {
		case 0:
			size = -1 // sent in pieces
		case 1:
			size = 100 << 20 // refused unread, so no more than the largest
		}
		answers = append(answers, send(t.Context(), size))
		<-entered
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if code := <-send(over, 1); code != http.StatusServiceUnavailable {
		t.Errorf("a body too many: %d, want 503", code)
	}
	waiting := send(t.Context(), largest)
	leave <- struct{}{}
	<-entered // the one that waited, in the place of whichever left
	for range answers {
		leave <- struct{}{}
	}
	for _, answer := range append(answers, waiting) {
		if code := <-answer; code != http.StatusNoContent {
			t.Errorf("a body that fits: %d, want 204", code)
		}
	}
}
