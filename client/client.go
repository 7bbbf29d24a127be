package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster/access/signature"
)

// MaxAnswer is the largest answer that is read, in bytes: several times what 1,000 rows take.
const MaxAnswer = 16 << 20

// Credentials are what an application signs with.
type Credentials struct {
	AppID  string
	Secret string `json:"-"`
	// UserID is the administrator on whose behalf the application calls. The batch endpoints demand one.
	UserID string
	// Scheme is the signature scheme; zero is [signature.SchemeApp].
	Scheme signature.Scheme
}

// String leaves the secret out, so that no format or log shows it.
func (c Credentials) String() string {
	return fmt.Sprintf("AppId %q for user %q", c.AppID, c.UserID)
}

// GoString leaves the secret out.
func (c Credentials) GoString() string { return c.String() }

// LogValue leaves the secret out.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client calls one server with one credential. Set its fields before the first call; after that it may be used by
// several goroutines at once.
type Client struct {
	// HTTP sends the requests; nil is a client with timeouts. Redirects are never followed, whatever it says: a
	// signature holds for one address alone.
	HTTP *http.Client
	// Language is the language of messages and reasons, such as zh-CN; "" is the server's default, en-US.
	Language string
	// Patience is how long one call goes on trying while the network fails or the server answers that it is busy; zero
	// is DefaultPatience, a negative one tries once. At most MaxPatience counts, since the signature's date grows old.
	Patience time.Duration

	base   *url.URL
	signer signature.Signer
	http   *http.Client
	tenant string // of [NewOperator], whose requests are not signed
}

const (
	// DefaultPatience is how long a call goes on trying when nothing else is set.
	DefaultPatience = 2 * time.Minute
	// MaxPatience is the longest that one signed request is repeated: a server takes a date of 15 minutes ago at most
	// (KooDrive contract, section 4), and its clock may differ from ours.
	MaxPatience = 10 * time.Minute
)

// New makes a client for the server at baseURL: http or https, a host, and the path prefix under which a proxy serves
// it, if any.
func New(baseURL string, c Credentials) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("client: the server's URL: %w", err)
	}
	switch {
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, fmt.Errorf("client: the server's URL %q is not of the form http(s)://host[:port][/prefix]", base.Redacted())
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("client: the server's URL has a user, a query or a fragment; only a path prefix is accepted")
	case c.AppID == "":
		return nil, errors.New("client: the AppID is empty")
	case c.Secret == "":
		return nil, errors.New("client: the secret is empty")
	}
	return &Client{
		base:   base,
		signer: signature.Signer{Scheme: c.Scheme, AppID: c.AppID, Secret: []byte(c.Secret), UserID: c.UserID},
		http:   &http.Client{Transport: newTransport(), Timeout: 90 * time.Second},
	}, nil
}

// newTransport bounds each step of a call, so that a server that hangs costs seconds and not for ever.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// Request is a call to be signed.
type Request struct {
	Method string
	// Target is path and query as they are to be sent, percent-encoded, without the server's prefix: "/koodrive/...".
	Target string
	Header http.Header // further headers; nil for none
	Body   []byte
}

// Response is an answer, read to its end.
type Response struct {
	Status  int
	Header  http.Header
	Body    []byte
	TraceID string // under which the server's log has the call; "" if it says none
}

// Do signs a request and sends it, again and again while the network fails or the server answers 429, 502, 503 or 504,
// until c.Patience is used up. The very same signed request is sent each time. Any answer, also a refusal, comes back
// as a Response; the error is for no answer at all.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	req, err := c.sign(ctx, r)
	if err != nil {
		return nil, err
	}
	return c.persist(ctx, false, func() (*Response, error) { return c.send(req, r.Body) })
}

func (c *Client) sign(ctx context.Context, r Request) (*http.Request, error) {
	return c.signSum(ctx, r, sha256.Sum256(r.Body))
}

// unsigned reports whether who reaches the server is known without signature.
func (c *Client) unsigned() bool { return c.tenant != "" }

// signSum is sign for a body of which there is the hash alone.
func (c *Client) signSum(ctx context.Context, r Request, sum [sha256.Size]byte) (*http.Request, error) {
	if !strings.HasPrefix(r.Target, "/") {
		return nil, fmt.Errorf("client: the target %q does not begin with a slash", r.Target)
	}
	address := c.base.Scheme + "://" + c.base.Host + strings.TrimSuffix(c.base.EscapedPath(), "/") + r.Target
	req, err := http.NewRequestWithContext(ctx, r.Method, address, nil)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if len(r.Body) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Language != "" && req.Header.Get("language") == "" {
		req.Header.Set("language", c.Language)
	}
	if c.unsigned() {
		return req, nil
	}
	if err := c.signer.SignSum(req, sum, time.Now()); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return req, nil
}

// send makes one attempt.
func (c *Client) send(signed *http.Request, body []byte) (*Response, error) {
	req := signed.Clone(signed.Context())
	if len(body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	answer, err := c.transport().Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return readAnswer(answer)
}

// readAnswer reads an answer to its end.
func readAnswer(answer *http.Response) (*Response, error) {
	text, err := io.ReadAll(io.LimitReader(answer.Body, MaxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(text) > MaxAnswer {
		return nil, fmt.Errorf("%w: it has more than %d bytes", errAnswer, MaxAnswer)
	}
	return &Response{Status: answer.StatusCode, Header: answer.Header, Body: text, TraceID: answer.Header.Get("X-Traceid")}, nil
}

func (c *Client) transport() *http.Client {
	use := c.http
	if c.HTTP != nil {
		use = c.HTTP
	}
	direct := *use
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &direct
}
