package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"muster"
	"muster/access/signature"
)

type serveCmd struct {
	Data           string    `default:"muster-data" type:"path" placeholder:"DIR" help:"Data folder; made if it is not there."`
	Listen         string    `default:"127.0.0.1:8080" placeholder:"ADDRESS" help:"Address to listen on, host:port."`
	LogLevel       string    `enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error."`
	LogFormat      string    `enum:"auto,text,json" default:"auto" placeholder:"FORMAT" help:"Log as text or json; auto is text on a terminal, else json."`
	TLSCert        string    `name:"tls-cert" type:"path" placeholder:"FILE" help:"Certificate chain, PEM. Read again when it changes, and on SIGHUP."`
	TLSKey         string    `name:"tls-key" type:"path" placeholder:"FILE" help:"Private key of the certificate, PEM."`
	PublicURL      []string  `placeholder:"URL" help:"Address that clients sign, where it differs from the one that reaches the server; may be repeated."`
	TrustedProxy   []network `name:"trusted-proxies" placeholder:"RANGE" help:"Addresses of proxies whose X-Forwarded headers count; may be repeated."`
	ClockLeeway    period    `default:"5s" placeholder:"TIME" help:"How far in the future a request's date may be."`
	RefuseRepeats  bool      `help:"Answer every repeat of a signed request with 401, instead of with the batch that the first one made."`
	Retention      period    `default:"30d" placeholder:"TIME" help:"How long finished batches are kept."`
	AuditRetention period    `default:"400d" placeholder:"TIME" help:"How long it is kept who did what."`
	WebhookAllow   []network `name:"webhook-allow" placeholder:"RANGE" help:"Addresses that webhooks may lead to although they are not public, also by http; may be repeated."`
	Workers        *int      `placeholder:"N" help:"How many lanes have their turn at once, 1 to 64. Default: as many as the process has cores."`
	MasterKey      string    `placeholder:"REF" help:"Where the master key is: a file. Default: master.key in the data folder, made at the first start."`
	ProfileListen  string    `placeholder:"ADDRESS" help:"Loopback address, host:port, on which to serve profiles of the process, for go tool pprof. Default: none."`
	Node           *int      `placeholder:"N" help:"Number of this server among those that make ids for the data folder, 0 to 1023. Default: 0."`
	databaseFlags
	consoleFlags
}

// maxLeeway bounds the clock leeway: a date further ahead than it may be old is no date.
const maxLeeway = signature.MaxAge

// maxWorkers bounds the turns at once: one store takes their writes, and each holds some thousands of rows in memory.
const maxWorkers = 64

func (c *serveCmd) Run(ctx context.Context, p *printer) (err error) {
	options, err := c.options(p)
	if err != nil {
		return err
	}
	hangup, stop := hangups()
	defer stop()
	options.hangup = hangup
	s, err := startServer(ctx, options)
	if err != nil {
		return err
	}
	defer closing(s.stop, &err)
	if err := printStart(ctx, p, s); err != nil {
		return err
	}
	return s.wait(ctx)
}

func (c *serveCmd) options(p *printer) (o serverOptions, err error) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return o, usagef("--tls-cert and --tls-key go together")
	}
	if leeway := time.Duration(c.ClockLeeway); leeway > maxLeeway {
		return o, usagef("--clock-leeway is %s, at most %s is accepted", leeway, maxLeeway)
	}
	if retention := time.Duration(c.Retention); retention < time.Hour {
		return o, usagef("--retention is %s, at least an hour is accepted", retention)
	}
	if retention := time.Duration(c.AuditRetention); retention < time.Hour {
		return o, usagef("--audit-retention is %s, at least an hour is accepted", retention)
	}
	database, err := c.sealed(c.MasterKey)
	if err != nil {
		return o, err
	}
	node, err := c.node(database != nil)
	if err != nil {
		return o, err
	}
	if c.Workers != nil && (*c.Workers < 1 || *c.Workers > maxWorkers) {
		return o, usagef("--workers is %d, 1 to %d are accepted", *c.Workers, maxWorkers)
	}
	o = serverOptions{
		installationOptions: installationOptions{
			dir: c.Data, database: database, masterKey: c.MasterKey, node: node, create: true,
			logger: newLogger(p.Err, c.LogFormat, c.LogLevel),
		},
		first:  firstTenant{name: firstTenantName},
		listen: c.Listen, certFile: c.TLSCert, keyFile: c.TLSKey,
		leeway: time.Duration(c.ClockLeeway), refuseRepeats: c.RefuseRepeats, retention: time.Duration(c.Retention), auditRetention: time.Duration(c.AuditRetention),
	}
	if c.Workers != nil {
		o.workers = *c.Workers
	}
	if o.profile = c.ProfileListen; o.profile != "" {
		if a, err := netip.ParseAddrPort(o.profile); err != nil || !a.Addr().IsLoopback() {
			return o, usagef("--profile-listen: an address of this machine alone and a port are accepted, such as 127.0.0.1:6060")
		}
	}
	if o.authorities, err = signature.ParseAuthorities(c.PublicURL...); err != nil {
		return o, usagef("--public-url: %w", err)
	}
	o.prefixes = pathPrefixes(c.PublicURL)
	if len(c.PublicURL) > 0 {
		o.publicURL = strings.TrimRight(c.PublicURL[0], "/")
	}
	if o.provider, err = c.provider(); err != nil {
		return o, err
	}
	for _, n := range c.WebhookAllow {
		o.webhookAllow = append(o.webhookAllow, netip.Prefix(n))
	}
	for _, n := range c.TrustedProxy {
		o.trusted = append(o.trusted, netip.Prefix(n))
	}
	return o, nil
}

