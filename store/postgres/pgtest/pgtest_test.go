package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// childMode, in the environment, makes the test's own program a process with a server, which a test kills.
const childMode = "MUSTER_PGTEST_CHILD"

var server *Server

func TestMain(m *testing.M) {
	if os.Getenv(childMode) == "" {
		goleak.VerifyTestMain(Main{Tests: m, Server: &server})
		return
	}
	s, err := Start(Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.URL("postgres"))
	fmt.Println(s.dir)
	select {}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func ask(t *testing.T, c *pgx.Conn, sql string) (answer string) {
	t.Helper()
	if err := c.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatalf("%v\n\t%s", err, sql)
	}
	return answer
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	one := connect(t, server.Database(t, ""))
	if _, err := one.Exec(t.Context(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	name := one.Config().Database
	if err := one.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	copied := connect(t, server.Database(t, name))
	if n := ask(t, copied, "SELECT n::text FROM kept"); n != "7" {
		t.Errorf("the copy has %s", n)
	}
	empty := connect(t, server.Database(t, ""))
	if n := ask(t, empty, "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"); n != "0" {
		t.Errorf("an empty database has %s tables", n)
	}
	for setting, want := range map[string]string{
		"server_encoding": "UTF8", "fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
	} {
		if got := ask(t, copied, "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if used, err := server.CPUTime(); err != nil || used <= 0 {
		t.Errorf("the server took %s, %v", used, err)
	}
}

func TestFolderIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(server.dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %s, %v", info.Mode(), err)
	}
	if os.Geteuid() == 0 && server.owner.credential == nil {
		t.Error("the server runs as root")
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{Durable: true, Settings: []string{"max_connections=7"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := s.dir
	c := connect(t, s.URL("postgres"))
	if on, n := ask(t, c, "SHOW fsync"), ask(t, c, "SHOW max_connections"); on != "on" || n != "7" {
		t.Errorf("fsync is %s, max_connections %s", on, n)
	}
	if _, err := c.Exec(t.Context(), "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}

	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error)
	go func() { answered <- c.Ping(context.Background()) }()
	select {
	case err := <-answered:
		t.Errorf("a frozen server answers %v", err)
	default:
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}

	for name, stop := range map[string]func() error{"kill": s.Kill, "shutdown": func() error { return nil }} {
		if err := errors.Join(stop(), s.Restart()); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, s.Log())
		}
		if err := c.Ping(t.Context()); err == nil {
			t.Errorf("a connection outlives the %s", name)
		}
		c = connect(t, s.URL("postgres"))
		if n := ask(t, c, "SELECT count(*)::text FROM kept"); n != "0" {
			t.Errorf("after the %s the table has %s rows", name, n)
		}
	}
	if err := s.Freeze(); err != nil { // which does not keep it from being closed
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
	if err := s.Freeze(); !errors.Is(err, errStopped) {
		t.Errorf("a server that does not run was frozen: %v", err)
	}
}

// TestTheServerEndsWithItsProcess, however that ends; the folder is removed by the next one that starts a server.
func TestTheServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childMode+"=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var said []string
	for len(said) < 2 && lines.Scan() {
		said = append(said, lines.Text())
	}
	if len(said) < 2 {
		_ = child.Wait()
		t.Fatalf("the child says %q, %v", said, lines.Err())
	}
	c := connect(t, said[0])
	ended := make(chan error)
	go func() {
		_, err := c.Exec(context.Background(), "SELECT pg_sleep(600)")
		ended <- err
	}()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if err := <-ended; err == nil {
		t.Error("the server slept on")
	}
	removeStale(filepath.Dir(said[1]))
	if _, err := os.Stat(said[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
	if _, err := os.Stat(server.dir); err != nil {
		t.Errorf("the folder of a process that lives: %v", err)
	}
}

func TestFindingBinaries(t *testing.T) {
	dir := t.TempDir()
	version := func(name, text string) string {
		bin := filepath.Join(dir, name)
		if err := os.Mkdir(bin, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, binary := range []string{"initdb", "postgres"} {
			script := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s'\n", binary, text)
			if err := os.WriteFile(filepath.Join(bin, binary), []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		return bin
	}
	old, recent, newest := version("a", "9.6.24"), version("b", "15.3 (Debian 15.3-1)"), version("c", "18beta1")
	t.Setenv("PATH", "/nonexistent")
	for name, c := range map[string]struct {
		places []string
		want   string
	}{
		"the newest":       {[]string{recent, newest, old}, newest},
		"by a glob":        {[]string{filepath.Join(dir, "[ab]")}, recent},
		"an old one alone": {[]string{old}, ""},
		"none":             {[]string{filepath.Join(dir, "none*")}, ""},
	} {
		got, err := findIn(c.places)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
		if err != nil && (!strings.Contains(err.Error(), "package postgresql") || !strings.Contains(err.Error(), "15")) {
			t.Errorf("%s: %v does not say what to install", name, err)
		}
	}
	t.Setenv("PATH", recent)
	if got, err := findIn([]string{newest}); err != nil || got != recent {
		t.Errorf("in PATH: %q, %v, want %q", got, err, recent)
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	got := []bool{reachable(inside), reachable(dir), reachable("/"), reachable(filepath.Join(dir, "none"))}
	if want := []bool{false, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("reachable: %v, want %v", got, want)
	}
}
