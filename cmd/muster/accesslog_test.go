package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// observedServer serves next behind the log. Its log is complete for a request whose answer has been read to the end
// and the server has been closed.
func observedServer(t *testing.T, next http.HandlerFunc) (s *httptest.Server, log *bytes.Buffer, m *httpMetrics) {
	t.Helper()
	m, err := newHTTPMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	log = new(bytes.Buffer)
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /a/{id}", next)
	mux.HandleFunc(routeLive, alive)
	s = httptest.NewUnstartedServer(&observed{next: mux, logger: logger, metrics: m, now: time.Now})
	s.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	return s, log, m
}

func entries(t *testing.T, log *bytes.Buffer) []map[string]any {
	t.Helper()
	var all []map[string]any
	for decoder := json.NewDecoder(log); ; {
		var entry map[string]any
		err := decoder.Decode(&entry)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry)
	}
}

func TestEachRequestIsOneLine(t *testing.T) {
	t.Parallel()
	s, log, m := observedServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set(traceHeader, "theirs")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "four")
	})
	answer, err := http.Post(s.URL+"/a/27100000001?phone=27100000002", "text/plain", strings.NewReader("27100000003"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer, err = http.Get(s.URL + "/livez"); err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	s.Close()

	if text := log.String(); strings.Contains(text, "2710000000") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("the log has a path, a query, a body or an address: %s", text)
	}
	all := entries(t, log)
	if len(all) != 2 {
		t.Fatalf("%d lines, want 2", len(all))
	}
	want := map[string]any{
		"level": "INFO", "msg": "request", "trace": "theirs", "method": "POST", "route": "POST /a/{id}", "status": 202.0, "bytes": 4.0,
	}
	for key, value := range want {
		if all[0][key] != value {
			t.Errorf("%s is %v, want %v", key, all[0][key], value)
		}
	}
	if all[1]["level"] != "DEBUG" {
		t.Errorf("a probe is logged as %v, want DEBUG", all[1]["level"])
	}
	if got := testutil.ToFloat64(m.requests.WithLabelValues("POST /a/{id}", "202")); got != 1 {
		t.Errorf("%v requests counted, want 1", got)
	}
	if got := testutil.ToFloat64(m.inFlight); got != 0 {
		t.Errorf("%v requests in flight, want 0", got)
	}
}

func TestAnInventedMethodIsNotLogged(t *testing.T) {
	t.Parallel()
	s, log, _ := observedServer(t, func(http.ResponseWriter, *http.Request) {})
	req, err := http.NewRequestWithContext(t.Context(), "JANE-DOE", s.URL+"/jane", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	s.Close()
	if strings.Contains(strings.ToLower(log.String()), "jane") {
		t.Errorf("the log has the method or the path: %s", log)
	}
}

func TestAPanicIsA500AndNoSecretOfTheLog(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]bool{"before the answer": false, "in the middle of the answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log, _ := observedServer(t, func(w http.ResponseWriter, _ *http.Request) {
				if begun {
					_, _ = io.WriteString(w, "half of ")
					_ = http.NewResponseController(w).Flush()
				}
				panic("phone 27100000001")
			})
			answer, err := http.Post(s.URL+"/a/1", "text/plain", http.NoBody)
			if err == nil {
				_, err = io.ReadAll(answer.Body)
				answer.Body.Close()
			}
			if begun == (err == nil) || !begun && answer.StatusCode != http.StatusInternalServerError {
				t.Errorf("answer %v, error %v", answer, err)
			}
			s.Close()
			if text := log.String(); strings.Contains(text, "27100000001") || !strings.Contains(text, "accesslog_test.go") {
				t.Errorf("want the stack without the value: %s", text)
			}
			all := entries(t, log)
			if len(all) != 2 || all[0]["level"] != "ERROR" || all[1]["msg"] != "request" {
				t.Errorf("log %v, want the panic and the request", all)
			}
		})
	}
}

// The answer's controller must still reach the connection.
func TestTheLogHidesNoneOfTheConnection(t *testing.T) {
	t.Parallel()
	s, _, _ := observedServer(t, func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
			t.Errorf("set a deadline: %v", err)
		}
	})
	answer, err := http.Post(s.URL+"/a/1", "text/plain", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}
