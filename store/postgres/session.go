package postgres

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session is a connection of which it can be said that it commits. When pgx gives a connection up, it has the server cancel
// what that is about. A commit that waits for its standby is not undone by that, but shown to all others (SyncRepWaitForLSN of
// PostgreSQL's source), who would see it vanish if the standby took over. While a session commits, no such request finds its
// server: whoever waits for what it has locked does so until the standby is there.
type session struct {
	net.Conn
	commits atomic.Bool
}

// asSessions makes sessions of what is dialled.
func asSessions(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &session{Conn: c}, nil
	}
}

// sessionOf gives the session of a connection, also within TLS.
func sessionOf(c *pgx.Conn) *session {
	inner := c.PgConn().Conn()
	if secured, ok := inner.(*tls.Conn); ok {
		inner = secured.NetConn()
	}
	s, _ := inner.(*session)
	return s
}

// RemoteAddr is where pgx sends a request to cancel what the session is about.
func (s *session) RemoteAddr() net.Addr {
	if s.commits.Load() {
		return nowhere{}
	}
	return s.Conn.RemoteAddr()
}

// nowhere is an address that nothing can be sent to.
type nowhere struct{}

func (nowhere) Network() string { return "none" }
func (nowhere) String() string  { return "a session that commits" }
