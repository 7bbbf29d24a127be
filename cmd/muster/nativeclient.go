package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/api/native"
)

// nativeClient calls the native API over whatever its transport stands for.
type nativeClient struct {
	http   *http.Client
	server string // address of the server, without a slash at the end; "" is an installation of this machine
	own    bool   // the paths of the API have no tenant: it is the caller's own
	// work begins to do what is queued, where this process serves the API itself; nil where a server does.
	work func(context.Context) error
}

// ownTenant is the path of the caller's own tenant.
const ownTenant = "/tenant"

// refusal is a problem (RFC 9457) that the API answered with.
type refusal struct{ huma.ErrorModel }

func (r *refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Detail)
	for _, e := range r.Errors {
		if !strings.HasSuffix(r.Detail, e.Message) {
			_, _ = fmt.Fprintf(&b, "; %s: %s", strings.TrimPrefix(e.Location, "body."), e.Message)
		}
	}
	return b.String()
}

// ExitCode tells scripts whether it was they or the server.
func (r *refusal) ExitCode() int {
	switch {
	case r.Status == http.StatusTooManyRequests, r.Status == http.StatusServiceUnavailable:
		return exitUnavailable
	case r.Status >= http.StatusInternalServerError:
		return exitFailed
	default:
		return exitRefused
	}
}

// requestBody is what a request sends.
type requestBody struct {
	open func() (io.ReadCloser, error)
	size int64 // bytes; -1 if that is not known
	once bool  // open works once, so that it can be neither signed nor sent again
}

func bytesBody(text []byte) requestBody {
	return requestBody{open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }, size: int64(len(text))}
}

// call sends in, or nothing if it is nil, and reads the answer into out, if that is not nil.
func (c *nativeClient) call(ctx context.Context, method, path string, in, out any) error {
	body := requestBody{}
	header := http.Header{}
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		body = bytesBody(text)
		header.Set("Content-Type", "application/json")
	}
	answer, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return readAnswer(answer, out)
}

// readAnswer reads the body of an answer into out, if that is not nil.
func readAnswer(answer *http.Response, out any) error {
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return unavailable{fmt.Errorf("read the answer: %w", err)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// send makes a request and gives the answer, if that is no refusal. The caller closes its body.
func (c *nativeClient) send(ctx context.Context, method, path string, header http.Header, body requestBody) (*http.Response, error) {
	// In a query that is signed a plus is one; here it is a space, since url.Values writes pluses as %2B.
	path, query, found := strings.Cut(path, "?")
	if found {
		path += "?" + strings.ReplaceAll(query, "+", "%20")
	}
	req, err := http.NewRequestWithContext(ctx, method, cmp.Or(c.server, "http://localhost")+native.Prefix+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body.open != nil {
		if req.Body, err = body.open(); err != nil {
			return nil, err
		}
		req.ContentLength, req.GetBody = body.size, body.open
		if body.once {
			req.GetBody = nil
		}
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, unavailable{fmt.Errorf("call the server: %w", err)}
	}
	if answer.StatusCode < http.StatusMultipleChoices {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, refusalOf(answer)
}

// maxProblem bounds what is read of a refusal, in bytes.
const maxProblem = 1 << 20

func refusalOf(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	if err != nil {
		return unavailable{fmt.Errorf("read the answer: %w", err)}
	}
	problem := new(refusal)
	if err := json.Unmarshal(text, problem); err != nil || problem.Status == 0 {
		return &refusal{huma.ErrorModel{Status: answer.StatusCode, Detail: fmt.Sprintf(
			"the server answered with status %d and nothing that is Muster's: is its address right?", answer.StatusCode)}}
	}
	return problem
}

// tenant finds a tenant by id or name; "" is the only one there is, or the caller's own.
func (c *nativeClient) tenant(ctx context.Context, idOrName string) (*native.Tenant, error) {
	if c.own {
		var t native.Tenant
		err := c.call(ctx, http.MethodGet, ownTenant, nil, &t)
		if err == nil && idOrName != "" && idOrName != t.Name && idOrName != t.ID.String() {
			err = refused{fmt.Errorf("the key pair is of the tenant %s (%s), not of %q", t.Name, t.ID, idOrName)}
		}
		return &t, err
	}
	var list native.Tenants
	if _, err := muster.ParseID(idOrName); err == nil {
		var t native.Tenant
		err := c.call(ctx, http.MethodGet, "/tenants/"+idOrName, nil, &t)
		var no *refusal
		if err == nil || !errors.As(err, &no) || no.Status != http.StatusNotFound {
			return &t, err
		}
		// It may be a name that looks like an id.
	}
	query := ""
	if idOrName != "" {
		query = "?name=" + url.QueryEscape(idOrName)
	}
	if err := c.call(ctx, http.MethodGet, "/tenants"+query, nil, &list); err != nil {
		return nil, err
	}
	switch {
	case len(list.Tenants) == 1:
		return &list.Tenants[0], nil
	case idOrName != "":
		return nil, &refusal{huma.ErrorModel{Status: http.StatusNotFound, Detail: fmt.Sprintf("There is no tenant %q.", idOrName)}}
	case len(list.Tenants) == 0:
		return nil, &refusal{huma.ErrorModel{Status: http.StatusNotFound, Detail: "There is no tenant yet."}}
	default:
		return nil, usagef("there are %d tenants: choose one with --tenant", len(list.Tenants))
	}
}

// tenantPath is where the API has all that is the tenant's.
func (c *nativeClient) tenantPath(tenant muster.ID) string {
	if c.own {
		return ""
	}
	return "/tenants/" + tenant.String()
}

// whole is where the API has the tenant itself.
func (c *nativeClient) whole(tenant muster.ID) string { return cmp.Or(c.tenantPath(tenant), ownTenant) }

// asRefusal gives a refusal by the domain itself the exit code that the API's answer to it would have.
func asRefusal(err error) error {
	var no *muster.Error
	if !errors.As(err, &no) || no.Kind == muster.KindInternal {
		return err
	}
	status := http.StatusConflict
	if no.Kind == muster.KindUnavailable {
		status = http.StatusServiceUnavailable
	}
	return &refusal{huma.ErrorModel{Status: status, Detail: no.Detail}}
}

// administrator makes sure that the tenant has an administrator with the id, and gives it; of 0 it gives the tenant's
// first, 0 if it has none.
func (c *nativeClient) administrator(ctx context.Context, tenant, id muster.ID) (muster.ID, error) {
	var whole native.Tenant
	if err := c.call(ctx, http.MethodGet, c.whole(tenant), nil, &whole); err != nil {
		return 0, err
	}
	for _, a := range whole.Administrators {
		if id == 0 || a.ID == id {
			return a.ID, nil
		}
	}
	if id == 0 {
		return 0, nil
	}
	var made native.Administrator
	err := c.call(ctx, http.MethodPost, c.tenantPath(tenant)+"/administrators", native.NewAdministrator{ID: id}, &made)
	return id, err
}
