package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/api/native"
	"muster/client"
	"muster/directory"
	"muster/password"
	"muster/provision"
	"muster/secret"
	"muster/spreadsheet"
	"muster/store/sqlite"
	"muster/store/sqlite/sqlitetest"
)

// installation is a server on a database of its own, with one tenant that has one credential.
type installation struct {
	operator http.Handler // the operator's side
	public   *httptest.Server
	tenant   string
	pair     native.Credential
	close    []func()
}

// install makes a server; around is what its requests pass first, nil for nothing.
func install(around func(http.Handler) http.Handler) (_ *installation, err error) {
	in := &installation{}
	defer func() {
		if err != nil {
			in.stop()
		}
	}()
	config, who, err := in.config()
	if err != nil {
		return nil, err
	}
	stopping := make(chan struct{})
	config.Stopping = stopping
	in.operator = native.New(config)
	public := native.NewPublic(config, who)
	if around != nil {
		public = around(public)
	}
	in.public = httptest.NewServer(public)
	in.atEnd(func() {
		close(stopping)
		in.public.Close()
	})
	var tenant native.Tenant
	if err := in.ask("/tenants", `{"name":"acme"}`, &tenant); err != nil {
		return nil, err
	}
	in.tenant = tenant.ID.String()
	return in, in.ask("/tenants/"+in.tenant+"/credentials", `{"name":"sync"}`, &in.pair)
}

// config is what the API stands on, on a database that goes with the installation, and who may call it.
func (in *installation) config() (c native.Config, who native.Authentication, err error) {
	dir, err := os.MkdirTemp("", "muster")
	if err != nil {
		return c, who, err
	}
	in.atEnd(func() { _ = os.RemoveAll(dir) })
	if err := sqlitetest.Make(dir); err != nil {
		return c, who, err
	}
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		return c, who, err
	}
	in.atEnd(func() { _ = store.Close() })
	keys, err := secret.Open(context.Background(), secret.Config{Master: filepath.Join(dir, "master.key")}, store)
	if err != nil {
		return c, who, err
	}
	in.atEnd(func() { _ = keys.Close() })
	pool, err := password.NewPool(password.Hasher{Params: password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}}, 1)
	if err != nil {
		return c, who, err
	}
	in.atEnd(pool.Close)
	ids, err := muster.NewIDSource(0, 0, time.Now)
	if err != nil {
		return c, who, err
	}
	log := slog.New(slog.DiscardHandler)
	engine, err := provision.New(provision.Config{
		Store: store, Keyring: keys, Hasher: pool, IDs: ids, Dispatcher: provision.NewLocal(2), Now: time.Now, Logger: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return c, who, err
	}
	if err := engine.Start(context.Background()); err != nil {
		return c, who, err
	}
	in.atEnd(func() { _ = engine.Stop(context.Background()) })
	links := &access.Activations{Store: store, Keyring: keys, Hasher: pool}
	direct := provision.Direct{Store: store, Now: time.Now}
	c = native.Config{
		Access: &access.Service{Store: store, Directory: direct, Keyring: keys, IDs: ids, Now: time.Now},
		Roles:  &access.Roles{Store: store, IDs: ids, Now: time.Now}, Keys: keys, Sealed: store, Logger: log, Version: "test",
		Departments: &directory.Departments{Store: store, IDs: ids, Now: time.Now},
		Users:       &directory.Users{Store: store, Changer: direct, IDs: ids, Hash: links.HashNew},
		UserReader:  store, Engine: engine, Batches: store, Workbooks: spreadsheet.NewLimiter(1), Passwords: links,
	}
	who = native.Authentication{
		Verifier: &access.Verifier{Directory: store, Keyring: keys, Now: time.Now, Leeway: signature.Leeway, Policy: signature.Policy{UserOptional: true}},
		Sessions: &access.Sessions{Store: store, Keyring: keys, Hasher: pool, Now: time.Now},
	}
	return c, who, nil
}

func (in *installation) atEnd(f func()) { in.close = append(in.close, f) }

func (in *installation) stop() {
	for i := len(in.close) - 1; i >= 0; i-- {
		in.close[i]()
	}
}

// ask posts as the operator.
func (in *installation) ask(path, body string, answer any) error {
	req := httptest.NewRequest(http.MethodPost, native.Prefix+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	in.operator.ServeHTTP(w, req)
	if w.Code >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
	return json.Unmarshal(w.Body.Bytes(), answer)
}

// client is the credential's.
func (in *installation) client() (*client.Client, error) {
	return client.New(in.public.URL, client.Credentials{AppID: in.pair.AppID, Secret: in.pair.Secret})
}

func setup(t *testing.T, around func(http.Handler) http.Handler) (*installation, *client.Client) {
	t.Helper()
	in, err := install(around)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.stop)
	c, err := in.client()
	if err != nil {
		t.Fatal(err)
	}
	return in, c
}

// problem is the refusal that an error is.
func problem(t *testing.T, err error) *client.Problem {
	t.Helper()
	var p *client.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no refusal", err)
	}
	return p
}
