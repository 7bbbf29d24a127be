package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"muster"
	"muster/provision"
)

// When a connection is cut.
const (
	neverCut = iota
	cutBefore
	cutAfter
)

// cutter makes connections that are cut on the way of the next COMMITs.
type cutter struct {
	when  atomic.Int32
	times atomic.Int32 // how often still
	cut   atomic.Int32 // how often it happened
}

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	inner, err := new(net.Dialer).DialContext(ctx, network, address)
	return &cutConn{Conn: inner, cutter: c}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
	over   atomic.Bool
}

var errCut = errors.New("the connection was cut")

// isCommit reports whether a COMMIT is executed, whose text a pooled store sends each time, and not merely described.
func isCommit(b []byte) bool {
	execute := []byte("E\x00\x00\x00\x09\x00\x00\x00\x00\x00") // of the unnamed portal, all rows
	return bytes.Contains(b, []byte("COMMIT\x00")) && bytes.Contains(b, execute)
}

func (c *cutConn) Write(b []byte) (int, error) {
	when := c.cutter.when.Load()
	if when == neverCut || !isCommit(b) || c.cutter.times.Add(-1) < 0 {
		return c.Conn.Write(b)
	}
	c.cutter.cut.Add(1)
	c.over.Store(true)
	if when == cutBefore {
		_ = c.Conn.Close()
		return 0, errCut
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		return n, err
	}
	// The answer arrives, and so the transaction is over; nobody sees it.
	if _, err := c.Conn.Read(make([]byte, 1)); err != nil {
		return n, err
	}
	_ = c.Conn.Close()
	return n, nil
}

func (c *cutConn) Read(b []byte) (int, error) {
	if c.over.Load() {
		return 0, errCut
	}
	return c.Conn.Read(b)
}

// openCut opens the fixture's database again, through connections that are cut.
func (f *fixture) openCut(t *testing.T) (*fixture, *cutter) {
	t.Helper()
	options := Options{Pooled: true, Connections: 4}
	config, err := configure(f.url, &options)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{}
	config.ConnConfig.DialFunc = asSessions(c.dial)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	cut := *f
	cut.Store = &Store{pool: pool, local: localSettings()}
	return &cut, c
}

