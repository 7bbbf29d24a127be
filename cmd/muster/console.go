package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/access"
	"muster/api/native"
	"muster/console"
	"muster/provision"
)

// consoleFlags say how operators sign in beside their passwords.
type consoleFlags struct {
	OIDCIssuer           string   `name:"oidc-issuer" group:"oidc" placeholder:"URL" help:"Identity provider (OpenID Connect) where operators of the console sign in as well."`
	OIDCClientID         string   `name:"oidc-client-id" group:"oidc" placeholder:"ID" help:"What this server is called there."`
	OIDCClientSecretFile string   `name:"oidc-client-secret-file" group:"oidc" placeholder:"FILE" help:"File with the client's secret in the first line."`
	OIDCRoleClaim        string   `name:"oidc-role-claim" group:"oidc" placeholder:"CLAIM" help:"Claim that says what somebody may do, such as groups or realm_access.roles."`
	OIDCRoles            []string `name:"oidc-roles" group:"oidc" placeholder:"VALUE=ROLE" help:"What values of the claim make of somebody: viewer, operator or administrator of the installation; may be repeated."`
}

// provider is the identity provider that the flags name, nil if they name none.
func (f *consoleFlags) provider() (*console.Provider, error) {
	if f.OIDCIssuer == "" {
		if f.OIDCClientID+f.OIDCClientSecretFile+f.OIDCRoleClaim != "" || len(f.OIDCRoles) > 0 {
			return nil, usagef("--oidc-client-id, --oidc-client-secret-file, --oidc-role-claim and --oidc-roles go with --oidc-issuer")
		}
		return nil, nil //nolint:nilnil // there is none
	}
	if f.OIDCClientID == "" || f.OIDCClientSecretFile == "" || f.OIDCRoleClaim == "" || len(f.OIDCRoles) == 0 {
		return nil, usagef("--oidc-issuer needs --oidc-client-id, --oidc-client-secret-file, --oidc-role-claim and --oidc-roles")
	}
	if u, err := url.Parse(f.OIDCIssuer); err != nil || u.Scheme != "https" && !loopbackHost(u.Hostname()) || u.Host == "" {
		return nil, usagef("--oidc-issuer: an https address is accepted")
	}
	secret, err := readPassword("--oidc-client-secret-file", f.OIDCClientSecretFile, nil)
	if err != nil {
		return nil, err
	}
	p := &console.Provider{
		Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: secret, RoleClaim: f.OIDCRoleClaim, Roles: map[string]muster.OperatorRole{},
	}
	for _, pair := range f.OIDCRoles {
		at := strings.LastIndex(pair, "=")
		if at < 1 {
			return nil, usagef("--oidc-roles: %q is no VALUE=ROLE", pair)
		}
		if p.Roles[pair[:at]], err = muster.ParseOperatorRole(pair[at+1:]); err != nil {
			return nil, usagef("--oidc-roles: %w", err)
		}
	}
	return p, nil
}

func loopbackHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// transport is how browsers reach the console.
func (o *serverOptions) transport() console.Transport {
	host, _, err := net.SplitHostPort(o.listen)
	if o.publicURL != "" {
		u, parsed := url.Parse(o.publicURL)
		if parsed == nil && u.Scheme == "https" {
			return console.Encrypted
		}
		if err = parsed; parsed == nil {
			host = u.Hostname()
		}
	} else if o.certFile != "" {
		return console.Encrypted
	}
	if err == nil && loopbackHost(host) {
		return console.Loopback
	}
	return console.Plain
}

// console serves the pages of operators, on what the native API stands on.
func (s *server) console(api *native.Config, links *access.Activations, engine *provision.Engine) (http.Handler, error) {
	o := &s.options
	pages, err := console.New(console.Config{
		Operators: api.Operators, Tenants: s.held.store, Access: api.Access, Departments: api.Departments, Users: api.Users, Roles: api.Roles,
		Links: links, Federation: api.Federation, Trier: api.Trier, Webhooks: api.Webhooks, Engine: engine, Batches: s.held.store, Audit: api.Audit,
		LinkAddress: api.LinkAddress, Workbooks: api.Workbooks, Stopping: api.Stopping,
		Health: s.health(engine), Nodes: s.nodes(time.Now()), Load: s.load, IDs: s.held.ids, Now: time.Now, Logger: o.logger,
		PublicURL: o.publicURL, TrustedProxies: o.trusted, Transport: o.transport(), Provider: o.provider,
	})
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return pages, nil
}

// health is what /readyz asks, as the console shows it.
func (s *server) health(engine *provision.Engine) func(*http.Request) []console.Health {
	checks := s.checks(engine)
	asked := &readiness{checks: checks, logger: s.options.logger, now: time.Now}
	return func(r *http.Request) []console.Health {
		failing := asked.ask(r)
		all := make([]console.Health, len(checks))
		for i, c := range checks {
			all[i] = console.Health{Name: c.name, OK: !slices.Contains(failing, c.name)}
		}
		return all
	}
}
