package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// check is one thing that must be in order for the server to do its work.
type check struct {
	name string
	run  func(*http.Request) error
}

// readiness answers /readyz: 200, or 503 with the names of what is not in order. The causes go to the log alone, since
// anybody may ask. It asks the same question at most once in readinessAge, whoever asks how often.
type readiness struct {
	checks []check
	logger *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	asked   time.Time
	failing []string
}

const readinessAge = time.Second

// readinessAnswer is the body of /readyz.
type readinessAnswer struct {
	Status  string   `json:"status"`            // ready or unavailable
	Failing []string `json:"failing,omitempty"` // such as database, clock, key, disk
}

func (h *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	failing := h.ask(r)
	answer, status := readinessAnswer{Status: "ready"}, http.StatusOK
	if len(failing) > 0 {
		answer, status = readinessAnswer{Status: "unavailable", Failing: failing}, http.StatusServiceUnavailable
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic("readiness: " + err.Error()) // strings can't fail
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who asked may be gone
}

func (h *readiness) ask(r *http.Request) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); !h.asked.IsZero() && now.Sub(h.asked) < readinessAge {
		return h.failing
	}
	h.failing = nil
	for _, c := range h.checks {
		if err := c.run(r); err != nil {
			h.logger.WarnContext(r.Context(), "not ready", "check", c.name, "error", err)
			h.failing = append(h.failing, c.name)
		}
	}
	h.asked = h.now()
	return h.failing
}

// alive answers /livez: that the process answers is all it says.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n"))
}
