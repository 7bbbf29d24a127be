package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const nativePrefix = "/api/v1"

// NewOperator makes a client for one tenant of an installation whose operator's side the transport reaches, such as the socket
// in a data folder. Nothing is signed, since whoever reaches that is the operator. Only the native API is there.
func NewOperator(transport http.RoundTripper, tenantID string) *Client {
	return &Client{
		base:   &url.URL{Scheme: "http", Host: "localhost"},
		http:   &http.Client{Transport: transport},
		tenant: tenantID,
	}
}

// nativeTarget is the target of one of the native API's resources.
func (c *Client) nativeTarget(path string, query url.Values) string {
	target := nativePrefix
	if c.tenant != "" {
		target += "/tenants/" + c.tenant
	}
	if target += path; len(query) > 0 {
		target += "?" + strings.ReplaceAll(query.Encode(), "+", "%20") // to the signature a plus is a plus
	}
	return target
}

// nativeCall is a call of the native API.
type nativeCall struct {
	method, path string
	query        url.Values
	header       http.Header
	in           any  // the body, as JSON; nil: none
	once         bool // a repeat could do it twice: it is repeated only where the server said that nothing was done
}

// native makes a call, and reads its answer into out unless that is nil.
func (c *Client) native(ctx context.Context, n nativeCall, out any) (http.Header, error) {
	r := Request{Method: n.method, Target: c.nativeTarget(n.path, n.query), Header: n.header}
	if n.in != nil {
		var err error
		if r.Body, err = json.Marshal(n.in); err != nil {
			return nil, errors.New("client: the request cannot be written as JSON")
		}
	}
	signed, err := c.sign(ctx, r)
	if err != nil {
		return nil, err
	}
	answer, err := c.persist(ctx, n.once, func() (*Response, error) { return c.send(signed, r.Body) })
	if err != nil {
		return nil, err
	}
	if answer.Status >= http.StatusMultipleChoices {
		return nil, problemOf(answer.Status, answer.Header, answer.Body)
	}
	if out != nil {
		if err := json.Unmarshal(answer.Body, out); err != nil {
			return nil, fmt.Errorf("client: %w: %w", errAnswer, err)
		}
	}
	return answer.Header, nil
}

// stream makes a call whose answer is read as it comes. The caller closes it.
func (c *Client) stream(ctx context.Context, n nativeCall) (*http.Response, error) {
	signed, err := c.sign(ctx, Request{Method: n.method, Target: c.nativeTarget(n.path, n.query), Header: n.header})
	if err != nil {
		return nil, err
	}
	var open *http.Response
	answer, err := c.persist(ctx, false, func() (*Response, error) {
		var err error
		if open, err = c.patient().Do(signed.Clone(ctx)); err != nil {
			return nil, err
		}
		if open.StatusCode < http.StatusMultipleChoices {
			return &Response{Status: open.StatusCode, Header: open.Header}, nil
		}
		defer open.Body.Close()
		return readAnswer(open)
	})
	switch {
	case err != nil:
		return nil, err
	case answer.Status >= http.StatusMultipleChoices:
		return nil, problemOf(answer.Status, answer.Header, answer.Body)
	default:
		return open, nil
	}
}

// patient is the client for answers and bodies that take as long as they take.
func (c *Client) patient() *http.Client {
	h := c.transport()
	h.Timeout = 0
	return h
}

// idempotent is the header that makes a request safe to send again.
func idempotent() http.Header { return http.Header{"Idempotency-Key": {rand.Text()}} }
