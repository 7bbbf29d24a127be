package crashtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// installation is a data folder, and the server that runs on it: one process after the other.
type installation struct {
	folder string   // everything that the processes may write is in it
	flags  []string // of serve, besides those that every test has
	env    []string // of every command, besides what every test has
	first  account

	patience time.Duration // after which clients give an answer up for lost
	unsure   bool          // clients take status 500 of a request that writes for a lost answer

	secret string       // what no answer may hold; "" for nothing
	leaks  atomic.Int64 // answers that held it
	tally  answers

	changed *notice // a life began or became ready

	mu    sync.Mutex
	life  *life // the latest; nil before the first
	lives int
}

// answers counts what clients got of a server.
type answers struct{ lost, later, unknown atomic.Int64 }

// account is what a client needs to call for a tenant.
type account struct {
	TenantID    string `json:"tenantId"`
	AdminUserID string `json:"adminUserId"`
	AppID       string `json:"appId"`
	AppSecret   string `json:"appSecret"`
}

// life is one process of the server, from its start to its end.
type life struct {
	*installation
	number  int
	began   time.Time
	process *os.Process
	ready   chan struct{} // closed when it has said where it listens; address, http and startup are set then
	address string
	http    *http.Client
	startup time.Duration
	ended   chan struct{} // closed when it is gone and its output is in the log; state is set then
	state   *os.ProcessState

	dispatcher atomic.Pointer[string] // the name under which it takes turns, where several nodes do

	wrote, answered signal // a batch was sent to it, it acknowledged one

	mu   sync.Mutex
	sent bool // a signal that ends it
}

// signal is an event that can be waited for.
type signal struct {
	once sync.Once
	c    chan struct{}
}

func newSignal() signal { return signal{c: make(chan struct{})} }

func (s *signal) fire() { s.once.Do(func() { close(s.c) }) }

// install makes a data folder with a first tenant.
func install(t *testing.T) *installation {
	t.Helper()
	in := prepareFolder(t, &notice{})
	if err := in.command(t.Context(), &in.first, "init", "--output", "json"); err != nil {
		t.Fatal(err)
	}
	return in
}

// prepareFolder makes what a server needs, and ends it with the test.
func prepareFolder(t *testing.T, changed *notice) *installation {
	t.Helper()
	in := &installation{folder: t.TempDir(), patience: 30 * time.Second, changed: changed}
	for _, part := range []string{"data", "home", "tmp", "work"} {
		if err := os.Mkdir(filepath.Join(in.folder, part), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if l := in.latest(); l != nil {
			if t.Failed() {
				l.explain()
			}
			l.signal(syscall.SIGKILL)
			<-l.ended
		}
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", in.logTail(t))
			in.keep(t)
		}
	})
	return in
}

func (in *installation) data() string { return filepath.Join(in.folder, "data") }
func (in *installation) log() string  { return filepath.Join(in.folder, "log") }

func (in *installation) database() string { return filepath.Join(in.data(), "muster.db") }

// prepare is a command of the binary in an environment that has nothing but the installation's own folders.
func (in *installation) prepare(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Getenv(binaryVariable), args...)
	cmd.Dir = filepath.Join(in.folder, "work")
	cmd.Env = []string{
		"HOME=" + filepath.Join(in.folder, "home"),
		"TMPDIR=" + filepath.Join(in.folder, "tmp"),
		"MUSTER_DATA=" + in.data(),
	}
	cmd.Env = append(cmd.Env, in.env...)
	cmd.SysProcAttr = notOrphaned()
	return cmd
}

// command runs a command to its end and reads the JSON that it prints. What it has to say besides goes to the log.
func (in *installation) command(ctx context.Context, answer any, args ...string) error {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	log, err := in.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := in.prepare(ctx, args...)
	cmd.Stderr = log
	output, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("muster %s: %w", strings.Join(args, " "), err)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(output, answer); err != nil {
		return fmt.Errorf("muster %s: read its answer: %w", strings.Join(args, " "), err)
	}
	return nil
}

func (in *installation) openLog() (*os.File, error) {
	return os.OpenFile(in.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// start begins the next life. It does not wait until that is ready.
func (in *installation) start() (*life, error) {
	log, err := in.openLog()
	if err != nil {
		return nil, err
	}
	output, input, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.lives++
	l := &life{
		installation: in, number: in.lives, ready: make(chan struct{}), ended: make(chan struct{}), wrote: newSignal(), answered: newSignal(),
	}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "debug", "--log-format", "json"}, in.flags...)
	cmd := in.prepare(context.Background(), args...)
	cmd.Stdout, cmd.Stderr = input, input
	l.began = time.Now()
	err = errors.Join(cmd.Start(), input.Close()) // the child has its own copy of input
	if err != nil {
		return nil, errors.Join(err, output.Close(), log.Close())
	}
	l.process = cmd.Process
	in.life = l
	in.changed.tell()
	go func() {
		defer close(l.ended)
		in.follow(l, output, log)
		_ = cmd.Wait() // how it ended is in the state
		l.state = cmd.ProcessState
	}()
	return l, nil
}

