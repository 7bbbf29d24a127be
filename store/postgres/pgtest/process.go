package pgtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

var errPortTaken = errors.New("the port is taken")

// process is a postmaster on its way from start to end.
type process struct {
	pid   int
	ready chan struct{} // closed when it accepts connections
	ended chan struct{} // closed when it and all of its children have ended

	mu  sync.Mutex
	log []string // the last lines
}

// command makes a command of one of the binaries, run by the owner in a folder that he may read, and in English.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.binaries, name), args...) //nolint:gosec,noctx // a binary of the system's; it is ended by signals
	c.Dir = s.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner.credential}
	return c
}

func (s *Server) initdb() error {
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(s.password+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.owner.chown(password); err != nil {
		return err
	}
	// With SCRAM every connection would cost the server 4096 rounds of HMAC, a fifth of all that the tests have it do.
	out, err := s.command("initdb", "--pgdata="+s.data(), "--username="+user, "--pwfile="+password, "--auth=md5",
		"--encoding=UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// settings are those of postgresql.conf that matter to tests.
func (s *Server) settings() []string {
	all := []string{
		fmt.Sprintf("port=%d", s.port),
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=",
		"max_connections=200",
		"timezone=<+0545>-05:45", // so that a test sees it where a time depends on it
		"log_min_error_statement=panic",
		"max_prepared_transactions=0",
	}
	if !s.options.Durable {
		all = append(all, "fsync=off", "full_page_writes=off", "max_wal_size=4GB", "checkpoint_timeout=1h")
	}
	return append(all, s.options.Settings...)
}

// start starts a postmaster and waits until it accepts connections. The caller holds mu, or is alone.
func (s *Server) start() error {
	args := []string{"-D", s.data()}
	for _, setting := range s.settings() {
		args = append(args, "-c", setting)
	}
	p := &process{ready: make(chan struct{}), ended: make(chan struct{})}
	started := make(chan error)
	go p.run(s.command("postgres", args...), started)
	if err := <-started; err != nil {
		return err
	}
	timeout := time.NewTimer(startTime)
	defer timeout.Stop()
	select {
	case <-p.ready:
		s.process = p
		return nil
	case <-p.ended:
		log := p.tail()
		if strings.Contains(log, "could not create any TCP/IP sockets") {
			return errPortTaken
		}
		return fmt.Errorf("postgres ended at its start:\n%s", log)
	case <-timeout.C:
		err := syscall.Kill(p.pid, syscall.SIGKILL)
		<-p.ended
		return errors.Join(fmt.Errorf("postgres accepts no connections after %s:\n%s", startTime, p.tail()), err)
	}
}

// run starts the process and stays with it to its end. It keeps its thread: the process is to end with its parent, which
// Linux takes the starting thread for (PR_SET_PDEATHSIG of prctl(2)).
func (p *process) run(c *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	endWithParent(c.SysProcAttr)
	out, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		started <- err
		return
	}
	p.pid = c.Process.Pid
	started <- nil
	p.read(out)
	_ = c.Wait() // it was ended by a signal; its log says what else may have ended it
	close(p.ended)
}

const logLines = 50

// read takes in the log until all processes that could write to it are gone: the postmaster and its children.
func (p *process) read(out io.Reader) {
	lines := bufio.NewReader(out)
	ready := false
	for {
		line, err := lines.ReadBytes('\n')
		p.mu.Lock()
		p.log = append(p.log, string(bytes.TrimRight(line, "\n")))
		if len(p.log) > logLines {
			p.log = slices.Delete(p.log, 0, 1)
		}
		p.mu.Unlock()
		if !ready && bytes.Contains(line, []byte("database system is ready to accept")) {
			ready = true
			close(p.ready)
		}
		if err != nil {
			return
		}
	}
}

func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}
