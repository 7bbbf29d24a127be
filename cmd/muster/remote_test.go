package main

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster/access/signature"
)

// What a profile's client sends is verified as a server verifies it.
func TestRequestsElsewhereAreSigned(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	paths := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		policy := signature.Policy{UserOptional: true}
		signed, err := policy.Parse(r)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if _, err := signed.Verify(sha256.Sum256(body), []byte("secret")); err != nil || signed.Scheme != signature.SchemeSDK || !signed.Date.Equal(now) {
			t.Errorf("%s: %v, %v at %v", r.URL.Path, err, signed.Scheme, signed.Date)
		}
		paths <- r.URL.Path + " " + r.URL.Query().Get("name") + " " + string(body)
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	remote := profile{URL: server.URL + "/prefix/", AppID: "app", Secret: "secret"}
	api, done := remote.client()
	api.http.Transport.(*signedTransport).now = func() time.Time { return now }
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	if err := api.call(t.Context(), http.MethodGet, "/users?name=a+b%2B", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := api.call(t.Context(), http.MethodPost, "/batches", []int{1}, nil); err != nil {
		t.Fatal(err)
	}
	s, err := openSource("-", false, strings.NewReader("account\nann\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.upload(t.Context(), "/batches/upload", &s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/prefix/api/v1/users a b+ ", "/prefix/api/v1/batches  [1]", "/prefix/api/v1/batches/upload  account\nann\n"} {
		if got := <-paths; got != want {
			t.Errorf("%q came as %q", want, got)
		}
	}
	once := requestBody{open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }, size: 1, once: true}
	if _, err := api.send(t.Context(), http.MethodPost, "/", nil, once); !errors.Is(err, errBodyOnce) {
		t.Errorf("a body that is read once: %v", err)
	}
}

func TestASignatureIsNotRedirected(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusPermanentRedirect))
	defer server.Close()
	api, done := (&profile{URL: server.URL, AppID: "app", Secret: "secret"}).client()
	err := api.call(t.Context(), http.MethodGet, "/users", nil, nil)
	var no *refusal
	if !errors.As(err, &no) || no.Status != http.StatusPermanentRedirect || done() != nil {
		t.Errorf("error %v", err)
	}
}

func TestTheCommandLineSaysWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags placeFlags
		wrong string
	}{
		"data by the variable": {flags: placeFlags{origins: map[string]origin{"data": bySettings}}},
		"data and a server":    {flags: placeFlags{remoteFlags: remoteFlags{Server: "https://s"}, origins: map[string]origin{"data": byCommandLine, "server": byCommandLine}}, wrong: "give one of them"},
		"a profile and a server": {flags: placeFlags{
			remoteFlags: remoteFlags{Profile: "p", Server: "https://s"}, origins: map[string]origin{"profile": byCommandLine, "server": byCommandLine},
		}, wrong: "exclude each other"},
		"data before a profile by the variable": {flags: placeFlags{
			remoteFlags: remoteFlags{Profile: "absent"}, origins: map[string]origin{"data": byCommandLine, "profile": bySettings},
		}},
		"a profile before data by the variable": {flags: placeFlags{
			remoteFlags: remoteFlags{Profile: "absent"}, origins: map[string]origin{"database": bySettings, "profile": byCommandLine},
		}, wrong: `no profile "absent"`},
		"no profile": {flags: placeFlags{origins: map[string]origin{"profile": byCommandLine}}},
	} {
		got, err := c.flags.elsewhere()
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: error %v, want one with %q", name, err, c.wrong)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case got != nil:
			t.Errorf("%s: %v, want this machine", name, got)
		}
	}
}

func TestProfilesThatNoServerCanBeCalledWith(t *testing.T) {
	t.Parallel()
	good := profile{URL: "https://muster.example.org/prefix", AppID: "app", Secret: "hush"}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*profile){
		"another scheme": func(p *profile) { p.URL = "ftp://muster.example.org" },
		"no host":        func(p *profile) { p.URL = "https:///x" },
		"a user":         func(p *profile) { p.URL = "https://u:hush@muster.example.org" },
		"a query":        func(p *profile) { p.URL = "https://muster.example.org?a=hush" },
		"no AppId":       func(p *profile) { p.AppID = "" },
		"no secret":      func(p *profile) { p.Secret = "" },
	} {
		bad := good
		change(&bad)
		if err := bad.check(); err == nil || exitCode(err) != exitUsage || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
