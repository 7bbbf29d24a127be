package dispatch

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// link is a node's way to the database, which can be cut, and whose connections can lose what is sent.
type link struct {
	mu    sync.Mutex
	isCut bool
	conns map[*conn]struct{}
}

type conn struct {
	net.Conn
	silent atomic.Bool
}

// Write implements [net.Conn].
func (c *conn) Write(b []byte) (int, error) {
	if c.silent.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func newLink() *link { return &link{conns: map[*conn]struct{}{}} }

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	to, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut {
		return nil, errors.Join(errors.New("the link is cut"), to.Close())
	}
	c := &conn{Conn: to}
	l.conns[c] = struct{}{}
	return c, nil
}

// cut ends all connections, and keeps new ones from being made until mend.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	for c := range l.conns {
		_ = c.Close() // the other side sees it end
	}
	clear(l.conns)
}

// silence has the connections that there are lose what is sent from now on, as when the machine at the other end is gone.
func (l *link) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.silent.Store(true)
	}
}

func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = false
}
