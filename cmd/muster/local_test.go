package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"muster/api/native"
	"muster/store/sqlite"
)

// quiet is a printer for commands that are not run by a script.
func quiet() *printer {
	return &printer{stdio: stdio{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}, format: formatText}
}

// initialised is a data folder with its first tenant.
func initialised(t *testing.T) (dir string, first *account) {
	t.Helper()
	dir = t.TempDir()
	f := localFlags{Data: dir}
	o, err := f.installation(quiet())
	if err != nil {
		t.Fatal(err)
	}
	o.create = true
	in, err := openInstallation(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if first, err = in.begin(t.Context(), firstTenant{name: "main"}); err != nil {
		t.Fatal(err)
	}
	if err := in.close(); err != nil {
		t.Fatal(err)
	}
	return dir, first
}

// A server that is starting holds the lock before it listens. A command waits for it, and writes nothing beside it.
func TestACommandWaitsForAServerThatIsStarting(t *testing.T) {
	t.Parallel()
	dir, _ := initialised(t)
	lock, err := sqlite.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	// The context tells when the command has found the folder locked: it asks whether to go on waiting.
	waiting := &watchedContext{Context: t.Context(), asked: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() {
		f := localFlags{Data: dir}
		api, end, err := f.local(waiting, quiet())
		if err == nil {
			var word string
			err = errors.Join(api.call(t.Context(), http.MethodGet, "/word", nil, &word), end())
			if word != "from the server" {
				err = errors.Join(err, errors.New("the answer is "+word))
			}
		}
		done <- err
	}()
	<-waiting.asked
	l, err := listenSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == native.Prefix+"/word" {
			_, _ = io.WriteString(w, `"from the server"`)
		}
	})}
	go func() { _ = server.Serve(l) }()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// watchedContext tells when somebody waits for its end.
type watchedContext struct {
	context.Context //nolint:containedctx // it is a context
	asked           chan struct{}
}

func (c *watchedContext) Done() <-chan struct{} {
	select {
	case c.asked <- struct{}{}:
	default:
	}
	return c.Context.Done()
}

func TestACommandGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	dir, _ := initialised(t)
	lock, err := sqlite.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := localFlags{Data: dir}
	if _, _, err := f.local(ctx, quiet()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// While no server runs a command holds the folder itself, so that two commands at once are one after the other.
func TestCommandsTakeTurns(t *testing.T) {
	t.Parallel()
	dir, _ := initialised(t)
	f := localFlags{Data: dir}
	_, end, err := f.local(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	waiting := &watchedContext{Context: t.Context(), asked: make(chan struct{}, 1)}
	go func() {
		api, end, err := f.local(waiting, quiet())
		if err == nil {
			var list native.Tenants
			err = errors.Join(api.call(t.Context(), http.MethodGet, "/tenants", nil, &list), end())
		}
		second <- err
	}()
	<-waiting.asked
	select {
	case err := <-second:
		t.Fatalf("the second command did not wait: %v", err)
	default:
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second command: %v", err)
	}
}
