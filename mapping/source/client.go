package source

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster"
	"muster/mapping"
	"muster/outbound"
)

const (
	// Timeout bounds one call, from resolving the name to the answer's last byte (federation contract, section 4).
	Timeout = 2 * time.Second
	// MaxAnswer is the most bytes of an answer.
	MaxAnswer = 64 << 10
)

// Endpoint is an identity system of kind [muster.SystemHTTP] as it is called. Two that are equal are the same system.
type Endpoint struct {
	URL          string // with [mapping.AccountPlace] once
	Secret       string // sent as bearer token (RFC 6750, section 2.1); "" sends none
	AllowPrivate bool
}

// Client calls identity systems. It follows no redirect, uses no proxy, verifies TLS, and refuses, once a name is resolved
// and before it connects, every address that is not a public one, unless the endpoint allows it.
type Client struct {
	public, private *http.Client // apart, since a connection kept by one must not serve the other
	timeout         time.Duration
}

// NewClient makes a client. roots verify servers; nil is the system's. timeout is [Timeout] but for tests.
func NewClient(roots *x509.CertPool, timeout time.Duration) *Client {
	return &Client{public: newHTTP(roots, timeout, outbound.Policy{Public: true}), private: newHTTP(roots, timeout, outbound.Anywhere()), timeout: timeout}
}

func newHTTP(roots *x509.CertPool, timeout time.Duration, policy outbound.Policy) *http.Client {
	return outbound.NewClient(outbound.Options{Policy: policy, Roots: roots, Timeout: timeout, PerHost: perTenant, Kept: inAll})
}

// Close drops the connections that are kept.
func (c *Client) Close() {
	c.public.CloseIdleConnections()
	c.private.CloseIdleConnections()
}

// Get asks a system for an account, once. An error is trouble that may pass: no connection, an answer too late, too
// long, of another status or not readable; it never tells the URL, the account or the answer. All else is an Identity, with
// a Fault where it comes to nothing: the system knows nobody, its roles are unreadable, its address is refused.
func (c *Client) Get(ctx context.Context, e Endpoint, account string) (mapping.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.Replace(e.URL, mapping.AccountPlace, escape(account), 1), http.NoBody)
	if err != nil {
		return mapping.Identity{}, errors.New("its URL is malformed")
	}
	request.Header.Set("Accept", "application/json")
	if e.Secret != "" {
		request.Header.Set("Authorization", "Bearer "+e.Secret)
	}
	client := c.public
	if e.AllowPrivate {
		client = c.private
	}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, outbound.ErrAddress):
		return mapping.Identity{Fault: unreadable("its address is not a public one, and the profile does not allow others")}, nil
	case err != nil:
		return mapping.Identity{}, outbound.Trouble(err)
	}
	defer func() { _ = response.Body.Close() }() // read as far as it is wanted
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent, http.StatusNotFound:
		return mapping.Identity{Fault: empty()}, nil
	default:
		return mapping.Identity{}, fmt.Errorf("it answered with status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	switch {
	case err != nil:
		return mapping.Identity{}, outbound.Trouble(err)
	case len(body) > MaxAnswer:
		return mapping.Identity{}, fmt.Errorf("its answer is longer than %d bytes", MaxAnswer)
	default:
		return parse(body)
	}
}

// escape makes an account one segment of a path. Dots alone would be taken for a step up.
func escape(account string) string {
	escaped := url.PathEscape(account)
	if strings.Trim(escaped, ".") == "" {
		return strings.ReplaceAll(escaped, ".", "%2E")
	}
	return strings.NewReplacer("+", "%2B", "&", "%26", "=", "%3D").Replace(escaped) // for a place in the query
}

// parse reads an answer: a JSON object of which two fields are known. id is a text or a number, roles a list of these;
// numbers that are integers stay exact.
func parse(body []byte) (mapping.Identity, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return mapping.Identity{Fault: empty()}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var answer any
	if err := decoder.Decode(&answer); err != nil {
		return mapping.Identity{}, errors.New("its answer is not JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return mapping.Identity{}, errors.New("its answer goes on after the JSON document")
	}
	fields, ok := answer.(map[string]any)
	switch {
	case answer == nil, ok && len(fields) == 0:
		return mapping.Identity{Fault: empty()}, nil
	case !ok:
		return mapping.Identity{}, errors.New("its answer is JSON, and not an object")
	}
	id, _ := scalar(fields["id"])
	roles, ok := texts(fields["roles"])
	if !ok {
		return mapping.Identity{Fault: &muster.Fault{
			Reason: muster.ReasonSourceRoles, Detail: `The identity system's "roles" are not a list of texts or numbers.`,
		}}, nil
	}
	plain(fields)
	fields["id"] = id
	fields["roles"] = roles
	return mapping.Identity{ID: id, Fields: fields}, nil
}

// scalar gives a text or number as text; "" where v is neither.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	default:
		return "", false
	}
}

// texts reads a list of texts or numbers; none, or null, is an empty one.
func texts(v any) ([]any, bool) {
	if v == nil {
		return []any{}, true
	}
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	for i := range list {
		text, ok := scalar(list[i])
		if !ok {
			return nil, false
		}
		list[i] = text
	}
	return list, true
}

// plain replaces numbers, wherever they stand, by int64 where they are integers and by float64 elsewhere.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, _ := v.Float64() // beyond its range it is an infinity
		return n
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

func empty() *muster.Fault {
	return &muster.Fault{Reason: muster.ReasonSourceEmpty, Detail: "The identity system does not know this account."}
}

func unreadable(why string) *muster.Fault {
	return &muster.Fault{Reason: muster.ReasonSourceUnreadable, Detail: "The identity system cannot be read: " + why + "."}
}
