package main

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// traceHeader names a request in the answer and in the log (KooDrive contract, section 1).
const traceHeader = "X-Traceid"

// httpMetrics count requests by route, never by path: a path may hold anything.
type httpMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newHTTPMetrics(r prometheus.Registerer) (*httpMetrics, error) {
	m := &httpMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muster_http_request_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "muster_http_requests_in_flight", Help: "Requests being answered.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.inFlight} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// observed wraps a handler with one log line and one measurement per request, and turns a panic into a 500. The line has
// no query string, no body, no address and no header but the trace id, which the handler may set anew.
type observed struct {
	next    http.Handler
	logger  *slog.Logger
	metrics *httpMetrics
	now     func() time.Time
}

func (o *observed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := o.now()
	w.Header().Set(traceHeader, rand.Text())
	answer := &recorder{ResponseWriter: w}
	o.metrics.inFlight.Inc()
	defer func() {
		o.metrics.inFlight.Dec()
		begun := answer.status != 0
		trouble := recover()
		if trouble != nil && trouble != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so too
			// The value is left out, since it may quote what a caller sent.
			o.logger.ErrorContext(r.Context(), "a request caused a panic", "trace", answer.Header().Get(traceHeader),
				"type", fmt.Sprintf("%T", trouble), "stack", string(debug.Stack()))
			if !begun {
				http.Error(answer, "internal error", http.StatusInternalServerError)
			}
		}
		o.observe(r, answer, o.now().Sub(begin))
		if trouble != nil && begun {
			panic(http.ErrAbortHandler) // half an answer is out: net/http drops the connection without a word
		}
	}()
	o.next.ServeHTTP(answer, r)
}

func (o *observed) observe(r *http.Request, answer *recorder, spent time.Duration) {
	route := r.Pattern // as the router set it
	if route == "" {
		route = "none"
	}
	status := answer.statusOr200()
	o.metrics.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	o.metrics.duration.WithLabelValues(route).Observe(spent.Seconds())
	o.logger.LogAttrs(r.Context(), levelOf(route, status), "request",
		slog.String("trace", answer.Header().Get(traceHeader)), slog.String("method", knownMethod(r.Method)),
		slog.String("route", route), slog.Int("status", status), slog.Int64("bytes", answer.bytes),
		slog.Float64("ms", float64(spent.Microseconds())/1000))
}

// levelOf keeps the probes of those who watch the server out of the log, unless they find something.
func levelOf(route string, status int) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelWarn
	case route == routeLive, route == routeReady, route == routeMetrics:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// knownMethod keeps a caller from writing a text of his own into the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK { // 1xx are followed by the real one
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

func (r *recorder) statusOr200() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