// node is the number of this process in ids, if it is to be given one.
func (c *serveCmd) node(shared bool) (int, error) {
	switch {
	case c.Node == nil:
		return 0, nil
	case shared:
		return 0, usagef("--node goes with a data folder alone: of a database each server takes a number by itself")
	case *c.Node < 0 || *c.Node > muster.MaxNode:
		return 0, usagef("--node is %d, 0 to %d are accepted", *c.Node, muster.MaxNode)
	default:
		return *c.Node, nil
	}
}

// pathPrefixes lists the paths of public URLs that have one.
func pathPrefixes(publicURLs []string) []string {
	var prefixes []string
	for _, raw := range publicURLs {
		u, err := url.Parse(raw)
		if err != nil {
			continue // ParseAuthorities refused it
		}
		if prefix := strings.TrimRight(u.Path, "/"); prefix != "" {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

// newLogger logs to w. The level is one of slog's names.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		panic("log level: " + err.Error()) // kong checked it
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "text" || format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// hangups receives when the process gets SIGHUP.
func hangups() (<-chan struct{}, func()) {
	signals, out := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(out)
		for range signals {
			out <- struct{}{}
		}
	}()
	return out, func() {
		signal.Stop(signals)
		close(signals)
		for range out { //nolint:revive // until the goroutine has ended
		}
	}
}

// started is what serve prints as JSON when it listens.
type started struct {
	URL      string   `json:"url"`
	Data     string   `json:"data,omitempty"`     // the folder,
	Database string   `json:"database,omitempty"` // or host:port/name
	Created  *account `json:"created,omitempty"`  // at the first start; without the secret unless it goes to a terminal
	// Invitation is a link by which the first operator of the console sets his password, where there is none and it goes to a
	// terminal.
	Invitation string `json:"invitation,omitempty"`
}

func printStart(ctx context.Context, p *printer, s *server) error {
	shown := started{URL: s.url(), Data: s.options.dir}
	if s.options.database != nil {
		shown.Data, shown.Database = "", s.options.database.name
	}
	secret := ""
	if s.first != nil {
		created := *s.first
		if secret = created.AppSecret; !isTerminal(p.Out) {
			created.AppSecret = ""
		}
		shown.Created = &created
	}
	first := "" // what the first operator signs in as
	if isTerminal(p.Out) {
		operator, invitation, err := s.operators.First(ctx)
		if err != nil {
			return fmt.Errorf("invite the first operator: %w", err)
		}
		if invitation != nil {
			first, shown.Invitation = operator.Email, addresses{s.pages}.invitation(invitation.Secret)
		}
	}
	return p.print(shown, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Muster serves %s from %s\n", shown.URL, s.options.place())
		if shown.Invitation != "" {
			_, _ = fmt.Fprintf(w, "\nNobody uses the console yet. Within an hour, set a password for %s at\n  %s\n", first, shown.Invitation)
		}
		if shown.Created == nil {
			return
		}
		_, _ = fmt.Fprintf(w, "\nThis is a new installation. Its first tenant:\n\n")
		describeAccount(w, *shown.Created)
		switch {
		case shown.Created.AppSecret != "":
			_, _ = fmt.Fprintf(w, "\nThe secret is shown this once.")
		case secret != "":
			_, _ = fmt.Fprintf(w, "\nThe secret is shown to a terminal alone. To have one: muster credential rotate %s --overlap 0s", shown.Created.AppID)
			if shown.Data != "" {
				_, _ = fmt.Fprintf(w, " --data %s", shown.Data)
			}
		}
		_, _ = fmt.Fprintf(w, "\nKeep a copy of %s apart from copies of the database: nothing sealed can be read without it.\n\n",
			masterKeyPlace(s.options.installationOptions))
	})
}
