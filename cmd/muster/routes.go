package main

import (
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"muster/api/activation"
	"muster/api/federation"
	"muster/api/koodrive"
	"muster/api/native"
	"muster/console"
	"muster/provision"
)

// routeConfig is what the two listeners serve.
type routeConfig struct {
	koodrive   http.Handler
	busy       http.HandlerFunc // answers in KooDrive's envelope that there is no room for the body
	federation http.Handler
	prefixes   []string     // paths under which proxies serve the contracts, without a slash at the end
	native     http.Handler // for the operator
	public     http.Handler // the same API for everybody who says who he is
	activation http.Handler
	console    http.Handler
	ready      http.Handler
	metrics    *prometheus.Registry
	logger     *slog.Logger
}

// The routes that watch the server.
const (
	routeLive    = "GET /livez"
	routeReady   = "GET /readyz"
	routeMetrics = "GET /metrics"
)

// routes are the handlers of the two listeners.
type routes struct {
	public   http.Handler // for everybody: contracts, the native API and health
	operator http.Handler // for who may open the socket: the native API and health
}

func newRoutes(c routeConfig) (*routes, error) {
	observe, err := newHTTPMetrics(c.metrics)
	if err != nil {
		return nil, err
	}
	health := func() *http.ServeMux {
		mux := http.NewServeMux()
		mux.HandleFunc(routeLive, alive)
		mux.Handle(routeReady, c.ready)
		mux.Handle(routeMetrics, promhttp.HandlerFor(c.metrics, promhttp.HandlerOpts{
			Registry: c.metrics, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
		}))
		return mux
	}
	public, operator := health(), health()
	operator.Handle(native.Prefix+"/", c.native)
	public.Handle(activation.Prefix, c.activation)
	public.Handle(console.Prefix+"/", c.console)
	wrap := func(h http.Handler) http.Handler {
		return &observed{next: h, logger: c.logger, metrics: observe, now: time.Now}
	}
	bodies := newBodies()
	served := bodies.bound(byContract(c.koodrive, c.federation), contractRoom, byContract(c.busy, http.HandlerFunc(federationBusy)).ServeHTTP)
	api := bodies.bound(c.public, native.Room, native.Busy)
	return &routes{
		public:   wrap(&contracts{served: served, api: api, prefixes: c.prefixes, others: public}),
		operator: wrap(operator),
	}, nil
}

// contracts hands a contract's requests over as they were received: a ServeMux would redirect a path that it finds unclean,
// while a signed contract wants the target verified first.
type contracts struct {
	served   http.Handler
	api      http.Handler // the native API, which is signed, too
	prefixes []string
	others   http.Handler
}

func (c *contracts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case isContract(r.URL.Path):
		c.served.ServeHTTP(w, r)
		return
	case isNative(r.URL.Path):
		c.api.ServeHTTP(w, r)
		return
	}
	for _, prefix := range c.prefixes {
		below, ok := strings.CutPrefix(r.URL.Path, prefix)
		next := c.served
		switch {
		case !ok:
			continue
		case strings.HasPrefix(below, activation.Prefix), strings.HasPrefix(below, console.Prefix+"/"):
			next = c.others
		case isNative(below):
			next = c.api
		case !isContract(below):
			continue
		}
		stripped := r.Clone(r.Context())
		stripped.URL.Path, stripped.URL.RawPath = below, ""
		next.ServeHTTP(w, stripped) // a signature is over RequestURI, which stays
		r.Pattern = stripped.Pattern
		return
	}
	c.others.ServeHTTP(w, r)
}

// byContract hands a request to the contract that its path belongs to.
func byContract(kooDrive, federated http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isFederation(r.URL.Path) {
			federated.ServeHTTP(w, r)
			return
		}
		kooDrive.ServeHTTP(w, r)
	})
}

func isContract(p string) bool {
	const below = "/koodrive/"
	clean := path.Clean("/" + p)
	return strings.HasPrefix(clean, below) || clean == koodrive.TokenPath || isFederation(p)
}

func isNative(p string) bool { return strings.HasPrefix(path.Clean("/"+p), native.Prefix+"/") }

func isFederation(p string) bool {
	clean := path.Clean("/" + p)
	return strings.HasPrefix(clean, federation.TokenPrefix) || strings.HasPrefix(clean, federation.TaskPrefix)
}

// checks are what /readyz asks.
func (s *server) checks(engine *provision.Engine) []check {
	ids := "clock" // is all that ids need of a data folder
	if s.held.shared != nil {
		ids = "ids"
	}
	return []check{
		{"database", func(r *http.Request) error { return s.held.store.Ping(r.Context()) }},
		{ids, func(*http.Request) error { return s.held.ids.Ready() }},
		{"key", func(*http.Request) error { return s.held.keysWork() }},
		{"lanes", func(*http.Request) error { return engine.Dispatcher.Trouble() }},
		{"disk", func(*http.Request) error { return engine.DiskRoom() }},
	}
}
