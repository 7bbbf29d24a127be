package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestProfilesAreServedApart: on their own address, where that is asked for, and nowhere else.
func TestProfilesAreServedApart(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends at once
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := startedServer(t, func(o *serverOptions) { o.profile = address })
	for url, want := range map[string]int{
		"http://" + address + "/debug/pprof/goroutine?debug=1": http.StatusOK,
		s.url() + "/debug/pprof/goroutine?debug=1":             http.StatusNotFound,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != want || want == http.StatusOK && !strings.Contains(string(body), "goroutine profile: total") {
			t.Errorf("%s answered %d, %v, want %d", url, answer.StatusCode, err, want)
		}
	}
}
