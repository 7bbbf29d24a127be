package crashtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// cluster is an installation on PostgreSQL, and the nodes that serve it: each a process after another, as with a data folder.
type cluster struct {
	key     string // the master key's file
	first   account
	changed *notice // of all nodes

	mu    sync.Mutex
	nodes []*installation
}

// clusterPatience is after what time a client of nodes gives an answer up. It is short, so that clients are not all with a node
// that stands still, and much is sent again.
const clusterPatience = 5 * time.Second

// newCluster makes an installation in an empty database, and a node for each connection string. None is started.
func newCluster(t *testing.T, urls ...string) *cluster {
	t.Helper()
	c := &cluster{key: filepath.Join(t.TempDir(), masterKey), changed: &notice{}}
	for _, url := range urls {
		c.add(t, url)
	}
	for _, step := range []struct {
		answer any
		args   []string
	}{
		{nil, []string{"key", "generate", c.key}},
		{&c.first, []string{"init", "--output", "json"}},
	} {
		if err := c.nodes[0].command(t.Context(), step.answer, step.args...); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// add makes another node.
func (c *cluster) add(t *testing.T, url string) *installation {
	t.Helper()
	n := prepareFolder(t, c.changed)
	n.patience, n.unsure = clusterPatience, true
	n.env = []string{"MUSTER_DATABASE=" + url, "MUSTER_MASTER_KEY=" + c.key}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return n
}

// all are the nodes, also those that do not run.
func (c *cluster) all() []*installation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes)
}

// serving implements [target]: any node, and another one than that which failed if there is.
func (c *cluster) serving(ctx context.Context, failed *life) (*life, error) {
	return await(ctx, c.changed, func() *life {
		var ready []*life
		for _, n := range c.all() {
			if l := n.ready(); l != nil {
				ready = append(ready, l)
			}
		}
		if len(ready) == 0 {
			return nil
		}
		if others := slices.DeleteFunc(slices.Clone(ready), func(l *life) bool { return l == failed }); len(others) > 0 {
			ready = others
		}
		return ready[rand.IntN(len(ready))]
	})
}

// startAll starts the nodes that there are, at once, and returns when they are ready.
func (c *cluster) startAll(ctx context.Context) error {
	for _, n := range c.all() {
		if _, err := n.start(); err != nil {
			return err
		}
	}
	for _, n := range c.all() {
		if err := n.latest().awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rise starts a node, again and again while the database is away, as whoever supervises it does.
func (in *installation) rise(ctx context.Context) error {
	const unavailable = 4 // the exit code (cmd/muster)
	for {
		l, err := in.start()
		if err != nil {
			return err
		}
		select {
		case <-l.ready:
			return nil
		case <-l.ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if code := l.state.ExitCode(); code != unavailable {
			return fmt.Errorf("a node that was started without a database ended with code %d, want %d", code, unavailable)
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}

// stopAll has the nodes that run end in good order, one after the other.
func (c *cluster) stopAll(ctx context.Context) error {
	for _, n := range c.all() {
		l := n.latest()
		if l == nil || isClosed(l.ended) {
			continue
		}
		if _, err := l.drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

// unexpected is an error if a node has ended by itself.
func (c *cluster) unexpected() error {
	for i, n := range c.all() {
		if l := n.latest(); l != nil {
			if err := l.endedByItself(); err != nil {
				return fmt.Errorf("node %d: %w", i, err)
			}
		}
	}
	return nil
}

// tallied counts the answers that clients lost, those that told them to come later, and those that left it open.
func (c *cluster) tallied() (lost, later, unknown int64) {
	for _, n := range c.all() {
		lost, later, unknown = lost+n.tally.lost.Load(), later+n.tally.later.Load(), unknown+n.tally.unknown.Load()
	}
	return lost, later, unknown
}

// pause stops the process where it stands (SIGSTOP), until resume.
func (l *life) pause() error { return l.process.Signal(syscall.SIGSTOP) }

func (l *life) resume() error { return l.process.Signal(syscall.SIGCONT) }

// kill ends the life with SIGKILL.
func (l *life) kill(ctx context.Context) error {
	l.signal(syscall.SIGKILL)
	return l.awaitEnd(ctx)
}
