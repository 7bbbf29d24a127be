package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"muster/store/sqlite"
)

// localFlags choose the installation that a command administers.
type localFlags struct {
	Data      string `default:"muster-data" type:"path" placeholder:"DIR" help:"Data folder."`
	MasterKey string `placeholder:"REF" help:"Where the master key is, if not in the data folder. Matters with --database, and while no server runs."`
	databaseFlags
}

// unavailable is an installation that cannot be reached now.
type unavailable struct{ error }

func (unavailable) ExitCode() int { return exitUnavailable }

func (u unavailable) Unwrap() error { return u.error }

// longestAnswer is how long a server may think once it has all of a request: a key rotation answers when it is done.
const longestAnswer = 10 * time.Minute

// refusalTime is how long a file waits for a server to refuse it before it is sent.
const refusalTime = 5 * time.Second

// patience is how long a command waits for the process that holds the data folder to answer or to let go of it.
const patience = 10 * time.Second

// local calls the native API of the installation in the folder: through the socket of the server that holds it, or in
// this process, under the folder's lock, while none does. So there is one way in and never a second writer. A database, which
// any number of processes may write to, is opened in this process. The caller calls close when done.
func (f *localFlags) local(ctx context.Context, p *printer) (*nativeClient, func() error, error) {
	options, err := f.installation(p)
	if err != nil {
		return nil, nil, err
	}
	if options.database != nil {
		held, err := openInstallation(ctx, options)
		if err != nil {
			return nil, nil, err
		}
		return held.client()
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := dialSocket(ctx, f.Data)
		if err == nil {
			transport := socketTransport(f.Data, conn)
			return &nativeClient{http: &http.Client{Transport: transport}}, closeIdle(transport), nil
		}
		if !nobodyListens(err) {
			return nil, nil, unavailable{fmt.Errorf("the server of %s cannot be reached: %w", f.Data, err)}
		}
		held, err := openInstallation(ctx, options)
		if err == nil {
			return held.client()
		}
		// Who holds the lock and does not listen is starting or stopping, or is a command like this one.
		if !errors.Is(err, sqlite.ErrLocked) {
			return nil, nil, err
		}
		select {
		case <-again.C:
		case <-deadline.C:
			return nil, nil, unavailable{fmt.Errorf("%w; it does not answer on %s", err, filepath.Join(f.Data, socketName))}
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// socketTransport speaks HTTP over the folder's socket; its first connection is there already.
func socketTransport(dir string, first net.Conn) *http.Transport {
	ready := make(chan net.Conn, 1)
	ready <- first
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case conn := <-ready:
				return conn, nil
			default:
				return dialSocket(ctx, dir)
			}
		},
		ExpectContinueTimeout: refusalTime,
		ResponseHeaderTimeout: longestAnswer,
	}
}

func closeIdle(t *http.Transport) func() error {
	return func() error {
		t.CloseIdleConnections()
		return nil
	}
}

// closing lets go of an installation at the end of a command, and reports trouble with that if there was none before.
func closing(done func() error, err *error) {
	if failed := done(); *err == nil {
		*err = failed
	}
}

func (f *localFlags) installation(p *printer) (installationOptions, error) {
	database, err := f.sealed(f.MasterKey)
	if err != nil {
		return installationOptions{}, err
	}
	logger := slog.New(slog.NewTextHandler(p.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return installationOptions{dir: f.Data, database: database, masterKey: f.MasterKey, logger: logger}, nil
}
