package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/api/activation"
	"muster/api/federation"
	"muster/api/koodrive"
	"muster/api/native"
	"muster/console"
	"muster/directory"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/webhook"
)

// Bounds of a connection. A request has a minute to arrive, which 4 MiB do at 70 kB a second, and a minute to be
// answered; a header holds more than the largest that a signature may cover.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10

	// operatorTimeout bounds an answer on the socket: a key rotation answers when it is done.
	operatorTimeout = 15 * time.Minute

	// requestDrain and turnDrain are how long requests, and then turns, may take to end when the server is told to stop:
	// together less than the half minute after which others would kill it.
	requestDrain = 15 * time.Second
	turnDrain    = 10 * time.Second
	// sendDrain is how long webhooks may take to answer then. What is cut off is sent again.
	sendDrain = 3 * time.Second
)

// serverOptions are what a server runs with.
type serverOptions struct {
	installationOptions
	first             firstTenant
	listen            string
	certFile, keyFile string // TLS; both or none
	authorities       []signature.Authority
	prefixes          []string // of their paths, which a proxy may leave in front of the contract's
	publicURL         string   // the first of them, under which users find pages, without a slash at its end; "" is none
	trusted           []netip.Prefix
	leeway            time.Duration
	refuseRepeats     bool
	retention         time.Duration
	auditRetention    time.Duration     // zero is the engine's own
	webhookAllow      []netip.Prefix    // networks that webhooks may lead to although they are not public
	provider          *console.Provider // where operators sign in as well; nil: nowhere
	workers           int               // turns at once; zero is one for each core, maxWorkers at most
	profile           string            // address on which to serve profiles of the process; "": none
	hangup            <-chan struct{}   // receives when the certificate is to be read again; nil never
	refresh           time.Duration     // how often keys of other servers are looked for; zero is refreshEvery
}

// server is a running installation: its engine and its listeners.
type server struct {
	options serverOptions
	held    *installation
	first   *account // what the first start made; nil if this is not the first
	pool    *password.Pool
	engine  *provision.Engine
	// operators are those who use the console.
	operators *access.Operators
	sender    *webhook.Sender
	load      *console.Load
	watcher   *loadWatcher

	address string // host:port that it listens on
	public  *http.Server
	socket  *http.Server  // nil without a data folder
	profile *http.Server  // nil unless it is asked for
	keys    *keyRefresher // nil unless others share the database
	certs   *certificates // nil without TLS
	failed  chan error
	// stopping is closed when requests are to end.
	stopping chan struct{}

	end    sync.Once
	ending error // how the end went
}

