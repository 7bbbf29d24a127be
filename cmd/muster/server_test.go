package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/access/signature"
	"muster/client"
	"muster/store/sqlite"
)

// startedServer is a server on a folder of its own, changed by tune before it starts. It is stopped at the end of the test.
func startedServer(t *testing.T, tune func(*serverOptions)) *server {
	t.Helper()
	o := serverOptions{
		installationOptions: installationOptions{dir: t.TempDir(), create: true, logger: slog.New(slog.DiscardHandler)},
		first:               firstTenant{name: "main"},
		listen:              "127.0.0.1:0",
		leeway:              signature.Leeway,
	}
	if tune != nil {
		tune(&o)
	}
	s, err := startServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func (s *server) caller(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Credentials{
		AppID: s.first.AppID, Secret: s.first.AppSecret, UserID: s.first.AdminUserID.String(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Patience = -1
	return c
}

// A request whose body is on its way when the server is told to stop is answered, and its batch is not lost.
func TestStoppingAnswersRequestsThatHaveBegun(t *testing.T) {
	t.Parallel()
	o := serverOptions{}
	s := startedServer(t, func(tuned *serverOptions) { o = *tuned })
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"userList":[{"firstname":"Ada","phone":"12345678"}]}`
	req, err := http.NewRequest(http.MethodPost, s.url()+"/koodrive/ose/v1/user/batchRegister/create", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	signer := signature.Signer{AppID: s.first.AppID, Secret: []byte(s.first.AppSecret), UserID: s.first.AdminUserID.String()}
	if err := signer.Sign(req, []byte(body), time.Now()); err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	if err := req.Write(&head); err != nil {
		t.Fatal(err)
	}
	whole := head.Bytes()
	if _, err := conn.Write(whole[:len(whole)-10]); err != nil {
		t.Fatal(err)
	}
	// The metric says when the request has begun.
	awaitMetric(t, s.url(), "muster_http_requests_in_flight 2") // this one, and the question
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	awaitRefusal(t, s.address)
	if _, err := conn.Write(whole[len(whole)-10:]); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"code":0`) {
		t.Errorf("%d %s, %v", answer.StatusCode, text, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := os.Stat(filepath.Join(o.dir, sqlite.FileName+"-wal")); err == nil {
		t.Error("the write-ahead log was not copied into the database")
	}
}

func awaitMetric(t *testing.T, url, line string) {
	t.Helper()
	for {
		answer, err := http.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), line+"\n") {
			return
		}
	}
}

func awaitRefusal(t *testing.T, address string) {
	t.Helper()
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return
		}
		conn.Close()
	}
}

// A client that knows the server by the address of a proxy signs that address and its path, whether the proxy leaves the
// path as it was or takes its prefix off.
func TestAProxyMayKeepItsPrefixOrTakeItOff(t *testing.T) {
	t.Parallel()
	const public = "https://gateway.example.com/muster"
	s := startedServer(t, func(o *serverOptions) {
		var err error
		if o.authorities, err = signature.ParseAuthorities(public); err != nil {
			t.Fatal(err)
		}
		o.prefixes = pathPrefixes([]string{public})
		o.trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	for name, strip := range map[string]bool{"kept": false, "taken off": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.caller(t, public)
			c.HTTP = &http.Client{Transport: proxy{to: s.address, strip: strip}}
			id, err := c.CreateBatch(t.Context(), []client.User{{FirstName: "Ada", Phone: "12345678"}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Wait(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
}

// proxy sends on what it gets for the public address, and leaves the Host header alone.
type proxy struct {
	to    string
	strip bool
}

func (p proxy) RoundTrip(req *http.Request) (*http.Response, error) {
	onward := req.Clone(req.Context())
	onward.Host = req.URL.Host
	onward.URL.Scheme, onward.URL.Host = "http", p.to
	if p.strip {
		onward.URL.Path = strings.TrimPrefix(onward.URL.Path, "/muster")
	}
	return http.DefaultTransport.RoundTrip(onward)
}

func TestServingTLS(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	cert, key := p.issue()
	cert()
	key()
	hangup := make(chan struct{})
	s := startedServer(t, func(o *serverOptions) { o.certFile, o.keyFile, o.hangup = p.certFile, p.keyFile, hangup })
	trust := x509.NewCertPool()
	ask := func() (protocol string, serial int64) {
		t.Helper()
		text, err := os.ReadFile(p.certFile)
		if err != nil {
			t.Fatal(err)
		}
		trust.AppendCertsFromPEM(text)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		c := s.caller(t, s.url())
		c.HTTP = &http.Client{Transport: transport}
		if _, err := c.CreateBatch(t.Context(), []client.User{{FirstName: "Ada", Phone: "12345678"}}); err != nil {
			t.Fatal(err)
		}
		answer, err := c.HTTP.Get(s.url() + "/livez")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.Proto, answer.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if protocol, serial := ask(); protocol != "HTTP/2.0" || serial != 1 {
		t.Errorf("%s with certificate %d, want HTTP/2.0 with 1", protocol, serial)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.wait(ctx) }()
	cert, key = p.issue()
	cert()
	key()
	hangup <- struct{}{}
	cancel() // wait has ended when what it was told is done
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, serial := ask(); serial != 2 {
		t.Errorf("after SIGHUP: certificate %d, want 2", serial)
	}
}

func TestAServerThatCannotListenLetsGoOfItsFolder(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	o := serverOptions{
		installationOptions: installationOptions{dir: dir, create: true, logger: slog.New(slog.DiscardHandler)},
		first:               firstTenant{name: "main"},
		listen:              taken.Addr().String(),
	}
	if _, err := startServer(t.Context(), o); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("error %v, want one that names the address", err)
	}
	if _, err := os.Stat(filepath.Join(dir, socketName)); err == nil {
		t.Error("the socket is still there")
	}
	lock, err := sqlite.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
}

// Whoever sends half a header, or too much of one, does not keep a connection.
func TestAHeaderIsBounded(t *testing.T) {
	t.Parallel()
	s := startedServer(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url()+"/livez", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 2*maxHeaderBytes))
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", answer.StatusCode)
	}
	for name, h := range map[string]*http.Server{"public": s.public, "socket": s.socket} {
		if h.ReadHeaderTimeout <= 0 || h.ReadTimeout <= 0 || h.WriteTimeout <= 0 || h.IdleTimeout <= 0 {
			t.Errorf("%s has no bound on some step: %s, %s, %s, %s", name, h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout)
		}
	}
}

func TestURLOfAnAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080",
		"0.0.0.0:80":     "http://localhost:80",
		"[::]:8080":      "http://localhost:8080",
		"[::1]:8080":     "http://[::1]:8080",
	} {
		if got := (&server{address: address}).url(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := (&server{address: "[::]:443", certs: &certificates{}}).url(); got != "https://localhost:443" {
		t.Errorf("with TLS: %s", got)
	}
}