// recording gives a context that carries a record of the tenant.
func (f *fixture) recording(t *testing.T) context.Context {
	t.Helper()
	ids, err := muster.NewIDSource(9, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	a, err := muster.NewAudit(ids, muster.AuditRecord{Tenant: f.tenant, Action: "accept"})
	if err != nil {
		t.Fatal(err)
	}
	return muster.WithAudit(t.Context(), a)
}

// recorded counts the tenant's records.
func (f *fixture) recorded(t *testing.T) int {
	t.Helper()
	page, err := f.Audit(t.Context(), f.tenant, muster.AuditQuery{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Records)
}

// TestACommitOfUnknownEnd: a batch is accepted once, and recorded once, whatever is lost, and its caller is told so.
func TestACommitOfUnknownEnd(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]int32{"the COMMIT is lost": cutBefore, "its answer is lost": cutAfter} {
		for _, times := range []int32{1, 2, 5} {
			t.Run(fmt.Sprintf("%s %d times", name, times), func(t *testing.T) {
				t.Parallel()
				whole := openFixture(t, Options{})
				f, c := whole.openCut(t)
				whole.mustAccept(t, 1, 1)
				a := f.acceptance(t, 3, 30)
				a.Replay, a.ReplayUntil = []byte("print"), fixtureTime.AddDate(1, 0, 0)
				c.when.Store(when)
				c.times.Store(times)
				accepted, err := f.Accept(f.recording(t), a)
				c.when.Store(neverCut)
				if got := c.cut.Load(); got != min(times, settleTries) {
					t.Errorf("%d connections were cut", got)
				}
				stored := when == cutAfter || times < settleTries
				switch {
				case times < settleTries && (err != nil || accepted != provision.Accepted{Batch: a.Batch.ID}):
					t.Errorf("Accept = %+v, %v, want the batch", accepted, err)
				case times >= settleTries && (!errors.Is(err, errUnknown) || muster.KindOf(err) != muster.KindInternal):
					t.Errorf("Accept = %+v, %v, want an error that leaves it open", accepted, err)
				}
				whole.holds(t, a, stored)
				if n := whole.recorded(t); (n == 1) != stored {
					t.Errorf("there are %d records; was the batch stored: %t", n, stored)
				}

				// Whoever does not know sends it again.
				again := f.acceptance(t, 3, 30)
				again.Replay, again.ReplayUntil = a.Replay, a.ReplayUntil
				accepted, err = f.Accept(f.recording(t), again)
				if err != nil || accepted.Replayed != stored {
					t.Errorf("the request again is %+v, %v; was the first stored: %t", accepted, err, stored)
				}
				whole.holds(t, a, stored)
				whole.holds(t, again, !stored)
				if n := whole.recorded(t); n != 1 {
					t.Errorf("there are %d records of a batch", n)
				}
			})
		}
	}
}

// holds fails the test unless the batch waits whole, or is not there at all, and the queue is counted right.
func (f *fixture) holds(t *testing.T, a *provision.Acceptance, want bool) {
	t.Helper()
	works := f.works(t, 1<<30)
	var rows, size int64
	for _, w := range works {
		rows, size = rows+int64(w.Chunk.Rows), size+int64(len(w.Chunk.Payload))
	}
	if there := slices.ContainsFunc(works, func(w provision.Work) bool { return w.Chunk.Batch == a.Batch.ID }); there != want {
		t.Errorf("the batch waits: %t, want %t", there, want)
	}
	shot, err := f.Snapshot(t.Context(), f.tenant, muster.Keys{})
	if err != nil || shot.Usage.QueuedRows != rows || shot.Usage.QueuedBytes != size {
		t.Errorf("the queue counts %d rows and %d bytes of %d and %d, %v", shot.Usage.QueuedRows, shot.Usage.QueuedBytes, rows, size, err)
	}
}

// TestAnApplyOfUnknownEnd: whoever tries it again finds the chunks gone.
func TestAnApplyOfUnknownEnd(t *testing.T) {
	t.Parallel()
	whole := openFixture(t, Options{})
	f, c := whole.openCut(t)
	id := whole.mustAccept(t, 2, 1)
	works := f.works(t, 2)
	user := muster.User{ID: 5, Account: "five", AccountKey: "five"}
	apply := func() (live bool, err error) {
		err = f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, waiting []bool) (*provision.Writes, error) {
			if live = waiting[0]; !live {
				return nil, nil
			}
			w, err := skipAll(works)(shot, waiting)
			w.Planned.Insert = []muster.User{user}
			w.Planned.Usage.Users++
			return w, err
		})
		return live, err
	}
	c.when.Store(cutBefore)
	c.times.Store(1)
	if _, err := apply(); !errors.Is(err, errUnknown) || errors.Is(err, muster.ErrRow) {
		t.Errorf("Apply = %v, want an error that leaves it open", err)
	}
	c.when.Store(cutAfter)
	c.times.Store(1)
	if live, err := apply(); !live || !errors.Is(err, errUnknown) {
		t.Errorf("Apply = %v, live %t, want an error that leaves it open, and a chunk", err, live)
	}
	if live, err := apply(); err != nil || live {
		t.Errorf("the third Apply = %v, live %t", err, live)
	}
	page, err := whole.BatchPage(t.Context(), f.tenant, id, muster.ContractKooDrive, 0, 10)
	if err != nil || page.Batch.Skipped != 2 || len(page.Outcomes) != 2 {
		t.Errorf("the batch is %+v, %v", page, err)
	}
	shot, err := whole.Snapshot(t.Context(), f.tenant, muster.Keys{Accounts: []string{"five"}})
	if err != nil || len(shot.Users) != 1 || shot.Usage.Users != 2 || shot.Usage.QueuedRows != 0 {
		t.Errorf("the directory is %+v, %v", shot, err)
	}
}

// TestABatchThatIsThereIsAccepted, and a commit comes behind it: what another session sees may not have reached the standby.
func TestABatchThatIsThereIsAccepted(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	a := f.acceptance(t, 1, 1)
	var before string
	for i := range 2 {
		accepted, err := f.Accept(t.Context(), a)
		if err != nil || accepted != (provision.Accepted{Batch: a.Batch.ID}) {
			t.Errorf("Accept number %d = %+v, %v", i, accepted, err)
		}
		now := strings.Join(f.query(t, "SELECT xmin::text FROM tenant_usage WHERE tenant = 1"), "")
		if now == before {
			t.Errorf("Accept number %d wrote nothing", i)
		}
		before = now
	}
	f.holds(t, a, true)
}

// TestWhatCannotHaveChangedAnything is no matter of doubt: a transaction that only reads, and one whose statements were still
// being prepared when its connection was lost.
func TestWhatCannotHaveChangedAnything(t *testing.T) {
	t.Parallel()
	whole := openFixture(t, Options{})
	for name, when := range map[string]int32{"the COMMIT is lost": cutBefore, "its answer is lost": cutAfter} {
		f, c := whole.openCut(t)
		c.when.Store(when)
		c.times.Store(1)
		if _, err := f.Tenants(t.Context()); c.cut.Load() != 1 || muster.KindOf(err) != muster.KindUnavailable {
			t.Errorf("%s %d times: a transaction that reads gives %v, want KindUnavailable", name, c.cut.Load(), err)
		}
	}
	if err := fmt.Errorf("%w: %w", errLost, pgx.ErrPreprocessingBatch{}); !beforeCommit(err) {
		t.Errorf("%v, and it may have been committed", err)
	}
}
