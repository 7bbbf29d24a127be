package postgres

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"muster"
	"muster/store/postgres/pgtest"
)

// hasty makes connections that can be told that they have waited long enough.
type hasty struct {
	mu    sync.Mutex
	conns []*hastyConn
}

func (h *hasty) dial(ctx context.Context, network, address string) (net.Conn, error) {
	inner, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &hastyConn{Conn: inner, givenUp: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, c)
	return c, nil
}

type hastyConn struct {
	net.Conn
	once    sync.Once
	givenUp chan struct{} // closed when pgx has given it up, and sent what it sends then over another one
}

// SetDeadline is what pgx does last before it says goodbye.
func (c *hastyConn) SetDeadline(t time.Time) error {
	if !t.IsZero() {
		c.once.Do(func() { close(c.givenUp) })
		t = time.Now()
	}
	return c.Conn.SetDeadline(t)
}

// TestACommitThatWaitsForItsStandbyIsNotShown: whoever gives up waiting for the answer leaves it waiting, since what others see of
// it would be lost if the standby took over.
func TestACommitThatWaitsForItsStandbyIsNotShown(t *testing.T) {
	t.Parallel()
	f, primary := durableFixture(t)
	standby, err := pgtest.StartStandby(primary, pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(primary.Leave(), standby.Close()); err != nil {
			t.Error(err)
		}
	})
	config, err := configure(f.url, &Options{Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	var h hasty
	config.ConnConfig.DialFunc = asSessions(h.dial)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	impatient := *f
	impatient.Store = &Store{pool: pool}

	id := f.mustAccept(t, 2, 1)
	works := f.works(t, 2)
	if err := impatient.Ping(t.Context()); err != nil { // a connection is there
		t.Fatal(err)
	}
	if err := standby.Freeze(); err != nil {
		t.Fatal(err)
	}
	applied := make(chan error)
	go func() {
		applied <- impatient.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, skipAll(works))
	}()
	for f.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0] != "1" {
	}
	c := h.conns[0]
	if err := c.SetReadDeadline(time.Now()); err != nil { // as when the time for an answer is over
		t.Fatal(err)
	}
	if err := <-applied; !errors.Is(err, errUnknown) {
		t.Errorf("Apply = %v, want an error that leaves it open", err)
	}
	<-c.givenUp
	if n := f.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0]; n != "1" {
		t.Errorf("%s commits wait for the standby", n)
	}
	page, err := f.BatchPage(t.Context(), f.tenant, id, muster.ContractKooDrive, 0, 10)
	if err != nil || page.Batch.Decided() != 0 {
		t.Errorf("what the standby does not have is shown: %+v, %v", page, err)
	}
	if err := standby.Thaw(); err != nil {
		t.Fatal(err)
	}
	f.mustAccept(t, 1, 1) // it has the lock when that one is committed
	page, err = f.BatchPage(t.Context(), f.tenant, id, muster.ContractKooDrive, 0, 10)
	if err != nil || page.Batch.Skipped != 2 {
		t.Errorf("what the standby has is not shown: %+v, %v", page, err)
	}
}
