package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"muster/access/signature"
	"muster/client"
)

// secretVariable holds a secret where no file does.
const secretVariable = "MUSTER_APP_SECRET"

type requestCmd struct {
	Method string `arg:"" help:"Method, such as GET or POST."`
	Path   string `arg:"" help:"Path and query, percent-encoded."`

	Body       string   `name:"data" short:"d" env:"-" placeholder:"BODY" help:"Body: the text itself, @FILE, or - for standard input."`
	Header     []string `short:"H" env:"-" sep:"none" placeholder:"NAME:VALUE" help:"Another header; may be repeated."`
	Include    bool     `short:"i" env:"-" help:"Print status and headers too."`
	Server     string   `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Where the server is, with the path prefix if it has one."`
	AppID      string   `placeholder:"ID" help:"AppId of the credential."`
	SecretFile string   `type:"path" placeholder:"FILE" help:"File with the credential's secret, - for standard input. Without it the variable MUSTER_APP_SECRET is the secret."`
	UserID     string   `placeholder:"ID" help:"Administrator on whose behalf the request is, for X-User-Id."`
	Scheme     string   `enum:"HMAC-SHA256,SDK-HMAC-SHA256" default:"HMAC-SHA256" placeholder:"SCHEME" help:"Signature scheme: HMAC-SHA256 or SDK-HMAC-SHA256."`
	Patience   period   `default:"0s" placeholder:"TIME" help:"How long to try again while the network fails or the server is busy, at most 10m."`
}

// answered is what request prints as JSON.
type answered struct {
	Status  int             `json:"status"`
	TraceID string          `json:"traceId,omitempty"`
	Header  http.Header     `json:"header"`
	Body    json.RawMessage `json:"body,omitempty"` // as the server sent it where that is JSON, else a string
}

// badStatus is an answer that is no success. It was printed all the same.
type badStatus struct {
	status int
	trace  string
}

func (b badStatus) Error() string {
	text := fmt.Sprintf("the server answered %d %s", b.status, http.StatusText(b.status))
	if b.trace != "" {
		text += " (trace " + b.trace + ")"
	}
	return text
}

func (b badStatus) ExitCode() int {
	switch {
	case b.status == http.StatusTooManyRequests, b.status == http.StatusServiceUnavailable:
		return exitUnavailable
	case b.status >= http.StatusInternalServerError:
		return exitFailed
	default:
		return exitRefused
	}
}

func (c *requestCmd) Run(ctx context.Context, p *printer) error {
	request, err := c.request(p.In)
	if err != nil {
		return err
	}
	caller, err := c.client(p.In)
	if err != nil {
		return err
	}
	answer, err := caller.Do(ctx, request)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		return unavailable{err}
	}
	if err := c.print(p, answer); err != nil {
		return err
	}
	if answer.Status >= http.StatusMultipleChoices {
		return badStatus{answer.Status, answer.TraceID}
	}
	return nil
}

func (c *requestCmd) client(stdin io.Reader) (*client.Client, error) {
	secret, err := readSecret(c.SecretFile, stdin)
	if err != nil {
		return nil, err
	}
	if c.SecretFile == "" {
		secret = os.Getenv(secretVariable)
	}
	switch {
	case c.AppID == "":
		return nil, usagef("the AppId is missing: give --app-id or set MUSTER_APP_ID")
	case secret == "":
		return nil, usagef("the secret is missing: give --secret-file or set %s", secretVariable)
	}
	caller, err := client.New(c.Server, client.Credentials{
		AppID: c.AppID, Secret: secret, UserID: c.UserID, Scheme: signature.Scheme(c.Scheme),
	})
	if err != nil {
		return nil, usageError{err}
	}
	caller.Patience = time.Duration(c.Patience)
	if caller.Patience == 0 {
		caller.Patience = -1
	}
	return caller, nil
}

func (c *requestCmd) request(stdin io.Reader) (client.Request, error) {
	r := client.Request{Method: strings.ToUpper(c.Method), Target: c.Path, Header: http.Header{}}
	if !strings.HasPrefix(c.Path, "/") {
		return r, usagef("the path %q does not begin with a slash; the server is given by --server", c.Path)
	}
	for _, line := range c.Header {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return r, usagef("the header %q is not of the form NAME:VALUE", line)
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	var err error
	switch name, isFile := strings.CutPrefix(c.Body, "@"); {
	case c.Body == "-", c.Body == "@-":
		r.Body, err = io.ReadAll(stdin)
	case isFile:
		r.Body, err = os.ReadFile(name)
	default:
		r.Body = []byte(c.Body)
	}
	if err != nil {
		return r, usagef("body: %w", err)
	}
	return r, nil
}

func (c *requestCmd) print(p *printer, r *client.Response) error {
	body := json.RawMessage(r.Body)
	if p.format == formatJSON && !json.Valid(body) {
		text, err := json.Marshal(strings.ToValidUTF8(string(r.Body), string(utf8.RuneError)))
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		body = text
	}
	return p.print(answered{Status: r.Status, TraceID: r.TraceID, Header: r.Header, Body: body}, func(w io.Writer) {
		if c.Include {
			_, _ = fmt.Fprintf(w, "HTTP %d %s\n", r.Status, http.StatusText(r.Status))
			_ = r.Header.Write(w) // to a strings.Builder, which takes everything
			_, _ = fmt.Fprintln(w)
		}
		_, _ = w.Write(r.Body)
		if len(r.Body) > 0 && r.Body[len(r.Body)-1] != '\n' {
			_, _ = fmt.Fprintln(w)
		}
	})
}