// follow copies a life's output to the log, to the last byte that the process wrote, and finds where it listens.
func (in *installation) follow(l *life, output, log *os.File) {
	defer output.Close()
	defer log.Close()
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadBytes('\n')
		_, _ = log.Write(line)
		var entry logEntry
		if json.Unmarshal(line, &entry) != nil {
			entry = logEntry{}
		}
		if entry.ClientID != "" && l.dispatcher.Load() == nil {
			l.dispatcher.Store(&entry.ClientID)
			in.changed.tell()
		}
		if l.address == "" && entry.Message == "serving" {
			if l.address = entry.Address; l.address != "" {
				l.http, l.startup = clientOf(l.address, in.patience), time.Since(l.began)
				close(l.ready)
				in.changed.tell()
			}
		}
		if err != nil {
			if err != io.EOF {
				_, _ = fmt.Fprintf(log, "reading the server's output: %v\n", err)
			}
			return
		}
	}
}

// logEntry is what is looked for in a line of the log.
type logEntry struct {
	Message  string `json:"msg"`
	Address  string `json:"address"`   // when the server is ready
	ClientID string `json:"client_id"` // River's
}

// dispatcherName is nil while it is not known.
func (l *life) dispatcherName() *string { return l.dispatcher.Load() }

// clientOf calls the server at the address, whatever host a request names: requests are signed for a host that stays,
// while each life has a port of its own.
func clientOf(address string, patience time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			},
			MaxIdleConnsPerHost: 16,
		},
		Timeout: patience,
	}
}

// latest is the life that is, or was the last; nil before the first.
func (in *installation) latest() *life {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.life
}

// serving implements [target].
func (in *installation) serving(ctx context.Context, _ *life) (*life, error) {
	return await(ctx, in.changed, in.ready)
}

// ready is the latest life if it is ready and was not ended yet; else nil.
func (in *installation) ready() *life {
	if l := in.latest(); l != nil && isClosed(l.ready) && !isClosed(l.ended) {
		return l
	}
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// awaitReady waits until the life listens.
func (l *life) awaitReady(ctx context.Context) error { return l.until(ctx, l.ready) }

// until waits for something that comes during the life.
func (l *life) until(ctx context.Context, event <-chan struct{}) error {
	select {
	case <-event:
		return nil
	case <-l.ended:
		return fmt.Errorf("the server's life %d ended too early: %s", l.number, l.state)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish stops the server in good order. Before it is ready it need not listen to signals.
func (l *life) finish(ctx context.Context) error {
	if err := l.awaitReady(ctx); err != nil {
		return fmt.Errorf("wait with the last stop: %w", err)
	}
	l.signal(syscall.SIGTERM)
	if err := l.awaitEnd(ctx); err != nil {
		return fmt.Errorf("wait for the last stop: %w", err)
	}
	if !l.state.Success() {
		return fmt.Errorf("the last stop: %s", l.state)
	}
	return nil
}

// signal sends one of the signals that end the life.
func (l *life) signal(s syscall.Signal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = true
	_ = l.process.Signal(s) // fails only if it is gone
}

// awaitEnd waits until the life is over.
func (l *life) awaitEnd(ctx context.Context) error {
	select {
	case <-l.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if isClosed(l.ready) {
		l.http.CloseIdleConnections()
	}
	return nil
}

// explain has a life that is still there write to the log what it is about, which ends it.
func (l *life) explain() {
	const patience = 10 * time.Second
	l.signal(syscall.SIGQUIT) // prints the stacks of all goroutines (package runtime)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-l.ended:
	case <-timer.C:
	}
}

// endedByItself is an error if the life is over and nobody ended it.
func (l *life) endedByItself() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isClosed(l.ended) && !l.sent {
		return fmt.Errorf("the server's life %d ended by itself: %s", l.number, l.state)
	}
	return nil
}

// keep leaves what a failed test worked on, if somebody wants to see it.
func (in *installation) keep(t *testing.T) {
	place := os.Getenv(keepVariable)
	if place == "" {
		return
	}
	kept := filepath.Join(place, fmt.Sprintf("%s-%d", filepath.Base(t.Name()), time.Now().UnixNano()))
	if err := os.Rename(in.folder, kept); err != nil {
		t.Log(err)
		return
	}
	t.Logf("kept in %s", kept)
}

// logTail is the end of the log, for a person who looks for what went wrong.
func (in *installation) logTail(t *testing.T) string {
	const most = 16 << 10
	text, err := os.ReadFile(in.log())
	if err != nil {
		t.Log(err)
	}
	return string(text[max(0, len(text)-most):])
}
