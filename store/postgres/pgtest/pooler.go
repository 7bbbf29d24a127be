package pgtest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Pooler starts a PgBouncer in transaction mode in front of the server, with as many connections to each database as size
// says, and gives its address for [Server.URLAt]. It ends with the test.
func (s *Server) Pooler(t testing.TB, size int) string {
	t.Helper()
	binary, err := findPooler()
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	config, err := s.configurePooler(port, size)
	if err != nil {
		t.Fatalf("pgtest: configure PgBouncer: %v", err)
	}
	c := exec.Command(binary, config) //nolint:gosec,noctx // a binary of the system's; it is ended by a signal
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner.credential}
	up, ended := make(chan error, 1), make(chan struct{})
	go runPooler(c, up, ended)
	if err := <-up; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Process.Kill(); err != nil {
			t.Errorf("pgtest: stop PgBouncer: %v", err)
		}
		<-ended
	})
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func findPooler() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("pgtest: no PgBouncer was found (pgbouncer, in PATH or in /usr/sbin): install it; " +
		"on Debian and Ubuntu that is the package pgbouncer")
}

// configurePooler writes PgBouncer's configuration (pgbouncer(5)) into the server's folder, and gives its path.
func (s *Server) configurePooler(port, size int) (string, error) {
	dir, err := os.MkdirTemp(s.dir, "pooler-")
	if err != nil {
		return "", err
	}
	users, config := filepath.Join(dir, "users"), filepath.Join(dir, "pgbouncer.ini")
	for path, text := range map[string]string{
		users: fmt.Sprintf("%q %q\n", user, s.password),
		config: fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
			"unix_socket_dir =\nauth_type = plain\nauth_file = %s\npool_mode = transaction\nmax_client_conn = 500\ndefault_pool_size = %d\n",
			s.port, port, users, size),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		if err := s.owner.chown(path); err != nil {
			return "", err
		}
	}
	return config, s.owner.chown(dir)
}

// runPooler runs PgBouncer, says when it accepts connections or why it does not, and stays with it to its end, on one thread:
// see process.run.
func runPooler(c *exec.Cmd, up chan<- error, ended chan<- struct{}) {
	defer close(ended)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	endWithParent(c.SysProcAttr)
	out, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		up <- fmt.Errorf("pgtest: start PgBouncer: %w", err)
		return
	}
	var log []string
	isUp := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if isUp { // the rest is read so that it does not stand in the way
			continue
		}
		log = append(log, lines.Text())
		if isUp = strings.Contains(lines.Text(), "process up"); isUp {
			up <- nil
		}
	}
	_ = c.Wait() // it was ended by a signal; its log says what else may have ended it
	if !isUp {
		up <- fmt.Errorf("pgtest: PgBouncer ended at its start:\n%s", strings.Join(log, "\n"))
	}
}
