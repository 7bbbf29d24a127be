package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// listenHere serves a word on the folder's socket.
func listenHere(t *testing.T, dir, word string) net.Listener {
	t.Helper()
	l, err := listenSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word) })}
	go func() { _ = server.Serve(l) }()
	return l
}

func askHere(t *testing.T, dir string) (string, error) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, dir) }}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get("http://localhost/")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func TestTheSocketIsItsOwnersAloneAndGoesWithItsServer(t *testing.T) {
	t.Parallel()
	folders := map[string]string{
		"in a folder":                   t.TempDir(),
		"in a folder with a long path":  filepath.Join(t.TempDir(), strings.Repeat("long/", 40)),
		"in a folder with a long name":  filepath.Join(t.TempDir(), strings.Repeat("n", 200)),
		"in a folder with a space, %2F": filepath.Join(t.TempDir(), "a %2F b"),
	}
	for name, dir := range folders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			l := listenHere(t, dir, "first")
			info, err := os.Stat(filepath.Join(dir, socketName))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode(); got.Perm() != 0o600 || got.Type() != os.ModeSocket {
				t.Errorf("mode %s, want a socket of 0600", got)
			}
			if word, err := askHere(t, dir); err != nil || word != "first" {
				t.Errorf("answer %q, %v", word, err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err != nil {
				t.Errorf("closing again: %v", err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if _, err := askHere(t, dir); !nobodyListens(err) {
				t.Errorf("after it closed: %v, want nobody", err)
			}
		})
	}
}

// A killed server leaves its socket, which must not keep the next one out.
func TestASocketThatWasLeftBehindIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{socketName, socketName + ".new"} {
		dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		dead.SetUnlinkOnClose(false)
		if err := dead.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := askHere(t, dir); !nobodyListens(err) {
		t.Errorf("a dead socket: %v, want nobody", err)
	}
	listenHere(t, dir, "second")
	if word, err := askHere(t, dir); err != nil || word != "second" {
		t.Errorf("answer %q, %v", word, err)
	}
}
