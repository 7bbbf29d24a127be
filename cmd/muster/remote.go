package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"muster/access/signature"
)

// remoteFlags choose a server elsewhere, which is called with signed requests, as any application does.
type remoteFlags struct {
	Profile string `group:"remote" placeholder:"NAME" help:"The server, as muster profile add named it."`
	Server  string `group:"remote" env:"-" placeholder:"URL" help:"The server; MUSTER_APP_ID and MUSTER_APP_SECRET are the key pair to sign with."`
}

// placeFlags choose where tenants are: in an installation of this machine, or on a server elsewhere.
type placeFlags struct {
	localFlags
	remoteFlags

	origins map[string]origin // of the flags that say where
}

// tenantFlags choose a tenant, and where it is.
type tenantFlags struct {
	Tenant string `placeholder:"TENANT" help:"Id or name of the tenant; not needed if there is only one. Elsewhere it is the key pair's own."`
	placeFlags
}

// origin is what a flag has its value from; a later one goes before an earlier one.
type origin int

const (
	byDefault origin = iota
	bySettings
	byCommandLine
)

// AfterApply notes what says where the tenant is. It is a hook of kong's.
func (f *placeFlags) AfterApply(k *kong.Context) error {
	f.origins = map[string]origin{}
	for _, flag := range k.Flags() {
		for _, name := range flag.Envs {
			if os.Getenv(name) != "" {
				f.origins[flag.Name] = bySettings
			}
		}
	}
	for _, at := range k.Path {
		switch {
		case at.Flag == nil:
		case at.Resolved: // by the file of settings
			f.origins[at.Flag.Name] = bySettings
		default:
			f.origins[at.Flag.Name] = byCommandLine
		}
	}
	return nil
}

// elsewhere is the server that the flags choose; nil where they choose an installation of this machine. The command line
// goes before settings, and settings go before the profile in use.
func (f *placeFlags) elsewhere() (*profile, error) {
	here := max(f.origins["data"], f.origins["database"])
	there := max(f.origins["profile"], f.origins["server"])
	switch {
	case f.Profile != "" && f.Server != "" && f.origins["profile"] == byCommandLine:
		return nil, usagef("--profile and --server exclude each other: both name the server")
	case here == byCommandLine && there == byCommandLine:
		return nil, usagef("--data and --database choose an installation of this machine, --profile and --server one elsewhere: give one of them")
	case f.Server != "":
		return profileOf(f.Server)
	case f.Profile != "" && here != byCommandLine:
		return loadProfile(f.Profile)
	case here > byDefault, there > byDefault: // an empty profile is none
		return nil, nil //nolint:nilnil // it is here
	default:
		return loadProfile("")
	}
}

// profileOf is a server with the key pair that the environment has.
func profileOf(server string) (*profile, error) {
	found := &profile{URL: server, AppID: os.Getenv(appIDVariable), Secret: os.Getenv(secretVariable)}
	if found.AppID == "" || found.Secret == "" {
		return nil, usagef("--server needs a key pair: set %s and %s, or make a profile with muster profile add", appIDVariable, secretVariable)
	}
	return found, found.check()
}

// connect reaches the API that has the tenant. The caller calls done at the end.
func (f *placeFlags) connect(ctx context.Context, p *printer) (api *nativeClient, done func() error, err error) {
	remote, err := f.elsewhere()
	if err != nil {
		return nil, nil, err
	}
	if remote == nil {
		return f.local(ctx, p)
	}
	api, done = remote.client()
	return api, done, nil
}

// client calls the profile's server.
func (p *profile) client() (*nativeClient, func() error) {
	transport := remoteTransport()
	signed := &signedTransport{next: transport, signer: p.signer(), now: time.Now}
	return &nativeClient{
		http: &http.Client{Transport: signed, CheckRedirect: noRedirect}, server: strings.TrimRight(p.URL, "/"), own: true,
	}, closeIdle(transport)
}

// base is where the API has all that is the tenant's.
func (f *tenantFlags) base(ctx context.Context, api *nativeClient) (string, error) {
	if api.own && f.Tenant == "" {
		return "", nil
	}
	tenant, err := api.tenant(ctx, f.Tenant)
	if err != nil {
		return "", err
	}
	return api.tenantPath(tenant.ID), nil
}

// with has do work with the API and where that has all that is the tenant's.
func (f *tenantFlags) with(ctx context.Context, p *printer, do func(api *nativeClient, base string) error) (err error) {
	api, done, err := f.connect(ctx, p)
	if err != nil {
		return err
	}
	defer closing(done, &err)
	base, err := f.base(ctx, api)
	if err != nil {
		return err
	}
	return do(api, base)
}

// remoteTransport bounds each step of a call but the sending of a file, and the stream of a batch's events.
func remoteTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: refusalTime,
		ResponseHeaderTimeout: longestAnswer,
	}
}

// noRedirect keeps a client from following: a signature holds for one address alone.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// signedTransport signs each request, by the vendor's scheme, which does not want a user to be named.
type signedTransport struct {
	next   http.RoundTripper
	signer signature.Signer
	now    func() time.Time
}

// contentHashHeader announces the body's hash, so that a server knows who calls before it takes a file.
const contentHashHeader = "X-Sdk-Content-Sha256"

// errBodyOnce is a body that cannot be read a first time for its hash.
var errBodyOnce = errors.New("a signature is over the whole body, and this one can be read only once")

func (t *signedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	sum, err := bodySum(req)
	if err == nil {
		signed := req.Clone(req.Context())
		signed.Header.Set(contentHashHeader, hex.EncodeToString(sum[:]))
		if err = t.signer.SignSum(signed, sum, t.now()); err == nil {
			return t.next.RoundTrip(signed)
		}
	}
	if req.Body != nil {
		_ = req.Body.Close() // which a transport owes its caller
	}
	return nil, err
}

func bodySum(req *http.Request) (sum [sha256.Size]byte, err error) {
	digest := sha256.New()
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return sum, errBodyOnce
		}
		body, err := req.GetBody()
		if err != nil {
			return sum, fmt.Errorf("read the body for its signature: %w", err)
		}
		defer body.Close()
		if _, err := io.Copy(digest, body); err != nil {
			return sum, fmt.Errorf("read the body for its signature: %w", err)
		}
	}
	return [sha256.Size]byte(digest.Sum(nil)), nil
}

// signer signs as the profile's application.
func (p *profile) signer() signature.Signer {
	return signature.Signer{Scheme: signature.SchemeSDK, AppID: p.AppID, Secret: []byte(p.Secret), Headers: []string{contentHashHeader}}
}

// check refuses a profile with which no server can be called.
func (p *profile) check() error {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return usagef("the server's URL is of the form http(s)://host[:port][/prefix]")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return usagef("the server's URL has a user, a query or a fragment; only a path prefix is accepted")
	case p.AppID == "":
		return usagef("the AppId is missing: give --app-id or set %s", appIDVariable)
	case p.Secret == "":
		return usagef("the secret is empty")
	}
	return nil
}
