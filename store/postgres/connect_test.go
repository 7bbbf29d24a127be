package postgres

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"muster"
	"muster/provision"
)

func TestConnectionsAreSetAsPromised(t *testing.T) {
	t.Parallel()
	url := database(t)
	for name, options := range map[string]Options{"direct": {}, "pooled": {Pooled: true}} {
		s := open(t, url, options)
		want := maps.Clone(settings())
		want["transaction_isolation"], want["transaction_read_only"] = "read committed", "off"
		check := func(t *tx) error {
			for setting := range want {
				t.queue.Queue("SHOW " + setting).QueryRow(func(row pgx.Row) error {
					var got string
					err := row.Scan(&got)
					if got == want[setting] {
						delete(want, setting)
					}
					return err
				})
			}
			return t.flush()
		}
		if err := s.writeOutside(t.Context(), check); err != nil {
			t.Error(err)
		}
		if len(want) > 0 {
			t.Errorf("%s: these are not set for writing: %v", name, want)
		}
		want = map[string]string{"transaction_isolation": "repeatable read", "transaction_read_only": "on", "jit": "off", "statement_timeout": "30s"}
		if err := s.read(t.Context(), check); err != nil {
			t.Error(err)
		}
		if len(want) > 0 {
			t.Errorf("%s: these are not set for reading: %v", name, want)
		}
		// Behind a pooler the connection is another's afterwards.
		var left string
		if err := s.pool.QueryRow(t.Context(), "SHOW statement_timeout").Scan(&left); err != nil || (left == "30s") == options.Pooled {
			t.Errorf("%s: statement_timeout is %s outside of transactions, %v", name, left, err)
		}
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	if err := server.Exec(t.Context(), "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, want string }{
		"no such database":      {server.URL("none"), `database "none" does not exist`},
		"another encoding":      {server.URL("latin"), "UTF8"},
		"nobody listens":        {server.URLAt("127.0.0.1:1", "muster"), "connection refused"},
		"a wrong password":      {strings.Replace(server.URL("postgres"), "@", "x@", 1), "password authentication failed"},
		"no URL":                {"postgres://muster:hunter2@[::1", "cannot parse"},
		"no number of a port":   {"host=127.0.0.1 port=none password=hunter2", "invalid port"},
		"a space in a password": {"host=127.0.0.1 password=many hunter2", "invalid keyword/value"},
		"a slash in one":        {"postgres://muster:many/hunter2@127.0.0.1:5432/muster", "invalid port"},
	} {
		s, err := Open(t.Context(), c.url, Options{})
		if err == nil {
			closeStore(t, s)
			t.Errorf("%s was opened", name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
		if strings.Contains(err.Error(), server.Password()) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows a password", name)
		}
	}
}

func TestAPasswordBesideTheConnectionString(t *testing.T) {
	t.Parallel()
	url := strings.Replace(database(t), server.Password(), "hunter2", 1)
	s := open(t, url, Options{Password: server.Password()})
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.Context(), url, Options{}); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("with the string's password: %v", err)
	}
	nobody := server.URLAt("127.0.0.1:1", "muster")
	if _, err := Open(t.Context(), nobody, Options{}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("where nobody listens: %v", err)
	}
}

// TestOneOfSeveralHosts finds the one that can be reached.
func TestOneOfSeveralHosts(t *testing.T) {
	t.Parallel()
	url := strings.Replace(database(t), server.Address(), "127.0.0.1:1,"+server.Address(), 1)
	s := open(t, url, Options{})
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWaitingTakesNoConnections has more writers wait for a tenant than there are connections.
func TestWaitingTakesNoConnections(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{Connections: 2})
	f.newTenant(t, 9)
	f.mustAccept(t, 1, 1)
	works := f.works(t, 1)
	applying, release := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
			close(applying)
			<-release
			return skipAll(works)(shot, live)
		})
	}()
	<-applying
	const waiting = 8
	for range waiting {
		go func() {
			done <- f.Apply(t.Context(), f.tenant, nil, muster.Keys{}, func(muster.Snapshot, []bool) (*provision.Writes, error) { return nil, nil })
		}()
	}
	await(t, &f.directories, f.tenant, waiting+1)
	if _, err := f.Tenant(t.Context(), f.tenant); err != nil {
		t.Errorf("a read beside the writers: %v", err)
	}
	other := *f
	other.tenant = 9
	other.mustAccept(t, 1, 1)
	f.mustAccept(t, 2, 3) // for which an Apply is not waited
	close(release)
	for range waiting + 1 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := len(f.works(t, 100)); n != 1 {
		t.Errorf("%d chunks wait, want that of the batch that was accepted meanwhile", n)
	}
	if queued, err := f.QueuedRows(t.Context()); err != nil || queued[f.tenant] != 2 {
		t.Errorf("so much waits: %v, %v", queued, err)
	}
}

// await returns when so many have a tenant or wait for it.
func await(t *testing.T, among *turns, tenant muster.ID, n int) {
	t.Helper()
	for users := -1; users != n; runtime.Gosched() {
		among.mu.Lock()
		users = 0
		if q := among.queues[tenant]; q != nil {
			users = q.users
		}
		among.mu.Unlock()
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTurns are had in the order in which they were asked for, and forgotten.
func TestTurns(t *testing.T) {
	t.Parallel()
	var among turns
	first, err := among.take(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := among.take(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	order := make(chan int, 3)
	for i := range 3 {
		ctx := t.Context()
		if i == 1 {
			ctx = ended
		}
		go func() {
			release, err := among.take(ctx, 1)
			order <- i // while he has it
			if err == nil {
				release()
			}
		}()
		await(t, &among, 1, i+2)
	}
	cancel()
	if i := <-order; i != 1 {
		t.Errorf("number %d had its turn while another had it", i)
	}
	first()
	if a, b := <-order, <-order; a != 0 || b != 2 {
		t.Errorf("numbers %d and %d had their turns in this order", a, b)
	}
	other()
	await(t, &among, 1, 0)
	if len(among.queues) > 0 {
		t.Errorf("%d queues are kept of tenants that nobody wants", len(among.queues))
	}
	if _, err := among.take(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a turn for who has left: %v", err)
	}
}