// startServer opens the installation, which is made if it is not there, and serves it. Nothing listens before all that is
// made is on the disk. The caller stops the server.
func startServer(ctx context.Context, o serverOptions) (_ *server, err error) {
	held, err := openInstallation(ctx, o.installationOptions)
	if err != nil {
		return nil, err
	}
	s := &server{options: o, held: held, failed: make(chan error, 2), stopping: make(chan struct{}), load: &console.Load{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.first, err = held.begin(ctx, o.first); err != nil {
		return nil, err
	}
	// A key that another server still seals under goes later.
	if _, err := held.keys.Resume(ctx, held.store); err != nil && !errors.Is(err, secret.ErrKeyInUse) {
		return nil, fmt.Errorf("go on with a rotation of keys: %w", err)
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.options.workers == 0 {
		s.options.workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	dispatcher, err := held.dispatcher(s.options.workers)
	if err != nil {
		return nil, err
	}
	if s.pool, err = password.NewPool(password.Hasher{}, 0); err != nil {
		return nil, err
	}
	s.pool.Delegate(hashing, func(err error) {
		o.logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "passwords are hashed by the server itself, since a process for that cannot be used",
			slog.Any("error", err))
	})
	engine, err := provision.New(provision.Config{
		Store: held.store, Keyring: held.keys, Hasher: s.pool, IDs: held.ids, Dispatcher: dispatcher, Now: time.Now,
		Logger: o.logger, Registerer: metrics, DiskFree: held.diskFree(), Retention: o.retention, AuditRetention: o.auditRetention,
		ReplayWindow: signature.MaxAge + o.leeway + time.Minute, RefuseReplays: o.refuseRepeats,
	})
	if err != nil {
		return nil, err
	}
	held.hooks.Allow, held.hooks.Anywhere = o.webhookAllow, false
	sender, err := webhook.NewSender(webhook.SenderConfig{
		Store: held.store, Keyring: held.keys, IDs: held.ids, Now: time.Now, Logger: o.logger, Registerer: metrics, Allow: o.webhookAllow,
	})
	if err != nil {
		return nil, err
	}
	routes, err := s.routes(engine, metrics)
	if err != nil {
		return nil, err
	}
	if err := engine.Start(ctx); err != nil {
		return nil, err
	}
	s.engine = engine
	sender.Start()
	s.sender = sender
	s.watcher = watchLoad(s.load, held.store.QueuedRows, s.pool.Stats)
	if held.shared != nil {
		s.keys = refreshKeys(held, cmp.Or(o.refresh, refreshEvery))
	}
	return s, s.listen(ctx, routes)
}

// routes wires what the listeners serve.
func (s *server) routes(engine *provision.Engine, metrics *prometheus.Registry) (*routes, error) {
	held, o := s.held, &s.options
	verifier := &access.Verifier{
		Directory: held.store, Keyring: held.keys, Now: time.Now, Leeway: o.leeway,
		Policy: signature.Policy{Authorities: o.authorities, TrustedProxies: o.trusted},
	}
	tokens := &access.Tokens{Store: held.store, Keyring: held.keys, Now: time.Now}
	links := held.links(s.pool)
	contract := s.kooDrive(engine, verifier, tokens)
	operators := held.operators(s.pool)
	api := held.native(engine, links, operators, addresses{s.pages}, s.stopping)
	pages, err := s.console(&api, links, engine)
	if err != nil {
		return nil, err
	}
	s.operators = operators
	return newRoutes(routeConfig{
		koodrive: contract,
		busy:     contract.Busy,
		federation: federation.New(federation.Config{
			Tokens: tokens, Engine: engine, Profiles: held.store, IDs: held.ids, Logger: o.logger, TrustedProxies: o.trusted,
		}),
		prefixes:   o.prefixes,
		native:     native.New(api),
		public:     native.NewPublic(api, s.authentication(verifier)),
		console:    pages,
		activation: activation.New(activation.Config{Links: links, Logger: o.logger, TrustedProxies: o.trusted}),
		ready:      &readiness{checks: s.checks(engine), logger: o.logger, now: time.Now},
		metrics:    metrics,
		logger:     o.logger,
	})
}

// authentication finds out who calls the native API, by the signatures of the contracts, where it may be nobody but the application, and
// by tokens.
func (s *server) authentication(like *access.Verifier) native.Authentication {
	verifier := *like
	verifier.Policy.UserOptional = true
	return native.Authentication{
		Verifier: &verifier, TrustedProxies: s.options.trusted,
		Sessions: &access.Sessions{Store: s.held.store, Keyring: s.held.keys, Hasher: s.pool, Now: time.Now},
	}
}

// kooDrive serves the KooDrive contract.
func (s *server) kooDrive(engine *provision.Engine, verifier *access.Verifier, tokens *access.Tokens) *koodrive.Handler {
	held, o := s.held, &s.options
	return koodrive.New(koodrive.Config{
		Verifier: verifier, Submitter: engine, Reader: held.store, Tokens: tokens, Snapshots: held.store,
		Sessions:    &access.Sessions{Store: held.store, Keyring: held.keys, Hasher: s.pool, Now: time.Now},
		Departments: &directory.Departments{Store: held.store, IDs: held.ids, Now: time.Now},
		Users:       &directory.Users{Store: held.store, Changer: provision.Direct{Store: held.store, Now: time.Now}},
		IDs:         held.ids, Logger: o.logger, LinkAddress: s.link, TrustedProxies: o.trusted,
	})
}

// link is where a user finds the page of his link.
func (s *server) link(tenant muster.ID, secret string) string {
	return addresses{s.pages}.activation(tenant, secret)
}

// pages is where browsers find pages.
func (s *server) pages() string { return cmp.Or(s.options.publicURL, s.url()) }

// listen begins to serve, once it listens everywhere.
func (s *server) listen(ctx context.Context, r *routes) error {
	s.public = newHTTPServer(r.public, writeTimeout, s.options.logger)
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.options.listen, err)
	}
	s.address = listener.Addr().String()
	if s.options.certFile != "" {
		if s.certs, err = loadCertificates(s.options.certFile, s.options.keyFile, s.options.logger, time.Now); err != nil {
			return errors.Join(err, listener.Close())
		}
		s.public.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certs.get, NextProtos: []string{"h2", "http/1.1"}}
		listener = tls.NewListener(listener, s.public.TLSConfig)
	}
	if s.held.shared == nil {
		socket, err := listenSocket(s.options.dir)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		s.socket = newHTTPServer(r.operator, operatorTimeout, s.options.logger)
		s.serve(s.socket, socket)
	}
	if err := s.listenProfile(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	s.serve(s.public, listener)
	s.options.logger.Info("serving", "address", s.address, "tls", s.certs != nil, "workers", s.options.workers, "version", thisBuild().Version)
	return nil
}

func (s *server) serve(h *http.Server, l net.Listener) {
	go func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
	}()
}

// url is where a client on this machine finds the server.
func (s *server) url() string {
	scheme := "http"
	if s.certs != nil {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return scheme + "://" + s.address
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// wait returns when ctx ends, or with the error of a listener that failed.
func (s *server) wait(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.failed:
			return err
		case <-s.options.hangup:
			if s.certs != nil {
				s.certs.reload()
			}
		}
	}
}

// stop ends in good order: no new connections, then requests, then turns, then the database. Work that is not done goes on at
// the next start. A second call waits for the first and answers the same.
func (s *server) stop() error {
	s.end.Do(func() { s.ending = s.shutdown() })
	return s.ending
}

func (s *server) shutdown() error {
	errs := []error{s.endRequests()}
	if s.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), turnDrain)
		defer cancel()
		if err := s.engine.Stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("end turns: %w", err))
		}
	}
	if s.sender != nil {
		ctx, cancel := context.WithTimeout(context.Background(), sendDrain)
		defer cancel()
		s.sender.Stop(ctx)
	}
	if s.keys != nil {
		s.keys.stop()
	}
	if s.watcher != nil {
		s.watcher.stop()
	}
	if s.pool != nil {
		s.pool.Close()
	}
	errs = append(errs, s.held.close())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.options.logger.Info("stopped")
	return nil
}

// endRequests answers the requests that have begun and takes no others. What takes too long is cut off.
func (s *server) endRequests() error {
	ctx, cancel := context.WithTimeout(context.Background(), requestDrain)
	defer cancel()
	var errs []error
	close(s.stopping)
	for _, h := range []*http.Server{s.public, s.socket, s.profile} {
		if h == nil {
			continue
		}
		if err := h.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("end requests: %w", err), h.Close())
		}
	}
	return errors.Join(errs...)
}

func newHTTPServer(h http.Handler, write time.Duration, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      write,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// What net/http reports are broken handshakes and connections, with the callers' addresses.
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}
