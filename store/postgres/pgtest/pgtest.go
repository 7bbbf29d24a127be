// Package pgtest starts a real PostgreSQL for the tests of one process, from the system's binaries: in a folder of its own,
// on a free port of the loopback address, and as an unprivileged user where the tests run as root, which PostgreSQL
// refuses to. It can be killed, frozen and started again.
//
// A package's tests share one:
//
//	var server *pgtest.Server
//
//	func TestMain(m *testing.M) {
//		goleak.VerifyTestMain(pgtest.Main{Tests: m, Server: &server})
//	}
//
// The server ends with the process, however that ends. Where the binaries are missing, the tests fail and say what to
// install.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options of a Server. The zero value is fast, and forgets what it was told last when the machine loses power.
type Options struct {
	// Durable makes commits wait for the disk (fsync). A server that is merely killed keeps them in any case.
	Durable bool
	// Settings are further ones, as in postgresql.conf: "name=value".
	Settings []string
	// Disk is for a server that has a disk of its own of so many bytes, which can be filled ([Server.FillDisk]); 0 for one
	// that has none.
	Disk int64
}

// Server is a running PostgreSQL. Its methods are safe for concurrent use.
type Server struct {
	options  Options
	binaries string // folder
	owner    owner
	dir      string
	mounted  bool // the folder is a disk of its own
	port     int
	password string
	seq      sequence

	mu      sync.Mutex
	process *process // nil while none runs
}

const (
	user = "muster" // a superuser

	// startTime bounds how long a start may take, recovery after a crash included.
	startTime = time.Minute
	// portTries bounds how often a port is looked for that somebody else takes before PostgreSQL does.
	portTries = 5
)

// Main runs a package's tests with a server. It is a goleak.TestingM.
type Main struct {
	Tests   interface{ Run() int }
	Server  **Server // set while the tests run
	Options Options
}

// Run starts the server, runs the tests, and stops it.
func (m Main) Run() int {
	s, err := Start(m.Options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*m.Server = s
	code := m.Tests.Run()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Start makes an empty cluster and starts a server for it; Close ends it.
func Start(o Options) (_ *Server, err error) {
	binaries, err := findBinaries()
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	who, err := findOwner()
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	dir, err := makeFolder(who)
	if err != nil {
		return nil, fmt.Errorf("pgtest: make a folder for the database: %w", err)
	}
	s := &Server{options: o, binaries: binaries, owner: who, dir: dir, password: rand.Text()}
	defer func() {
		if err != nil {
			err = fmt.Errorf("pgtest: %w", errors.Join(err, s.removeFolder()))
		}
	}()
	if o.Disk > 0 {
		if s.mounted, err = mountDisk(dir, o.Disk, who); err != nil {
			return nil, fmt.Errorf("mount a disk for the database: %w", err)
		}
	}
	if err := s.initdb(); err != nil {
		return nil, err
	}
	for range portTries {
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.start(); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the server at once and removes its folder.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reap(); s.process != nil {
		_ = s.signalAll(syscall.SIGCONT) // in case it is frozen; if not, this does nothing
		if err := syscall.Kill(s.process.pid, syscall.SIGQUIT); err != nil {
			return fmt.Errorf("pgtest: stop the server: %w", err)
		}
		<-s.process.ended
		s.process = nil
	}
	if err := s.removeFolder(); err != nil {
		return fmt.Errorf("pgtest: remove the database's folder: %w", err)
	}
	return nil
}

func (s *Server) removeFolder() error {
	if s.mounted {
		if err := unmountDisk(s.dir); err != nil {
			return err
		}
		s.mounted = false
	}
	return os.RemoveAll(s.dir)
}

// Address is where the server listens: host and port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Password is the superuser's, of this server alone.
func (s *Server) Password() string { return s.password }

// URL is the connection string for a database. It holds a superuser's password.
func (s *Server) URL(database string) string {
	return s.URLAt(s.Address(), database)
}

// URLAt is like URL for somebody who stands between, such as a proxy or a pooler.
func (s *Server) URLAt(address, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, s.password), Host: address, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// Database makes a database for a test, which its end drops, and gives its connection string: a copy of another one, to which
// nobody may be connected meanwhile, or with "" an empty one.
func (s *Server) Database(t testing.TB, template string) string {
	t.Helper()
	name := "test_" + s.seq.next()
	if err := s.Exec(context.Background(), "CREATE DATABASE "+name+" STRATEGY file_copy TEMPLATE "+templateOr(template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.mu.Lock()
		running := s.process != nil
		s.mu.Unlock()
		if !running {
			return
		}
		if err := s.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.URL(name)
}

func templateOr(name string) string {
	if name == "" {
		return "template0"
	}
	return pgx.Identifier{name}.Sanitize()
}

// Exec runs a statement as superuser, in the database postgres.
func (s *Server) Exec(ctx context.Context, sql string) error {
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	_, err = c.Exec(ctx, sql)
	return errors.Join(err, c.Close(ctx))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("look for a free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// sequence numbers databases.
type sequence struct {
	mu   sync.Mutex
	last int
}

func (q *sequence) next() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	return strconv.Itoa(q.last)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
