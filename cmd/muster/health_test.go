package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadinessNamesWhatIsWrongAndNoMore(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	clock := &handClock{}
	var disk, key error
	asked := 0
	h := &readiness{
		logger: slog.New(slog.NewTextHandler(&log, nil)),
		now:    clock.now,
		checks: []check{
			{"database", func(*http.Request) error { asked++; return nil }},
			{"disk", func(*http.Request) error { return disk }},
			{"key", func(*http.Request) error { return key }},
		},
	}
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		return w.Code, w.Body.String()
	}
	want := func(status int, body string) {
		t.Helper()
		if gotStatus, gotBody := ask(); gotStatus != status || gotBody != body+"\n" {
			t.Errorf("%d %s, want %d %s", gotStatus, gotBody, status, body)
		}
	}
	want(200, `{"status":"ready"}`)
	disk, key = errors.New("/var/lib/muster is full"), errors.New("sealed with another")
	want(200, `{"status":"ready"}`) // what was found a moment ago
	if asked != 1 {
		t.Errorf("asked %d times within a second, want once", asked)
	}
	clock.pass(readinessAge)
	want(503, `{"status":"unavailable","failing":["disk","key"]}`)
	if text := log.String(); !strings.Contains(text, "/var/lib/muster is full") || !strings.Contains(text, "check=key") {
		t.Errorf("the log lacks the causes: %s", text)
	}
	disk, key = nil, nil
	clock.pass(readinessAge)
	want(200, `{"status":"ready"}`)
}
