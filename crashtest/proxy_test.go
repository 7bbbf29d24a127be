package crashtest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a node and PostgreSQL, and loses what it is told to.
type proxy struct {
	to       string // address
	listener net.Listener
	serving  sync.WaitGroup

	commits atomic.Int64 // of how many commits still to come the answer is lost
	lost    atomic.Int64 // connections that were cut so

	mu      sync.Mutex
	links   map[*link]bool
	refuses bool
	silence chan struct{} // nil, or closed when what arrives is passed on again
	ended   bool
}

// link is a connection of the node with the one that it stands for.
type link struct {
	*proxy
	node, server net.Conn
}

// startProxy starts a proxy that passes everything on, and ends with the test.
func startProxy(t *testing.T, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: to, listener: listener, links: map[*link]bool{}}
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		_ = listener.Close()
		_ = p.hear()
		p.cutAll()
		p.serving.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		node, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.serving.Go(func() { p.join(node) })
	}
}

// join passes on what comes of a new connection, until either side ends or it is cut.
func (p *proxy) join(node net.Conn) {
	defer node.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	l := &link{proxy: p, node: node, server: server}
	p.mu.Lock()
	if p.refuses || p.ended {
		p.mu.Unlock()
		return
	}
	p.links[l] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { l.pass(server, node, false) })
	both.Go(func() { l.pass(node, server, true) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// committed is the server's answer to a COMMIT (CommandComplete, section 55.7 of PostgreSQL's manual).
var committed = []byte("C\x00\x00\x00\x0bCOMMIT\x00")

// pass passes one direction on. An answer that is to be lost is read, and so the transaction is over, and nobody sees it.
func (l *link) pass(to, from net.Conn, answers bool) {
	defer l.cut()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.await()
		if answers && bytes.Contains(buffer[:n], committed) && l.loses() {
			return
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// loses reports whether the answer to a commit is one to lose.
func (l *link) loses() bool {
	for {
		n := l.commits.Load()
		if n == 0 {
			return false
		}
		if l.commits.CompareAndSwap(n, n-1) {
			l.lost.Add(1)
			return true
		}
	}
}

// cut ends both connections, unread data and all.
func (l *link) cut() {
	for _, c := range []net.Conn{l.node, l.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset
		}
		_ = c.Close()
	}
}

// cutAll cuts all connections, and gives their number.
func (p *proxy) cutAll() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
	return len(p.links)
}

// cutOne cuts one connection.
func (p *proxy) cutOne(r *rand.Rand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) == 0 {
		return
	}
	n := r.IntN(len(p.links))
	for l := range p.links {
		if n--; n < 0 {
			l.cut()
			return
		}
	}
}

// refuse has new connections cut at once, or no more.
func (p *proxy) refuse(refuses bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = refuses
}

// fallSilent keeps back whatever arrives, on connections that stay, until hear.
func (p *proxy) fallSilent() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silence == nil {
		p.silence = make(chan struct{})
	}
	return nil
}

// hear ends fallSilent, and passes on what was kept back.
func (p *proxy) hear() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silence != nil {
		close(p.silence)
		p.silence = nil
	}
	return nil
}

// await waits while the proxy is silent.
func (p *proxy) await() {
	p.mu.Lock()
	silence := p.silence
	p.mu.Unlock()
	if silence != nil {
		<-silence
	}
}
