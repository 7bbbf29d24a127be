package main

import (
	"bytes"
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
	http *http.Client
	// work begins to do what is queued, where this process serves the API itself; nil where a server does.
	work func(context.Context) error
}

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

// call sends in, or nothing if it is nil, and reads the answer into out.
func (c *nativeClient) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+native.Prefix+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return unavailable{fmt.Errorf("call the server: %w", err)}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return unavailable{fmt.Errorf("read the answer: %w", err)}
	}
	if answer.StatusCode >= http.StatusBadRequest {
		problem := new(refusal)
		if err := json.Unmarshal(text, problem); err != nil || problem.Status == 0 {
			return fmt.Errorf("the server answered with status %d", answer.StatusCode)
		}
		return problem
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// tenant finds a tenant by id or name; "" is the only one there is.
func (c *nativeClient) tenant(ctx context.Context, idOrName string) (*native.Tenant, error) {
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
	path := "/tenants/" + tenant.String()
	var whole native.Tenant
	if err := c.call(ctx, http.MethodGet, path, nil, &whole); err != nil {
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
	err := c.call(ctx, http.MethodPost, path+"/administrators", native.NewAdministrator{ID: id}, &made)
	return id, err
}
